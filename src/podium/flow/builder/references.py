"""What stands for a value that is not there yet: it records what is done with it as an expression.

To a type checker a reference is the value itself, so that a field that the producer does not have and
an argument of another type are errors where they are written. What Python cannot record (``if``,
``and``, ``in``, ``len``, loops) is refused with the way to write it.
"""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any, ClassVar, Final, Never

from podium.core.errors import UsageError
from podium.flow.builder import terms
from podium.flow.builder.terms import Level, Term
from podium.flow.builder.values import plain

_METHODS: Final = {
    "startswith": ("startsWith", 1),
    "endswith": ("endsWith", 1),
    "replace": ("replace", 2),
    "split": ("split", 1),
}
"""Methods of Python that mean the same in expressions: their names there, and how many arguments."""

_TIMES: Final = (date, time, timedelta)


class Reference:
    """Stands for a value of the run."""

    __slots__ = ("_podium_term",)

    def __init__(self, term: Term) -> None:
        object.__setattr__(self, "_podium_term", term)

    # parts of it --------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Reference(terms.field_of(term_of(self), name))

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return Reference(terms.field_of(term_of(self), key))
        if isinstance(key, int) and key < 0:
            raise _refusal(f"[{key}] counts from the end", "Write x[size(x) - 1].")
        if isinstance(key, slice):
            raise _refusal("A slice is no expression", "Cut the list in a task.")
        return Reference(terms.element_of(term_of(self), term_of(key)))

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        own = term_of(self)
        given = [term_of(each) for each in arguments]
        if own.owner is not None and not named:
            name, count = _METHODS.get(own.field, ("", -1))
            if len(given) == count:
                return Reference(terms.method(own.owner, name, *given))
            if own.field == "get" and len(given) in {1, 2} and isinstance(arguments[0], str):
                fallback = given[1] if len(given) == 2 else terms.literal(None)
                found = terms.field_of(own.owner, arguments[0])
                return Reference(terms.infix(found, "??", fallback, Level.COALESCE))
        raise _refusal(
            f"{own.source}(…) is no call that an expression can make",
            f"It can call {', '.join(_METHODS)} and get; for others write raw(…), or a task.",
        )

    def __setattr__(self, name: str, value: Any) -> Never:
        raise _refusal(
            f"{term_of(self).source}.{name} cannot be set", "Make a new value with set(…)."
        )

    # texts ----------------------------------------------------------------------------------

    def __str__(self) -> str:
        return f"${{{term_of(self).source}}}"

    __repr__ = __str__

    def __format__(self, specification: str) -> str:
        if specification:
            raise _refusal(
                f"The format {specification!r} cannot be applied to {term_of(self).source}",
                "Format it in a task.",
            )
        return str(self)

    # operators ------------------------------------------------------------------------------

    __hash__: ClassVar[None]  # type: ignore[assignment] # a reference is no key: two are never known to be equal

    def __eq__(self, other: object) -> Any:
        return _infix(self, "==", other, Level.COMPARISON)

    def __ne__(self, other: object) -> Any:
        return _infix(self, "!=", other, Level.COMPARISON)

    def __lt__(self, other: Any) -> Any:
        return _infix(self, "<", other, Level.COMPARISON)

    def __le__(self, other: Any) -> Any:
        return _infix(self, "<=", other, Level.COMPARISON)

    def __gt__(self, other: Any) -> Any:
        return _infix(self, ">", other, Level.COMPARISON)

    def __ge__(self, other: Any) -> Any:
        return _infix(self, ">=", other, Level.COMPARISON)

    def __and__(self, other: Any) -> Any:
        return _infix(self, "&&", other, Level.AND)

    def __rand__(self, other: Any) -> Any:
        return _infix(other, "&&", self, Level.AND)

    def __or__(self, other: Any) -> Any:
        return _infix(self, "||", other, Level.OR)

    def __ror__(self, other: Any) -> Any:
        return _infix(other, "||", self, Level.OR)

    def __add__(self, other: Any) -> Any:
        return _infix(self, "+", other, Level.SUM)

    def __radd__(self, other: Any) -> Any:
        return _infix(other, "+", self, Level.SUM)

    def __sub__(self, other: Any) -> Any:
        return _infix(self, "-", other, Level.SUM)

    def __rsub__(self, other: Any) -> Any:
        return _infix(other, "-", self, Level.SUM)

    def __mul__(self, other: Any) -> Any:
        return _infix(self, "*", other, Level.PRODUCT)

    def __rmul__(self, other: Any) -> Any:
        return _infix(other, "*", self, Level.PRODUCT)

    def __truediv__(self, other: Any) -> Any:
        return _quotient(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return _quotient(other, self)

    def __neg__(self) -> Any:
        return Reference(terms.prefix("-", term_of(self)))

    # what cannot be recorded ----------------------------------------------------------------

    def __bool__(self) -> Never:
        raise _refusal(
            f"{term_of(self).source} is known in the run only; Python asked whether it is true",
            "For `and`, `or`, `not`, `a < b < c` write &, |, not_(…), (a < b) & (b < c); for `in` "
            "contains(…); for `if` when=, switch(…) or choose(…).",
        )

    def __len__(self) -> Never:
        raise _refusal(
            f"The length of {term_of(self).source} is known in the run only", "Write size(x)."
        )

    def __iter__(self) -> Never:
        raise _refusal(f"{term_of(self).source} is known in the run only", "Write for_each(…).")

    def __contains__(self, item: object) -> Never:
        raise _refusal(
            f"What is in {term_of(self).source} is known in the run only",
            "Write contains(x, item).",
        )

    def __int__(self) -> Never:
        raise _refusal(
            f"{term_of(self).source} is known in the run only", "Write raw(f'int({x})', type=int)."
        )

    def __float__(self) -> Never:
        raise _refusal(
            f"{term_of(self).source} is known in the run only",
            "Write raw(f'double({x})', type=float).",
        )

    def __floordiv__(self, other: Any) -> Never:
        raise _refusal(
            "`//` rounds down and expressions cut off", "Write raw(f'{a} / {b}', type=int)."
        )

    def __mod__(self, other: Any) -> Never:
        raise _refusal(
            "`%` of a negative number differs in expressions",
            "Write raw(f'{a} % {b}', type=int).",
        )

    def __invert__(self) -> Never:
        raise _refusal("`~` inverts bits in Python", "Write not_(…).")


def term_of(value: Any) -> Term:
    """Return the expression of a reference, or of a value with references in it.

    Raises:
        UsageError: It has no form as JSON.
    """
    if isinstance(value, Reference):
        found: Term = object.__getattribute__(value, "_podium_term")
        return found
    return _constant(plain(value, "a value in an expression", keep=Reference))


def _constant(value: Any) -> Term:
    match value:
        case Reference():
            return term_of(value)
        case list():
            parts = [_constant(each) for each in value]
            listed = ", ".join(part.source for part in parts)
            return Term(source=f"[{listed}]", uses=terms.all_uses(parts))
        case dict():
            parts = [_constant(each) for each in value.values()]
            entries = (
                f"{terms.literal(key).source}: {part.source}"
                for key, part in zip(value, parts, strict=True)
            )
            return Term(source=f"{{{', '.join(entries)}}}", uses=terms.all_uses(parts))
        case _:
            return terms.literal(value)


def _infix(left: Any, operator: str, right: Any, level: Level) -> Reference:
    if isinstance(left, _TIMES) or isinstance(right, _TIMES):
        raise _refusal(
            "A time is a text in a document, and texts are compared letter by letter",
            "Write raw(f\"timestamp({x}) < timestamp('2026-01-31T12:00:00Z')\", type=bool).",
        )
    return Reference(terms.infix(term_of(left), operator, term_of(right), level))


def _quotient(left: Any, right: Any) -> Reference:
    # Between two integers the language cuts off, and Python does not.
    dividend = term_of(left)
    if not isinstance(left, float) and not isinstance(right, float):
        dividend = terms.function("double", dividend)
    return Reference(terms.infix(dividend, "/", term_of(right), Level.PRODUCT))


def _refusal(what: str, remedy: str) -> UsageError:
    return UsageError(f"{what}. {remedy}")

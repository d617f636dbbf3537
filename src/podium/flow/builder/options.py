"""The words that any node can have, as a document has them."""

from __future__ import annotations

from typing import Any, Final, Literal, TypedDict

from podium.core.durations import Duration, seconds
from podium.core.effects import Effect, effect_named
from podium.core.errors import InvalidOption
from podium.core.retry import Retry
from podium.flow.builder.references import Reference, term_of
from podium.flow.builder.scopes import Scope

_UNITS_US: Final = {
    "d": 86_400_000_000,
    "h": 3_600_000_000,
    "m": 60_000_000,
    "s": 1_000_000,
    "ms": 1_000,
    "us": 1,
}


class JoinOf(TypedDict):
    """A join that leaves the dependencies that are not settled alone, or cancels them."""

    of: Literal["any"] | int
    rest: Literal["cancel", "continue"]


class NodeOptions(TypedDict, total=False):
    """The words that any node can have (docs/flows.md).

    Attributes:
        description: What it is for.
        when: A condition; if it is false, the node is skipped.
        after: Nodes to wait for though no value flows: references, marked or not, or ids.
        join: How its dependencies decide.
        on_error: ``fail``, ``continue``, or the id of the node that handles its failure.
        retry: How often and how soon it is tried again.
        timeout: The longest an attempt may take.
        total_timeout: The longest it may take with all its attempts.
        effect: At least what the task declares.
    """

    description: str
    when: bool
    after: object
    join: Literal["all", "any", "settled"] | int | JoinOf
    on_error: str
    retry: Retry | int
    timeout: Duration
    total_timeout: Duration
    effect: Literal["pure", "read", "write", "once"] | Effect


def before_kind(given: NodeOptions, scope: Scope) -> dict[str, Any]:
    """Return what a document says before the node's kind: when it starts.

    Raises:
        InvalidOption: There is no such option, or it makes no sense.
    """
    for option in given:
        if option not in NodeOptions.__annotations__:
            known = ", ".join(NodeOptions.__annotations__)
            raise InvalidOption(f"A node has no option {option!r}; known: {known}.")
    found: dict[str, Any] = {}
    if "description" in given:
        found["description"] = given["description"]
    if "when" in given:
        found["when"] = condition(given["when"], "when", scope)
    if "after" in given:
        found["after"] = _after(given["after"], scope)
    if "join" in given:
        found["join"] = given["join"]
    return found


def behind_kind(given: NodeOptions) -> dict[str, Any]:
    """Return what a document says behind the node's kind: policies, and what a failure does.

    Raises:
        InvalidOption: An option makes no sense.
    """
    found: dict[str, Any] = {}
    if "retry" in given:
        found["retry"] = _retry(given["retry"])
    if "timeout" in given:
        found["timeout"] = duration(given["timeout"], "timeout")
    if "total_timeout" in given:
        found["total_timeout"] = duration(given["total_timeout"], "total_timeout")
    if "effect" in given:
        found["effect"] = str(effect_named(given["effect"]))
    if "on_error" in given:
        found["on_error"] = given["on_error"]
    return found


def condition(given: Any, what: str, scope: Scope) -> str:
    """Return a condition as a bare expression.

    Raises:
        InvalidOption: It is no expression.
        UsageError: It uses what is not known here.
    """
    if not isinstance(given, Reference):
        hint = (
            f"Write raw({given!r})."
            if isinstance(given, str)
            else "Python computed it before the run: for `is None` write is_null(…), for `in` "
            "contains(…)."
        )
        raise InvalidOption(f"{what} is {given!r}, which is no expression. {hint}")
    term = term_of(given)
    scope.admit(term.uses)
    return term.source


def duration(given: Duration, what: str) -> str:
    """Return a duration as text: one that is a text already stays as it is.

    Raises:
        InvalidOption: It is none.
    """
    value_s = seconds(given, what=what)
    return given if isinstance(given, str) else _text(value_s)


def _text(value_s: float) -> str:
    rest, text = round(value_s * 1_000_000), ""
    for unit, size in _UNITS_US.items():
        count, rest = divmod(rest, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def _after(given: Any, scope: Scope) -> str | list[str]:
    if isinstance(given, list | tuple):
        return [_entry(each, scope) for each in given]
    return _entry(given, scope)


def _entry(given: Any, scope: Scope) -> str:
    if isinstance(given, str):
        return given
    term = term_of(given) if isinstance(given, Reference) else None
    if term is None or not term.node:
        shown = given if term is None else term.source
        raise InvalidOption(
            f"after has {shown}; expected a node's value as a whole, maybe(…) of it, or its id."
        )
    scope.admit(term.uses)
    return term.source


def _retry(given: Retry | int) -> Any:
    if isinstance(given, int):
        return given
    usual = Retry()
    found: dict[str, Any] = {"attempts": given.attempts}
    if given.backoff_s != usual.backoff_s:
        found["backoff"] = _text(given.backoff_s)
    if given.factor != usual.factor:
        found["factor"] = given.factor
    if given.backoff_max_s != usual.backoff_max_s:
        found["backoff_max"] = _text(given.backoff_max_s)
    if given.jitter != usual.jitter:
        found["jitter"] = given.jitter
    if given.on:
        found["on"] = sorted(given.on)
    if given.not_on:
        found["not_on"] = sorted(given.not_on)
    return found

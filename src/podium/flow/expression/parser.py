"""From the text of an expression to its tree: the grammar of CEL, ``a ?? b`` and ``name?``."""

from __future__ import annotations

from typing import Final

from podium.flow.expression import names
from podium.flow.expression.errors import ExpressionError, near
from podium.flow.expression.functions import ANY_NUMBER_OF, FUNCTIONS
from podium.flow.expression.limits import DEPTH_MAX, SOURCE_BYTES_MAX
from podium.flow.expression.overloads import Function
from podium.flow.expression.pattern import compile_pattern
from podium.flow.expression.syntax import (
    LOOPS,
    Call,
    Choice,
    Coalesce,
    Constant,
    Has,
    Index,
    ListOf,
    Logic,
    Loop,
    MapOf,
    Name,
    Node,
    Select,
    Variable,
    walk,
)
from podium.flow.expression.tokens import Token, tokens, too_long
from podium.flow.expression.values import INT_MAX

_LEVELS: Final = {
    "||": 1,
    "&&": 2,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in"), 3),
    "??": 4,
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
    "%": 6,
}
"""How tight an operator binds."""
_BEGINS_VALUE: Final = frozenset("([{!-")
"""Signs after which ``a?`` is the condition of a choice and not an optional name."""
_OPEN_MAX: Final = 40
"""Brackets that may be open at once; each takes about a dozen frames of Python's stack."""


def parse(source: str) -> Node:
    """Read an expression.

    Raises:
        ExpressionError: ``syntax``, ``unknown-function``, ``too-long``, ``too-deep`` or
            ``bad-pattern``.
    """
    if len(source) > SOURCE_BYTES_MAX or _size(source) > SOURCE_BYTES_MAX:
        raise too_long()
    parser = _Parser(list(tokens(source)))
    node = parser.expression()
    parser.finish()
    if max(depth for _, depth in walk(node)) > DEPTH_MAX:
        raise _too_deep(0)
    return node


def _size(source: str) -> int:
    try:
        return len(source.encode())
    except UnicodeEncodeError as error:
        raise ExpressionError(
            "syntax", f"{source[error.start]!r} is no character", error.start + 1
        ) from None


def _too_deep(column: int) -> ExpressionError:
    return ExpressionError(
        "too-deep",
        f"operations are nested deeper than {DEPTH_MAX}",
        column,
        "Compute parts of it in `set` nodes.",
    )


class _Parser:
    """Reads tokens from left to right; every method takes what its name says."""

    def __init__(self, words: list[Token]) -> None:
        self._words = words
        self._position = 0
        self._open = 0
        self._variables: list[str] = []

    @property
    def _here(self) -> Token:
        return self._words[self._position]

    def _take(self) -> Token:
        token = self._here
        self._position += 1
        return token

    def _accept(self, sign: str) -> Token | None:
        token = self._here
        return self._take() if token.sort == "sign" and token.value == sign else None

    def _expect(self, sign: str) -> Token:
        token = self._accept(sign)
        if token is None:
            raise self._unexpected(f"'{sign}'")
        return token

    def _unexpected(self, wanted: str) -> ExpressionError:
        token = self._here
        found = "the end" if token.sort == "end" else repr(token.value)
        hint = names.INSTEAD.get(str(token.value), "") if token.sort == "name" else ""
        before = self._words[self._position - 1] if self._position else None
        if before and before.sort == "int" and token.sort == "name" and before.end == token.start:
            hint = "Integers are written without a suffix."
        return ExpressionError(
            "syntax", f"{wanted} is expected, and {found} is there", token.column, hint
        )

    def finish(self) -> None:
        """Make sure that nothing is left."""
        if self._here.sort != "end":
            raise self._unexpected("an operator or the end")

    def expression(self) -> Node:
        """Read an expression: a choice, or what it is made of."""
        self._open += 1
        if self._open > _OPEN_MAX:
            raise _too_deep(self._here.column)
        node = self._operation(1)
        sign = self._accept("?")
        if sign is not None:
            then = self._operation(1)
            if not self._accept(":"):
                raise self._unexpected("':' of the choice that '?' begins")
            node = Choice(node, then, self.expression(), column=sign.column)
        self._open -= 1
        return node

    def _operation(self, level: int) -> Node:
        """Read operators that bind at least as tight as the level."""
        left = self._unary()
        while (token := self._here).sort in {"sign", "name"}:
            sign = token.value
            if _LEVELS.get(sign, 0) < level:
                break
            self._take()
            left = _combine(sign, left, self._operation(_LEVELS[sign] + 1), token.column)
        return left

    def _unary(self) -> Node:
        signs = []
        while (token := self._here).sort == "sign" and token.value in {"!", "-"}:
            signs.append(self._take())
        if len(signs) > DEPTH_MAX:
            raise _too_deep(signs[0].column)
        if signs and signs[-1].value == "-" and self._here.sort in {"int", "double"}:
            minus = signs.pop()
            number = self._take()
            node = self._members(Constant(-number.value, column=minus.column))
        else:
            node = self._members(self._primary())
        for sign in reversed(signs):
            name = "-x" if sign.value == "-" else "!"
            node = Call(name, (node,), column=sign.column)
        return node

    def _members(self, node: Node) -> Node:
        """Read fields, indexes and methods behind a value."""
        while True:
            if self._accept("."):
                node = self._member(node)
            elif bracket := self._accept("["):
                key = self.expression()
                self._expect("]")
                node = Index(node, key, column=bracket.column)
            else:
                return node

    def _member(self, node: Node) -> Node:
        token = self._take()
        if token.sort not in {"name", "quoted"} or token.value in {*names.KEYWORDS, "in"}:
            self._position -= 1
            raise self._unexpected("a field or a method after '.'")
        if token.sort == "quoted" or not self._accept("("):
            return Select(node, token.value, column=token.column)
        if token.value in LOOPS:
            return self._loop(node, token)
        return _call(token, "method", (node, *self._list(")")))

    def _loop(self, source: Node, macro: Token) -> Node:
        variable = self._take()
        if variable.sort != "name" or not self._accept(","):
            raise ExpressionError(
                "syntax",
                f"'{macro.value}' takes a variable and an expression",
                variable.column,
                f"Write 'list.{macro.value}(x, …)'.",
            )
        _check_variable(variable)
        slot = len(self._variables)
        self._variables.append(variable.value)
        body = self.expression()
        then = self.expression() if macro.value == "map" and self._accept(",") else None
        self._variables.pop()
        self._expect(")")
        return Loop(macro.value, source, variable.value, slot, body, then, column=macro.column)

    def _list(self, end: str) -> tuple[Node, ...]:
        """Read expressions with commas between them, and the bracket at the end."""
        items: list[Node] = []
        while not self._accept(end):
            if items:
                self._expect(",")
                if end != ")" and self._accept(end):
                    break
            items.append(self.expression())
        return tuple(items)

    def _primary(self) -> Node:
        token = self._here
        match token.sort:
            case "int":
                self._take()
                if token.value > INT_MAX:
                    raise ExpressionError(
                        "syntax", "the integer does not fit 64 bits", token.column
                    )
                return Constant(token.value, column=token.column)
            case "double" | "string":
                return Constant(self._take().value, column=token.column)
            case "name":
                return self._name(self._take())
            case "sign" if token.value in {"(", "[", "{"}:
                return self._bracket(self._take())
            case _:
                raise self._unexpected("a value")

    def _bracket(self, token: Token) -> Node:
        if token.value == "(":
            node = self.expression()
            self._expect(")")
            return node
        if token.value == "[":
            return ListOf(self._list("]"), column=token.column)
        entries: list[Node] = []
        while not self._accept("}"):
            if entries:
                self._expect(",")
                if self._accept("}"):
                    break
            entries.append(self.expression())
            self._expect(":")
            entries.append(self.expression())
        return MapOf(tuple(entries), column=token.column)

    def _name(self, token: Token) -> Node:
        name = token.value
        if name in names.KEYWORDS:
            return Constant(names.KEYWORDS[name], column=token.column)
        if self._is_open_bracket():
            return self._function(token)
        if name in self._variables:
            slot = len(self._variables) - 1 - self._variables[::-1].index(name)
            return Variable(name, slot, column=token.column)
        if name in names.RESERVED or name in names.TYPE_NAMES:
            raise ExpressionError(
                "syntax", f"{name!r} is a word of the language and no name", token.column
            )
        return Name(name, self._is_optional(token), column=token.column)

    def _is_open_bracket(self) -> bool:
        return self._here.sort == "sign" and self._here.value == "("

    def _is_optional(self, name: Token) -> bool:
        """Take the ``?`` that touches a name, if it is not the one of a choice."""
        mark = self._here
        if mark.sort != "sign" or mark.value != "?" or mark.start != name.end:
            return False
        after = self._words[self._position + 1]
        begins_value = (
            after.sort in {"int", "double", "string"}
            or (after.sort == "name" and after.value != "in")
            or (after.sort == "sign" and after.value in _BEGINS_VALUE)
        )
        if not begins_value:
            self._take()
        return not begins_value

    def _function(self, token: Token) -> Node:
        self._expect("(")
        if token.value == "has":
            return self._has(token)
        arguments = self._list(")")
        if token.value in ANY_NUMBER_OF and len(arguments) > 1:
            arguments = (ListOf(arguments, column=token.column),)
        return _call(token, "function", arguments)

    def _has(self, token: Token) -> Node:
        arguments = self._list(")")
        if len(arguments) != 1 or not isinstance(arguments[0], Select):
            raise ExpressionError(
                "syntax",
                "'has' takes one field",
                token.column,
                "Write 'has(a.b)'; for a whole node 'name? != null'.",
            )
        return Has(arguments[0], column=token.column)


def _combine(sign: str, left: Node, right: Node, column: int) -> Node:
    if sign in {"&&", "||"}:
        before = left.operands if isinstance(left, Logic) and left.operator == sign else (left,)
        return Logic(sign, (*before, right), column=column)
    if sign == "??":
        before = left.operands if isinstance(left, Coalesce) else (left,)
        return Coalesce((*before, right), column=column)
    return Call(sign, (left, right), column=column)


def _check_variable(token: Token) -> None:
    name = token.value
    if name in names.ROOTS or name in names.RESERVED or name in {*names.KEYWORDS, "in"}:
        raise ExpressionError(
            "syntax", f"a variable cannot be called {name!r}", token.column, "Write 'x'."
        )


def _call(token: Token, form: str, arguments: tuple[Node, ...]) -> Node:
    """Make a call, if there is such a function."""
    found = FUNCTIONS.get(token.value)
    if found is None or form not in found.forms:
        raise _unknown_function(token, form, found)
    if len(arguments) not in found.arities:
        given = len(arguments) - (form == "method")
        raise ExpressionError(
            "unknown-function",
            f"{token.value!r} does not take {given} argument{'' if given == 1 else 's'}",
            token.column,
        )
    if token.value == "matches":
        _check_pattern(arguments[1])
    return Call(token.value, arguments, column=token.column)


def _unknown_function(token: Token, form: str, found: Function | None) -> ExpressionError:
    name = token.value
    if found is not None:
        right = f"x.{name}(…)" if form == "function" else f"{name}(x)"
        hint = f"Write '{right}'."
    elif form == "function" and name in LOOPS:
        hint = f"Write 'list.{name}(x, …)'."
    else:
        hint = names.FUNCTIONS_INSTEAD.get(name) or near(name, {*FUNCTIONS, *LOOPS, "has"})
    kind = "function" if form == "function" else "method"
    return ExpressionError("unknown-function", f"there is no {kind} {name!r}", token.column, hint)


def _check_pattern(node: Node) -> None:
    """Find a wrong regular expression before anything runs."""
    if isinstance(node, Constant) and isinstance(node.value, str):
        try:
            compile_pattern(node.value)
        except ExpressionError as error:
            raise error.located(node.column) from None

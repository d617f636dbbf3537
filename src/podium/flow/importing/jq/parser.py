"""From the text of a jq program to its form."""

from __future__ import annotations

from typing import Final

from podium.flow.importing.jq.errors import NotCarried
from podium.flow.importing.jq.syntax import (
    Binary,
    Bind,
    Choice,
    Comma,
    Each,
    Field,
    Function,
    Identity,
    Item,
    ListOf,
    Literal,
    MapOf,
    Negative,
    Node,
    Pipe,
    Slice,
    Text,
    Variable,
)
from podium.flow.importing.jq.tokens import DEPTH_MAX, Token, tokens, wrong

LENGTH_MAX: Final = 20_000
_UNKNOWN: Final = {
    "def": "functions of its own",
    "reduce": "'reduce'",
    "foreach": "'foreach'",
    "try": "'try'",
    "label": "'label'",
    "import": "modules",
    "include": "modules",
    "__loc__": "'__loc__'",
}
_ASSIGNMENTS: Final = frozenset(["=", "|=", "+=", "-=", "*=", "/=", "%=", "//=", "?//", "?//="])
_LEVELS: Final[tuple[tuple[str, ...], ...]] = (
    ("or",),
    ("and",),
    ("==", "!=", "<", "<=", ">", ">="),
    ("+", "-"),
    ("*", "/", "%"),
)
_COMPARISONS: Final = 2
_STOPS: Final = frozenset(["then", "else", "elif", "end", "as", "and", "or"])


def parse(source: str) -> Node:
    """Read a program.

    Raises:
        NotCarried: It is no jq, or has a construct without a counterpart.
    """
    if len(source) > LENGTH_MAX:
        raise NotCarried(f"the expression is longer than {LENGTH_MAX:,} characters")
    return _Parser(source, tokens(source)).whole()


class _Parser:
    """Reads one list of tokens."""

    def __init__(self, source: str, given: list[Token], depth: int = 0) -> None:
        self._source = source
        self._tokens = given
        self._at = 0
        self._depth = depth

    def whole(self) -> Node:
        """Read all of it."""
        node = self._pipe()
        if self._next.sort != "end":
            raise self._wrong("unexpected")
        return node

    # helpers ----------------------------------------------------------------------------

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._next
        if token.sort != "end":
            self._at += 1
        return token

    def _skip(self, *signs: str) -> bool:
        if self._next.says(*signs):
            self._at += 1
            return True
        return False

    def _need(self, sign: str) -> None:
        if not self._skip(sign):
            raise self._wrong(f"expected {sign!r}")

    def _wrong(self, what: str) -> NotCarried:
        return wrong(self._source, self._next.start, what)

    # from loose to tight ----------------------------------------------------------------

    def _pipe(self) -> Node:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise NotCarried("the expression is too deep")
        left = self._comma()
        if self._next.says("as"):
            left = self._bind(left)
        elif self._skip("|"):
            left = Pipe(left, self._pipe())
        self._depth -= 1
        return left

    def _bind(self, source: Node) -> Node:
        self._take()
        if self._next.sort != "variable":
            raise NotCarried("'as' with a pattern has no counterpart")
        name = self._take().value
        self._need("|")
        return Bind(source, name, self._pipe())

    def _comma(self) -> Node:
        left = self._alternative()
        while self._skip(","):
            left = Comma(left, self._alternative())
        return left

    def _alternative(self) -> Node:
        left = self._level(0)
        if self._next.sort == "sign" and self._next.value in _ASSIGNMENTS:
            raise NotCarried(
                f"assignments ({self._next.value!r}) have no counterpart",
                "Build the object anew, or change it in a task.",
            )
        if self._skip("//"):
            return Binary("//", left, self._alternative())
        return left

    def _level(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._term()
        left = self._level(level + 1)
        while self._next.says(*_LEVELS[level]):
            sign = self._take().value
            left = Binary(sign, left, self._level(level + 1))
            if level == _COMPARISONS and self._next.says(*_LEVELS[level]):
                raise self._wrong("a comparison of a comparison")
        return left

    # terms ------------------------------------------------------------------------------

    def _term(self) -> Node:
        if self._skip("-"):
            self._depth += 1
            if self._depth > DEPTH_MAX:
                raise NotCarried("the expression is too deep")
            operand = Negative(self._term())
            self._depth -= 1
            return operand
        node = self._primary()
        while True:
            token = self._next
            if token.sort == "field":
                node = Field(node, self._take().value)
            elif token.says(".") and self._tokens[self._at + 1].sort == "text":
                self._take()
                node = self._named(node)
            elif token.says(".") and self._tokens[self._at + 1].says("["):
                self._take()
            elif token.says("["):
                node = self._bracket(node)
            elif not self._skip("?"):
                return node

    def _primary(self) -> Node:
        token = self._take()
        match token.sort:
            case "number":
                return Literal(token.value)
            case "text":
                return self._text(token)
            case "field":
                return Field(Identity(), token.value)
            case "variable":
                if token.value in _UNKNOWN:
                    raise NotCarried(f"{_UNKNOWN[token.value]} have no counterpart")
                return Variable(token.value)
            case "format":
                return self._format(token)
            case "word" if token.value not in _STOPS:
                return self._word(token)
            case "sign":
                return self._sign(token)
            case _:
                self._at -= token.sort != "end"
                raise self._wrong("expected a value")

    def _sign(self, token: Token) -> Node:
        match token.value:
            case ".":
                return self._named(Identity()) if self._next.sort == "text" else Identity()
            case "(":
                node = self._pipe()
                self._need(")")
                return node
            case "[":
                if self._skip("]"):
                    return ListOf(None)
                inner = self._pipe()
                self._need("]")
                return ListOf(inner)
            case "{":
                return self._map()
            case "..":
                raise NotCarried("'..' has no counterpart", "Compute it in a task.")
            case _:
                self._at -= 1
                raise self._wrong("expected a value")

    def _named(self, base: Node) -> Node:
        text = self._text(self._take())
        return Field(base, text.value) if isinstance(text, Literal) else Item(base, text)

    def _text(self, token: Token) -> Literal | Text:
        match token.value:
            case [str() as plain]:
                return Literal(plain)
            case parts:
                return Text(tuple(
                    part if isinstance(part, str)
                    else _Parser(self._source, part, self._depth).whole()
                    for part in parts
                ))  # fmt: skip

    def _format(self, token: Token) -> Node:
        if token.value == "text":
            return self._text(self._take()) if self._next.sort == "text" else Function("tostring")
        raise NotCarried(f"'@{token.value}' has no counterpart", "Compute it in a task.")

    def _bracket(self, base: Node) -> Node:
        self._need("[")
        if self._skip("]"):
            return Each(base)
        low = None if self._next.says(":") else self._pipe()
        if self._skip(":"):
            high = None if self._next.says("]") else self._pipe()
            self._need("]")
            return Slice(base, low, high)
        self._need("]")
        if low is None:
            raise self._wrong("expected an index")
        is_name = isinstance(low, Literal) and isinstance(low.value, str)
        return Field(base, low.value) if isinstance(low, Literal) and is_name else Item(base, low)

    def _word(self, token: Token) -> Node:
        match token.value:
            case "null":
                return Literal(None)
            case "true" | "false":
                return Literal(token.value == "true")
            case "if":
                return self._choice()
            case name if name in _UNKNOWN:
                raise NotCarried(f"{_UNKNOWN[name]} has no counterpart", "Compute it in a task.")
            case name:
                arguments: list[Node] = []
                if self._skip("("):
                    arguments.append(self._pipe())
                    while self._skip(";"):
                        arguments.append(self._pipe())
                    self._need(")")
                return Function(name, tuple(arguments))

    def _choice(self) -> Node:
        condition = self._pipe()
        self._need("then")
        then = self._pipe()
        other: Node | None = None
        if self._skip("elif"):
            return Choice(condition, then, self._choice())
        if self._skip("else"):
            other = self._pipe()
        self._need("end")
        return Choice(condition, then, other)

    def _map(self) -> Node:
        entries: list[tuple[Node, Node]] = []
        while not self._skip("}"):
            entries.append(self._entry())
            if not self._next.says("}"):
                self._need(",")
        return MapOf(tuple(entries))

    def _entry(self) -> tuple[Node, Node]:
        token = self._take()
        key: Node
        match token.sort:
            case "variable":
                if self._skip(":"):
                    return Variable(token.value), self._value()
                return Literal(token.value), Variable(token.value)
            case "word":
                key = Literal(token.value)
            case "text":
                key = self._text(token)
            case "number":
                raise NotCarried("a key that is a number has no counterpart")
            case "sign" if token.value == "(":
                key = self._pipe()
                self._need(")")
                self._need(":")
                return key, self._value()
            case _:
                self._at -= token.sort != "end"
                raise self._wrong("expected a key")
        if self._skip(":"):
            return key, self._value()
        return key, Field(Identity(), key.value) if isinstance(key, Literal) else Item(
            Identity(), key
        )

    def _value(self) -> Node:
        value = self._alternative()
        while self._skip("|"):
            value = Pipe(value, self._alternative())
        return value

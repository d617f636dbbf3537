"""Documents as people write them: any layout, with comments and empty lines wherever YAML has them."""

from __future__ import annotations

import json

from typing import Any

from hypothesis import strategies as st

WORDS = [
    "podium", "name", "nodes", "input", "output", "call", "args", "when", "switch", "flow", "else",
    "compensate", "retry", "a", "b", "my key", "1", "x" * 60,
]  # fmt: skip
TEXTS = (
    st.text(st.sampled_from("ab #:-{}[],'\"\\$!&*|>%@?\t\n~é\x7f\u2028\ufeff"), max_size=12)
    | st.sampled_from(
        [
            "", "${a.b}", "x ${a}", "yes", "null", "1.0", "0x1", "a\nb\n", "a\n\n  b", "one two " * 20 + "three",
            "one " * 30 + "two\nthree\n", "\n", "a\n\n", " a\nb", "#", "a #b", "a: b", "...", "---", "<<",
        ]
    )
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(-9.0, 9.0) | TEXTS


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Lists and mappings of values."""
    keys = st.sampled_from(WORDS) | TEXTS
    return st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5)


VALUES = st.recursive(SCALARS, containers, max_leaves=20)
DOCUMENTS = st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=6)
COMMENTS = st.text(st.sampled_from("ab #:{}[],'\"|-\té"), max_size=10).map(
    lambda said: f"#{said}".rstrip()
)


class Scribbler:
    """Writes a value as YAML, as its draws say.

    Attributes:
        comments: Those it has written.
    """

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._out: list[str] = []
        self._is_after_lines = False
        self.comments: list[str] = []

    def write(self, value: Any) -> str:
        """Return a document."""
        self._around(0)
        if self._chance(4):
            self._out.append("---\n")
        self._value(value, 0, "")
        self._around(0)
        return "".join(self._out)

    def _chance(self, odds: int) -> bool:
        return self._draw(st.integers(0, odds)) == odds

    def _comment(self) -> str:
        self.comments.append(self._draw(COMMENTS))
        return self.comments[-1]

    def _around(self, indent: int) -> None:
        """Empty lines, and comments on lines of their own; below a block of lines not as deep."""
        while self._chance(5):
            if self._chance(1):
                self._out.append("\n")
            else:
                column = self._draw(st.integers(0, indent + (0 if self._is_after_lines else 4)))
                self._out.append(f"{' ' * column}{self._comment()}\n")

    def _end(self) -> None:
        self._out.append(f" {self._comment()}\n" if self._chance(5) else "\n")

    def _value(self, value: Any, indent: int, opener: str) -> None:
        """Write a value behind its key or dash."""
        self._out.append(opener)
        if isinstance(value, dict | list) and value and self._chance(1):
            if opener:
                self._end()
            self._block(value, indent)
            return
        self._out.append(" " * bool(opener))
        if isinstance(value, str) and self._chance(1) and self._lines(value, indent):
            return
        self._flow(value, indent + 1)
        self._end()
        self._is_after_lines = False

    def _block(self, value: Any, outer: int) -> None:
        is_list = isinstance(value, list)
        indent = outer + self._draw(st.integers(0 if outer == 0 and not self._out else 1, 4))
        for key in range(len(value)) if is_list else value:
            self._around(indent)
            opener = "-" if is_list else f"{json.dumps(key, ensure_ascii=True)}:"
            self._value(value[key], indent, " " * indent + opener)

    def _lines(self, value: str, indent: int) -> bool:
        """Write a text as a block of lines, if it is plain enough."""
        lines = value.removesuffix("\n").split("\n")
        if not all(line.strip() and line.isascii() and line.isprintable() for line in lines):
            return False
        if lines[0][0] == " " or (not indent and not self._out):
            return False
        folds = len(lines) == 1 and self._chance(1)
        sign = (">" if folds else "|") + ("" if value.endswith("\n") else "-")
        self._out.append(sign)
        self._end()
        self._out.extend(f"{' ' * (indent + 2)}{line}\n" for line in lines)
        self._is_after_lines = True
        return True

    def _flow(self, value: Any, indent: int) -> None:
        if not isinstance(value, dict | list):
            self._out.append(json.dumps(value, ensure_ascii=True))
            return
        opening, closing = "[]" if isinstance(value, list) else "{}"
        self._out.append(opening)
        self._gap(indent)
        for key in range(len(value)) if isinstance(value, list) else value:
            if isinstance(value, dict):
                self._out.append(f"{json.dumps(key, ensure_ascii=True)}: ")
            self._flow(value[key], indent + 1)
            self._gap(indent)
            self._out.append(",")
            self._gap(indent)
        self._out.append(closing)

    def _gap(self, indent: int) -> None:
        """Perhaps go to another line within brackets."""
        if self._chance(8):
            self._is_after_lines = False
            self._end()
            self._around(indent)
            self._out.append(" " * indent)


@st.composite
def scribbles(draw: st.DrawFn) -> tuple[str, Any, list[str]]:
    """A document, what it says, and its comments."""
    value = draw(DOCUMENTS)
    scribbler = Scribbler(draw)
    text = scribbler.write(value)
    return text, value, scribbler.comments

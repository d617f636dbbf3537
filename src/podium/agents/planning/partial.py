"""A plan while it is still being written: the nodes that are whole already, as they come."""

from __future__ import annotations

import json

from collections.abc import Iterator
from typing import Any, Final

_CHARS_MAX: Final = 1_000_000
"""A text that is longer is not looked at any further."""


class PartialPlan:
    """Reads a plan piece by piece; a node is given once, when its last brace has come.

    It is only a reader ahead: the plan as a whole is read, and judged, by :class:`PlanForm`.
    """

    def __init__(self) -> None:
        self._text: list[str] = []
        self._length = 0
        self._depth = 0
        self._is_in_text = False
        self._is_escaped = False
        self._has_begun = False
        self._word = ""
        self._begin = 0
        self._keys: list[str] = []
        self._node_at = -1

    def feed(self, piece: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Take the next piece of the text; give the nodes that are whole now, by id."""
        for char in piece:
            if self._length >= _CHARS_MAX:
                return
            self._text.append(char)
            self._length += 1
            if self._is_in_text:
                self._within_text(char)
            else:
                yield from self._outside_text(char)

    def _within_text(self, char: str) -> None:
        if self._is_escaped:
            self._is_escaped = False
        elif char == "\\":
            self._is_escaped = True
        elif char == '"':
            self._is_in_text = False
            self._word = "".join(self._text[self._begin : self._length])

    def _outside_text(self, char: str) -> Iterator[tuple[str, dict[str, Any]]]:
        if char == '"' and self._has_begun:
            self._is_in_text, self._begin = True, self._length - 1
        elif char == ":" and self._has_begun and self._depth <= 2:
            self._named()
        elif char in "{[":
            if char == "[" and not self._has_begun:
                return
            self._has_begun = True
            self._depth += 1
            if char == "{" and self._depth == 3 and self._is_in_nodes:
                self._node_at = self._length - 1
        elif char in "}]" and self._has_begun:
            self._depth -= 1
            if self._depth == 2 and self._node_at >= 0:
                yield from self._node()

    @property
    def _is_in_nodes(self) -> bool:
        return len(self._keys) == 2 and self._keys[0] == "nodes"

    def _named(self) -> None:
        """Take note of whose value comes next."""
        try:
            word = json.loads(self._word)
        except ValueError:
            word = ""
        self._keys = [*self._keys[: self._depth - 1], str(word)]

    def _node(self) -> Iterator[tuple[str, dict[str, Any]]]:
        text = "".join(self._text[self._node_at : self._length])
        self._node_at = -1
        try:
            node = json.loads(text)
        except (ValueError, RecursionError):
            return
        if isinstance(node, dict):
            yield self._keys[1], node

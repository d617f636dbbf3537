"""Reading a document: what it says, and where it says so."""

from __future__ import annotations

import re

from functools import cached_property
from json import JSONDecodeError
from typing import Any, Final, Literal

from podium.flow.source.errors import SourceError
from podium.flow.source.json import read_json, read_json_tree
from podium.flow.source.mistakes import explain_json
from podium.flow.source.text import Text
from podium.flow.source.tree import Alias, Node, Scalar
from podium.flow.source.yaml import read_yaml

Format = Literal["yaml", "json"]

_STEP: Final = re.compile(r"\.[A-Za-z0-9_-]+|\[[0-9]+\]|\['(?:[^'\\]|\\.)*'\]", re.DOTALL)
_JSON_START: Final = re.compile(r"\s*\{\s*\"")


class Source:
    """A document that was read.

    Attributes:
        name: The file, or whatever the text was called.
        text: The text; lines end with a newline, whatever they ended with.
        format: What it is written in.
        data: What it says, as JSON. What aliases repeat is one object.
        first_anchor: Where the first anchor or alias stands, as an index into ``text``, if any.
    """

    def __init__(
        self, text: Text, data: Any, tree: Node | None = None, first_anchor: int | None = None
    ) -> None:
        self._text = text
        self._read_tree = tree
        self.name = text.name
        self.text = text.chars
        self.format: Format = "json" if tree is None else "yaml"
        self.data = data
        self.first_anchor = first_anchor

    @cached_property
    def tree(self) -> Node:
        """The document as it was written, with the places of its values."""
        return self._read_tree or read_json_tree(self._text)

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the text, without their ends."""
        return self.text.split("\n")

    def place(self, path: str, *, key: bool = False) -> tuple[int, int] | None:
        """Return line and column, both from 1, of the value at a path, or of its key.

        Of a path that is not there it is the nearest part that is. What an alias repeats stands
        where its anchor does.

        Returns:
            None if this is no path: one begins with ``$``.
        """
        if not path.startswith("$"):
            return None
        node = self.tree
        start = node.start
        at = 1
        while (step := _STEP.match(path, at)) is not None:
            inner = node.target if isinstance(node, Alias) else node
            found = None if isinstance(inner, Scalar) else inner.children().get(step[0])
            if found is None:
                break
            key_start, node = found
            start, at = key_start if key else node.start, step.end()
        return self._text.place(start)

    def error(self, index: int, message: str, hint: str = "") -> SourceError:
        """Return the error that something is wrong at this character."""
        return self._text.error(index, message, hint)


def read(text: str | bytes, name: str) -> Source:
    """Read a document in JSON or YAML; an empty one is null.

    Args:
        text: The document; bytes are UTF-8, or UTF-16 with its mark.
        name: What to call it in errors, such as the file's name.

    Raises:
        SourceError: It is neither, or beyond a limit.
    """
    given = Text(text, name)
    not_json: SourceError | None = None
    if given.chars.lstrip().startswith("{"):
        try:
            return Source(given, read_json(given))
        except JSONDecodeError as error:
            not_json = explain_json(error, given)
    try:
        tree, first_anchor = read_yaml(given)
    except SourceError as error:
        if not_json is not None and (name.endswith(".json") or _JSON_START.match(given.chars)):
            raise not_json from None
        raise error from None
    return Source(given, tree.data, tree, first_anchor)

"""Comments: where they are in a text, and what they are about.

A comment on a line of its own is about what comes next, or, indented deeper than that, it is the end
of the block it is indented as. A comment at the end of a line is about what ends there.
"""

from __future__ import annotations

import re

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from podium.flow.source.text import Text
from podium.flow.source.tree import Mapping, Node, Scalar, Sequence

_COMMENT: Final = re.compile(r"#[^\n]*")
_TAG: Final = re.compile(r"(!\S*)(?:\s+(?:#[^\n]*)?)*")
_HEADER: Final = re.compile(r"[|>][-+0-9]*[^\n]*")


class Part(NamedTuple):
    """An entry of a mapping, or an item of a list, which has no key.

    Attributes:
        start: Its first character; of an item the one after its dash.
        key: Its key.
        node: Its value.
    """

    start: int
    key: Scalar | None
    node: Node


def parts(node: Node) -> list[Part]:
    """Return what a list or mapping consists of, as it was written."""
    if isinstance(node, Mapping):
        return [Part(key.start, key, value) for key, value in node.entries.values()]
    if isinstance(node, Sequence):
        return [Part(item.start, None, item) for item in node.items]
    return []


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment, with its ``#``.

    Attributes:
        index: Its first character.
        line: Its line, from 1.
        column: Its column, from 1.
        text: What it says.
        is_alone: Whether it has the line for itself.
    """

    index: int
    line: int
    column: int
    text: str
    is_alone: bool


@dataclass(slots=True)
class Notes:
    """What stands around a value: comments, and empty lines as empty texts.

    Attributes:
        lead: Lines before it.
        trail: The comment at the end of its line.
        tail: Lines after the last of what it consists of.
    """

    lead: list[str] = field(default_factory=list)
    trail: str = ""
    tail: list[str] = field(default_factory=list)


def find_comments(text: Text, tree: Node) -> Iterator[Comment]:
    """Return all comments, which is what ``#`` begins anywhere but in a text."""
    end = 0
    for gap_end, next_end in [*_texts(text.chars, tree), (len(text.chars), len(text.chars))]:
        for found in _COMMENT.finditer(text.chars, end, gap_end):
            line, column = text.place(found.start())
            is_alone = not text.line(line)[: column - 1].strip()
            said = found[0].rstrip(" \t")
            yield Comment(found.start(), line, column, said, is_alone)
        end = next_end


def _texts(chars: str, node: Node) -> Iterator[tuple[int, int]]:
    """Return where comments cannot begin: from the first to after the last character of texts."""
    if not isinstance(node, Scalar):
        for part in parts(node):
            if part.key is not None:
                yield from _texts(chars, part.key)
            yield from _texts(chars, part.node)
        return
    start = node.start
    tag = _TAG.match(chars, start, node.end)
    if tag:
        yield tag.span(1)
        start = tag.end()
    if node.style in {"|", ">"}:
        header = _HEADER.match(chars, start)
        if header and "#" in header[0]:
            yield start, start + header[0].index("#")
            start = header.end()
    yield start, node.end


class Attachment:
    """Gives each comment to the value it is about; the values have their identity for a key."""

    def __init__(self, text: Text, tree: Node) -> None:
        self._text = text
        self._tree = tree
        self._notes: dict[int, Notes] = {}
        self._starts: dict[int, list[int]] = {}
        self.texts: list[str] = []
        for comment in find_comments(text, tree):
            self.texts.append(comment.text)
            self._attach(comment)

    def of(self, node: Node) -> Notes:
        """Return what stands around a value."""
        return self._notes.get(id(node)) or Notes()

    def move_lead(self, node: Node, to: Node) -> None:
        """Put what stands before a value before another one, as the last."""
        lead = self.of(node).lead
        if lead:
            self._note(to).lead += lead
            lead.clear()

    def has_blank_above(self, part: Part) -> bool:
        """Return whether the line above an entry is empty."""
        return self._is_blank_above(self._text.place(part.start)[0])

    def _is_blank_above(self, line: int) -> bool:
        return line > 1 and not self._text.line(line - 1).strip()

    def _note(self, node: Node) -> Notes:
        return self._notes.setdefault(id(node), Notes())

    def _attach(self, comment: Comment) -> None:
        """Go down to the innermost list or mapping around the comment."""
        node, owner = self._tree, None
        while True:
            before, after = self._neighbours(node, comment.index)
            if before is None or comment.index >= before.node.end:
                break
            if not parts(before.node) or self._is_before_bracket(before.node, comment):
                self._about(before, comment)
                return
            node, owner = before.node, before
        if not comment.is_alone:
            self._attach_trailing(comment, node, owner, before, after)
        else:
            self._attach_alone(comment, node, before, after)

    def _neighbours(self, node: Node, index: int) -> tuple[Part | None, Part | None]:
        """Return the last part that begins before a character, and the one after it."""
        among = parts(node)
        starts = self._starts.setdefault(id(node), [part.start for part in among])
        number = bisect_right(starts, index)
        return (
            among[number - 1] if number else None,
            among[number] if number < len(among) else None,
        )

    def _is_before_bracket(self, node: Node, comment: Comment) -> bool:
        return not _is_block(node) and comment.index < node.start

    def _about(self, part: Part, comment: Comment) -> None:
        """It stands within an entry, between key and value, or in empty brackets."""
        if comment.is_alone:
            self._lead(part.node, comment)
        else:
            self._trail(part, comment)

    def _attach_trailing(
        self,
        comment: Comment,
        node: Node,
        owner: Part | None,
        before: Part | None,
        after: Part | None,
    ) -> None:
        if before is not None and self._last_line(before) == comment.line:
            while _is_block(before.node):
                before = parts(before.node)[-1]
            self._trail(before, comment)
        elif before is None and owner is not None and self._opens_at(owner, node) == comment.line:
            self._trail(owner, comment)
        elif after is not None:
            self._lead(after.node, comment)
        else:
            self._tail(node, comment)

    def _opens_at(self, owner: Part, node: Node) -> int:
        return self._text.place(owner.start if _is_block(node) else node.start)[0]

    def _attach_alone(
        self, comment: Comment, node: Node, before: Part | None, after: Part | None
    ) -> None:
        """Give it to what comes next, or to the block it ends; comments stay in their order."""
        is_before_next = after is not None and self.of(after.node).lead
        ended = None
        if before is not None and not is_before_next and not self.of(node).tail:
            ended = self._ended_block(before, comment.column, self._column(node))
        if ended is not None:
            self._tail(ended, comment)
        elif after is not None:
            self._lead(after.node, comment)
        else:
            self._tail(node, comment)

    def _ended_block(self, before: Part, column: int, outer: int) -> Node | None:
        """Return the block that ended just before, and has the comment's indentation."""
        found = None
        node = before.node
        while _is_block(node):
            if outer < self._column(node) <= column:
                found, outer = node, self._column(node)
                if self.of(node).tail:
                    break
            node = parts(node)[-1].node
        return found

    def _column(self, node: Node) -> int:
        among = parts(node)
        is_mapping = isinstance(node, Mapping) and among
        return self._text.place(among[0].start if is_mapping else node.start)[1]

    def _last_line(self, part: Part) -> int:
        return self._text.place(max(part.node.end - 1, part.start))[0]

    # --- what is noted

    def _lead(self, node: Node, comment: Comment) -> None:
        self._append(self._note(node).lead, comment)

    def _tail(self, node: Node, comment: Comment) -> None:
        self._append(self._note(node).tail, comment)

    def _append(self, lines: list[str], comment: Comment) -> None:
        if comment.is_alone and self._is_blank_above(comment.line):
            lines.append("")
        lines.append(comment.text)

    def _trail(self, part: Part, comment: Comment) -> None:
        notes = self._note(part.node)
        if notes.trail:
            notes.lead.append(comment.text)
        else:
            notes.trail = comment.text


def _is_block(node: Node) -> bool:
    return isinstance(node, Mapping | Sequence) and not node.is_flow and bool(parts(node))

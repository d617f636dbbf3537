"""Laying out a document in YAML."""

from __future__ import annotations

from typing import Final

from podium.flow.formatting.comments import Attachment, Part, parts
from podium.flow.formatting.order import Role, in_order, role_within
from podium.flow.formatting.words import folded, literal, written
from podium.flow.source.text import Text
from podium.flow.source.tree import Mapping, Node, Scalar

WIDTH: Final = 100
"""Columns of a line, comments at its end not counted."""
_STEP: Final = 2
_SPACED: Final = {Role.FLOW, Role.NODES}


class Layout:
    """Writes a tree, line by line, with the comments that belong to it."""

    def __init__(self, text: Text, comments: Attachment) -> None:
        self._text = text
        self._comments = comments

    def lines(self, tree: Node) -> list[str]:
        """Return the lines of a document."""
        self._hoist(tree, Role.FLOW)
        if parts(tree):
            head = self._take_head(tree)
            body = self._parts(tree, Role.FLOW, 0)
            return [*head, "", *body] if head else body
        value = [] if _is_nothing(tree) else self._value("", tree, Role.FLOW, 0, "")
        return [*value, *_opened(self._comments.of(tree).tail)]

    def _hoist(self, node: Node, role: Role) -> None:
        """Put what stands before the first part of an item before the item: there is one dash."""
        for part, part_role in self._in_order(node, role) if self._comments.texts else ():
            self._hoist(part.node, part_role)
            if part.key is None and parts(part.node):
                first, _ = self._in_order(part.node, part_role)[0]
                self._comments.move_lead(first.node, part.node)

    def _take_head(self, tree: Node) -> list[str]:
        """Take the comment at the top that an empty line parts from the first entry."""
        first = parts(tree)[0]
        lead = self._comments.of(first.node).lead
        if self._comments.has_blank_above(first) and lead:
            end = len(lead)
        else:
            end = max((number for number, line in enumerate(lead) if not line), default=0)
        head = _opened(lead[:end])
        del lead[:end]
        return head

    # --- lists and mappings as blocks

    def _parts(self, node: Node, role: Role, indent: int) -> list[str]:
        """Write the parts of a list or mapping, each from a line of its own."""
        lines: list[str] = []
        is_spaced = role in _SPACED
        for part, part_role in self._in_order(node, role):
            block = self._part(part, part_role, indent)
            lead = [*self._comments.of(part.node).lead]
            if is_spaced and self._comments.has_blank_above(part):
                lead.append("")
            lines += [*_indented(lead, indent, is_spaced=is_spaced), *block]
        lines += _indented(self._comments.of(node).tail, indent, is_spaced=is_spaced)
        return _opened(lines)

    def _part(self, part: Part, role: Role, indent: int) -> list[str]:
        """Write an entry or an item."""
        trail = self._comments.of(part.node).trail
        if part.key is not None:
            key = written(part.key.data, in_flow=False)
            return self._value(f"{key}:", part.node, role, indent, trail)
        return self._item(part.node, role, indent, trail)

    def _item(self, node: Node, role: Role, indent: int, trail: str) -> list[str]:
        """Write an item of a list; one that is a block begins in the line of its dash."""
        if not parts(node) or self._one_line(node, role, WIDTH - indent - _STEP) is not None:
            return self._value("-", node, role, indent, trail)
        inner = self._parts(node, role, indent + _STEP)
        above = [trail] if trail else []
        while inner[0].lstrip().startswith("#"):
            above.append(inner.pop(0).lstrip())
        inner[0] = f"{' ' * indent}- {inner[0][indent + _STEP :]}"
        return [*_indented(above, indent, is_spaced=False), *inner]

    def _in_order(self, node: Node, role: Role) -> list[tuple[Part, Role]]:
        among = parts(node)
        if isinstance(node, Mapping):
            by_key = dict(zip(node.entries, among, strict=True))
            return [(by_key[key], role_within(role, key)) for key in in_order(role, by_key)]
        return [(part, role_within(role, number)) for number, part in enumerate(among)]

    # --- values

    def _value(self, opener: str, node: Node, role: Role, indent: int, trail: str) -> list[str]:
        """Write a value behind its key or dash: on the same line if it fits, else below."""
        space = " " if opener else ""
        start = f"{' ' * indent}{opener}{space}"
        end = f"  {trail}" if trail else ""
        if isinstance(node, Scalar):
            block = self._block(node, len(start), indent)
            if block:
                below = _indented(block[1:], indent + _STEP, is_spaced=True)
                return [f"{start}{block[0]}{end}", *below]
            return [f"{start}{self._scalar(node, in_flow=False)}{end}"]
        line = self._one_line(node, role, WIDTH - len(start))
        if line is not None:
            return [f"{start}{line}{end}"]
        return [f"{start.rstrip()}{end}", *self._parts(node, role, indent + _STEP)]

    def _one_line(self, node: Node, role: Role, room: int) -> str | None:
        """Write a value on one line; None if it needs more, or has nodes of its own or comments."""
        if isinstance(node, Scalar):
            if type(node.data) is str and literal(node.data):
                return None
            line = self._scalar(node, in_flow=True)
            return line if len(line) <= room else None
        opening, closing = "{}" if isinstance(node, Mapping) else "[]"
        among = self._in_order(node, role)
        if not among:
            return opening + closing
        if role is Role.NODES or self._comments.of(node).tail:
            return None
        room -= 2
        words: list[str] = []
        for part, part_role in among:
            around = self._comments.of(part.node)
            key = "" if part.key is None else f"{written(part.key.data, in_flow=True)}: "
            value = self._one_line(part.node, part_role, room - len(key))
            if value is None or around.lead or around.trail:
                return None
            words.append(f"{key}{value}")
            room -= len(words[-1]) + 2
        line = f"{opening}{', '.join(words)}{closing}"
        return line if room + 2 >= 0 else None

    # --- texts and numbers

    def _block(self, node: Scalar, start: int, indent: int) -> list[str] | None:
        """Write a text of several lines; one that was folded stays so if it is long."""
        value = node.data
        if type(value) is not str:
            return None
        is_long = "\n" in value or start + len(written(value, in_flow=False)) > WIDTH
        if node.style == ">" and is_long:
            return folded(value, WIDTH - indent - _STEP) or literal(value)
        return literal(value)

    def _scalar(self, node: Scalar, *, in_flow: bool) -> str:
        """Write a value on one line; numbers as they were written."""
        value = node.data
        if type(value) is str:
            return written(value, in_flow=in_flow)
        if value is None:
            return "null"
        if type(value) is bool:
            return "true" if value else "false"
        source = self._text.chars[node.start : node.end]
        return repr(value) if source.startswith("!") else source


def _is_nothing(tree: Node) -> bool:
    return isinstance(tree, Scalar) and tree.data is None and tree.start == tree.end


def _indented(lines: list[str], indent: int, *, is_spaced: bool) -> list[str]:
    """Indent lines; where nothing is spaced, the empty ones are left out."""
    return [" " * indent + line if line else "" for line in lines if line or is_spaced]


def _opened(lines: list[str]) -> list[str]:
    """Leave out empty lines at the beginning."""
    start = next((number for number, line in enumerate(lines) if line), len(lines))
    return lines[start:]

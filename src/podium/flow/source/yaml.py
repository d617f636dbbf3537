"""Reading YAML: from the parser's events to a tree, without recursion and within limits."""

from __future__ import annotations

import re

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

import yaml

from podium.flow.source.errors import SourceError
from podium.flow.source.limits import DEPTH_MAX, TEXT_BYTES_MAX, VALUES_MAX
from podium.flow.source.mistakes import explain
from podium.flow.source.scalars import BadNumberError, resolve, resolve_tagged
from podium.flow.source.text import Text
from podium.flow.source.tree import Alias, Mapping, Node, Scalar, Sequence, Style

_LOADER: Final[Any] = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
# What YAML takes for the end of a line and other formats do not is refused, so that lines are lines.
_FOREIGN: Final = re.compile(
    "[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_COLLECTIONS: Final = {
    yaml.MappingStartEvent: "tag:yaml.org,2002:map",
    yaml.SequenceStartEvent: "tag:yaml.org,2002:seq",
}
_CLOSING: Final = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


def read_yaml(text: Text) -> tuple[Node, int | None]:
    """Return the tree of a document, and where its first anchor or alias is.

    Raises:
        SourceError: It is no YAML, or YAML that a document may not be.
    """
    foreign = _FOREIGN.search(text.chars)
    if foreign:
        shown = f"U+{ord(foreign[0]):04X}"
        hint = f'Write it as an escape in double quotes: "\\u{ord(foreign[0]):04x}".'
        raise text.error(foreign.start(), f"the character {shown} cannot stand in YAML.", hint)
    composer = _Composer(text)
    try:
        root = composer.compose()
    except yaml.MarkedYAMLError as error:
        raise explain(error, text) from None
    except (ValueError, OverflowError):  # of the pure parser, where the one in C says more
        raise text.error(0, "an escape or a version in this text is no number YAML has.") from None
    return root, composer.first_anchor


@dataclass(slots=True)
class _Open:
    """A list or mapping that is being read.

    Attributes:
        node: What is there of it.
        anchor: Its name for aliases, if it has one.
        size: Values and characters that were read before it.
        height: The deepest nesting within it, itself included.
        key: The key whose value comes next, in a mapping.
    """

    node: Mapping | Sequence
    anchor: str | None
    size: tuple[int, int]
    height: int = 1
    key: Scalar | None = None


@dataclass(slots=True)
class _Anchored:
    """What aliases may name, and what one of them adds to the document."""

    node: Scalar | Sequence | Mapping
    values: int
    chars: int
    height: int


class _Composer:
    """Puts the events of one document together."""

    def __init__(self, text: Text) -> None:
        self._text = text
        self._open: list[_Open] = []
        self._anchors: dict[str, _Anchored] = {}
        self._values = 0
        self._chars = 0
        self._root: Node | None = None
        self.first_anchor: int | None = None

    def compose(self) -> Node:
        """Read all events; an empty document is null."""
        for event in self._events():
            kind = type(event)
            if kind is yaml.ScalarEvent:
                self._scalar(event)
            elif kind in _CLOSING:
                self._close(event)
            elif kind in _COLLECTIONS:
                self._begin(event)
            elif kind is yaml.AliasEvent:
                self._alias(event)
            elif kind is yaml.DocumentStartEvent and self._root is not None:
                message = "a second document begins here; a file holds one."
                raise self._error(event, message, "Put it into a file of its own.")
        return self._root or Scalar(None, 0, 0)

    def _events(self) -> Iterator[Any]:
        loader = _LOADER(self._text.chars)
        try:
            while loader.check_event():
                yield loader.get_event()
        finally:
            loader.dispose()

    # --- values

    def _scalar(self, event: Any) -> None:
        style = cast(Style, event.style if event.style not in {None, ":"} else "")
        start, end = event.start_mark.index, event.end_mark.index
        node = Scalar(self._value(event, style), start, end, style)
        size = self._values, self._chars
        self._count(event, 1, len(event.value))
        if event.anchor is not None:
            self._anchor(event.anchor, node, start, size, 0)
        self._add(node)

    def _value(self, event: Any, style: Style) -> Any:
        word: str = event.value
        if style == '"' and not word.isascii() and _SURROGATE.search(word):
            message = "this text has half of a character (a lone surrogate)."
            raise self._error(event, message, "Write the whole character.")
        try:
            if event.tag is None:
                return word if style else resolve(word)
            return word if event.tag == "!" else resolve_tagged(event.tag, word)
        except BadNumberError as error:
            raise self._error(event, str(error), "Put it in quotes if it is a text.") from None
        except ValueError:
            raise self._error(event, f"{word!r:.80} is no {_short(event.tag)}.") from None
        except KeyError:
            raise self._foreign_tag(event) from None

    def _begin(self, event: Any) -> None:
        if event.tag not in {None, "!", _COLLECTIONS[type(event)]}:
            raise self._foreign_tag(event)
        if len(self._open) >= DEPTH_MAX:
            raise self._too_deep(event)
        start, end = event.start_mark.index, event.end_mark.index
        kind = Mapping if type(event) is yaml.MappingStartEvent else Sequence
        size = self._values, self._chars
        self._count(event, 1, 0)
        node = kind(start, end, bool(event.flow_style))
        if self._open:
            self._check_key(node)
        self._open.append(_Open(node, event.anchor, size))
        if event.anchor is not None:
            self.first_anchor = start if self.first_anchor is None else self.first_anchor

    def _close(self, event: Any) -> None:
        done = self._open.pop()
        node = done.node
        if node.is_flow:
            node.end = event.end_mark.index
        if done.anchor is not None:
            self._anchor(done.anchor, node, node.start, done.size, done.height)
        self._add(node, done.height)

    def _alias(self, event: Any) -> None:
        name = event.anchor
        start, end = event.start_mark.index, event.end_mark.index
        found = self._anchors.get(name)
        if any(each.anchor == name for each in self._open):
            raise self._error(event, f"*{name} stands within what it names.")
        if found is None:
            hint = f"Put the text in quotes, or write '&{name}' before the value that is meant."
            raise self._error(event, f"*{name} is an alias, and nothing is called &{name}.", hint)
        if len(self._open) + found.height > DEPTH_MAX:
            raise self._too_deep(event)
        self._count(event, found.values, found.chars)
        self.first_anchor = start if self.first_anchor is None else self.first_anchor
        self._add(Alias(found.node, start, end), found.height)

    def _anchor(
        self,
        name: str,
        node: Scalar | Sequence | Mapping,
        start: int,
        before: tuple[int, int],
        height: int,
    ) -> None:
        values, chars = self._values - before[0], self._chars - before[1]
        self._anchors[name] = _Anchored(node, values, chars, height)
        self.first_anchor = start if self.first_anchor is None else self.first_anchor

    # --- what they are part of

    def _add(self, node: Node, height: int = 0) -> None:
        """Put a value where it belongs: into the innermost list or mapping, or as the whole."""
        if not self._open:
            self._root = node
            return
        parent = self._open[-1]
        parent.height = max(parent.height, height + 1)
        into = parent.node
        if isinstance(into, Sequence):
            into.items.append(node)
            into.data.append(node.data)
        elif parent.key is None:
            parent.key = self._key(node, into)
            return
        else:
            key, parent.key = parent.key, None
            into.entries[key.data] = (key, node)
            into.data[key.data] = node.data
        if not into.is_flow:
            into.end = max(node.end, into.end)

    def _key(self, node: Node, into: Mapping) -> Scalar:
        """Return a key, which is a text that is not there yet."""
        self._check_key(node)
        assert isinstance(node, Scalar)
        key, error = node.data, self._text.error
        if type(key) is not str:
            shown = self._text.chars[node.start : node.end]
            hint = f"Put it in quotes: '\"{shown}\":'." if shown else "Is a key missing before ':'?"
            raise error(
                node.start, f"a key is a text, and {shown or 'nothing'!r:.80} is none.", hint
            )
        if key == "<<" and not node.style:
            hint = "Write the fields out, or share a whole value with '&name' and '*name'."
            raise error(node.start, "the merge key '<<' is not part of the language.", hint)
        if key in into.entries:
            line, _ = self._text.place(into.entries[key][0].start)
            message = f"the key {key!r:.80} is there twice; it is in line {line} already."
            raise error(node.start, message, "Rename one of them, or take it out.")
        return node

    def _check_key(self, node: Node) -> None:
        """Refuse a list, a mapping or an alias in the place of a key."""
        parent = self._open[-1]
        if isinstance(parent.node, Mapping) and parent.key is None and type(node) is not Scalar:
            kind = {Mapping: "mapping", Sequence: "list"}.get(type(node), "alias")
            hint = "Put '${…}' and other texts with brackets in quotes."
            raise self._text.error(node.start, f"a key is a text, and this is a {kind}.", hint)

    # --- limits and errors

    def _count(self, event: Any, values: int, chars: int) -> None:
        self._values += values
        self._chars += chars
        if self._values > VALUES_MAX:
            message = f"the document has more than {VALUES_MAX:,} values, aliases expanded."
            raise self._error(event, message, "Give large data to the run as input.")
        if self._chars > TEXT_BYTES_MAX:
            message = f"the document has more than {TEXT_BYTES_MAX:,} characters, aliases expanded."
            raise self._error(event, message, "Give large data to the run as input.")

    def _too_deep(self, event: Any) -> SourceError:
        message = f"lists and mappings are nested deeper than {DEPTH_MAX}."
        return self._error(event, message, "Make the inner part a flow of its own.")

    def _foreign_tag(self, event: Any) -> SourceError:
        message = f"'!' begins a tag of YAML, and {_short(event.tag)!r:.80} is none that is known."
        return self._error(event, message, "If it is an expression, put it in quotes.")

    def _error(self, event: Any, message: str, hint: str = "") -> SourceError:
        return self._text.error(event.start_mark.index, message, hint)


def _short(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")

"""Reading JSON: values by the standard library, places by a scan when somebody asks."""

from __future__ import annotations

import json
import re

from typing import Any, Final, NoReturn

from podium.flow.source.limits import DEPTH_MAX, VALUES_MAX
from podium.flow.source.scalars import BadNumberError, integer, real
from podium.flow.source.text import Text
from podium.flow.source.tree import Mapping, Node, Scalar, Sequence

# A quotation that is never closed is a token too, which ends the search for its other end.
_TOKEN: Final = re.compile(
    r'"(?:[^"\\]++|\\.)*+"|"|[\[{]\s*+[\]}]|[\[\]{},:]|[^\s\[\]{},:"]++', re.DOTALL
)
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")


class _Unfit(Exception):
    """It is JSON, and no document; the scan says where and why."""


def read_json(text: Text) -> Any:
    """Return the value of a text in JSON.

    Raises:
        json.JSONDecodeError: It is no JSON.
        SourceError: It is JSON that a document may not be.
    """
    _measure(text)
    try:
        value = json.loads(
            text.chars,
            object_pairs_hook=_fields,
            parse_int=integer,
            parse_float=real,
            parse_constant=_unfit,
        )
    except (_Unfit, BadNumberError):
        value = read_json_tree(text).data
    if _SURROGATE.search(text.chars):
        read_json_tree(text)
    return value


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise _Unfit
    return fields


def _unfit(_: str) -> NoReturn:
    raise _Unfit


def _measure(text: Text) -> None:
    """Refuse what is too deep or too much before anything is built."""
    depth, values = 0, 1
    for found in _TOKEN.finditer(text.chars):
        match found[0]:
            case "[" | "{":
                depth += 1
                values += 1
            case "]" | "}":
                depth -= 1
            case ",":
                values += 1
            case '"':
                return  # it is no JSON
            case _:
                pass
        if depth > DEPTH_MAX:
            message = f"lists and objects are nested deeper than {DEPTH_MAX}."
            raise text.error(found.start(), message, "Make the inner part a flow of its own.")
        if values > VALUES_MAX:
            message = f"the document has more than {VALUES_MAX:,} values."
            raise text.error(found.start(), message, "Give large data to the run as input.")


def read_json_tree(text: Text) -> Node:
    """Return the tree of a text that is JSON.

    Raises:
        SourceError: A key is there twice, or a value is none of JSON's.
    """
    scan = _Scan(text)
    for found in _TOKEN.finditer(text.chars):
        scan.take(found[0], found.start(), found.end())
    assert scan.root is not None
    return scan.root


class _Scan:
    """Puts the tokens of a text together that is known to be JSON."""

    def __init__(self, text: Text) -> None:
        self._text = text
        self._open: list[Mapping | Sequence] = []
        self._keys: list[Scalar | None] = []
        self.root: Node | None = None

    def take(self, token: str, start: int, end: int) -> None:
        """Take the next token."""
        match token[0], token[-1]:
            case (("{" | "[" as opening), ("}" | "]")):
                self._add(
                    Mapping(start, end, True) if opening == "{" else Sequence(start, end, True)
                )
            case "{", _:
                self._begin(Mapping(start, end, is_flow=True))
            case "[", _:
                self._begin(Sequence(start, end, is_flow=True))
            case (("}" | "]"), _):
                node = self._open.pop()
                self._keys.pop()
                node.end = end
                self._add(node)
            case (("," | ":"), _):
                pass
            case _:
                self._add(
                    Scalar(self._value(token, start), start, end, '"' if token[0] == '"' else "")
                )

    def _begin(self, node: Mapping | Sequence) -> None:
        self._open.append(node)
        self._keys.append(None)

    def _add(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        into = self._open[-1]
        if isinstance(into, Sequence):
            into.items.append(node)
            into.data.append(node.data)
            return
        key = self._keys[-1]
        if key is None:
            assert isinstance(node, Scalar)
            self._keys[-1] = self._key(node, into)
            return
        self._keys[-1] = None
        into.entries[key.data] = (key, node)
        into.data[key.data] = node.data

    def _key(self, node: Scalar, into: Mapping) -> Scalar:
        if node.data in into.entries:
            line, _ = self._text.place(into.entries[node.data][0].start)
            message = f"the key {node.data!r:.80} is there twice; it is in line {line} already."
            hint = "Rename one of them, or take it out."
            raise self._text.error(node.start, message, hint)
        return node

    def _value(self, token: str, start: int) -> Any:
        try:
            value = _DECODER.decode(token)
            if isinstance(value, str):
                value.encode()
        except BadNumberError as error:
            hint = "Put it in quotes if it is a text."
            raise self._text.error(start, str(error), hint) from None
        except UnicodeEncodeError:
            message = f"{token:.80} has half of a character (a lone surrogate)."
            raise self._text.error(start, message, "Write both halves, or neither.") from None
        return value


def _refuse_constant(word: str) -> NoReturn:
    raise BadNumberError(f"{word} is no number that JSON has.")


_DECODER: Final = json.JSONDecoder(
    parse_int=integer, parse_float=real, parse_constant=_refuse_constant
)

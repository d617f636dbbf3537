"""Which fields of its input a source asks for, where no schema says it."""

from __future__ import annotations

import re

from collections.abc import Iterator, Mapping
from typing import Any, Final

from podium.flow.expression import Expression, Reference, Template
from podium.flow.importing.jq import NotCarried, parse
from podium.flow.importing.jq import syntax as forms
from podium.flow.importing.pieces import pieces

_BARE: Final = frozenset(["if", "when", "in", "while", "from", "as", "until", "exceptWhen", "set"])
"""Words whose texts are expressions without ``${…}`` as well."""
_IN_URI: Final = re.compile(r"(?<!\$)\{([A-Za-z_][A-Za-z0-9_]*)\}")
FIELDS_MAX: Final = 200


def fields_of(flow: Mapping[str, Any], source: Mapping[str, Any]) -> list[str]:
    """Return the fields of its input that a flow reads, which no schema names.

    Where the input as a whole goes on to other tasks, these are all that any expression of the source asks
    of what it is applied to: more than the input has may be among them. A field that nobody gives is
    null, as in jq.
    """
    found: dict[str, None] = {}
    is_passed_on = False
    for word, text in _texts(flow):
        for reference in _references(word, text):
            if reference.root == "input" and reference.path:
                found[reference.path[0]] = None
            is_passed_on |= reference.root == "input" and not reference.path
    if is_passed_on:
        found |= dict.fromkeys(_asked(source))
    return [*found][:FIELDS_MAX]


def _references(word: str, text: str) -> frozenset[Reference]:
    if word in {"when", "while", "until"}:
        return Expression.parse(text).references
    return Template.parse(text).references if "${" in text else frozenset()


def _asked(data: Mapping[str, Any]) -> Iterator[str]:
    """Give the fields that any expression takes of what it is applied to, or of ``$input``."""
    for word, text in _texts(
        {key: data[key] for key in data if key not in {"document", "schedule"}}
    ):
        programs = [part for is_program, part in pieces(text) if is_program]
        if not programs and word in _BARE:
            programs = [text]
        for program in programs:
            try:
                yield from _fields(parse(program))
            except NotCarried:
                continue
        if word in {"endpoint", "uri"} and not programs:
            yield from _IN_URI.findall(text)


def _texts(data: Any, word: str = "") -> Iterator[tuple[str, str]]:
    match data:
        case str():
            yield word, data
        case dict():
            for key, value in data.items():
                yield from _texts(value, key)
        case list():
            for value in data:
                yield from _texts(value, word)
        case _:
            return


def _fields(node: Any) -> Iterator[str]:
    """Give the first fields of paths that begin at ``.`` or ``$input``."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        match one:
            case forms.Field(base=forms.Identity() | forms.Variable(name="input"), name=name):
                yield name
            case forms.Field(base=base):
                waiting.append(base)
            case tuple():
                waiting.extend(reversed(one))
            case _ if hasattr(one, "__dataclass_fields__"):
                waiting.extend(getattr(one, key) for key in reversed([*one.__dataclass_fields__]))
            case _:
                continue


__all__ = ["FIELDS_MAX", "fields_of"]

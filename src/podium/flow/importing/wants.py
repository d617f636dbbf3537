"""Which fields of its input a source asks for, where no schema says it."""

from __future__ import annotations

import re

from collections.abc import Iterator
from typing import Any, Final

from podium.flow.importing.jq import NotCarried, parse
from podium.flow.importing.jq import syntax as forms
from podium.flow.importing.pieces import pieces

_BARE: Final = frozenset(["if", "when", "in", "while", "from", "as", "until", "exceptWhen", "set"])
"""Words whose texts are expressions without ``${…}`` as well."""
_IN_URI: Final = re.compile(r"(?<!\$)\{([A-Za-z_][A-Za-z0-9_]*)\}")
FIELDS_MAX: Final = 200


def wants(data: dict[str, Any]) -> list[str]:
    """Return the fields that any expression takes of what it is applied to, or of ``$input``.

    More than the workflow's own input has may be among them: a field that nobody gives is null, as in jq.
    """
    found: dict[str, None] = {}
    for word, text in _texts(
        {key: data[key] for key in data if key not in {"document", "schedule"}}
    ):
        programs = [part for is_program, part in pieces(text) if is_program]
        if not programs and word in _BARE:
            programs = [text]
        for program in programs:
            try:
                for name in _fields(parse(program)):
                    found[name] = None
            except NotCarried:
                continue
        if word in {"endpoint", "uri"} and not programs:
            found.update(dict.fromkeys(_IN_URI.findall(text)))
    return [*found][:FIELDS_MAX]


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


__all__ = ["FIELDS_MAX", "wants"]

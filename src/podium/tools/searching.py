"""Finds the tools that a question is about, among hundreds.

The ranking is BM25, by the full-text index of SQLite in memory: it knows the endings of English
words, and comes with the driver that Podium has anyway. An index of 500 tools is made in a few
milliseconds, so none is kept, and none can be out of date.
"""

from __future__ import annotations

import re

from collections.abc import Iterable
from typing import Any, Final

from podium.core.errors import InvalidOption
from podium.tools.registry import AnyTool, Names, find
from podium.tools.spec import ToolSpec

_WORD: Final = re.compile(r"\w+")
_JOINT: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_\-]+")
_WEIGHTS: Final = "8.0, 5.0, 3.0, 1.0"
"""What a hit counts in the name, the tags, the description, the parameters."""
_COMMON: Final = frozenset(
    _WORD.findall(
        "a an and are as at be by do for from get how i in is it me my of on or please that the this "
        "to want was what when where which who with you"
    )
)


def search(
    query: str, limit: int = 10, *, tag: str | None = None, among: Names | None = None
) -> list[AnyTool]:
    """Return the tools that a question is about, the best first.

    Args:
        query: Words, or a sentence.
        limit: How many at most.
        tag: Only those that have it.
        among: Only these; all of the process if left out. Older versions are found only here.

    Raises:
        InvalidOption: The limit is below 1.
    """
    if limit < 1:
        raise InvalidOption(f"search(limit={limit!r}): at least 1.")
    words = _WORD.findall(_apart(query).casefold())[:50]
    words = [one for one in words if one not in _COMMON] or words
    tools = find(tag=tag, among=among)
    if among is None:
        tools = _newest(tools)
    if not words or not tools:
        return []
    return [tools[row] for row in _ranked(tools, words, limit)]


def _newest(tools: Iterable[AnyTool]) -> list[AnyTool]:
    newest: dict[str, AnyTool] = {}
    for tool in tools:
        plain = tool.spec.parts.plain
        if plain not in newest or newest[plain].spec.parts.age < tool.spec.parts.age:
            newest[plain] = tool
    return list(newest.values())


def _ranked(tools: list[AnyTool], words: list[str], limit: int) -> list[int]:
    import apsw

    database = apsw.Connection(":memory:")
    try:
        database.execute(
            "create virtual table tools using fts5"
            "(name, tags, description, parameters, tokenize='porter unicode61 remove_diacritics 2')"
        )
        rows = ((index, *_texts(tool.spec)) for index, tool in enumerate(tools))
        database.executemany(
            "insert into tools(rowid, name, tags, description, parameters) values (?, ?, ?, ?, ?)",
            rows,
        )
        question = " OR ".join(
            f'"{one}"' if len(one) < 3 else f'"{one}" OR "{one}"*' for one in words
        )
        found = database.execute(
            f"select rowid from tools where tools match ? order by bm25(tools, {_WEIGHTS}), rowid limit ?",  # noqa: S608 - numbers of ours
            (question, limit),
        )
        return [int(row) for (row,) in found]
    finally:
        database.close()


def _texts(spec: ToolSpec) -> tuple[str, str, str, str]:
    properties: dict[str, Any] = spec.input_schema.get("properties", {})
    about = [
        f"{name} {one.get('description', '') if isinstance(one, dict) else ''}"
        for name, one in properties.items()
    ]
    name, tags, parameters = spec.parts.plain, " ".join(spec.card.tags), " ".join(about)
    return _apart(name), _apart(tags), _apart(spec.description), _apart(parameters)


def _apart(text: str) -> str:
    """Return a text with the words of ``order_status`` and ``orderStatus`` apart."""
    return _JOINT.sub(" ", text)

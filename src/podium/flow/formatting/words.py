"""How texts are written in YAML: plain where that is safe, in double quotes, or as a block of lines."""

from __future__ import annotations

import json
import re
import textwrap

from typing import Final

from podium.flow.source.scalars import BadNumberError, resolve

_UNPRINTABLE: Final = re.compile(
    "[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_NEEDS_QUOTES: Final = re.compile(
    r"""[-?:,\[\]{}#&*!|>'"%@`\s]|.*(?::\s|\s\#|\$\{|[:\s]\Z)|\.\.\.|<<\Z"""
)
_NEEDS_QUOTES_IN_FLOW: Final = re.compile(r"[,\[\]{}:]|\?\s")


def written(text: str, *, in_flow: bool) -> str:
    """Return a text on one line: plain if it would be read back as it is, else in double quotes."""
    if not text or _UNPRINTABLE.search(text) or _NEEDS_QUOTES.match(text):
        return quoted(text)
    if in_flow and _NEEDS_QUOTES_IN_FLOW.search(text):
        return quoted(text)
    try:
        return text if type(resolve(text)) is str else quoted(text)
    except BadNumberError:
        return quoted(text)


def quoted(text: str) -> str:
    """Return a text in double quotes."""
    return _UNPRINTABLE.sub(
        lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False)
    )


def literal(text: str) -> list[str] | None:
    """Return a text of several lines as a block: its sign, and the lines below it.

    None if it is one line, or if a block would not show what is in it: spaces at the ends of lines,
    empty lines at its end, what cannot be printed.
    """
    lines = text.removesuffix("\n").split("\n")
    if "\n" not in text or not lines[-1] or lines[0][:1] in {"", " ", "\t"}:
        return None
    if any(
        line[-1:] in {" ", "\t"} or _UNPRINTABLE.search(line.replace("\t", " ")) for line in lines
    ):
        return None
    return ["|" if text.endswith("\n") else "|-", *lines]


def folded(text: str, width: int) -> list[str] | None:
    """Return a text as a block of wrapped lines: its sign, and the lines below it.

    None where wrapping would change it.
    """
    paragraphs = text.removesuffix("\n").split("\n")
    if not paragraphs[0] or not paragraphs[-1] or _UNPRINTABLE.search(text.replace("\n", " ")):
        return None
    if any(" " in {each[:1], each[-1:]} or "  " in each for each in paragraphs):
        return None
    lines = [">" if text.endswith("\n") else ">-"]
    for number, each in enumerate(paragraphs):
        wrapped = textwrap.wrap(
            each, max(width, 20), break_long_words=False, break_on_hyphens=False
        )
        lines += ([""] if number else []) + wrapped
    return lines

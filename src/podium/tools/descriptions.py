"""What is said about a tool: taken from its docstring and from the notes in its type hints."""

from __future__ import annotations

import inspect

from collections.abc import Callable
from typing import Any, NamedTuple

from podium.core.codec import type_hints


class Words(NamedTuple):
    """What a function says about itself.

    Attributes:
        description: What it does.
        parameters: What each parameter is, by name.
    """

    description: str
    parameters: dict[str, str]


def words_of(function: Callable[..., Any]) -> Words:
    """Return what a docstring (Google, NumPy, reST) and ``Annotated[…]`` say."""
    from docstring_parser import parse

    parsed = parse(inspect.getdoc(function) or "")
    texts = (_one_line(parsed.short_description), _paragraphs(parsed.long_description))
    said = {
        one.arg_name.strip("*` "): _one_line(one.description)
        for one in parsed.params
        if one.description
    }
    said.update(_annotated(function))
    return Words("\n\n".join(filter(None, texts)), said)


def _annotated(function: Callable[..., Any]) -> dict[str, str]:
    """Return the notes of ``Annotated[str, "the order's number"]``; ``Doc`` and ``Field`` too."""
    found: dict[str, str] = {}
    for name, kind in type_hints(function).items():
        for note in getattr(kind, "__metadata__", ()):
            text = note if isinstance(note, str) else None
            for attribute in ("documentation", "description"):
                text = text or getattr(note, attribute, None)
            if isinstance(text, str) and text.strip():
                found[name] = _one_line(text)
    found.pop("return", None)
    return found


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def _paragraphs(text: str | None) -> str:
    return "\n\n".join(_one_line(one) for one in (text or "").split("\n\n"))

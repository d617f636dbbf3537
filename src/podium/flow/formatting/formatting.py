"""Formatting a document, and the proof of each time that nothing was lost."""

from __future__ import annotations

import json

from collections import Counter
from typing import Any

from podium.flow.formatting.comments import Attachment, find_comments
from podium.flow.formatting.layout import Layout
from podium.flow.formatting.order import Role, in_order, role_within
from podium.flow.source import Source, read
from podium.flow.source.text import Text


def format_document(text: str, name: str) -> str:
    """Return a document in the one layout: YAML as YAML, JSON as JSON, with all its comments.

    Args:
        text: The document.
        name: What to call it in errors, such as the file's name.

    Raises:
        SourceError: It cannot be read, or it has anchors, which a layout cannot keep.
    """
    source = read(text, name)
    if source.format == "json":
        return json.dumps(_arranged(source.data, Role.FLOW), ensure_ascii=False, indent=2) + "\n"
    if source.first_anchor is not None:
        message = "a document with anchors ('&name') or aliases ('*name') cannot be formatted."
        hint = "Write the value out where it is used, or take it as an input."
        raise source.error(source.first_anchor, message, hint)
    written = Text(source.text, name)
    comments = Attachment(written, source.tree)
    laid_out = "".join(f"{line}\n" for line in Layout(written, comments).lines(source.tree))
    _prove(source, comments.texts, laid_out)
    return laid_out


def _arranged(data: Any, role: Role) -> Any:
    if isinstance(data, dict):
        return {key: _arranged(data[key], role_within(role, key)) for key in in_order(role, data)}
    if isinstance(data, list):
        return [_arranged(item, role_within(role, number)) for number, item in enumerate(data)]
    return data


def _prove(source: Source, comments: list[str], laid_out: str) -> None:
    """Refuse a layout that says anything else than the document did."""
    again = read(laid_out, source.name)
    said = [each.text for each in find_comments(Text(laid_out, source.name), again.tree)]
    if json.dumps(again.data, sort_keys=True) != json.dumps(source.data, sort_keys=True):
        raise source.error(0, "this document would say something else in the usual layout.")
    if Counter(said) != Counter(comments):
        raise source.error(0, "comments of this document have no place in the usual layout.")

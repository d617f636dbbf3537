"""Where something stands in a document: ``$.nodes.route.switch[0].when``."""

from __future__ import annotations

import re

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def child(path: str, key: str | int) -> str:
    """Return the path of a field, or of an element of a list."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    if _WORD.fullmatch(key):
        return f"{path}.{key}"
    escaped = key.replace("\\", "\\\\").replace("'", "\\'")
    return f"{path}['{escaped}']"

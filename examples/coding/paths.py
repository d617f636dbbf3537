"""Which paths a model may write: those within the tree, that fit a pattern."""

import re

from collections.abc import Iterable
from functools import cache

CHARS_MAX = 200


def complaint(path: str, allowed: Iterable[str]) -> str:
    """Say why a path may not be written; empty if it may."""
    parts = path.split("/")
    if not path or len(path) > CHARS_MAX or not path.isprintable() or "\\" in path or ":" in path:
        return "it is no path of a repository"
    if any(part in ("", ".", "..") for part in parts):
        return "it leads out of the repository, or is not written plainly"
    if any(part.lower().rstrip(". ").startswith(".git") for part in parts):
        return "it belongs to git"
    if not any(pattern(one).fullmatch(path) for one in allowed):
        return f"only {', '.join(allowed)} may be changed"
    return ""


@cache
def pattern(glob: str) -> re.Pattern[str]:
    """Make a pattern: `*` stands for anything within a name, `**/` for any folders, `**` for all."""
    found = ""
    for part in re.split(r"(\*\*/|\*\*|\*|\?)", glob):
        known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
        found += known.get(part, re.escape(part))
    return re.compile(found)

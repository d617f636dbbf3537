"""Which database is meant: an argument, ``$PODIUM_DB``, or ``./podium.db``."""

from __future__ import annotations

import os

from pathlib import Path
from urllib.parse import unquote, urlsplit

from podium.core.errors import InvalidOption


def database_path(given: str | os.PathLike[str] | None = None) -> str:
    """Return the path of the database file (or ``:memory:``).

    Args:
        given: A path, ``sqlite:///relative.db``, ``sqlite:////absolute.db`` or ``:memory:``.

    Raises:
        InvalidOption: It is a URL of another kind.
    """
    text = os.fspath(given) if given is not None else os.environ.get("PODIUM_DB", "podium.db")
    if not text:
        raise InvalidOption(
            "The database is named by an empty text; give a path, or unset PODIUM_DB."
        )
    if text in (":memory:", "sqlite://", "sqlite:///:memory:"):
        return ":memory:"
    if "://" not in text:
        return str(Path(text).expanduser())
    url = urlsplit(text)
    if url.scheme != "sqlite" or url.netloc:
        raise InvalidOption(
            f"Database {text!r}: expected a path, sqlite:///relative.db, sqlite:////absolute.db or :memory:."
        )
    return unquote(url.path[1:])

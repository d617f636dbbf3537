"""Packages that are not installed with Podium itself."""

from __future__ import annotations

import importlib

from typing import Any

from podium.core.errors import InvalidOption


def needed(module: str, extra: str, what: str) -> Any:
    """Import a module of an extra.

    Raises:
        InvalidOption: It is not installed; the message says what to type.
    """
    try:
        return importlib.import_module(module)
    except ImportError as problem:
        raise InvalidOption(
            f"{what} needs a package that is not installed ({problem.name}): "
            f"pip install 'podium[{extra}]'."
        ) from problem

"""Names of tools: ``namespace.tool@version``, and what providers of models make of them."""

from __future__ import annotations

import hashlib
import re

from typing import Final, NamedTuple

from podium.core.errors import InvalidOption

NAME_CHARS_MAX: Final = 120
MODEL_NAME_CHARS_MAX: Final = 64
"""The longest name that every provider takes."""
_SEGMENT: Final = r"[A-Za-z_][A-Za-z0-9_-]*"
_VERSION: Final = re.compile(r"\d+(?:[.-]\d+)*")
_NAME: Final = re.compile(rf"({_SEGMENT}(?:\.{_SEGMENT})*)(?:@({_VERSION.pattern}))?")
_NOT_ALLOWED: Final = re.compile(r"[^A-Za-z0-9_-]")


class ToolName(NamedTuple):
    """The parts of a tool's name.

    Attributes:
        plain: ``namespace.tool``: what the newest version is called by.
        version: ``2``, ``1.10``, ``2026-11-22``; empty where the tool has none.
    """

    plain: str
    version: str = ""

    def __str__(self) -> str:
        return f"{self.plain}@{self.version}" if self.version else self.plain

    @property
    def age(self) -> tuple[int, ...]:
        """Numbers that are higher for a newer version."""
        return tuple(map(int, re.findall(r"\d+", self.version)))


def tool_name(name: str, namespace: str = "", version: str | int | None = None) -> ToolName:
    """Return the name that options spell.

    Raises:
        InvalidOption: It is no name of a tool.
    """
    written = f"{namespace}.{name}" if namespace else name
    if version is not None:
        if "@" in name:
            raise InvalidOption(f"Tool {name!r} has its version in its name; leave out version=.")
        written = f"{written}@{version}"
    found = _NAME.fullmatch(written)
    if found is None or len(written) > NAME_CHARS_MAX:
        raise InvalidOption(
            f"{written!r:.200} is no name of a tool: letters, digits, _ and -, in parts with dots "
            f"between them that begin with a letter, at most {NAME_CHARS_MAX} characters; "
            "a version, such as 2 or 1.10, stands behind an @."
        )
    return ToolName(found[1], found[2] or "")


def split(name: str) -> ToolName:
    """Return the parts of a name that is registered."""
    plain, _, version = name.partition("@")
    return ToolName(plain, version)


def model_name(name: str) -> str:
    """Return the name under which models call a tool: what every provider allows.

    ``shop.pay@2`` becomes ``shop__pay___2``. Two tools never get the same name: where that could
    be, and where the name is too long, it ends with a hash.
    """
    made = _NOT_ALLOWED.sub("_", name.replace("@", "___").replace(".", "__"))
    if len(made) <= MODEL_NAME_CHARS_MAX and _back(made) == name:
        return made
    digest = hashlib.blake2b(name.encode(), digest_size=4).hexdigest()
    return f"{made[: MODEL_NAME_CHARS_MAX - 9]}_{digest}"


def _back(made: str) -> str:
    return made.replace("___", "@", 1).replace("__", ".")

"""Texts with places for arguments, as ``/orders/{order_id}``, and how values stand in a request.

What the author of a tool wrote may refer to secrets; a value of an argument never does: it may come
from a model, and is encoded for the place where it stands.
"""

from __future__ import annotations

import re
import string

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from podium.core.codec import short
from podium.core.errors import InvalidOption
from podium.core.secrets import resolve
from podium.tools.net_errors import ArgumentRefused

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VISIBLE: Final = re.compile(r"[\x20-\x7e\t]*")
_WRITTEN_IN_PATHS: Final = "/:@!$&'()*+,;=-._~%"
_MANAGED: Final = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"}
)


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of an argument."""

    name: str


@dataclass(frozen=True, slots=True)
class Template:
    """A text with places for arguments.

    Attributes:
        parts: Texts and places, in order.
    """

    parts: tuple[str | Slot, ...]

    @classmethod
    def of(cls, text: str, what: str) -> Template:
        """Read ``{name}``; ``{{`` stands for one brace.

        Raises:
            InvalidOption: There is something else in braces.
        """
        parts: list[str | Slot] = []
        try:
            for literal, name, spec, conversion in string.Formatter().parse(text):
                if literal:
                    parts.append(literal)
                if name is None:
                    continue
                if not name.isidentifier() or spec or conversion:
                    raise ValueError(f"{{{name}}} is no name")
                parts.append(Slot(name))
        except ValueError as problem:
            raise InvalidOption(
                f"{what}={text!r}: {problem}; an argument stands as {{name}}, a brace as {{{{."
            ) from None
        return cls(tuple(parts))

    @property
    def names(self) -> list[str]:
        """The arguments in it."""
        return [one.name for one in self.parts if isinstance(one, Slot)]

    @property
    def whole(self) -> str | None:
        """The argument that it consists of, if it is nothing else."""
        return self.names[0] if len(self.parts) == 1 and self.names else None

    def fill(
        self,
        values: Mapping[str, Any],
        encode: Callable[[Any, str], str],
        written: Callable[[str], str] = resolve,
    ) -> str:
        """Return the text.

        Args:
            values: The arguments.
            encode: Makes text of a value, given its name too.
            written: What becomes of the author's own text.

        Raises:
            ArgumentRefused: A value cannot stand there.
        """
        return "".join(
            written(one) if isinstance(one, str) else encode(_given(values, one.name), one.name)
            for one in self.parts
        )


def quoted(value: Any, name: str) -> str:
    """Return a value as a part of a path; it ends no part.

    Raises:
        ArgumentRefused: It is none of text, number, true and false.
    """
    return quote(text_of(value, name), safe="")


def path_of(
    template: Template,
    values: Mapping[str, Any],
    written: Callable[[str], str] = resolve,
    encode: Callable[[Any, str], str] = quoted,
) -> str:
    """Return a path whose segments are those of the template, whatever the values are.

    Args:
        template: The path.
        values: The arguments.
        written: What becomes of the author's own text.
        encode: Makes a part of a path of a value, given its name too.

    Raises:
        ArgumentRefused: A value would make an empty segment, ``.`` or ``..``.
    """
    marked = template.fill(
        values,
        lambda value, name: f"\0{encode(value, name)}",
        lambda text: quote(written(text).replace("\0", ""), safe=_WRITTEN_IN_PATHS),
    )
    for segment in marked.split("/"):
        if "\0" in segment and segment.replace("\0", "") in ("", ".", ".."):
            raise ArgumentRefused(
                f"The arguments make {segment.replace(chr(0), '')!r} of a part of the path; "
                "that would be another address."
            )
    return marked.replace("\0", "")


def text_of(value: Any, name: str) -> str:
    """Return a value as text, for a path, a header, or inside of a longer text.

    Raises:
        ArgumentRefused: It is none of text, number, true and false.
    """
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ArgumentRefused(f"{name} is {short(value)}, which is no valid Unicode.") from None
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    raise ArgumentRefused(
        f"{name} is {short(value)}; where it is to stand there is room for a text or a number."
    )


def query_of(name: str, template: Template, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give what stands for one name in the query: nothing for null, each item of a list.

    Raises:
        ArgumentRefused: A value cannot stand there.
    """
    if template.whole is None:
        if all(values.get(one) is not None for one in template.names):
            yield name, template.fill(values, text_of)
        return
    value = values.get(template.whole)
    for one in value if isinstance(value, list) else [value]:
        if one is not None:
            yield name, text_of(one, template.whole)


def header_value(text: str, name: str) -> str:
    """Return the value of a header.

    Raises:
        ArgumentRefused: It has a character that would end the header, or none of ASCII.
    """
    if not _VISIBLE.fullmatch(text):
        raise ArgumentRefused(
            f"The header {name} would hold a line break, a control character or one beyond ASCII; "
            "nothing was sent."
        )
    return text.strip()


def header_name(name: str) -> str:
    """Return the name of a header.

    Raises:
        InvalidOption: It is none, or one that follows from the request.
    """
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        raise InvalidOption(f"{name!r} is no name of a header.")
    if name.lower() in _MANAGED:
        raise InvalidOption(f"The header {name} follows from the request; leave it out.")
    return name


class _Absent:
    """What an optional argument is that was not given."""


ABSENT: Final = _Absent()


def shape_of(value: Any, what: str) -> Any:
    """Read a body: every string in it is a template.

    Raises:
        InvalidOption: There is something in braces that is no name.
    """
    if isinstance(value, str):
        return Template.of(value, what)
    if isinstance(value, Mapping):
        return {str(key): shape_of(one, f"{what}.{key}") for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [shape_of(one, f"{what}[{index}]") for index, one in enumerate(value)]
    return value


def names_in(shape: Any) -> Iterator[str]:
    """Give the arguments that a body names."""
    if isinstance(shape, Template):
        yield from shape.names
    elif isinstance(shape, dict | list):
        for one in shape.values() if isinstance(shape, dict) else shape:
            yield from names_in(one)


def filled(shape: Any, values: Mapping[str, Any]) -> Any:
    """Return a body. A place alone takes the value as it is; one not given is left out.

    Raises:
        ArgumentRefused: A value cannot stand inside of a longer text.
    """
    if isinstance(shape, Template):
        if shape.whole is not None:
            return values.get(shape.whole, ABSENT)
        return shape.fill(values, text_of)
    if isinstance(shape, dict):
        pairs = ((key, filled(one, values)) for key, one in shape.items())
        return {key: one for key, one in pairs if one is not ABSENT}
    if isinstance(shape, list):
        return [one for one in (filled(each, values) for each in shape) if one is not ABSENT]
    return shape


def _given(values: Mapping[str, Any], name: str) -> Any:
    value = values.get(name)
    if value is None:
        raise ArgumentRefused(f"{name} is missing; the request cannot be written without it.")
    return value

"""``podium.extract``: data out of a text from outside, in a form that has no room for words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar, cast

import msgspec

from podium.core.codec import codec_for, encode_message, plain
from podium.core.errors import InputInvalid, InvalidOption, ValueNotPortable
from podium.core.limits import PAYLOAD_BYTES_MAX
from podium.core.schema import result_schema
from podium.tools.narrow import INTEGER_MAX, TEXT_CHARS_MAX, room_for_text

T = TypeVar("T")
_CHARS_MAX: Final = 200
"""The longest number or choice, as a text."""


class ExtractionFailed(InputInvalid):
    """A text from outside holds nothing of the type that was asked for; it is not quoted."""

    code = "extraction-failed"


async def extract(
    source: Any, into: type[T], *, using: Callable[[str, type[T]], Awaitable[Any]] | None = None
) -> T:
    """Take data out of what came from outside; what it gives rests on nothing from outside.

    The type has no room for words: numbers, booleans, choices (``Literal``, enums), dates, uuids, texts
    with a pattern that has a short end and no spaces, and dataclasses or short lists of such.
    So calls that rest on the value alone may say ``labels=()``.

    Args:
        source: A text (JSON, or the value itself), or a value as JSON.
        into: The type.
        using: Reads the text, given it and the type, such as ``model.value`` of a model without tools.

    Raises:
        InvalidOption: The type has room for words; the message says where.
        ExtractionFailed: What came is no such value.
    """
    room = room_for_text(result_schema(into))
    if room is not None:
        raise InvalidOption(
            f"extract(…, {_name(into)}): {room}, and so what is in it could be somebody's words. Use "
            "numbers, booleans, Literal, enums, dates, or a pattern without spaces of at most "
            f"{TEXT_CHARS_MAX} characters."
        )
    found = source
    if using is not None:
        found = await using(source if isinstance(source, str) else _as_json(source).decode(), into)
    value = _decoded(found, into)
    _require_small(plain(value), into)
    return value


def _decoded(found: Any, into: type[T]) -> T:
    codec = codec_for(into)
    forms = [_as_json(found)]
    if isinstance(found, str):
        forms = [found.encode(), _as_json(found.strip())]
    for encoded in forms:
        try:
            return cast("T", codec.decode(encoded))
        except ValueNotPortable:
            continue
    raise ExtractionFailed(f"What came from outside is no {_name(into)}.")


def _as_json(value: Any) -> bytes:
    try:
        return encode_message(plain(value), "what is extracted from", PAYLOAD_BYTES_MAX)
    except (TypeError, msgspec.ValidationError) as problem:
        raise InputInvalid(f"extract: the source has no JSON form: {problem}") from None


def _require_small(value: Any, into: Any) -> None:
    """Refuse numbers and times so long that they could spell something."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list | tuple):
            waiting.extend(one)
        elif (isinstance(one, int) and abs(one) > INTEGER_MAX) or (
            isinstance(one, str) and len(one) > _CHARS_MAX
        ):
            raise ExtractionFailed(f"What came from outside is too large for a {_name(into)}.")


def _name(into: Any) -> str:
    return getattr(into, "__name__", None) or str(into)

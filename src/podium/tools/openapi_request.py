"""How the parameters of OpenAPI are written into a request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec

from podium.core.codec import short
from podium.tools.net_errors import ArgumentRefused
from podium.tools.openapi_document import Parameter
from podium.tools.templates import header_value, text_of

_BEGIN: Final = {"simple": "", "label": ".", "matrix": ";"}
_BETWEEN: Final = {"spaceDelimited": "%20", "pipeDelimited": "%7C"}


def in_path(one: Parameter, value: Any) -> str:
    """Return what stands in the path; nothing in a value ends its part."""
    return _BEGIN[one.style] + _written(one, value, _quoted)


def in_query(one: Parameter, value: Any) -> Iterator[str]:
    """Give the pairs, encoded, that stand in the query."""
    name = quote(one.name, safe="")
    if one.is_json:
        yield f"{name}={_quoted(_json(value), one.argument)}"
    elif one.style == "deepObject" and isinstance(value, Mapping):
        yield from _deep(name, value, one.argument)
    elif one.explode and isinstance(value, Mapping):
        for key, item in value.items():
            yield f"{quote(str(key), safe='')}={_quoted(item, one.argument)}"
    elif one.explode and isinstance(value, list):
        for item in value:
            yield f"{name}={_quoted(item, one.argument)}"
    else:
        yield f"{name}={_joined(value, one, _BETWEEN.get(one.style, ','), _quoted)}"


def in_header(one: Parameter, value: Any) -> str:
    """Return the value of a header.

    Raises:
        ArgumentRefused: It has what cannot stand in one.
    """
    text = _json(value) if one.is_json else _joined(value, one, ",", text_of)
    return header_value(text, one.name)


def in_cookie(one: Parameter, value: Any) -> str:
    """Return ``name=value``, encoded."""
    text = _quoted(_json(value), one.argument) if one.is_json else _joined(value, one, ",", _quoted)
    return header_value(f"{one.name}={text}", "Cookie")


def _written(one: Parameter, value: Any, encode: Callable[[Any, str], str]) -> str:
    """Write a value into the path in its style."""
    if one.is_json:
        return encode(_json(value), one.argument)
    between = {"simple": ",", "label": ".", "matrix": ";"}[one.style] if one.explode else ","
    if one.style != "matrix":
        return _joined(value, one, between, encode)
    name = quote(one.name, safe="")
    if isinstance(value, list) and one.explode:
        return between.join(f"{name}={encode(item, one.argument)}" for item in value)
    if isinstance(value, Mapping) and one.explode:
        return _joined(value, one, between, encode)
    return f"{name}={_joined(value, one, ',', encode)}"


def _joined(value: Any, one: Parameter, between: str, encode: Callable[[Any, str], str]) -> str:
    if isinstance(value, list):
        return between.join(encode(item, one.argument) for item in value)
    if isinstance(value, Mapping):
        glue = "=" if one.explode else between
        return between.join(
            f"{encode(str(key), one.argument)}{glue}{encode(item, one.argument)}"
            for key, item in value.items()
        )
    return encode(value, one.argument)


def _deep(name: str, value: Any, argument: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _deep(f"{name}%5B{quote(str(key), safe='')}%5D", item, argument)
    elif isinstance(value, list):
        for item in value:
            yield from _deep(name, item, argument)
    elif value is not None:
        yield f"{name}={_quoted(value, argument)}"


def _quoted(value: Any, argument: str) -> str:
    if value is None:
        return ""
    if isinstance(value, list | Mapping):
        raise ArgumentRefused(f"{argument} holds {short(value)}; its items must be plain values.")
    return quote(text_of(value, argument), safe="")


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()

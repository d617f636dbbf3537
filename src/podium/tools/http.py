"""``http_tool``: one kind of request to a service, as a tool."""

from __future__ import annotations

import functools
import inspect
import sys

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Unpack, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

from podium.core.codec import codec_for, decode_any, encode, type_hints
from podium.core.errors import InvalidOption, ValueNotPortable
from podium.core.schema import type_schema
from podium.core.secrets import resolve
from podium.functions.options import CommonKeywords
from podium.tools.extras import needed
from podium.tools.http_call import (
    WIRE_OPTIONS,
    HttpCall,
    Manner,
    WireKeywords,
    method_named,
    safety_of,
    without_hopeless,
)
from podium.tools.json_path import JsonPath
from podium.tools.net_errors import ReplyUnusable
from podium.tools.templates import (
    ABSENT,
    Template,
    filled,
    header_name,
    header_value,
    names_in,
    path_of,
    query_of,
    shape_of,
    text_of,
)
from podium.tools.tool import SafetyKeywords, Tool, ToolKeywords, tool

if TYPE_CHECKING:
    from podium.tools.wire import Request

_BODILESS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_SCALAR: Final[Mapping[str, Any]] = {"type": ["string", "number", "boolean"]}


class HttpKeywords(WireKeywords, CommonKeywords, SafetyKeywords, total=False):
    """Options of :func:`http_tool`: those of the wire, those of a tool, and

    Attributes:
        result: The part of the reply that is the result, as JSONPath: ``$.data.status``.
        returns: The type of the result, or its JSON Schema.
        auth: (user, password) for HTTP Basic; the password as a reference to a secret.
        description: What it does, for people and models.
        namespace, version, tags, examples: As of :func:`podium.tool`.
    """

    result: str
    returns: Any
    auth: tuple[str, str]
    description: str
    namespace: str
    version: str | int
    tags: Sequence[str]
    examples: Sequence[Mapping[str, Any]]


_OWN: Final = frozenset({"result", "returns", "auth"}) | WIRE_OPTIONS


def http_tool(
    name: str, /, *, url: str, method: str = "GET",
    parameters: Callable[..., Any] | Mapping[str, Any] | None = None,
    query: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None,
    body: Any = None, **options: Unpack[HttpKeywords],
) -> Tool[..., Any, Any]:  # fmt: skip
    """Make and register a tool that makes one kind of HTTP request.

    ``{name}`` in the URL's path, the query, the headers and the body stands for an argument. Each is
    encoded for its place, so that a value changes nothing but itself. References to secrets
    (``secret://env/NAME``) are followed in what is written here, never in arguments.

    Args:
        name: Of the tool.
        url: Where to; the host is fixed.
        method: GET, HEAD, OPTIONS, POST, PUT, PATCH or DELETE.
        parameters: What the arguments are: a mapping of names to types or JSON Schemas, the JSON
            Schema of an object, or a function that has them as parameters (its docstring and its
            return type count too). Left out: texts and numbers in path, query and headers, any
            JSON in the body.
        query: Names and values; null is left out, a list gives one for each of its items.
        headers: Names and values.
        body: Sent as JSON. A text of one place takes the argument as it is.
        options: See :class:`HttpKeywords`.

    Raises:
        InvalidOption: An option makes no sense, or the extra ``http`` is not installed.
        NameTaken: Another module has a tool of that name.
    """
    what = f"http_tool({name!r})"
    needed("httpx2", "http", what)
    given: dict[str, Any] = dict(options)
    method = method_named(what, method)
    shape = Shape.of(
        what, method, url, query=query or {}, headers=headers or {}, body=body,
        auth=given.get("auth"),
    )  # fmt: skip
    manner = Manner.of(what, method, given)
    if manner.idempotency_header is not None:
        header_name(manner.idempotency_header)
    path = JsonPath(given["result"]) if given.get("result") is not None else None

    def prepare(arguments: dict[str, Any], key: str) -> Request:
        return shape.request(arguments, manner.idempotency_header, key)

    call = HttpCall(prepare, manner, path, module_of_caller())
    rest = {key: value for key, value in given.items() if key not in _OWN}
    rest["effect"] = manner.effect
    rest = {**safety_of(method), **rest}
    if "retry" in rest:
        rest["retry"] = without_hopeless(rest["retry"])
    if callable(parameters):
        if "returns" in given:
            raise InvalidOption(f"{what}: the function given as parameters says what it returns.")
        return _of_function(what, name, parameters, shape, call, rest)
    description = rest.pop("description", f"{method} {shape.place}")
    schema = input_schema(what, shape, parameters)
    output = _output_schema(given.get("returns"), has_none=bool(manner.none_on))
    return Tool.from_schema(
        name, description, schema, output, call=call,
        **cast("ToolKeywords", rest),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shape:
    """A request with places for arguments.

    Attributes:
        method: In capitals.
        origin: Scheme, host and port of the URL.
        path: What follows it.
        query: Names and values in the query.
        headers: Names and values of headers.
        body: What is sent as JSON; ``ABSENT`` where nothing is.
        auth: User and password.
    """

    method: str
    origin: str
    path: Template
    query: tuple[tuple[str, Template], ...]
    headers: tuple[tuple[str, Template], ...]
    body: Any
    auth: tuple[str, str] | None

    @classmethod
    def of(
        cls, what: str, method: str, url: str, *, query: Mapping[str, Any],
        headers: Mapping[str, str], body: Any, auth: tuple[str, str] | None,
    ) -> Shape:  # fmt: skip
        """Read what the author wrote.

        Raises:
            InvalidOption: It makes no sense.
        """
        if body is not None and method in _BODILESS:
            raise InvalidOption(f"{what}: a {method} has no body; use query=.")
        origin, path, written = split_url(what, url)
        pairs = [(key, Template.of(value, f"{what}: url")) for key, value in written]
        pairs += [(key, _template(f"{what}: query {key}", value)) for key, value in query.items()]
        return cls(
            method, origin, Template.of(path, f"{what}: url"), tuple(pairs),
            tuple((header_name(key), _template(f"{what}: headers {key}", value))
                  for key, value in headers.items()),
            ABSENT if body is None else shape_of(body, f"{what}: body"), auth,
        )  # fmt: skip

    @property
    def place(self) -> str:
        """The URL with its places, without the query."""
        written = "".join(
            one if isinstance(one, str) else f"{{{one.name}}}" for one in self.path.parts
        )
        return f"{self.origin}{written}"

    def names(self) -> dict[str, bool]:
        """Return the arguments it takes, in order; true for those that it cannot do without."""
        found = dict.fromkeys(self.path.names, True)
        for _, template in (*self.query, *self.headers):
            found.update({one: found.get(one, False) for one in template.names})
        for one in names_in(self.body):
            found.setdefault(one, False)
        return found

    def request(self, values: Mapping[str, Any], key_header: str | None, key: str) -> Request:
        """Return the request for some arguments.

        Raises:
            ArgumentRefused: A value cannot stand where it is to stand.
        """
        from podium.tools.wire import Request

        pairs = [pair for name, one in self.query for pair in query_of(name, one, values)]
        url = f"{self.origin}{path_of(self.path, values)}"
        content: bytes | None = None if self.method in _BODILESS else b""
        headers = [("Accept", "application/json, text/*;q=0.5")]
        body = filled(self.body, values) if self.body is not ABSENT else ABSENT
        if body is not ABSENT:
            content = msgspec.json.encode(body)
            headers.append(("Content-Type", "application/json"))
        headers += self._headers(values)
        if key_header is not None:
            headers.append((key_header, key))
        if self.auth is not None:
            headers.append(("Authorization", basic(*map(resolve, self.auth))))
        return Request(
            method=self.method,
            url=f"{url}?{urlencode(pairs)}" if pairs else url,
            shown=f"{self.method} {self.origin}{path_of(self.path, values, str)}",
            headers=deduplicated(headers),
            body=content,
        )

    def _headers(self, values: Mapping[str, Any]) -> list[tuple[str, str]]:
        return [
            (name, header_value(template.fill(values, text_of), name))
            for name, template in self.headers
            if all(values.get(one) is not None for one in template.names)
        ]


def split_url(what: str, url: str) -> tuple[str, str, list[tuple[str, str]]]:
    """Return (scheme and host, path, query) of a URL with places.

    Raises:
        InvalidOption: It is no URL of a service, or a place stands in its host.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except (ValueError, TypeError, AttributeError) as problem:
        raise InvalidOption(f"{what}: url={url!r} is no URL: {problem}.") from None
    if parts.scheme not in ("http", "https") or not host:
        raise InvalidOption(f"{what}: url={url!r}; expected http://… or https://….")
    if parts.username is not None or parts.fragment:
        raise InvalidOption(
            f"{what}: a URL of a tool has no user, no password and no #fragment; use auth=."
        )
    if "{" in parts.netloc or "secret:" in parts.netloc:
        raise InvalidOption(
            f"{what}: the host of url={url!r} is fixed; an argument must not choose who is "
            "asked, and is sent the secrets."
        )
    shown = f"[{host}]" if ":" in host else host
    query = parse_qsl(parts.query, keep_blank_values=True)
    return f"{parts.scheme}://{shown}{f':{port}' if port else ''}", parts.path or "/", query


def basic(user: str, password: str) -> str:
    """Return the header of HTTP Basic."""
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def deduplicated(headers: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return headers, of several of one name the last."""
    return tuple({name.lower(): (name, value) for name, value in headers}.values())


def module_of_caller() -> str:
    """Return the module that called into this package."""
    frame = sys._getframe(1)  # noqa: SLF001 - who defines the tool
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("podium."):
        frame = frame.f_back
    return str(frame.f_globals.get("__name__", "__main__"))


def _template(what: str, value: Any) -> Template:
    if isinstance(value, bool):
        value = "true" if value else "false"
    if isinstance(value, str | int | float):
        return Template.of(str(value), what)
    raise InvalidOption(f"{what}={value!r}; expected a text such as '{{name}}'.")


def input_schema(what: str, shape: Shape, parameters: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the JSON Schema of the arguments of a request.

    Raises:
        InvalidOption: The arguments and the places in the request differ.
    """
    names = shape.names()
    if parameters is not None and parameters.get("type") == "object":
        schema = {"additionalProperties": False, **parameters}
        _require_used(what, schema.get("properties", {}), names)
        return schema
    in_body = set(names_in(shape.body))
    given = dict(parameters or {})
    _require_used(what, given, names)
    properties = {
        one: _schema_of(given[one]) if one in given else ({} if one in in_body else dict(_SCALAR))
        for one in names
    }
    required = [one for one in names if names[one] or not _takes_null(properties[one])]
    definitions = _lifted(what, properties)
    return {
        "type": "object", "properties": properties, "required": required,
        "additionalProperties": False, **definitions,
    }  # fmt: skip


def _lifted(what: str, properties: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Take the definitions out of schemas to where their references look: the top."""
    definitions: dict[str, Any] = {}
    for one, schema in properties.items():
        for name, definition in schema.pop("$defs", {}).items():
            if definitions.setdefault(name, definition) != definition:
                raise InvalidOption(
                    f"{what}: parameter {one!r} has a type {name!r}, and so has another one with "
                    "other fields; give one of the two another name."
                )
    return {"$defs": definitions} if definitions else {}


def _output_schema(returns: Any, *, has_none: bool) -> dict[str, Any] | None:
    if returns is None:
        return None
    schema = _schema_of(returns)
    if not has_none or _takes_null(schema):
        return schema
    definitions = {"$defs": schema.pop("$defs")} if "$defs" in schema else {}
    return {"anyOf": [schema, {"type": "null"}], **definitions}


def _require_used(what: str, given: Mapping[str, Any], names: Mapping[str, bool]) -> None:
    unused = [one for one in given if one not in names]
    if unused:
        raise InvalidOption(
            f"{what}: parameters has {', '.join(map(repr, unused))}, and no place in the url, the "
            f"query, the headers or the body takes it: write {{{unused[0]}}} there."
        )
    missing = [one for one in names if given and one not in given]
    if missing:
        raise InvalidOption(
            f"{what}: {{{missing[0]}}} stands in the request, and parameters has no such name."
        )


def _schema_of(kind: Any) -> dict[str, Any]:
    return dict(kind) if isinstance(kind, Mapping) else type_schema(kind)


def _takes_null(schema: Mapping[str, Any]) -> bool:
    types = schema.get("type", ())
    if "null" in ([types] if isinstance(types, str) else types):
        return True
    return any(_takes_null(one) for one in schema.get("anyOf", ()))


def _of_function(
    what: str, name: str, function: Callable[..., Any], shape: Shape, call: HttpCall,
    options: Mapping[str, Any],
) -> Tool[..., Any, Any]:  # fmt: skip
    """Make a tool that has the parameters, the result and the docstring of a function."""
    signature = inspect.signature(function)
    returns = codec_for(type_hints(function).get("return", Any))
    _require_used(what, signature.parameters, shape.names())

    async def request(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        parameters = signature.parameters
        given = {
            key: value
            for key, value in bound.arguments.items()
            if value is not None or parameters[key].default is not None
        }
        value = await call(decode_any(encode(given, f"the arguments of {name}")))
        try:
            return returns.decode(encode(value, f"the result of {name}"))
        except ValueNotPortable as problem:
            raise ReplyUnusable(f"{what}: the reply does not fit: {problem}") from problem

    target = functools.wraps(function)(request)
    return cast("Tool[..., Any, Any]", tool(target, name=name, **cast("Any", options)))

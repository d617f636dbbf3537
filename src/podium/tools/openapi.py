"""``openapi_tools``: the operations of a service as tools, from its OpenAPI document."""

from __future__ import annotations

import difflib
import os

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Unpack, cast

import msgspec

from podium.core.errors import InvalidOption
from podium.core.secrets import resolve
from podium.functions.options import CommonKeywords
from podium.tools.extras import needed
from podium.tools.http import basic, deduplicated, module_of_caller, split_url
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
from podium.tools.openapi_document import Document, Operation, Parameter, Unusable, is_json
from podium.tools.openapi_request import in_cookie, in_header, in_path, in_query
from podium.tools.openapi_schema import Schemas
from podium.tools.templates import Slot, Template, header_name, header_value, path_of
from podium.tools.tool import SafetyKeywords, Tool, ToolKeywords

if TYPE_CHECKING:
    from podium.tools.wire import Request

Auth = Mapping[str, str | tuple[str, str]]
_STYLES: Final = {
    "path": {"simple", "label", "matrix"},
    "query": {"form", "spaceDelimited", "pipeDelimited", "deepObject"},
    "header": {"simple"},
    "cookie": {"form"},
}
_KEY_HEADERS: Final = frozenset({"idempotency-key", "x-idempotency-key"})
_OWN: Final = frozenset({"result", "name", "description", "tags"}) | WIRE_OPTIONS


class OpenApiKeywords(WireKeywords, CommonKeywords, SafetyKeywords, total=False):
    """Options of every tool of a document: those of the wire, those of a task, and

    Attributes:
        namespace: What stands before their names.
        version: Of the tools.
    """

    namespace: str
    version: str | int


class OpenApiTools(dict[str, Tool[..., Any, Any]]):
    """The tools of a document, by operationId.

    Attributes:
        skipped: The operations that are no tools, each with the reason.
    """

    def __init__(self) -> None:
        super().__init__()
        self.skipped: dict[str, str] = {}


def openapi_tools(
    document: str | os.PathLike[str] | Mapping[str, Any], /, *,
    only: Iterable[str] | None = None, base_url: str | None = None, auth: Auth | None = None,
    overrides: Mapping[str, Mapping[str, Any]] | None = None, **options: Unpack[OpenApiKeywords],
) -> OpenApiTools:  # fmt: skip
    """Make and register a tool of each operation of an OpenAPI document (3.0, 3.1, 3.2).

    Names are operationIds. Arguments are the parameters, by name, and ``body``. The effect follows
    from the method; a header ``Idempotency-Key`` of an operation is given the key of the step.

    Args:
        document: The path of a YAML or JSON file, or the document itself. Nothing outside of it
            is fetched.
        only: operationIds; all of them unless given.
        base_url: Where the service is, in place of the document's ``servers``.
        auth: For each security scheme its secret, by reference: a text for keys and tokens, (user,
            password) for HTTP Basic.
        overrides: Options of single tools, by operationId: ``effect``, ``name``, ``description``,
            ``tags``, ``result``, and all that ``options`` may have.
        options: Of every tool; see :class:`OpenApiKeywords`.

    Raises:
        InvalidOption: The document is none, an option makes no sense, or an operation in ``only``
            cannot be a tool.
        NameTaken: Another module has a tool of one of the names.
    """
    needed("httpx2", "http", "openapi_tools")
    source = Document(document)
    found = dict(source.operations())
    wanted = list(found) if only is None else list(only)
    for name in (*wanted, *(overrides or {})):
        if name not in found:
            near = difflib.get_close_matches(name, found, n=3) or list(found)[:10]
            raise InvalidOption(
                f"openapi_tools: the document has no operation {name!r}; it has {', '.join(near)}."
            )
    maker = _Maker(source, base_url, auth or {}, module_of_caller())
    tools = OpenApiTools()
    for name in wanted:
        try:
            tools[name] = maker.tool(found[name], {**options, **(overrides or {}).get(name, {})})
        except Unusable as problem:
            tools.skipped[name] = str(problem)
            if only is not None:
                raise InvalidOption(f"openapi_tools: {name} cannot be a tool: {problem}.") from None
    if not tools:
        reasons = "; ".join(f"{name}: {why}" for name, why in [*tools.skipped.items()][:3])
        raise InvalidOption(f"openapi_tools: no operation can be a tool. {reasons}")
    return tools


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes the tools of one document."""

    document: Document
    base_url: str | None
    auth: Auth
    module: str

    def tool(
        self, operation: Operation | Unusable, options: Mapping[str, Any]
    ) -> Tool[..., Any, Any]:
        if isinstance(operation, Unusable):
            raise operation
        what = f"openapi_tools: {operation.id}"
        given = dict(options)
        header = _key_header(operation)
        if header is not None:
            given.setdefault("idempotency_header", header)
        manner = Manner.of(what, method_named(what, operation.method), given)
        body, body_schema, needs_body = self._body(operation)
        plan = _Plan(
            operation.method,
            *_place(what, self.base_url or _server(operation), operation),
            tuple(one for one in operation.parameters if one.name != manner.idempotency_header),
            body, self._logins(operation), manner.idempotency_header,
        )  # fmt: skip
        schema = self._arguments(plan, body_schema, needs_body=needs_body)
        result = JsonPath(given["result"]) if given.get("result") is not None else None
        call = HttpCall(plan.request, manner, result, self.module)
        rest = {key: value for key, value in given.items() if key not in _OWN}
        rest["effect"] = manner.effect
        rest = {**safety_of(operation.method), **rest}
        rest["tags"] = given.get("tags", [str(one) for one in operation.item.get("tags", ())])
        if "retry" in rest:
            rest["retry"] = without_hopeless(rest["retry"])
        output = None if result is not None else self._output(operation, manner)
        return Tool.from_schema(
            given.get("name", operation.id), given.get("description") or _words(operation), schema,
            output, call=call, **cast("ToolKeywords", rest),
        )  # fmt: skip

    def _body(self, operation: Operation) -> tuple[str, Any, bool]:
        """Return (name of the argument, schema, whether it must be given); no name: no body."""
        given = operation.item.get("requestBody")
        if given is None:
            return "", None, False
        whole = self.document.whole(given)
        content = whole.get("content", {})
        media = next((one for kind, one in content.items() if is_json(kind)), None)
        if media is None:
            raise Unusable(f"its body is {', '.join(content) or 'of no type'}, not JSON")
        taken = {one.argument for one in operation.parameters}
        name = "request_body" if "body" in taken else "body"
        return name, media.get("schema", {}), bool(whole.get("required"))

    def _arguments(self, plan: _Plan, body: Any, *, needs_body: bool) -> dict[str, Any]:
        schemas = Schemas(self.document, is_input=True)
        properties = {one.argument: schemas.of(one.schema) for one in plan.parameters}
        required = [one.argument for one in plan.parameters if one.is_required]
        if plan.body:
            properties[plan.body] = schemas.of(body)
            required += [plan.body] if needs_body else []
        return schemas.whole(
            {
                "type": "object", "properties": properties, "required": required,
                "additionalProperties": False,
            }
        )  # fmt: skip

    def _output(self, operation: Operation, manner: Manner) -> dict[str, Any] | None:
        """Return what every reply of success fits; None where one says nothing."""
        schemas = Schemas(self.document, is_input=False)
        found: list[Any] = [{"type": "null"}] if manner.none_on else []
        for status, given in operation.item.get("responses", {}).items():
            if not str(status).startswith("2"):
                continue
            content = self.document.whole(given).get("content") or {}
            media = next((one for kind, one in content.items() if is_json(kind)), None)
            if content and (media is None or "schema" not in media):
                return None
            found.append({"type": "null"} if media is None else schemas.of(media["schema"]))
        if all(one == {"type": "null"} for one in found):
            return None
        return schemas.whole(found[0] if len(found) == 1 else {"anyOf": found})

    def _logins(self, operation: Operation) -> tuple[_Login, ...]:
        """Return what the first way to log in needs that there are secrets for.

        Raises:
            Unusable: There is none.
        """
        ways = operation.item.get("security", self.document.root.get("security")) or [{}]
        schemes = self.document.root.get("components", {}).get("securitySchemes", {})
        for way in ways:
            if all(name in self.auth for name in way):
                return tuple(
                    _login(name, self.document.whole(schemes.get(name)), self.auth[name])
                    for name in way
                )
        needs = " or ".join("+".join(way) for way in ways)
        raise Unusable(f"it needs the secrets of {needs}; give them as auth={{…}}")


@dataclass(frozen=True, slots=True)
class _Login:
    """One secret and where it stands.

    Attributes:
        place: ``header``, ``query``, ``cookie`` or ``basic``.
        name: What it is called there.
        texts: The secret by reference; for HTTP Basic user and password.
    """

    place: str
    name: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Plan:
    """How the arguments of an operation become a request."""

    method: str
    origin: str
    path: Template
    parameters: tuple[Parameter, ...]
    body: str
    logins: tuple[_Login, ...]
    key_header: str | None

    def request(self, values: dict[str, Any], key: str) -> Request:
        """Return the request for some arguments.

        Raises:
            ArgumentRefused: A value cannot stand where it is to stand.
        """
        from podium.tools.wire import Request

        query: list[str] = []
        cookies: list[str] = []
        headers = [("Accept", "application/json, text/*;q=0.5")]
        for one in self.parameters:
            value = values.get(one.argument)
            if value is None:
                continue
            if one.place == "query":
                query += in_query(one, value)
            elif one.place == "header":
                headers.append((one.name, in_header(one, value)))
            elif one.place == "cookie":
                cookies.append(in_cookie(one, value))
        content: bytes | None = None if self.method in ("GET", "HEAD", "OPTIONS") else b""
        if self.body in values:
            content = msgspec.json.encode(values[self.body])
            headers.append(("Content-Type", "application/json"))
        if self.key_header is not None:
            headers.append((self.key_header, key))
        self._log_in(query, cookies, headers)
        if cookies:
            headers.append(("Cookie", "; ".join(cookies)))
        path = self._path(values)
        return Request(
            method=self.method,
            url=f"{self.origin}{path}{'?' if query else ''}{'&'.join(query)}",
            shown=f"{self.method} {self.origin}{path}",
            headers=deduplicated(headers),
            body=content,
        )

    def _path(self, values: Mapping[str, Any]) -> str:
        by_name = {one.name: one for one in self.parameters if one.place == "path"}
        given = {one.name: values.get(one.argument) for one in by_name.values()}
        return path_of(self.path, given, str, lambda value, name: in_path(by_name[name], value))

    def _log_in(self, query: list[str], cookies: list[str], headers: list[tuple[str, str]]) -> None:
        for one in self.logins:
            texts = [resolve(text) for text in one.texts]
            plain = Parameter("auth", one.name, one.place, "form", False, False, True, {})
            if one.place == "basic":
                headers.append(("Authorization", basic(*texts)))
            elif one.place == "header":
                headers.append((one.name, header_value(texts[0], one.name)))
            elif one.place == "query":
                query += in_query(plain, texts[0])
            else:
                cookies.append(in_cookie(plain, texts[0]))


def _login(name: str, scheme: Mapping[str, Any], given: str | tuple[str, str]) -> _Login:
    kind, word = scheme.get("type"), str(scheme.get("scheme", "")).lower()
    if kind == "http" and word == "basic":
        if isinstance(given, str) or len(given) != 2:
            raise InvalidOption(f"auth[{name!r}]: HTTP Basic takes (user, password).")
        return _Login("basic", "Authorization", tuple(given))
    if not isinstance(given, str):
        raise InvalidOption(f"auth[{name!r}]: expected a text, such as 'secret://env/NAME'.")
    if kind == "apiKey" and scheme.get("in") in ("header", "query", "cookie"):
        return _Login(str(scheme["in"]), str(scheme.get("name")), (given,))
    if kind in ("oauth2", "openIdConnect") or (kind == "http" and word == "bearer"):
        return _Login("header", "Authorization", (f"Bearer {given}",))
    raise Unusable(f"its security scheme {name!r} is {kind} {word}, which is not supported")


def _key_header(operation: Operation) -> str | None:
    """Return the header that takes the key of the step, if the operation has one."""
    headers = (one.name for one in operation.parameters if one.place == "header")
    return next((name for name in headers if name.lower() in _KEY_HEADERS), None)


def _server(operation: Operation) -> str:
    """Return where an operation is, after the document."""
    if not operation.servers:
        raise InvalidOption("openapi_tools: the document names no server; give base_url=.")
    server = operation.servers[0]
    url = str(server.get("url", ""))
    for name, variable in server.get("variables", {}).items():
        url = url.replace(f"{{{name}}}", str(variable.get("default", "")))
    if "://" not in url:
        raise InvalidOption(
            f"openapi_tools: the document's server is {url!r}, which says no host; give base_url=."
        )
    return url


def _place(what: str, server: str, operation: Operation) -> tuple[str, Template]:
    """Return (origin, path) of an operation.

    Raises:
        Unusable: Path and parameters do not fit together.
    """
    origin, base, query = split_url(what, server)
    if query:
        raise InvalidOption(f"{what}: the server {server!r} has a query.")
    path = Template(tuple(_pieces(f"{base.rstrip('/')}{operation.path}")))
    declared = {one.name for one in operation.parameters if one.place == "path"}
    if set(path.names) != declared:
        odd = ", ".join(sorted(set(path.names) ^ declared))
        raise Unusable(f"its path {operation.path!r} and its path parameters differ: {odd}")
    for one in operation.parameters:
        if one.style not in _STYLES[one.place]:
            raise Unusable(f"the parameter {one.name!r} has the style {one.style!r}")
        if one.place in ("header", "cookie"):
            try:
                header_name(one.name)
            except InvalidOption as problem:
                raise Unusable(f"of a parameter: {problem}") from None
    return origin, path


def _pieces(path: str) -> Sequence[Any]:
    """Take a path apart; names may be of any characters, unlike those of :class:`Template`."""
    pieces: list[Any] = []
    for part in path.replace("}", "{").split("{"):
        pieces.append(part if len(pieces) % 2 == 0 else Slot(part))
    return [one for one in pieces if one != ""]


def _words(operation: Operation) -> str:
    item = operation.item
    said = [str(item[one]).strip() for one in ("summary", "description") if item.get(one)]
    if len(said) == 2 and said[1].startswith(said[0]):
        said = said[1:]
    old = ["Deprecated."] if item.get("deprecated") is True else []
    return "\n\n".join([*old, *said]) or f"{operation.method} {operation.path}"

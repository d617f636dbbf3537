"""Tools from OpenAPI documents: one that a service writes about itself, and ones with every oddity."""

import asyncio
import threading

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import fastapi
import pytest
import uvicorn

from fastapi.security import APIKeyHeader, APIKeyQuery, HTTPBasic, HTTPBasicCredentials, HTTPBearer
from pydantic import BaseModel, Field

from podium import InputInvalid, InvalidOption, NameTaken, Podium, Retry, workflow
from podium.core.validation import Validator
from podium.tools.net_errors import ArgumentRefused, HttpBusy, HttpRefused
from podium.tools.openapi import openapi_tools
from tests.harness import drive, fresh_names
from tests.tools.services import Answer, Seen, service

pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    with fresh_names():
        yield


# a service that says itself what it takes -------------------------------------------------


class Size(StrEnum):
    SMALL = "small"
    LARGE = "large"


class Line(BaseModel):
    item: str
    count: int = Field(default=1, ge=1)
    size: Size | None = None


class Node(BaseModel):
    name: str
    children: "list[Node]" = []


class Order(BaseModel):
    lines: list[Line] = Field(min_length=1)
    note: str | None = None
    kind: Literal["new", "again"] = "new"


class Placed(BaseModel):
    id: int
    order: Order
    key: str


def shop() -> fastapi.FastAPI:
    """A service whose operations FastAPI describes."""
    app = fastapi.FastAPI(title="Shop")
    placed: dict[str, Placed] = {}

    @app.post("/orders", operation_id="placeOrder", status_code=201, tags=["orders"])
    def place(order: Order, idempotency_key: Annotated[str, fastapi.Header()]) -> Placed:
        """Place an order."""
        return placed.setdefault(
            idempotency_key, Placed(id=len(placed) + 1, order=order, key=idempotency_key)
        )

    @app.get("/orders/{order_id}", operation_id="getOrder")
    def get(
        order_id: Annotated[int, fastapi.Path(description="Its number.")],
        fields: Annotated[list[str] | None, fastapi.Query()] = None,
        size: Size | None = None,
        x_trace: Annotated[str | None, fastapi.Header()] = None,
        session: Annotated[str | None, fastapi.Cookie()] = None,
    ) -> dict[str, Any]:
        if order_id == 404:
            raise fastapi.HTTPException(404, "no such order")
        return {
            "id": order_id, "fields": fields, "size": size, "trace": x_trace, "session": session,
        }  # fmt: skip

    @app.put("/tree", operation_id="putTree")
    def tree(node: Node) -> Node:
        return node

    @app.get("/key", operation_id="withKey")
    def with_key(key: Annotated[str, fastapi.Security(APIKeyHeader(name="X-Key"))]) -> str:
        return key

    @app.get("/query", operation_id="withQuery")
    def with_query(key: Annotated[str, fastapi.Security(APIKeyQuery(name="k"))]) -> str:
        return key

    @app.get("/bearer", operation_id="withBearer")
    def with_bearer(token: Annotated[Any, fastapi.Security(HTTPBearer())]) -> str:
        return str(token.credentials)

    @app.get("/basic", operation_id="withBasic")
    def with_basic(who: Annotated[HTTPBasicCredentials, fastapi.Security(HTTPBasic())]) -> str:
        return f"{who.username} {who.password}"

    @app.delete("/orders/{order_id}", operation_id="dropOrder", status_code=204)
    def drop(order_id: int) -> None:
        return None

    form = {"requestBody": {"content": {"multipart/form-data": {}}}}

    @app.post("/upload", operation_id="upload", openapi_extra=form)
    def upload() -> None:
        return None

    return app


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """The address of an ASGI application that is served on loopback."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off"))
    started = threading.Event()
    found: list[str] = []

    async def serve() -> None:
        task = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.005)
        found.append(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}")
        started.set()
        await task

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert started.wait(20)
    try:
        yield found[0]
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def app() -> fastapi.FastAPI:
    """The service as an application."""
    return shop()


@pytest.fixture(scope="module")
def url(app: fastapi.FastAPI) -> Iterator[str]:
    """Where the service is."""
    with serving(app) as found:
        yield found


AUTH = {
    "APIKeyHeader": "secret://env/SHOP_KEY",
    "APIKeyQuery": "secret://env/SHOP_KEY",
    "HTTPBearer": "secret://env/SHOP_KEY",
    "HTTPBasic": ("me", "secret://env/SHOP_KEY"),
}


def test_what_a_service_says_about_itself_is_what_it_takes(
    app: fastapi.FastAPI, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FastAPI wrote the document, and FastAPI checks each request."""
    monkeypatch.setenv("SHOP_KEY", "k3y")
    tools = openapi_tools(app.openapi(), base_url=url, auth=AUTH, allow_private=True)

    async def calls() -> None:
        order = {"lines": [{"item": "lämp", "size": "small"}, {"item": "b", "count": 2}]}
        placed = await tools["placeOrder"](body=order)
        assert placed["order"]["lines"][0] == {"item": "lämp", "count": 1, "size": "small"}
        got = await tools["getOrder"](
            order_id=7, fields=["a b", "c&d"], size="large", **{"x-trace": "t", "session": "s1"}
        )
        assert got == {
            "id": 7, "fields": ["a b", "c&d"], "size": "large", "trace": "t", "session": "s1",
        }  # fmt: skip
        tree = {"name": "a", "children": [{"name": "b", "children": []}]}
        assert await tools["putTree"](body=tree) == tree
        for name in ("withKey", "withQuery", "withBearer"):
            assert await tools[name]() == "k3y"
        assert await tools["withBasic"]() == "me k3y"
        assert await tools["dropOrder"](order_id=7) is None
        with pytest.raises(HttpRefused, match="no such order"):
            await tools["getOrder"](order_id=404)

    drive(calls())
    assert tools.skipped == {"upload": "its body is multipart/form-data, not JSON"}
    assert {name: str(tool.spec.effect) for name, tool in tools.items()} == {
        "placeOrder": "write", "getOrder": "read", "putTree": "write", "withKey": "read",
        "withQuery": "read", "withBearer": "read", "withBasic": "read", "dropOrder": "write",
    }  # fmt: skip


def test_arguments_are_held_against_the_schemas(app: fastapi.FastAPI, url: str) -> None:
    """Enums, limits, required fields and references: what does not fit is not sent."""
    tools = openapi_tools(
        app.openapi(), only=["placeOrder", "getOrder", "putTree"], base_url=url, allow_private=True
    )
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("placeOrder", {}),
        ("placeOrder", {"body": {"lines": []}}),
        ("placeOrder", {"body": {"lines": [{"item": "a", "count": 0}]}}),
        ("placeOrder", {"body": {"lines": [{"item": "a", "size": "huge"}]}}),
        ("placeOrder", {"body": {"lines": [{"item": "a"}], "kind": "old"}}),
        ("placeOrder", {"body": {"lines": [{"item": "a"}]}, "idempotency-key": "mine"}),
        ("getOrder", {"order_id": "seven"}),
        ("putTree", {"body": {"name": "a", "children": [{"children": []}]}}),
    ]
    for name, arguments in wrong:
        with pytest.raises(InputInvalid):
            drive(tools[name](**arguments))

    assert tools["placeOrder"].spec.description == "Place an order."
    assert tools["placeOrder"].spec.card.tags == ("orders",)
    schema = tools["getOrder"].spec.input_schema
    assert schema["properties"]["order_id"]["description"] == "Its number."


def test_the_key_of_the_step_goes_along(app: fastapi.FastAPI, url: str) -> None:
    """An operation with an Idempotency-Key is a `write`, and the service sees one key per step."""
    tools = openapi_tools(app.openapi(), only=["placeOrder"], base_url=url, allow_private=True)

    @workflow(version="1")
    async def two() -> list[Any]:
        order = {"lines": [{"item": "a"}]}
        return [await tools["placeOrder"](body=order), await tools["placeOrder"](body=order)]

    async def go() -> Any:
        async with Podium(":memory:") as podium:
            return await (await podium.start(two)).result()

    one, other = drive(go())
    assert one["key"] != other["key"]
    assert other["id"] == one["id"] + 1


# documents by hand ------------------------------------------------------------------------


def document(version: str = "3.0.3", **operation: Any) -> dict[str, Any]:
    """A document with one operation, ``op``, of GET /{id}."""
    path = operation.pop("path", "/x")
    method = operation.pop("method", "get")
    root = operation.pop("root", {})
    return {
        "openapi": version,
        "servers": [{"url": "http://127.0.0.1:1/base/"}],
        "paths": {path: {method: {"operationId": "op", "responses": {}, **operation}}},
        **root,
    }


def parameter(place: str, schema: Any, **rest: Any) -> dict[str, Any]:
    """A parameter called p."""
    return {"name": "p", "in": place, "schema": schema, "required": place == "path", **rest}


STYLES: list[tuple[str, dict[str, Any], Any, str]] = [
    ("path", {}, "a/b", "a%2Fb"),
    ("path", {}, [1, "x,y"], "1,x%2Cy"),
    ("path", {}, {"R": 100, "G": 200}, "R,100,G,200"),
    ("path", {"explode": True}, {"R": 100, "G": 200}, "R=100,G=200"),
    ("path", {"style": "label"}, [3, 4], ".3,4"),
    ("path", {"style": "label", "explode": True}, [3, 4], ".3.4"),
    ("path", {"style": "matrix"}, 5, ";p=5"),
    ("path", {"style": "matrix"}, [3, 4], ";p=3,4"),
    ("path", {"style": "matrix", "explode": True}, [3, 4], ";p=3;p=4"),
    ("path", {"style": "matrix", "explode": True}, {"R": 1, "G": 2}, ";R=1;G=2"),
    ("query", {}, [3, "a&b"], "p=3&p=a%26b"),
    ("query", {"explode": False}, [3, "a,b"], "p=3,a%2Cb"),
    ("query", {}, {"R": 1, "G": 2}, "R=1&G=2"),
    ("query", {"explode": False}, {"R": 1, "G": 2}, "p=R,1,G,2"),
    ("query", {"style": "spaceDelimited"}, [3, 4], "p=3%204"),
    ("query", {"style": "pipeDelimited"}, [3, 4], "p=3%7C4"),
    ("query", {"style": "deepObject", "explode": True}, {"R": 1, "x": {"y": [2, 3]}},
     "p%5BR%5D=1&p%5Bx%5D%5By%5D=2&p%5Bx%5D%5By%5D=3"),
    ("query", {}, True, "p=true"),
    ("query", {}, "ü &=+", "p=%C3%BC%20%26%3D%2B"),
    ("header", {}, [1, 2], "1,2"),
    ("header", {"explode": True}, {"R": 1}, "R=1"),
    ("cookie", {}, "a;b", "p=a%3Bb"),
]  # fmt: skip


@pytest.mark.parametrize(("place", "how", "value", "text"), STYLES)
def test_parameters_are_written_in_their_style(
    place: str, how: dict[str, Any], value: Any, text: str
) -> None:
    """As the table of styles in OpenAPI says."""
    path = "/x/{p}" if place == "path" else "/x"
    given = document(path=path, parameters=[parameter(place, {}, **how)])
    with service(lambda _: 1) as there:
        tools = openapi_tools(given, base_url=f"{there.url}/base/", allow_private=True)
        drive(tools["op"](p=value))

    (seen,) = there.seen
    where = {
        "path": seen.target.removeprefix("/base/x/"),
        "query": seen.target.partition("?")[2],
        "header": seen.headers.get("p"),
        "cookie": seen.headers.get("cookie"),
    }
    assert where[place] == text


def test_a_parameter_may_be_written_as_json() -> None:
    """`content` says so."""
    given = document(
        parameters=[
            {"name": "p", "in": "query", "content": {"application/json": {"schema": {}}}},
            {"name": "P", "in": "header", "content": {"application/json": {"schema": {}}}},
        ]
    )
    with service(lambda _: 1) as there:
        tools = openapi_tools(given, base_url=there.url, allow_private=True)
        drive(tools["op"](p={"a": [1, "&"]}, P=[1]))

    assert there.seen[0].query == [("p", '{"a":[1,"&"]}')]
    assert there.seen[0].headers["p"] == "[1]"


def test_values_cannot_break_out() -> None:
    """Not out of a header, not out of a cookie, not up the path."""
    given = document(
        path="/{a}{b}/{c}",
        parameters=[
            *({"name": one, "in": "path", "required": True, "schema": {}} for one in "abc"),
            {"name": "H", "in": "header", "schema": {}},
            {"name": "C", "in": "cookie", "schema": {}},
        ],
    )
    with service(lambda seen: [seen.target, seen.headers.get("cookie")]) as there:
        op = openapi_tools(given, base_url=there.url, allow_private=True)["op"]
        for wrong in (
            {"a": ".", "b": ".", "c": "x"}, {"a": "x", "b": "y", "c": ""},
            {"a": "x", "b": "y", "c": ".."}, {"a": "x", "b": "y", "c": "z", "H": "a\r\nX: 1"},
            {"a": "x", "b": "y", "c": {"k": [1]}},
        ):  # fmt: skip
            with pytest.raises(ArgumentRefused):
                drive(op(**wrong))
        assert drive(op(a="x", b="../..", c="%2e", C="a; b=c\r\n")) == [
            "/x..%2F../%252e",
            "C=a%3B%20b%3Dc%0D%0A",
        ]


def test_two_parameters_of_one_name() -> None:
    """Each gets the name of its place."""
    given = document(
        path="/{id}",
        parameters=[
            {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}},
            {"name": "id", "in": "query", "schema": {"type": "integer"}},
        ],
    )
    with service(lambda seen: seen.target) as there:
        op = openapi_tools(given, base_url=there.url, allow_private=True)["op"]

        assert drive(op(id_path=1, id_query=2)) == "/1?id=2"


def schema_of(version: str, schema: Any, components: Any = None) -> dict[str, Any]:
    """What becomes of a schema in a body, with its definitions."""
    content = {"application/json": {"schema": schema}}
    given = document(
        version, method="post", requestBody={"content": content, "required": True},
        root={"components": {"schemas": components or {}}},
    )  # fmt: skip
    with fresh_names():
        whole = openapi_tools(given)["op"].spec.input_schema
    return {
        **whole["properties"]["body"],
        **({"$defs": whole["$defs"]} if "$defs" in whole else {}),
    }


@pytest.mark.parametrize(
    ("version", "schema", "fits", "not_fits"),
    [
        ("3.0.3", {"type": "string", "nullable": True}, ["a", None], [1]),
        ("3.0.3", {"type": "string", "nullable": True, "enum": ["a"]}, ["a", None], ["b"]),
        ("3.0.3", {"nullable": True, "allOf": [{"type": "string"}]}, ["a", None], [1]),
        ("3.0.3", {"type": "integer", "minimum": 1, "exclusiveMinimum": True}, [2], [1]),
        ("3.0.3", {"type": "integer", "minimum": 1, "exclusiveMinimum": False}, [1], [0]),
        ("3.1.0", {"type": ["string", "null"]}, ["a", None], [1]),
        ("3.1.0", {"type": "integer", "exclusiveMinimum": 1}, [2], [1]),
        ("3.1.0", {"type": "string", "nullable": True}, ["a", None], [1]),
        ("3.1.0", {"type": "integer", "minimum": 1, "exclusiveMinimum": True}, [2], [1]),
        ("3.0.3", {"type": "object", "required": ["a", "a"]}, [{"a": 1}], [{}]),
        ("3.1.0", {"$ref": "#/components/schemas/A", "nullable": True}, [{"a": 1}, None], [{}]),
        ("3.1.0", {"$recursiveAnchor": True, "type": "string"}, ["a"], [1]),
        ("3.1.0", {"const": 7}, [7], [8]),
        ("3.1.0", {"type": "array", "prefixItems": [{"type": "string"}]}, [["a"]], [[1]]),
        ("3.0.3", {"oneOf": [{"type": "string"}, {"type": "integer"}]}, ["a", 1], [1.5]),
        ("3.0.3", {"type": "string", "pattern": "^(?=a)b$", "example": "x"}, ["q"], [1]),
        ("3.0.3", {"type": "string", "pattern": "^a+$"}, ["aa"], ["b"]),
        ("3.0.3", {"$ref": "#/components/schemas/Tree"}, [{"kids": [{"kids": []}]}], [{"kids": 1}]),
        ("3.0.3", {"$ref": "#/components/schemas/Both"}, [{"a": 1, "b": 2}], [{"a": 1}]),
        ("3.1.0", {"$ref": "#/components/schemas/a~1b%20c"}, [True], ["x"]),
        ("3.0.3", {"$ref": "#/components/schemas/Server"}, [{"name": "a"}], [{"id": 1}]),
    ],
)  # fmt: skip
def test_schemas_mean_the_same(
    version: str, schema: Any, fits: list[Any], not_fits: list[Any]
) -> None:
    """Whatever version they are of, values fit that should."""
    found = schema_of(
        version,
        schema,
        {
            "Tree": {
                "type": "object",
                "required": ["kids"],
                "properties": {
                    "kids": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}
                },
            },
            "A": {"type": "object", "required": ["a"]},
            "Both": {
                "allOf": [{"$ref": "#/components/schemas/A"}, {"required": ["b"]}],
                "discriminator": {"propertyName": "a"},
            },
            "a/b c": {"type": "boolean"},
            "Server": {
                "type": "object",
                "required": ["id", "name"],
                "properties": {"id": {"type": "integer", "readOnly": True}, "name": {}},
                "additionalProperties": False,
            },
        },
    )
    validator = Validator(found)

    assert [value for value in fits if list(validator.faults(value))] == []
    assert [value for value in not_fits if not list(validator.faults(value))] == []


def test_the_result_is_held_against_the_document() -> None:
    """Of all replies of success; write-only fields are not expected in it."""
    schema = {
        "type": "object",
        "required": ["id", "secret"],
        "properties": {"id": {"type": "integer"}, "secret": {"writeOnly": True}},
    }
    media = {"content": {"application/json": {"schema": schema}}}
    given = document(responses={"200": media, "204": {"description": "none"}, "404": media})
    replies: Iterator[Any] = iter(
        [Answer(200, {"id": 1}), Answer(204, b""), Answer(200, {"id": "x"})]
    )
    with service(lambda _: next(replies)) as there:
        op = openapi_tools(given, base_url=there.url, allow_private=True)["op"]

        assert drive(op()) == {"id": 1}
        assert drive(op()) is None
        with pytest.raises(ValueError, match="does not fit the output schema"):
            drive(op())


def test_options_of_all_and_of_one() -> None:
    """`overrides` says what is special about one operation."""
    given = document(method="post", summary="Ask.", deprecated=True)
    tools = openapi_tools(
        given, namespace="crm", retry=Retry(attempts=2),
        overrides={"op": {"effect": "read", "name": "find", "tags": ["a"], "result": "$.n"}},
    )  # fmt: skip
    spec = tools["op"].spec

    assert (spec.name, str(spec.effect), spec.card.tags) == ("crm.find", "read", ("a",))
    assert spec.description == "Deprecated.\n\nAsk."
    assert "HttpRefused" in spec.options.retry.not_on


def test_errors_of_the_service_are_those_of_http() -> None:
    """Statuses, retries and limits work as those of `http_tool`."""
    with service(lambda _: Answer(429, b"", {"retry-after": "3"})) as there:
        op = openapi_tools(document(), base_url=there.url, allow_private=True)["op"]
        with pytest.raises(HttpBusy) as failed:
            drive(op())

    assert failed.value.retry_after_s == 3


def test_a_document_may_be_a_file(tmp_path: Path) -> None:
    """YAML as people mean it: `no` is a word, a status a number, a date a text."""
    (tmp_path / "api.yaml").write_text(
        "openapi: 3.1.0\n"
        "servers: [{url: 'https://{region}.example/v1', variables: {region: {default: eu}}}]\n"
        "paths:\n"
        "  /a/{land}:\n"
        "    parameters: [{$ref: '#/components/parameters/Land'}]\n"
        "    get:\n"
        "      responses: {200: {description: ok}}\n"
        "components:\n"
        "  parameters:\n"
        "    Land: {name: land, in: path, required: true, schema: {enum: [no, 2024-01-01, on]}}\n",
        encoding="utf-8",
    )
    tools = openapi_tools(tmp_path / "api.yaml")

    assert list(tools) == ["get_a_land"]
    schema = tools["get_a_land"].spec.input_schema
    assert schema["properties"]["land"]["enum"] == ["no", "2024-01-01", "on"]
    with pytest.raises(InputInvalid):
        drive(tools["get_a_land"](land="yes"))


@pytest.mark.parametrize(
    ("given", "options", "words"),
    [
        ({"swagger": "2.0"}, {}, "Swagger 2.0; OpenAPI 3.0"),
        ({}, {}, "openapi: ''"),
        (document(), {"only": ["opp"]}, "no operation 'opp'; it has op"),
        (document(), {"overrides": {"x": {}}}, "no operation 'x'"),
        (document(root={"servers": []}), {}, "names no server"),
        (document(root={"servers": [{"url": "/v1"}]}), {}, "says no host"),
        (document(), {"effect": "pure"}, "over HTTP it is"),
        (document(path="/{id}"), {}, "path parameters differ: id"),
        (document(parameters=[{"$ref": "other.yaml#/p"}]), {}, "nothing outside the document"),
        (document(parameters=[{"$ref": "#/nowhere"}]), {}, "nothing is there"),
        (document(parameters=[parameter("query", {"$ref": "http://a.example/s"})]), {},
         "nothing outside the document"),
        (document(parameters=[parameter("query", {}, style="wild")]), {}, "the style 'wild'"),
        (document(parameters=[parameter("body", {})]), {}, "is in 'body'"),
        (document(parameters=[{"name": "A B", "in": "header"}]), {}, "no name of a header"),
        (document(parameters=[{"name": "Host", "in": "header"}]), {}, "follows from the request"),
        (document(parameters=[parameter("query", {"type": "wild"})]), {}, "a schema is none"),
        (document(security=[{"key": []}]), {}, "needs the secrets of key"),
        (document(security=[{"m": []}], root={"components": {"securitySchemes": {
            "m": {"type": "mutualTLS"}}}}), {"auth": {"m": "x"}}, "not supported"),
        (document(security=[{"m": []}], root={"components": {"securitySchemes": {
            "m": {"type": "http", "scheme": "basic"}}}}), {"auth": {"m": "x"}}, "takes .user"),
        (document(root={"a": {"$ref": "#/b"}, "b": {"$ref": "#/a"}},
                  parameters=[{"$ref": "#/a"}]), {}, "in a circle"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(
    given: dict[str, Any], options: dict[str, Any], words: str
) -> None:
    """It is said when the tools are made, with the operation."""
    with pytest.raises(InvalidOption, match=words):
        openapi_tools(given, **options)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    """No file, no YAML, no document."""
    (tmp_path / "a.yaml").write_text("a: [", encoding="utf-8")
    (tmp_path / "b.yaml").write_text("[]", encoding="utf-8")
    for name, words in {
        "none": "cannot be read", "a.yaml": "neither YAML nor JSON", "b.yaml": "is no OpenAPI"
    }.items():  # fmt: skip
        with pytest.raises(InvalidOption, match=words):
            openapi_tools(tmp_path / name)


def test_a_broken_operation_does_not_spoil_the_others() -> None:
    """It is skipped, with the reason; asked for by name it is an error."""
    given = document()
    given["paths"]["/y"] = {"get": {"operationId": "bad", "parameters": [{"$ref": "#/x"}]}}

    tools = openapi_tools(given)
    assert list(tools) == ["op"]
    assert tools.skipped == {"bad": "it refers to '#/x', and nothing is there"}
    with pytest.raises(InvalidOption, match="bad cannot be a tool"), fresh_names():
        openapi_tools(given, only=["bad"])
    with pytest.raises(NameTaken):
        exec(
            "from podium.tools.openapi import openapi_tools\nopenapi_tools(d)",
            {"__name__": "other", "d": document()},
        )


def test_a_service_is_told_nothing_that_was_not_written() -> None:
    """A reference to a secret in an argument, or in the document, is a text."""
    given = document(path="/secret://env/HOME/{p}", parameters=[parameter("path", {})])
    with service(lambda seen: seen.path) as there:
        op = openapi_tools(given, base_url=there.url, allow_private=True)["op"]

        assert drive(op(p="secret://env/HOME")) == "/secret://env/HOME/secret://env/HOME"


def test_a_key_is_encoded_for_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the query and in a cookie nothing in it says more than the key."""
    monkeypatch.setenv("K", "a&b;c")
    scheme = {"type": "apiKey", "name": "key"}

    def answer(seen: Seen) -> Any:
        return [seen.query, seen.headers.get("cookie")]

    with service(answer) as there:
        for place, expected in {
            "query": [[["key", "a&b;c"]], None],
            "cookie": [[], "key=a%26b%3Bc"],
        }.items():
            with fresh_names():
                given = document(
                    security=[{"k": []}],
                    root={"components": {"securitySchemes": {"k": {**scheme, "in": place}}}},
                )
                tools = openapi_tools(
                    given, base_url=there.url, auth={"k": "secret://env/K"}, allow_private=True
                )
                assert drive(tools["op"]()) == expected

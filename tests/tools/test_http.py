"""Tools that make HTTP requests, against services on loopback."""

import asyncio
import gzip
import time

from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any, TypedDict

import pytest

from podium import InputInvalid, InvalidOption, NameTaken, NotDone, Retry, Task, dispatch
from podium.core.ports import BadResult
from podium.tools.http import http_tool
from podium.tools.http_call import retry_after_s, without_hopeless
from podium.tools.net import Reach
from podium.tools.net_errors import (
    AddressRefused,
    ArgumentRefused,
    ConnectionBroken,
    HttpBusy,
    HttpError,
    HttpFinal,
    HttpRefused,
    NotSent,
    ReplyUnusable,
)
from tests.harness import drive, fresh_names
from tests.tools.services import Answer, Line, Seen, closed_port, service, stage

pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    with fresh_names():
        yield


def echo(seen: Seen) -> Any:
    """Say what was asked."""
    return {"path": seen.path, "query": seen.query, "body": seen.json if seen.body else None}


def ask(tool: Task[..., Any, Any], **arguments: Any) -> Any:
    """Call a tool outside a workflow."""
    return drive(tool(**arguments))


# requests ---------------------------------------------------------------------------------


def test_arguments_stand_in_path_query_headers_and_body() -> None:
    """Each value arrives as it was given, whatever characters it has."""
    with service(echo) as there:
        tool = http_tool(
            "put",
            method="PUT",
            url=f"{there.url}/a b/{{id}}/x?fixed=1&at={{at}}",
            query={"tag": "{tags}", "is": "{flag}", "none": "{none}", "n": 3},
            headers={"X-Trace": "t-{at}", "X-None": "{none}"},
            body={"note": "{note}", "text": "id is {id}", "list": ["{n}", "{none}", 7, None]},
            parameters={
                "id": str, "at": str, "tags": list[str], "flag": bool, "note": dict[str, Any],
                "n": float, "none": str | None,
            },
            allow_private=True,
        )  # fmt: skip
        got = ask(
            tool, id="ä/?#&=%20 ☂", at="a+b&c=d", tags=["x y", "ü"], flag=True,
            note={"k": "{id}", "☂": [1]}, n=0.5,
        )  # fmt: skip

    assert got["path"] == "/a b/ä/?#&=%20 ☂/x"
    assert got["query"] == [
        ["fixed", "1"], ["at", "a+b&c=d"], ["tag", "x y"], ["tag", "ü"], ["is", "true"], ["n", "3"],
    ]  # fmt: skip
    assert got["body"] == {
        "note": {"k": "{id}", "☂": [1]},
        "text": "id is ä/?#&=%20 ☂",
        "list": [0.5, 7, None],
    }
    assert there.seen[0].headers["x-trace"] == "t-a+b&c=d"
    assert "x-none" not in there.seen[0].headers


class Piece(TypedDict):
    """A line of an order."""

    article: str
    count: int


def test_typed_parameters_are_checked() -> None:
    """Types with names of their own, in one parameter and in another."""
    with service(echo) as there:
        tool = http_tool(
            "buy", method="POST", url=there.url, idempotency_header="Key", allow_private=True,
            body={"first": "{first}", "more": "{more}"},
            parameters={"first": Piece, "more": list[Piece]},
        )  # fmt: skip
        line = {"article": "kettle", "count": 1}
        good = drive(dispatch("buy", {"first": line, "more": [line]}))
        bad = drive(dispatch("buy", {"first": line, "more": [{"article": "kettle"}]}))

    assert tool.spec.input_schema["$defs"].keys() == {"Piece"}
    assert good.value["body"] == {"first": line, "more": [line]}
    assert bad.error is not None
    assert "count" in bad.error.message


def test_two_types_of_one_name_are_refused() -> None:
    """References could not tell them apart."""
    other = TypedDict("Piece", {"text": str})  # noqa: UP013 - two classes of one name
    with pytest.raises(InvalidOption, match="'Piece'"):
        http_tool(
            "buy", method="POST", url="http://127.0.0.1:1", idempotency_header="Key",
            allow_private=True, body=["{a}", "{b}"], parameters={"a": Piece, "b": other},
        )  # fmt: skip


def test_the_headers_of_a_request() -> None:
    """It says who it is, what it takes, and how long it is; nothing from the environment."""
    with service(echo) as there:
        ask(http_tool("get", url=there.url, headers={"Accept": "text/csv"}, allow_private=True))
        ask(http_tool("post", url=there.url, method="post", effect="write", allow_private=True))

    got, posted = (seen.headers for seen in there.seen)
    assert got.pop("user-agent").startswith("podium/")
    assert got == {
        "host": f"127.0.0.1:{there.port}",
        "accept": "text/csv",
        "accept-encoding": "gzip",
    }
    assert posted["content-length"] == "0"


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0b", "ü", "☂"])
def test_a_header_cannot_be_broken_out_of(value: str) -> None:
    """A line break in a value is refused, and so is what has no place in a header."""
    with service(echo) as there:
        tool = http_tool("get", url=there.url, headers={"X": "{x}"}, allow_private=True)
        with pytest.raises(ArgumentRefused, match="The header X would hold"):
            ask(tool, x=value)

    assert there.seen == []


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_path_cannot_be_climbed(value: str) -> None:
    """No argument makes another address of a path; one with a slash is one part."""
    with service(echo) as there:
        tool = http_tool("get", url=f"{there.url}/a/{{x}}/b", allow_private=True)
        with pytest.raises(ArgumentRefused, match="another address"):
            ask(tool, x=value)

        assert ask(tool, x="../../etc")["path"] == "/a/../../etc/b"
    assert [seen.target for seen in there.seen] == ["/a/..%2F..%2Fetc/b"]


def test_secrets_are_followed_where_the_author_wrote_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reference in an argument is a text like any other."""
    monkeypatch.setenv("TOKEN", "s3cr3t&x")
    with service(echo) as there:
        tool = http_tool(
            "get",
            url=f"{there.url}/secret://env/TOKEN",
            query={"key": "secret://env/TOKEN", "q": "{q}"},
            headers={"Authorization": "Bearer secret://env/TOKEN", "X-Q": "{q}"},
            allow_private=True,
        )
        basic = http_tool(
            "basic", url=there.url, auth=("me", "secret://env/TOKEN"), allow_private=True
        )
        ask(tool, q="secret://env/TOKEN")
        ask(basic)
        monkeypatch.delenv("TOKEN")
        with pytest.raises(ArgumentRefused, match="There is no secret secret://env/TOKEN"):
            ask(basic)

    first, second = there.seen
    assert first.path == "/s3cr3t&x"
    assert first.query == [("key", "s3cr3t&x"), ("q", "secret://env/TOKEN")]
    assert first.headers["authorization"] == "Bearer s3cr3t&x"
    assert first.headers["x-q"] == "secret://env/TOKEN"
    assert second.headers["authorization"] == "Basic bWU6czNjcjN0Jng="


def test_no_error_shows_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error names the request by what its author wrote."""
    monkeypatch.setenv("TOKEN", "s3cr3t")
    with service(lambda _: Answer(500, "no")) as there:
        tool = http_tool(
            "get", url=f"{there.url}/{{x}}/secret://env/TOKEN?k=secret://env/TOKEN",
            allow_private=True,
        )  # fmt: skip
        with pytest.raises(HttpError) as failed:
            ask(tool, x=7)

    assert str(failed.value).startswith(f"GET {there.url}/7/secret://env/TOKEN was answered 500")
    assert "s3cr3t" not in str(failed.value)


@dataclass
class Order:
    """What is known of an order."""

    number: int
    status: str


def test_a_function_says_what_the_arguments_are() -> None:
    """Its types, defaults and docstring are the tool's; its return type rebuilds the result."""

    async def order(number: int, verbose: bool = False, lang: str | None = None) -> Order:
        """Say where an order is.

        Args:
            number: What the customer was told.
        """
        raise AssertionError("it is never called")

    with service(lambda seen: {"number": int(seen.path[1:]), "status": str(seen.query)}) as there:
        tool = http_tool(
            "shop.order", url=f"{there.url}/{{number}}", parameters=order,
            query={"verbose": "{verbose}", "lang": "{lang}"}, allow_private=True,
        )  # fmt: skip

        assert drive(tool(7, True)) == Order(7, "[('verbose', 'true')]")
        assert ask(tool, number=8, lang="de") == Order(8, "[('verbose', 'false'), ('lang', 'de')]")
    assert tool.name == "shop.order"
    assert tool.spec.description == "Say where an order is."
    assert tool.spec.input_schema["properties"]["number"] == {
        "type": "integer",
        "description": "What the customer was told.",
    }
    assert tool.spec.input_schema["required"] == ["number"]


def test_schemas_are_held_against_arguments_and_result() -> None:
    """What does not fit is refused before anything is sent; so is a reply that does not fit."""
    with service(echo) as there:
        tool = http_tool(
            "get",
            url=f"{there.url}/{{id}}",
            parameters={"type": "object", "properties": {"id": {"type": "integer", "minimum": 1}}},
            returns={"type": "object", "required": ["nothing"]},
            allow_private=True,
        )
        with pytest.raises(InputInvalid, match="less than the minimum"):
            ask(tool, id=0)
        with pytest.raises(InputInvalid, match="other"):
            ask(tool, id=1, other=2)
        assert there.seen == []
        with pytest.raises(ValueError, match="does not fit the output schema"):
            ask(tool, id=1)


def test_a_part_of_the_reply_is_the_result() -> None:
    """By JSONPath: one place gives its value, a path that leads to several gives a list."""
    body = {"data": {"status": "ok", "none": None}, "items": [{"id": 1}, {"id": 2}, {}]}
    with service(lambda _: body) as there:

        def at(path: str) -> Any:
            with fresh_names():
                return ask(http_tool("get", url=there.url, result=path, allow_private=True))

        assert at("$.data.status") == "ok"
        assert at("$.data.none") is None
        assert at("$.items[*].id") == [1, 2]
        assert at("$.items[9,8]") == []
        assert at("$.items[?@.id == 2].id") == [2]
        assert at("$") == body
        with pytest.raises(ReplyUnusable, match=r"nothing is at \$.data.missing in it"):
            at("$.data.missing")


@pytest.mark.parametrize(
    ("kind", "body", "value"),
    [
        ("application/json", b"[1]", [1]),
        ("application/problem+json; charset=utf-8", b'{"a": 1}', {"a": 1}),
        ("text/plain", "größe".encode(), "größe"),
        ("text/plain; charset=latin-1", "größe".encode("latin-1"), "größe"),
        ("application/xml", b"<a/>", "<a/>"),
        ("", b"[1]", [1]),
        ("", b"hello", "hello"),
        ("application/json", b"", None),
    ],
)
def test_what_a_reply_is(kind: str, body: bytes, value: Any) -> None:
    """JSON is decoded, text is text, nothing is None."""
    with service(lambda _: Answer(200, body, {"content-type": kind} if kind else {})) as there:
        assert ask(http_tool("get", url=there.url, allow_private=True)) == value


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("application/json", b'{"a":', "no JSON"),
        ("application/json", b'{"a": NaN}', "no JSON"),
        ("image/png", b"\x89PNG", "4 bytes of image/png"),
        ("text/plain", b"\xff\xfe", "text that is none"),
        ("text/plain; charset=klingon", b"x", "text that is none"),
    ],
)
def test_a_reply_that_cannot_be_used(kind: str, body: bytes, words: str) -> None:
    """It says so, as something that has happened."""
    with service(lambda _: Answer(200, body, {"content-type": kind})) as there:
        with pytest.raises(ReplyUnusable, match=words) as failed:
            ask(http_tool("get", url=there.url, allow_private=True))

    assert isinstance(failed.value, BadResult)
    assert failed.value.problem is failed.value


def test_head_and_no_content() -> None:
    """What has no body gives None."""
    with service(lambda seen: Answer(200 if seen.method == "HEAD" else 204, b"")) as there:
        assert ask(http_tool("head", url=there.url, method="HEAD", allow_private=True)) is None
        assert ask(http_tool("delete", url=there.url, method="DELETE", allow_private=True)) is None


# failures ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "is_done"),
    [
        (500, HttpError, True), (503, HttpError, True), (501, HttpFinal, True),
        (302, HttpFinal, True), (429, HttpBusy, False), (408, HttpBusy, False),
        (400, HttpRefused, False), (404, HttpRefused, False), (409, HttpRefused, False),
        (599, HttpFinal, True),
    ],
)  # fmt: skip
def test_what_a_status_says(status: int, kind: type[HttpError], is_done: bool) -> None:
    """4xx did not happen; whether trying again helps is said by the class."""
    with service(lambda _: Answer(status, {"why": "ü"}, {"X-Id": "7"})) as there:
        with pytest.raises(HttpError, match=f"was answered {status}") as failed:
            ask(http_tool("get", url=there.url, allow_private=True))

    error = failed.value
    assert type(error) is kind
    assert isinstance(error, NotDone) is not is_done
    assert (error.status, error.headers["x-id"], error.retry_after_s) == (status, "7", None)
    assert error.body == '{"why": "\\u00fc"}'


def test_statuses_may_mean_something_else() -> None:
    """`none_on` makes a result of them, `retry_on` says which pass."""
    with service(lambda seen: Answer(int(seen.path[1:]), b"")) as there:
        tool = http_tool(
            "get", url=f"{there.url}/{{s}}", none_on=[404], retry_on=[409, 501], allow_private=True
        )

        assert ask(tool, s=404) is None
        typed = http_tool(
            "typed", url=f"{there.url}/404", none_on=[404], returns=Order, allow_private=True
        )
        assert ask(typed) is None
        for status, kind in {409: HttpBusy, 501: HttpError, 503: HttpFinal}.items():
            with pytest.raises(HttpError) as failed:
                ask(tool, s=status)
            assert type(failed.value) is kind


def test_the_time_that_a_service_asks_for() -> None:
    """Retry-After in seconds, and as a date of the service's own clock."""
    date = {"date": formatdate(1_700_000_000, usegmt=True)}
    until = formatdate(1_700_000_042, usegmt=True)
    with service(lambda _: Answer(429, b"", {"retry-after": "7"})) as there:
        with pytest.raises(HttpBusy, match=r"429 Too Many Requests \(try again in 7 s\)") as failed:
            ask(http_tool("get", url=there.url, allow_private=True))

    assert failed.value.retry_after_s == 7
    assert retry_after_s({"retry-after": until, **date}) == 42
    assert retry_after_s({"retry-after": until}) == 0
    soon = retry_after_s({"retry-after": formatdate(time.time() + 100, usegmt=True)})
    assert soon is not None
    assert 90 < soon <= 100
    for nonsense in ("", "soon", "-1", "1e9", "9999999999", "Mon, 99 Foo 2020"):
        assert retry_after_s({"retry-after": nonsense}) is None


def test_a_retry_gives_up_where_it_does_not_help() -> None:
    """Statuses such as 400 are not tried again, unless the author says on what."""
    assert "HttpRefused" in without_hopeless(Retry(attempts=3)).not_on
    assert without_hopeless(Retry(attempts=3)).attempts == 3
    for told in (Retry(on=["HttpError"]), Retry(on_status=[404]), Retry(not_on=["HttpRefused"])):
        assert without_hopeless(told) is told


def test_nothing_was_sent_where_nobody_listens() -> None:
    """A refused connection is no attempt."""
    tool = http_tool("get", url=f"http://127.0.0.1:{closed_port()}", allow_private=True)
    with pytest.raises(NotSent, match="no connection"):
        ask(tool)


def test_private_addresses_are_refused() -> None:
    """Unless they are allowed, nothing is connected to there."""
    with service(echo) as there:
        tool = http_tool("get", url=there.url)
        with pytest.raises(AddressRefused, match=r"allow_private=\['127.0.0.1'\]"):
            ask(tool)
        kept = http_tool("kept", url=there.url, allow_private=True)

        async def one_after_the_other() -> None:
            await kept()
            await tool()

        with pytest.raises(AddressRefused):  # the connection that is open belongs to another reach
            drive(one_after_the_other())

    assert len(there.seen) == 1


def test_a_name_that_changes_its_address_leads_nowhere_else() -> None:
    """The address that was judged is the one that is connected to: one look-up, no second."""
    with service(echo) as there:
        asked: list[str] = []

        async def resolver(host: str, port: int) -> list[str]:
            asked.append(host)
            return ["127.0.0.1"] if len(asked) == 1 else ["10.255.255.1"]

        reach = Reach(hosts=frozenset({"127.0.0.1"}), resolver=resolver)
        tool = http_tool("get", url=f"http://rebind.example:{there.port}", allow_private=reach)

        assert ask(tool)["path"] == "/"
        with pytest.raises(AddressRefused, match=r"leads to 10\.255\.255\.1, a private address"):
            ask(tool)
    assert asked == ["rebind.example", "rebind.example"]
    assert there.seen[0].headers["host"] == f"rebind.example:{there.port}"


def test_redirects_of_a_read_are_followed() -> None:
    """Up to a number; to the same host with all headers."""

    def answer(seen: Seen) -> Any:
        left = int(seen.path[1:])
        return Answer(302, b"", {"location": f"/{left - 1}"}) if left else seen.headers["x-key"]

    with service(answer) as there:
        tool = http_tool(
            "get", url=f"{there.url}/{{n}}", headers={"X-Key": "k"}, redirects_max=2,
            allow_private=True,
        )  # fmt: skip

        assert ask(tool, n=2) == "k"
        with pytest.raises(HttpFinal, match="302"):
            ask(tool, n=3)


def test_a_redirect_to_somebody_else_takes_no_secret_along() -> None:
    """Headers that the author wrote are for the host that the author named."""
    with service(lambda seen: seen.headers) as other:
        with service(lambda _: Answer(307, b"", {"location": other.url})) as there:
            tool = http_tool(
                "get", url=there.url, headers={"Authorization": "Bearer x", "X-Key": "k"},
                auth=("me", "x"), allow_private=True,
            )  # fmt: skip
            got = ask(tool)

    assert {"authorization", "x-key"} & got.keys() == set()
    assert got["host"] == f"127.0.0.1:{other.port}"


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/", "http://127.0.0.1:1/", "http://[::1]/",
        "http://localhost/", "http://2130706433/", "http://[::ffff:169.254.169.254]/",
    ],
)  # fmt: skip
def test_a_redirect_into_the_house_is_refused(target: str) -> None:
    """The target of a redirect is judged as the first address was."""
    with service(lambda _: Answer(302, b"", {"location": target})) as there:

        async def resolver(host: str, port: int) -> list[str]:
            from podium.tools.net import addresses_of

            return ["127.0.0.1"] if host == "out.example" else await addresses_of(host, port)

        # the service stands for one outside: its name may be reached, nothing else
        reach = Reach(hosts=frozenset({"out.example"}), resolver=resolver)
        tool = http_tool("get", url=f"http://out.example:{there.port}", allow_private=reach)
        with pytest.raises(AddressRefused, match="which this tool may not reach"):
            ask(tool)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://a.example/", "//:99999"])
def test_a_redirect_leads_to_http(target: str) -> None:
    """Other schemes are not followed."""
    with service(lambda _: Answer(302, b"", {"location": target})) as there:
        with pytest.raises(AddressRefused, match="redirects to"):
            ask(http_tool("get", url=there.url, allow_private=True))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_an_effect_follows_no_redirect(method: str) -> None:
    """The request would be made twice."""
    with service(lambda _: Answer(307, b"", {"location": "/b"})) as there:
        with pytest.raises(HttpFinal, match="307"):
            ask(http_tool("do", url=there.url, method=method, allow_private=True))

    assert len(there.seen) == 1


def test_no_cookie_is_kept() -> None:
    """What a service sets is not sent back, to it or to another."""
    with service(lambda seen: Answer(200, seen.headers, {"set-cookie": "a=b"})) as there:
        tool = http_tool("get", url=there.url, allow_private=True)

        async def twice() -> Any:
            await tool()
            return await tool()

        assert "cookie" not in drive(twice())


# bodies -----------------------------------------------------------------------------------


def test_a_huge_body_is_not_read_to_its_end() -> None:
    """Neither one that says its size, nor one that goes on for ever, nor one that unpacks to much."""

    def endless(line: Line, number: int) -> None:
        line.say(
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        while True:
            line.say("10000\r\n", b"x" * 0x10000, "\r\n")

    bomb = gzip.compress(b"0" * 50_000_000)
    packed = {"content-encoding": "gzip", "content-type": "text/plain"}
    for body in (b"x" * 200_001, None, bomb):
        with fresh_names():
            here = (
                stage(endless) if body is None
                else service(lambda _, body=body: Answer(200, body, packed if body is bomb else {}))
            )  # fmt: skip
            with here as there:
                tool = http_tool(
                    "get", url=there.url, response_bytes_max=200_000, allow_private=True
                )
                with pytest.raises(ReplyUnusable, match="more than 200,000 bytes"):
                    ask(tool)


def test_a_packed_body_is_unpacked() -> None:
    """gzip, also in several parts; what is damaged or of another kind is said to be."""
    text = ("größe " * 1000).encode()
    whole = gzip.compress(text)
    about = {"content-type": "text/plain", "content-encoding": "gzip"}
    answers = {
        "/whole": Answer(200, whole, about),
        "/parts": Answer(200, gzip.compress(text[:2000]) + gzip.compress(text[2000:]), about),
        "/cut": Answer(200, whole[:-20], about),
        "/damaged": Answer(200, whole[:20] + b"\0\0\0\0" + whole[24:], about),
        "/other": Answer(200, whole, {**about, "content-encoding": "zstd"}),
    }
    with service(lambda seen: answers[seen.path]) as there:
        tool = http_tool("get", url=f"{there.url}/{{p}}", allow_private=True)

        assert ask(tool, p="whole") == text.decode()
        assert ask(tool, p="parts") == text.decode()
        with pytest.raises(ConnectionBroken, match="ends in the middle"):
            ask(tool, p="cut")
        with pytest.raises(ConnectionBroken, match="damaged"):
            ask(tool, p="damaged")
        with pytest.raises(ReplyUnusable, match="'zstd'"):
            ask(tool, p="other")


def test_a_slow_body_has_its_time() -> None:
    """A service that sends a byte now and then does not hold a tool beyond its time."""

    def drip(line: Line, number: int) -> None:
        line.say("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n")
        line.gone()

    with stage(drip) as there:
        tool = http_tool("get", url=there.url, timeout="1s", allow_private=True)
        with pytest.raises(TimeoutError, match=r"no whole reply within 1 s"):
            ask(tool)


BROKEN = {
    "hangs up": lambda line: None,
    "resets": lambda line: line.reset(),
    "no HTTP": lambda line: line.say("what do you want?\r\n\r\n"),
    "resets in the body": lambda line: (
        line.say("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"),
        line.reset(),
    ),
    "short body": lambda line: line.say("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"),
    "bad chunk": lambda line: line.say(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n"
    ),
    "cut chunk": lambda line: line.say(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\nhello"
    ),
    "two lengths": lambda line: line.say(
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"
    ),
    "endless head": lambda line: line.say("HTTP/1.1 200 OK\r\n", "x: y\r\n" * 100_000),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_reply_that_is_none(how: str) -> None:
    """Whatever a service does to the protocol, it may or may not have happened."""
    with stage(lambda line, number: BROKEN[how](line)) as there:
        with pytest.raises(ConnectionBroken, match="no whole reply came"):
            ask(http_tool("get", url=there.url, allow_private=True))

    assert len(there.heard) == 1


# loops and connections --------------------------------------------------------------------


def test_connections_are_kept_by_loop() -> None:
    """A tool is used in one loop after another; within one a connection serves many requests."""
    ports: list[int] = []

    def play(line: Line, number: int) -> None:
        ports.append(number)
        line.say("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n1")
        line.hear()
        line.say("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n2")

    with stage(play) as there:
        tool = http_tool("get", url=there.url, allow_private=True)

        async def twice() -> list[Any]:
            return [await tool(), await tool()]

        assert drive(twice()) == [1, 2]
        assert drive(twice()) == [1, 2]
    assert ports == [1, 2]


def test_a_once_takes_a_connection_of_its_own() -> None:
    """One that was kept open may be closed by the other side just when it is used."""

    def play(line: Line, number: int) -> None:
        while True:  # it would serve more requests
            line.say("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n", str(number))
            line.hear()

    with stage(play) as there:
        tool = http_tool("do", method="POST", url=there.url, allow_private=True)

        async def twice() -> list[Any]:
            return [await tool(), await tool()]

        assert drive(twice()) == [1, 2]


def test_many_at_once() -> None:
    """More callers than connections take turns."""
    with service(echo) as there:
        tool = http_tool("get", url=f"{there.url}/{{n}}", result="$.path", allow_private=True)

        async def many() -> list[Any]:
            return await asyncio.gather(*(tool(n=n) for n in range(150)))

        assert drive(many()) == [f"/{n}" for n in range(150)]


# definitions ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"url": "ftp://a.example"}, "expected http://"),
        ({"url": "a.example/x"}, "expected http://"),
        ({"url": "http://[::1"}, "is no URL"),
        ({"url": "https://{host}/x"}, "the host of .* is fixed"),
        ({"url": "https://secret://env/X/y"}, "is no URL|is fixed|expected"),
        ({"url": "https://me:pw@a.example"}, "use auth="),
        ({"url": "https://a.example/{a.b}"}, "is no name"),
        ({"url": "https://a.example/{a"}, "expected '}'"),
        ({"method": "TRACE"}, "method='TRACE'"),
        ({"method": "GET", "body": {}}, "a GET has no body"),
        ({"headers": {"Host": "x"}}, "follows from the request"),
        ({"headers": {"A B": "x"}}, "no name of a header"),
        ({"headers": {"A": None}}, "expected a text"),
        ({"idempotency_header": "A\n"}, "no name of a header"),
        ({"query": {"a": [1]}}, "expected a text"),
        ({"parameters": {"x": int}}, "no place in the url"),
        ({"url": "https://a.example/{x}/{y}", "parameters": {"x": int}}, "no such name"),
        ({"result": "data.status"}, "is no JSONPath"),
        ({"effect": "pure"}, "over HTTP it is"),
        ({"effect": "perhaps"}, "effect='perhaps'"),
        ({"timeout": "0s"}, "longer than nothing"),
        ({"redirects_max": -1}, "at least 0"),
        ({"method": "POST", "redirects_max": 1}, "follows no redirect"),
        ({"response_bytes_max": 0}, "at least 1"),
        ({"retry_on": 503}, "expected statuses"),
        ({"none_on": [200]}, "expected statuses"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], words: str) -> None:
    """An option is checked when the tool is defined."""
    with pytest.raises(InvalidOption, match=words):
        http_tool("get", **{"url": "https://a.example/x", **options})


@pytest.mark.parametrize(
    ("method", "options", "effect"),
    [
        ("GET", {}, "read"),
        ("HEAD", {}, "read"),
        ("PUT", {}, "write"),
        ("DELETE", {}, "write"),
        ("POST", {}, "once"),
        ("PATCH", {}, "once"),
        ("POST", {"idempotency_header": "Idempotency-Key"}, "write"),
        ("POST", {"effect": "read"}, "read"),
    ],
)
def test_the_method_says_the_effect(method: str, options: dict[str, Any], effect: str) -> None:
    """POST and PATCH are `once`, unless they carry a key."""
    tool = http_tool("do", method=method, url="https://a.example", **options)

    assert tool.spec.effect == effect


def test_two_modules_cannot_have_one_name() -> None:
    """A tool belongs to the module that defines it."""
    code = "from podium.tools.http import http_tool\nhttp_tool('twin', url='https://a.example')"
    exec(code, {"__name__": "one"})
    exec(code, {"__name__": "one"})
    with pytest.raises(NameTaken, match="twin"):
        exec(code, {"__name__": "other"})

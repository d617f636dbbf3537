"""Tools over HTTP in workflows: what is repeated, and what is not."""

import socket

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from podium import Podium, ResultUnusable, Retry, StepFailed, Task, workflow
from podium.tools.http import http_tool
from tests.harness import drive, fresh_names, until
from tests.tools.services import Answer, Line, Seen, closed_port, service, stage

pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    with fresh_names():
        yield


AGAIN = Retry(attempts=3, backoff="1ms")


def carried_out(tool: Task[..., Any, Any]) -> Any:
    """What a run gets from one call of a tool: its result, or the error that it sees."""

    @workflow(version="1")
    async def one() -> Any:
        try:
            return await tool()
        except StepFailed as failed:
            return [type(failed).__name__, failed.type, failed.error.code]

    async def go() -> Any:
        async with Podium(":memory:") as app:
            return await (await app.start(one)).result()

    return drive(go())


def asked(tool: Task[..., Any, Any]) -> str:
    """What a person is asked about a run with one call of a tool."""

    @workflow(version="1")
    async def one() -> Any:
        return await tool()

    async def go() -> str:
        async with Podium(":memory:") as app:
            run = await app.start(one)

            (ask,) = await until(run.asks, "somebody is asked")
            return str(ask)

    return drive(go())


def test_a_post_with_a_key_happens_once() -> None:
    """The key of the step is in its header, the same at each attempt; the service counts keys."""
    done: dict[str, int] = {}

    def answer(seen: Seen) -> Any:
        key = seen.headers["idempotency-key"]
        done[key] = done.get(key, 0) + 1
        return Answer(503, b"") if done[key] < 3 else {"n": len(done)}

    with service(answer) as there:
        tool = http_tool(
            "pay", method="POST", url=there.url, body={"amount": 5}, result="$.n", retry=AGAIN,
            idempotency_header="Idempotency-Key", allow_private=True,
        )  # fmt: skip

        assert carried_out(tool) == 1
    assert list(done.values()) == [3]


def test_a_once_is_tried_again_where_nothing_was_sent() -> None:
    """A refused connection certainly did not happen."""
    port = closed_port()
    tool = http_tool(
        "pay", method="POST", url=f"http://127.0.0.1:{port}", retry=AGAIN, allow_private=True
    )

    assert carried_out(tool) == ["StepFailed", "NotSent", "not-done"]


def test_a_once_is_tried_again_where_the_service_says_that_it_did_nothing() -> None:
    """429 is one of these; 400 too, but there is no use."""
    statuses = iter([429, 429, 200])
    with service(lambda _: Answer(next(statuses), 7)) as there:
        tool = http_tool("pay", method="POST", url=there.url, retry=AGAIN, allow_private=True)

        assert carried_out(tool) == 7
    assert len(there.seen) == 3
    with service(lambda _: Answer(400, b"")) as there, fresh_names():
        tool = http_tool("pay", method="POST", url=there.url, retry=AGAIN, allow_private=True)

        assert carried_out(tool) == ["StepFailed", "HttpRefused", "not-done"]
    assert len(there.seen) == 1


def test_the_status_is_in_the_record() -> None:
    """A workflow, and a Retry, can tell failures apart by it."""
    with service(lambda _: Answer(404, b"")) as there:
        retry = Retry(attempts=3, backoff="1ms", on_status=[404])
        tool = http_tool("get", url=there.url, retry=retry, allow_private=True)

        @workflow(version="1")
        async def one() -> Any:
            try:
                return await tool()
            except StepFailed as failed:
                return failed.error.status

        async def go() -> Any:
            async with Podium(":memory:") as app:
                return await (await app.start(one)).result()

        assert drive(go()) == 404
    assert len(there.seen) == 3


BREAKS: dict[str, Callable[[Line], Any]] = {
    "at once": lambda line: line.reset(),
    "after the head": lambda line: line.say("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"),
    "in the body": lambda line: (
        line.say("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n1234"),
        line.reset(),
    ),
    "with 500": lambda line: line.say("HTTP/1.1 500 Sorry\r\ncontent-length: 0\r\n\r\n"),
    "with 502": lambda line: line.say("HTTP/1.1 502 Sorry\r\ncontent-length: 0\r\n\r\n"),
}


@pytest.mark.parametrize("how", BREAKS)
def test_a_once_that_broke_off_is_unknown(how: str) -> None:
    """It is not repeated; a person is asked."""
    with stage(lambda line, number: BREAKS[how](line)) as there:
        tool = http_tool("pay", method="POST", url=there.url, retry=AGAIN, allow_private=True)

        assert "pay" in asked(tool)
    assert len(there.heard) == 1


def test_a_once_that_takes_too_long_is_unknown() -> None:
    """The request was sent, and no reply came in time."""
    with stage(lambda line, number: line.gone()) as there:
        tool = http_tool(
            "pay", method="POST", url=there.url, retry=AGAIN, timeout="1s", allow_private=True
        )

        assert "pay" in asked(tool)
    assert len(there.heard) == 1


def test_a_once_that_never_got_through_did_not_happen() -> None:
    """Nobody takes the connection in time: nothing was sent."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:  # the queue of connections that nobody takes is full
            one.setblocking(False)
            with suppress(BlockingIOError):
                one.connect(("127.0.0.1", port))
        tool = http_tool(
            "pay", method="POST", url=f"http://127.0.0.1:{port}", timeout="50ms", allow_private=True
        )

        assert carried_out(tool) == ["StepFailed", "NotSent", "not-done"]
        for one in waiting:
            one.close()


@pytest.mark.parametrize("method", ["POST", "PUT", "GET"])
def test_what_is_done_is_done(method: str) -> None:
    """A reply of success that cannot be used is no reason to do it again."""
    with service(lambda _: Answer(200, b"{", {"content-type": "application/json"})) as there:
        tool = http_tool("do", method=method, url=there.url, retry=AGAIN, allow_private=True)

        assert carried_out(tool) == [ResultUnusable.__name__, "ReplyUnusable", "reply-unusable"]
    assert len(there.seen) == 1


def test_the_recorded_request_has_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither result nor error nor argument: the file has no trace of it."""
    monkeypatch.setenv("TOKEN", "canary-4711")
    with service(lambda seen: Answer(int(seen.path[1:]), b"no")) as there:
        tool = http_tool(
            "get", url=f"{there.url}/{{status}}", headers={"X": "secret://env/TOKEN"},
            query={"key": "secret://env/TOKEN"}, parameters={"status": int}, allow_private=True,
        )  # fmt: skip

        @workflow(version="1")
        async def one() -> None:
            for status in (200, 400, 500):
                with suppress(StepFailed):
                    await tool(status=status)

        async def go() -> None:
            async with Podium(str(tmp_path / "app.db")) as app:
                await (await app.start(one)).result()

        drive(go())

    assert {seen.headers["x"] for seen in there.seen} == {"canary-4711"}
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if b"canary-4711" in path.read_bytes()] == []

"""Calls of the tools of an MCP server, well and badly behaved."""

import asyncio
import json
import os
import signal

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import podium

from podium import Podium, ToolReply
from podium.tools.mcp.errors import McpUnreachable
from podium.tools.mcp.tools import McpTools, mcp_description, mcp_tools
from tests.harness import drive, fresh_names
from tests.tools.mcp.servers import below, calls, described, is_alive, lines_of, python, wait_for

pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "calls"
    monkeypatch.setenv("CALLS", str(path))
    with fresh_names():
        yield path


def with_server(
    body: Callable[[McpTools], Awaitable[Any]], how: str = "well", **options: Any
) -> Any:
    """Let a test use the tools of a server; nothing of it is left behind."""

    async def go() -> Any:
        tools = mcp_tools(described(how), **options)
        try:
            return await body(tools)
        finally:
            await tools.close()
            assert below(os.getpid()) == []

    return drive(go(), 60)


async def look(what: str) -> ToolReply:
    return await podium.dispatch("raw.look", {"what": what})


def code_of(reply: ToolReply) -> str:
    return "" if reply.error is None else reply.error.code


def test_tools_are_called(side: Path) -> None:
    """Texts and structured results are values, labelled as from outside; each call has a key."""

    async def body(_: McpTools) -> Any:
        return [await look("one"), await podium.dispatch("raw.count"), await look("two")]

    one, count, two = with_server(body)
    assert (one.value, count.value, two.value) == ("one seen", {"n": 7}, "two seen")
    assert one.labels == ("outside",)
    names = [line.rpartition(" ")[0] for line in calls(side)]
    assert names == ["look one", "count ", "look two"]
    assert len({line.rpartition(" ")[2] for line in calls(side)}) == 3


def test_parts_that_are_no_text() -> None:
    """Pictures are files of the run; outside of one they are base64."""

    @podium.workflow
    async def sees() -> Any:
        return (await look("picture")).value

    async def body(_: McpTools) -> Any:
        async with Podium(":memory:") as app:
            run = await app.start(sees)
            inside = await run.result()
        return inside, (await look("picture")).value, await look("damaged")

    inside, outside, damaged = with_server(body)
    assert [one["type"] for one in inside] == ["text", "image", "link", "resource"]
    assert inside[1]["data"]["size"] == 5
    assert outside[1]["data"] == "aGVsbG8="
    assert damaged.value[0]["data"] == "?"


@pytest.mark.parametrize(
    ("what", "code", "did_run", "words"),
    [
        ("die", "mcp-broken", True, "ended with code 3; its errors end with: out of paper"),
        ("no result", "mcp-broken", True, "what is no result"),
        ("refuse", "mcp-refused", False, "did not take the call of look: not this"),
        ("fail", "mcp-broken", True, "oh no"),
        ("tool fails", "result-unusable", True, "says that it failed: no such thing"),
        ("hang", "timeout", True, "no answer within 0.5 s"),
        ("garbage", "timeout", True, "it wrote 'this is no message'"),
    ],
)
def test_what_goes_wrong_is_data(what: str, code: str, did_run: bool, words: str) -> None:
    """The reply says what happened, and whether anything may have; the next call works."""

    async def body(_: McpTools) -> Any:
        return await look(what), await look("again")

    failed, again = with_server(body, timeout="500ms")
    assert failed.error is not None
    assert (code_of(failed), failed.error.did_run) == (code, did_run)
    assert words in failed.error.message
    assert failed.labels == ("outside",)
    assert again.value == "again seen"


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("flood", "a message of more than 1,000,000 bytes"),
        ("large", "a message of more than 1,000,000 bytes"),
        ("chatter", "messages that answer nothing"),
    ],
)
def test_a_flood_is_ended(what: str, words: str) -> None:
    """A server that sends without end is left, and its program is ended."""

    async def body(_: McpTools) -> Any:
        return await look(what), await look("again")

    failed, again = with_server(body, message_bytes_max=1_000_000)
    assert code_of(failed) == "mcp-broken"
    assert words in failed.text
    assert again.value == "again seen"


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("not at all", "its errors end with: no configuration"),
        ("silent", "not ready within 1 s"),
        ("endless", "100 pages"),
    ],
)
def test_a_server_that_does_not_start(how: str, words: str) -> None:
    """Nothing was called, and the message says why the server cannot be used."""

    async def body(_: McpTools) -> Any:
        return await look("one")

    reply = with_server(body, how, start_timeout="1s")
    assert reply.error is not None
    assert (reply.error.code, reply.error.did_run) == ("mcp-unreachable", False)
    assert words in reply.error.message


def test_no_such_program() -> None:
    """A program that is not there, or a place where nobody listens, is said so."""
    place = {"command": ["no-such-program-at-all"]}

    async def body(_: McpTools) -> Any:
        with pytest.raises(McpUnreachable):
            await mcp_description("far", url="http://127.0.0.1:9/mcp")
        return await look("one")

    reply = with_server(body, place=place)
    assert "There is no program 'no-such-program-at-all'" in reply.text


@pytest.mark.parametrize(("how", "words"), [("wrong", "n"), ("bare", "no structured result")])
def test_a_result_that_is_none(how: str, words: str) -> None:
    """A result that does not fit the tool's own schema is done and unusable."""

    async def body(_: McpTools) -> Any:
        return await podium.dispatch("raw.count")

    reply = with_server(body, how)
    assert code_of(reply) == "result-unusable"
    assert words in reply.text


def test_a_tool_that_changes_is_not_called(side: Path) -> None:
    """When the server says that its list has changed, the next call looks, and refuses what is another."""

    async def body(_: McpTools) -> Any:
        return [
            await look("change"),
            await look("one"),
            await podium.dispatch("raw.put", {"what": "a"}),
        ]

    changed, refused, other = with_server(body)
    assert changed.is_ok
    assert code_of(refused) == "mcp-changed"
    assert "has changed (arguments) since it was described" in refused.text
    assert other.is_ok
    assert [line.split()[0] for line in calls(side)] == ["look", "put"]


def test_a_tool_that_is_gone_is_not_called(side: Path) -> None:
    """A server that no longer has a tool is not asked for it."""

    async def body(_: McpTools) -> Any:
        return await look("one")

    assert "is gone since it was described" in with_server(body, "fewer").text
    assert calls(side) == []


def test_many_calls_share_a_connection(side: Path) -> None:
    """One program serves all calls at once; a slow one that times out does not hurt the others."""

    async def body(_: McpTools) -> Any:
        return await asyncio.gather(*(look("pid") for _ in range(20)))

    assert len({one.value for one in with_server(body)}) == 1
    assert len(calls(side)) == 20


def test_a_server_gets_no_secrets_but_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its environment is PATH, LANG, HOME and what is named; a reference becomes its value there only."""
    monkeypatch.setenv("OTHER_SECRET", "not for it")
    monkeypatch.setenv("ITS_TOKEN", "for-it-alone")

    async def body(_: McpTools) -> Any:
        return (await look("environment")).value

    seen = json.loads(with_server(body, place={"env": {"TOKEN": "secret://env/ITS_TOKEN"}}))
    assert set(seen) <= {"PATH", "LANG", "HOME", "CALLS", "TOKEN", "LC_CTYPE"}
    assert seen["TOKEN"] == "for-it-alone"


def test_a_missing_secret() -> None:
    """Nothing is started without it."""

    async def body(_: McpTools) -> Any:
        return await look("one")

    reply = with_server(body, place={"env": {"TOKEN": "secret://env/NO_SUCH_SECRET"}})
    assert code_of(reply) == "secret-missing"


def test_what_a_server_has_started_ends_with_it() -> None:
    """Programs that a server starts, and a server that does not listen to its end, are ended."""
    pids: list[int] = []

    async def body(_: McpTools) -> Any:
        pids.extend([int((await look("pid")).value), int((await look("child")).value)])
        assert all(map(is_alive, pids))

    with_server(body, "deaf")
    assert not any(map(is_alive, pids))


_USES = """
import asyncio, json, os, sys
import podium
from podium.tools.mcp.tools import mcp_tools
from tests.tools.mcp.servers import described
mcp_tools(described("deaf"))

async def main():
    for what in ("pid", "child"):
        print((await podium.dispatch("raw.look", {"what": what})).value, flush=True)
    if sys.argv[1] == "wait":
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.parametrize("how", ["wait", "end"])
def test_a_server_ends_with_the_process(how: str) -> None:
    """Where the process is killed, or just ends, no server and nothing of it is left."""
    process = python(_USES, how)
    try:
        assert process.stdout is not None
        pids = [int(process.stdout.readline()) for _ in range(2)]
        if how == "wait":
            assert all(map(is_alive, pids))
            os.kill(process.pid, signal.SIGKILL)
        wait_for(lambda: not any(map(is_alive, pids)))
    finally:
        process.kill()
        process.communicate()


def test_an_idle_connection_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while without calls the program is ended; the next call starts another one."""
    from podium.tools.mcp import session

    monkeypatch.setattr(session.Bounds, "__init__", _quick(session.Bounds.__init__))

    async def body(_: McpTools) -> Any:
        first = int((await look("pid")).value)
        while is_alive(first):
            await asyncio.sleep(0.01)
        return first, int((await look("pid")).value)

    first, second = with_server(body)
    assert first != second


def _quick(make: Any) -> Any:
    def quick(self: Any, **given: Any) -> None:
        make(self, **{"idle_s": 0.05, **given})

    return quick


_RUNS = """
import asyncio, json, sys
import podium
from podium.tools.mcp.tools import mcp_tools
from tests.tools.mcp.servers import described
mcp_tools(described(), **json.loads(sys.argv[3]))

@podium.workflow
async def work(tool: str) -> list[str]:
    first = await podium.dispatch("raw.look", {"what": "first"})
    second = await podium.dispatch(tool, {"what": sys.argv[2]}, labels=(), policy=podium.ToolPolicy(trust=["*"]))
    return [first.text, second.text]

async def main():
    async with podium.Podium(sys.argv[1]) as app:
        run = await app.start(work, {"tool": sys.argv[4]}, id="run")
        while await run.status() not in ("succeeded", "failed", "waiting"):
            await asyncio.sleep(0.01)
        status = await run.status()
        print(json.dumps([status, await run.result() if status == "succeeded" else None]))

asyncio.run(main())
"""


def test_a_crash_in_the_middle_repeats_with_the_same_key(tmp_path: Path, side: Path) -> None:
    """A recorded call is not made again; a ``write`` in flight is, with its key; a ``once`` is asked about."""
    database = str(tmp_path / "podium.db")
    first = python(_RUNS, database, "hang", "{}", "raw.put")
    wait_for(lambda: len(calls(side)) == 2)
    first.kill()
    first.communicate()
    [told] = lines_of(python(_RUNS, database, "hang", '{"timeout": "200ms"}', "raw.put"))

    assert told[0] == "succeeded"
    assert "no answer within 0.2 s" in told[1][1]
    lines = calls(side)
    assert [line.rpartition(" ")[0] for line in lines] == ["look first", "put hang", "put hang"]
    assert lines[1] == lines[2]


def test_a_once_in_flight_is_asked_about(tmp_path: Path, side: Path) -> None:
    """It is not called again; the run waits for somebody who says what happened."""
    database = str(tmp_path / "podium.db")
    first = python(_RUNS, database, "hang", "{}", "raw.send_mail_")
    wait_for(lambda: len(calls(side)) == 2)
    first.kill()
    first.communicate()
    [told] = lines_of(python(_RUNS, database, "hang", "{}", "raw.send_mail_"))

    assert told == ["waiting", None]
    assert len(calls(side)) == 2


def test_a_replay_needs_no_server(tmp_path: Path, side: Path) -> None:
    """The tools are made of the description: what is recorded is replayed where no server is."""
    database = str(tmp_path / "podium.db")
    [first] = lines_of(python(_RUNS, database, "one", "{}", "raw.put"))
    gone = '{"place": {"command": ["no-such-program-at-all"]}}'
    [again] = lines_of(python(_RUNS, database, "one", gone, "raw.put"))

    assert first == again == ["succeeded", ["first seen", "one seen"]]
    assert len(calls(side)) == 2

"""Podium as an MCP server, asked by the SDK's own client and by Podium's."""

import asyncio
import os
import signal
import socket
import subprocess
import sys

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

import podium

from podium import Podium
from podium.tools.mcp.description import KEY_META
from podium.tools.mcp.tools import mcp_description, mcp_tools
from tests.harness import drive, fresh_names
from tests.tools.mcp.servers import ROOT, calls, wait_for

pytestmark = pytest.mark.long

LIMIT_S = 120.0
SERVE = ("-m", "podium", "mcp", "serve", "tests.server.flows")


@pytest.fixture
def world(tmp_path: Path) -> dict[str, str]:
    """Return the environment of servers of one test."""
    paths = f"{ROOT / 'src'}{os.pathsep}{ROOT}"
    return {
        "CALLS": str(tmp_path / "calls"),
        "PYTHONPATH": paths,
        "PODIUM_DB": str(tmp_path / "p.db"),
    }


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    with fresh_names():
        yield


def asked(world: dict[str, str], body: Callable[[Any], Awaitable[Any]], *more: str) -> Any:
    """Let a test be a client of a server over its pipes."""

    async def go() -> Any:
        server = StdioServerParameters(
            command=sys.executable, args=[*SERVE, *more], env=world, cwd=ROOT
        )
        async with Client(server) as client:

            async def call(name: str, key: str = "", **arguments: Any) -> Any:
                meta: Any = {KEY_META: key} if key else None
                result = await client.call_tool(name, arguments, meta=meta)
                return {**result.structured_content, "is_error": result.is_error}

            call.client = client  # type: ignore[attr-defined]
            return await body(call)

    return drive(go(), LIMIT_S)


def test_workflows_are_tools(world: dict[str, str]) -> None:
    """Results and errors are data, a key or a name makes a repeat harmless, questions are seen."""

    async def body(call: Any) -> None:
        listed = {one.name: one for one in (await call.client.list_tools()).tools}
        assert set(listed) == {"held", "order", "sale", "run_status", "run_cancel", "run_answer"}
        assert listed["order"].description == "Bake things to order.\n\nGive the name of the thing."
        assert listed["order"].input_schema["properties"]["count"]["default"] == 1

        cake = await call("order", item="cake", count=2)
        assert (cake["status"], cake["result"]) == ("succeeded", {"baked": ["a cake", "a cake"]})
        wrong = await call("order", item="nothing")
        assert (wrong["status"], wrong["is_error"]) == ("failed", True)
        assert wrong["error"]["message"] == "there is no such thing"
        for given, code in (
            ({"item": 3}, "input-invalid"), ({"thing": "x"}, "input-invalid"),
            ({"item": "a", "run_id": ""}, "invalid-option"),
        ):  # fmt: skip
            refused = await call("order", **given)
            assert (refused["status"], refused["error"]["code"]) == ("not-started", code)
        assert (await call("nonsense"))["error"]["code"] == "invalid-option"

        first = await call("order", item="tart", run_id="t1")
        assert await call("order", item="tart", run_id="t1") == first
        assert (await call("order", item="pie", run_id="t1"))["error"]["code"] == "id-in-use"
        keyed = [await call("order", "key-1", item="bun") for _ in range(2)]
        assert keyed[0] == keyed[1]

    asked(world, body, "--answers")
    made = ["bake cake", "bake cake", "bake tart", "bake bun"]
    assert calls(Path(world["CALLS"])) == made


def test_long_runs_and_questions(world: dict[str, str]) -> None:
    """A long run is told by its id; questions can be answered where that is allowed, approvals never."""

    async def body(call: Any) -> None:
        slow = await call("order", item="slow")
        assert slow["status"] in {"running", "waiting"}
        assert "do not start it again" in slow["next"]
        done = await call("run_status", run_id=slow["run_id"], wait_s=60)
        assert done["result"] == {"baked": ["a slow"]}

        asks = await call("order", item="surprise")
        [ask] = (await call("run_status", run_id=asks["run_id"], wait_s=60))["asks"]
        assert (ask["form"], ask["answered_with"]) == ({"text": "Which colour?"}, "run_answer")
        told = await call("run_answer", run_id=asks["run_id"], ask_id=ask["ask_id"], answer="red")
        told = await call("run_status", run_id=told["run_id"], wait_s=60)
        assert told["result"]["colour"] == "red"

        for name in ("sale", "shop__sell"):
            sale = await call(name, item="y")
            [ask] = (await call("run_status", run_id=sale["run_id"], wait_s=60))["asks"]
            assert ask["answered_with"] == "podium runs answer"
            assert "fingerprint" not in str(ask["form"])
            for answer in (True, {"approve": "x"}):
                refused = await call(
                    "run_answer", run_id=sale["run_id"], ask_id=ask["ask_id"], answer=answer
                )
                assert "given by a person" in refused["error"]["message"]
            cancelled = await call("run_cancel", run_id=sale["run_id"])
            cancelled = await call("run_status", run_id=sale["run_id"], wait_s=60)
            assert cancelled["status"] == "cancelled"

        assert (await call("run_status", run_id="of-somebody-else"))["error"][
            "code"
        ] == "run-not-found"
        assert (await call("run_status"))["error"]["code"] == "invalid-option"

    chosen = ("--workflow", "order", "--workflow", "sale", "--tool", "shop.sell")
    asked(world, body, "--answers", "--wait", "100ms", *chosen)
    assert not any(line.startswith("sell") for line in calls(Path(world["CALLS"])))


def test_without_leave_nothing_is_answered(world: dict[str, str]) -> None:
    """Unless it is allowed, a client sees a question, and who answers it."""

    async def body(call: Any) -> None:
        asks = await call("order", item="surprise")
        [ask] = asks["asks"]
        assert ask["answered_with"] == "podium runs answer"
        told = await call("run_answer", run_id=asks["run_id"], ask_id=ask["ask_id"], answer="red")
        assert "no tool 'run_answer'" in told["error"]["message"]

    asked(world, body, "--wait", "60s")


def test_killed_and_asked_again(world: dict[str, str]) -> None:
    """The run goes on in the next server; the same call with the same key finds it."""
    side = Path(world["CALLS"])

    async def dies(call: Any) -> Any:
        started = await call("held", "key-1", item="bread")
        await asyncio.to_thread(wait_for, lambda: calls(side))
        [server] = [one for one in _children() if "podium" in one[1]]
        os.kill(server[0], signal.SIGKILL)
        return started["run_id"]

    async def goes_on(call: Any) -> Any:
        again = await call("held", "key-1", item="bread")
        return await call("run_status", run_id=again["run_id"], wait_s=60)

    try:
        run_id = asked(world, dies, "--wait", "100ms")
    except BaseExceptionGroup:  # the SDK may tell of the pipe that broke
        run_id = None
    told = asked(world, goes_on, "--wait", "100ms")
    assert (told["status"], told["result"]) == ("succeeded", "bread")
    assert run_id in (None, told["run_id"])
    assert sorted(calls(side)) == ["bake first bread", "bake second bread"]


def _children() -> list[tuple[int, str]]:
    from podium.tools.process.tree import descendants

    found = []
    for pid in descendants(os.getpid()):
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        if pid != os.getpid():
            found.append((pid, command))
    return found


@pytest.fixture
def listening(world: dict[str, str]) -> Iterator[Callable[..., tuple[str, Any]]]:
    """Start servers on loopback; they are ended whatever happens."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*more: str, port: int = 0) -> tuple[str, Any]:
        if not port:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, *SERVE, "--http", f"127.0.0.1:{port}", *more], env={**os.environ, **world},
            cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        started.append(process)
        wait_for(lambda: process.poll() is not None or _answers(port), 60)
        assert process.poll() is None
        return f"http://127.0.0.1:{port}/mcp", process

    yield start
    for one in started:
        one.kill()
        one.wait()


def _answers(port: int) -> bool:
    with socket.socket() as trying:
        return trying.connect_ex(("127.0.0.1", port)) == 0


def test_over_http_to_the_next_process(
    world: dict[str, str], listening: Callable[..., tuple[str, Any]]
) -> None:
    """A client over HTTP finds its run in a server that was started anew; without the token it gets nothing."""
    token = ("--token", "secret://env/ITS_TOKEN")
    world["ITS_TOKEN"] = "open sesame"
    url, process = listening(*token)
    port = int(url.split(":")[2].split("/")[0])

    async def ask(name: str, **arguments: Any) -> Any:
        headers = {"Authorization": "Bearer open sesame"}
        async with httpx2.AsyncClient(headers=headers) as http:
            async with Client(streamable_http_client(url, http_client=http)) as client:
                return (await client.call_tool(name, arguments)).structured_content

    assert httpx2.post(url, json={}).status_code == 401
    assert httpx2.post(url, json={}, headers={"Authorization": "Bearer x"}).status_code == 401
    done = drive(ask("order", item="cake"), LIMIT_S)
    assert done["result"] == {"baked": ["a cake"]}
    process.kill()
    process.wait()
    listening(*token, port=port)
    assert drive(ask("run_status", run_id=done["run_id"]), LIMIT_S) == done


def test_podium_calls_podium(
    world: dict[str, str],
    listening: Callable[..., tuple[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server of Podium's says that it knows keys, so a call of it is a ``write`` that may be repeated."""
    url, process = listening()

    async def go() -> Any:
        told = await mcp_description("bakery", url=url)
        tools = mcp_tools(told, foreign=False)
        assert [str(one.spec.effect) for one in tools.values()][:2] == ["write", "write"]

        @podium.workflow
        async def baking() -> Any:
            policy = podium.ToolPolicy(trust=["bakery.*"])
            reply = await podium.dispatch("bakery.order", {"item": "cake"}, policy=policy)
            return [reply.value, list(reply.labels)]

        async with Podium(":memory:") as app:
            value = await (await app.start(baking)).result()
        process.kill()
        lost = await podium.dispatch("bakery.order", {"item": "cake"}, labels=())
        await tools.close()
        return value, lost

    (value, labels), lost = drive(go(), LIMIT_S)
    assert value["result"] == {"baked": ["a cake"]}
    assert labels == ["outside"]
    assert lost.error is not None
    assert lost.error.code in {"mcp-unreachable", "mcp-broken"}


def test_a_server_that_is_open_to_others_needs_a_token(world: dict[str, str]) -> None:
    """It does not start, and says what to do; so where there is nothing to serve."""
    for more, words in (
        (("--http", "0.0.0.0:9999"), "give --token"),
        (("--http", "nowhere"), "HOST:PORT"),
        (("--workflow", "odrer"), "did you mean order?"),
    ):
        ended = subprocess.run(
            [sys.executable, *SERVE, *more], env={**os.environ, **world}, cwd=ROOT, check=False,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S,
        )  # fmt: skip
        assert ended.returncode != 0
        assert words in ended.stderr

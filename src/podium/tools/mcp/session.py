"""One connection to an MCP server, kept by a task of its own for all calls of a loop."""

from __future__ import annotations

import asyncio
import contextvars

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2
import mcp_types as types
import pydantic

from mcp import Client, MCPError

from podium.core.version import VERSION
from podium.tools.mcp.description import (
    FILE_BYTES_MAX,
    KEY_META,
    KEYED_META,
    TOOLS_MAX,
    Described,
    Hints,
    Place,
)
from podium.tools.mcp.errors import McpBroken, McpChanged, McpRefused, McpUnreachable
from podium.tools.mcp.http import over_http
from podium.tools.mcp.stdio import Pipes, Program
from podium.tools.process.running import plain_environment

START_S: Final = 30.0
IDLE_S: Final = 60.0
RELIST_S: Final = 60.0
"""A server is asked at least so often what it has, if it is used."""
MESSAGE_BYTES_MAX: Final = 16 * 1024 * 1024
_PAGES_MAX: Final = 100
_CHATTER_MAX: Final = 5_000
"""After so many messages that answer nothing, with no answer between them, a server is left alone."""
_DID_NOTHING: Final = frozenset({types.METHOD_NOT_FOUND, types.INVALID_PARAMS})


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How far a server may go.

    Attributes:
        start_s: Until it is ready, in seconds.
        idle_s: After that long without a call the connection is closed.
        message_bytes_max: Its longest message.
    """

    start_s: float = START_S
    idle_s: float = IDLE_S
    message_bytes_max: int = MESSAGE_BYTES_MAX


@dataclass(eq=False)
class Session:
    """A connection.

    Attributes:
        name: What the server is called here.
        place: How it is reached, secrets in place.
        bounds: How far it may go.
        tools: What it has, by name.
        server: What it calls itself.
    """

    name: str
    place: Place = field(repr=False)
    bounds: Bounds
    gone: Callable[[], None]
    tools: dict[str, Described] = field(default_factory=dict)
    server: str = ""

    def __post_init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._opened: asyncio.Future[Client] = loop.create_future()
        self._opened.add_done_callback(lambda one: one.cancelled() or one.exception())
        self._over = asyncio.Event()
        self._why = ""
        self._pipes: Pipes | None = None
        self._in_flight = 0
        self._chatter = 0
        self._listed_at = 0.0
        self._listing = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        # a context of its own: it outlives the attempt that asks for it first
        self._task = loop.create_task(self._live(), context=contextvars.Context())

    @property
    def is_over(self) -> bool:
        """Whether nobody begins anything with it any more."""
        return self._over.is_set() or bool(self._why) or self._task.done()

    async def ready(self) -> Client:
        """Wait until it is open.

        Raises:
            McpUnreachable: It cannot be opened.
        """
        return await asyncio.shield(self._opened)

    async def close(self) -> None:
        """End it, and the program behind it."""
        self._over.set()
        await asyncio.wait([self._task])

    async def require(self, tool: Described) -> None:
        """Make sure that the server has a tool as it was described.

        Raises:
            McpUnreachable: It does not say what it has.
            McpChanged: It has not.
        """
        client = await self.ready()
        async with self._listing:
            if self._loop.time() - self._listed_at > RELIST_S:
                try:
                    async with asyncio.timeout(self.bounds.start_s):
                        await self._list(client)
                except (MCPError, pydantic.ValidationError, TimeoutError) as problem:
                    raise self._unreachable(f"it does not say which tools it has: {problem}") from problem  # fmt: skip
        now = self.tools.get(tool.name)
        if now is None or now.seal != tool.seal:
            what = "is gone" if now is None else f"has changed ({_difference(tool, now)})"
            raise McpChanged(
                f"The tool {tool.name!r} of MCP server {self.name!r} {what} since it was described; it was "
                "not called. `podium mcp check` tells the differences, `podium mcp add` describes it anew."
            )

    async def call(
        self, tool: str, arguments: dict[str, Any], timeout_s: float, key: str
    ) -> types.CallToolResult:
        """Call a tool.

        Raises:
            McpUnreachable: Nothing was sent.
            McpRefused: The server did not take it.
            McpBroken: It may or may not have happened.
            TimeoutError: So may this.
        """
        client = await self.ready()
        if self.is_over:
            raise self._unreachable(self._why or "the connection was closed")
        meta: Any = {KEY_META: key}
        params = types.CallToolRequestParams(name=tool, arguments=arguments, _meta=meta)
        self._begin()
        try:
            async with asyncio.timeout(timeout_s):
                return await client.session.send_request(
                    types.CallToolRequest(params=params), types.CallToolResult
                )
        except TimeoutError:
            self._over.set()  # it may hang; the next call finds another one
            raise TimeoutError(
                f"{tool} of MCP server {self.name!r}: no answer within {timeout_s:g} s{self._remark()}"
            ) from None
        except MCPError as problem:
            raise self._failed(tool, problem) from problem
        except (pydantic.ValidationError, RuntimeError, httpx2.HTTPError) as problem:
            words = " ".join(str(problem).split())[:300]
            raise McpBroken(
                f"{tool} of MCP server {self.name!r} was called and answered with what is no result: {words}"
            ) from problem
        finally:
            self._end()

    # life --------------------------------------------------------------------------------------

    async def _live(self) -> None:
        """Open it, keep it until it is over, close it."""
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(self.bounds.start_s):
                    client = await stack.enter_async_context(self._client())
                    await self._list(client)
                told = client.server_info
                self.server = f"{told.name} {told.version}".strip() if told else ""
                self._opened.set_result(client)
                await self._until_over()
        except asyncio.CancelledError:
            self._refuse("the program ends")
            raise
        except TimeoutError:
            self._refuse(f"it was not ready within {self.bounds.start_s:g} s")
        except Exception as problem:  # noqa: BLE001 - whatever the SDK and the server come up with
            self._refuse(_words(problem))
        finally:
            self._why = self._why or "the connection was closed"
            self.gone()

    def _client(self) -> Client:
        return Client(
            self._transport(),
            cache=None,
            message_handler=self._heard,
            client_info=types.Implementation(name="podium", version=VERSION),
        )

    def _transport(self) -> Any:
        place = self.place
        if place.url:
            return over_http(place, self.bounds.start_s, self.bounds.message_bytes_max)
        env = {**plain_environment(place.inherit), **place.env}
        program = Program(place.command, env, place.cwd)
        self._pipes = Pipes(program, self.bounds.message_bytes_max, self._lost)
        return self._pipes.open()

    async def _until_over(self) -> None:
        await self._over.wait()
        while self._in_flight and not self._why:  # others may still get their answers
            self._over.clear()
            await self._over.wait()
            self._over.set()

    def _lost(self, why: str) -> None:
        self._why = self._why or why
        self._over.set()

    def _refuse(self, why: str) -> None:
        if not self._opened.done():
            why = self._why if self._why and "closed" in why.lower() else why
            self._opened.set_exception(self._unreachable(why))

    def _unreachable(self, why: str) -> McpUnreachable:
        return McpUnreachable(
            f"MCP server {self.name!r} ({self.place.shown}) cannot be used: {why}{self._remark()}"
        )

    def _failed(self, tool: str, problem: MCPError) -> Exception:
        if problem.code in _DID_NOTHING:
            return McpRefused(
                f"MCP server {self.name!r} did not take the call of {tool}: {problem}"
            )
        why = self._why if problem.code == types.CONNECTION_CLOSED and self._why else str(problem)
        return McpBroken(
            f"{tool} of MCP server {self.name!r} was called and nobody knows what it did: "
            f"{why[:500]}{self._remark()}"
        )

    def _remark(self) -> str:
        """Say what the program wrote that was no message."""
        if self._pipes is None:
            return ""
        said = [f"; it wrote {one!r}" for one in self._pipes.nonsense[:1]]
        if words := self._pipes.last_words:
            said.append(f"; its errors end with: {words[-500:]}")
        return "".join(said)

    # calls -------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._in_flight += 1
        self._chatter = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        self._in_flight -= 1
        self._chatter = 0
        if self._in_flight:
            return
        if self._over.is_set():
            self._over.set()
        elif not self._loop.is_closed():
            self._timer = self._loop.call_later(self.bounds.idle_s, self._over.set)

    async def _heard(self, message: Any) -> None:
        """Take note of what comes without being asked for."""
        self._chatter += 1
        if self._chatter > _CHATTER_MAX:
            self._lost(f"it sent {self._chatter:,} messages that answer nothing")
        if isinstance(message, types.ToolListChangedNotification):
            self._listed_at = 0.0

    async def _list(self, client: Client) -> None:
        """Ask what it has."""
        found: dict[str, Described] = {}
        cursor: str | None = None
        size = 0
        for _ in range(_PAGES_MAX):
            page = await client.list_tools(cursor=cursor)
            for one in page.tools:
                found[one.name] = _described(one)
                size += len(one.model_dump_json())
            cursor = page.next_cursor
            if cursor is None or len(found) > TOOLS_MAX or size > FILE_BYTES_MAX:
                break
        if cursor is not None:
            raise McpUnreachable(
                f"MCP server {self.name!r} has more than {TOOLS_MAX:,} tools, {_PAGES_MAX} pages or "
                f"{FILE_BYTES_MAX:,} bytes of them."
            )
        self.tools = found
        self._listed_at = self._loop.time()


def _described(tool: types.Tool) -> Described:
    told = tool.annotations or types.ToolAnnotations()
    hints = Hints(
        bool(told.read_only_hint), told.destructive_hint, bool(told.idempotent_hint),
        bool((tool.meta or {}).get(KEYED_META)),
    )  # fmt: skip
    return Described(
        tool.name, dict(tool.input_schema), tool.description or "",
        dict(tool.output_schema or {}), hints,
    )  # fmt: skip


def _difference(before: Described, now: Described) -> str:
    parts = {"arguments": "input", "result": "output", "hints about its effect": "hints"}
    return ", ".join(
        word for word, name in parts.items() if getattr(before, name) != getattr(now, name)
    )


def _words(problem: BaseException) -> str:
    """Return what an exception says, or the first of a group."""
    while isinstance(problem, BaseExceptionGroup):
        problem = problem.exceptions[0]
    text = " ".join(str(problem).split()) or type(problem).__name__
    return text[:500]

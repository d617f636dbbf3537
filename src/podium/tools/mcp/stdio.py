"""An MCP server as a program of this machine: started with little, read within limits, ended for sure."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys

from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from signal import SIGTERM, SIGUSR1
from typing import Any, Final, NamedTuple

import anyio
import mcp_types as types

from mcp.shared.message import SessionMessage

from podium.tools.mcp.errors import McpUnreachable
from podium.tools.process import launch

_LAUNCH: Final = str(Path(launch.__file__))
_PIECE: Final = 64 * 1024
_GRACE_S: Final = 2.0
"""For a server to end once nobody talks to it; and after it was told to."""
_TOLD_BYTES: Final = 2_000
_NONSENSE_MAX: Final = 1_000
"""After so many lines that are no messages it is no server."""


class Program(NamedTuple):
    """What is started.

    Attributes:
        command: The program and its arguments.
        env: Its whole environment.
        cwd: Where it runs; here unless given.
    """

    command: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str | None


class Pipes:
    """The two directions of a server, as the SDK takes a transport.

    Args:
        program: The server.
        message_bytes_max: The longest message of it, in bytes.
        ended: Is told, once, why nothing more comes.
    """

    def __init__(
        self, program: Program, message_bytes_max: int, ended: Callable[[str], None]
    ) -> None:
        self._program = program
        self._most = message_bytes_max
        self._ended = ended
        self._errors: deque[bytes] = deque(maxlen=8)
        self.nonsense: list[str] = []
        """The first lines that were no messages."""
        self._nonsense_count = 0

    @property
    def last_words(self) -> str:
        """The end of what it wrote as errors."""
        return b"".join(self._errors)[-_TOLD_BYTES:].decode(errors="replace").strip()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[Any, Any]]:
        """Start it, and end it with all that it has started.

        Raises:
            McpUnreachable: It cannot be started.
        """
        process = await self._start()
        # room for one: the SDK takes them one by one
        to_client, from_server = anyio.create_memory_object_stream[SessionMessage | Exception](1)
        to_server, from_client = anyio.create_memory_object_stream[SessionMessage](1)
        pumps = [
            asyncio.create_task(self._read(process, to_client)),
            asyncio.create_task(self._listen(process)),
            asyncio.create_task(self._write(process, from_client)),
        ]
        try:
            yield from_server, to_server
        finally:
            with anyio.CancelScope(shield=True):
                for one in (to_client, from_server, to_server, from_client):
                    one.close()
                try:
                    await _end(process)
                finally:
                    for pump in pumps:
                        pump.cancel()
                    await asyncio.gather(*pumps, return_exceptions=True)

    async def _start(self) -> asyncio.subprocess.Process:
        if os.name != "posix":
            raise McpUnreachable("MCP servers are started on Linux, macOS and other POSIX systems.")
        name, *arguments = self._program.command
        env = dict(self._program.env)
        found = shutil.which(name, path=env.get("PATH", os.defpath))
        if found is None:
            raise McpUnreachable(f"There is no program {name!r} in the PATH of MCP servers.")
        heard, report = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-S", _LAUNCH, str(os.getpid()), str(report), "--", found, name, *arguments,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE, env=env, cwd=self._program.cwd, limit=_PIECE,
                start_new_session=True, pass_fds=[report],
            )  # fmt: skip
        except (OSError, ValueError) as problem:
            os.close(heard)
            raise McpUnreachable(f"{name} cannot be started: {problem}") from problem
        finally:
            os.close(report)
        with os.fdopen(heard, "rb") as trouble:
            why = await asyncio.to_thread(trouble.read)  # ends when the program has begun
        if why:
            await _end(process)
            raise McpUnreachable(f"{name} cannot be started: {why.decode(errors='replace')}")
        return process

    async def _read(self, process: asyncio.subprocess.Process, to_client: Any) -> None:
        assert process.stdout is not None
        line = bytearray()
        why = "it has ended"
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            while piece := await process.stdout.read(_PIECE):
                *whole, rest = piece.split(b"\n")
                for one in whole:
                    line += one
                    await self._message(bytes(line), to_client)
                    line.clear()
                line += rest
                if len(line) > self._most:
                    why = f"it sent a message of more than {self._most:,} bytes"
                    break
                if self._nonsense_count > _NONSENSE_MAX:
                    why = f"it wrote {self._nonsense_count} lines that are no messages"
                    break
            if why == "it has ended":
                code = await process.wait()
                why = f"it has ended with code {code}"
        self._ended(why)
        to_client.close()

    async def _message(self, line: bytes, to_client: Any) -> None:
        if not line.strip():
            return
        try:
            message = types.jsonrpc_message_adapter.validate_json(line, by_name=False)
        except (ValueError, RecursionError):
            self._nonsense_count += 1
            if len(self.nonsense) < 3:
                self.nonsense.append(line[:200].decode(errors="replace"))
            return
        await to_client.send(SessionMessage(message))

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        while piece := await process.stderr.read(_PIECE):
            self._errors.append(piece[-_TOLD_BYTES:])

    async def _write(self, process: asyncio.subprocess.Process, from_client: Any) -> None:
        assert process.stdin is not None
        with suppress(OSError, anyio.ClosedResourceError, anyio.EndOfStream):
            async for one in from_client:
                text = one.message.model_dump_json(by_alias=True, exclude_unset=True)
                process.stdin.write(text.encode() + b"\n")
                await process.stdin.drain()


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a program: nobody talks to it any more, it is told to, it is ended with all it has started.

    When there is no time left, because this is cancelled, it is ended at once.
    """
    assert process.stdin is not None
    with suppress(OSError, RuntimeError):
        process.stdin.close()
    cancelled: asyncio.CancelledError | None = None
    for number in (SIGTERM, SIGUSR1):
        try:
            if cancelled is None:
                await asyncio.wait_for(process.wait(), _GRACE_S)
        except TimeoutError:
            pass
        except asyncio.CancelledError as problem:
            cancelled = problem
        if process.returncode is not None:
            break
        with suppress(ProcessLookupError):
            process.send_signal(SIGUSR1 if cancelled else number)
    await process.wait()
    transport: Any = getattr(process, "_transport", None)
    if transport is not None:  # its pipes may be held by what the program has left
        transport.close()
        await asyncio.sleep(0)
    if cancelled is not None:
        raise cancelled

"""How an MCP server is reached: over the pipes of its process, or over HTTP."""

from __future__ import annotations

import asyncio
import hmac

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn

from mcp.server import Server
from mcp.server.stdio import stdio_server

from podium.core.errors import InvalidOption

_OWN_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})
PATH: Final = "/mcp"


async def over_pipes(server: Server[Any]) -> None:
    """Serve whoever has started this process, until it closes the pipe."""
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


async def over_http(
    server: Server[Any], host: str, port: int, token: str | None, stop: asyncio.Event
) -> None:
    """Serve over streamable HTTP at ``/mcp``, until told to stop.

    Each request stands for itself, so a server that was started anew goes on where this one was.

    Args:
        server: What is served.
        host: Where it listens.
        port: … and on which port.
        token: What each request says behind ``Authorization: Bearer``; None: nothing.
        stop: Ends it.

    Raises:
        InvalidOption: Others could reach it, and there is no token.
    """
    if token is None and host not in _OWN_HOSTS:
        raise InvalidOption(
            f"Whoever reaches {host} could start runs: give --token secret://env/NAME, or listen on "
            "127.0.0.1."
        )
    app: Any = server.streamable_http_app(
        streamable_http_path=PATH, stateless_http=True, json_response=True, host=host
    )
    if token is not None:
        app = _Guarded(app, token)
    settings = uvicorn.Config(app, host=host, port=port, log_level="warning", lifespan="on")
    listening = _Listening(settings)
    serving = asyncio.create_task(listening.serve())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    listening.should_exit = True
    stopping.cancel()
    await serving


class _Listening(uvicorn.Server):
    """Leaves the signals of the process to the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Guarded:
    """Lets only requests pass that know the token."""

    def __init__(self, app: Any, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, self._expected):
                await _refuse(send)
                return
        await self._app(scope, receive, send)


async def _refuse(send: Any) -> None:
    headers = [(b"www-authenticate", b"Bearer"), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": b""})

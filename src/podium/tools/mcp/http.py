"""An MCP server that listens somewhere, over streamable HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from mcp.client.streamable_http import streamable_http_client

from podium.tools.mcp.description import Place


@asynccontextmanager
async def over_http(place: Place, connect_s: float, most: int) -> AsyncIterator[tuple[Any, Any]]:
    """Give the two directions of a server.

    No proxies, cookies or credentials of the environment; the SDK follows no redirect to another place.

    Args:
        place: Where it listens, with the headers of each request.
        connect_s: How long a connection may take, in seconds.
        most: The longest answer, in bytes.
    """
    client = httpx2.AsyncClient(
        headers=place.headers, transport=_Bounded(most), trust_env=False,
        timeout=httpx2.Timeout(connect_s, read=None),
    )  # fmt: skip
    async with (
        client,
        streamable_http_client(place.url, http_client=client, max_sse_event_size=most) as streams,
    ):
        yield streams


class _Bounded(httpx2.AsyncHTTPTransport):
    """Gives no body that is longer than it may be; a stream of events is bounded by event."""

    def __init__(self, most: int) -> None:
        super().__init__(trust_env=False)
        self._most = most

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            response.stream = _Counted(response.stream, self._most)
        return response


class _Counted(httpx2.AsyncByteStream):
    def __init__(self, stream: Any, most: int) -> None:
        self._stream = stream
        self._most = most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._stream:
            size += len(piece)
            if size > self._most:
                raise httpx2.ReadError(f"the answer has more than {self._most:,} bytes")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()

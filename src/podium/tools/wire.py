"""One request over HTTP and its reply, within limits, to addresses that were judged.

No cookies, no credentials from the environment, no proxies, no retries: a request does what its
tool says and nothing else. Imported by the first call, for it brings the client along.
"""

from __future__ import annotations

import asyncio
import zlib

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

import httpcore2 as core
import httpx2

from podium.core.version import VERSION
from podium.tools.net import Reach
from podium.tools.net_errors import AddressRefused, ConnectionBroken, NotSent, ReplyUnusable

CONNECT_S: Final = 10.0
ERROR_BYTES_MAX: Final = 64 * 1024
"""What is read of the reply to a request that failed."""
CONNECTIONS_MAX: Final = 100
IDLE_MAX: Final = 20
IDLE_S: Final = 5.0
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_DOES_NOT_FOLLOW: Final = frozenset({"accept", "accept-encoding", "user-agent"})
"""What a redirect to somebody else may take along: not a header that could hold a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How far a request may go.

    Attributes:
        timeout_s: For all of it, in seconds.
        body_bytes_max: The longest body of a reply, as it was before compression.
        redirects_max: How many redirects are followed.
        reach: What may be connected to.
        is_fresh: Whether it takes a connection of its own: one that was kept open may turn out to
            be closed only after the request was sent, and nobody knows then what has happened.
    """

    timeout_s: float
    body_bytes_max: int
    redirects_max: int
    reach: Reach
    is_fresh: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is sent.

    Attributes:
        method: In capitals.
        url: With all its values.
        shown: What people are told of it: no secret is in there.
        headers: Names and values; checked.
        body: Bytes, or None.
    """

    method: str
    url: str
    shown: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None


class Reply(NamedTuple):
    """What came back.

    Attributes:
        status: The status code.
        headers: Names in lower case; of several of one name all values, with commas.
        body: All of it, or of a failure the beginning.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


async def send(request: Request, limits: Limits) -> Reply:
    """Send a request and read its reply, whatever its status.

    Raises:
        NotSent: Nothing was sent.
        ConnectionBroken: No whole reply came.
        TimeoutError: No whole reply came in time.
        ReplyUnusable: The request was carried out, and the reply is too large.
    """
    course = _Course(request.shown)
    try:
        async with asyncio.timeout(limits.timeout_s):
            return await _follow(request, limits, course)
    except TimeoutError as problem:
        if not course.is_sent:
            raise NotSent(
                f"{request.shown}: no connection within {limits.timeout_s:g} s."
            ) from problem
        raise TimeoutError(
            f"{request.shown}: no whole reply within {limits.timeout_s:g} s"
        ) from problem
    except (core.NetworkError, core.ProtocolError, core.TimeoutException) as problem:
        if not course.is_sent:
            raise NotSent(f"{request.shown}: no connection: {_words(problem)}") from problem
        raise ConnectionBroken(
            f"{request.shown}: no whole reply came: {_words(problem)}"
        ) from problem


@dataclass(slots=True)
class _Course:
    """How far a request has come."""

    shown: str
    is_sent: bool = False

    async def note(self, event: str, _about: Mapping[str, Any]) -> None:
        """Take note of what the client does."""
        if event.endswith("send_request_headers.started"):
            self.is_sent = True


async def _follow(request: Request, limits: Limits, course: _Course) -> Reply:
    url = httpx2.URL(request.url)
    headers = request.headers
    for hop in range(limits.redirects_max + 1):
        reply = await _exchange(request, url, headers, limits, course)
        place = reply.headers.get("location")
        if reply.status not in _MOVED or place is None or hop == limits.redirects_max:
            return reply
        target = _target(url, place, request.shown)
        if _origin(target) != _origin(url):
            headers = tuple(one for one in headers if one[0].lower() in _DOES_NOT_FOLLOW)
        url = target
    raise AssertionError("the last hop returns")


def _target(url: httpx2.URL, place: str, shown: str) -> httpx2.URL:
    """Return where a redirect leads."""
    try:
        target = url.join(place)
    except httpx2.InvalidURL as problem:
        raise AddressRefused(f"{shown} redirects to {place!r}, which is no URL.") from problem
    allowed = ("https",) if url.scheme == "https" else ("http", "https")
    if target.scheme not in allowed or not target.host:
        raise AddressRefused(
            f"{shown} redirects to {place!r}; from {url.scheme} only to {' or '.join(allowed)}."
        )
    return target


async def _exchange(
    request: Request, url: httpx2.URL, headers: Iterable[tuple[str, str]], limits: Limits,
    course: _Course,
) -> Reply:  # fmt: skip
    pool = await _pool(limits.reach, is_fresh=limits.is_fresh)
    wire_url = core.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
    )
    sent = [(b"user-agent", f"podium/{VERSION}".encode()), (b"accept-encoding", b"gzip")]
    given = {name.lower() for name, _ in headers}
    sent = [one for one in sent if one[0].decode() not in given]
    sent += [(name.encode("ascii"), value.encode("ascii")) for name, value in headers]
    async with pool.stream(
        request.method, wire_url, headers=sent, content=request.body,
        extensions={"timeout": {"connect": CONNECT_S}, "trace": course.note},
    ) as response:  # fmt: skip
        kept: dict[str, str] = {}
        for name, value in response.headers:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1")
            kept[key] = f"{kept[key]}, {text}" if key in kept else text
        body = await _read(response, kept, limits, course)
        return Reply(response.status, kept, body)


async def _read(
    response: core.Response, headers: Mapping[str, str], limits: Limits, course: _Course
) -> bytes:
    """Read a body; of a failure only the beginning."""
    is_success = 200 <= response.status < 300
    most = limits.body_bytes_max if is_success else min(ERROR_BYTES_MAX, limits.body_bytes_max)
    unpacker = _unpacker(headers.get("content-encoding", ""), course)
    body = bytearray()
    async for chunk in response.aiter_stream():
        body += unpacker.take(chunk, most + 1 - len(body))
        if len(body) > most:
            if is_success:
                raise ReplyUnusable(
                    f"{course.shown} was answered {response.status} with more than {most:,} bytes, "
                    "the limit of this tool; ask for less, or raise response_bytes_max."
                )
            return bytes(body[:most])
    unpacker.end()
    return bytes(body)


@dataclass(slots=True)
class _Plain:
    """A body as it is."""

    def take(self, chunk: bytes, room: int) -> bytes:
        return chunk

    def end(self) -> None:
        return


@dataclass(slots=True)
class _Packed(_Plain):
    """A compressed body, of which never more than there is room for is unpacked."""

    course: _Course
    machine: Any = field(default_factory=lambda: zlib.decompressobj(zlib.MAX_WBITS | 32))
    is_begun: bool = False

    def take(self, chunk: bytes, room: int) -> bytes:
        self.is_begun = self.is_begun or bool(chunk)
        try:
            found = self.machine.decompress(chunk, room)
            while self.machine.eof and self.machine.unused_data and len(found) < room:
                rest = self.machine.unused_data
                self.machine = zlib.decompressobj(zlib.MAX_WBITS | 32)
                found += self.machine.decompress(rest, room - len(found))
        except zlib.error as problem:
            raise ConnectionBroken(
                f"{self.course.shown}: the compressed reply is damaged: {problem}"
            ) from problem
        return bytes(found)

    def end(self) -> None:
        if self.is_begun and not self.machine.eof:
            raise ConnectionBroken(f"{self.course.shown}: the compressed reply ends in the middle.")


def _unpacker(encoding: str, course: _Course) -> _Plain:
    word = encoding.strip().lower()
    if word in ("", "identity"):
        return _Plain()
    if word in ("gzip", "x-gzip", "deflate"):
        return _Packed(course)
    raise ReplyUnusable(
        f"{course.shown} was answered in the encoding {encoding!r}; gzip and deflate are understood."
    )


# connections -----------------------------------------------------------------------------


class _Backend(core.AsyncNetworkBackend):
    """Connects to addresses that were judged, never to a name."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._inner = core.AnyIOBackend()

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None,
        local_address: str | None = None, socket_options: Iterable[core.SOCKET_OPTION] | None = None,
    ) -> core.AsyncNetworkStream:  # fmt: skip
        problem: Exception = core.ConnectTimeout(f"no connection to {host} in {timeout} s")
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._reach.lead(host, port)
                share_s = None if timeout is None else max(1.0, timeout / len(addresses))
                for address in addresses:
                    try:
                        return await self._inner.connect_tcp(
                            address, port, share_s, local_address, socket_options
                        )
                    except (core.ConnectError, core.ConnectTimeout) as failed:
                        problem = failed
        except TimeoutError:
            pass
        raise problem

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


_Pools = dict[tuple[Reach, bool], core.AsyncConnectionPool]
_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[_Pools, AsyncIterator[_Pools]]] = (
    WeakKeyDictionary()
)
"""Open connections belong to a loop. Those of one reach are never used under another."""


async def _pool(reach: Reach, *, is_fresh: bool) -> core.AsyncConnectionPool:
    loop = asyncio.get_running_loop()
    if loop not in _of_loop:
        keeper = _keep()
        _of_loop[loop] = await anext(keeper), keeper
    pools, _ = _of_loop[loop]
    pool = pools.get((reach, is_fresh))
    if pool is None:
        pool = pools[reach, is_fresh] = core.AsyncConnectionPool(
            ssl_context=core.default_ssl_context(),
            max_connections=CONNECTIONS_MAX,
            max_keepalive_connections=0 if is_fresh else IDLE_MAX,
            keepalive_expiry=IDLE_S,
            network_backend=_Backend(reach),
        )
    return pool


async def _keep() -> AsyncIterator[_Pools]:
    """Hold connections until the loop closes its generators, as its last act."""
    pools: _Pools = {}
    try:
        yield pools
    finally:
        for pool in pools.values():
            await pool.aclose()


def _origin(url: httpx2.URL) -> tuple[str, str, int]:
    """Return who a URL is sent to."""
    return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)


def _words(problem: Exception) -> str:
    return str(problem) or type(problem).__name__

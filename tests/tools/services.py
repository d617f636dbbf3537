"""Services on loopback: a well-behaved one over HTTP, and one that says exactly what a test wants."""

import json
import socket
import struct
import threading

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit


class Seen(NamedTuple):
    """A request that arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The path, decoded."""
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> list[tuple[str, str]]:
        """The query, decoded."""
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


class Answer(NamedTuple):
    """What a service says."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = {}


class Service:
    """Where a service is, and what it was asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.port = urlsplit(url).port
        self.seen: list[Seen] = []


@contextmanager
def service(answer: Callable[[Seen], Any], context: Any = None) -> Iterator[Service]:
    """A service that answers each request with what a function returns: an Answer, or its JSON."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except OSError:  # the client went away
                self.close_connection = True

        def do(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            seen = Seen(self.command, self.path, headers, self.rfile.read(size))
            here.seen.append(seen)
            said = answer(seen)
            said = said if isinstance(said, Answer) else Answer(body=said)
            is_raw = isinstance(said.body, bytes)
            body = said.body if is_raw else json.dumps(said.body).encode()
            about = {} if is_raw else {"content-type": "application/json"}
            about |= {"content-length": str(len(body)), **said.headers}
            lines = [f"HTTP/1.1 {said.status} Said", *(f"{k}: {v}" for k, v in about.items())]
            head = "\r\n".join([*lines, "", ""]).encode("latin-1")
            self.wfile.write(head + (b"" if self.command == "HEAD" else body))

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 256

    server = Server(("127.0.0.1", 0), Handler)
    scheme = "http"
    if context is not None:
        scheme = "https"
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that hangs up is meant
    here = Service(f"{scheme}://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Line:
    """A connection to a service that plays a part."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def hear(self) -> bytes:
        """Read the head of a request and as much of a body as it announces."""
        got = b""
        while b"\r\n\r\n" not in got:
            got += self._more()
        head, _, rest = got.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        size = next((int(one[15:]) for one in lines if one.startswith(b"content-length:")), 0)
        while len(rest) < size:
            rest += self._more()
        return head + b"\r\n\r\n" + rest

    def say(self, *parts: str | bytes) -> None:
        """Send bytes as they are."""
        for part in parts:
            self._connection.sendall(part.encode() if isinstance(part, str) else part)

    def reset(self) -> None:
        """Break the connection off, so that the other side gets an error."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()

    def gone(self) -> None:
        """Wait until the other side has hung up."""
        while self._connection.recv(65536):
            pass

    def _more(self) -> bytes:
        got = self._connection.recv(65536)
        if not got:
            raise ConnectionError
        return got


class Stage(Service):
    """A service that plays a part, and how often it was connected to."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.heard: list[bytes] = []


@contextmanager
def stage(play: Callable[[Line, int], None]) -> Iterator[Stage]:
    """A service that does on each connection what a function says; it is given the number of it."""
    listener = socket.create_server(("127.0.0.1", 0))
    here = Stage(f"http://127.0.0.1:{listener.getsockname()[1]}")
    threads: list[threading.Thread] = []

    def on_stage(connection: socket.socket, number: int) -> None:
        with connection:
            line = Line(connection)
            connection.settimeout(20)
            try:
                here.heard.append(line.hear())
                play(line, number)
            except OSError:
                pass

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=on_stage, args=(connection, len(threads) + 1)))
            threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield here
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        for thread in threads:
            thread.join()


def closed_port() -> int:
    """A port on loopback where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])

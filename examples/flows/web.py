"""Requests and servers for JSON, as far as the examples need them."""

import json
import urllib.error
import urllib.request

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATIENCE_S = 5.0


class Refused(Exception):
    """The server understood the request and will never do it: trying again is of no use."""


def get(url: str) -> Any:
    """Ask for JSON."""
    return _request("GET", url)


def post(url: str, body: Any, key: str) -> Any:
    """Send JSON, with a key that says which request this is, however often it is sent."""
    return _request("POST", url, body, key)


def _request(method: str, url: str, body: Any = None, key: str = "") -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            if error.code < 500:
                raise Refused(f"{method} {url}: {error.code} {error.read().decode()}") from error
            raise


class Handler(BaseHTTPRequestHandler):
    """Answers requests as its server says."""

    def do_GET(self) -> None:
        """Answer a question."""
        self._answer("GET", None)

    def do_POST(self) -> None:
        """Do what is asked."""
        size = int(self.headers["Content-Length"] or 0)
        self._answer("POST", json.loads(self.rfile.read(size) or b"null"))

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""

    def _answer(self, method: str, given: Any) -> None:
        server = self.server
        assert isinstance(server, JsonServer)
        status, answer = server.answer(
            method, self.path, given, self.headers["Idempotency-Key"] or ""
        )
        body = json.dumps(answer).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except ConnectionError:  # the caller is gone; what was done stays done
            self.close_connection = True


class JsonServer(ThreadingHTTPServer):
    """A server on loopback, with a thread for each request."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, method: str, path: str, given: Any, key: str) -> tuple[int, Any]:
        """Return status and JSON."""
        return 404, {"error": f"no such page: {method} {path}"}


def serve(server: JsonServer) -> None:
    """Serve until somebody says stop; the first line printed is the address."""
    print(server.url, flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()

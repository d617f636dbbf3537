"""A flaky HTTP service, in a process of its own that is never killed: it throttles and has outages.

``python -m tests.soak.service LIMIT PERIOD_S UP_S DOWN_S`` prints its port. ``GET /call/<n>`` is a
call; ``GET /books`` says what was seen.
"""

import json
import random
import sys
import threading
import time

from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Books:
    """What the service has seen."""

    def __init__(self, limit: int, period_s: float, up_s: float, down_s: float) -> None:
        self.limit, self.period_s = limit, period_s
        self.up_s, self.down_s = up_s, down_s
        self.lock = threading.Lock()
        self.began_s = time.monotonic()
        self.window: deque[float] = deque()
        self.inside = 0
        self.seen: dict[str, int] = dict.fromkeys(("answered", "throttled", "refused", "most"), 0)

    def is_down(self, now_s: float) -> bool:
        """Whether it is in an outage."""
        return (now_s - self.began_s) % (self.up_s + self.down_s) >= self.up_s

    def enter(self) -> int:
        """Take a call; return its status."""
        with self.lock:
            now_s = time.monotonic()
            self.inside += 1
            self.seen["most"] = max(self.seen["most"], self.inside)
            while self.window and now_s - self.window[0] >= self.period_s:
                self.window.popleft()
            self.window.append(now_s)
            if len(self.window) > self.limit:
                self.seen["throttled"] += 1
                return 429
            if self.is_down(now_s):
                self.seen["refused"] += 1
                return 503
            self.seen["answered"] += 1
            return 200

    def leave(self) -> None:
        """The call has ended."""
        with self.lock:
            self.inside -= 1


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    books: Books

    def do_GET(self) -> None:
        """Answer a call, or show the books."""
        if self.path == "/books":
            with self.books.lock:
                self._say(200, dict(self.books.seen))
            return
        status = self.books.enter()
        try:
            if status == 200:
                time.sleep(random.uniform(0.001, 0.03))
            number = int(self.path.rpartition("/")[2])
            self._say(status, {"number": number} if status == 200 else {"error": status})
        finally:
            self.books.leave()

    def _say(self, status: int, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Takes as many connections as come."""

    daemon_threads = True
    request_queue_size = 256


def main() -> None:
    """Serve until killed."""
    limit, *times = sys.argv[1:]
    Handler.books = Books(int(limit), *map(float, times))
    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()

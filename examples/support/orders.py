"""The shop's order service: HTTP on loopback, its own database, and unreliable on purpose.

    python -m examples.support.orders --db orders.db --port 8765

`GET  /orders/ID`           tells where an order is,
`POST /orders/ID/returns`   opens a return,
`POST /tickets/ID/reply`    sends a reply to a customer.

A POST changes the world and needs an `Idempotency-Key`: a repeat of a key changes nothing and gets
the first answer again. Every request is written down with what came of it, so that `books.py` can
say later what was lost or done twice. The weather (slow answers, 503 before the work, 503 *after*
it) is drawn from a seed, by request and by how often it was tried; the third try is never refused.
"""

import argparse
import csv
import json
import random
import signal
import sqlite3
import sys
import time

from dataclasses import dataclass
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any

TODAY = datetime.now().astimezone().date()
Json = dict[str, Any]

SCHEMA = """
    CREATE TABLE orders (
        id TEXT PRIMARY KEY, item TEXT, status TEXT, placed TEXT, due TEXT,
        carrier TEXT, tracking TEXT, total REAL
    );
    CREATE TABLE done (
        id INTEGER PRIMARY KEY, key TEXT UNIQUE, path TEXT, body TEXT, answer TEXT, at REAL
    );
    CREATE TABLE requests (
        id INTEGER PRIMARY KEY, at REAL, method TEXT, path TEXT, key TEXT,
        outcome TEXT DEFAULT 'started', delay REAL, status INTEGER
    );
"""
"""`requests.status` is empty until the answer is sent; its outcome is one of
`started`, `read`, `done`, `repeat` (was done before), `refused` (503) or `error`."""


@dataclass(frozen=True)
class Weather:
    """What happens to one request: a delay, and a 503 `before` or `after` the work, or none."""

    delay: float
    refusal: str

    @classmethod
    def draw(cls, seed: int, request: str, attempt: int) -> "Weather":
        """The weather of an attempt (counted from 1): the same for the same seed."""
        dice = random.Random(f"{seed} {request} {attempt}")
        delay = dice.choices([0.02, 0.25, 0.9], weights=[50, 35, 15])[0] * dice.uniform(0.6, 1.4)
        refusal = dice.choices(["", "before", "after"], weights=[74, 16, 10])[0]
        return cls(delay, refusal if attempt <= 2 else "")


class Shop:
    """The orders, what was done to the world, and the log; each call is one transaction."""

    def __init__(self, path: Path) -> None:
        self._lock = Lock()
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.executescript(SCHEMA)
        with Path(__file__).with_name("orders.csv").open(encoding="utf-8", newline="") as file:
            self._db.executemany(
                "INSERT INTO orders VALUES "
                "(:id, :item, :status, :placed, :due, :carrier, :tracking, :total)",
                [_dated(row) for row in csv.DictReader(file)],
            )
        self._db.commit()

    def order(self, order_id: str) -> Json | None:
        """An order, or nothing."""
        with self._lock:
            row = self._db.execute("SELECT * FROM orders WHERE id = ?", (order_id,)).fetchone()
        return dict(row) if row else None

    def do(self, key: str, path: str, body: str) -> tuple[str, Json]:
        """Do a piece of work once: `done` with its answer, `repeat`, or `error` for a misused key."""
        with self._lock, self._db:
            row = self._db.execute("SELECT * FROM done WHERE key = ?", (key,)).fetchone()
            if row and (row["path"], row["body"]) != (path, body):
                return "error", {"error": f"the key {key} belongs to another request"}
            if row:
                return "repeat", json.loads(row["answer"])
            (count,) = self._db.execute("SELECT count(*) FROM done").fetchone()
            answer = {"receipt": f"{path.rsplit('/', 1)[-1][:3].upper()}-{count + 1:04}"}
            self._db.execute(
                "INSERT INTO done (key, path, body, answer, at) VALUES (?, ?, ?, ?, ?)",
                (key, path, body, json.dumps(answer), time.time()),
            )
            return "done", answer

    def arrived(self, method: str, path: str, key: str | None) -> tuple[int, int]:
        """Write a request down; its number in the log, and how often it was tried by now."""
        with self._lock, self._db:
            number = self._db.execute(
                "INSERT INTO requests (at, method, path, key) VALUES (?, ?, ?, ?)",
                (time.time(), method, path, key),
            ).lastrowid
            (attempt,) = self._db.execute(
                "SELECT count(*) FROM requests WHERE method = ? AND path = ?", (method, path)
            ).fetchone()
        return number or 0, attempt

    def note(self, number: int, **columns: object) -> None:
        """Add what came of a request to its line in the log."""
        names = ", ".join(f"{name} = :{name}" for name in columns)
        with self._lock, self._db:
            self._db.execute(
                f"UPDATE requests SET {names} WHERE id = :id", {**columns, "id": number}
            )

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._db.close()


class Handler(BaseHTTPRequestHandler):
    """One request: write it down, meet the weather, work, answer."""

    @property
    def service(self) -> "OrderService":
        """The server this request came to."""
        assert isinstance(self.server, OrderService)
        return self.server

    def do_GET(self) -> None:
        """Answer a question."""
        self._serve("GET", "")

    def do_POST(self) -> None:
        """Change the world, once per key."""
        self._serve("POST", self.rfile.read(int(self.headers["Content-Length"] or 0)).decode())

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet: the log is the table `requests`."""

    def _serve(self, method: str, body: str) -> None:
        service, key = self.service, self.headers["Idempotency-Key"]
        shop = service.shop
        number, attempt = shop.arrived(method, self.path, key)
        weather = Weather.draw(service.seed, f"{method} {self.path}", attempt)
        status, outcome, answer = 503, "refused", {"error": "too busy, try again"}
        if weather.refusal != "before":
            status, outcome, answer = self._work(method, key, body)
            if weather.refusal == "after" and status < 400:
                status, answer = 503, {"error": "the answer got lost"}
        shop.note(number, outcome=outcome, delay=weather.delay)
        time.sleep(weather.delay)
        shop.note(number, status=status)
        self._answer(status, answer)

    def _work(self, method: str, key: str | None, body: str) -> tuple[int, str, Json]:
        """Do what a request asks for: the status, the outcome for the log, the answer."""
        shop = self.service.shop
        match method, self.path.strip("/").split("/"):
            case "GET", ["orders", order_id]:
                order = shop.order(order_id)
                return (200, "read", order) if order else (404, "read", {"error": "no such order"})
            case "POST", ["orders", _, "returns"] | ["tickets", _, "reply"]:
                if not key:
                    return 400, "error", {"error": "a POST needs an Idempotency-Key"}
                outcome, answer = shop.do(key, self.path, body)
                return (409 if outcome == "error" else 201), outcome, answer
            case _:
                return 404, "error", {"error": f"no such page: {method} {self.path}"}

    def _answer(self, status: int, answer: Json) -> None:
        body = json.dumps(answer).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except ConnectionError:  # the caller is gone; what was done stays done
            self.close_connection = True


class OrderService(ThreadingHTTPServer):
    """The HTTP server: a thread for each request."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, shop: Shop, *, port: int = 0, seed: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.shop = shop
        self.seed = seed

    @property
    def url(self) -> str:
        """Where the service listens."""
        return f"http://127.0.0.1:{self.server_port}"


def _dated(row: dict[str, str]) -> Json:
    """A line of `orders.csv`, whose days count from today, with dates."""
    days = {name: TODAY + timedelta(days=int(row[name])) for name in ("placed", "due")}
    return {**row, **{name: day.isoformat() for name, day in days.items()}}


def main() -> None:
    """Serve until somebody says stop; the first line printed is the address."""
    parser = argparse.ArgumentParser(prog="python -m examples.support.orders")
    parser.add_argument("--db", type=Path, required=True, help="a new file for orders and log")
    parser.add_argument("--port", type=int, default=8765, help="0 picks a free one")
    parser.add_argument("--seed", type=int, default=7, help="of the weather")
    options = parser.parse_args()
    shop = Shop(options.db)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with OrderService(shop, port=options.port, seed=options.seed) as service:
        print(service.url, flush=True)
        try:
            service.serve_forever()
        except KeyboardInterrupt:
            pass
        finally:
            shop.close()


if __name__ == "__main__":
    main()

"""A CRM with an HTTP API, and with an outage in the middle if that is wanted.

    python -m examples.chains.crm --port 8812 --outage 4:9

answers 4 requests, fails 9 (every other one by hanging up), and answers again.
"""

import argparse
import threading

from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from typing import Any

from examples.flows.web import Handler, JsonServer, serve


@dataclass
class Outage:
    """Which requests fail.

    Attributes:
        after: How many are answered before it.
        requests: How many fail.
    """

    after: int = 0
    requests: int = 0

    def includes(self, number: int) -> bool:
        """Tell whether a request (the first is 1) falls into it."""
        return self.after < number <= self.after + self.requests


@dataclass
class Visits:
    """What the CRM has seen.

    Attributes:
        requests: How many there were.
        failed: How many of them failed in the outage.
        changes: Path of each change that was carried out, in order; one key is carried out once.
        keys: Those of the changes.
    """

    requests: int = 0
    failed: int = 0
    changes: list[str] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)


class CrmHandler(Handler):
    """Answers for the CRM, and hangs up where it says so."""

    def do_PUT(self) -> None:  # noqa: N802 - the name that http.server asks for
        """Change what is there, or make it."""
        self.do_POST()

    def _answer(self, method: str, given: Any) -> None:
        server = self.server
        assert isinstance(server, Crm)
        if server.hangs_up():
            self.close_connection = True
            return
        super()._answer(self.command, given)


class Crm(JsonServer):
    """Contacts by number: ``GET`` and ``PUT /contacts/7``."""

    def __init__(self, port: int = 0, outage: Outage | None = None) -> None:
        ThreadingHTTPServer.__init__(self, ("127.0.0.1", port), CrmHandler)
        self.contacts: dict[str, Any] = {}
        self.visits = Visits()
        self.outage = outage or Outage()
        self._lock = threading.Lock()

    def hangs_up(self) -> bool:
        """Count a request, and tell whether it gets no answer at all."""
        with self._lock:
            self.visits.requests += 1
            if not self.outage.includes(self.visits.requests):
                return False
            self.visits.failed += 1
            return self.visits.failed % 2 == 0

    def answer(self, method: str, path: str, given: Any, key: str) -> tuple[int, Any]:
        """Return status and JSON."""
        with self._lock:
            if self.outage.includes(self.visits.requests):
                return 503, {"error": "we are moving house"}
            number = path.removeprefix("/contacts/")
            if method == "GET":
                known = self.contacts.get(number)
                return (200, known) if known else (404, {"error": f"no contact {number}"})
            if method != "PUT" or not isinstance(given, dict):
                return 405, {"error": f"no {method} here"}
            if "@" not in str(given.get("email")):
                return 422, {"error": f"{given.get('email')!r} is no e-mail address"}
            if key not in self.visits.keys:
                self.visits.keys.add(key)
                self.visits.changes.append(number)
                self.contacts[number] = given
            return 200, {"id": int(number), "version": self.visits.changes.count(number)}


def main() -> None:
    """Serve until somebody says stop."""
    parser = argparse.ArgumentParser(description="A CRM, with an outage in the middle.")
    parser.add_argument("--port", type=int, default=8812)
    parser.add_argument("--outage", default="0:0", help="answered before it : requests that fail")
    given = parser.parse_args()
    after, requests = map(int, given.outage.split(":"))
    serve(Crm(given.port, Outage(after, requests)))


if __name__ == "__main__":
    main()

"""What the order service's own log says: what was done, how often it was asked for, what is open.

Nothing here comes from Podium. The books are read from the service's database alone, also while it
is running, so they are a witness of their own.
"""

import sqlite3

from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Request:
    """A line of the service's log; without a status the answer was not sent yet."""

    method: str
    path: str
    key: str | None
    outcome: str
    delay: float | None
    status: int | None


@dataclass(frozen=True)
class Books:
    """The service's log, and each thing it did to the world: the path it was asked for by."""

    requests: tuple[Request, ...]
    done: Counter[str]

    @classmethod
    def read(cls, path: Path) -> "Books":
        """The books as they stand now."""
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            done = Counter(row[0] for row in db.execute("SELECT path FROM done"))
            lines = db.execute(
                "SELECT method, path, key, outcome, delay, status FROM requests ORDER BY id"
            )
            return cls(tuple(Request(*line) for line in lines), done)

    @property
    def replies(self) -> int:
        """How many replies were sent."""
        return sum(n for path, n in self.done.items() if path.endswith("/reply"))

    @property
    def returns(self) -> int:
        """How many returns were opened."""
        return sum(n for path, n in self.done.items() if path.endswith("/returns"))

    @property
    def repeats(self) -> int:
        """Requests whose key was known and whose work was done already: answered, not done."""
        return sum(request.outcome == "repeat" for request in self.requests)

    @property
    def refused(self) -> int:
        """Requests that got a 503."""
        return sum(request.status == 503 for request in self.requests)

    @property
    def slow(self) -> int:
        """Requests that waited for half a second or longer."""
        return sum((request.delay or 0) >= 0.5 for request in self.requests)

    @property
    def unanswered(self) -> list[Request]:
        """Writes that are done, but whose answer is still on its way."""
        return [
            request
            for request in self.requests
            if request.outcome in ("done", "repeat") and request.status is None
        ]

    def changed_keys(self) -> list[str]:
        """What was asked for with more than one key: a repeat that the service could not know."""
        keys: dict[str, set[str]] = {}
        for request in self.requests:
            if request.key:
                keys.setdefault(request.path, set()).add(request.key)
        return sorted(path for path, used in keys.items() if len(used) > 1)

    def lost(self, wanted: Iterable[str]) -> list[str]:
        """What should have been done and was not."""
        return sorted(set(wanted) - set(self.done))

    def twice(self) -> list[str]:
        """What was done more than once."""
        return sorted(path for path, n in self.done.items() if n > 1)

    def unasked(self, wanted: Iterable[str]) -> list[str]:
        """What was done though nobody wanted it."""
        return sorted(set(self.done) - set(wanted))

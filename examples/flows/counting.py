"""A server for long jobs, which answers at once and works on; and the calls that it understands.

    python -m examples.flows.counting --port 8812

`POST /jobs {"below": N}` begins to count the primes below N, `GET /jobs/ID` tells how far it is:
`{"state": "running", "done": 0.4}`, and at the end `{"state": "done", "primes": 78498}` or
`{"state": "failed", "error": "..."}`. The same `Idempotency-Key` gives the same job.
"""

import argparse

from dataclasses import asdict, dataclass, replace
from threading import Lock, Thread
from typing import Any

from examples.flows import web
from podium import Retry, idempotency_key, task

SIEVE_MAX = 20_000_000
PIECE = 10_000
PATIENT = Retry(attempts=5, backoff="100ms", not_on=[web.Refused])


@dataclass(frozen=True)
class Job:
    """How a job stands."""

    id: str
    state: str
    done: float = 0.0
    primes: int | None = None
    error: str = ""


@task(effect="write", retry=PATIENT, timeout="10s")
def submit_job(url: str, below: int) -> Job:
    """Begin to count the primes below a number: once, however often it is asked for."""
    return Job(**web.post(f"{url}/jobs", {"below": below}, key=idempotency_key()))


@task(effect="read", retry=PATIENT, timeout="10s")
def look_at_job(url: str, id: str) -> Job:
    """Ask how far a job is."""
    return Job(**web.get(f"{url}/jobs/{id}"))


# the other side ---------------------------------------------------------------------------


def primes_below(limit: int, on_progress: Any = None) -> int:
    """Count primes with the sieve of Eratosthenes, piece by piece."""
    small = [
        n for n in range(2, int(limit**0.5) + 1) if all(n % d for d in range(2, int(n**0.5) + 1))
    ]
    count = 0
    for start in range(2, limit, PIECE):
        end = min(start + PIECE, limit)
        is_prime = bytearray([1]) * (end - start)
        for prime in small:
            first = max(prime * prime, (start + prime - 1) // prime * prime)
            is_prime[first - start :: prime] = bytes(len(range(first, end, prime)))
        count += sum(is_prime)
        if on_progress:
            on_progress((end - 2) / (limit - 2))
    return count


class JobServer(web.JsonServer):
    """The server: a thread for each job.

    Attributes:
        jobs: How each stands.
    """

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.jobs: dict[str, Job] = {}
        self._by_key: dict[str, str] = {}
        self._lock = Lock()

    def answer(self, method: str, path: str, given: Any, key: str) -> tuple[int, Any]:
        """Begin a job, or tell of one."""
        match method, path.strip("/").split("/"):
            case "POST", ["jobs"] if key:
                return 202, asdict(self._begin(key, given["below"]))
            case "GET", ["jobs", id] if id in self.jobs:
                return 200, asdict(self.jobs[id])
            case _:
                return 404, {"error": f"no such page: {method} {path}"}

    def _begin(self, key: str, below: int) -> Job:
        with self._lock:
            known = self._by_key.get(key)
            if known is not None:
                return self.jobs[known]
            job = Job(f"j{len(self.jobs) + 1}", "running")
            self.jobs[job.id], self._by_key[key] = job, job.id
        Thread(target=self._work, args=(job, below), daemon=True).start()
        return job

    def _work(self, job: Job, below: int) -> None:
        def note(done: float) -> None:
            self.jobs[job.id] = replace(job, done=round(done, 3))

        if below > SIEVE_MAX:
            error = f"{below:,} is too much; the most is {SIEVE_MAX:,}"
            self.jobs[job.id] = replace(job, state="failed", error=error)
            return
        count = primes_below(below, note)
        self.jobs[job.id] = replace(job, state="done", done=1.0, primes=count)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m examples.flows.counting")
    parser.add_argument("--port", type=int, default=8812, help="0 picks a free one")
    web.serve(JobServer(parser.parse_args().port))

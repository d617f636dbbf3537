"""Rules, statuses, waits that the other side asks for, and why a step gave up."""

import asyncio

from types import SimpleNamespace
from typing import Any

import podium

from podium import Podium, Retry, RetryLater, RetryRule, StepFailed, task, workflow
from podium.journal.records import Kind, decode_failed_attempt
from tests.harness import SideFile, committed, die, drive, kinds, until


class HttpError(Exception):
    """What a client of HTTP raises."""

    def __init__(self, status: int, **headers: str) -> None:
        super().__init__(f"answered {status}")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.response = SimpleNamespace(status_code=status, headers=named)


class Throttled(HttpError):
    """A kind of it."""


def failed(db: str, run_id: str) -> int:
    """Return how many attempts are recorded as failed."""
    return sum(kind == Kind.FAILED_ATTEMPT for kind, _ in kinds(db, run_id))


def test_a_rule_counts_its_own_failures_across_crashes(db: str, side: SideFile) -> None:
    """Two throttled attempts are two, whatever fails between them and whoever makes them."""
    answers = [Throttled(429), OSError("down"), Throttled(429), OSError("never reached")]

    @task(
        effect="read",
        retry=Retry(9, "60ms", factor=1, jitter=0, rules=[RetryRule(on=[HttpError], attempts=2)]),
    )
    async def call() -> None:
        side.write("call")
        raise answers[podium.attempt() - 1]

    @workflow(version="1")
    async def one() -> list[Any]:
        try:
            await call()
        except StepFailed as error:
            return [error.type, error.error.status, error.error.gave_up]
        return []

    async def main() -> Any:
        app = await Podium(db).open()
        await app.start(one, id="a")
        for tries in (1, 2):
            await until(lambda n=tries: failed(db, "a") == n)
            await die(app)
            app = await Podium(db).open()
        result = await (await app.get("a")).result()
        await app.close()
        return result

    assert drive(main()) == ["Throttled", 429, "attempts exhausted (2 of 2 for HttpError)"]
    assert [line.attempt for line in side.lines()] == [1, 2, 3]


def test_the_next_attempt_is_when_the_other_side_says(db: str) -> None:
    """An attribute, a header, or the task itself: each moves the recorded time of the next attempt."""
    policy = Retry(2, "1ms", jitter=0)

    @task(effect="read", retry=policy)
    async def by_header() -> None:
        raise HttpError(503, Retry_After="3600")

    @task(effect="read", retry=policy)
    async def by_attribute() -> None:
        error = OSError("busy")
        error.retry_after = 3600  # type: ignore[attr-defined]  # as some clients have it
        raise error

    @task(effect="read", retry=Retry(2, "1ms", jitter=0, on=[ValueError]))
    async def by_wish() -> None:
        raise RetryLater("1h")

    @workflow
    async def one() -> None:
        await podium.gather(by_header(), by_attribute(), by_wish())

    async def main() -> list[float]:
        async with Podium(db) as app:
            await app.start(one, id="a")
            await until(lambda: failed(db, "a") == 3)
            with committed(db) as view:
                found = [row for row in view.records("a") if row.kind == Kind.FAILED_ATTEMPT]
            return [(decode_failed_attempt(row.body).next_at - row.at) / 1e6 for row in found]

    assert drive(main()) == [3600.0] * 3


def test_why_a_step_gave_up(db: str) -> None:
    """The error says it as data; a wait beyond the deadline is not begun."""

    @task(effect="read", retry=Retry(2, "1ms"))
    async def exhausted() -> None:
        raise OSError("down")

    @task(effect="read", retry=Retry(5, on_status=[429]))
    async def wrong() -> None:
        raise HttpError(404)

    @task(effect="read", retry=Retry(5), total_timeout="30s")
    async def too_late() -> None:
        raise RetryLater("40s", "not ready")

    @task(effect="read", retry=Retry(5), total_timeout="20ms")
    async def slow() -> None:
        await asyncio.Event().wait()

    @task(effect="read")
    async def plain() -> None:
        raise OSError("down")

    @workflow
    async def one() -> list[Any]:
        found = []
        for call in (exhausted(), wrong(), too_late(), slow(), plain()):
            try:
                await call
            except StepFailed as error:
                found.append([error.error.gave_up, error.error.status])
        return found

    async def main() -> Any:
        async with Podium(db) as app:
            return await (await app.start(one)).result()

    exhausted_, wrong_, late, slow_, plain_ = drive(main())

    assert exhausted_ == ["attempts exhausted (2 of 2)", None]
    assert wrong_ == ["not retryable: HttpError with status 404", 404]
    assert late[0].startswith("deadline: it would wait 40s, as it was asked to, and 30")
    assert slow_ == ["deadline", None]
    assert plain_ == ["", None]

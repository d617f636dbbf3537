"""What answers when a task has failed for good, and how a caller is told."""

from __future__ import annotations

import asyncio

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

import podium

from podium import (
    Degraded,
    InvalidOption,
    NotDone,
    Outcome,
    Podium,
    ResultUnusable,
    Retry,
    StepFailed,
    gather,
    task,
    workflow,
)
from podium.journal.records import Kind, decode_note
from podium.testing import crash_everywhere
from tests.harness import drive, fresh_names


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    with fresh_names():
        yield


@dataclass
class Order:
    """What a task returns."""

    id: str
    state: str


def down(text: str) -> Any:
    """Fail as a service does that is not there."""
    raise ConnectionRefusedError(text)


async def outcome_of(flow: Any) -> tuple[Any, list[tuple[str, str]], list[str]]:
    """Run a workflow; return its output, (path, status) of its steps, and its warnings."""
    async with Podium(":memory:") as app:
        run = await app.start(flow)
        output = await run.result()
        steps = [(step.path, step.status) for step in await run.steps()]
        reader = app.desk.reader
        return (
            output,
            steps,
            [
                f"{note.code} at {record.path}: {note.text}"
                for record in reader.records(reader.run(run.id).num, 0)  # type: ignore[union-attr]
                if record.kind == Kind.WARNING and (note := decode_note(record.body))
            ],
        )


def test_another_task_answers() -> None:
    """It is given the arguments by name, defaults included, and answers in the declared type."""
    seen: list[tuple[str, dict[str, int]]] = []

    @task(effect="read")
    def archive(region: str, options: dict[str, int]) -> dict[str, str]:
        seen.append((region, options))
        return {"id": "7", "state": "archived"}

    @task(effect="read", fallback=archive)
    def order_status(id: str, options: dict[str, int], region: str = "eu") -> Order:
        options["late"] = 1  # a copy: nobody else sees it
        return down("api down")

    @workflow
    async def asking() -> list[Order]:
        options = {"n": 1}
        asked = gather(order_status("7", options))
        options["n"] = 2  # what the program does with it later is not seen either
        return [*await asked, await order_status("8", {}).as_("again")]

    output, steps, notes = drive(outcome_of(asking))

    assert output == [Order("7", "archived"), Order("7", "archived")]
    assert seen == [("eu", {"n": 1}), ("eu", {})]
    assert notes == []
    assert steps == [
        ("gather[0]/order_status", "failed"),
        ("gather[0]/order_status/fallback[1]", "succeeded"),
        ("again", "failed"),
        ("again/fallback[1]", "succeeded"),
    ]


def test_a_chain_is_tried_in_order() -> None:
    """The first that answers does; what stands behind it is never asked; retries come before."""
    asked: list[str] = []

    def failing(name: str) -> Any:
        def body(n: int) -> int:
            asked.append(name)
            return down(name)

        return task(effect="read", name=name)(body)

    @task(effect="read")
    def third(n: int) -> int:
        asked.append("third")
        return n * 3

    @task(
        effect="read",
        retry=Retry(attempts=2, backoff="0s"),
        fallback=[failing("second"), third, Degraded(0)],
    )
    def first(n: int) -> int:
        asked.append("first")
        return down("first")

    @workflow
    async def asking() -> Outcome[int]:
        return await first(5).outcome()

    outcome, _, _ = drive(outcome_of(asking))

    assert (outcome.value, outcome.answered_by, outcome.is_stale) == (15, "third", False)
    assert outcome.error is not None
    assert outcome.error.message == "first"
    assert asked == ["first", "first", "second", "third"]


def test_a_degraded_value_leaves_a_warning() -> None:
    """Where it stands, why, and the outcome says it too; it comes in the declared type."""

    @task(effect="read", fallback=Degraded({"id": "?", "state": "unknown"}))
    def order_status(id: str) -> Order:
        return down("api down")

    @workflow
    async def asking() -> Outcome[Order]:
        assert await order_status("7") == Order("?", "unknown")
        return await order_status("8").outcome()

    outcome, _, notes = drive(outcome_of(asking))

    assert outcome.value == Order("?", "unknown")
    assert outcome.answered_by == "degraded"
    assert isinstance(outcome.at, datetime)
    text = "order_status failed (ConnectionRefusedError: api down); answered by a fixed value"
    assert notes == [
        f"degraded at order_status/fallback[1]: {text}",
        f"degraded at order_status#2/fallback[1]: {text}",
    ]
    assert outcome.warnings == (f"degraded: {text}",)


def test_nothing_answers() -> None:
    """The error is that of the task itself, and names those of the others."""

    @task(effect="read")
    def archive(id: str) -> str:
        return down("archive down")

    @task(effect="read", fallback=archive)
    def order_status(id: str) -> str:
        raise TimeoutError("api slow")

    @workflow
    async def asking() -> str:
        with pytest.raises(StepFailed) as failure:
            await order_status("7")
        error = failure.value
        assert (error.path, error.type, error.is_a(OSError)) == (
            "order_status", "TimeoutError", True,
        )  # fmt: skip
        assert [one.path for one in error.error.fallbacks] == ["order_status/fallback[1]"]
        return (await order_status("8").outcome()).result()

    async def failing() -> str:
        async with Podium(":memory:") as app:
            run = await app.start(asking)
            with pytest.raises(podium.RunFailed) as failure:
                await run.result()
            return str(failure.value)

    assert "TimeoutError: api slow; fallbacks: ConnectionRefusedError: archive down" in drive(
        failing()
    )


def test_an_outcome_raises_what_the_call_would_have_raised() -> None:
    """A result that cannot be used is that, and no plain failure."""

    @task(effect="read")
    def odd() -> int:
        return "text"  # type: ignore[return-value]  # that is the point

    @workflow
    async def asking() -> list[str]:
        outcome = await odd().outcome()
        with pytest.raises(ResultUnusable) as failure:
            outcome.result()
        assert outcome.error is not None
        return [outcome.error.code, type(failure.value).__name__]

    async def main() -> list[str]:
        async with Podium(":memory:") as app:
            return await (await app.start(asking)).result()

    assert drive(main()) == ["result-unusable", "ResultUnusable"]


def test_a_fallback_has_fallbacks_of_its_own() -> None:
    """They come before those that stand behind it, at places below it."""

    @task(effect="read", fallback=Degraded("inner"))
    def second(id: str) -> str:
        return down("second")

    @task(effect="read", fallback=[second, Degraded("outer")])
    def first(id: str) -> str:
        return down("first")

    @workflow
    async def asking() -> Outcome[str]:
        return await first("7").outcome()

    outcome, _, notes = drive(outcome_of(asking))

    assert (outcome.value, outcome.answered_by, outcome.path) == ("inner", "degraded", "first")
    assert [note.split(":")[0] for note in notes] == ["degraded at first/fallback[1]/fallback[1]"]


def test_an_answer_that_does_not_fit_is_none() -> None:
    """A read goes on to the next; an effect has happened, so nothing may stand in for it."""

    def answering(effect: str) -> Any:
        @task(effect=effect, name=f"other_{effect}")
        def other() -> str:
            return "no number"

        return other

    def asking(effect: str) -> Any:
        @task(effect="read", fallback=[answering(effect), Degraded(0)], name=f"first_{effect}")
        def first() -> int:
            return down("first")

        @workflow(name=f"asking_{effect}")
        async def flow() -> list[Any]:
            outcome = await first().outcome()
            return [outcome.value, outcome.error and type(outcome.error).__name__, outcome.status]

        return flow

    assert drive(outcome_of(asking("read")))[0] == [0, "ErrorInfo", "ok"]
    assert drive(outcome_of(asking("write")))[0] == [None, "ErrorInfo", "failed"]


def test_an_open_outcome_has_no_fallback() -> None:
    """A ``once`` that may have happened is not done by another; one that did not happen is."""

    @task(effect="once")
    def other_bank(cents: int, certain: bool) -> str:
        return "other"

    @task(effect="once", unknown="raise", fallback=other_bank)
    def pay(cents: int, certain: bool) -> str:
        raise NotDone("no connection") if certain else ConnectionResetError("in the middle")

    @workflow
    async def paying() -> list[str]:
        said = [await pay(1, True)]
        try:
            said.append(await pay(1, False))
        except podium.OutcomeUnknown as error:
            said.append(error.code)
        return said

    output, steps, _ = drive(outcome_of(paying))

    assert output == ["other", "outcome-unknown"]
    assert [path for path, _ in steps] == ["pay", "pay/fallback[1]", "pay#2"]


def test_an_effect_that_happened_is_not_done_again_by_another() -> None:
    """Its result cannot be used; that is an error, not a reason for a fallback."""

    @task(effect="write")
    def other() -> int:
        return 1

    @task(effect="write", fallback=other)
    def put() -> int:
        return "no number"  # type: ignore[return-value]  # what is tested

    @workflow
    async def putting() -> str:
        try:
            await put()
        except podium.ResultUnusable as error:
            return error.path
        return ""

    output, steps, _ = drive(outcome_of(putting))

    assert output == "put"
    assert [path for path, _ in steps] == ["put"]


def test_a_call_that_is_called_off_has_no_fallback() -> None:
    """Neither one that waits for its task, nor one that has not had its first turn."""
    asked: list[str] = []

    @task(effect="read")
    def other(n: int) -> int:
        asked.append("other")
        return n

    @task(effect="read", fallback=other)
    async def slow(n: int) -> int:
        asked.append("slow")
        await podium.sleep("1h")
        return n

    @task(effect="read")
    async def quick(n: int) -> int:
        return n

    @workflow
    async def racing() -> list[int]:
        _, value = await podium.race(slow(1), quick(2))
        begun = slow(3)
        waiting = asyncio.ensure_future(begun.outcome())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        return [value, await quick(4)]

    output, steps, notes = drive(outcome_of(racing))

    assert output == [2, 4]
    assert asked == ["slow"]  # that of the race
    assert not [path for path, _ in steps if "fallback" in path]
    assert notes == []


def test_per_call_fallbacks_stand_in_place_of_the_tasks() -> None:
    """None at all takes them away."""

    @task(effect="read", fallback=Degraded(1))
    def first() -> int:
        return down("first")

    @workflow
    async def asking() -> list[Any]:
        other = await first().with_fallback(Degraded(2)).outcome()
        none = await first().with_fallback().outcome()
        return [other.value, none.status, await first()]

    assert drive(outcome_of(asking))[0] == [2, "failed", 1]


def test_a_fallback_that_can_never_answer_is_refused() -> None:
    """Where it is written: a value of another type, arguments that are not there, no task at all."""

    @task(effect="read")
    def needs(customer: str) -> int:
        return 1

    @task(effect="read")
    def plain(id: str) -> int:
        return 1

    with pytest.raises(InvalidOption, match=r"Degraded\('no number'\) can never answer: .*int"):
        task(effect="read", fallback=Degraded("no number"))(plain.fn)
    with pytest.raises(InvalidOption, match=r"it needs 'customer', which is no parameter of plain"):
        task(effect="read", fallback=needs)(plain.fn)
    with pytest.raises(InvalidOption, match=r"plain\(…\)\.with_fallback: fallback=3; expected"):
        plain("7").with_fallback(3)  # type: ignore[arg-type]  # what is tested
    with pytest.raises(InvalidOption, match=r"Degraded\('x'\) can never answer"):
        plain("7").with_fallback(Degraded("x"))


def test_outside_a_workflow_an_outcome_tells_of_the_function_alone() -> None:
    """There a task is its function, without its policies; nothing is raised but what is not its."""

    @task(effect="read", fallback=Degraded(0))
    def half(n: int) -> int:
        if n % 2:
            raise ValueError(f"{n} is odd")
        return n // 2

    async def asking() -> list[Outcome[int]]:
        return [await half(4).outcome(), await half(3).outcome()]

    good, bad = drive(asking())

    assert (good.value, good.answered_by, good.at, good.path) == (2, "half", None, "")
    assert bad.error is not None
    assert (bad.status, bad.error.type, bad.error.message) == ("failed", "ValueError", "3 is odd")


def test_a_child_run_has_an_outcome_too() -> None:
    """Whether it succeeded or failed; but no options of a task."""

    @workflow
    async def half(n: int) -> int:
        if n % 2:
            raise ValueError(f"{n} is odd")
        return n // 2

    @workflow
    async def asking() -> list[Any]:
        good, bad = await gather(half(4).outcome(), half(3).outcome())
        assert bad.error is not None
        return [good.value, good.answered_by, good.path, bad.status, bad.error.code]

    assert drive(outcome_of(asking))[0] == [2, "half", "gather[0]/half", "failed", "child-failed"]
    with pytest.raises(InvalidOption, match="half is a workflow"):
        half(2).with_fallback(Degraded(1))


def test_a_crash_at_each_point_changes_no_answer() -> None:
    """The program of fallbacks is replayed like every other."""

    @task(effect="write")
    def other(n: int) -> int:
        return down("other") if n == 2 else n * 10

    @task(effect="write", fallback=[other, Degraded(-1)])
    def put(n: int) -> int:
        return down("put") if n else 0

    @workflow
    async def putting() -> list[Any]:
        found = [await put(n) for n in range(3)]
        both = await gather(put(1), put(2).outcome())
        return [*found, both[0], both[1].value, list(both[1].warnings)]

    report = crash_everywhere(putting, points=16)

    assert report.output[:5] == [0, 10, -1, 10, -1]

"""Results that cannot be used, compensation, threads that cannot be killed, limits, and no silence."""

import asyncio
import re
import threading

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

import podium

from podium import (
    Deadlocked,
    LimitReached,
    NotDone,
    Podium,
    ResultUnusable,
    Retry,
    RunFailed,
    StepFailed,
    StepTimedOut,
    gather,
    sleep,
    task,
    workflow,
)
from podium.journal.records import Kind, decode_note, decode_started
from tests.harness import SideFile, committed, die, drive, kinds, until

pytestmark = pytest.mark.long


@dataclass(eq=False)
class Strange:
    """An object that has a JSON form and cannot be compared, as arrays cannot."""

    n: int = 1

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("not to be compared")

    __hash__ = None  # type: ignore[assignment]


class Model:
    """An object whose own encoding fails."""

    def model_dump(self, mode: str) -> Any:
        raise KeyError("no such field")

    @classmethod
    def model_validate(cls, value: Any) -> Any:
        return cls()


UNUSABLE: dict[str, tuple[Callable[[], Any], str]] = {
    "nan": (lambda: {"a": [1.0, float("nan")]}, r"\$\.a\[1\].*NaN"),
    "infinity": (lambda: float("inf"), r"inf"),
    "a set": (lambda: {1, 2}, "set"),
    "an object": (object, "object"),
    "an object that cannot be compared": (Strange, "not to be compared"),
    "a model that cannot be dumped": (Model, "no such field"),
    "int keys": (lambda: {"a": {1: 2}}, r"\$\.a.*key 1 of type int"),
    "a tuple": (lambda: (1, 2), "tuple"),
    "too large": (lambda: "x" * 3_000, "3,002 bytes.*limit is 2,000"),
    "a circle": (lambda: (a := [], a.append(a))[0], "JSON|recursion|Recursion"),
}


@pytest.mark.parametrize("isolation", ["loop", "thread"])
@pytest.mark.parametrize("effect", ["write", "once", "read"])
@pytest.mark.parametrize("what", UNUSABLE)
def test_a_result_that_cannot_be_used(
    db: str, side: SideFile, what: str, effect: str, isolation: str
) -> None:
    """It is recorded, named, and the body is not run again.

    EVIDENCE-OF G-34: "A result that cannot be encoded, is too large or fails its schema after the body returned is *done, result unusable*: recorded, never retried for `write`/`once`."
    """
    make, told = UNUSABLE[what]

    if isolation == "loop":

        @task(effect=effect, retry=Retry(attempts=3, backoff="1ms"))
        async def body() -> Any:
            side.write("body")
            return make()
    else:

        @task(effect=effect, retry=Retry(attempts=3, backoff="1ms"))
        def body() -> Any:
            side.write("body")
            return make()

    @workflow
    async def one() -> str:
        try:
            await body()
        except ResultUnusable as error:
            return f"{error.path} {error.error.type} {error.message}"
        return "?"

    async def main() -> str:
        async with Podium(db, payload_bytes_max=2_000) as app:
            run = await app.start(one, id="a")
            result: str = await run.result()
            [step] = await run.steps()
            assert (step.status, step.attempts) == ("unusable", 1)
            return result

    result = drive(main())
    assert result.startswith(("body ValueNotPortable", "body PayloadTooLarge"))
    assert re.search(told, result), result
    assert len(side.lines("body")) == 1


def test_a_result_that_does_not_fit_its_declared_type(db: str, side: SideFile) -> None:
    """A result is checked against the annotation, live as in replay."""

    @task(effect="write")
    async def body() -> int:
        side.write("body")
        return "seven"  # type: ignore[return-value]

    @workflow
    async def one() -> str:
        try:
            return str(await body())
        except ResultUnusable as error:
            return error.message

    async def main() -> str:
        async with Podium(db) as app:
            result: str = await (await app.start(one)).result()
            return result

    assert '"seven" does not fit int' in drive(main())
    assert len(side.lines("body")) == 1


def undoing(side: SideFile) -> Any:
    """A compensating task that tells what it was given."""

    @task(effect="write")
    async def undo(n: int, outcome: str, result: Any) -> None:
        side.write("undo", f"{n} {outcome} {result}")

    return undo


def test_compensation_in_reverse_order(db: str, side: SideFile) -> None:
    """The steps of a failed or cancelled run are undone, the last one first.

    EVIDENCE-OF G-35: "Compensation belongs to the step and is recorded with its start."
    EVIDENCE-OF G-36: "Compensation runs in reverse order for every outcome but *did not happen*."
    """
    undo = undoing(side)

    @task(effect="write", compensate=undo)
    async def put(n: int) -> Any:
        if n == 2:
            raise NotDone("it certainly did not happen")
        if n == 3:
            raise OSError("it may have happened")
        return {1: "one", 4: {1, 2}, 5: 5}[n]

    @workflow
    async def one(end: str) -> None:
        for n in range(1, 6):
            try:
                await put(n)
            except StepFailed:
                pass
        if end == "fail":
            raise ValueError("all for nothing")
        if end == "wait":
            await podium.receive("never")

    async def main() -> None:
        async with Podium(db) as app:
            run = await app.start(one, {"end": "fail"}, id="a")
            with pytest.raises(RunFailed, match="all for nothing"):
                await run.result()
            waiting = await app.start(one, {"end": "wait"}, id="b")
            await until(lambda: waits(waiting))
            await waiting.cancel()
            with pytest.raises(podium.RunCancelled):
                await waiting.result()
            await (await app.start(one, {"end": "well"}, id="c")).result()
            assert [s.path for s in await run.steps() if s.task == "undo"] == [
                "compensate/put#5", "compensate/put#4", "compensate/put#3", "compensate/put",
            ]  # fmt: skip

    async def waits(run: Any) -> bool:
        return await run.status() == "waiting"

    drive(main())
    expected = ["5 succeeded 5", "4 succeeded None", "3 failed None", "1 succeeded one"]
    for run_id, notes in (("a", expected), ("b", expected), ("c", [])):
        assert [line.note for line in side.lines("undo") if line.run == run_id] == notes
    with committed(db) as view:
        starts = [
            decode_started(r.body)
            for r in view.records("a")
            if r.kind == Kind.STARTED and "/" not in r.path
        ]
    assert {start.c for start in starts} == {"undo"}


def test_compensation_is_durable(db: str, side: SideFile) -> None:
    """A worker that dies amid the undoing leaves the rest to the next one.

    EVIDENCE-OF G-37: "Compensation is durable itself."
    """
    stop = asyncio.Event()

    @task(effect="write")
    async def undo(n: int) -> None:
        side.write("undo", n)
        if n == 2 and not stop.is_set():
            stop.set()
            await asyncio.Event().wait()

    @task(effect="write", compensate=undo)
    async def put(n: int) -> None:
        side.write("put", n)

    @workflow(version="1")
    async def one() -> None:
        for n in (1, 2, 3):
            await put(n)
        raise ValueError("all for nothing")

    async def main() -> None:
        app = await Podium(db).open()
        await app.start(one, id="a")
        await until(stop.is_set)
        await die(app)
        async with Podium(db) as app:
            with pytest.raises(RunFailed, match="all for nothing"):
                await (await app.get("a")).result()

    drive(main())
    assert [line.note for line in side.lines("undo")] == ["3", "2", "2", "1"]
    assert len({line.key for line in side.lines("undo")}) == 3
    assert [line.note for line in side.lines("put")] == ["1", "2", "3"]


def test_a_compensation_that_fails_is_told(db: str, side: SideFile) -> None:
    """Each failure is asked about, also that of a task that is asked wrongly; then the rest is undone."""

    @task(effect="write")
    async def undo(n: int) -> None:
        side.write("undo", n)
        if n == 2:
            raise OSError("cannot be undone")

    @task(effect="write")
    async def wrong(nonsense: int) -> None:
        side.write("undo", "wrong")

    @task(effect="write", compensate=undo)
    async def put(n: int) -> None:
        pass

    @workflow
    async def one() -> None:
        for n in (1, 2, 3):
            await put(n)
        await put(4).with_compensation(wrong)
        raise ValueError("all for nothing")

    async def main() -> str:
        async with Podium(db) as app:
            run = await app.start(one)
            for step in ("put#4", "put#2"):
                ask = await until(lambda step=step: asked(run, step))
                await run.answer(ask.id, {"skip": True, "reason": "done by hand"})
            with pytest.raises(RunFailed) as failed:
                await run.result()
            return str(failed.value)

    async def asked(run: Any, step: str) -> Any:
        return next((ask for ask in await run.asks() if ask.form["step"] == step), None)

    told = drive(main())
    assert "all for nothing" in told
    assert "put#2 (OSError: cannot be undone; left so: done by hand)" in told
    assert "put#4" in told
    assert "nonsense" in told
    assert [line.note for line in side.lines("undo")] == ["3", "2", "1"]


def thread_task(side: SideFile, gates: list[threading.Event], **options: Any) -> Any:
    """A sync task whose attempts wait for a gate each; it tells when it begins and ends."""

    @task(timeout="20ms", **options)
    def slow() -> int:
        number = podium.attempt()
        side.write("begin")
        gates[number - 1].wait(20)
        side.write("end")
        return number

    return slow


def test_no_attempt_beside_a_living_thread(db: str, side: SideFile) -> None:
    """The next attempt waits for the thread of the timed-out one; its result is recorded as late.

    EVIDENCE-OF G-38: "A timed-out attempt of a sync task leaves a thread that cannot be killed: no new attempt of that step starts while it lives, unless the task allows overlap or runs with process isolation."
    EVIDENCE-OF G-39: "Late results are recorded as late."
    """
    gates = [threading.Event(), threading.Event()]
    slow = thread_task(side, gates, effect="write", retry=Retry(attempts=2, backoff="1ms"))

    @workflow
    async def one() -> int:
        return await slow()

    async def main() -> int:
        async with Podium(db) as app:
            run = await app.start(one, id="a")
            await until(lambda: any(k == Kind.FAILED_ATTEMPT for k, _ in kinds(db, "a")))
            await asyncio.sleep(0.1)
            assert [(line.what, line.attempt) for line in side.lines()] == [("begin", 1)]
            gates[1].set()
            gates[0].set()
            result: int = await run.result()
            return result

    assert drive(main()) == 2
    assert [(line.what, line.attempt) for line in side.lines()] == [
        ("begin", 1),
        ("end", 1),
        ("begin", 2),
        ("end", 2),
    ]
    with committed(db) as view:
        [late] = [decode_note(row.body) for row in view.records("a") if row.kind == Kind.LATE]
    assert (late.code, late.text) == ("late", "returned 1")


def test_overlap_may_be_allowed(db: str, side: SideFile) -> None:
    """With ``overlap=True`` the next attempt starts beside the thread that still lives."""
    gates = [threading.Event(), threading.Event()]
    gates[1].set()
    slow = thread_task(
        side, gates, effect="write", overlap=True, retry=Retry(attempts=2, backoff="1ms")
    )

    @workflow
    async def one() -> int:
        return await slow() + await podium.receive("go", type=int)

    async def main() -> int:
        async with Podium(db) as app:
            run = await app.start(one, id="a")
            await until(lambda: any(k == Kind.RESULT for k, _ in kinds(db, "a")))
            assert [(x.what, x.attempt) for x in side.lines()] == [
                ("begin", 1),
                ("begin", 2),
                ("end", 2),
            ]
            gates[0].set()
            await until(lambda: any(k == Kind.LATE for k, _ in kinds(db, "a")))
            await run.signal("go", 10)
            result: int = await run.result()
            return result

    assert drive(main()) == 12


def test_a_hanging_thread_does_not_hold_its_step_for_ever(db: str, side: SideFile) -> None:
    """The step's total timeout ends it, the program goes on, and the late end is recorded while the run lives."""
    gates = [threading.Event()]
    slow = thread_task(
        side, gates, effect="write", total_timeout="600ms", retry=Retry(attempts=9, backoff="1ms")
    )

    @workflow
    async def one() -> str:
        try:
            return str(await slow())
        except StepTimedOut as error:
            await podium.receive("go")
            return error.message

    async def main() -> str:
        async with Podium(db) as app:
            run = await app.start(one, id="a")
            await until(lambda: any(k == Kind.RESULT for k, _ in kinds(db, "a")))
            gates[0].set()
            await until(lambda: any(k == Kind.LATE for k, _ in kinds(db, "a")))
            await run.signal("go")
            result: str = await run.result()
            return result

    assert "longer than 0.6 s in all" in drive(main())
    assert [(line.what, line.attempt) for line in side.lines()] == [("begin", 1), ("end", 1)]


def test_a_late_end_of_a_run_that_has_ended(db: str, side: SideFile) -> None:
    """A write that comes back after its run has ended is still recorded as late."""
    gates = [threading.Event()]
    slow = thread_task(side, gates, effect="write")

    @workflow
    async def one() -> int:
        return await slow()

    async def main() -> None:
        async with Podium(db) as app:
            run = await app.start(one, id="a")
            with pytest.raises(RunFailed, match=r"longer than 0\.02 s"):
                await run.result()
            gates[0].set()
            await until(lambda: any(k == Kind.LATE for k, _ in kinds(db, "a")))

    drive(main())


@pytest.mark.parametrize("reconciled", [False, True])
def test_a_hanging_once_is_unknown_once(db: str, side: SideFile, reconciled: bool) -> None:
    """The thread of a timed-out ``once`` that comes back later changes nothing: its result is late."""
    gates = [threading.Event()]
    asked = asyncio.Event()

    @task(effect="read")
    async def find_out() -> int:
        side.write("find_out")
        gates[0].set()
        await until(lambda: any(k == Kind.LATE for k, _ in kinds(db, "a")))
        return 42

    options = {"reconcile": find_out} if reconciled else {}
    slow = thread_task(side, gates, effect="once", **options)

    @workflow
    async def one() -> int:
        return await slow()

    async def main() -> int:
        async with Podium(db) as app:
            run = await app.start(one, id="a")
            if not reconciled:
                [ask] = await until(run.asks)
                await until(lambda: waiting(run))
                gates[0].set()
                await until(lambda: any(k == Kind.LATE for k, _ in kinds(db, "a")))
                assert [one.id for one in await run.asks()] == [ask.id]
                await run.answer(ask.id, {"happened": True, "result": 42})
            result: int = await run.result()
            return result

    async def waiting(run: Any) -> bool:
        return await run.status() == "waiting"

    assert drive(main()) == 42
    assert not asked.is_set()
    assert len(side.lines("begin")) == 1
    assert len(side.lines("find_out")) == (1 if reconciled else 0)


def test_a_person_answers_in_the_declared_type(db: str) -> None:
    """The result that a person gives is read under the task's declared type."""

    @dataclass
    class Receipt:
        number: int

    @task(effect="once")
    async def charge() -> Receipt:
        raise ConnectionError

    @workflow
    async def pay() -> int:
        return (await charge()).number

    async def main() -> int:
        async with Podium(db) as app:
            run = await app.start(pay)
            [ask] = await until(run.asks)
            await run.answer(ask.id, {"happened": True, "result": {"number": 17}})
            result: int = await run.result()
            return result

    assert drive(main()) == 17


def test_a_wrong_answer_is_asked_again(db: str, side: SideFile) -> None:
    """An answer that says neither that it happened nor that it did not, or gives no fitting result, decides nothing."""

    @task(effect="once", retry=Retry(attempts=3, backoff="1ms"))
    async def charge() -> int:
        side.write("charge")
        raise ConnectionError

    @workflow
    async def pay() -> int:
        return await charge()

    async def main() -> int:
        async with Podium(db) as app:
            run = await app.start(pay)
            seen: set[str] = set()
            for wrong in ("yes", {}, {"happened": "no"}, {"happened": True, "result": "seven"}):
                ask = await until(lambda: another(run, seen))
                seen.add(ask.id)
                await run.answer(ask.id, wrong)
            ask = await until(lambda: another(run, seen))
            await run.answer(ask.id, {"happened": True, "result": 7})
            result: int = await run.result()
            return result

    async def another(run: Any, seen: set[str]) -> Any:
        return next((ask for ask in await run.asks() if ask.id not in seen), None)

    assert drive(main()) == 7
    assert len(side.lines("charge")) == 1


async def shown(run: Any, kind: str) -> Any:
    """What a run waits for, of one kind."""
    view = await run.show()
    return (
        next((wait for wait in view.waits if wait["kind"] == kind), None)
        if view.status == "waiting"
        else None
    )


def test_every_wait_is_named(db: str) -> None:  # noqa: C901 - each kind of wait in turn
    """Whatever a run waits for is in its row, and is there again after a crash; then it ends.

    EVIDENCE-OF G-01: "A run that was accepted finishes, fails, or waits for something that `podium runs show` names."
    """

    @task(effect="once")
    async def charge() -> int:
        raise ConnectionError("unknown")

    @task(effect="read", retry=Retry(attempts=2, backoff="10m"))
    async def flaky() -> int:
        raise OSError("later")

    @workflow(version="1")
    async def inner() -> int:
        return await podium.receive("inner", type=int)

    @workflow(version="1")
    async def waiting_for(what: str) -> None:
        if what == "signal":
            await podium.receive("go")
        elif what == "timer":
            await sleep("1h")
        elif what == "ask":
            await podium.ask({"question": "fine?"}, to="ann")
        elif what == "child":
            await inner()
        elif what == "unknown":
            await charge()
        elif what == "retry":
            await flaky()

    expected: dict[str, dict[str, Any]] = {
        "signal": {"path": "receive:go", "name": "go"},
        "timer": {"path": "sleep"},
        "ask": {"path": "ask"},
        "child": {"path": "inner", "run": "child:inner"},
        "unknown": {"path": "charge"},
        "retry": {"path": "flaky", "attempt": 2},
    }

    async def look(app: Podium) -> None:
        for kind, what in expected.items():
            run = await app.get(kind)
            entry = await until(lambda run=run, kind=kind: shown(run, kind), f"{kind} is shown")
            assert {key: entry[key] for key in what} == what
            assert entry["since"] > 0

    async def main() -> None:
        app = await Podium(db).open()
        for kind in expected:
            await app.start(waiting_for, {"what": kind}, id=kind)
        await look(app)
        await die(app)
        async with Podium(db) as app:
            await look(app)
            await (await app.get("signal")).signal("go")
            await (await app.get("child:inner")).signal("inner", 1)
            for kind in ("ask", "unknown"):
                run = await app.get(kind)
                [ask] = await run.asks()
                await run.answer(ask.id, {"happened": True, "result": 1})
            for kind in ("signal", "child", "ask", "unknown"):
                assert await (await app.get(kind)).result() is None
            for kind in ("timer", "retry"):
                run = await app.get(kind)
                await run.cancel()
                with pytest.raises(podium.RunCancelled):
                    await run.result()

    drive(main())


@pytest.mark.parametrize("stubborn", [False, True])
def test_nothing_is_stuck_in_silence(db: str, stubborn: bool) -> None:
    """A program that waits for what nothing can bring is ended with an error, even if it will not hear it.

    EVIDENCE-OF G-02: "A run is never lost and never stuck in silence."
    """

    @workflow
    async def stuck() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if stubborn:
                await asyncio.Event().wait()
            raise

    async def main() -> str:
        async with Podium(db) as app:
            run = await app.start(stuck)
            with pytest.raises(RunFailed) as failed:
                await run.result()
            assert failed.value.error.code == Deadlocked.code
            return str(failed.value)

    assert "no other task will ever set" in drive(main())


def test_limits_are_errors_before_damage(  # noqa: C901 - each limit in turn
    db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Payloads, fan-outs, depths, call-backs and journals have named limits.

    EVIDENCE-OF G-41: "Sizes, depths, loops and fan-outs have named limits, and hitting one is a clear error before damage is done."
    """
    monkeypatch.setattr("podium.engine.loop.CALLBACKS_PER_TURN_MAX", 2_000)
    monkeypatch.setattr("podium.engine.run.RECORDS_MAX", 60)
    monkeypatch.setattr("podium.engine.run.RECORDS_WARN", 50)
    bodies: list[int] = []

    @task(effect="read")
    async def look(n: int) -> int:
        bodies.append(n)
        return n

    @task(effect="write")
    async def put(text: str) -> None:
        bodies.append(1)

    @workflow
    async def too_much(what: str) -> None:
        if what == "fan-out":
            await podium.map(look, range(100_001))
        elif what == "size":
            await put("x" * 3_000)
        elif what == "depth":
            with ExitStack() as scopes:
                for n in range(200):
                    scopes.enter_context(podium.scope(f"level-{n}"))
                await look(1)
        elif what == "loop":
            while True:
                await asyncio.sleep(0)
        elif what == "records":
            for n in range(100):
                await look(n)

    async def main() -> None:
        async with Podium(db, payload_bytes_max=2_000) as app:
            for what, told in [
                ("fan-out", r"100,001 items; the limit is 100,000"),
                ("size", r"limit is 2,000"),
                ("depth", r"longer than 1000 characters"),
            ]:
                with pytest.raises(RunFailed, match=told) as failed:
                    await (await app.start(too_much, {"what": what})).result()
                assert failed.value.error.code in (LimitReached.code, "payload-too-large")
            assert bodies == []
            for what, told in [("loop", "2,000 call-backs"), ("records", "the limit is 60")]:
                with pytest.raises(podium.RunBlocked, match=told) as blocked:
                    await (await app.start(too_much, {"what": what})).result()
                assert blocked.value.error is not None
                assert blocked.value.error.code == LimitReached.code
            with pytest.raises(podium.PayloadTooLarge, match=r"limit is 2,000"):
                await app.start(too_much, {"what": "x" * 3_000})

    drive(main())
    assert len(bodies) < 70


def test_what_one_failure_does_to_the_others(db: str, side: SideFile) -> None:
    """In a gather, when one fails, looks are stopped, effects in flight end, then its error is raised."""
    gate = asyncio.Event()

    @task(effect="write")
    async def put() -> None:
        side.write("put")
        await gate.wait()
        side.write("put ended")

    @task(effect="read")
    async def look() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            side.write("look stopped")
            gate.set()
            raise

    @task(effect="read")
    async def fails() -> None:
        await until(lambda: side.lines("put"))
        raise ValueError("so it ends")

    @workflow
    async def one() -> str:
        try:
            await gather(put(), look(), fails())
        except StepFailed as error:
            side.write("told")
            return error.message
        return "?"

    async def main() -> str:
        async with Podium(db) as app:
            result: str = await (await app.start(one)).result()
            return result

    assert drive(main()) == "so it ends"
    assert [line.what for line in side.lines()] == ["put", "look stopped", "put ended", "told"]

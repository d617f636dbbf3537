"""What may run again, and what not: the table of effects."""

import asyncio
import hashlib

from typing import Any

import pytest

import podium

from podium import NotDone, Podium, Retry, RunFailed, task, workflow
from podium.journal.records import Kind
from tests.harness import SideFile, committed, die, drive, kinds, until


def hanging(side: SideFile, effect: str, **options: Any) -> Any:
    """A task that never ends at its first try in a process, and gives 7 at the next one."""
    seen: list[int] = []

    @task(name=f"hanging_{effect}", effect=effect, **options)
    async def body() -> int:
        side.write("begun")
        seen.append(1)
        if len(seen) == 1:
            await asyncio.Event().wait()
        side.write("done")
        return 7

    return body


async def killed_in(body: Any, db: str, side: SideFile) -> None:
    """Let a worker die while the body of a run's only step is under way."""

    @workflow(version="1")
    async def one() -> int:
        return int(await body())

    app = await Podium(db).open()
    await app.start(one, id="a")
    await until(lambda: side.lines("begun"))
    await die(app)


def test_a_committed_result_is_never_computed_again(db: str, side: SideFile) -> None:
    """EVIDENCE-OF G-03: "A step whose result was committed never runs again in that run."

    Whatever its effect, however often the run is taken over, with a program that goes on after it.
    """

    def made(effect: str) -> Any:
        @task(name=effect, effect=effect)
        async def body(n: int) -> int:
            side.write("body")
            return n

        return body

    pure, read, write, once = map(made, ("pure", "read", "write", "once"))

    @workflow
    async def all_of_them() -> list[int]:
        found = [await pure(1), await read(2), await write(3), await once(4)]
        await podium.receive("go")
        found += await podium.map(read, [5, 6])
        await podium.receive("go")
        return found

    async def main() -> list[int]:
        app = await Podium(db).open()
        run = await app.start(all_of_them, id="a")
        for records in (4, 7):
            await until(
                lambda n=records: (
                    sum(k in (Kind.RESULT, Kind.SIGNAL) for k, _ in kinds(db, "a")) == n
                )
            )
            await die(app)
            app = await Podium(db).open()
            run = await app.get("a")
            await run.signal("go")
        result: list[int] = await run.result()
        await app.close()
        return result

    assert drive(main()) == [1, 2, 3, 4, 5, 6]
    assert sorted(line.path for line in side.lines("body")) == [
        "once", "pure", "read", "read#2[0]", "read#2[1]", "write",
    ]  # fmt: skip


@pytest.mark.parametrize("effect", ["pure", "read"])
def test_a_look_is_run_again(db: str, side: SideFile, effect: str) -> None:
    """A look cut short by a crash runs again, by itself.

    EVIDENCE-OF G-05: "A `pure` step computes from its arguments: after a crash in the middle it is run again."
    EVIDENCE-OF G-06: "A `read` step looks at the world: after a crash in the middle it is run again."
    """

    async def main() -> int:
        await killed_in(hanging(side, effect), db, side)
        async with Podium(db) as app:
            result: int = await (await app.get("a")).result()
            return result

    assert drive(main()) == 7
    assert len(side.lines("begun")) == 2


def test_a_write_is_run_again_with_the_same_key(db: str, side: SideFile) -> None:
    """EVIDENCE-OF G-07: "A `write` step changes the world, safe to repeat with the same idempotency key: after a crash in the middle it is run again with the same key." """

    async def main() -> int:
        await killed_in(hanging(side, "write"), db, side)
        async with Podium(db) as app:
            run = await app.get("a")
            result: int = await run.result()
            assert [step.attempts for step in await run.steps()] == [2]
            return result

    assert drive(main()) == 7
    begun = side.lines("begun")
    assert [line.attempt for line in begun] == [1, 2]
    assert len({line.key for line in begun}) == 1


def test_a_task_without_a_declared_effect_is_a_write(db: str, side: SideFile) -> None:
    """EVIDENCE-OF G-08: "Undeclared tasks run as `write`." """

    @task
    async def undeclared() -> list[str]:
        return [f"{kind.name} {path}" for kind, path in kinds(db, "a") if path == "undeclared"]

    @workflow
    async def one() -> list[str]:
        return await undeclared()

    async def main() -> list[str]:
        async with Podium(db) as app:
            run = await app.start(one, id="a")
            result: list[str] = await run.result()
            assert [step.effect for step in await run.steps()] == ["write"]
            return result

    assert drive(main()) == ["STARTED undeclared"]
    assert undeclared.spec.options.is_declared is False


def test_a_once_is_not_repeated_after_a_crash(db: str, side: SideFile) -> None:
    """EVIDENCE-OF G-09: "A `once` step must not be repeated: after a crash in the middle its outcome is unknown." """

    async def main() -> None:
        await killed_in(hanging(side, "once"), db, side)
        async with Podium(db) as app:
            run = await app.get("a")
            [ask] = await until(run.asks)
            [step] = await run.steps()
            assert (step.status, await run.status()) == ("unknown", "waiting")
            assert (ask.form["step"], ask.form["kind"]) == ("hanging_once", "unknown-outcome")
            await run.answer(ask.id, {"happened": True, "result": 5})
            assert await run.result() == 5

    drive(main())
    assert len(side.lines("begun")) == 1


def test_repeats_follow_the_effect(db: str, side: SideFile) -> None:
    """EVIDENCE-OF G-04: "A step may be repeated only as its effect allows."

    With the same retry policy a failing read and a failing write are tried again, a failing once is not.
    """

    def failing(effect: str) -> Any:
        @task(name=f"failing_{effect}", effect=effect, retry=Retry(attempts=3, backoff="1ms"))
        async def body() -> None:
            side.write(effect)
            raise OSError(effect)

        return body

    bodies = {effect: failing(effect) for effect in ("pure", "read", "write", "once")}

    @workflow
    async def one(effect: str) -> None:
        await bodies[effect]()

    async def main() -> None:
        async with Podium(db) as app:
            for effect in ("pure", "read", "write"):
                with pytest.raises(RunFailed, match=effect):
                    await (await app.start(one, {"effect": effect})).result()
            run = await app.start(one, {"effect": "once"})
            [ask] = await until(run.asks)
            await run.answer(ask.id, {"happened": True, "result": None})
            await run.result()

    drive(main())
    assert {effect: len(side.lines(effect)) for effect in bodies} == {
        "pure": 3,
        "read": 3,
        "write": 3,
        "once": 1,
    }
    assert len({line.key for line in side.lines("write")}) == 1


def test_a_key_is_a_hash_of_run_incarnation_and_path(db: str, side: SideFile) -> None:
    """EVIDENCE-OF G-24: "The key is a hash of (run uid, incarnation, path, edit generation): `restart_with` raises the incarnation." """

    @task(effect="write")
    async def put(n: int) -> None:
        side.write("put", n)

    @workflow
    async def loop(left: int) -> None:
        await put(left)
        await put(left)
        if left:
            podium.restart_with(left - 1)

    async def main() -> str:
        async with Podium(db) as app:
            run = await app.start(loop, {"left": 1}, id="a")
            await run.result()
            await (await app.start(loop, {"left": 0}, id="b")).result()
        with committed(db) as view:
            return view.run("a").uid

    uid = drive(main())
    lines = side.lines("put")
    assert len({line.key for line in lines}) == 6
    assert [line.key for line in lines if line.run == "a"] == [
        hashlib.blake2b(f"{uid}/{incarnation}/{path}/0".encode(), digest_size=16).hexdigest()
        for incarnation in (0, 1) for path in ("put", "put#2")
    ]  # fmt: skip


def test_crashes_and_retries_do_not_change_the_key(db: str, side: SideFile) -> None:
    """EVIDENCE-OF G-25: "Crashes and retries change neither incarnation nor generation: the key stays." """

    @task(effect="write", retry=Retry(attempts=5, backoff="1ms"))
    async def put() -> int:
        side.write("put")
        if podium.attempt() in (1, 3):
            raise OSError("try again")
        if podium.attempt() == 2:
            await asyncio.Event().wait()
        return podium.attempt()

    @workflow(version="1")
    async def one() -> int:
        return await put()

    async def main() -> int:
        app = await Podium(db).open()
        await app.start(one, id="a")
        await until(lambda: len(side.lines("put")) == 2)
        await die(app)
        async with Podium(db) as app:
            result: int = await (await app.get("a")).result()
            return result

    assert drive(main()) == 4
    assert [line.attempt for line in side.lines("put")] == [1, 2, 3, 4]
    assert len({line.key for line in side.lines("put")}) == 1


def once_that(ends: str, side: SideFile, **options: Any) -> tuple[Any, dict[str, Any]]:
    """A ``once`` that ends in one of the ways that leave its outcome unknown."""
    timeout = {"timeout": "20ms"} if ends == "timeout" else {}

    @task(effect="once", retry=Retry(attempts=3, backoff="1ms"), **timeout, **options)
    async def charge(n: int) -> int:
        side.write("charge")
        if ends == "exception":
            raise ConnectionError("the line went dead")
        await asyncio.Event().wait()
        return n

    return charge, timeout


CAUSES = ["exception", "timeout", "loss"]


async def made_unknown(ends: str, db: str, side: SideFile, flow: Any) -> Podium:
    """Start a run of a ``once`` and let its outcome become unknown; return an app that is open."""
    app = await Podium(db).open()
    await app.start(flow, id="a")
    await until(lambda: side.lines("charge"))
    if ends == "loss":
        await die(app)
        app = await Podium(db).open()
    return app


@pytest.mark.parametrize("ends", CAUSES)
def test_every_other_end_of_a_once_is_unknown(db: str, side: SideFile, ends: str) -> None:
    """Timeout, loss and exception make the outcome unknown, it is not retried, and a person is asked.

    EVIDENCE-OF G-27: "`once`: every end but a result or a declared *did not happen* (`raise NotDone`, or listed exception types) is unknown: timeout, cancel, loss, any other exception."
    EVIDENCE-OF G-29: "Unknown goes to `reconcile`; else the run waits for a person."
    """
    charge, _ = once_that(ends, side)

    @workflow(version="1")
    async def pay() -> int:
        return await charge(5) + 1

    async def main() -> None:
        app = await made_unknown(ends, db, side, pay)
        run = await app.get("a")
        [ask] = await until(run.asks)
        told = {"exception": "the line went dead", "timeout": "longer than 0.02 s", "loss": "died"}[
            ends
        ]
        view = await until(lambda: waiting_for_unknown(run))

        assert told in ask.form["cause"]
        assert ask.form["arguments"] == {"n": 5}
        assert view.waits[0]["path"] == "charge"
        assert [step.status for step in await run.steps()] == ["unknown"]

        await run.answer(ask.id, {"happened": True, "result": 5})
        assert await run.result() == 6
        assert [step.status for step in await run.steps() if step.task == "charge"] == ["succeeded"]
        assert await run.asks() == []
        await app.close()

    async def waiting_for_unknown(run: Any) -> Any:
        view = await run.show()
        return view if view.waits and view.waits[0]["kind"] == "unknown" else None

    drive(main())
    assert len(side.lines("charge")) == 1


def test_a_cancelled_once_is_unknown_if_it_ends_so(db: str, side: SideFile) -> None:
    """Cancelling the run does not cancel a ``once`` in flight, and the run does not end while it is open.

    EVIDENCE-OF G-32: "No run ends while a `once` is open."
    """
    gate = asyncio.Event()

    @task(effect="once")
    async def charge(n: int) -> int:
        side.write("charge")
        await gate.wait()
        side.write("charged")
        if n == 1:
            raise ConnectionError("the line went dead")
        return n

    @workflow
    async def pay(n: int) -> int:
        return await charge(n)

    async def main() -> None:
        async with Podium(db) as app:
            runs = [await app.start(pay, {"n": n}) for n in (0, 1)]
            await until(lambda: len(side.lines("charge")) == 2)
            for run in runs:
                await run.cancel()
                await until(lambda run=run: (Kind.CANCEL, "") in kinds(db, run.id))
            assert side.lines("charged") == []
            assert [await run.status() for run in runs] == ["running", "running"]
            gate.set()
            with pytest.raises(podium.RunCancelled):
                await runs[0].result()
            assert [step.status for step in await runs[0].steps()] == ["late"]
            [ask] = await until(runs[1].asks)
            assert await runs[1].status() in ("running", "waiting")
            await runs[1].answer(ask.id, {"happened": False})
            with pytest.raises(podium.RunCancelled):
                await runs[1].result()

    drive(main())
    assert len(side.lines("charge")) == 2


@pytest.mark.parametrize("how", ["race", "gather", "timeout", "task"])
def test_nothing_in_the_program_cancels_a_once(db: str, side: SideFile, how: str) -> None:
    """EVIDENCE-OF G-31: "No race or join cancels a `once`." """
    gate = asyncio.Event()

    @task(effect="once")
    async def charge() -> int:
        side.write("charge")
        await gate.wait()
        side.write("charged")
        return 5

    @task(effect="read")
    async def quick(*, fails: bool = False) -> int:
        await until(lambda: side.lines("charge"))
        if fails:
            raise ValueError("so it ends")
        return 1

    @workflow
    async def pay() -> str:
        if how == "race":
            index, _ = await podium.race(charge(), quick())
            return f"quick won: {index}"
        if how == "timeout":
            try:
                async with asyncio.timeout(0.01):
                    await charge()
            except TimeoutError:
                return "time was over"
        if how == "task":
            going = asyncio.create_task(charge())
            await quick()
            going.cancel()
            return "cancelled"
        try:
            await podium.gather(charge(), quick(fails=True))
        except podium.StepFailed as error:
            return f"{error.message}, after {len(side.lines('charged'))}"
        return "?"

    expected = {
        "race": "quick won: 1", "timeout": "time was over", "task": "cancelled", "gather": "so it ends, after 1",
    }  # fmt: skip

    async def main() -> None:
        async with Podium(db) as app:
            run = await app.start(pay, id="a")
            await until(lambda: side.lines("charge"))
            await asyncio.sleep(0.05)
            assert await run.status() in ("running", "waiting")
            gate.set()
            assert await run.result() == expected[how]
            [step] = [step for step in await run.steps() if step.task == "charge"]
            assert step.status == (
                "succeeded" if how == "gather" and step.status == "succeeded" else "late"
            )

    drive(main())
    assert len(side.lines("charged")) == 1


def test_only_what_did_not_happen_is_tried_again(db: str, side: SideFile) -> None:
    """EVIDENCE-OF G-28: "Only *did not happen* is retried." """

    class Refused(Exception):
        pass

    @task(effect="once", retry=Retry(attempts=4, backoff="1ms"), not_done=(Refused,))
    async def charge() -> int:
        side.write("charge")
        if podium.attempt() == 1:
            raise NotDone("the shop is closed")
        if podium.attempt() == 2:
            raise Refused("no line")
        if podium.attempt() == 3:
            raise ConnectionError("who knows")
        return podium.attempt()

    @workflow
    async def pay() -> int:
        return await charge()

    async def main() -> None:
        async with Podium(db) as app:
            run = await app.start(pay, id="a")
            [ask] = await until(run.asks)
            assert len(side.lines("charge")) == 3
            assert "who knows" in ask.form["cause"]
            await run.answer(ask.id, {"happened": False})
            assert await run.result() == 4

    drive(main())
    assert [line.attempt for line in side.lines("charge")] == [1, 2, 3, 4]
    assert len({line.key for line in side.lines("charge")}) == 1


def test_not_done_for_good_is_a_failure(db: str, side: SideFile) -> None:
    """When the tries are used up, *did not happen* is a plain failure that the program sees as such."""

    @task(effect="once", retry=Retry(attempts=2, backoff="1ms"))
    async def charge() -> int:
        side.write("charge")
        raise NotDone("the shop is closed")

    @workflow
    async def pay() -> str:
        try:
            return str(await charge())
        except podium.StepFailed as error:
            return f"{type(error).__name__} {error.type} {error.error.code} {error.message}"

    async def main() -> str:
        async with Podium(db) as app:
            result: str = await (await app.start(pay)).result()
            return result

    assert drive(main()) == "StepFailed NotDone not-done the shop is closed"
    assert len(side.lines("charge")) == 2


@pytest.mark.parametrize("ends", CAUSES)
@pytest.mark.parametrize("answer", ["result", "not done", "fails", "is asked wrongly"])
def test_reconcile_finds_out(db: str, side: SideFile, ends: str, answer: str) -> None:
    """``reconcile`` is given arguments and key; its result, NotDone or failure decides.

    EVIDENCE-OF G-29: "Unknown goes to `reconcile`; else the run waits for a person."
    """
    if answer == "is asked wrongly":

        @task(effect="read")
        async def find_out(nonsense: int) -> int:
            return nonsense
    else:

        @task(effect="read")
        async def find_out(n: int, idempotency_key: str) -> int:
            side.write("find_out", idempotency_key)
            if answer == "not done" and len(side.lines("find_out")) == 1:
                raise NotDone("no trace of it")
            if answer == "fails":
                raise ConnectionError("nobody answers")
            return n + 100

    charge, _ = once_that(ends, side, reconcile=find_out)

    @workflow(version="1")
    async def pay() -> int:
        return await charge(5)

    async def main() -> int:
        app = await made_unknown(ends, db, side, pay)
        run = await app.get("a")
        if answer in ("fails", "is asked wrongly"):
            [ask] = await until(run.asks)
            await run.answer(ask.id, {"happened": True, "result": 105})
        if answer == "not done" and ends == "loss":
            await until(lambda: len(side.lines("charge")) == 2)
            await die(app)
            app = await Podium(db).open()
            run = await app.get("a")
        result: int = await run.result()
        await app.close()
        return result

    assert drive(main()) == 105
    charges, asked = side.lines("charge"), side.lines("find_out")
    assert len(charges) == (2 if answer == "not done" else 1)
    assert len({line.key for line in charges} | {line.note for line in asked}) == 1
    assert len(asked) == {"result": 1, "not done": 2, "fails": 1, "is asked wrongly": 0}[answer]


@pytest.mark.parametrize("ends", CAUSES)
def test_the_program_may_take_the_unknown_outcome(db: str, side: SideFile, ends: str) -> None:
    """EVIDENCE-OF G-30: "With `@task(unknown="raise")` the program gets `OutcomeUnknown`." """
    charge, _ = once_that(ends, side, unknown="raise")

    @workflow(version="1")
    async def pay() -> str:
        try:
            return str(await charge(5))
        except podium.OutcomeUnknown as error:
            return f"{error.path} {error.error.code}"

    async def main() -> None:
        app = await made_unknown(ends, db, side, pay)
        run = await app.get("a")
        assert await run.result() == "charge outcome-unknown"
        assert [step.status for step in await run.steps()] == ["unknown"]
        await app.close()

    drive(main())
    assert len(side.lines("charge")) == 1


def test_a_person_is_asked_anew_each_time(db: str, side: SideFile) -> None:
    """A step that becomes unknown again after *did not happen* is asked about again, also after a crash."""

    @task(effect="once", retry=Retry(attempts=5, backoff="1ms"))
    async def charge() -> int:
        side.write("charge")
        raise ConnectionError(f"line {podium.attempt()} went dead")

    @workflow(version="1")
    async def pay() -> int:
        return await charge()

    async def main() -> None:
        app = await Podium(db).open()
        run = await app.start(pay, id="a")
        [first] = await until(run.asks)
        await run.answer(first.id, {"happened": False})
        second = await until(lambda: another(run, first.id))
        await die(app)
        app = await Podium(db).open()
        run = await app.get("a")
        [same] = await until(run.asks)
        assert same.id == second.id
        await run.answer(second.id, {"happened": False})
        third = await until(lambda: another(run, second.id))
        await run.answer(third.id, {"happened": True, "result": 3})
        assert await run.result() == 3
        assert len({first.id, second.id, third.id}) == 3
        await app.close()

    async def another(run: Any, but: str) -> Any:
        found = [ask for ask in await run.asks() if ask.id != but]
        return found[0] if found else None

    drive(main())
    assert [line.attempt for line in side.lines("charge")] == [1, 2, 3]


def test_an_answer_reaches_a_run_that_sleeps_in_the_file(db: str, side: SideFile) -> None:
    """A person may answer while no worker runs; the answer is there when one comes."""

    @task(effect="once")
    async def charge() -> int:
        side.write("charge")
        raise ConnectionError

    @workflow(version="1")
    async def pay() -> list[Any]:
        return [await charge(), await podium.ask({"fine?": "yes or no"})]

    async def main() -> list[Any]:
        async with Podium(db) as app:
            run = await app.start(pay, id="a")
            await until(run.asks)
        async with Podium(db, execute=False) as client:
            run = await client.get("a")
            [ask] = await run.asks()
            await run.answer(ask.id, {"happened": True, "result": 3})
        async with Podium(db) as app:
            run = await app.get("a")
            await until(lambda: asked(run, "ask"))
        async with Podium(db, execute=False) as client:
            run = await client.get("a")
            [ask] = await run.asks()
            await run.answer(ask.id, "yes")
        async with Podium(db) as app:
            result: list[Any] = await (await app.get("a")).result()
            return result

    async def asked(run: Any, path: str) -> bool:
        return [ask.path for ask in await run.asks()] == [path]

    assert drive(main()) == [3, "yes"]
    assert len(side.lines("charge")) == 1

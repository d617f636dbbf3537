"""What cannot be undone is not left in silence."""

from typing import Any

import pytest

from podium import (
    NotDone,
    Podium,
    Retry,
    Run,
    RunFailed,
    StepFailed,
    receive,
    task,
    workflow,
)
from tests.harness import SideFile, die, drive, until


async def question(run: Run[Any], before: str = "") -> Any:
    """Wait until the run asks the operator something (else than before); return the ask."""

    async def look() -> Any:
        found = [ask for ask in await run.asks() if ask.id != before]
        return found[0] if found and await run.status() == "waiting" else None

    return await until(look)


def test_a_failed_compensation_asks_the_operator(db: str, side: SideFile) -> None:
    """After its own retries; a retry runs it again, and what was begun before it is undone after it."""

    @task(effect="write", retry=Retry(2, "1ms"))
    def undo(what: str) -> None:
        side.write("undo", what)
        if what == "hotel" and len(side.lines("undo")) < 4:
            raise OSError("the hotel does not answer")

    @task(effect="write", compensate=undo)
    def book(what: str) -> str:
        return what

    @workflow
    async def trip() -> None:
        await book("flight")
        await book("hotel")
        raise ValueError("no money")

    async def main() -> Any:
        async with Podium(db) as app:
            run = await app.start(trip, id="a")
            ask = await question(run)
            assert [line.note for line in side.lines("undo")] == ["hotel", "hotel"]
            await run.answer(ask.id, {"retry": True})
            with pytest.raises(RunFailed) as failure:
                await run.result()
            steps = [(step.path, step.task, step.status) for step in await run.steps()]
            return ask, failure.value.error, steps

    ask, error, steps = drive(main())

    assert (ask.path, ask.to) == ("compensate/book#2/ask", "operator")
    assert {name: ask.form[name] for name in ("kind", "step", "task", "arguments", "cause")} == {
        "kind": "compensation-failed", "step": "book#2", "task": "undo",
        "arguments": {"what": "hotel"}, "cause": "OSError: the hotel does not answer",
    }  # fmt: skip
    assert [line.note for line in side.lines("undo")] == [
        "hotel",
        "hotel",
        "hotel",
        "hotel",
        "flight",
    ]
    assert (error.type, error.message) == ("ValueError", "no money")
    assert steps[2:] == [
        ("compensate/book#2", "undo", "failed"), ("compensate/book#2/ask", "ask", "succeeded"),
        ("compensate#2/book#2", "undo", "succeeded"), ("compensate/book", "undo", "succeeded"),
    ]  # fmt: skip


@pytest.mark.parametrize("how", ["failed", "cancelled"])
def test_what_is_left_is_named(db: str, side: SideFile, how: str) -> None:
    """A skip needs a reason; the run ends as failed with what was not undone, and why it was to be."""

    @task(effect="write")
    def undo(n: int) -> None:
        side.write("undo", n)
        if n == 2:
            raise OSError("no")

    @task(effect="write", compensate=undo)
    def do(n: int) -> int:
        return n

    @workflow
    async def one() -> None:
        for n in (1, 2):
            await do(n)
        if how == "failed":
            raise ValueError("all for nothing")
        await receive("never")

    async def main() -> Any:
        async with Podium(db) as app:
            run = await app.start(one, id="a")
            if how == "cancelled":
                await until(lambda: waits(run))
                await run.cancel()
            last = await question(run)
            for useless in (
                "skip",
                {"skip": True},
                {"skip": True, "reason": " "},
                {"retry": False},
            ):
                await run.answer(last.id, useless)
                last = await question(run, last.id)
            await run.answer(last.id, {"skip": True, "reason": "done by hand"})
            with pytest.raises(RunFailed) as failure:
                await run.result()
            return last, failure.value.error

    async def waits(run: Run[Any]) -> bool:
        return await run.status() == "waiting"

    last, error = drive(main())

    assert last.path == "compensate/do#2/ask#5"
    assert last.form["problem"].startswith("The last answer could not be used: {'retry': False}")
    assert error.code == "compensation-failed"
    assert error.message == "not undone: do#2 (OSError: no; left so: done by hand)"
    assert error.cause.code == ("error" if how == "failed" else "cancelled")
    assert [line.note for line in side.lines("undo")] == ["2", "1"]


def test_a_decision_survives_crashes(db: str, side: SideFile) -> None:
    """Before the answer, and between the answer and the end of the next try."""
    is_well: list[int] = []

    @task(effect="write")
    async def undo() -> None:
        side.write("undo")
        if not is_well:
            raise OSError("no")

    @task(effect="write", compensate=undo)
    def do() -> None: ...

    @workflow(version="1")
    async def one() -> None:
        await do()
        raise ValueError("all for nothing")

    async def main() -> Any:
        app = await Podium(db).open()
        asked = await question(await app.start(one, id="a"))
        await die(app)
        app = await Podium(db).open()
        again = await question(await app.get("a"))
        assert again.id == asked.id
        await (await app.get("a")).answer(asked.id, {"retry": True})
        second = (await question(await app.get("a"), asked.id)).id
        await die(app)
        app = await Podium(db).open()
        is_well.append(1)
        await (await app.get("a")).answer(second, {"retry": True})
        with pytest.raises(RunFailed, match="all for nothing"):
            await (await app.get("a")).result()
        paths = [step.path for step in await (await app.get("a")).steps()]
        await app.close()
        return paths

    assert drive(main()) == [
        "do", "compensate/do", "compensate/do/ask", "compensate#2/do", "compensate#2/do/ask",
        "compensate#3/do",
    ]  # fmt: skip
    assert len(side.lines("undo")) == 3


def test_a_task_that_cannot_be_called_is_asked_about_too(db: str) -> None:
    """It wants an argument that nobody offers: the mistake is shown, and a skip ends it."""

    @task(effect="write")
    def undo(receipt: str) -> None: ...

    @task(effect="write", compensate=undo)
    def do(n: int) -> None: ...

    @workflow
    async def one() -> None:
        await do(1)
        raise ValueError("all for nothing")

    async def main() -> Any:
        async with Podium(db) as app:
            run = await app.start(one)
            ask = await question(run)
            await run.answer(ask.id, {"skip": True, "reason": "wrong task"})
            with pytest.raises(RunFailed):
                await run.result()
            return ask.form["cause"]

    assert "receipt" in drive(main())


def test_what_did_not_happen_is_not_undone_and_what_is_unusable_is_done(
    db: str, side: SideFile
) -> None:
    """A compensation whose result cannot be recorded has happened: nobody is asked."""

    @task(effect="write")
    def undo(n: int) -> Any:
        side.write("undo", n)
        return object()

    @task(effect="write", compensate=undo)
    def do(n: int) -> None:
        if n == 2:
            raise NotDone("not at all")

    @workflow
    async def one() -> None:
        for n in (1, 2):
            try:
                await do(n)
            except StepFailed:
                pass
        raise ValueError("all for nothing")

    async def main() -> None:
        async with Podium(db) as app:
            with pytest.raises(RunFailed, match="all for nothing"):
                await (await app.start(one)).result()

    drive(main())

    assert [line.note for line in side.lines("undo")] == ["1"]

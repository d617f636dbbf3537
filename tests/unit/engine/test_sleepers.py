"""Quiet runs leave memory where many are held, and come back when something is due."""

from podium import Podium, ask, receive, sleep, task, workflow
from tests.harness import SideFile, drive, until


def test_runs_leave_memory_and_come_back(db: str, side: SideFile) -> None:
    """Twenty waiting runs, room for three: timers, signals and answers find each of them."""

    @task(effect="write")
    async def note(n: int) -> int:
        side.write("note", n)
        return n

    @workflow
    async def quiet(n: int) -> int:
        first = await note(n)
        await sleep("300ms")
        second = await receive("go", type=int)
        third = await ask({"n": n})
        return first + second + int(third)

    async def main() -> list[int]:
        async with Podium(db, resident_max=3) as app:
            engine = app.desk.engine
            assert engine is not None
            runs = [await app.start(quiet, {"n": n}, id=f"r{n}") for n in range(20)]
            await until(lambda: len(engine.runs) <= 3)
            for run in runs:
                await run.signal("go", 100)
            for run in runs:
                (question,) = await until(run.asks)
                await run.answer(question.id, 1000)
            return [await run.result() for run in runs]

    assert drive(main()) == [1100 + n for n in range(20)]
    assert len(side.lines("note")) == 20

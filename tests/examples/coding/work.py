"""What tests of the coding workflow share: a task with its repository, a run of it, and what is left."""

import asyncio

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from examples.coding.forms import Assignment, Delivered, TestRun
from examples.coding.repository import Repository
from examples.coding.tasks import Example, examples
from examples.coding.trying import try_out
from examples.coding.workflow import RECORDED, coding
from podium import Podium, Run, RunFailed


def example(number: int) -> Example:
    """One of the five tasks."""
    return next(one for one in examples() if one.number == number)


def assignment(folder: Path, number: int, **changes: Any) -> Assignment:
    """A task with a repository of its own."""
    one = example(number)
    task = one.assignment(one.furnish(folder / f"{one.name}.git"), RECORDED)
    return replace(task, **changes)


async def carried_out(
    folder: Path, task: Assignment, answers: Callable[[Any], Any] = lambda _: {"ok": True}
) -> tuple[Delivered | RunFailed, list[str], Run[Delivered]]:
    """Run a task; return its output or error, what it told, and the run as it is then."""
    async with Podium(folder / "podium.db") as app:
        run = await app.start(coding, {"task": task}, id="run")
        told: list[str] = []

        async def people() -> None:
            while True:
                for ask in await run.asks():
                    await run.answer(ask.id, answers(ask.form))
                await asyncio.sleep(0.02)

        asking = asyncio.create_task(people())
        try:
            async for _, said in run.stream():
                told.append(f"{said['stage']} {said.get('by', '').partition(' ')[0]}".strip())
            return await run.result(), told, run
        except RunFailed as problem:
            return problem, told, run
        finally:
            asking.cancel()


def left(task: Assignment) -> dict[str, Any]:
    """What a repository has: branches and tags, what main is made of, worktrees."""
    there = Repository(task.repository)
    return {
        "references": there.git("for-each-ref", "--format=%(refname)").split(),
        "merges": int(there.git("rev-list", "--merges", "--count", task.branch)),
        "worktrees": [
            *Path(task.repository).parent.glob("*.worktrees"),
            *(there.path / "worktrees").glob("*"),
        ],
        "locks": [*there.path.rglob("*.lock")],
    }


def delivered(task: Assignment) -> dict[str, Any]:
    """What there has to be in the end, however often its process has died."""
    return {
        "references": [f"refs/heads/{task.branch}", f"refs/tags/{task.tag}"],
        "merges": 1,
        "worktrees": [],
        "locks": [],
    }


class Remembering:
    """Runs tests for real, once for each tree: what was found is found again.

    Attributes:
        runs: How often they were run for real.
    """

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], TestRun] = {}
        self.runs = 0

    async def __call__(self, folder: Path, acceptance: str) -> TestRun:
        """Return what becomes of the tests of a worktree."""
        texts = [
            f"{path.relative_to(folder)}\0{path.read_text()}"
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name != ".git"
        ]
        key = ("\0".join(texts), acceptance)
        if key not in self.known:
            self.runs += 1
            self.known[key] = await try_out(folder, acceptance)
        return self.known[key]

"""Do coding tasks, and show how it goes.

    python -m examples.coding                  all five, with answers that were written down
    python -m examples.coding --task 3         one of them
    python -m examples.coding --model openai:gpt-5-mini --task 3

With a key, on a copy of a repository of yours:

    python -m examples.coding --model … --repository . --requirement wish.md --tag v1.1 --allow 'src/**'

Runs and repositories are kept in `coding-data/`. What was interrupted goes on with the same command.
"""

import argparse
import asyncio
import sys
import time

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from examples.coding.forms import Assignment, Delivered
from examples.coding.repository import GitFailed, GitMissing, Repository
from examples.coding.screen import Screen
from examples.coding.tasks import Example, examples
from examples.coding.workflow import RECORDED, coding
from podium import AskNotFound, Podium, PodiumError, Run, RunFailed, RunNotFound
from podium.client.views import AskView

LOOK_S = 0.1
SETTLE_S = 2.0
"""How long a question must have been open: one that was answered elsewhere is taken up by then."""
WAITS, FAILED, INTERRUPTED = 6, 5, 130


class Waits(Exception):
    """A run waits for a person who is not here; the text says how to answer."""


class Work:
    """The runs of a folder, and what is seen of them.

    Attributes:
        screen: Where it is shown.
        approves: Whether whoever started it agrees with every change that passes the other gates.
        usd_max: What the model may cost for each task; None: there is no budget.
    """

    def __init__(self, folder: Path, screen: Screen, given: argparse.Namespace) -> None:
        self.screen = screen
        self.approves: bool = given.yes
        self.shows_diff: bool = given.diff
        self.usd_max: float | None = given.usd
        self.folder = folder
        self.database = folder / "podium.db"
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / ".gitignore").exists():
            (folder / ".gitignore").write_text("*\n", encoding="utf-8")

    async def example(self, example: Example, model: str) -> bool:
        """Do one of the five tasks; return whether it is delivered."""
        name = await self.free(f"{example.number}-{example.name}")
        repository = await asyncio.to_thread(example.furnish, self.folder / f"{name}.git")
        self.screen.title(f"Task {example.number}: {example.title}", model)
        task = replace(example.assignment(repository, model), usd_max=self.usd_max)
        return await self.carry_out(name, task)

    async def own(self, source: Path, task: Assignment) -> bool:
        """Do a task on a copy of somebody's repository; return whether it is delivered."""
        name = await self.free(source.resolve().name)
        path = self.folder / f"{name}.git"
        repository = await asyncio.to_thread(Repository.copied, path, source)
        self.screen.title(task.title, task.model)
        task = replace(task, repository=str(repository.path), usd_max=self.usd_max)
        return await self.carry_out(name, task)

    async def free(self, name: str) -> str:
        """Return the name of the run that goes on, or of a new one."""
        async with Podium(self.database, execute=False) as app:
            for number in range(1, 10_000):
                found = name if number == 1 else f"{name}-{number}"
                try:
                    status = await (await app.get(found)).status()
                except RunNotFound:
                    return found
                if status not in ("succeeded", "failed", "cancelled"):
                    return found
        raise GitFailed(f"There are too many runs of {name!r} in {self.folder}; remove the folder.")

    async def carry_out(self, name: str, task: Assignment) -> bool:
        """Start a run or go on with it, show its stages, and what came of it."""
        async with Podium(self.database, only=frozenset({name})) as app:
            run = await app.start(coding, {"task": task}, id=name)
            with self.screen.doing():
                watching = asyncio.create_task(self.watch(run))
                try:
                    await self.follow(run, watching)
                    done: Delivered = await run.result()
                except RunFailed as problem:
                    self.failed(problem, name)
                    return False
                finally:
                    watching.cancel()
            began, ended = (await run.show()).created_at, (await run.show()).ended_at
            self.screen.delivered(done, (ended - began).total_seconds() if ended else 0.0)
            self.show(self.folder / Path(task.repository).name, done)
            return True

    async def follow(self, run: Run[Delivered], watching: "asyncio.Task[None]") -> None:
        """Print the stages as they come, unless whoever watches gives up."""

        async def stages() -> None:
            async for _, said in run.stream():
                self.screen.stage(said["stage"], said["text"], said.get("by", ""))

        following = asyncio.create_task(stages())
        await asyncio.wait([following, watching], return_when=asyncio.FIRST_COMPLETED)
        if watching.done():
            following.cancel()
        await (watching if watching.done() else following)

    async def watch(self, run: Run[Delivered]) -> None:
        """Say what is going on, and have a person answer what is asked."""
        since: dict[str, float] = {}
        while True:
            await asyncio.sleep(LOOK_S)
            for ask in await run.asks():
                now = time.monotonic()
                if now - since.setdefault(ask.id, now) >= SETTLE_S:
                    with suppress(AskNotFound):
                        await self.answer(run, ask)
            under_way = [step.task for step in await run.steps() if step.status == "started"]
            self.screen.now(", ".join(under_way))

    async def answer(self, run: Run[Delivered], ask: AskView) -> None:
        """Show a change to whoever is there, and take their word."""
        question = ask.form["question"]
        if self.approves:
            self.screen.stage("review", f"{question} Yes (--yes).")
            await run.answer(ask.id, {"ok": True})
            return
        if not (sys.stdin.isatty() and self.screen.console.is_terminal):
            raise Waits(
                f"{question} Say --yes, answer at a terminal, or:\n"
                f"  podium runs answer {run.id} {ask.id} '{{\"ok\": true}}' --db {self.database}"
            )
        self.screen.diff(ask.form["value"]["change"]["diff"])
        prompt = f"{question} [y, or what is wrong with it] "
        said = (await asyncio.to_thread(input, prompt)).strip()
        is_ok = said.lower() in ("y", "yes")
        await run.answer(ask.id, {"ok": is_ok, "why": "" if is_ok else said or "no"})

    def failed(self, problem: RunFailed, name: str) -> None:
        """Say why nothing was merged, and where to look."""
        error = problem.error
        while error.cause is not None:
            error = error.cause
        first, *others = error.message.splitlines() or [error.type]
        self.screen.failure(first, others)
        self.screen.lines([f"podium runs show {name} --db {self.database}"], "dim")

    def show(self, repository: Path, done: Delivered) -> None:
        """Show the diff, or say how to see it."""
        if self.shows_diff:
            self.screen.diff(done.change.diff)
            return
        self.screen.lines([f"git --git-dir {repository} show {done.tag}"], "dim")


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.coding",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    numbers = [one.number for one in examples()]
    parser.add_argument(
        "--task", type=int, choices=numbers, action="append", help="one of the five"
    )
    parser.add_argument(
        "--model", default=RECORDED, help="a model string; costs nothing unless given"
    )
    parser.add_argument(
        "--data", type=Path, default=Path("coding-data"), help="a folder of its own"
    )
    parser.add_argument("--usd", type=float, help="what the model may cost for each task")
    parser.add_argument("--yes", action="store_true", help="agree with what passes the other gates")
    parser.add_argument("--diff", action="store_true", help="print what was changed")
    own = parser.add_argument_group("a repository of yours, of which a copy is changed")
    own.add_argument("--repository", type=Path)
    own.add_argument("--requirement", type=Path, help="a text that says what is wanted")
    own.add_argument("--tag")
    own.add_argument("--branch", default="main")
    own.add_argument("--allow", nargs="+", default=["**"], help="patterns of what may be changed")
    own.add_argument(
        "--acceptance", type=Path, help="a folder of tests that the model does not see"
    )
    given = parser.parse_args()
    if given.repository and not (given.requirement and given.tag):
        parser.error("--repository needs --requirement and --tag")
    if given.repository and given.model == RECORDED:
        parser.error("--repository needs --model: the recorded answers know only the five tasks")
    return given


async def work(given: argparse.Namespace) -> int:
    """Do what is wanted; return the exit code."""
    doing = Work(given.data, Screen(), given)
    if given.repository:
        requirement = given.requirement.read_text(encoding="utf-8")
        task = Assignment(
            title=requirement.strip().partition("\n")[0].lstrip("# ")[:80],
            requirement=requirement, repository="", tag=given.tag, branch=given.branch,
            allowed=given.allow, model=given.model,
            acceptance=str(given.acceptance.resolve()) if given.acceptance else "",
        )  # fmt: skip
        return 0 if await doing.own(given.repository, task) else FAILED
    wanted = [one for one in examples() if one.number in (given.task or [one.number])]
    delivered = [await doing.example(one, given.model) for one in wanted]
    if len(wanted) > 1:
        doing.screen.title(f"{sum(delivered)} of {len(wanted)} delivered")
    return 0 if all(delivered) else FAILED


def main() -> int:
    """Do what is wanted, and say in a sentence what went wrong."""
    try:
        return asyncio.run(work(options()))
    except KeyboardInterrupt:
        print("\nInterrupted; the same command goes on where it was.", file=sys.stderr)
        return INTERRUPTED
    except Waits as waits:
        print(waits, file=sys.stderr)
        return WAITS
    except (GitMissing, GitFailed, PodiumError, OSError) as problem:
        print(problem, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

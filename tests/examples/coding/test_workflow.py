"""The coding workflow: five tasks with real mistakes, its bounds, and a crash anywhere."""

import asyncio
import os
import random
import shutil

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

import podium

from examples.coding import steps
from examples.coding.forms import Assignment, Delivered, TestRun
from examples.coding.recorded import entries
from examples.coding.repository import Repository
from examples.coding.workflow import coding
from podium import Flow, Podium, RunCancelled, RunFailed
from podium.models import Request, function_model
from podium.testing import CrashPoint, CrashReport, crash_everywhere
from tests.examples.coding.work import (
    Remembering,
    assignment,
    carried_out,
    delivered,
    example,
    left,
)
from tests.harness import drive, until

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[3]
LIMIT_S = 120.0
IS_FULL = os.environ.get("PODIUM_PROOF") == "full"
MISTAKES = {
    1: ["tests", "acceptance"],
    2: ["tests", "acceptance"],
    3: ["tests"],
    4: ["edits", "tests", "acceptance"],
    5: ["edits", "tests"],
}
"""Who refuses what was written down, round by round."""


@pytest.fixture(scope="module")
def remembering() -> Remembering:
    """Real runs of tests, each tree once."""
    return Remembering()


@pytest.fixture
def quick(remembering: Remembering, monkeypatch: pytest.MonkeyPatch) -> Remembering:
    """Tests are run once for each tree."""
    monkeypatch.setattr(steps, "try_out", remembering)
    return remembering


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_each_task_is_delivered(tmp_path: Path, quick: Remembering, number: int) -> None:
    """Failures are found out about and mended; what is merged and tagged is what the gates let pass."""
    task = assignment(tmp_path, number)
    done, told, run = drive(carried_out(tmp_path, task), LIMIT_S)

    assert isinstance(done, Delivered)
    assert [one.by for one in done.tried] == MISTAKES[number]
    assert told == [
        "analyse", "plan", "look up", "write",
        *(word for by in MISTAKES[number] for word in (f"refused {by}", "debug", "revise")),
        "passed", "deploy",
    ]  # fmt: skip
    assert left(task) == delivered(task)
    there = Repository(task.repository)
    assert there.git("rev-parse", f"{task.tag}^{{commit}}").strip() == there.head("main") == done.commit  # fmt: skip
    assert there.git("diff", f"{done.commit}^1", done.commit) == done.change.diff
    assert run.id == "run"


def test_a_person_is_asked_where_the_risk_is_high(tmp_path: Path, quick: Remembering) -> None:
    """They see the change; what they say against it is worth another round."""
    task = assignment(tmp_path, 5)
    seen: list[Any] = []

    def answers(form: Any) -> Any:
        seen.append(form)
        if len(seen) == 1:
            return {"ok": False, "why": "Say in the README too that entries expire."}
        return {"ok": True}

    done, _, _ = drive(carried_out(tmp_path, task, answers), LIMIT_S)

    assert isinstance(done, Delivered)
    assert [one.by for one in done.tried] == [*MISTAKES[5], "person"]
    assert "+        self._clock = clock" in seen[0]["value"]["change"]["diff"]
    assert "README.md" in done.change.paths
    assert left(task) == delivered(task)


def test_rounds_are_bounded(tmp_path: Path, quick: Remembering) -> None:
    """Then the run fails with its record, nothing is merged, and the last attempt can be looked at."""
    task = assignment(tmp_path, 1, rounds=2)
    before = Repository(task.repository).head("main")
    failed, _, _ = drive(carried_out(tmp_path, task), LIMIT_S)

    assert isinstance(failed, RunFailed)
    assert (failed.error.type, failed.error.code) == ("NotDelivered", "not-delivered")
    assert "round 2, 'Try longer units first, so that ms is not taken for m': refused by acceptance" in failed.error.message  # fmt: skip
    assert failed.error.details is not None
    assert [one["by"] for one in failed.error.details["tried"]] == ["tests", "acceptance"]
    assert Repository(task.repository).head("main") == before
    assert left(task)["references"] == ["refs/heads/main", f"refs/heads/podium/{steps._key('run')}"]
    assert left(task)["worktrees"] == []


def test_a_change_that_is_too_large_is_refused(tmp_path: Path, quick: Remembering) -> None:
    """By git's own count, before anything is run."""
    task = assignment(tmp_path, 1, rounds=1, lines_max=10)
    failed, told, _ = drive(carried_out(tmp_path, task), LIMIT_S)

    assert isinstance(failed, RunFailed)
    assert "lines are changed; at most 10 are allowed" in failed.error.message
    assert told[-1] == "refused bounds"


@function_model("clumsy")
def clumsy(request: Request) -> Any:
    """Say what is written down for task 3; two answers do not have their form at first."""
    at = sum(message.role == "assistant" for message in request.messages)
    written = [entry["answer"] for entry in entries(example(3).folder)]
    if "cannot be used" in request.messages[-1].text:
        return written[at - 1]
    return {1: {"steps": [], "files": "bucket.py"}, 2: "Here you are!"}.get(at, written[at])


def test_an_answer_that_does_not_fit_is_asked_for_again(tmp_path: Path, quick: Remembering) -> None:
    """With what is wrong with it; that takes two answers more, and no round."""

    async def main() -> tuple[Delivered, int]:
        async with Podium(":memory:") as app:
            task = assignment(tmp_path, 3, model="function:clumsy")
            run = await app.start(coding, {"task": task}, id="run")
            done = await run.result()
            return done, sum(step.task == "podium.model" for step in await run.steps())

    done, answers = drive(main(), LIMIT_S)

    assert (done.rounds, answers) == (2, len(entries(example(3).folder)) + 2)


def merging(task: Assignment, path: str, text: str) -> None:
    """Let somebody else merge something."""
    there = Repository(task.repository)
    head = there.head("main")
    other = there.commit(head, {path: text.encode()}, "Others", when=1_800_000_000)
    there.git("update-ref", "refs/heads/main", other)


@pytest.mark.parametrize("path", ["docs/other.md", "src/gate/__init__.py"])
def test_others_may_be_faster(
    tmp_path: Path, quick: Remembering, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Their change is brought in and the gates are asked again; the same lines are a reason to stop."""
    task = assignment(tmp_path, 3)
    there = Repository(task.repository)

    async def while_tests_run(folder: Path, acceptance: str) -> TestRun:
        if not there.found("refs/heads/others"):
            merging(task, path, "# Others\n")
            there.git("update-ref", "refs/heads/others", "refs/heads/main")
        return await quick(folder, acceptance)

    monkeypatch.setattr(steps, "try_out", while_tests_run)
    done, told, _ = drive(carried_out(tmp_path, task), LIMIT_S)

    assert "catch up" in told
    if path.startswith("docs"):
        assert isinstance(done, Delivered)
        assert path in there.files(done.commit)
        assert path not in done.change.paths
    else:
        assert isinstance(done, RunFailed)
        assert f"{path}: others have changed it meanwhile" in done.error.message
        assert there.found(f"refs/tags/{task.tag}") == ""


def test_a_cancelled_run_leaves_no_worktree(tmp_path: Path) -> None:
    """Also where it is stopped in the middle of tests, and what crashes have left is cleared away."""
    task = assignment(tmp_path, 3)

    async def main() -> None:
        async with Podium(tmp_path / "podium.db") as app:
            run = await app.start(coding, {"task": task}, id="run")
            await until(lambda: left(task)["worktrees"], "a worktree")
            (
                Path(task.repository).with_name("limiter.worktrees") / f"{steps._key('run')}-x"
            ).mkdir()
            await run.cancel()
            with pytest.raises(RunCancelled):
                await run.result()

    drive(main(), LIMIT_S)

    assert left(task)["worktrees"] == []
    assert left(task)["merges"] == 0


class Kept:
    """A repository that is put back before each world."""

    def __init__(self, folder: Path, task: Assignment) -> None:
        self.task = task
        self._copy = folder / "copy.git"
        shutil.copytree(task.repository, self._copy)

    def put_back(self) -> None:
        """Let it be as it was."""
        shutil.rmtree(self.task.repository)
        for folder in Path(self.task.repository).parent.glob("*.worktrees"):
            shutil.rmtree(folder)
        shutil.copytree(self._copy, self.task.repository)

    def check(self) -> None:
        """One merge, one tag, nothing else."""
        assert left(self.task) == delivered(self.task)


@pytest.mark.parametrize("number", [3, 5])
def test_a_crash_anywhere_changes_nothing(tmp_path: Path, quick: Remembering, number: int) -> None:
    """The same commit, one merge, one tag, no worktree; no recorded step runs again."""
    kept = Kept(tmp_path, assignment(tmp_path, number))

    def crashed(points: Any) -> CrashReport:
        return crash_everywhere(
            coding, {"task": kept.task}, answers=lambda _: {"ok": True}, points=points,
            setup=kept.put_back, check=kept.check,
        )  # fmt: skip

    calm = crashed([])
    report = crashed("all" if IS_FULL else sample(calm.points, number))

    assert report.status == "succeeded"
    assert max(report.attempts.values()) == 2


def sample(points: list[CrashPoint], seed: int) -> list[int]:
    """Where a crash leaves most behind: once each body that changes something is done; and some others."""
    done = {one.path: one.number for one in points if one.name == "effect-done"}
    chosen = [
        number
        for path, number in done.items()
        if path in ("begin", "merge_and_tag") or path.startswith("round-2")
    ]
    return sorted({*chosen, *random.Random(seed).sample(range(len(points)), 2)})


def document() -> Flow:
    """The same main line as a document."""
    return Flow.load(ROOT / "examples" / "coding" / "coding.yaml", allow=["examples.*"])


@pytest.mark.parametrize("number", [1, 5])
def test_the_document_does_the_same(tmp_path: Path, quick: Remembering, number: int) -> None:
    """The same mistakes, the same refusals, the same files in the end; one merge, one tag."""
    (tmp_path / "other").mkdir()
    task = assignment(tmp_path, number, model="function:coding")
    other = assignment(tmp_path / "other", number)
    done, _, _ = drive(carried_out(tmp_path, other), LIMIT_S)

    async def main() -> Any:
        async with Podium(":memory:") as app:
            run = await app.start(document(), {"task": asdict(task)}, id="run")

            async def people() -> None:
                while True:
                    for ask in await app.asks():
                        await (await app.get(ask.run_id)).answer(ask.id, {"ok": True})
                    await asyncio.sleep(0.02)

            asking = asyncio.create_task(people())
            try:
                return await run.result()
            finally:
                asking.cancel()

    found = drive(main(), LIMIT_S)
    trees = [Repository(one.repository).git("rev-parse", "main^{tree}") for one in (task, other)]

    assert isinstance(done, Delivered)
    assert [one["refused_by"] for one in found["tried"]] == [one.by for one in done.tried]
    assert trees[0] == trees[1]
    assert left(task) == delivered(task)


def test_the_document_gives_up_too(tmp_path: Path, quick: Remembering) -> None:
    """A branch that has moved fails the run, with a code; nothing is merged."""
    task = assignment(tmp_path, 3, model="function:coding")

    async def while_tests_run(folder: Path, acceptance: str) -> TestRun:
        merging(task, "docs/other.md", "# Others\n")
        return await quick(folder, acceptance)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(RunFailed) as failure:
        patch.setattr(steps, "try_out", while_tests_run)
        podium.run(document(), {"task": asdict(task)}, database=":memory:")

    assert "main has moved to" in str(failure.value)
    assert Repository(task.repository).found(f"refs/tags/{task.tag}") == ""

"""What the run records, and what follows from it."""

import asyncio
import random
import signal
import sys

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from podium import Flow, Podium, RunBlocked, task, workflow
from podium.core.spec import registry
from podium.journal.records import Kind, decode_note
from podium.testing import SimWorld, crash_everywhere
from tests.crash.processes import Worker, wait_for, workers
from tests.flow.evidence.stage import Play, Stage
from tests.harness import SideFile, drive, fresh_names

_RESUMED = """
podium: 1
uses: [tests.flow.evidence.resumable]
input: {n: integer}
nodes:
  one: {call: first_step, args: {n: "${input.n}"}}
  two: {call: hang, args: {n: "${one}"}}
output: "${two + input.n}"
"""


@pytest.mark.long
def test_any_worker_takes_over(tmp_path: Path) -> None:
    """EVIDENCE-OF F-66: "A run of a flow is resumed by any worker that has the tasks' modules, without the file."

    Real processes: the first is killed in the middle, the second has never seen the file, which is
    gone. Neither was told of the document's module; it is the document that names it.
    """
    db, stop, file = tmp_path / "app.db", tmp_path / "stop", tmp_path / "resumed.yaml"
    side = SideFile(tmp_path / "side.tsv")
    file.write_text(_RESUMED)

    async def start() -> None:
        async with Podium(db, execute=False) as app:
            await app.start(Flow.load(file), {"n": 1}, id="a")

    async def result() -> Any:
        async with Podium(db, execute=False) as app:
            return await (await app.get("a")).result()

    with fresh_names(), workers(tmp_path) as begin:
        sys.modules.pop("tests.flow.evidence.resumable", None)  # registers its tasks once more
        settings = {"mode": "serve", "db": str(db), "stop": str(stop)}
        drive(start())
        file.unlink()
        killed = _hanging(begin, settings, side, 1)
        killed.signal(signal.SIGKILL)
        other = _hanging(begin, settings, side, 2)
        side.path.with_suffix(".go").touch()
        output = drive(result())
        stop.touch()
        code, _, errors = other.end()

    assert output == 21
    assert (code, f"pid {killed.pid}) is gone" in errors) == (0, True)
    assert len(side.lines("first")) == 1
    hanging = side.lines("hanging")
    assert [int(line.note) for line in hanging] == [killed.pid, other.pid]
    assert hanging[0].key == hanging[1].key


def _hanging(
    begin: Callable[..., Worker], settings: dict[str, Any], side: SideFile, count: int
) -> Worker:
    """Start a worker; wait until its body hangs."""
    worker = begin(settings)
    assert worker.line() == {"ready": worker.pid}
    wait_for(lambda: len(side.lines("hanging")) == count, "the step hangs")
    return worker


_CHANGED = """
nodes:
  hold: {call: hold_put, args: {what: hold}}
  after: {after: hold, call: changing, args: {text: a}}
output: "${after}"
"""


@pytest.mark.parametrize("is_changed", [True, False])
def test_changed_tasks_are_told(stage: Stage, is_changed: bool) -> None:
    """EVIDENCE-OF F-67: "Where the parameters of a task changed since the run was accepted, the run records a warning with the code `task-changed`." """

    @task(effect="read", name="changing")
    async def before(text: str) -> str:
        return text

    def change() -> None:
        @task(effect="read", name="changing")
        async def after(text: str, count: int = 2) -> str:
            return text * count

    warnings: list[str] = []

    async def script(play: Play) -> None:
        await play.begun("hold")
        if is_changed:
            change()
        await play.crash()
        play.open("hold")
        await play.ended()
        warnings.extend(
            decode_note(row.body).code for row in play.run.records() if row.kind == Kind.WARNING
        )

    ended = stage.play(_CHANGED, script)

    assert ended.output == ("aa" if is_changed else "a")
    assert warnings == (["task-changed"] if is_changed else [])


def test_a_missing_task_blocks_the_run(stage: Stage) -> None:
    """EVIDENCE-OF F-68: "A task or workflow that a worker does not have blocks the run before it goes on, with its name and what to import; so does one that a flow within needs."

    Once it is there, the run goes on where it was.
    """
    texts: list[str] = []

    async def script(play: Play) -> None:
        await play.begun("hold")
        missing = registry.tasks.pop("get")
        await play.crash()
        with pytest.raises(RunBlocked) as blocked:
            await play.run.result()
        texts.append(str(blocked.value))
        registry.tasks["get"] = missing
        play.open("hold")
        await play.run.resume()

    ended = stage.play(
        "nodes: {hold: {call: hold_put, args: {what: hold}}, a: {call: get, args: {what: '${hold}'}}}\n"
        "output: '${a}'\n",
        script,
    )

    assert "'get'" in texts[0]
    assert "Import the module that registers it" in texts[0]
    assert ended.output == "hold"


@pytest.mark.parametrize(
    ("node", "missing"),
    [
        ("{flow: {nodes: {b: {call: get, args: {what: 1}}}, output: '${b}'}}", "the task 'get'"),
        (
            "{flow: {nodes: {b: {set: 1, compensate: {call: get, args: {what: 1}}}}, output: '${b}'}}",
            "the task 'get'",
        ),
        ("{flow: sub}", "the workflow 'sub'"),
        ("{flow: {nodes: {b: {flow: sub}}, output: '${b}'}}", "the workflow 'sub'"),
    ],
)
def test_what_flows_within_need_blocks_too(stage: Stage, node: str, missing: str) -> None:
    """Before they are started: a child that cannot be carried out does not fail its parent (F-68)."""

    @workflow
    async def sub() -> int:
        return 1

    texts: list[str] = []

    async def script(play: Play) -> None:
        await play.begun("hold")
        taken = registry.tasks.pop("get"), registry.workflows.pop("sub")
        await play.crash()
        with pytest.raises(RunBlocked) as blocked:
            await play.run.result()
        texts.append(str(blocked.value))
        registry.tasks["get"], registry.workflows["sub"] = taken
        play.open("hold")
        await play.run.resume()

    text = f"nodes:\n  hold: {{call: hold_put, args: {{what: hold}}}}\n  a: {node[:-1]}, after: hold}}\n"
    ended = stage.play(f"{text}output: '${{a}}'\n", script)

    assert missing in texts[0]
    assert ended.output == 1


_ALL_KINDS = """
input: {items: [integer]}
env: {PODIUM_TEST_UNSET: eu}
nodes:
  each:
    for_each: "${input.items}"
    concurrency: 3
    nodes:
      one: {call: nap, args: {what: "${item}"}}
      two: {when: one % 2 == 0, call: nap_put, args: {what: "${one}"}}
    output: ["${one}", "${two?}"]
  draft:
    until: loop.pass == 3
    max: 3
    state: 0
    nodes: {write: {call: nap_put, args: {what: "${loop.state}"}}}
    next: "${write + 1}"
    output: "${write}"
  first: {join: any, set: "${draft? != null ? 'draft' : 'each'}", after: ["each?"]}
  bad: {after: first, call: fall, on_error: rescue}
  rescue: {call: nap_put, args: {what: 7}}
  route:
    switch:
      - {when: draft == 2, nodes: {kid: {flow: {nodes: {a: {call: nap, args: {what: 1}}}, output: "${a}"}}}, output: "${kid}"}
output: ["${each?}", "${draft?}", "${first}", "${rescue?}", "${route?}", "${env.PODIUM_TEST_UNSET}", "${outcome.bad.error}"]
"""


def _naps(stage: Stage) -> None:
    @task(effect="read")
    async def nap(what: int) -> int:
        await asyncio.sleep(random.Random(what).random() / 50)
        return what

    @task(effect="write")
    async def nap_put(what: int) -> int:
        stage.outside.write("begun", what)
        await asyncio.sleep(random.Random(what).random() / 50)
        return what


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2))
def test_the_same_facts_give_the_same(stage: Stage, seed: int) -> None:
    """EVIDENCE-OF F-69: "The same facts give the same nodes, values and order, live, after a crash and in another process."

    Every kind that makes steps, in another order for each seed: after each crash another process comes to the
    same end, and a replay of each journal alone as well.
    """
    _naps(stage)
    flow = stage.flow(_ALL_KINDS)
    paths: set[tuple[str, ...]] = set()

    def check() -> None:
        paths.add(tuple(sorted(set(stage.begun()))))

    report = crash_everywhere(
        flow, {"items": [3, 1, 2, 4]}, seed=seed, setup=stage.outside.lines.clear, check=check,
        points=25, same=lambda one, other: _settled(one) == _settled(other),
    )  # fmt: skip

    assert report.status == "succeeded"
    assert report.output[0] == [[3, None], [1, None], [2, 2], [4, 4]] or report.output[2] == "draft"


def _settled(output: list[Any]) -> list[Any]:
    """Leave out what depends on who was first, which a crash may change."""
    return [output[1], output[3:]] if output[2] == "draft" else output


def test_two_processes_see_one_order(stage: Stage) -> None:
    """The journals of two worlds with one seed are the same, record by record (F-69)."""
    _naps(stage)
    flow = stage.flow(_ALL_KINDS)

    def journal() -> list[tuple[int, str]]:
        with SimWorld(5) as world:
            world.worker()
            world.start(flow, {"items": [3, 1, 2, 4]})
            world.run_until(lambda: world.is_over("run"))
            return [(row.kind, row.path) for row in world.journal("run")]

    assert len(journal()) > 15
    assert journal() == journal()

"""A workflow that does something else in a replay is stopped, or goes on where that is safe."""

from collections.abc import Callable
from typing import Any

import pytest

from podium import patched, receive, task, workflow
from podium.core.codec import decode_any
from podium.journal.records import Kind
from podium.testing.process import die
from podium.testing.simulator import SimWorld

pytestmark = pytest.mark.usefixtures("_names")


@pytest.fixture
def world():
    """A world in which the code changes on purpose, so views are not compared."""
    with SimWorld(0) as world:
        world.views.is_on = False
        world.worker()
        yield world


@pytest.fixture
def tasks() -> dict[str, Any]:
    @task(effect="read")
    def one(n: int) -> str:
        return f"one {n}"

    @task(effect="read")
    def two(n: int) -> str:
        return f"two {n}"

    @task(effect="write")
    def put(n: int) -> str:
        if n == 13:
            die()
        return f"put {n}"

    return {"one": one, "two": two, "put": put}


def replace(world: SimWorld, program: Callable[..., Any], **options: Any) -> None:
    """Deploy other code: the old process dies, a new one has the new workflow."""
    workflow(name="flow", **options)(program)
    for process in world.alive:
        process.kill()
    world.worker()


def waiting(world: SimWorld) -> None:
    world.run_until(lambda: world.row("run").status == "waiting")


def is_held_by_the_last(world: SimWorld, *others: int | None) -> bool:
    """Whether the youngest process has the run (it has no worker before it has begun)."""
    worker = getattr(world.alive[-1], "worker", None)
    return worker is not None and world.row("run").owner in (worker.id, *others)


def go_on(world: SimWorld) -> str:
    """Let the run go on; return its status and reason."""
    world.run_until(lambda: is_held_by_the_last(world, None))
    if not world.is_over("run"):
        world.signal("run", "go")
    world.run_until_over("run")
    return world.row("run").status


def reason(world: SimWorld) -> str:
    row = world.row("run")
    return str(decode_any(row.error)["message"])


def start(world: SimWorld, program: Callable[..., Any], **options: Any) -> None:
    workflow(name="flow", **options)(program)
    world.start("flow")
    waiting(world)


@pytest.mark.parametrize("version", ["1", "2"])
def test_another_task_at_a_path_stops_the_run(
    world: SimWorld, tasks: dict[str, Any], version: str
) -> None:
    """Whatever the version: it says what was recorded, what is asked, and what to do."""

    async def old() -> str:
        found = await tasks["one"](1).as_("step")
        await receive("go")
        return found

    async def new() -> str:
        found = await tasks["two"](1).as_("step")
        await receive("go")
        return found

    start(world, old, version="1")
    replace(world, new, version=version)
    status = go_on(world)
    text = reason(world)
    replace(world, old, version="1")
    world.resume("run")
    resumed = go_on(world)

    assert status == "blocked"
    assert "'step'" in text
    assert "'one'" in text
    assert "'two'" in text
    assert "patched" in text
    assert (resumed, world.output("run")) == ("succeeded", "one 1")


def test_other_arguments_under_the_same_code_stop_the_run(
    world: SimWorld, tasks: dict[str, Any]
) -> None:
    """The program depends on something that is not recorded."""
    number = [1]

    async def flow() -> str:
        found = await tasks["one"](number[0])
        await receive("go")
        return found

    start(world, flow, version="1")
    number[0] = 2
    replace(world, flow, version="1")
    status = go_on(world)

    assert status == "blocked"
    assert "not deterministic" in reason(world)
    assert '{"n":2}' in reason(world)


@pytest.mark.parametrize("strict", [False, True])
def test_other_arguments_under_other_code_are_drift(
    world: SimWorld, tasks: dict[str, Any], *, strict: bool
) -> None:
    """The recorded result is used and the difference recorded once; ``strict`` stops the run."""

    async def old() -> str:
        found = await tasks["one"](1)
        await receive("go")
        return found

    async def new() -> str:
        found = await tasks["one"](2)
        await receive("go")
        return found

    start(world, old, version="1")
    replace(world, new, version="2", strict=strict)
    waiting_or_held = ("blocked",) if strict else ("waiting",)
    world.run_until(lambda: strict or is_held_by_the_last(world))
    world.run_until(lambda: world.row("run").status in waiting_or_held)
    replace(world, new, version="2", strict=strict)
    if strict:
        assert "is strict" in reason(world)
        return
    status = go_on(world)
    drifts = [record.path for record in world.journal("run") if record.kind == Kind.DRIFT]

    assert (status, world.output("run")) == ("succeeded", "one 1")
    assert drifts == ["one"]


@pytest.mark.parametrize("version", ["1", "2"])
def test_other_arguments_at_an_open_write_stop_the_run(
    world: SimWorld, tasks: dict[str, Any], version: str
) -> None:
    """It was begun and may have happened: it is not repeated with other arguments."""
    world.restarts = False

    async def old() -> str:
        return await tasks["put"](13)

    async def new() -> str:
        return await tasks["put"](14)

    workflow(name="flow", version="1")(old)
    world.start("flow")
    world.run_until(lambda: not world.alive)
    replace(world, new, version=version)
    world.run_until_over("run")

    assert world.row("run").status == "blocked"
    assert "may have happened" in reason(world)


def test_patched_is_true_and_recorded_in_a_new_run(world: SimWorld, tasks: dict[str, Any]) -> None:
    """A run that begins under the new code takes the new way, in each replay."""

    async def flow() -> list[Any]:
        found: list[Any] = [patched("p")]
        found.append(await tasks["one"](1))
        await receive("go")
        found.append(patched("p"))
        return found

    start(world, flow, version="1")
    replace(world, flow, version="1")
    status = go_on(world)

    assert (status, world.output("run")) == ("succeeded", [True, "one 1", True])


def test_patched_is_false_where_old_code_has_been(world: SimWorld, tasks: dict[str, Any]) -> None:
    """A replay of what old code did takes the old way; behind the recorded part the new one."""

    async def old() -> list[Any]:
        found: list[Any] = [await tasks["one"](1)]
        await receive("go")
        return found

    async def new() -> list[Any]:
        found: list[Any] = [await (tasks["two"](1) if patched("early") else tasks["one"](1))]
        await receive("go")
        found.append(await (tasks["two"](2) if patched("late") else tasks["one"](2)))
        await receive("go")
        found += [patched("early"), patched("late")]
        return found

    start(world, old, version="1")
    replace(world, new, version="2")
    world.signal("run", "go")
    world.run_until(lambda: len(world.journal("run")) > 4 and world.row("run").status == "waiting")
    replace(world, new, version="2")
    status = go_on(world)

    assert (status, world.output("run")) == ("succeeded", ["one 1", "two 2", False, True])


def test_a_step_that_the_new_code_does_not_ask_for_is_kept(
    world: SimWorld, tasks: dict[str, Any]
) -> None:
    """Under other code a recorded fact that nobody asks for is no error; asked for later, it is used."""

    async def old() -> list[str]:
        found = [await tasks["one"](1).as_("first"), await tasks["two"](2).as_("second")]
        await receive("go")
        return found

    async def new() -> list[str]:
        found = [await tasks["two"](2).as_("second")]
        await receive("go")
        found.append(await tasks["one"](1).as_("first"))
        return found

    start(world, old, version="1")
    replace(world, new, version="2")
    status = go_on(world)

    assert (status, world.output("run")) == ("succeeded", ["two 2", "one 1"])
    assert len(world.ledger.of_step("run", "first")) == 1

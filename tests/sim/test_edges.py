"""Corners where a crash or a coincidence once made a difference."""

import asyncio

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

import podium

from podium import (
    Retry,
    RetryRule,
    StepFailed,
    child,
    emit,
    now,
    receive,
    restart_with,
    sleep,
    task,
    workflow,
)
from podium.engine.engine import EngineOptions
from podium.testing.crash import CrashProof
from podium.testing.simulator import SimWorld

pytestmark = pytest.mark.usefixtures("_names")


def prove(program: Any, seeds: int = 4, **options: Any) -> Any:
    """Crash a workflow everywhere under a few seeds; return its output."""
    reports = [
        CrashProof(workflow=program, **{"input": {}, "seed": seed, **options}).carry_out()
        for seed in range(seeds)
    ]
    return reports[0].status, reports[0].output


@pytest.mark.long
def test_what_follows_a_deadlock_is_replayed_behind_it() -> None:
    """The engine's cancel of a stuck program is a fact: clean-up and compensation survive crashes."""

    @task(effect="write")
    def undo(what: str) -> None:
        """Undo it."""

    @task(effect="write", compensate=undo)
    def do(what: str) -> str:
        return what

    @workflow
    async def stuck() -> None:
        await do("a")
        try:
            await asyncio.Event().wait()
        finally:
            await do("clean up")

    status, _ = prove(stuck)

    assert status == "failed"


@pytest.mark.long
def test_signals_that_wait_survive_a_restart() -> None:
    """What the old incarnation has not received the new one does, in order, wherever it is crashed."""

    @workflow
    async def looping(rounds: int = 3, seen: list[int] | None = None) -> list[int]:
        found = [*(seen or []), await receive("n", type=int)]
        if rounds > 1:
            restart_with(rounds - 1, found)
        return found

    found = prove(looping, signals=[("n", n, "0s") for n in (1, 2, 3)])

    assert found == ("succeeded", [1, 2, 3])


@pytest.mark.long
def test_time_and_steps_of_an_incarnation_are_its_own() -> None:
    """A new incarnation begins at one time in each replay, and finds none of the old one's steps."""
    bodies: list[str] = []

    @task(effect="read")
    async def look(n: int) -> int:
        bodies.append(f"look {n}")
        return n

    @task(effect="read")
    async def linger() -> None:
        await asyncio.sleep(5)

    @workflow
    async def spinning(rounds: int = 3, times: list[str] | None = None) -> int:
        began = now().isoformat()
        assert began not in (times or [])
        found = await look(rounds)
        emit([rounds, began])
        loop = asyncio.get_running_loop()
        loop.call_later(3600, bool)
        left = asyncio.create_task(linger())
        await sleep("1ms")
        assert not left.done()
        if rounds > 1:
            restart_with(rounds - 1, [*(times or []), began])
        return found

    found = prove(spinning)

    assert found == ("succeeded", 1)


def test_a_callback_that_raises_is_a_complaint() -> None:
    """As on asyncio's own loop: the program goes on, and the run has a warning."""

    def broken() -> None:
        raise ValueError("broken callback")

    @workflow
    async def calling() -> str:
        asyncio.get_running_loop().call_soon(broken)
        await sleep("1ms")
        return "went on"

    with SimWorld(0) as world:
        world.worker()
        world.start(calling)
        world.run_until_over("run")

        assert world.output("run") == "went on"


def test_a_lost_once_can_be_lost_again() -> None:
    """Two unknown outcomes of one step are two questions to a person, each of which can be answered."""
    deaths = [0]

    @task(effect="once", retry=podium.Retry(attempts=5, backoff="1ms"))
    def charge() -> str:
        if deaths[0] < 2:
            deaths[0] += 1
            podium.testing.die()
        return "charged"

    @workflow
    async def shop() -> str:
        return await charge()

    with SimWorld(0) as world:
        world.answer_with = lambda _question: {"happened": False}
        world.worker()
        world.start(shop)
        world.run_until_over("run")
        world.settle()

        assert world.output("run") == "charged"
        assert world.reader.asks() == []


@pytest.mark.long
def test_a_child_that_ends_before_its_parent_asks_again_is_heard() -> None:
    """Parent and child recover at once, and the child is faster."""

    @task(effect="write")
    async def put(n: int) -> int:
        return n

    @workflow
    async def leaf(n: int) -> int:
        return await put(n)

    @workflow
    async def root() -> list[int]:
        for n in range(12):
            await put(n)
        return [await leaf(1), *await asyncio.gather(leaf(2), leaf(3))]

    found = prove(root, seeds=1, world=lambda seed: SimWorld(seed, stalls=0.4))

    assert found == ("succeeded", [1, 2, 3])


def test_a_cancelled_child_tells_its_parent() -> None:
    """Somebody cancels the child only: the parent sees it as a failed step."""

    @workflow
    async def leaf() -> None:
        await sleep("1h")

    @workflow
    async def root() -> str:
        try:
            await child(leaf, {}, id="leaf")
        except StepFailed as failure:
            return failure.error.code
        return "?"

    def world(seed: object) -> SimWorld:
        world = SimWorld(seed)

        def cancel() -> None:
            if "leaf" in world.database.by_id and not world.is_over("leaf"):
                world.cancel("leaf")

        world.later(2.0, cancel)
        return world

    assert prove(root, world=world) == ("succeeded", "child-cancelled")


@pytest.mark.long
def test_a_cancel_while_the_last_effects_end_changes_nothing() -> None:
    """The program has returned; only an effect it left behind is still in flight."""

    @task(effect="write")
    async def slow() -> None:
        await asyncio.sleep(1)

    @workflow
    async def leaving() -> str:
        await podium.race(slow(), sleep("10ms"))
        return "returned"

    def world(seed: object) -> SimWorld:
        world = SimWorld(seed)
        world.later(0.5, lambda: None if world.is_over("run") else world.cancel("run"))
        return world

    status, _ = prove(leaving, world=world)

    assert status == "succeeded"


def test_the_environment_is_read_once() -> None:
    """A new process with other variables replays what the run has read, wherever it dies."""

    @task(effect="write")
    async def put(what: str | None) -> str | None:
        return what

    @workflow
    async def reading() -> list[str | None]:
        found = [await put(podium.env("REGION")), await put("x")]
        return [*found, podium.env("REGION"), podium.env("NOTHING")]

    def world(seed: object) -> SimWorld:
        world = SimWorld(seed, environment={"REGION": "first"})
        crashes = world.processes

        class Variables(dict[str, str]):
            def get(self, name: str, default: Any = None) -> Any:
                return f"life {len(crashes)}" if name == "REGION" else default

        world.variables = Variables()
        return world

    proof = CrashProof(
        workflow=reading, input={}, world=world,
        same=lambda _calm, crashed: crashed[0] == crashed[2] and crashed[1] == "x",
    )  # fmt: skip

    assert proof.carry_out().output == ["life 1", "x", "life 1", None]


@pytest.mark.parametrize("seed", range(4))
def test_a_commit_holds_nothing_that_came_after_it(seed: int) -> None:
    """A child that ends while the batch with its acceptance is on its way is not yet ended there."""

    @task(effect="pure")
    def same(n: int) -> int:
        return n

    @workflow
    async def leaf(n: int) -> int:
        return await same(n)

    @workflow
    async def root() -> int:
        return await leaf(1)

    found = prove(
        root, seeds=1, seed=seed, world=lambda seed: SimWorld(seed, stalls=0.1, slowness=0.0)
    )

    assert found == ("succeeded", 1)


@pytest.mark.long
@pytest.mark.parametrize("resident_max", [0, 2])
def test_a_run_leaves_memory_only_once_the_file_has_all_of_it(resident_max: int) -> None:
    """The commit of one run makes no room by another whose records are still on their way.

    That one would come back by a journal without them: lost, or given its timers a second time.
    """

    @workflow
    async def dozing(n: int) -> int:
        for _ in range(3):
            await sleep(timedelta(microseconds=1_000 + 700 * n))
        return n

    @workflow
    async def house() -> list[int]:
        return list(await podium.gather(*(dozing(n) for n in range(4))))

    world = partial(SimWorld, options=EngineOptions(resident_max=resident_max))
    for seed in range(12):
        proof = CrashProof(workflow=house, input={}, seed=seed, world=world)
        report = proof.carry_out(3)

        assert (report.status, report.output) == ("succeeded", [0, 1, 2, 3])


@pytest.mark.long
def test_an_operator_decides_about_what_cannot_be_undone() -> None:
    """Failures of compensations, answers and further tries come to the same end wherever it is crashed."""
    mended: list[str] = []

    @task(effect="write", retry=Retry(2, "1ms"))
    def undo(what: str) -> None:
        if what not in mended:
            raise OSError(f"{what} cannot be undone")

    @task(effect="write", compensate=undo)
    def do(what: str) -> str:
        return what

    @workflow
    async def trip() -> None:
        for what in ("flight", "hotel", "car"):
            await do(what)
        raise ValueError("no money")

    def operator(form: dict[str, Any]) -> dict[str, Any]:
        if form["step"] == "do#2":
            return {"skip": True, "reason": "by hand"}
        mended.append({"do": "flight", "do#3": "car"}[form["step"]])
        return {"retry": True}

    def check() -> None:
        assert set(mended) == {"car", "flight"}

    status, output = prove(trip, answers=operator, setup=mended.clear, check=check)

    assert (status, output) == ("failed", None)


@pytest.mark.long
def test_the_end_of_a_run_s_time_survives_crashes() -> None:
    """It is one fact: clean-up, children and compensations behind it are the same wherever it is crashed."""
    undone: list[str] = []

    @task(effect="write")
    def undo(what: str) -> None:
        undone.append(what)

    @task(effect="write", compensate=undo)
    def do(what: str) -> str:
        return what

    @workflow
    async def below() -> None:
        await do("below")
        await sleep("10d")

    @workflow(timeout="1h")
    async def timed(rounds: int = 1) -> None:
        await do("a")
        if rounds:
            restart_with(rounds - 1)
        try:
            await podium.gather(child(below, {}), receive("never"), sleep("2h"))
        finally:
            await sleep("1m")
            await do("clean up")

    def check() -> None:
        assert set(undone) == {"below", "a", "clean up"}

    status, _ = prove(timed, setup=undone.clear, check=check)

    assert status == "failed"


@pytest.mark.long
def test_a_crash_forgets_neither_failures_nor_how_far_it_was() -> None:
    """Counts by rule, silence and details lead to the same end wherever it is crashed."""
    told: list[Any] = []

    class Busy(Exception):
        """The outside has no time."""

    @task(
        effect="read", heartbeat_timeout="5s",
        retry=Retry(9, "1s", rules=[RetryRule(on=[Busy], attempts=2, backoff="10s")]),
    )  # fmt: skip
    async def work() -> None:
        done = podium.last_heartbeat() or 0
        told.append(done)
        podium.heartbeat(done + 1)
        await asyncio.sleep(1)
        if done < 3:
            await asyncio.sleep(3_600)
        raise Busy("come back later")

    @workflow
    async def one() -> list[Any]:
        try:
            await work()
        except StepFailed as error:
            return [error.type, error.error.gave_up]
        return []

    def check() -> None:
        assert told == sorted(told)
        assert max(told) >= 3

    found = prove(one, setup=told.clear, check=check)

    assert found == ("succeeded", ["Busy", "attempts exhausted (2 of 2 for Busy)"])

"""A step that kills its worker is found out, and harms nobody else."""

import pytest

from podium import sleep, task, workflow
from podium.testing import SimWorld, die

pytestmark = pytest.mark.usefixtures("_names")


@pytest.mark.parametrize("effect", ["pure", "read", "write"])
def test_a_step_that_kills_three_workers_is_quarantined(effect: str) -> None:
    """The run is set aside with the step that was open; the others go on; mended, it is resumed."""
    is_deadly = [True]

    @task(effect=effect)
    def deadly() -> str:
        if is_deadly[0]:
            die()
        return "survived"

    @task(effect="write")
    def harmless(n: int) -> int:
        return n

    @workflow
    async def murderer() -> str:
        await harmless(0)
        return await deadly()

    @workflow
    async def innocent(n: int) -> int:
        for round_ in range(5):
            await harmless(n + round_)
            await sleep("30ms")
        return n

    with SimWorld(0) as world:
        world.worker()
        ids = [world.start(innocent, {"n": n}, id=f"innocent {n}") for n in range(3)]
        world.start(murderer, id="murderer")
        world.run_until_over(*ids, "murderer")
        row = world.row("murderer")
        deaths = sum(process.is_dead for process in world.processes)
        steps = [record.path for record in world.journal("murderer")]
        is_deadly[0] = False
        world.resume("murderer")
        world.run_until_over("murderer")

        assert (row.status, row.claims) == ("quarantined", 3)
        assert 3 <= deaths <= 5
        assert "deadly" in steps
        assert [world.output(one) for one in ids] == [0, 1, 2]
        assert world.output("murderer") == "survived"
        assert world.ledger.faults + world.views.faults == []


def test_deaths_with_progress_between_do_not_count() -> None:
    """A run that gets on between two deaths is not to blame for them."""
    deaths = [0]

    @task(effect="write")
    def unlucky(n: int) -> int:
        if deaths[0] <= n:
            deaths[0] += 1
            die()
        return n

    @workflow
    async def unlucky_run() -> list[int]:
        return [await unlucky(n) for n in range(6)]

    with SimWorld(0) as world:
        world.worker()
        world.start(unlucky_run)
        world.run_until_over("run")

        assert world.output("run") == [0, 1, 2, 3, 4, 5]
        assert deaths == [6]


def test_a_clean_close_does_not_count() -> None:
    """Workers that are closed, not killed, may come and go as often as they like."""

    @workflow
    async def patient() -> str:
        await sleep("1h")
        return "done"

    with SimWorld(0) as world:
        world.start(patient)
        for _ in range(5):
            process = world.worker()
            world.run_until(lambda process=process: hasattr(process, "engine"))
            world.run_until(lambda: world.row("run").status == "waiting")
            process.engine.begin_closing()
            process.engine.close()
            process.store.leave(process.worker, process.engine.desk.now())
            process.is_dead = True
        world.worker()
        world.run_until_over("run")

        assert world.output("run") == "done"
        assert world.row("run").claims == 0


def test_a_run_that_only_rests_is_never_to_blame() -> None:
    """Workers that die beside a sleeping run, however many, do not quarantine it."""

    @workflow
    async def patient() -> str:
        await sleep("1d")
        return "done"

    def rests(world: SimWorld) -> bool:
        row, worker = world.row("run"), getattr(world.alive[-1], "worker", None)
        return worker is not None and (row.status, row.owner) == ("waiting", worker.id)

    with SimWorld(0) as world:
        world.start(patient)
        world.worker()
        for _ in range(6):
            world.run_until(lambda: bool(world.alive) and rests(world))
            world.run_until(lambda: world.processes[-1].engine.log.is_settled)
            world.alive[-1].kill()
            world.worker()
        world.run_until_over("run")

        assert world.output("run") == "done"

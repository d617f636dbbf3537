"""Full disks, held locks, refused records, failed syncs, clocks that jump: as decided, nothing lost."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import pytest

from podium import gather, now, receive, sleep, sleep_until, task, workflow
from podium.core.errors import StoreBusy, StoreError, StoreFull, StoreSyncFailed
from podium.journal.records import Kind
from podium.journal.store import Batch
from podium.testing.process import SimProcess
from podium.testing.simulator import SimWorld

pytestmark = pytest.mark.usefixtures("_names")
DAY_S = 86_400.0


def define(began: list[str]):
    """A workflow of effects that tell when they began."""

    @task(effect="write")
    def put(what: str) -> str:
        began.append(what)
        return what

    @task(effect="read")
    def look(what: str) -> str:
        began.append(what)
        return what

    @workflow
    async def faulty(name: str, waits: bool = False) -> str:
        await look(f"{name} looks")
        await put(f"{name} first")
        if waits:
            await receive("go")
        await gather(put(f"{name} second"), look(f"{name} again"))
        return name

    return faulty


@pytest.mark.parametrize("fault", [StoreFull, StoreBusy])
@pytest.mark.parametrize("count", [1, 7])
@pytest.mark.parametrize("after", range(4))
def test_nothing_is_lost_while_the_file_cannot_be_written(
    fault: type[StoreError], count: int, after: int
) -> None:
    """Records are held, no effect begins on what is not durable, and the runs go on by themselves."""
    began: list[str] = []
    faulty = define(began)
    with SimWorld(after) as world:
        process = world.worker()
        ids = [world.start(faulty, {"name": name}, id=name) for name in "abc"]
        process.store.faults.extend([None] * after + [fault("no room")] * count)
        world.run_until_over(*ids)

        assert [world.output(one) for one in ids] == ["a", "b", "c"]
        assert not process.store.faults
        assert process.fatal is None
        assert len(began) == len(set(began)) == 12
        assert world.ledger.faults + world.views.faults == []


def test_no_effect_begins_while_the_disk_is_full() -> None:
    """What is in flight when the disk fills up is the last that begins."""
    began: list[str] = []
    faulty = define(began)
    with SimWorld(0) as world:
        process = world.worker()
        world.start(faulty, {"name": "a"}, id="a")
        process.store.faults.extend([StoreFull("no room")] * 40)
        world.run_until(lambda: len(process.store.faults) < 20)
        meanwhile = list(began)
        world.run_until_over("a")

        assert meanwhile == ["a looks"]
        assert len(began) == 4


def refuse(
    process: SimProcess, is_bad: Callable[[tuple[int, int, str, int, bytes]], bool]
) -> list[int]:
    """Let the store refuse every batch that holds a bad record; count the refusals."""
    before, refused = process.store.before_commit, []

    def check(batch: Batch) -> None:
        assert before is not None
        before(batch)
        if any(map(is_bad, batch.records)):
            refused.append(len(batch.records))
            raise StoreError("a bad record")

    process.store.before_commit = check
    return refused


@pytest.mark.parametrize("seed", range(10))
def test_a_bad_record_holds_only_its_own_run(seed: int) -> None:
    """The group is tried run by run: the innocent go on, the guilty one is set aside and resumable."""
    began: list[str] = []
    faulty = define(began)
    with SimWorld(seed) as world:
        process = world.worker()
        ids = [world.start(faulty, {"name": name}, id=name) for name in "abcd"]
        guilty = world.row("b").num
        is_bad = [True]
        refused = refuse(
            process, lambda record: is_bad[0] and record[0] == guilty and record[1] == Kind.RESULT
        )
        world.run_until_over(*ids)
        statuses = [world.row(one).status for one in ids]
        is_bad[0] = False
        world.resume("b")
        world.run_until_over("b")
        world.settle()

        assert refused
        assert statuses == ["succeeded", "blocked", "succeeded", "succeeded"]
        assert [world.output(one) for one in ids] == ["a", "b", "c", "d"]
        assert world.ledger.faults == []


@pytest.mark.parametrize("seed", range(6))
def test_a_refused_signal_is_not_used_up(seed: int) -> None:
    """The message whose fact the store refused is still there when the run is resumed."""
    began: list[str] = []
    faulty = define(began)
    with SimWorld(seed) as world:
        process = world.worker()
        world.start(faulty, {"name": "a", "waits": True}, id="a")
        world.run_until(lambda: world.row("a").status == "waiting")
        is_bad = [True]
        refuse(process, lambda record: is_bad[0] and record[1] == Kind.SIGNAL)
        world.signal("a", "go", 1)
        world.run_until_over("a")
        status = world.row("a").status
        is_bad[0] = False
        world.resume("a")
        world.run_until_over("a")

        assert status == "blocked"
        assert world.output("a") == "a"


@pytest.mark.parametrize("after", range(8))
def test_a_failed_sync_stops_the_worker_and_another_recovers(after: int) -> None:
    """What the disk did with the batch nobody knows: the worker stops, the next one reads the file."""
    began: list[str] = []
    faulty = define(began)
    with SimWorld(after) as world:
        process = world.worker()
        ids = [world.start(faulty, {"name": name}, id=name) for name in "ab"]
        process.store.faults.extend([None] * after + [StoreSyncFailed("EIO")])
        world.run_until(lambda: process.fatal is not None or all(map(world.is_over, ids)))
        stopped = process.fatal
        process.kill()
        world.worker()
        world.run_until_over(*ids)

        assert isinstance(stopped, StoreSyncFailed) or not process.store.faults or after > 4
        assert [world.output(one) for one in ids] == ["a", "b"]
        assert world.ledger.faults + world.views.faults == []


@pytest.mark.parametrize("shift_s", [DAY_S, -DAY_S])
@pytest.mark.parametrize("crashes", [False, True])
def test_a_duration_does_not_follow_the_wall_clock(shift_s: float, *, crashes: bool) -> None:
    """An hour is an hour, though the wall clock is set forth or back by a day meanwhile."""

    @workflow
    async def sleeper() -> list[datetime]:
        began = now()
        await sleep("1h")
        return [began, now()]

    with SimWorld(0) as world:
        process = world.worker()
        world.start(sleeper)
        world.run_until(lambda: world.row("run").status == "waiting")
        began_s = world.time.now_s
        world.later(600, lambda: world.set_wall_clock(shift_s))
        if crashes:
            world.later(900, process.kill)
            world.later(1000, lambda: world.worker() and None)
        world.run_until_over("run")
        slept_s = world.time.now_s - began_s
        began, ended = map(datetime.fromisoformat, world.output("run"))

        assert 3_600 <= slept_s < 3_601
        assert ended >= began + timedelta(hours=1)


@pytest.mark.long
@pytest.mark.parametrize(("shift_s", "slept_s"), [(DAY_S / 2, DAY_S / 2), (-DAY_S, 2 * DAY_S)])
@pytest.mark.parametrize("crashes", [False, True])
def test_a_time_of_day_follows_the_wall_clock(
    shift_s: float, slept_s: float, *, crashes: bool
) -> None:
    """``sleep_until`` ends when the wall clock says so, however it came there."""

    @workflow
    async def waker(until: datetime) -> datetime:
        await sleep_until(until)
        return now()

    with SimWorld(0) as world:
        process = world.worker()
        until = datetime.fromtimestamp(world.time.wall_us() / 1e6 + DAY_S).astimezone()
        world.start(waker, {"until": until})
        world.run_until(lambda: world.row("run").status == "waiting")
        began_s = world.time.now_s
        world.later(600, lambda: world.set_wall_clock(shift_s))
        if crashes:
            world.later(900, process.kill)
            world.later(1000, lambda: world.worker() and None)
        world.run_until_over("run")
        took_s = world.time.now_s - began_s

        assert slept_s - 1 <= took_s <= slept_s + 60


def test_the_runs_time_never_goes_back() -> None:
    """A new process whose wall clock is a day behind continues the run's time."""

    @task(effect="write")
    def tick() -> None:
        """Do nothing."""

    @workflow
    async def clockwork() -> list[datetime]:
        times = [now()]
        for _ in range(3):
            await tick()
            times.append(now())
            await receive("go")
        return times

    with SimWorld(0) as world:
        world.start(clockwork)
        for _ in range(3):
            process = world.worker()
            world.run_until(lambda: world.row("run").status == "waiting")
            process.kill()
            world.set_wall_clock(-DAY_S)
            world.signal("run", "go")
            world.worker()
            world.run_until(lambda: not world.database.inbox)
        world.run_until_over("run")
        times = list(map(datetime.fromisoformat, world.output("run")))

        assert times == sorted(times)


def kill_last(world: SimWorld) -> None:
    world.alive[-1].kill()


@pytest.mark.parametrize("shift_s", [0.0, DAY_S, -DAY_S])
def test_a_duration_is_not_begun_anew_by_each_crash(shift_s: float) -> None:
    """A sleep that is recovered three times, with the clock set in between, takes its time once."""

    @workflow
    async def sleeper() -> None:
        await sleep("1h")

    with SimWorld(0) as world:
        world.worker()
        world.start(sleeper)
        world.run_until(lambda: world.row("run").status == "waiting")
        began_s = world.time.now_s
        world.later(700, lambda: world.set_wall_clock(shift_s))
        for after_s in (600, 1_200, 1_800):
            world.later(after_s, partial(kill_last, world))
            world.later(after_s + 30, lambda: world.worker() and None)
        world.run_until_over("run")

        assert 3_600 <= world.time.now_s - began_s < 3_601

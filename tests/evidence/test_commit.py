"""Output commit: what waits for durability, and what does not."""

import asyncio

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import podium

from podium import Podium, sleep, task, workflow
from podium.core import limits
from podium.engine import attempts, engine, log
from podium.journal.records import Kind, decode_started
from podium.journal.sqlite import SqliteStore
from podium.journal.store import Batch, CommitResult
from tests.evidence.test_page import PAGE
from tests.harness import SideFile, committed, die, drive, engine_of, kinds, until


@contextmanager
def held(db: str) -> Iterator[None]:
    """Hold the file's fair lock as a process that is just committing does: nobody else can."""
    store = SqliteStore(db)
    try:
        with store._turn():
            yield
    finally:
        store.close()


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[Batch]:
    """Every batch that became durable, in order."""
    done: list[Batch] = []
    commit = SqliteStore.commit

    def listening(store: SqliteStore, batch: Batch, *args: Any, **options: Any) -> CommitResult:
        result = commit(store, batch, *args, **options)
        done.append(batch)
        return result

    monkeypatch.setattr(SqliteStore, "commit", listening)
    return done


def test_a_run_goes_on_ahead_of_the_disk(db: str, side: SideFile) -> None:
    """While nothing can be committed, looks go on, and the body of a write does not begin.

    EVIDENCE-OF G-15: "`pure` and `read` steps need not wait: a crash only makes them run again."
    EVIDENCE-OF G-13: "What leaves the store (the body of a `write`/`once`, a response, a stream, an export) waits until the watermark passes the run's last append."
    """

    @task(effect="read")
    async def look(n: int) -> int:
        side.write("look", n)
        return n

    @task(effect="pure")
    def compute(n: int) -> int:
        return n + 1

    @task(effect="write")
    async def put(n: int) -> int:
        side.write("put", n)
        return n

    @workflow
    async def one() -> int:
        n = 0
        for _ in range(5):
            n = await compute(await look(n))
        podium.emit("so far")
        return await put(n)

    async def main() -> None:
        async with Podium(db) as app, Podium(db, execute=False) as client:
            run = await app.start(one, id="warm up")
            await run.result()
            before = len(side.lines("put"))
            starting = asyncio.create_task(client.start(one, id="a"))
            await starting
            await until(lambda: "a" in engine_of(app).by_id)
            with held(db):
                await until(lambda: len([x for x in side.lines("look") if x.run == "a"]) == 5)
                follower = asyncio.create_task(anext(run_stream(client)))
                await asyncio.sleep(0.05)

                assert len(side.lines("put")) == before
                assert not follower.done()
            assert await (await app.get("a")).result() == 5
            assert (await follower)[1] == "so far"

    def run_stream(client: Podium) -> Any:
        return podium.Run(client.desk, "a", None).stream()

    drive(main())
    assert len(side.lines("put")) == 2


def test_there_is_one_order_of_appends(  # noqa: C901 - each kind of thing in turn
    db: str, batches: list[Batch]
) -> None:
    """What a run sends, starts, publishes and emits is durable with or after what it rests on, in order.

    EVIDENCE-OF G-11: "Each process has one FIFO of appends and one durable watermark."
    EVIDENCE-OF G-12: "What stays in the store (signals, child starts, published state, asks) is appended in order and needs no wait: it commits with or after what it rests on."
    """

    @task(effect="read")
    async def look(n: int) -> int:
        return n

    @workflow
    async def child(n: int) -> int:
        return n

    @workflow
    async def listener() -> list[int]:
        return [await podium.receive("n", type=int) for _ in range(4)]

    @workflow
    async def talker() -> None:
        for n in range(4):
            await look(n)
            podium.publish("n", n)
            podium.emit(n)
            await podium.send("listener", "n", n)
            await child(n).with_id(f"child-{n}")

    async def main() -> None:
        async with Podium(db) as app:
            heard = await app.start(listener, id="listener")
            await (await app.start(talker, id="talker")).result()
            assert await heard.result() == [0, 1, 2, 3]

    drive(main())
    durable: list[str] = []
    for batch in batches:
        words = [
            f"look {n}"
            for n in range(4)
            for r in batch.records
            if r[2] == ("look" if not n else f"look#{n + 1}")
        ]
        durable += words
        seen = set(durable)
        for row in batch.runs_new:
            if row.id.startswith("child"):
                assert f"look {row.id[-1]}" in seen
        for message in batch.inbox_new:
            if message[1] == "signal":
                assert f"look {message[3].decode()}" in seen
        for value in batch.published.values():
            assert f"look {value.decode()}" in seen
        for _, _, value, *_ in batch.stream:
            assert f"look {value.decode()}" in seen
    assert durable == [f"look {n}" for n in range(4)]


def test_runs_hear_of_each_other_by_what_is_committed(db: str) -> None:
    """A signal between two runs of one process is not heard before it is durable.

    EVIDENCE-OF G-14: "Everything shown is read from committed state; there is no fast path between runs but the FIFO."
    """

    @workflow
    async def listener() -> str:
        return await podium.receive("word", type=str)

    @workflow
    async def talker() -> None:
        await podium.receive("go")
        podium.publish("said", "yes")
        await podium.send("listener", "word", "hello")
        await podium.receive("end")

    async def main() -> None:
        async with Podium(db) as app:
            heard = await app.start(listener, id="listener")
            said = await app.start(talker, id="talker")
            await until(lambda: waits(said))
            engine_ = engine_of(app)
            with held(db):
                engine_.by_id["talker"].fact(Kind.SIGNAL, "go", b'{"name":"go","v":null}')
                talker_run = engine_.by_id["talker"]
                await until(
                    lambda: any(
                        w.what == "signal" and w.command == "end"
                        for w in talker_run.program.waits.values()
                    )
                )
                await asyncio.sleep(0.02)

                assert await heard.status() == "waiting"
                assert await said.published() == {}
                assert not engine_.by_id["listener"].queue
            assert await heard.result() == "hello"
            assert await said.published() == {"said": "yes"}
            await said.signal("end")
            await said.result()

    async def waits(run: Any) -> bool:
        return await run.status() == "waiting"

    drive(main())


def test_a_start_is_committed_before_the_body(db: str, side: SideFile) -> None:
    """Seen from another connection, inside the body.

    EVIDENCE-OF G-20: "The commit before a `write`/`once` contains its start (path, key, fingerprint, attempt)."
    """
    seen: list[tuple[str, Any]] = []

    def look(path: str) -> None:
        with committed(db) as view:
            rows = [
                row for row in view.records("a") if row.path == path and row.kind == Kind.STARTED
            ]
        seen.append((path, decode_started(rows[-1].body) if rows else None))

    @task(effect="write", retry=podium.Retry(attempts=2, backoff="1ms"))
    def put(n: int) -> str:
        look("put")
        if podium.attempt() == 1:
            raise OSError
        return podium.idempotency_key()

    @task(effect="once")
    async def charge() -> str:
        look("charge")
        return podium.idempotency_key()

    @workflow
    async def one() -> list[str]:
        return [await put(1), await charge()]

    async def main() -> list[str]:
        async with Podium(db) as app:
            result: list[str] = await (await app.start(one, id="a")).result()
            return result

    keys = drive(main())
    assert [path for path, _ in seen] == ["put", "put", "charge"]
    assert [start.n for _, start in seen] == [1, 2, 1]
    assert [start.key for _, start in seen] == [keys[0], keys[0], keys[1]]
    assert [start.k for _, start in seen] == ["put", "put", "charge"]
    assert seen[0][1].f == seen[1][1].f != ""


def test_a_result_and_the_next_start_share_a_commit(
    db: str, batches: list[Batch], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chain of writes costs one commit a step.

    Unless the machine is so slow that the result has been flushed before there is a next start.

    EVIDENCE-OF G-21: "Result *n* and start *n+1* share one commit."
    EVIDENCE-OF G-16: "Durability costs one sync per *effect*, not one per step, and nothing weaker is promised."
    """

    @task(effect="write")
    async def put(n: int) -> int:
        return n

    @task(effect="pure")
    async def compute(n: int) -> int:
        return n + 1

    @workflow
    async def chain() -> int:
        n = 0
        for _ in range(6):
            n = await put(await compute(await compute(n)))
        return n

    monkeypatch.setattr(log, "FLUSH_AFTER_S", 30.0)

    async def main() -> int:
        async with Podium(db) as app:
            result: int = await (await app.start(chain, id="a")).result()
            return result

    assert drive(main()) == 12
    starts = {r[2]: i for i, b in enumerate(batches) for r in b.records if r[1] == Kind.STARTED}
    results = {
        r[2]: i
        for i, b in enumerate(batches)
        for r in b.records
        if r[1] == Kind.RESULT and r[2].startswith("put")
    }
    paths = ["put", *(f"put#{n}" for n in range(2, 7))]
    assert [results[path] for path in paths[:-1]] == [starts[path] for path in paths[1:]]
    assert len(set(starts.values())) == 6
    with_records = [batch for batch in batches if batch.records]
    assert len(with_records) == 7


def test_looks_need_no_commit(db: str, batches: list[Batch]) -> None:
    """Forty looks in a row are committed in groups, not one by one."""

    @task(effect="read")
    async def look(n: int) -> int:
        return n

    @workflow
    async def chain() -> int:
        for n in range(40):
            await look(n)
        return 0

    async def main() -> None:
        async with Podium(db) as app:
            with held(db):
                starting = asyncio.create_task(app.start(chain, id="a"))
                await asyncio.sleep(0)
            await (await starting).result()

    drive(main())
    assert sum(len(batch.records) for batch in batches) >= 40
    assert len(batches) < 40


def test_when_what_is_not_synced_is_flushed(db: str) -> None:
    """EVIDENCE-OF G-17: "Unsynced records are flushed after 5 ms, 256 kB, or when the run is idle." """
    busy = asyncio.Event()

    @task(effect="read")
    async def look(n: int) -> str:
        if n == 1:
            await busy.wait()
        return "x" * n

    @workflow
    async def one() -> None:
        await look(0)
        await look(1)  # in flight: only the time can flush what was recorded before
        await look(300_000)
        await podium.receive("go")  # idle

    async def main() -> None:
        async with Podium(db) as app:
            run = await app.start(one, id="a")
            await until(lambda: (Kind.RESULT, "look") in kinds(db, "a"))
            assert (Kind.RESULT, "look#2") not in kinds(db, "a")
            busy.set()
            await until(lambda: (Kind.RESULT, "look#3") in kinds(db, "a"))
            await until(lambda: waits(run))
            await run.signal("go")
            await run.result()

    async def waits(run: Any) -> bool:
        return await run.status() == "waiting"

    drive(main())
    assert (limits.FLUSH_AFTER_S, limits.FLUSH_BYTES) == (0.005, 256 * 1024)
    assert (log.FLUSH_AFTER_S, log.FLUSH_BYTES) == (0.005, 256 * 1024)


def test_an_expected_long_look_is_committed_at_its_start(db: str) -> None:
    """EVIDENCE-OF G-18: "A step with a declared `expect=` over 50 ms is committed at its start whatever its effect." """
    seen: dict[str, bool] = {}

    def made(name: str, **options: Any) -> Any:
        @task(name=name, effect="read", **options)
        async def body() -> None:
            seen[name] = (Kind.STARTED, name) in kinds(db, "a")

        return body

    long, short, plain = made("long", expect="51ms"), made("short", expect="50ms"), made("plain")

    @workflow
    async def one() -> None:
        await long()
        await short()
        await plain()

    async def main() -> None:
        async with Podium(db) as app:
            await (await app.start(one, id="a")).result()

    drive(main())
    assert seen == {"long": True, "short": False, "plain": False}
    assert attempts.SHOW_STARTED_AFTER_S == engine.SHOW_STARTED_AFTER_S == 0.05


def test_a_long_look_is_shown_as_started(db: str) -> None:
    """A look that takes longer than 50 ms is recorded as started, so that other processes see it."""
    gate = asyncio.Event()

    @task(effect="read")
    async def look() -> None:
        await gate.wait()

    @workflow
    async def one() -> None:
        await look()

    async def main() -> None:
        async with Podium(db) as app, Podium(db, execute=False) as other:
            await app.start(one, id="a")
            run = await other.get("a")
            [step] = await until(run.steps)
            assert (step.path, step.status, step.effect, step.attempts) == (
                "look",
                "started",
                "read",
                1,
            )
            gate.set()
            await run.result()
            assert [(s.status, s.attempts) for s in await run.steps()] == [("succeeded", 1)]

    drive(main())


def test_ownership_is_checked_just_before_the_call(db: str, side: SideFile) -> None:
    """A worker that was taken over does not call: the commit of the start drops it.

    EVIDENCE-OF G-33: "Ownership is re-checked just before the call; the window that remains is stated."
    """

    @task(effect="once")
    async def charge() -> int:
        side.write("charge")
        return 1

    @workflow(version="1")
    async def pay() -> int:
        await podium.receive("go")
        return await charge()

    async def main() -> None:
        stalled = await Podium(db).open()
        run = await stalled.start(pay, id="a")
        await until(lambda: waits(run))
        engine_ = engine_of(stalled)
        async with Podium(db, name="second") as second:
            other = engine_of(second)
            [row] = [row for row in other.reader.workers() if row.id == engine_.worker.id]
            other.store.take_over(other.worker, row, other.desk.now())
            engine_.by_id["a"].fact(Kind.SIGNAL, "go", b'{"name":"go","v":null}')
            await until(lambda: stalled.is_stopped)
            with pytest.raises(podium.StoreFenced):
                await run.result()
            assert side.lines("charge") == []
            mine = await second.get("a")
            await mine.signal("go")
            assert await mine.result() == 1
        await stalled.close()

    async def waits(run: Any) -> bool:
        return await run.status() == "waiting"

    drive(main())
    assert len(side.lines("charge")) == 1
    assert "window that remains lies between the commit of a start and the call" in PAGE.read_text(
        encoding="utf-8"
    )


def test_a_timer_survives(db: str) -> None:
    """A sleep that was under way when the worker died does not start anew."""

    @workflow(version="1")
    async def nap() -> None:
        await sleep("1h")

    async def due(app: Podium) -> int:
        run = await app.get("a")
        view = await until(lambda: timer_of(run))
        return int(view["due"])

    async def timer_of(run: Any) -> Any:
        return next((wait for wait in (await run.show()).waits if wait["kind"] == "timer"), None)

    async def main() -> None:
        app = await Podium(db).open()
        await app.start(nap, id="a")
        before = await due(app)
        await asyncio.sleep(0.02)
        await die(app)
        async with Podium(db) as app:
            engine_ = engine_of(app)
            timer = await until(lambda: engine_.by_id["a"].timers.get("sleep"))
            assert await due(app) == before
            left_s = timer.when() - asyncio.get_running_loop().time()  # type: ignore[attr-defined]
            assert left_s < 3600 - 0.02

    drive(main())

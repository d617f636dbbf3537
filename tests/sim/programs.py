"""Workflows that the simulator's proofs crash, and the outside world they change."""

import asyncio

from collections import Counter
from datetime import timedelta
from typing import Any

import podium

from podium import (
    NotDone,
    Retry,
    StepFailed,
    StepTimedOut,
    ask,
    child,
    emit,
    env,
    gather,
    now,
    patched,
    publish,
    race,
    receive,
    restart_with,
    scope,
    send,
    sleep,
    sleep_until,
    task,
    uuid4,
    warn,
    workflow,
)


class Outside:
    """What the tasks change: idempotent by key where that is declared."""

    def __init__(self) -> None:
        self.rows: dict[str, Any] = {}
        self.charged: Counter[str] = Counter()
        self.receipts: dict[str, int] = {}
        self.booked: Counter[str] = Counter()
        self.undone: Counter[str] = Counter()
        self.flaky: Counter[str] = Counter()


outside = Outside()


def fresh_outside() -> None:
    """Put the outside world back to where nothing has happened."""
    outside.__init__()  # type: ignore[misc]


# tasks -----------------------------------------------------------------------------------


@task(effect="pure")
def sim_double(n: int) -> int:
    return 2 * n


@task(effect="read")
async def sim_look(n: int) -> dict[str, int]:
    await asyncio.sleep(0.01 * (n % 3))
    return {"n": n}


@task(effect="write")
async def sim_put(row: str, value: int) -> str:
    outside.rows[podium.idempotency_key()] = (row, value)
    await asyncio.sleep(0.002)
    return f"{row}={value}"


@task
def sim_log(text: str) -> str:
    outside.rows[podium.idempotency_key()] = text
    return text.upper()


@task(effect="read", retry=Retry(attempts=4, backoff="50ms"))
def sim_flaky(name: str) -> int:
    """Fail in the first two attempts, whichever process makes them."""
    if podium.attempt() < 3:
        raise ConnectionError(f"{name}: attempt {podium.attempt()}")
    return 3


@task(effect="write", retry=Retry(attempts=4, backoff="5ms"))
async def sim_flaky_put(name: str) -> str:
    """Fail in the first two attempts that this step makes at all."""
    key = podium.idempotency_key()
    outside.flaky[key] += 1
    if outside.flaky[key] < 3:
        raise ConnectionError(name)
    return name


@task(effect="read")
def sim_receipt_of(idempotency_key: str) -> int:
    """Tell whether a charge happened, and what it returned."""
    if idempotency_key not in outside.receipts:
        raise NotDone("no such charge")
    return outside.receipts[idempotency_key]


@task(effect="once", reconcile=sim_receipt_of, retry=Retry(attempts=5, backoff="1ms"))
async def sim_charge(amount: int) -> int:
    key = podium.idempotency_key()
    outside.charged[key] += 1
    outside.receipts[key] = amount
    await asyncio.sleep(0.005)
    return amount


@task(effect="once")
def sim_mail(to: str) -> str:
    outside.charged[podium.idempotency_key()] += 1
    return f"mailed {to}"


@task(effect="write")
def sim_cancel_booking(what: str, outcome: str) -> None:
    outside.undone[what] += 1


@task(effect="write", compensate=sim_cancel_booking)
async def sim_book(what: str) -> str:
    outside.booked[what] += 1
    return what


@task(effect="read")
async def sim_broken() -> None:
    raise LookupError("broken")


@task(effect="read", timeout="1s", retry=Retry(attempts=2, backoff="1ms"))
async def sim_hang() -> None:
    await asyncio.sleep(3_600)


@task(effect="read")
def sim_due(seconds: float) -> float:
    return seconds


# every primitive -------------------------------------------------------------------------


@workflow
async def sim_leaf(n: int) -> int:
    return (await sim_look(n))["n"] + await sim_double(n)


@workflow
async def sim_branch(n: int) -> int:
    """A child with an effect and a timer of its own, that talks to its parent."""
    await sleep("30ms")
    await sim_put(f"branch {n}", n)
    await send("run", "from-child", n)
    return n * 100


@workflow
async def sim_failing_child() -> None:
    await sim_book("room in child")
    raise ValueError("the child gives up")


async def _structured() -> list[Any]:
    """asyncio's own structure: TaskGroup, Queue, Lock, timeout, Event."""
    queue: asyncio.Queue[int] = asyncio.Queue()
    lock, begun, found = asyncio.Lock(), asyncio.Event(), []

    async def produce(n: int) -> None:
        value = (await sim_look(n))["n"]
        async with lock:
            await sim_double(value)
            await queue.put(value)
        begun.set()

    async with asyncio.TaskGroup() as group:
        for n in range(3):
            group.create_task(produce(n))
        await begun.wait()
        found += [await queue.get() for _ in range(3)]
    try:
        async with asyncio.timeout(0.5):
            await sleep("1h")
    except TimeoutError:
        found.append(-1)
    return sorted(found)


async def _failures() -> list[str]:
    """Failures, retries, timeouts, and what one failure does to its siblings."""
    said = []
    try:
        await gather(sim_log("sibling"), sim_broken())
    except StepFailed as failure:
        said.append(failure.type)
    try:
        await sim_hang()
    except StepTimedOut as failure:
        said.append(failure.code)
    said.append(str(await sim_flaky("read")))
    said.append(await sim_flaky_put("write"))
    try:
        await child(sim_failing_child, {})
    except StepFailed as failure:
        said.append(failure.error.code)
    return said


async def _messages() -> list[Any]:
    """Signals, questions, children that send."""
    first = await receive("go", type=int)
    second = await receive("go", type=int, timeout="1h")
    try:
        await receive("never", timeout="20ms")
    except StepTimedOut:
        pass
    answer = await ask({"question": "may I?"}, to="boss")
    try:
        await ask({"question": "are you there?", "silent": True}, timeout="100ms")
    except StepTimedOut:
        pass
    branch = asyncio.create_task(sim_branch(7))
    told = await receive("from-child", type=int)
    return [first, second, answer, told, await branch]


@workflow
async def sim_everything(rounds: int, carried: list[Any] | None = None) -> dict[str, Any]:
    """Use every primitive there is, twice: the second time in another incarnation."""
    began, chance = now(), podium.random().randrange(1_000_000)
    warn("beginning", "so that there is a warning")
    publish("round", rounds)
    emit({"round": rounds})
    with scope("first part"):
        squares = await podium.map(sim_double, range(4), concurrency=2)

        async def both(n: int) -> int:
            return await sim_double(n) + (await sim_look(n))["n"]

        closures = await podium.map(both, range(3), key=lambda n: f"item {n}")
        children = await podium.map(sim_leaf, range(2))
    one, two = await gather(sim_look(5), sim_put("two", 2).as_("second"))
    winner, _ = await race(sim_double(21), sleep("2h"))
    await sleep("3s")
    await sleep_until(now() + timedelta(seconds=5))
    assert now() > began
    charged = await sim_charge(rounds)
    mailed = await sim_mail("ann")
    booked = await sim_book("flight")
    emit({"after": "booking"})
    found = {
        "chance": chance, "id": str(uuid4()), "region": env("REGION"), "nothing": env("NOTHING"),
        "squares": squares, "closures": closures, "children": children, "one": one, "two": two,
        "winner": winner, "charged": charged, "mailed": mailed, "booked": booked,
        "structured": await _structured(), "failures": await _failures(),
        "new": patched("everything-v2"),
    }  # fmt: skip
    if rounds > 1:
        restart_with(rounds - 1, [found])
    publish("round", 0)
    return {"found": found, "carried": carried, "messages": await _messages()}


SIGNALS = [("go", 1), ("go", 2), ("go", 3)]


def answer(form: Any) -> Any:
    """People answer, except where the form wants silence."""
    from podium.testing.simulator import SILENCE

    return SILENCE if form.get("silent") else {"yes": form["question"]}


def nothing_was_done_twice() -> None:
    """Each charge and mail at most once by its key."""
    assert [key for key, count in outside.charged.items() if count > 1] == []


# undone, cancelled -----------------------------------------------------------------------


@workflow
async def sim_undone() -> None:
    """Book, then fail: what may have happened is undone in reverse order."""
    await sim_book("flight")
    await gather(sim_book("hotel"), sim_put("x", 1))
    with scope("late"):
        await sim_book("car").with_compensation(sim_cancel_booking)
    raise RuntimeError("no")


@workflow
async def sim_waits_for_cancel() -> None:
    """Book, then wait until somebody cancels the run; clean up on the way out."""
    await sim_book("flight")
    try:
        await gather(sim_waiting_child(), receive("never"))
    finally:
        await sim_put("cleaned", 1)


@workflow
async def sim_waiting_child() -> None:
    """A child that is cancelled with its parent."""
    await sim_book("room")
    await sleep("100d")

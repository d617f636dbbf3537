"""Programs that Hypothesis draws: small trees, interpreted by one workflow.

A *settled* tree gives the same value whatever ends first; any other may not. Failures become the
word ``failed``, so that which of two failed first does not show.
"""

import asyncio

from collections import Counter
from typing import Any

from hypothesis import strategies as st

import podium

from podium import (
    NotDone,
    Retry,
    StepFailed,
    child,
    emit,
    gather,
    publish,
    race,
    receive,
    run_id,
    scope,
    send,
    sleep,
    task,
    uuid4,
    workflow,
)

Tree = list[Any]
FAILED = "failed"


class Outside:
    """What effects leave behind."""

    def __init__(self) -> None:
        self.once: Counter[str] = Counter()
        self.receipts: dict[str, str] = {}
        self.tries: Counter[str] = Counter()


outside = Outside()


def fresh_outside() -> None:
    """Put the outside world back to where nothing has happened."""
    outside.__init__()  # type: ignore[misc]


def nothing_was_done_twice() -> None:
    """Each ``once`` at most once by its key."""
    assert [key for key, count in outside.once.items() if count > 1] == []


# tasks -----------------------------------------------------------------------------------


@task(effect="pure")
def prop_pure(name: str) -> str:
    return name


@task(effect="read")
async def prop_read(name: str, ms: int) -> str:
    await asyncio.sleep(ms / 1000)
    return name


@task(effect="write")
async def prop_write(name: str, ms: int) -> str:
    await asyncio.sleep(ms / 1000)
    return name


@task(effect="write")
def prop_write_sync(name: str) -> str:
    return name


@task(effect="read")
def prop_receipt(idempotency_key: str) -> str:
    if idempotency_key not in outside.receipts:
        raise NotDone
    return outside.receipts[idempotency_key]


@task(effect="once", reconcile=prop_receipt)
async def prop_once(name: str, ms: int) -> str:
    await asyncio.sleep(ms / 1000)
    key = podium.idempotency_key()
    outside.once[key] += 1
    outside.receipts[key] = name
    await asyncio.sleep(ms / 1000)
    return name


@task(effect="read")
async def prop_fail(ms: int) -> None:
    await asyncio.sleep(ms / 1000)
    raise LookupError("as drawn")


@task(effect="write", retry=Retry(attempts=4, backoff="3ms"))
def prop_flaky(name: str, failures: int) -> str:
    key = podium.idempotency_key()
    outside.tries[key] += 1
    if outside.tries[key] <= failures:
        raise ConnectionError(name)
    return name


@task(effect="write")
def prop_undo(outcome: str) -> None:
    """Undo a write."""


# the interpreter -------------------------------------------------------------------------


@workflow
async def prop_program(tree: list[Any]) -> Any:
    """Carry out a tree."""
    try:
        return await _carry_out(tree)
    except (StepFailed, ExceptionGroup, TimeoutError):
        return FAILED


async def _carry_out(tree: Tree) -> Any:
    kind, *rest = tree
    return await _KINDS[kind](*rest)


async def _seq(trees: list[Tree]) -> Any:
    return [await _carry_out(tree) for tree in trees]


async def _gather(trees: list[Tree]) -> Any:
    return list(await gather(*map(_carry_out, trees)))


async def _plain_gather(trees: list[Tree]) -> Any:
    return list(await asyncio.gather(*map(_carry_out, trees)))


async def _group(trees: list[Tree]) -> Any:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_carry_out(tree)) for tree in trees]
    return [one.result() for one in tasks]


async def _map(trees: list[Tree], concurrency: int) -> Any:
    return await podium.map(_carry_out, trees, concurrency=concurrency)


async def _map_task(names: list[str], concurrency: int) -> Any:
    return await podium.map(prop_pure, names, concurrency=concurrency)


async def _race(trees: list[Tree]) -> Any:
    return list(await race(*map(_carry_out, trees)))


async def _first(trees: list[Tree]) -> Any:
    tasks = [asyncio.create_task(_carry_out(tree)) for tree in trees]
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    found = [FAILED if one.exception() else one.result() for one in done]
    await prop_pure("after first")
    return found


async def _try(tree: Tree) -> Any:
    try:
        return await _carry_out(tree)
    except (StepFailed, ExceptionGroup, TimeoutError):
        return FAILED
    finally:
        await prop_pure("finally")


async def _queue(trees: list[Tree]) -> Any:
    """Results in the order in which they come."""
    queue: asyncio.Queue[Any] = asyncio.Queue()

    async def produce(tree: Tree) -> None:
        value: Any = FAILED
        try:
            value = await _carry_out(tree)
        finally:
            await queue.put(value)

    tasks = [asyncio.create_task(produce(tree)) for tree in trees]
    found = []
    for _ in trees:
        found.append(await queue.get())
        await prop_pure("consume")
    await asyncio.gather(*tasks, return_exceptions=True)
    return found


async def _lock(trees: list[Tree]) -> Any:
    """The order in which branches got a lock."""
    lock, found = asyncio.Lock(), []

    async def branch(tree: Tree) -> None:
        await prop_read("before", len(found))
        async with lock:
            found.append(await _carry_out(tree))

    await gather(*map(branch, trees))
    return found


async def _sorted(tree: Tree) -> Any:
    found = await _carry_out(tree)
    return sorted(found, key=repr) if isinstance(found, list) else found


async def _timeout(ms: int, tree: Tree) -> Any:
    async with asyncio.timeout(ms / 1000):
        return await _carry_out(tree)


async def _cancel(ms: int, tree: Tree) -> Any:
    inner = asyncio.create_task(_carry_out(tree))
    await sleep(f"{ms}ms")
    inner.cancel()
    try:
        return await inner
    except asyncio.CancelledError:
        return "cancelled"


async def _child(tree: Tree) -> Any:
    return await child(prop_program, {"tree": tree})


async def _scope(key: str, tree: Tree) -> Any:
    with scope(key):
        return await _carry_out(tree)


async def _sleep(ms: int) -> Any:
    await sleep(f"{ms}ms")


async def _talk(value: int) -> Any:
    await send(run_id(), "talk", value)
    return await receive("talk", type=int) is not None


async def _chance() -> Any:
    return [podium.random().random(), str(uuid4())]


async def _show(value: int) -> Any:
    publish("shown", value)
    emit(value)


async def _compensated(name: str) -> Any:
    return await prop_write(name, 1).with_compensation(prop_undo)


async def _forever() -> Any:
    await asyncio.Event().wait()


_KINDS: dict[str, Any] = {
    "pure": prop_pure, "read": prop_read, "write": prop_write, "write sync": prop_write_sync,
    "once": prop_once, "fail": prop_fail, "flaky": prop_flaky, "compensated": _compensated,
    "seq": _seq, "gather": _gather, "plain gather": _plain_gather, "group": _group, "map": _map,
    "map task": _map_task, "race": _race, "first": _first, "try": _try, "queue": _queue,
    "lock": _lock, "sorted": _sorted, "timeout": _timeout, "cancel": _cancel, "child": _child,
    "scope": _scope, "sleep": _sleep, "talk": _talk, "chance": _chance, "show": _show,
    "forever": _forever,
}  # fmt: skip


# what is drawn -----------------------------------------------------------------------------

_names = st.sampled_from(["a", "b", "c"])
_ms = st.sampled_from([0, 1, 7, 30, 90])
_leaves = st.one_of(
    st.tuples(st.just("pure"), _names),
    st.tuples(st.sampled_from(["read", "write", "once"]), _names, _ms),
    st.tuples(st.sampled_from(["write sync", "compensated"]), _names),
    st.tuples(st.just("fail"), _ms),
    st.tuples(st.just("flaky"), _names, st.integers(0, 3)),
    st.tuples(st.just("map task"), st.lists(_names, max_size=4), st.integers(1, 3)),
    st.tuples(st.just("sleep"), _ms),
    st.tuples(st.just("talk"), st.integers(0, 9)),
    st.tuples(st.just("chance")),
    st.tuples(st.just("show"), st.integers(0, 9)),
)


def _settled(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=4)
    unordered = st.tuples(st.sampled_from(["queue", "lock"]), several)
    return st.one_of(
        st.tuples(st.sampled_from(["seq", "gather", "plain gather", "group"]), several),
        st.tuples(st.just("map"), several, st.integers(1, 3)),
        st.tuples(st.sampled_from(["try", "child"]), inner),
        st.tuples(st.just("scope"), _names, inner),
        st.tuples(st.just("sorted"), unordered),
    )


def _any(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=4)
    return st.one_of(
        _settled(inner),
        st.tuples(st.sampled_from(["race", "first", "queue", "lock"]), several),
        st.tuples(st.sampled_from(["timeout", "cancel"]), _ms, inner),
    )


settled_programs = st.recursive(_leaves, _settled, max_leaves=8)
any_programs = st.recursive(st.one_of(_leaves, st.tuples(st.just("forever"))), _any, max_leaves=8)

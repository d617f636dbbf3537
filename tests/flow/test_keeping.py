"""Tries of a plan: what was done is kept, what fails is told, and the proof is in the journal."""

import asyncio

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

import podium

from podium import Flow, Podium, Workflow
from podium.flow.keeping import KeepingSpec, Report
from podium.testing import crash_everywhere
from tests.harness import drive
from tests.tools.tables import Table

TABLE = Table()
DONE: Counter[str] = Counter()
FAILS: set[str] = set()


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    DONE.clear()
    FAILS.clear()
    with TABLE.open():
        yield


def _do(name: str) -> None:
    if name in FAILS:
        raise ValueError(f"{name} is out of order")
    DONE[name] += 1


with TABLE.define():

    @podium.tool(effect="read")
    async def look(name: str) -> str:
        """Look something up."""
        _do(name)
        return name.upper()

    @podium.tool(effect="write")
    async def release(seat: str, result: str) -> None:
        """Give a seat back."""
        DONE[f"released {seat} {result}"] += 1

    @podium.tool(effect="write", compensate=release)
    async def reserve(seat: str) -> str:
        """Reserve a seat."""
        await asyncio.sleep(0.02)
        _do(seat)
        return f"ticket {seat}"

    @podium.tool(effect="read", outside=True)
    async def inbox() -> str:
        """Read the newest mail."""
        return "eve"

    @podium.tool(effect="once")
    async def pay(to: str) -> str:
        """Pay somebody."""
        _do(f"pay {to}")
        return f"paid {to}"

    @podium.workflow
    async def twice(first: dict[str, Any], second: dict[str, Any]) -> list[dict[str, Any]]:
        """Try one plan, then another that goes on from it."""
        one = await podium.child(_try(first), {"input": {}})
        FAILS.clear()
        two = await podium.child(_try(second), {"input": {}, "made": one["made"]})
        return [one, two]


def _try(document: dict[str, Any]) -> Workflow[..., dict[str, Any]]:
    flow = Flow.from_dict({"podium": 1, "name": "errand", **document})
    flow.require()
    assert flow.document is not None
    spec = KeepingSpec(flow.document)
    return Workflow(spec.fn, spec)


def both(first: dict[str, Any], second: dict[str, Any] | None = None) -> tuple[list[Report], Any]:
    async def go() -> tuple[list[Report], Any]:
        async with Podium(":memory:") as app:
            given = {"first": first, "second": second or first}
            run = await app.start(twice, given, id="errands")
            reports = [msgspec.convert(one, Report) for one in await run.result()]
            child = await app.get("errands:errand#2")
            return reports, [(one.path, one.task) for one in await child.steps()]

    return drive(go())


CHAIN = {
    "nodes": {
        "a": {"call": "look", "args": {"name": "a"}},
        "seat": {"call": "reserve", "args": {"seat": "${a}1"}},
        "b": {"call": "look", "args": {"name": "b"}, "after": "seat"},
    },
    "output": ["${seat}", "${b}"],
}


def test_what_was_done_is_not_done_again() -> None:
    """A failure is told and undoes nothing; the next try does only what is left, and proves the rest."""
    FAILS.add("b")

    (one, two), steps = both(CHAIN)

    assert one.status == "failed"
    assert one.error is not None
    assert one.error["message"] == "b is out of order"
    assert one.nodes["b"].status == "failed"
    assert [made.path for made in one.made] == ["a", "seat"]
    assert two.output == ["ticket A1", "B"]
    assert DONE == {"a": 1, "A1": 1, "b": 1}
    assert [(kept.node, kept.run) for kept in two.kept] == [
        ("a", "errands:errand"),
        ("seat", "errands:errand"),
    ]
    assert sorted(steps) == [("a", "podium.kept"), ("b", "look"), ("seat", "podium.kept")]


def test_other_arguments_are_another_call() -> None:
    """A node whose arguments differ, because something before it does, is carried out."""
    FAILS.add("b")
    changed = {**CHAIN, "nodes": {**CHAIN["nodes"], "a": {"call": "look", "args": {"name": "c"}}}}

    (_, two), _ = both(CHAIN, changed)

    assert two.output == ["ticket C1", "B"]
    assert [kept.node for kept in two.kept] == []
    assert two.made[0].undo is None
    seat = next(made for made in two.made if made.task == "reserve")
    assert seat.undo is not None
    assert seat.undo.args == {"seat": "C1", "result": "ticket C1"}


def test_an_effect_that_nobody_waited_for_is_kept_too() -> None:
    """A sibling's failure calls a node off, but what it has done by then counts."""
    FAILS.add("b")
    beside = {
        "nodes": {
            "seat": {"call": "reserve", "args": {"seat": "x"}},
            "b": {"call": "look", "args": {"name": "b"}},
        },
        "output": ["${seat}", "${b}"],
    }

    (one, two), _ = both(beside)

    assert one.nodes["seat"].status == "cancelled"
    assert [(made.path, made.value) for made in one.made] == [("seat", "ticket x")]
    assert two.is_ok
    assert DONE["x"] == 1


def test_one_thing_done_stands_for_one_call_only() -> None:
    """Two nodes that make the same call are two calls; a kept one is not counted twice."""
    FAILS.add("b")
    one_seat = {"seat": {"call": "reserve", "args": {"seat": "x"}}}
    b = {"b": {"call": "look", "args": {"name": "b"}, "after": ["seat"]}}
    first = {"nodes": {**one_seat, **b}, "output": "${b}"}
    again = {"again": {"call": "reserve", "args": {"seat": "x"}}}
    second = {"nodes": {**one_seat, **again, **b}, "output": "${b}"}

    (_, two), _ = both(first, second)

    assert len(two.kept) == 1
    assert DONE["x"] == 2


def test_items_of_a_list_are_kept_one_by_one() -> None:
    """Within a body each call is known by its own arguments."""
    FAILS.add("z")
    names = {
        "for_each": ["x", "y", "z"], "as": "name", "concurrency": 1, "output": "${one}",
        "nodes": {"one": {"call": "look", "args": {"name": "${name}"}}},
    }  # fmt: skip

    (_, two), _ = both({"nodes": {"names": names}, "output": "${names}"})

    assert two.output == ["X", "Y", "Z"]
    assert DONE == {"x": 1, "y": 1, "z": 1}


INBOX = {
    "nodes": {
        "mail": {"call": "inbox", "args": {}},
        "pay": {"call": "pay", "args": {"to": "${mail}"}},
    },
    "output": "${pay}",
}


def approving(answer: Any) -> tuple[Report, list[Any]]:
    """Carry out a plan that pays what a mail says; return what it came to, and what was asked."""

    @podium.workflow
    async def once() -> dict[str, Any]:
        return await podium.child(_try(INBOX), {"input": {}})

    async def go() -> tuple[Report, list[Any]]:
        async with Podium(":memory:") as app:
            run = await app.start(once, {}, id="once")
            while not (asks := await app.asks()):
                await asyncio.sleep(0.002)
            given = answer(asks[0].form) if callable(answer) else answer
            await (await app.get(asks[0].run_id)).answer(asks[0].id, given)
            return msgspec.convert(await run.result(), Report), [one.form for one in asks]

    return drive(go())


def test_what_rests_on_text_from_outside_is_approved() -> None:
    """Before what cannot be taken back, a person sees the exact arguments."""
    report, [form] = approving(lambda form: {"approve": form["fingerprint"]})

    assert report.output == "paid eve"
    assert form["arguments"] == {"to": "eve"}
    assert DONE["pay eve"] == 1


def test_what_is_not_approved_does_not_happen() -> None:
    """It is a failure of the plan, and nothing was done."""
    report, _ = approving({"refuse": "not eve"})

    assert report.error is not None
    assert report.error["code"] == "approval-refused"
    assert [one.task for one in report.made] == ["inbox"]
    assert DONE["pay eve"] == 0


@pytest.mark.long
def test_crashes_change_nothing() -> None:
    """A crash anywhere gives the same tries, and repeats nothing that is recorded."""
    loop = {
        "nodes": {
            "a": {"call": "look", "args": {"name": "a"}},
            "seat": {"call": "reserve", "args": {"seat": "${a}1"}},
            "no": {"fail": "not so", "after": "seat"},
        },
        "output": "${seat}",
    }  # fmt: skip
    good = {**loop, "nodes": {key: one for key, one in loop["nodes"].items() if key != "no"}}

    report = crash_everywhere(twice, {"first": loop, "second": good})

    assert report.status == "succeeded"
    assert report.output[1]["output"] == "ticket A1"


def test_a_verified_node_is_kept_once_and_verified_again() -> None:
    """What passed its gates is not made again; each thing that was done is told once."""
    seat = {**CHAIN["nodes"]["seat"], "verify": "seat == 'ticket A1'"}  # type: ignore[index]
    verified = {**CHAIN, "nodes": {**CHAIN["nodes"], "seat": seat}}  # type: ignore[dict-item]
    FAILS.add("b")

    (one, two), _ = both(verified)

    assert one.status == "failed"
    assert two.output == ["ticket A1", "B"]
    assert DONE["A1"] == 1
    assert [made.task for made in two.made].count("reserve") == 1
    assert [kept.task for kept in two.kept] == ["look", "reserve"]

"""Runs of documents as pictures: read off the journal, in the simulator."""

from collections.abc import Iterator

import pytest

from podium import task
from podium.client.replaying import FlowReplay
from podium.flow import Flow
from podium.flow.pictures import picture_of_run
from podium.flow.render import Edge, Picture
from podium.testing.crash import quiet
from podium.testing.simulator import SimWorld
from tests.flow.pictures.test_documents import group, vertex
from tests.harness import fresh_names

ROUTES = """
podium: 1
name: routes
input: {n: integer}
nodes:
  one: {call: echo, args: {value: "${input.n}"}}
  bad: {call: fails, args: {}, on_error: rescue}
  rescue: {set: "${outcome.bad.error.message}"}
  fine: {call: echo, args: {value: 1}, on_error: unused}
  unused: {set: 1}
  reader: {set: "${bad}"}
  told: {set: "${outcome.bad.status}"}
  route:
    switch:
      - {when: one > 1, nodes: {big: {call: echo, args: {value: "${one}"}}}, output: "${big}"}
      - {else: true, nodes: {small: {set: "${one}"}}, output: "${small}"}
output: {route: "${route}", reader: "${reader?}"}
"""
LOOPS = """
podium: 1
name: loops
nodes:
  some: {for_each: [1, 2, 3], partial: true, nodes: {f: {call: fails_on_two, args: {n: "${item}"}}}, output: "${f}"}
  thrice: {until: loop.pass == 3, max: 9, nodes: {e: {call: echo, args: {value: 1}}}}
  rounds:
    until: loop.pass == 2
    max: 5
    nodes: {tick: {wait: {signal: tick}}, tock: {set: "${tick}"}}
  never: {when: "false", while: "true", max: 2, nodes: {e: {call: echo, args: {value: 1}}}}
  last: {set: "${rounds}"}
output: "${last}"
"""


@pytest.fixture(autouse=True)
def _tasks() -> Iterator[None]:
    with fresh_names():

        @task(effect="read")
        async def echo(value: int) -> int:
            return value

        @task(effect="read")
        async def fails() -> int:
            raise ValueError("no luck")

        @task(effect="read")
        async def fails_on_two(n: int) -> int:
            if n == 2:
                raise ValueError("two")
            return n

        yield


@pytest.fixture
def world() -> Iterator[SimWorld]:
    with quiet(), SimWorld(0) as world:
        world.worker()
        yield world


def drawn(world: SimWorld) -> Picture:
    """The picture of the run as it is committed."""
    row = world.row("run")
    replay = FlowReplay(world.reader, row)
    try:
        flow_run = replay.look(row)
        assert flow_run is not None
        assert replay.problem is None
        return picture_of_run(flow_run)
    finally:
        replay.close()


def ways(picture: Picture) -> dict[tuple[str, str], bool | None]:
    """Which arrows were taken."""
    return {(edge.source, edge.target): edge.is_taken for edge in picture.edges}


def test_ways_taken_and_not(world: SimWorld) -> None:
    """Each node has its state and reason; arrows to what was skipped, or without a value, were not taken."""
    world.start(Flow.from_text(ROUTES), {"n": 5})
    world.run_until_over("run")
    picture = drawn(world)
    states = {one.id: one.state for one in picture.vertices}
    states |= {one.id: one.state for one in picture.groups}
    taken = ways(picture)

    assert states == {
        "input": None, "one": "ok", "bad": "failed", "rescue": "ok", "fine": "ok", "unused": "skipped",
        "reader": "skipped", "told": "ok", "route": "ok", "route[0]": "ok", "route[0]/big": "ok",
        "route[1]": "skipped", "route[1]/small": "skipped", "output": "ok",
    }  # fmt: skip
    assert vertex(picture, "bad").detail == "fails · ValueError: no luck"
    assert vertex(picture, "reader").detail == "needs bad"
    assert vertex(picture, "unused").detail == "not needed"
    assert [taken["bad", "rescue"], taken["fine", "unused"], taken["bad", "reader"]] == [
        True,
        False,
        False,
    ]
    assert [taken["one", "route[0]/big"], taken["one", "route[1]/small"]] == [True, False]
    assert [taken["route", "output"], taken["reader", "output"], taken["bad", "told"]] == [
        True,
        False,
        True,
    ]
    assert taken["input", "one"] is True


def test_loops_and_items_are_folded(world: SimWorld) -> None:
    """Items and passes that are over are one box with counts; a loop under way shows its last pass."""
    world.start(Flow.from_text(LOOPS))
    world.settle()
    waiting = drawn(world)
    world.later(1.0, lambda: world.signal("run", "tick", 1))
    world.settle()
    second = drawn(world)
    world.later(1.0, lambda: world.signal("run", "tick", 2))
    world.run_until_over("run")
    ended = drawn(world)

    assert group(waiting, "some").detail == "3 of 3 done, 1 failed"
    assert [group(waiting, name).is_folded for name in ("some", "thrice", "rounds")] == [
        True,
        True,
        False,
    ]
    assert group(waiting, "thrice").detail == "3 passes"
    assert (group(waiting, "rounds").state, group(waiting, "rounds").detail) == (
        "running",
        "pass 1 of at most 5",
    )
    assert vertex(waiting, "rounds/tick").state == "running"
    assert vertex(waiting, "rounds/tick").detail == "signal tick"
    assert vertex(waiting, "rounds/tock").state == "waiting"
    assert ways(waiting)["rounds", "last"] is None
    assert vertex(waiting, "output").state == "waiting"
    assert group(second, "rounds").detail == "pass 2 of at most 5"
    assert (group(ended, "rounds").detail, group(ended, "rounds").is_folded) == ("2 passes", True)
    assert (group(ended, "never").state, group(ended, "never").detail) == (
        "skipped",
        "false is false",
    )
    assert Edge("rounds", "last", is_taken=True) in ended.edges


def test_a_failed_run(world: SimWorld) -> None:
    """Where the run failed, its output was not reached, and what was under way is cancelled."""
    text = "podium: 1\nname: f\nnodes: {a: {call: fails, args: {}}, b: {wait: 1h}, c: {set: '${a}'}}\noutput: '${c}'"
    world.start(Flow.from_text(text))
    world.run_until_over("run")
    picture = drawn(world)

    assert [vertex(picture, name).state for name in "abc"] == ["failed", "cancelled", "cancelled"]
    assert vertex(picture, "c").detail == "the flow failed"
    assert vertex(picture, "output").state == "skipped"


def test_a_run_is_followed_as_it_goes_on(world: SimWorld) -> None:
    """One replay takes in what is committed later, and ends where the run ended."""
    world.start(Flow.from_text(LOOPS))
    replay = FlowReplay(world.reader, world.row("run"))
    before = replay.look(world.row("run"))
    world.settle()
    flow_run = replay.look(world.row("run"))
    assert flow_run is not None
    first = flow_run.root.nodes["rounds"].status.value
    world.later(1.0, lambda: world.signal("run", "tick", 1))
    world.later(2.0, lambda: world.signal("run", "tick", 2))
    world.run_until_over("run")
    again = replay.look(world.row("run"))
    last = flow_run.root.nodes["last"].status.value
    replay.close()

    assert before is None
    assert again is flow_run
    assert (first, last) == ("running", "ok")


def test_a_replay_executes_and_writes_nothing(world: SimWorld) -> None:
    """Drawing a run changes neither the journal nor the world."""
    world.start(Flow.from_text(LOOPS))
    world.settle()
    records, bodies = len(world.journal("run")), len(world.ledger.bodies)
    drawn(world)
    world.settle()

    assert (len(world.journal("run")), len(world.ledger.bodies)) == (records, bodies)

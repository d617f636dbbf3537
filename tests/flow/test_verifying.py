"""Verified nodes beside everything else that a node can be and have, and in dry runs."""

import asyncio

from typing import Any

import pytest

import podium

from podium import Flow
from podium.client.dry import dry_run
from podium.testing import crash_everywhere
from tests.harness import fresh_names

LOG: list[Any] = []


@pytest.fixture(autouse=True)
def _names() -> Any:
    with fresh_names():
        LOG.clear()
        from podium.agents.verify.documents import verify_value
        from podium.core.spec import registry

        registry.add_workflow(verify_value.spec)
        register()
        yield


def register() -> None:
    """Register the tasks that the documents call."""

    @podium.task(effect="write")
    async def write(text: str, feedback: str = "") -> str:
        LOG.append(("write", podium.idempotency_key()))
        return text + "!" * feedback.count("Round ")

    @podium.task(effect="write")
    async def undo(result: Any, outcome: str) -> None:
        LOG.append(("undo", result, outcome))

    @podium.task(effect="read")
    async def loud(text: str) -> list[str]:
        return [] if text.endswith("!!") else [f"{text!r} is not loud"]

    @podium.task(effect="read")
    async def fall() -> None:
        raise ValueError("no")

    @podium.workflow
    async def shout(text: str, feedback: str = "") -> str:
        return text + "!" * feedback.count("Round ")


def flow(text: str) -> Flow:
    return Flow.from_text(f"podium: 1\nname: test\n{text}")


def ran(text: str, **given: Any) -> Any:
    return podium.run(flow(text), given, database=":memory:")


def test_any_kind_of_node_is_verified() -> None:
    """Lists, loops, cases, children, questions and data."""
    text = """
nodes:
  each: {for_each: [1, 2, 3], nodes: {a: {set: "${item * 2}"}}, output: "${a}", verify: "each.all(one, one < 7)"}
  loop: {until: loop.pass == 3, max: 5, nodes: {a: {set: "${loop.pass}"}}, output: "${a}", verify: loop == 3}
  choice: {switch: [{else: true, nodes: {a: {set: 5}}, output: "${a}"}], verify: choice == 5}
  child:
    flow: shout
    args: {text: hey}
    verify: {call: loud}
    on_refusal: {reflect: 2}
  inner:
    for_each: [1, 2]
    partial: true
    nodes: {a: {set: "${item}", verify: a == 1}}
    output: "${a}"
output: ["${each}", "${choice}", "${child}", "${inner.map(one, one.status)}"]
"""
    # a node may not be called as a word of the language is
    assert ran(text.replace("loop: {until", "again: {until").replace("verify: loop", "verify: again")) == [
        [2, 4, 6], 5, "hey!!", ["ok", "failed"],
    ]  # fmt: skip


REFLECTS = """
nodes:
  a:
    call: write
    args: {text: hey}
    lock: till
    retry: 2
    compensate: undo
    verify: [size(a) < 9, {call: loud}]
    on_refusal: [{reflect: 2, as: feedback}]
"""


def test_each_round_that_was_refused_is_undone_too() -> None:
    """Every round is a step of its own, and a run that fails undoes them all, the last one first."""
    with pytest.raises(podium.RunFailed):
        ran(f"{REFLECTS}  z: {{after: a, call: fall}}\n")

    assert len({key for word, key, *_ in LOG if word == "write"}) == 3
    undone = [one[1:] for one in LOG if one[0] == "undo"]
    assert undone == [("hey!!", "succeeded"), ("hey!", "succeeded"), ("hey", "succeeded")]


@pytest.mark.long
def test_rounds_in_a_document_survive_a_crash_at_any_point() -> None:
    """Under a lock, with retries, and a compensation that is not needed."""
    report = crash_everywhere(flow(f'{REFLECTS}output: "${{a}}"\n'), points=60)

    assert report.output == "hey!!"


def test_a_dry_run_asks_nobody() -> None:
    """What the run itself can ask it asks; all other gates, and what rests on them, are not known."""
    text = """
nodes:
  a: {set: 1, verify: a == 1}
  b: {set: two, verify: [size(b) == 3, {call: loud}, {person: "Right?"}]}
  c: {call: write, args: {text: "${b}"}}
  d: {set: 3, verify: d == 4, on_refusal: ask, on_error: continue}
output: ["${a}", "${c}", "${d?}"]
"""
    report = asyncio.run(dry_run(flow(text), {}))

    assert [(one.path, one.what, one.name, one.is_certain) for one in report.would] == [
        ("b/verify", "child", "podium.verify", True), ("c", "step", "write", True),
    ]  # fmt: skip
    assert not report.is_known
    assert LOG == []


def test_gates_that_are_not_here_block_the_run_before_it_begins() -> None:
    """A worker without the module of gates says so, and runs nothing."""
    from podium.core.spec import registry
    from podium.flow.spec import TaskMissing

    spec = flow("nodes: {a: {set: x, verify: {call: loud}}}\n").spec
    del registry.tasks["loud"]

    with pytest.raises(TaskMissing, match="loud"):
        spec.require_tasks()

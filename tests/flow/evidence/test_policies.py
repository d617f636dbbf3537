"""Policies: how often, how long, and how it is undone."""

import asyncio

from typing import Any

import podium

from podium import Retry, task
from podium.testing import crash_everywhere
from tests.flow.evidence.stage import Play, Stage


def test_policies_of_a_call_are_those_of_its_step(stage: Stage) -> None:
    """EVIDENCE-OF F-33: "On a `call` these are the policies of its step, in the place of those the task was declared with." """

    @task(effect="read", retry=Retry(attempts=2, backoff="1ms"), timeout="10m")
    async def stubborn(fails: int) -> int:
        stage.outside.write("begun", podium.attempt())
        if podium.attempt() <= fails:
            raise ValueError("not yet")
        if fails < 0:
            await asyncio.Event().wait()
        return podium.attempt()

    declared = "nodes: {a: {call: stubborn, args: {fails: 2}%s}}\noutput: '${a}'\n"
    ended = stage.play(declared % "")
    attempts = len(stage.begun())
    more = stage.play(declared % ", retry: {attempts: 3, backoff: 1ms}")
    fewer = stage.play((declared % ", retry: 1").replace("2", "1"))
    timed = stage.play((declared % ", timeout: 10ms, retry: 1").replace("2", "-1"))

    assert (ended.status, attempts) == ("failed", 2)
    assert (more.status, more.output, list(more.steps)) == ("succeeded", 3, ["a"])
    assert (fewer.status, fewer.failure) == ("failed", ("error", "not yet"))
    assert (timed.status, timed.failure[0]) == ("failed", "timeout")


def test_a_retried_node_begins_anew(stage: Stage) -> None:
    """EVIDENCE-OF F-34: "On any other kind `retry` begins the whole node anew, in a scope of its own (`order#2`); steps that were done are not taken over." """

    @task(effect="read")
    async def third_time() -> int:
        stage.outside.write("begun", None)
        count = len([path for path in stage.begun() if path.endswith("/last")])
        if count < 3:
            raise ValueError("not yet")
        return count

    ended = stage.play("""
nodes:
  order:
    for_each: [1]
    retry: {attempts: 3, backoff: 1ms}
    nodes: {first: {call: put, args: {what: 1}}, last: {after: first, call: third_time}}
    output: "${last}"
output: "${order}"
""")

    assert ended.output == [3]
    assert stage.begun() == [
        f"{order}[0]/{step}" for order in ("order", "order#2", "order#3")
        for step in ("first", "last")
    ]  # fmt: skip


def test_what_exceeds_its_time_fails(stage: Stage) -> None:
    """EVIDENCE-OF F-35: "A node that exceeds its time fails with the code `timeout`."

    An attempt, or all of them; a call, a body, a wait, a child.
    """
    kinds = {
        "call": "call: hold, args: {what: never}, timeout: 10ms",
        "total": "call: flaky, args: {fails: 99}, retry: {attempts: 99, backoff: 1h}, total_timeout: 10ms",
        "in_all": "call: hold, args: {what: never}, total_timeout: 10ms",
        "each_in_all": "for_each: [1], nodes: {so: {call: hold, args: {what: never}}}, total_timeout: 10ms",
        "each": "for_each: [1], nodes: {in_it: {call: hold, args: {what: never}}}, timeout: 10ms",
        "each_total": (
            "for_each: [1], nodes: {within: {call: fall}}, retry: {attempts: 99, backoff: 1h}, "
            "total_timeout: 10ms"
        ),
        "passes": "until: 1 > 2, max: 9, every: 1h, nodes: {passed: {set: 1}}, timeout: 10ms",
        "wait": "wait: {signal: never}, timeout: 10ms",
        "child": "flow: {nodes: {inner: {call: hold, args: {what: never}}}}, timeout: 10ms",
    }
    nodes = "".join(f"  {name}: {{{text}, on_error: continue}}\n" for name, text in kinds.items())
    codes = ", ".join(f"'${{outcome.{name}.error.code}}'" for name in kinds)
    ended = stage.play(f"nodes:\n{nodes}output: [{codes}]\n")

    # where no attempt can begin within the time, the error of the last one stands
    assert dict(zip(kinds, ended.output, strict=True)) == {
        "call": "timeout", "total": "trouble", "in_all": "timeout", "each_in_all": "timeout", "each": "timeout", "each_total": "trouble",
        "passes": "timeout", "wait": "timeout", "child": "timeout",
    }  # fmt: skip


def test_an_effect_is_raised_never_lowered(stage: Stage) -> None:
    """EVIDENCE-OF F-36: "`effect` can raise what a task declares, never lower it." """
    nodes = "nodes: {a: {call: %s, args: {what: 1}, effect: %s}}"

    async def effect(play: Play) -> None:
        await play.ended()
        [step] = await play.run.steps()
        effects.append(step.effect)

    effects: list[str] = []
    for raised in ("read", "write", "once"):
        stage.play(nodes % ("get", raised), effect)

    assert effects == ["read", "write", "once"]
    assert stage.codes(nodes % ("get", "pure")) == ["effect-lowered"]
    assert stage.codes(nodes % ("put", "read")) == ["effect-lowered"]
    for none in (
        "transaction",
        "done",
        "[write]",
    ):  # what a task does as one is not a matter of words
        assert stage.codes(nodes % ("put", none)) == ["wrong-type"]


def test_what_a_compensation_is_given(stage: Stage) -> None:
    """EVIDENCE-OF F-37: "`compensate: release` calls that task with the arguments of the node by name, `result` and `outcome`, as far as it has such parameters; with `{call: release, args: {id: "${order.id}"}}` it is given these, where the node's own value may be referred to." """

    @task(effect="write")
    async def book(place: str, count: int) -> dict[str, Any]:
        return {"id": f"{place}-{count}"}

    @task(effect="write")
    async def release(count: int, result: dict[str, Any], outcome: str) -> None:
        stage.outside.write("begun", (count, result, outcome))

    @task(effect="write")
    async def release_id(id: str, why: str) -> None:
        stage.outside.write("begun", (id, why))

    ended = stage.play("""
input: {why: string}
nodes:
  one: {call: book, args: {place: a, count: 1}, compensate: release}
  two:
    after: one
    call: book
    args: {place: b, count: 2}
    compensate: {call: release_id, args: {id: "${two.id} and ${one.id}", why: "${input.why}"}}
  each:
    after: two
    for_each: [3]
    nodes: {inner: {call: book, args: {place: c, count: "${item}"}}}
    output: "${inner.id}"
    compensate: {call: release_id, args: {id: "${each[0]}", why: each}}
  bad: {after: each, call: fall}
""", why="because")  # fmt: skip

    assert ended.status == "failed"
    assert [line.what for line in stage.outside.lines if line.path.startswith("compensate/")] == [
        ("c-3", "each"), ("b-2 and a-1", "because"), (1, {"id": "a-1"}, "succeeded"),
    ]  # fmt: skip


_TRIP = """
nodes:
  slow: {call: nap, args: {what: slow, ms: 30}, compensate: undo}
  quick: {call: nap, args: {what: quick, ms: 10}, compensate: undo}
  behind: {after: quick, call: nap, args: {what: behind, ms: 5}, compensate: undo}
  bad: {after: [slow, behind], call: fall}
"""


def test_compensations_run_in_reverse(stage: Stage) -> None:
    """EVIDENCE-OF F-38: "Compensations run in the reverse order of the starts of their nodes."

    Of their starts, not of their ends; also wherever the process dies.
    """

    @task(effect="write")
    async def nap(what: str, ms: int) -> str:
        await asyncio.sleep(ms / 1000)
        return what

    undone = ["compensate/behind", "compensate/quick", "compensate/slow"]

    def check() -> None:
        begun = stage.begun("compensate/")
        assert list(dict.fromkeys(begun)) == undone

    assert stage.play(_TRIP).status == "failed"
    assert stage.begun("compensate/") == undone
    report = crash_everywhere(
        stage.flow(_TRIP), setup=stage.outside.lines.clear, check=check, points=20
    )
    assert report.status == "failed"

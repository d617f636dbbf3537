"""Joins: how the dependencies of a node decide."""

from typing import Any

import pytest

from podium import task
from podium.testing import crash_everywhere
from tests.flow.evidence.stage import Ended, Play, Stage

_THREE = """
input: {no: boolean}
nodes:
  good: {call: hold, args: {what: good}}
  unwanted: {when: input.no, call: get, args: {what: unwanted}}
  bad: {call: fall, on_error: continue}
"""


def _in_turn(*gates: str) -> Any:
    """Return a script that opens gates one after the other, once what was behind the last is done."""

    async def script(play: Play) -> None:
        for gate in gates:
            await play.begun(gate)
            play.open(gate)
            await play.did("done", gate)

    return script


def test_all_waits_for_every_dependency(stage: Stage) -> None:
    """EVIDENCE-OF F-23: "`join: all`, the default, waits until every dependency is settled."

    However they end: where one is missing already, the others are still waited for.
    """
    text = f"""{_THREE}
  usual: {{after: ["good", "unwanted?", "bad?"], call: get, args: {{what: usual}}}}
  spelled: {{join: all, call: get, args: {{what: "${{[good, unwanted?, bad?]}}"}}}}
  skipped: {{call: get, args: {{what: "${{[good, bad]}}"}}}}
  behind: {{after: "skipped?", call: get, args: {{what: behind}}}}
output: ["${{usual}}", "${{spelled}}", "${{behind}}"]
"""
    early: list[list[str]] = []

    async def script(play: Play) -> None:
        await play.begun("good", "broken")
        early.append(sorted(stage.begun()))
        play.open("good")

    assert stage.play(text, script, no=False).output == ["usual", ["good", None, None], "behind"]
    assert early == [["bad", "good"]]


def test_settled_takes_any_end(stage: Stage) -> None:
    """EVIDENCE-OF F-24: "`join: settled` does so too, and takes each of `after` as marked: the node runs however they ended." """
    text = f"""{_THREE}
  settled: {{join: settled, after: [good, unwanted, bad], call: get, args: {{what: settled}}}}
  usual: {{after: [good, unwanted, bad], call: get, args: {{what: usual}}}}
output: ["${{settled}}", "${{outcome.usual.reason}}"]
"""
    early: list[list[str]] = []

    async def script(play: Play) -> None:
        await play.begun("good", "broken")
        early.append(sorted(stage.begun()))
        play.open("good")

    assert stage.play(text, script, no=False).output == ["settled", "needs unwanted"]
    assert early == [["bad", "good"]]


@pytest.mark.parametrize(
    ("join", "gates", "seen"),
    [
        ("any", ["b"], [None, "b", None]),
        ("1", ["c"], [None, None, "c"]),
        ("2", ["c", "a"], ["a", None, "c"]),
        ("3", ["c", "a", "b"], ["a", "b", "c"]),
    ],
)
def test_a_join_decides_at_the_first_or_second(
    stage: Stage, join: str, gates: list[str], seen: list[Any]
) -> None:
    """EVIDENCE-OF F-25: "`join: any` decides at the first dependency that is `ok`, `join: 2` at the second, and so on: the node starts in that turn, and reads what is there then. A dependency that is not settled then counts as without a value. An entry of `after` only counts here: it is not needed, marked or not."

    A failed and a skipped one beside them do not count.
    """
    text = f"""
input: {{no: boolean}}
nodes:
  a: {{call: hold, args: {{what: a}}}}
  b: {{call: hold, args: {{what: b}}}}
  c: {{call: hold, args: {{what: c}}}}
  bad: {{call: fall, on_error: continue}}
  unwanted: {{when: input.no, set: 1}}
  joined:
    join: {join}
    after: ["bad?", "unwanted?"]
    call: get
    args: {{what: "${{[a?, b?, c?]}}"}}
output: "${{joined}}"
"""
    ended = stage.play(text, _in_turn(*gates), no=False)

    assert ended.output == seen
    cancelled = {path for path, how in ended.steps.items() if how == "cancelled"}
    assert cancelled == {"a", "b", "c"} - set(gates)


def test_what_a_join_counts_is_not_needed(stage: Stage) -> None:
    """A failed and a skipped entry of ``after`` without a mark do not keep a node from starting (F-25)."""
    text = f"""{_THREE}
  last: {{after: "bad?", set: 1}}
  joined: {{join: any, after: [bad, unwanted, last], call: get, args: {{what: joined}}}}
output: ["${{joined}}", "${{outcome.bad.status}}", "${{outcome.unwanted.status}}", "${{good}}"]
"""

    async def script(play: Play) -> None:
        play.open("good")

    ended = stage.play(text, script, no=False)
    assert ended.output == ["joined", "failed", "skipped", "good"]


def test_a_join_that_cannot_be_is_skipped(stage: Stage) -> None:
    """EVIDENCE-OF F-26: "Where too few dependencies can still become `ok`, such a node is skipped, with the reason `join`."

    It does not wait for what cannot change that: ``slow`` is under way until it is seen.
    """
    text = f"""{_THREE}
  slow: {{call: hold, args: {{what: slow}}}}
  two: {{join: 2, after: ["bad?", "unwanted?", "slow?"], set: 1}}
  any: {{join: any, after: ["bad?", "unwanted?"], set: 1}}
  seen: {{call: get, args: {{what: ["${{outcome.two.reason}}", "${{outcome.any.reason}}"]}}}}
output: ["${{seen}}", "${{slow}}", "${{good}}"]
"""

    async def script(play: Play) -> None:
        await play.begun(["join", "join"])
        play.open("slow", "good")

    assert stage.play(text, script, no=False).output == [["join", "join"], "slow", "good"]


def _rest(stage: Stage, nodes: str, *gates: str, output: str = "${first}") -> Ended:
    """Carry out a race of a fast node and slow ones; open more gates once that is decided."""
    text = f"""
nodes:
  fast: {{call: hold, args: {{what: fast}}}}
{nodes}
  told: {{call: get, args: {{what: "decided: ${{first}}"}}}}
output: {output}
"""

    async def script(play: Play) -> None:
        await play.begun("slow", "fast")
        play.open("fast")
        await play.begun("decided: fast")
        play.open(*gates)

    return stage.play(text, script)


_SLOW = """
  slow: {call: hold, args: {what: slow}}
  first: {join: any, set: "${fast? ?? slow?}"}
"""
_CHAIN = """
  slow: {call: hold, args: {what: slow}}
  slower: {call: hold, args: {what: "${slow}er"}}
  beside: {call: hold, args: {what: beside}}
  first: {join: any, set: "${fast? ?? slower?}"}
"""


def test_the_rest_is_cancelled(stage: Stage) -> None:
    """EVIDENCE-OF F-27: "When `any` or a number decides, the dependencies that are not settled are cancelled, unless somebody else may still read them: another reader that has not started, or has bodies and is not settled, or the `output`, `until` or `next` of the body. A cancelled dependency takes along those that it alone was waiting for. With `join: {of: any, rest: continue}` they go on." """
    assert _rest(stage, _SLOW).steps["slow"] == "cancelled"
    assert _rest(stage, _CHAIN, "beside").steps == {
        "fast": "succeeded", "slow": "cancelled", "beside": "succeeded", "told": "succeeded",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("nodes", "output"),
    [
        ("  other: {after: slow, set: 1}\n", "${first}"),
        ("  other: {for_each: [1], nodes: {inner: {after: slow, set: 1}}}\n", "${first}"),
        ("", "['${first}', '${slow}']"),
        ("", "['${first}', '${outcome.slow.status}']"),
    ],
)
def test_what_others_need_is_not_cancelled(stage: Stage, nodes: str, output: str) -> None:
    """Another reader, one within a body, or the output keep a dependency going (F-27)."""
    assert _rest(stage, _SLOW + nodes, "slow", output=output).steps["slow"] == "succeeded"
    assert not stage.outside.did("stopped", "slow")


@pytest.mark.parametrize(
    "words", ["until: slow == 'slow'", "until: loop.pass == 2\n    next: {last: '${slow}'}"]
)
def test_what_a_loop_reads_of_its_body_is_not_cancelled(stage: Stage, words: str) -> None:
    """After the pass it is there (F-27)."""
    text = f"""
nodes:
  rounds:
    {words}
    max: 2
    nodes:
      fast: {{call: hold, args: {{what: fast}}}}
      slow: {{call: hold, args: {{what: slow}}}}
      first: {{join: any, set: "${{fast? ?? slow?}}"}}
      told: {{call: get, args: {{what: "decided: ${{first}}"}}}}
    output: "${{first}}"
output: "${{rounds}}"
"""

    async def script(play: Play) -> None:
        await play.begun("slow", "fast")
        play.open("fast")
        await play.begun("decided: fast")
        play.open("slow")

    assert stage.play(text, script).steps["rounds[1]/slow"] == "succeeded"


def test_the_rest_may_go_on(stage: Stage) -> None:
    """With ``rest: continue`` the flow ends only when the rest has ended (F-27)."""
    nodes = _SLOW.replace("join: any", "join: {of: any, rest: continue}")

    assert _rest(stage, nodes, "slow").steps["slow"] == "succeeded"


def test_a_decided_join_cancels_though_its_node_is_skipped(stage: Stage) -> None:
    """The decision counts, not what ``when`` makes of it (F-27)."""
    nodes = _SLOW.replace("join: any,", "join: any, when: slow? != null,")

    assert (
        _rest(stage, nodes.replace("first: ", "other: ") + "  first: {set: '${fast}'}\n").steps[
            "slow"
        ]
        == "cancelled"
    )


def test_a_cancelled_node_starts_no_more(stage: Stage) -> None:
    """EVIDENCE-OF F-28: "A cancelled node starts no more steps; effects of it that are in flight come to their end unheard." """
    nodes = """
  slow:
    for_each: [1, 2]
    concurrency: 1
    nodes:
      effect: {call: hold_put, args: {what: slow}}
      next: {call: put, args: {what: "${effect} and on"}}
  first: {join: any, after: [fast, "slow?"], set: "${fast?}"}
"""
    ended = _rest(stage, nodes, "slow")

    assert ended.output == "fast"
    assert stage.begun("slow") == ["slow[0]/effect"]
    assert stage.outside.did("done", "slow")
    assert not stage.outside.did("stopped", "slow")


def test_a_cancelled_node_starts_no_more_after_a_crash(stage: Stage) -> None:
    """Wherever the process dies, steps of a cancelled node do not begin later (F-28)."""

    @task(effect="write")
    async def nap(what: str) -> str:
        from asyncio import sleep

        stage.outside.write("begun", what)
        await sleep({"fast": 1.0, "slow": 5.0}.get(what, 0.1))
        return what

    flow = stage.flow("""
nodes:
  fast: {call: nap, args: {what: fast}}
  slow:
    until: 1 > 2
    max: 3
    nodes: {effect: {call: nap, args: {what: slow}}, next: {after: effect, call: nap, args: {what: next}}}
  first: {join: any, after: [fast, "slow?"], call: nap, args: {what: first}}
output: "${first}"
""")
    report = crash_everywhere(
        flow,
        points=12,
        setup=stage.outside.lines.clear,
        check=lambda: _only(stage, {"fast", "slow[1]/effect", "first"}),
    )

    assert report.output == "first"


def _only(stage: Stage, paths: set[str]) -> None:
    assert set(stage.begun()) == paths

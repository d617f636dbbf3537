"""What happens when a node fails."""

import pytest

from podium import workflow
from tests.flow.evidence.stage import NO_ANSWER, Play, Stage


def test_a_failure_ends_the_flow(stage: Stage) -> None:
    """EVIDENCE-OF F-29: "With `on_error: fail`, the default, the flow fails with the node's error: no more nodes are started, reads in flight are stopped, effects in flight come to their end, compensations run." """
    text = """
nodes:
  booked: {call: put, args: {what: booked}, compensate: undo}
  look: {after: booked, call: hold, args: {what: look}}
  effect: {after: booked, call: hold_put, args: {what: effect}}
  go: {after: booked, call: hold, args: {what: go}}
  bad: {after: go, call: fall, args: {what: it is broken, code: broken}}
  more: {after: effect, call: put, args: {what: more}}
  last: {after: "look?", call: put, args: {what: last}}
"""
    running: list[bool] = []

    async def script(play: Play) -> None:
        await play.begun("look", "effect", "go")
        play.open("go")
        await play.did("stopped", "look")
        running.append(await play.run.status() == "running")
        play.open("effect")

    ended = stage.play(text, script)

    assert (ended.status, ended.failure) == ("failed", ("broken", "it is broken"))
    assert running == [True]
    assert stage.begun()[-2:] == ["bad", "compensate/booked"]
    assert stage.outside.did("done", "effect")
    assert ended.steps == {
        "booked": "succeeded", "look": "cancelled", "effect": "late", "go": "succeeded",
        "bad": "failed", "compensate/booked": "succeeded",
    }  # fmt: skip


def test_a_failure_ends_the_body_around_it(stage: Stage) -> None:
    """A body that fails waits for its effects in flight as well, before what handles it begins (F-29)."""
    text = """
nodes:
  route:
    switch:
      - else: true
        nodes:
          effect: {call: hold_put, args: {what: effect}}
          look: {call: hold, args: {what: look}}
          go: {call: hold, args: {what: go}}
          bad: {after: go, call: fall}
    on_error: continue
  told: {call: get, args: {what: "${outcome.route.status}"}}
output: "${told}"
"""
    early: list[list[str]] = []

    async def script(play: Play) -> None:
        await play.begun("effect", "look", "go")
        play.open("go")
        await play.did("stopped", "look")
        await play.recorded("route/look")
        early.append(stage.begun("told"))
        play.open("effect")

    assert stage.play(text, script).output == "failed"
    assert early == [[]]


def test_a_flow_may_go_on(stage: Stage) -> None:
    """EVIDENCE-OF F-30: "With `on_error: continue` the node is `failed`, has no value, and the flow goes on." """
    ended = stage.play("""
nodes:
  bad: {call: fall, on_error: continue}
  plain: {set: "${bad}"}
  marked: {call: get, args: {what: ["${bad?}", "${outcome.bad.status}", "${outcome.plain.reason}"]}}
output: "${marked}"
""")

    assert (ended.status, ended.output) == ("succeeded", [None, "failed", "needs bad"])


_RESCUE = """
input: {fails: boolean}
nodes:
  pay:
    switch:
      - {when: input.fails, nodes: {bad: {call: fall, args: {what: no money}}}, output: "${bad}"}
      - {else: true, nodes: {good: {call: get, args: {what: paid}}}, output: "${good}"}
    on_error: rescue
  also: {call: hold, args: {what: also}, on_error: rescue}
  rescue: {call: put, args: {what: "${outcome.pay.error.message ?? 'nothing'}"}}
output: ["${pay?}", "${also?}", "${rescue?}", "${outcome.rescue}"]
"""


@pytest.mark.parametrize("fails", [True, False])
def test_a_handler_runs_only_for_a_failure(stage: Stage, fails: bool) -> None:
    """EVIDENCE-OF F-31: "With `on_error: rescue` it is so too, and the node `rescue` is started. A node that is named so runs only if a node that names it has failed; else it is skipped, with the reason `not needed`. It needs no reference to the node it handles, and learns what happened from `outcome.pay.error`."

    Without a reference it is started at the failure, though another node that it handles is under way.
    """

    async def script(play: Play) -> None:
        await play.begun("also")
        if fails:
            await play.begun("no money")
        play.open("also")

    ended = stage.play(_RESCUE, script, fails=fails)
    without = _RESCUE.replace("${outcome.pay.error.message ?? 'nothing'}", "called")
    stage.outside.is_open.clear()
    stage.outside.lines.clear()

    async def rescued_first(play: Play) -> None:
        if fails:
            await play.begun("called")
        play.open("also")

    again = stage.play(without, rescued_first, fails=fails)
    went = {"status": "ok", "reason": None, "error": None, **NO_ANSWER, "answered_by": "put"}
    skipped = {"status": "skipped", "reason": "not needed", "error": None, **NO_ANSWER}

    assert ended.output == (
        [None, "also", "no money", went] if fails else ["paid", "also", None, skipped]
    )
    assert again.output == (
        [None, "also", "called", went] if fails else ["paid", "also", None, skipped]
    )


def test_an_error_is_that_of_where_it_began(stage: Stage) -> None:
    """EVIDENCE-OF F-32: "An error is `{type, code, message, path}`; it is the error of the step where it began, also through bodies and children." """

    @workflow
    async def grumble(what: str) -> None:
        raise ValueError(what)

    text = """
nodes:
  call: {call: fall, args: {what: a}, on_error: continue}
  each:
    for_each: [0]
    nodes:
      again: {until: 1 < 2, max: 1, nodes: {deep: {call: fall, args: {what: b, code: deep}}}}
    on_error: continue
  child: {flow: {nodes: {inner: {call: fall, args: {what: c}}}}, on_error: continue}
  own: {fail: {message: d, code: own}, on_error: continue}
  function_: {flow: grumble, args: {what: e}, on_error: continue}
output: ["${outcome.call.error}", "${outcome.each.error}", "${outcome.child.error}", "${outcome.own.error}", "${outcome.function_.error}"]
"""
    trouble = {"type": "Trouble", "code": "trouble"}

    assert stage.play(text).output == [
        {**trouble, "message": "a", "path": "call"},
        {**trouble, "code": "deep", "message": "b", "path": "each[0]/again[1]/deep"},
        {**trouble, "message": "c", "path": "inner"},
        {"type": "FlowError", "code": "own", "message": "d", "path": "own"},
        {"type": "ValueError", "code": "error", "message": "e", "path": "function_"},
    ]

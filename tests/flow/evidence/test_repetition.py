"""The kinds that repeat a body: ``for_each``, ``while`` and ``until``."""

import asyncio

from typing import Any

import pytest

from podium import task
from podium.testing import SimWorld, crash_everywhere
from tests.flow.evidence.stage import HEAD, Play, Stage, Unchecked


def test_items_have_a_name_and_a_number(stage: Stage) -> None:
    """EVIDENCE-OF F-46: "The item is called what `as` says, else `item`; its number, from 0, is `loop.index`. `loop` is that of the innermost body." """
    ended = stage.play("""
nodes:
  plain: {for_each: [a, b], nodes: {one: {set: ["${item}", "${loop.index}"]}}, output: "${one}"}
  named:
    for_each: [x, y]
    as: outer
    nodes:
      inner:
        for_each: [p, q]
        nodes: {two: {set: ["${outer}", "${item}", "${loop.index}"]}}
        output: "${two}"
    output: ["${loop.index}", "${inner}"]
output: ["${plain}", "${named}"]
""")

    assert ended.output == [
        [["a", 0], ["b", 1]],
        [[0, [["x", "p", 0], ["x", "q", 1]]], [1, [["y", "p", 0], ["y", "q", 1]]]],
    ]


_WIDE = """
input: {{names: [string]}}
nodes:
  each:
    for_each: "${{input.names}}"
    {concurrency}
    nodes: {{wait: {{call: hold, args: {{what: "${{item}}"}}}}}}
    output: "${{wait}}"
output: "${{each}}"
"""


@pytest.mark.parametrize(("concurrency", "count"), [("concurrency: 3", 3), ("", 100)])
def test_so_many_bodies_are_under_way(stage: Stage, concurrency: str, count: int) -> None:
    """EVIDENCE-OF F-47: "`concurrency` bodies are under way at once, 100 unless given; the next starts when one is over." """
    names = [f"n{index}" for index in range(count + 3)]
    counts: list[int] = []

    async def script(play: Play) -> None:
        await play.begun(*names[:count])
        counts.append(len(stage.begun()))
        play.open(names[1])
        await play.begun(names[count])
        counts.append(len(stage.begun()))
        play.open(*names)

    ended = stage.play(_WIDE.format(concurrency=concurrency), script, names=names)

    assert ended.output == names
    assert counts == [count, count + 1]


def test_bodies_are_named(stage: Stage) -> None:
    """EVIDENCE-OF F-48: "Bodies are named by their number, or by `key`: texts or numbers that differ from item to item." """
    text = """
input: {keys: array}
nodes:
  numbered: {for_each: [a, b], nodes: {get: {call: get, args: {what: 1}}}}
  keyed:
    for_each: "${input.keys}"
    as: it
    key: "${it.id}"
    nodes: {get: {call: get, args: {what: 1}}}
    on_error: continue
output: "${outcome.keyed.error.code}"
"""
    good = stage.play(
        text.replace(".error.code", ".status"), keys=[{"id": "x"}, {"id": 7}, {"id": "a/b"}]
    )
    bad = [
        stage.play(text, keys=[{"id": one} for one in keys]).output
        for keys in (["x", "x"], [1, "1"], [None], [True], [["x"]])
    ]

    assert sorted(good.steps) == [
        "keyed[7]/get", "keyed[a%2Fb]/get", "keyed[x]/get", "numbered[0]/get", "numbered[1]/get",
    ]  # fmt: skip
    assert bad == ["bad-key"] * 5


def test_results_stand_in_the_order_of_the_items(stage: Stage) -> None:
    """EVIDENCE-OF F-49: "Results stand in the order of the items. A body whose output refers plainly to a node without a value gives null." """
    text = """
nodes:
  each:
    for_each: [a, b, c]
    nodes: {one: {when: item != 'b', call: hold, args: {what: "${item}"}}}
    output: "${one}"
output: "${each}"
"""

    async def script(play: Play) -> None:
        for gate in ("c", "a"):
            await play.begun(gate)
            play.open(gate)
            await play.did("done", gate)

    assert stage.play(text, script).output == ["a", None, "c"]


_FAILING = """
nodes:
  each:
    for_each: [look, effect, bad, more]
    concurrency: 3
    nodes:
      look: {when: item == 'look', call: hold, args: {what: look}}
      effect: {when: item == 'effect', call: hold_put, args: {what: effect}}
      go: {when: item == 'bad', call: hold, args: {what: go}}
      bad: {after: go, call: fall, args: {what: bad}}
      more: {when: item == 'more', call: put, args: {what: more}}
      next: {after: effect, call: put, args: {what: next}}
    on_error: continue
  after: {call: get, args: {what: "${outcome.each.error.message}"}}
output: "${after}"
"""


def test_a_failing_body_ends_the_others(stage: Stage) -> None:
    """EVIDENCE-OF F-50: "When a body fails, no more are started, reads in flight are stopped, effects in flight come to their end, then the node fails." """
    done_first: list[bool] = []

    async def script(play: Play) -> None:
        await play.begun("look", "effect", "go")
        play.open("go")
        await play.did("stopped", "look")
        done_first.append("after" not in stage.begun())
        play.open("effect")

    ended = stage.play(_FAILING, script)

    assert ended.output == "bad"
    assert done_first == [True]
    assert stage.outside.did("done", "effect")
    assert sorted(stage.begun()) == [
        "after", "each[0]/look", "each[1]/effect", "each[2]/bad", "each[2]/go",
    ]  # fmt: skip


def test_partial_results(stage: Stage) -> None:
    """EVIDENCE-OF F-51: "With `partial: true` it does not fail: each result is `{status, value, error}`, with the status `ok`, `failed` or `skipped`." """
    ended = stage.play("""
nodes:
  each:
    for_each: [a, b, c, d]
    partial: true
    concurrency: 1
    nodes:
      bad: {when: item == 'b', call: fall}
      one: {when: item != 'c', call: get, args: {what: "${item}"}}
    output: "${one}"
output: "${each}"
""")
    error = {"type": "Trouble", "code": "trouble", "message": "broken", "path": "each[1]/bad"}

    assert ended.output == [
        {"status": "ok", "value": "a", "error": None},
        {"status": "failed", "value": None, "error": error},
        {"status": "skipped", "value": None, "error": None},
        {"status": "ok", "value": "d", "error": None},
    ]


@pytest.mark.parametrize(("count", "output"), [(0, []), (100_001, "limit-reached")])
def test_lists_are_empty_or_too_long(stage: Stage, count: int, output: Any) -> None:
    """EVIDENCE-OF F-52: "An empty list gives an empty list. More than 100,000 items are refused before the first is started." """
    text = """
input: {items: array}
nodes:
  each:
    for_each: "${input.items}"
    nodes: {one: {call: put, args: {what: 1}}}
    output: "${one}"
    on_error: continue
output: "${each? ?? outcome.each.error.code}"
"""

    assert stage.play(text, items=[1] * count).output == output
    assert stage.begun() == []


def test_conditions_before_and_after_a_pass(stage: Stage) -> None:
    """EVIDENCE-OF F-53: "`while` is evaluated before each pass and sees the state; `until` after each pass and sees its nodes too." """
    ended = stage.play("""
nodes:
  down:
    while: loop.state > 0
    max: 5
    state: 2
    nodes: {one: {call: get, args: {what: "${loop.state}"}}}
    next: "${one - 1}"
    output: "${one}"
  never: {while: 1 > 2, max: 5, nodes: {two: {call: get, args: {what: never}}}}
  up:
    until: loop.state + three >= 3
    max: 5
    state: 0
    nodes: {three: {call: get, args: {what: "${loop.state + 1}"}}}
    next: "${three}"
    output: "${three}"
  once: {until: 1 < 2, max: 5, nodes: {four: {call: get, args: {what: once}}}}
output: ["${down?}", "${up}"]
""")

    assert ended.output == [1, 2]
    assert sorted(ended.steps) == [
        "down[1]/one", "down[2]/one", "once[1]/four", "up[1]/three", "up[2]/three",
    ]  # fmt: skip
    assert "unknown-name" in stage.codes(
        "nodes: {a: {while: one > 0, max: 2, nodes: {one: {set: 1}}}}"
    )


def test_passes_and_state(stage: Stage) -> None:
    """EVIDENCE-OF F-54: "`loop.pass` counts from 1. `loop.state` is `state` in the first pass, and `next` of the pass before in all others."

    Without ``next`` the state stays as it is.
    """
    text = """
nodes:
  again:
    until: loop.pass == 3
    max: 3
    state: [0]
    nodes: {seen: {call: get, args: {what: ["${loop.pass}", "${loop.state}"]}}}
    NEXT
output: "${again}"
"""
    stage.play(text.replace("NEXT", 'next: "${loop.state + [loop.pass]}"'))
    grown = [stage.outside.given(path) for path in stage.begun()]
    stage.outside.lines.clear()
    stage.play(text.replace("NEXT", ""))

    assert grown == [[1, [0]], [2, [0, 1]], [3, [0, 1, 2]]]
    assert [stage.outside.given(path) for path in stage.begun()] == [[1, [0]], [2, [0]], [3, [0]]]


@pytest.mark.parametrize("kind", ["while: 1 < 2", "until: 1 > 2"])
def test_passes_have_a_limit(stage: Stage, kind: str) -> None:
    """EVIDENCE-OF F-55: "`max` is required. A loop that would need another pass fails with the code `max-passes`." """
    text = f"nodes: {{a: {{{kind}, max: 3, nodes: {{one: {{call: put, args: {{what: 1}}}}}}}}}}"
    ended = stage.play(text)

    assert (ended.status, ended.failure[0]) == ("failed", "max-passes")
    assert stage.begun() == ["a[1]/one", "a[2]/one", "a[3]/one"]
    assert stage.codes(text.replace(" max: 3,", "")) == ["missing-word"]


def test_a_loop_that_is_just_enough(stage: Stage) -> None:
    """The last pass that is allowed may be the one that ends it (F-55)."""
    ended = stage.play("""
nodes:
  a: {while: loop.state < 2, max: 2, state: 0, nodes: {one: {set: 1}}, next: "${loop.state + 1}", output: "${loop.state}"}
  b: {until: loop.pass == 2, max: 2, nodes: {two: {set: 1}}, output: "${loop.pass}"}
output: ["${a}", "${b}"]
""")

    assert ended.output == [2, 2]


_POLL = """
nodes:
  poll:
    until: look >= 3
    max: 5
    every: 1h
    nodes: {look: {call: look_at, args: {number: "${loop.pass}"}}}
    output: "${look}"
output: "${poll}"
"""


@pytest.mark.long
def test_passes_are_apart(stage: Stage) -> None:
    """EVIDENCE-OF F-56: "`every` waits between two passes, durably."

    A crash does not begin the wait anew: wherever one strikes, the passes are an hour apart. No wait
    stands before the first or behind the last.
    """
    times: list[tuple[int, float]] = []

    @task(effect="write")
    async def look_at(number: int) -> int:
        times.append((number, asyncio.get_running_loop().time()))
        return number

    def check() -> None:
        first = dict(reversed(times))
        apart = [first[2] - first[1], first[3] - first[2]]
        assert all(3600 <= one < 3640 for one in apart), apart

    flow = stage.flow(_POLL)
    report = crash_everywhere(flow, setup=times.clear, check=check)
    times.clear()
    with SimWorld() as world:
        world.worker()
        world.start(flow)
        began_s = world.time.now_s
        world.run_until(lambda: world.is_over("run"))
        assert times[0][1] - began_s < 3600
        assert world.time.now_s - times[-1][1] < 3600

    assert report.output == 3


def test_the_output_after_the_last_pass(stage: Stage) -> None:
    """EVIDENCE-OF F-57: "`output` is evaluated after the last pass, among its nodes; `loop.state` is then the state that the condition saw. Where a `while` never ran, its nodes are without a value. If the output refers plainly to such a node, the loop is skipped." """
    text = """
input: {n: integer}
nodes:
  down:
    while: loop.state < input.n
    max: 5
    state: 0
    nodes: {one: {call: get, args: {what: "${loop.state}"}}}
    next: "${loop.state + 1}"
    output: ["${OUT}", "${loop.state}"]
  up:
    until: loop.pass == 2
    max: 5
    state: 0
    nodes: {two: {call: get, args: {what: "${loop.pass}"}}}
    next: "${loop.state + 1}"
    output: ["${two}", "${loop.state}"]
output: ["${down?}", "${up}", "${outcome.down.reason}"]
"""
    plain, marked = text.replace("OUT", "one"), text.replace("OUT", "one?")

    assert stage.play(Unchecked.from_text(HEAD + plain), n=2).output == [[1, 2], [2, 1], None]
    assert stage.play(marked, n=0).output == [[None, 0], [2, 1], None]
    assert stage.play(Unchecked.from_text(HEAD + plain), n=0).output == [None, [2, 1], "needs one"]


@pytest.mark.parametrize(
    "words",
    [
        'until: one == 1, next: "${1}"',
        'until: 1 > 2, next: "${one}"',
        'while: loop.state != null, next: "${one}"',
        'while: unwanted == 1, next: "${1}"',
    ],
)
def test_what_a_loop_needs(stage: Stage, words: str) -> None:
    """EVIDENCE-OF F-58: "A condition or `next` that refers plainly to a node without a value fails the loop with the code `no-value`." """
    text = f"""
input: {{no: boolean}}
nodes:
  unwanted: {{when: input.no, set: 1}}
  again: {{{words}, max: 3, state: 0, nodes: {{one: {{when: input.no, set: 1}}}}, on_error: continue}}
output: "${{outcome.again}}"
"""
    ended = stage.play(Unchecked.from_text(HEAD + text), no=False)

    assert (ended.output["status"], ended.output["error"]["code"]) == ("failed", "no-value")

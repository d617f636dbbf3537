"""Limits, breakers, caches, fallbacks and locks, as documents say them."""

import asyncio
import json

from typing import Any

import podium

from podium import NotDone, Podium, Spend, task
from tests.flow.evidence.stage import Play, Stage
from tests.harness import committed, drive


def test_words_of_a_call_are_shared(stage: Stage) -> None:
    """EVIDENCE-OF F-70: "The words of a `call` stand in the place of those its task was declared with; limits, breakers and cached results are shared with every other call under the same key, whichever document or function makes it." """
    kept = "nodes: {a: {call: get, args: {what: 1}, cache: 1h}}\noutput: ['${a}', '${outcome.a.answered_by}']\n"
    first = stage.play(kept)
    second = stage.play(f"description: another document\n{kept}")

    assert (first.output, second.output) == ([1, "get"], [1, "cache"])
    assert stage.begun() == ["a"]

    breaks = """
nodes:
  tried:
    until: outcome.a.error.code == 'circuit-open'
    max: 200
    every: 10ms
    nodes:
      a: {call: fall, on_error: continue, breaker: {key: outside, failures: 2, open: 1h, when_open: fail}}
    output: "${loop.pass}"
output: "${tried}"
"""
    passes = [stage.play(f"description: run {number}\n{breaks}").output for number in range(2)]

    assert passes[0] > 2
    assert passes[1] == 1  # it is open for every run

    waits = """
nodes:
  a: {call: get, args: {what: 2}, rate: 1/1h}
  b: {after: a, call: get, args: {what: 3}, rate: 1/1h, queue_timeout: 10ms, on_error: continue}
output: "${outcome.b.error.code}"
"""
    assert stage.play(waits).output == "queue-timeout"


def test_so_many_at_once(stage: Stage) -> None:
    """Of a call with `concurrency: 1` there is one at a time, of those with a higher `priority` first."""
    text = """
nodes:
  a: {call: hold, args: {what: a}, concurrency: 1}
  low: {call: hold, args: {what: low}, concurrency: 1, priority: -5}
  high: {call: hold, args: {what: high}, concurrency: 1, priority: 5}
output: ["${a}", "${low}", "${high}"]
"""

    stage.outside.is_open.update(("a", "low", "high"))

    assert stage.play(text).output == ["a", "low", "high"]
    assert [line.word for line in stage.outside.lines] == ["begun", "done"] * 3
    assert stage.begun()[-1] == "low"


def test_keys_name_arguments(stage: Stage) -> None:
    """EVIDENCE-OF F-71: "A key may name arguments of the call, `crm:{account}`; without a key it is the name of the task." """
    text = """
nodes:
  one: {call: get, args: {what: 1}, rate: {limit: 1/1h, key: "of:{what}"}, queue_timeout: 10ms}
  two: {call: get, args: {what: 2}, rate: {limit: 1/1h, key: "of:{what}"}, queue_timeout: 10ms}
  again: {after: one, call: get, args: {what: 1}, rate: {limit: 1/1h, key: "of:{what}"}, queue_timeout: 10ms, on_error: continue}
  own: {call: put, args: {what: 1}, rate: 1/1h}
  same: {after: own, call: get, args: {what: 2}, rate: {limit: 1/1h, key: put}, queue_timeout: 10ms, on_error: continue}
output: ["${one}", "${two}", "${outcome.again.error.code}", "${outcome.same.error.code}"]
"""

    assert stage.play(text).output == [1, 2, "queue-timeout", "queue-timeout"]
    wrong = text.replace("of:{what}", "of:{who}", 1)
    assert stage.codes(wrong) == ["unknown-argument"]


_CHAIN = """
input: {n: integer}
nodes:
  a:
    call: status
    args: {n: "${input.n}"}
    fallback: [{last_good: 1h}, {call: archive, args: {n: "${input.n * 10}"}}, spare, {value: "none ${input.n}"}]
output: ["${a}", "${outcome.a}"]
"""


def _status(stage: Stage) -> None:
    @task(effect="read")
    async def status(n: int, more: str = "m") -> str:
        stage.outside.write("begun", n)
        if stage.outside.is_open:
            raise ValueError(f"down {n}")
        return f"live {n}"

    @task(effect="read")
    async def archive(n: int) -> str:
        if n < 100:
            raise ValueError(f"not there {n}")
        return f"archived {n}"

    @task(effect="read")
    async def spare(more: str, n: int) -> str:
        if n == 3:
            raise ValueError("not this one")
        return f"spare {n} {more}"


def test_fallbacks_are_tried_in_their_order(stage: Stage) -> None:
    """EVIDENCE-OF F-72: "`fallback` is tried in its order when the call has failed for good: `{call, args}` another task (its name alone, or without `args`: it is given those of the call that it has parameters for), `{last_good: 24h}` the newest success of the same call, `{value: …}` a value with expressions. Where none answers, the node has the error of the call itself." """
    _status(stage)
    live = stage.play(_CHAIN, n=1)
    stage.outside.is_open.add("outage")
    stale, archived, spare, fixed = [stage.play(_CHAIN, n=n).output for n in (1, 10, 2, 3)]
    none = stage.play(_CHAIN.replace(', {value: "none ${input.n}"}', ""), n=3)

    assert live.output[0] == "live 1"
    assert [one[0] for one in (stale, archived, spare, fixed)] == [
        "live 1", "archived 100", "spare 2 m", "none 3",
    ]  # fmt: skip
    assert none.failure == ("error", "down 3")


def test_who_answered_is_told(stage: Stage) -> None:
    """EVIDENCE-OF F-75: "`outcome.order.answered_by` is the task that gave the value, or `cache`, `last_good` or `degraded`; `is_stale` tells whether it is the last good one; `made_at` is when it was made, where the call has `cache` or `fallback`; `error` is why the call itself failed, though something else answered." """
    _status(stage)
    live = stage.play(_CHAIN, n=1).output[1]
    stage.outside.is_open.add("outage")
    stale, archived, spare, fixed = [stage.play(_CHAIN, n=n).output[1] for n in (1, 10, 2, 3)]
    many = [live, stale, archived, spare, fixed]

    assert [(one["answered_by"], one["is_stale"]) for one in many] == [
        ("status", False), ("last_good", True), ("archive", False), ("spare", False), ("degraded", False),
    ]  # fmt: skip
    assert live["error"] is None
    assert stale["error"] == {
        "type": "ValueError",
        "code": "error",
        "message": "down 1",
        "path": "a",
    }
    assert stale["made_at"] <= live["made_at"] < archived["made_at"]
    assert {one["status"] for one in many} == {"ok"}


def test_an_answer_fits(stage: Stage) -> None:
    """EVIDENCE-OF F-73: "An answer that does not fit the result of the task is none: the next one is tried." """

    @task(effect="read")
    async def count() -> int:
        raise ValueError("down")

    @task(effect="read")
    async def anything() -> Any:
        return "many"

    text = "nodes: {a: {call: count, fallback: [anything, {value: 7}]}}\noutput: '${a}'\n"

    assert stage.play(text).output == 7
    assert stage.codes(text.replace("value: 7", "value: seven")) == ["misfit"]


def test_what_may_have_happened_is_not_stood_in_for(stage: Stage) -> None:
    """EVIDENCE-OF F-74: "For a call whose end is not known nothing answers: what stands in for a `once` does so only where it certainly did not happen." """

    @task(effect="once", unknown="raise")
    async def pay(certain: bool) -> str:
        stage.outside.write("begun", certain)
        if certain:
            raise NotDone("the till is closed")
        await asyncio.Event().wait()
        return "paid"

    text = """
input: {certain: boolean}
nodes: {a: {call: pay, args: {certain: "${input.certain}"}, fallback: {value: later}}}
output: "${a}"
"""

    async def crash(play: Play) -> None:
        await play.begun(False)
        await play.crash()

    sure = stage.play(text, certain=True)
    open_ended = stage.play(text, crash, certain=False)

    assert sure.output == "later"
    assert (open_ended.status, open_ended.failure[0]) == ("failed", "lost")


def test_old_results_stand_for_no_effect(stage: Stage) -> None:
    """EVIDENCE-OF F-76: "`cache` and `last_good` are for tasks that are `pure` or `read`; at others they are refused." """
    text = "nodes: {a: {call: %s, args: {what: 1}, %s}}\noutput: '${a}'\n"

    for words in (
        "cache: 1h",
        "fallback: {last_good: 1h}",
        "fallback: [{value: 1}, {last_good: 1h}]",
    ):
        assert stage.codes(text % ("get", words)) == []
        assert stage.codes(text % ("put", words)) == ["not-for-effects"]
        assert stage.codes(text % ("get", f"{words}, effect: write")) == ["not-for-effects"]


def test_a_lock_is_held_while_a_node_works(stage: Stage) -> None:
    """EVIDENCE-OF F-77: "`lock` is held while the node works, with all its attempts and bodies; the key is computed as it starts. Where it is not free within `timeout`, the node fails with the code `timeout`; where two runs wait for each other, one of them fails with the code `lock-deadlock`." """
    text = """
input: {id: string}
nodes:
  each:
    lock: "customer:${input.id}"
    for_each: [x, y]
    concurrency: 1
    nodes: {in_it: {call: hold, args: {what: "${item}"}}}
  other: {lock: {key: "customer:${input.id}", timeout: 20ms}, call: get, args: {what: other}, on_error: continue}
  later: {after: "other?", lock: "customer:${input.id}", set: 3}
  free: {lock: {key: "customer:z", timeout: 20ms}, call: get, args: {what: free}}
output: ["${outcome.other.error.code}", "${later}", "${free}"]
"""

    async def script(play: Play) -> None:
        await play.begun("x")
        await play.recorded("other/lock")
        play.open("x", "y")

    ended = stage.play(text, script, id="A")

    assert ended.output == ["timeout", 3, "free"]
    assert "other" not in stage.begun()

    circle = """
input: {one: string, two: string}
nodes:
  outer:
    lock: "${input.one}"
    for_each: [1]
    nodes:
      first: {call: hold, args: {what: "${input.one}"}}
      second: {after: first, lock: "${input.two}", set: "${input.two}"}
    output: "${second}"
output: "${outer[0]}"
"""

    async def both() -> list[str]:
        flow = stage.flow(circle)
        async with Podium(stage.db) as app:
            runs = [await app.start(flow, {"one": a, "two": b}) for a, b in ("pq", "qp")]
            while not stage.outside.did("begun", "p", "q"):
                await asyncio.sleep(0.001)
            stage.outside.is_open.update("pq")
            ends = await asyncio.gather(*[run.result() for run in runs], return_exceptions=True)
        return sorted(_end(one) for one in ends)

    [ok, code] = sorted(drive(both()), key=len)
    assert (ok in "pq", code) == (True, "lock-deadlock")


def _end(one: Any) -> str:
    if not isinstance(one, podium.RunFailed):
        return str(one)
    error = one.error
    while error.cause is not None:
        error = error.cause
    return error.code


def sell() -> None:
    """Register a task that has a price."""

    @task(effect="read", price=lambda cents: Spend(cents / 100))
    async def buy(cents: int) -> int:
        return cents


def spent(stage: Stage) -> dict[str, int]:
    """What was spent of each budget of runs, in cents, without the id of the run."""
    with committed(stage.db) as view:
        found = view.reader.common.states("budget.run")
    return {
        key.partition("/")[2]: json.loads(state).get("spent", [0])[0] // 10_000_000
        for key, state in found.items()
    }


def test_budgets_nest_and_end_with_their_node(stage: Stage) -> None:
    """EVIDENCE-OF F-93: "`budget` holds for all that a node does: its attempts, its bodies, its child runs; at the head of a flow it holds for the run. Budgets nest, and what a node starts afterwards does not stand under its own." """
    sell()
    ended = stage.play("""
budget: {usd: 1}
nodes:
  many:
    for_each: [1, 2]
    concurrency: 1
    budget: {name: loop, usd: 0.30}
    nodes:
      one: {call: buy, args: {cents: 5}, budget: {usd: 0.05}}
      two: {after: one, call: buy, args: {cents: 2}}
    output: ${one + two}
  inner:
    after: many
    budget: {calls: 2}
    flow: {podium: 1, nodes: {one: {call: buy, args: {cents: 3}}, two: {call: buy, args: {cents: 3}}}, output: "${one + two}"}
  last: {after: inner, call: buy, args: {cents: 50}}
output: ["${many}", "${inner}", "${last}"]
""")

    assert ended.output == [[7, 7], 6, 50]
    assert spent(stage) == {
        "": 70, "many/budget": 14, "many[0]/one/budget": 5, "many[1]/one/budget": 5, "inner/budget": 6,
    }  # fmt: skip


def test_what_does_not_fit_fails(stage: Stage) -> None:
    """EVIDENCE-OF F-94: "A node that does not fit into a budget fails with the code `budget-exceeded`, or as `at_limit` says; what that and the other words mean is on [the page about budgets](budgets.md)." """
    sell()
    ended = stage.play("""
nodes:
  a: {call: buy, args: {cents: 5}, budget: {usd: "0.04"}, on_error: continue}
  b: {call: buy, args: {cents: 5}, budget: {usd: 0.04, at_limit: cheaper}, on_error: continue}
  c: {set: 1, budget: {steps: 0}}
  d: {call: buy, args: {cents: 5}, budget: {usd: 0.04}, fallback: [{value: 0}]}
output: ["${outcome.a.error.code}", "${outcome.b.error.code}", "${c}", "${d}"]
""")

    assert ended.output == ["budget-exceeded", "budget-cheaper", 1, 0]
    for bad in (
        "{}",
        "1",
        "{usd: -1}",
        "{usd: 1, per: day}",
        "{usd: 1, at_limit: wait}",
        "{time: soon}",
    ):
        assert (
            stage.codes(
                f"nodes: {{a: {{call: buy, args: {{cents: 1}}, budget: {bad}}}}}\noutput: ${{a}}"
            )
            != []
        )

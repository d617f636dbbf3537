"""Workflows written twice: as a function and as a document.

Steps have the same names, as far as a function can give them: what it calls ``draft.2/write`` is
``draft[2]/write`` in a document, calls that are gathered or raced sit in ``gather[0]``, and those
under a lock in ``lock:key``.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import podium

from podium import (
    Cache,
    Concurrency,
    Degraded,
    Flow,
    LastGood,
    Rate,
    Retry,
    StepFailed,
    Workflow,
    gather,
    scope,
    workflow,
)
from tests.flow.equivalence.tasks import (
    eq_add,
    eq_answer_in_time,
    eq_book,
    eq_cancel,
    eq_check,
    eq_critique,
    eq_flaky,
    eq_get,
    eq_nap,
    eq_page,
    eq_put,
    eq_revise,
    eq_second,
    eq_ship,
)


@dataclass(frozen=True)
class Pair:
    """One workflow, both ways.

    Attributes:
        inputs: What it is run with, one after the other.
        signals: What is sent to it: ``(name, value, after)``.
        answers: What people answer.
    """

    name: str
    function: Workflow[..., Any]
    text: str
    inputs: tuple[dict[str, Any], ...]
    signals: tuple[tuple[Any, ...], ...] = ()
    answers: tuple[Any, ...] = ()

    @property
    def document(self) -> Flow:
        """The document."""
        return Flow.from_text(f"podium: 1\nname: {self.name}\n{self.text}")


PAIRS: dict[str, Pair] = {}
Program = Callable[..., Coroutine[Any, Any, Any]]


def same_as(
    text: str, *inputs: dict[str, Any], signals: tuple[tuple[Any, ...], ...] = (),
    answers: tuple[Any, ...] = (),
) -> Callable[[Program], Program]:  # fmt: skip
    """The function does what this document does."""

    def keep(program: Program) -> Program:
        name = program.__name__
        known = workflow(name=f"eq_{name}")(program)
        PAIRS[name] = Pair(name, known, text, inputs or ({},), signals, answers)
        return program

    return keep


@same_as(
    """
input: {n: integer}
nodes:
  a: {call: eq_put, args: {what: "${input.n}"}}
  b: {call: eq_add, args: {a: "${a}", b: 10}}
  c: {call: eq_get, args: {what: {sum: "${b}"}}}
output: "${c.sum}"
""",
    {"n": 1},
)
async def chain(n: int) -> Any:
    a = await eq_put(n).as_("a")
    b = await eq_add(a, 10).as_("b")
    return (await eq_get({"sum": b}).as_("c"))["sum"]


@same_as("""
nodes:
  top: {call: eq_put, args: {what: 1}}
  left: {call: eq_put, args: {what: "${top + 1}"}}
  right: {call: eq_get, args: {what: "${top + 2}"}}
  bottom: {call: eq_put, args: {what: ["${left}", "${right}"]}}
output: "${bottom}"
""")
async def diamond() -> Any:
    top = await eq_put(1).as_("top")
    left, right = await gather(eq_put(top + 1).as_("left"), eq_get(top + 2).as_("right"))
    return await eq_put([left, right]).as_("bottom")


@same_as(
    """
input: {order: string?}
nodes:
  kb: {call: eq_get, args: {what: facts}}
  order: {when: input.order != null, call: eq_get, args: {what: "${input.order}"}}
  reply: {call: eq_put, args: {what: {facts: "${kb}", order: "${order?}"}}}
output: "${reply}"
""",
    {"order": "A1"},
    {},
)
async def when_else(order: str | None = None) -> Any:
    if order is None:
        facts, found = await eq_get("facts").as_("kb"), None
    else:
        facts, found = await gather(eq_get("facts").as_("kb"), eq_get(order).as_("order"))
    return await eq_put({"facts": facts, "order": found}).as_("reply")


@same_as(
    """
input: {kind: string}
nodes:
  intent: {call: eq_get, args: {what: {kind: "${input.kind}"}}}
  route:
    switch:
      - when: intent.kind == 'refund'
        nodes: {pay: {call: eq_put, args: {what: paid}}, note: {call: eq_put, args: {what: "${pay} noted"}}}
        output: "${note}"
      - {when: intent.kind == 'none', nodes: {}, output: nothing}
      - {else: true, nodes: {note: {call: eq_put, args: {what: "${intent.kind}"}}}, output: "${note}"}
output: "${route}"
""",
    {"kind": "refund"},
    {"kind": "none"},
    {"kind": "chat"},
)
async def switch(kind: str) -> Any:
    intent = await eq_get({"kind": kind}).as_("intent")
    with scope("route"):
        match intent["kind"]:
            case "refund":
                paid = await eq_put("paid").as_("pay")
                return await eq_put(f"{paid} noted").as_("note")
            case "none":
                return "nothing"
            case other:
                return await eq_put(other).as_("note")


@same_as(
    """
input: {urls: [string]}
nodes:
  pages:
    for_each: "${input.urls}"
    as: url
    concurrency: 2
    nodes:
      get: {call: eq_get, args: {what: "${url}"}}
      keep: {call: eq_put, args: {what: "${get}!"}}
    output: "${keep}"
  all: {call: eq_put, args: {what: "${pages}"}}
output: "${all}"
""",
    {"urls": ["a", "b", "c"]},
    {"urls": []},
)
async def fan_out(urls: list[str]) -> Any:
    async def pages(url: str) -> Any:
        return await eq_put(f"{await eq_get(url).as_('get')}!").as_("keep")

    return await eq_put(await podium.map(pages, urls, concurrency=2)).as_("all")


@same_as("""
nodes:
  each:
    for_each: [5, 3, 1]
    key: "${item}"
    concurrency: 1
    nodes: {check: {call: eq_check, args: {number: "${item}", least: 2}}}
    output: "${check}"
  never: {call: eq_put, args: {what: "${each}"}}
output: "${never}"
""")
async def map_that_fails() -> Any:
    async def each(item: int) -> Any:
        return await eq_check(item, least=2).as_("check")

    found = await podium.map(each, [5, 3, 1], key=str, concurrency=1)
    return await eq_put(found).as_("never")


@same_as("""
nodes:
  each:
    for_each: [1, 2, 3]
    partial: true
    nodes: {check: {call: eq_check, args: {number: "${item}", least: 2}}}
    output: "${check}"
  told: {call: eq_put, args: {what: "${each.map(e, e.value ?? e.error.message)}"}}
output: "${told}"
""")
async def map_with_failures() -> Any:
    async def each(item: int) -> Any:
        try:
            return await eq_check(item, least=2).as_("check")
        except StepFailed as failure:
            return failure.message

    return await eq_put(await podium.map(each, [1, 2, 3])).as_("told")


@same_as(
    """
input: {n: integer}
nodes:
  down:
    while: loop.state > 0
    max: 10
    state: "${input.n}"
    nodes: {less: {call: eq_add, args: {a: "${loop.state}", b: -1}}}
    next: "${less}"
    output: "${loop.state}"
  end: {call: eq_put, args: {what: "${down}"}}
output: "${end}"
""",
    {"n": 3},
    {"n": 0},
)
async def while_loop(n: int) -> Any:
    number = 0
    while n > 0:
        number += 1
        with scope(f"down.{number}"):
            n = await eq_add(n, -1).as_("less")
    return await eq_put(n).as_("end")


@same_as("""
nodes:
  poll:
    until: status >= 3
    max: 5
    every: 10m
    nodes: {status: {call: eq_get, args: {what: "${loop.pass}"}}}
    output: "${status}"
output: "${poll}"
""")
async def until_loop() -> Any:
    for number in range(1, 6):
        if number > 1:
            await podium.sleep("10m")
        with scope(f"poll.{number}"):
            if (status := await eq_get(number).as_("status")) >= 3:
                return status
    raise AssertionError("there are passes left")


@same_as("""
nodes:
  each:
    for_each: [1, 2]
    nodes:
      grow:
        until: more >= 3
        max: 5
        state: "${item}"
        nodes: {more: {call: eq_add, args: {a: "${loop.state}"}}}
        next: "${more}"
        output: "${more}"
      keep: {call: eq_put, args: {what: "${grow}"}}
    output: "${keep}"
output: "${each}"
""")
async def loop_in_a_map() -> Any:
    async def each(item: int) -> Any:
        number, passes = item, 0
        while number < 3:
            passes += 1
            with scope(f"grow.{passes}"):
                number = await eq_add(number).as_("more")
        return await eq_put(number).as_("keep")

    return await podium.map(each, [1, 2])


@same_as(
    """
input: {fails: integer}
nodes:
  flaky: {call: eq_flaky, args: {fails: "${input.fails}"}, retry: {attempts: 3, backoff: 1s}}
output: "${flaky}"
""",
    {"fails": 2},
    {"fails": 99},
)
async def retries(fails: int) -> Any:
    return await eq_flaky(fails).as_("flaky")


@same_as(
    """
input: {seconds: number}
nodes:
  asked: {call: eq_answer_in_time, args: {seconds: "${input.seconds}"}, timeout: 2s, on_error: continue}
  reply: {call: eq_put, args: {what: "${asked? ?? 'stale'}"}}
output: "${reply}"
""",
    {"seconds": 0.5},
    {"seconds": 50},
)
async def timeout_with_fallback(seconds: float) -> Any:
    try:
        reply = await eq_answer_in_time(seconds).as_("asked")
    except podium.StepTimedOut:
        reply = "stale"
    return await eq_put(reply).as_("reply")


@same_as(
    """
input: {n: integer}
nodes:
  pay: {call: eq_check, args: {number: "${input.n}", least: 3}, on_error: rescue}
  rescue: {call: eq_put, args: {what: "${outcome.pay.error.code}: ${outcome.pay.error.message}"}}
  end: {call: eq_put, args: {what: ["${pay?}", "${rescue?}"]}}
output: "${end}"
""",
    {"n": 3},
    {"n": 2},
)
async def handler(n: int) -> Any:
    paid = rescued = None
    try:
        paid = await eq_check(n, least=3).as_("pay")
    except StepFailed as failure:
        rescued = await eq_put(f"{failure.error.code}: {failure.message}").as_("rescue")
    return await eq_put([paid, rescued]).as_("end")


@same_as("""
nodes:
  one: {call: eq_nap, args: {what: one, seconds: 500}}
  two: {call: eq_nap, args: {what: two, seconds: 1}}
  first: {join: any, set: "${two? ?? one?}"}
  use: {call: eq_put, args: {what: "${first}"}}
output: "${use}"
""")
async def first_of_two() -> Any:
    _, first = await podium.race(eq_nap("one", 500).as_("one"), eq_nap("two", 1).as_("two"))
    return await eq_put(first).as_("use")


@same_as(
    """
nodes:
  before: {call: eq_put, args: {what: before}}
  paid: {after: before, wait: {signal: paid, type: {amount: integer}}}
  more: {after: paid, wait: {signal: paid}}
  pause: {after: more, wait: 1h}
  after_all: {after: pause, call: eq_put, args: {what: "${paid.amount + more.amount}"}}
output: "${after_all}"
""",
    signals=(("paid", {"amount": 1}, "1s"), ("paid", {"amount": 2}, "2h")),
)
async def signals() -> Any:
    await eq_put("before").as_("before")
    paid = await podium.receive("paid")
    more = await podium.receive("paid")
    await podium.sleep("1h")
    return await eq_put(paid["amount"] + more["amount"]).as_("after_all")


@same_as(
    """
nodes:
  order: {call: eq_get, args: {what: {total: 12}}}
  approve: {ask: "Refund ${order.total}?", form: {ok: boolean}, to: support, timeout: 2d, on_timeout: {ok: false}}
  pay: {when: approve.ok, call: eq_put, args: {what: "${order.total}"}}
output: "${pay? ?? 'refused'}"
""",
    answers=({"ok": True},),
)
async def ask() -> Any:
    order = await eq_get({"total": 12}).as_("order")
    try:
        form = {"question": f"Refund {order['total']}?", "fields": {"ok": "boolean"}}
        answer = await podium.ask(form, to="support", timeout="2d")
    except podium.StepTimedOut:
        answer = {"ok": False}
    return await eq_put(order["total"]).as_("pay") if answer["ok"] else "refused"


@same_as(
    """
input: {parcels: integer}
nodes:
  order: {call: eq_get, args: {what: A1}}
  shipped: {flow: eq_ship, args: {order: "${order}", parcels: "${input.parcels}"}}
  end: {call: eq_put, args: {what: "${shipped}"}}
output: "${end}"
""",
    {"parcels": 2},
    {"parcels": 0},
)
async def child(parcels: int) -> Any:
    order = await eq_get("A1").as_("order")
    return await eq_put(await eq_ship(order, parcels).as_("shipped")).as_("end")


@same_as(
    """
input: {least: integer}
nodes:
  hotel: {call: eq_book, args: {what: hotel}, compensate: eq_cancel}
  flight: {after: hotel, call: eq_book, args: {what: "flight to ${hotel.id}"}, compensate: eq_cancel}
  pay: {after: flight, call: eq_check, args: {number: 5, least: "${input.least}"}}
output: ["${hotel.id}", "${flight.id}", "${pay}"]
""",
    {"least": 9},
    {"least": 1},
)
async def saga(least: int) -> Any:
    hotel = await eq_book("hotel").as_("hotel").with_compensation(eq_cancel)
    there = f"flight to {hotel['id']}"
    flight = await eq_book(there).as_("flight").with_compensation(eq_cancel)
    return [hotel["id"], flight["id"], await eq_check(5, least).as_("pay")]


@same_as("""
nodes:
  all:
    while: loop.state.token != null
    max: 10
    state: {token: 1, items: []}
    nodes: {page: {call: eq_page, args: {token: "${loop.state.token}"}}}
    next: {token: "${page.next}", items: "${loop.state.items + page.items}"}
    output: "${loop.state.items}"
  keep: {call: eq_put, args: {what: "${all}"}}
output: "${keep}"
""")
async def pagination() -> Any:
    token: int | None = 1
    items: list[Any] = []
    number = 0
    while token is not None:
        number += 1
        with scope(f"all.{number}"):
            page = await eq_page(token).as_("page")
        token, items = page["next"], items + page["items"]
    return await eq_put(items).as_("keep")


@same_as(
    """
input: {most: integer}
nodes:
  draft:
    until: judge.ok || loop.pass == input.most
    max: 9
    state: {text: "", note: null}
    nodes:
      write: {call: eq_revise, args: {text: "${loop.state.text}", note: "${loop.state.note}"}}
      judge: {call: eq_critique, args: {text: "${write}"}}
    next: {text: "${write}", note: "${judge.note}"}
    output: "${write}"
  publish: {call: eq_put, args: {what: "${draft}"}}
output: "${publish}"
""",
    {"most": 9},
    {"most": 2},
)
async def draft_critique_revise(most: int) -> Any:
    text, note, number = "", None, 0
    while True:
        number += 1
        with scope(f"draft.{number}"):
            text = await eq_revise(text, note).as_("write")
            judged = await eq_critique(text).as_("judge")
        note = judged["note"]
        if judged["ok"] or number == most:
            return await eq_put(text).as_("publish")


# what resilience has words for ------------------------------------------------------------


@same_as(
    """
input: {least: integer}
nodes:
  checked:
    call: eq_check
    args: {number: 5, least: "${input.least}"}
    fallback:
      - {call: eq_second}
      - {value: "${input.least - 100}"}
  keep: {call: eq_put, args: {what: ["${checked}", "${outcome.checked.answered_by}"]}}
output: "${keep}"
""",
    {"least": 5},
    {"least": 6},
    {"least": 8},
)
async def fallbacks(least: int) -> Any:
    call = eq_check(5, least).as_("checked").with_fallback(eq_second, Degraded(least - 100))
    outcome = await call.outcome()
    return await eq_put([outcome.value, outcome.answered_by]).as_("keep")


@same_as("""
nodes:
  first: {call: eq_get, args: {what: [1, 2]}, cache: 10m}
  second: {call: eq_get, args: {what: "${first}"}, cache: {ttl: 10m, key: what}, after: first}
  third: {call: eq_get, args: {what: [3]}, cache: 10m, fallback: {last_good: 1h}, after: second}
output: {values: ["${first}", "${second}", "${third}"], by: "${outcome.second.answered_by}"}
""")
async def cached() -> Any:
    first = await eq_get([1, 2]).as_("first").with_options(cache=Cache("10m"))
    second = eq_get(first).as_("second").with_options(cache=Cache("10m", key="what"))
    outcome = await second.outcome()
    third = eq_get([3]).as_("third").with_options(cache=Cache("10m")).with_fallback(LastGood("1h"))
    return {"values": [first, outcome.value, await third], "by": outcome.answered_by}


@same_as(
    """
input: {fails: integer}
nodes:
  flaky:
    call: eq_flaky
    args: {fails: "${input.fails}"}
    retry: {attempts: 4, backoff: 2s, factor: 3, jitter: 0, not_on: KeyError}
    on_error: continue
  said: {set: "${flaky? ?? outcome.flaky.error.code}"}
  keep: {call: eq_put, args: {what: "${said}"}}
output: "${keep}"
""",
    {"fails": 3},
    {"fails": 99},
)
async def retried(fails: int) -> Any:
    retry = Retry(attempts=4, backoff="2s", factor=3, jitter=0, not_on=[KeyError])
    try:
        said = await eq_flaky(fails).as_("flaky").with_options(retry=retry)
    except StepFailed as error:
        said = error.error.code
    return await eq_put(said).as_("keep")


@same_as("""
nodes:
  both:
    for_each: "${[1, 2, 3]}"
    concurrency: 3
    nodes:
      put: {call: eq_put, args: {what: "${item}"}, lock: "shelf", rate: 100/s, concurrency: {limit: 2, key: hands}}
    output: "${put}"
output: "${both}"
""")
async def one_by_one() -> Any:
    async def both(number: int) -> Any:
        async with podium.lock("shelf"):
            call = eq_put(number).as_("put")
            limits = {"rate": Rate("100/s"), "concurrency": Concurrency(2, key="hands")}
            return await call.with_options(**limits)

    return await podium.map(both, [1, 2, 3], concurrency=3)

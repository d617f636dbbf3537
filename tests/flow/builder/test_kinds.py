"""A flow written in Python is the document that a person would have written: every kind, every word."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from podium import (
    Breaker,
    Budget,
    Cache,
    Concurrency,
    Degraded,
    LastGood,
    Rate,
    Retry,
    RetryRule,
)
from podium.flow.builder import (
    Body,
    FlowBuilder,
    ItemBody,
    LoopBody,
    case,
    coalesce,
    has,
    maybe,
    not_null,
    otherwise,
    outcome,
    raw,
    sure,
)
from podium.flow.parse import parse
from podium.flow.source import read
from tests.flow.builder.shop import (
    Approval,
    Draft,
    Message,
    Order,
    Page,
    Pages,
    Paid,
    Verdict,
    critique,
    fetch,
    format_response,
    order_status,
    parse_intent,
    refund,
    release,
    revise,
    search_kb,
    shipping,
    write_note,
)

Write = Callable[[], FlowBuilder[Any]]
PAIRS: dict[str, tuple[Write, str]] = {}


def same_as(text: str) -> Callable[[Write], Write]:
    """The function writes this document."""

    def keep(write: Write) -> Write:
        PAIRS[write.__name__] = write, text
        return write

    return keep


@same_as("""
podium: 1
name: support
input: {message: string}
nodes:
  intent: {call: parse_intent, args: {text: "${input.message}"}}
  kb: {call: search_kb, args: {query: "${intent.topic}"}}
  order:
    when: has(intent.order_id)
    call: order_status
    args: {order_id: "${intent.order_id}"}
    retry: {attempts: 5, backoff: 200ms}
  reply: {call: format_response, args: {facts: "${kb}", order: "${order?}"}}
output: "${reply}"
""")
def the_first_page() -> FlowBuilder[Any]:
    flow = FlowBuilder("support", input=Message)
    intent = flow.call("intent", parse_intent(flow.input.message))
    kb = flow.call("kb", search_kb(intent.topic))
    order = flow.call(
        "order",
        order_status(sure(intent.order_id)),
        when=has(intent.order_id),
        retry=Retry(5, "200ms"),
    )
    reply = flow.call("reply", format_response(kb, order=maybe(order)))
    flow.output(reply)
    return flow


@same_as("""
podium: 1
name: head
description: What it is for.
uses: [shop.tools]
input: {urls: [string], at: string?}
env: {REGION: eu, TOKEN: null}
nodes:
  here: {description: where, set: {region: "${env.REGION}", at: "${input.at}"}}
""")
def the_head() -> FlowBuilder[Any]:
    flow = FlowBuilder(
        "head",
        input=Pages,
        env={"REGION": "eu", "TOKEN": None},
        uses=["shop.tools"],
        description="What it is for.",
    )
    value = {"region": flow.env("REGION"), "at": flow.input.get("at")}
    value["at"] = flow.input["at"]
    flow.set("here", value, description="where")
    return flow


@same_as("""
podium: 1
name: policies
nodes:
  first: {call: search_kb, args: {query: lamp}, retry: 3, timeout: 10s, total_timeout: 1m30s, effect: write, on_error: continue}
  second: {after: first, call: search_kb, args: {query: lamp}, on_error: rescue, compensate: release}
  rescue: {call: write_note, args: {text: "${outcome.second.error.message}"}}
  third:
    after: [first?, second]
    join: settled
    call: order_status
    args: {order_id: A1}
    retry: {attempts: 4, backoff: 1s, factor: 3.0, backoff_max: 2m, jitter: 0.1, on: [OSError], not_on: [ValueError]}
    compensate: {call: release, args: {id: "${third.id}"}}
  fourth: {after: [first, second], join: {of: any, rest: continue}, set: "${first? ?? second? ?? null}"}
  fifth: {after: [first, "second?"], join: 2, set: 1}
  sixth: {call: order_status, args: {order_id: A1}, compensate: release}
""")
def every_policy() -> FlowBuilder[Any]:
    flow = FlowBuilder("policies")
    first = flow.call(
        "first",
        search_kb("lamp"),
        retry=3,
        timeout="10s",
        total_timeout=timedelta(seconds=90),
        effect="write",
        on_error="continue",
    )
    second = flow.call("second", search_kb("lamp"), after=first, on_error="rescue")
    flow.compensate(second, release)
    flow.call("rescue", write_note(sure(outcome(second)["error"])["message"]))
    third = flow.call(
        "third",
        order_status("A1"),
        after=[maybe(first), second],
        join="settled",
        retry=Retry(
            4, "1s", factor=3, backoff_max="2m", jitter=0.1, on=[OSError], not_on=[ValueError]
        ),
    )
    flow.compensate(third, release(third.id))
    flow.set(
        "fourth",
        coalesce(maybe(first), maybe(second), None),
        after=[first, second],
        join={"of": "any", "rest": "continue"},
    )
    flow.set("fifth", 1, after=[first, "second?"], join=2)
    flow.call("sixth", order_status("A1").with_compensation(release))
    return flow


@same_as("""
podium: 1
name: outside
nodes:
  first:
    call: order_status
    args: {order_id: A1}
    retry:
      attempts: 3
      on_status: [429, 503]
      not_on_status: [404]
      rules: [{on: [OSError], attempts: 5, backoff: 1s}, {on_status: [500], jitter: 0.1}]
      retry_after_max: 5m
    rate: {limit: 100/60s, key: "orders:{order_id}", strict: false}
    concurrency: {limit: 4, key: orders}
    breaker: {key: orders, failures: 3, slow: 2s, when_open: fail, on: [OSError]}
    cache: {ttl: 10m, key: [order_id]}
    fallback: [{last_good: 1d}, {call: order_status, args: {order_id: A2}}, {call: order_status}, {value: {id: none, total: 0.0}}]
    queue_timeout: 5m
    heartbeat_timeout: 30s
    priority: 7
    lock: till
    budget: {name: till, usd: 0.5, tokens: 900, time: 10m, at_limit: ask, unknown: allow}
  second:
    call: order_status
    args: {order_id: "${first.id}"}
    rate: 10/s
    concurrency: 2
    breaker: orders_too
    cache: 1h
    fallback: {value: "${first}"}
    lock: {key: "order:${first.id}", timeout: 10s}
    verify:
      - second.total > 0.0
      - {cel: has(second.id), name: known, if_broken: pass}
      - {quorum: ["true", {judge: "x:y", rubric: "Is it ${first.id}?"}], of: 1}
    on_refusal: [{other_model: "x:y", as: order_id}, ask]
""")
def all_about_the_outside() -> FlowBuilder[Any]:
    flow = FlowBuilder("outside")
    first = flow.call(
        "first",
        order_status("A1"),
        retry=Retry(
            on_status=[429, 503],
            not_on_status=[404],
            rules=[
                RetryRule(on=[OSError], attempts=5, backoff="1s"),
                RetryRule(on_status=[500], jitter=0.1),
            ],
            retry_after_max="5m",
        ),
        rate=Rate("100/min", key="orders:{order_id}", strict=False),
        concurrency=Concurrency(4, key="orders"),
        breaker=Breaker("orders", failures=3, slow="2s", when_open="fail", on=[OSError]),
        cache=Cache("10m", key="order_id"),
        fallback=[
            LastGood("24h"),
            order_status("A2"),
            order_status,
            Degraded({"id": "none", "total": 0.0}),
        ],
        queue_timeout="5m",
        heartbeat_timeout="30s",
        priority=7,
        lock="till",
        budget=Budget("till", usd=0.5, tokens=900, time="10m", at_limit="ask", unknown="allow"),
    )
    flow.call(
        "second",
        order_status(first.id),
        rate=Rate("10/s"),
        concurrency=Concurrency(2),
        breaker=Breaker("orders_too"),
        cache=Cache("1h"),
        fallback=Degraded(first),
        lock={"key": f"order:{first.id}", "timeout": "10s"},
        verify=[
            "second.total > 0.0",
            {"cel": "has(second.id)", "name": "known", "if_broken": "pass"},
            {"quorum": ["true", {"judge": "x:y", "rubric": f"Is it {first.id}?"}], "of": 1},
        ],
        on_refusal=[{"other_model": "x:y", "as": "order_id"}, "ask"],
    )
    return flow


@same_as("""
podium: 1
name: flows
nodes:
  known: {flow: shipping, args: {order_id: A1, fast: true}}
  file: {flow: ./ship.yaml, args: {id: "${known.id}"}}
  inner:
    flow:
      name: inner
      input: {message: string}
      nodes: {intent: {call: parse_intent, args: {text: "${input.message}"}}}
      output: "${intent.kind}"
    args: {message: "Order ${known.id}"}
  named: {call: elsewhere, args: {n: 1}}
output: ["${file.lines[0].price}", "${inner}", "${named}"]
""")
def flows_within() -> FlowBuilder[Any]:
    inner = FlowBuilder("inner", input=Message)
    intent = inner.call("intent", parse_intent(inner.input.message))
    kind = inner.output(intent.kind)

    flow = FlowBuilder("flows")
    known = flow.flow("known", shipping("A1", fast=True))
    file = flow.flow("file", "./ship.yaml", {"id": known.id}, type=Order)
    given = flow.flow("inner", kind(Message(f"Order {known.id}")))
    named = flow.call("named", "elsewhere", {"n": 1})
    flow.output([file.lines[0].price, given, named])
    return flow


@same_as("""
podium: 1
name: switches
input: {message: string}
nodes:
  intent: {call: parse_intent, args: {text: "${input.message}"}}
  order: {call: order_status, args: {order_id: "${intent.order_id}"}}
  route:
    switch:
      - {when: "intent.kind == 'refund'", nodes: {pay: {call: refund, args: {order: "${order}"}}}, output: "${pay}"}
      - {when: order.total > 100, nodes: {}}
      - {else: true, nodes: {note: {call: write_note, args: {text: "${input.message}"}}}, output: "${note}"}
""")
def a_switch() -> FlowBuilder[Any]:
    flow = FlowBuilder("switches", input=Message)
    intent = flow.call("intent", parse_intent(flow.input.message))
    order = flow.call("order", order_status(sure(intent.order_id)))
    flow.switch(
        "route",
        case(intent.kind == "refund", lambda body: body.call("pay", refund(order))),
        case(order.total > 100, lambda body: None),
        otherwise(lambda body: body.call("note", write_note(flow.input.message))),
    )
    return flow


@same_as("""
podium: 1
name: pages
input: {urls: [string], at: string?}
nodes:
  pages: {for_each: "${input.urls}", as: url, key: "${url}", concurrency: 8, nodes: {get: {call: fetch, args: {url: "${url}"}}}, output: "${get.text}"}
  parts: {for_each: ["${input.at}", b], partial: true, nodes: {get: {call: fetch, args: {url: "${item}"}}}, output: "${loop.index}"}
  texts:
    for_each: "${pages}"
    as: text
    nodes:
      words: {for_each: "${text.split(' ')}", as: word, nodes: {one: {set: "${text + word}"}}, output: "${one}"}
    output: "${words}"
output: "${parts[0].value}"
""")
def for_each_item() -> FlowBuilder[Any]:
    def get(body: ItemBody, item: str) -> int:
        body.call("get", fetch(item))
        return body.index

    def words(body: Body, text: str) -> list[str]:
        return body.for_each(
            "words", text.split(" "), lambda body, word: body.set("one", text + word)
        )

    flow = FlowBuilder("pages", input=Pages)
    pages = flow.for_each(
        "pages",
        flow.input["urls"],
        lambda body, url: body.call("get", fetch(url)).text,
        key=lambda url: url,
        concurrency=8,
    )
    parts = flow.for_each("parts", [flow.input["at"], "b"], get, partial=True)
    flow.for_each("texts", pages, words)
    flow.output(parts[0]["value"])
    return flow


@same_as("""
podium: 1
name: loops
nodes:
  draft:
    until: judge.ok
    max: 5
    state: {text: ""}
    nodes:
      write: {call: revise, args: {text: "${loop.state.text}"}}
      judge: {call: critique, args: {text: "${write}"}}
    next: {text: "${write}"}
    output: "${write}"
  poll: {until: check.ok, max: 100, every: 2s, nodes: {check: {call: critique, args: {text: "${draft}"}}}, output: "${check}"}
  count: {while: "loop.state < 10 && loop.pass != 4", max: 20, state: 0, nodes: {}, next: "${loop.state + 1}", output: "${loop.state}"}
""")
def loops() -> FlowBuilder[Any]:
    def draft(body: LoopBody[Draft]) -> str:
        write = body.call("write", revise(body.state["text"]))
        judge = body.call("judge", critique(write))
        body.next({"text": write})
        body.until(judge.ok)
        return write

    def poll(body: LoopBody[None]) -> Verdict:
        check = body.call("check", critique(written))
        body.until(check.ok)
        return check

    def count(body: LoopBody[int]) -> int:
        body.while_((body.state < 10) & (body.pass_ != 4))
        body.next(body.state + 1)
        return body.state

    flow = FlowBuilder("loops")
    written = flow.repeat("draft", draft, max=5, state={"text": ""})
    flow.repeat("poll", poll, max=100, every=timedelta(seconds=2))
    flow.repeat("count", count, max=20, state=0)
    return flow


@same_as("""
podium: 1
name: waits
input: {urls: [string], at: string?}
nodes:
  pause: {wait: 10m}
  short: {wait: 1h30m}
  long: {wait: "${input.at}"}
  later: {wait: {until: "${input.at}"}}
  fixed: {wait: {until: "2026-01-31T12:00:00Z"}}
  any: {wait: {signal: go}}
  paid: {after: pause, wait: {signal: paid, type: {amount: number}}}
  word: {wait: {signal: word, type: string}}
  words: {wait: {signal: words, type: [string]}}
output: "${paid.amount}"
""")
def waits() -> FlowBuilder[Any]:
    flow = FlowBuilder("waits", input=Pages)
    at = flow.input["at"]
    pause = flow.wait("pause", "10m")
    flow.wait("short", timedelta(minutes=90))
    flow.wait("long", at)
    flow.wait_until("later", at)
    flow.wait_until("fixed", datetime(2026, 1, 31, 12, tzinfo=UTC))
    flow.wait_signal("any", "go")
    paid = flow.wait_signal("paid", "paid", type=Paid, after=pause)
    flow.wait_signal("word", "word", type=str)
    flow.wait_signal("words", "words", type=list[str])
    flow.output(paid.amount)
    return flow


@same_as("""
podium: 1
name: asks
nodes:
  order: {call: order_status, args: {order_id: A1}}
  approve:
    ask: "Refund ${order.total} to ${order.customer}?"
    form: {ok: boolean, why: string?}
    to: support
    timeout: 2d
    on_timeout: {ok: false}
  free: {ask: Anything else?}
  nothing: {ask: Go on?, timeout: 1h, on_timeout: null}
  stop: {when: "!approve.ok", fail: "No: ${approve.why}"}
  code: {when: approve.ok && free != null, fail: {message: "No order ${order.id}.", code: no-order}}
output: "${approve.ok}"
""")
def asks() -> FlowBuilder[Any]:
    flow = FlowBuilder("asks")
    order = flow.call("order", order_status("A1"))
    approve = flow.ask(
        "approve",
        f"Refund {order.total} to {order.customer}?",
        form=Approval,
        to="support",
        timeout="2d",
        on_timeout={"ok": False},
    )
    free = flow.ask("free", "Anything else?")
    flow.ask("nothing", "Go on?", timeout="1h", on_timeout=None)
    flow.fail("stop", f"No: {approve['why']}", when=raw("!approve.ok"))
    flow.fail("code", f"No order {order.id}.", code="no-order", when=approve["ok"] & not_null(free))
    flow.output(approve["ok"])
    return flow


@same_as("""
podium: 1
name: minds
input: {message: string}
nodes:
  help:
    agent: {model: "openai:gpt-5-mini", tools: ["kb.*"], output: {text: string}}
    goal: "Answer: ${input.message}"
    args: {tone: kind}
    trust: true
  known: {agent: helper, goal: Say hello}
  trip:
    plan: {goal: "Do what ${help.text} says", tools: ["kb.*"], model: "openai:gpt-5-mini"}
    args: {text: "${known}"}
output: ${trip}
""")
def minds() -> FlowBuilder[Any]:
    flow = FlowBuilder("minds", input=Message)
    model = "openai:gpt-5-mini"
    mind = {"model": model, "tools": ["kb.*"], "output": {"text": "string"}}
    help_ = flow.agent(
        "help", mind, goal=f"Answer: {flow.input.message}", args={"tone": "kind"}, trust=True
    )
    known = flow.agent("known", "helper", goal="Say hello")
    goal = f"Do what {help_['text']} says"
    trip = flow.plan("trip", {"goal": goal, "tools": ["kb.*"], "model": model}, {"text": known})
    flow.output(trip)
    return flow


@same_as("""
podium: 1
name: sets
nodes:
  one: {set: {text: plain, n: 1, x: 1.5, no: null, yes: true, list: [a, {b: 2}], odd key: "$${kept}"}}
  page: {set: {text: "${one.text}"}}
  copy: {set: "${page.text}"}
""")
def sets() -> FlowBuilder[Any]:
    flow = FlowBuilder("sets")
    one = flow.set(
        "one",
        {
            "text": "plain", "n": 1, "x": 1.5, "no": None, "yes": True, "list": ["a", {"b": 2}],
            "odd key": "$${kept}",
        },
    )  # fmt: skip
    page = flow.set("page", Page(one["text"]))
    flow.set("copy", page.text)
    return flow


SHIP = {"podium": 1, "name": "ship", "input": {"id": "any"}, "nodes": {}}


def parsed(data: Any) -> Any:
    from podium.flow.parse import Taken

    return parse(data, take_in=lambda path: Taken(SHIP, "ship", path))


@pytest.mark.parametrize("name", PAIRS)
def test_python_and_yaml_are_the_same_flow(name: str) -> None:
    """Each kind and each word, written in Python, gives the document that a person would have written."""
    write, text = PAIRS[name]
    source = read(text, "flow.yaml")
    document = write().to_dict()

    assert document == source.data
    ours, theirs = parsed(document), parsed(source.data)
    assert ours.findings == theirs.findings == []
    assert ours.document.hash == theirs.document.hash


def test_every_kind_and_word_is_written_somewhere() -> None:
    """The documents of this file use every kind of node, and every word that a node can have."""
    from podium.flow.parse.nodes import KINDS
    from podium.flow.parse.policies import COMMON

    used: set[str] = set()

    def collect(value: Any) -> None:
        if isinstance(value, dict):
            used.update(value)
            for each in value.values():
                collect(each)
        elif isinstance(value, list):
            for each in value:
                collect(each)

    for write, _ in PAIRS.values():
        collect(write().to_dict())

    words = {*KINDS, *COMMON, *(word for own in KINDS.values() for word in own)}
    assert words - used == set()


def test_the_order_is_that_of_the_program() -> None:
    """Nodes stand in the order in which they were added, and words in one order."""
    document = the_first_page().to_dict()

    assert [*document] == ["podium", "name", "input", "nodes", "output"]
    assert [*document["nodes"]] == ["intent", "kb", "order", "reply"]
    assert [*document["nodes"]["order"]] == ["when", "call", "args", "retry"]


def test_a_document_is_a_copy() -> None:
    """What is done with a document does not reach the builder."""
    flow = the_first_page()
    document = flow.to_dict()
    document["nodes"].clear()

    assert [*flow.to_dict()["nodes"]] == ["intent", "kb", "order", "reply"]

"""Flows written in Python as a type checker sees them. Read by mypy and basedpyright, never run."""

# mypy: disable-error-code="unused-awaitable"

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, NotRequired, TypedDict, assert_type

from podium import Retry, task, workflow
from podium.flow.builder import (
    Body,
    Finished,
    FlowBuilder,
    ItemBody,
    LoopBody,
    Outcome,
    Part,
    case,
    choose,
    coalesce,
    contains,
    has,
    is_null,
    maybe,
    not_,
    not_null,
    otherwise,
    outcome,
    raw,
    size,
    sure,
)


class Message(TypedDict):
    """An input."""

    message: str
    urls: list[str]
    at: NotRequired[str]


@dataclass
class Intent:
    """What a message wants."""

    kind: Literal["refund", "status"]
    order_id: str | None


@dataclass
class Order:
    """What was bought."""

    id: str
    total: float
    lines: list[str]


class Draft(TypedDict):
    """What a loop carries."""

    text: str


class Approval(TypedDict):
    """What a person says."""

    ok: bool


@task
async def parse_intent(text: str) -> Intent:
    """An async task."""
    return Intent("status", text)


@task(effect="read")
def order_status(order_id: str, *, fast: bool = False) -> Order:
    """A sync task with a keyword."""
    return Order(order_id, float(fast), [])


@task
def reply(text: str, order: Order | None = None) -> str:
    """A task that takes null."""
    return f"{text}{order}"


@task
def note(text: str) -> None:
    """A task without a result."""


@workflow
async def shipping(order_id: str) -> Order:
    """A workflow."""
    return await order_status(order_id)


flow = FlowBuilder("support", input=Message, env={"REGION": "eu"})
intent = flow.call("intent", parse_intent(flow.input["message"]))
order = flow.call("order", order_status(sure(intent.order_id), fast=True))


def a_node_is_what_its_task_gives() -> None:
    """What a method returns has the type of the value."""
    assert_type(flow, FlowBuilder[Message])
    assert_type(FlowBuilder("plain"), FlowBuilder[None])
    assert_type(flow.env("REGION"), str)
    assert_type(intent, Intent)
    assert_type(intent.kind, Literal["refund", "status"])
    assert_type(order.lines[0], str)
    assert_type(flow.call("a", order_status("A1")), Order)
    assert_type(flow.call("a", "elsewhere", {"n": order.total}, type=Order), Order)
    assert_type(flow.call("a", "elsewhere"), Any)
    assert_type(flow.set("a", {"total": order.total}), dict[str, float])
    done = flow.call("a", note(f"Order {order.id}"))
    flow.fail("b", "No.", code="no", after=done)
    flow.compensate(order, reply(order.id))
    flow.compensate(order, note)
    pause = flow.wait("c", timedelta(seconds=1))
    flow.wait_until("d", flow.input["message"], after=[pause, maybe(order), "a?"])
    assert_type(flow.wait_signal("e", "paid", type=Order), Order)
    assert_type(flow.wait_signal("e", "paid", type=list[str]), list[str])
    assert_type(
        flow.ask("f", "Well?", form=Approval, timeout="2d", on_timeout=Approval(ok=False)), Approval
    )


def flows_in_flows() -> None:
    """A child gives what its workflow, or its flow, gives."""
    inner = FlowBuilder("inner", input=Draft)
    finished = inner.output(size(inner.input["text"]))
    assert_type(finished, Finished[Draft, int])
    assert_type(flow.flow("a", shipping("A1")), Order)
    assert_type(flow.flow("a", finished({"text": order.id})), int)
    nothing = FlowBuilder("nothing").output(1.5)
    assert_type(flow.flow("a", nothing()), float)
    assert_type(flow.flow("a", "./ship.yaml", {"id": 1}, type=Order), Order)


def bodies() -> None:
    """What a body returns is what its node gives."""

    def draft(body: LoopBody[Draft]) -> str:
        assert_type(body.pass_, int)
        written = body.call("write", reply(body.state["text"]))
        body.next({"text": written})
        body.until(size(written) > 3)
        return written

    def page(body: ItemBody, url: str) -> Order:
        assert_type(body.index, int)
        return body.call("get", order_status(url))

    def poll(body: LoopBody[None]) -> Order:
        found = body.call("get", order_status("A1"))
        body.while_(raw("loop.pass < 3", type=bool))
        return found

    def refuse(body: Body) -> int:
        return body.set("a", 1)

    urls = flow.input["urls"]
    assert_type(flow.repeat("a", draft, max=3, state=Draft(text="")), str)
    assert_type(flow.repeat("a", draft, state={"text": ""}, max=3), str)  # type: ignore[arg-type]  # see docs/builder.md
    assert_type(flow.repeat("a", poll, max=3, every="2s"), Order)
    assert_type(flow.for_each("a", urls, page), list[Order])
    assert_type(flow.for_each("a", urls, page, partial=True), list[Part[Order]])
    assert_type(
        flow.for_each("a", urls, lambda body, url: body.call("b", reply(url)), key=lambda url: url),
        list[str],
    )
    is_refund = intent.kind == "refund"
    assert_type(flow.switch("a", case(is_refund, refuse)), int)
    assert_type(
        flow.switch("a", case(is_refund, refuse), otherwise(lambda body: body.set("b", order))),
        int | Order,
    )


def functions() -> None:
    """What Python has no operator for."""
    assert_type(maybe(order), Order | None)
    assert_type(maybe(order.total), float | None)
    assert_type(coalesce(maybe(order), intent), Order | Intent)
    assert_type(coalesce(intent.order_id, maybe(order.id), "none"), str)
    assert_type(sure(intent.order_id), str)
    assert_type(outcome(order), Outcome)
    assert_type(outcome(order)["status"], Literal["ok", "skipped", "failed", "cancelled"])
    assert_type(choose(has(order.id), order, None), Order | None)
    assert_type(not_(is_null(intent.order_id)) & not_null(order.id), bool)
    assert_type(contains(order.lines, "lamp"), bool)
    assert_type(raw("order.lines.filter(l, l != 'a')", type=list[str]), list[str])
    assert_type(raw("order"), Any)


def wrong_uses() -> None:
    """Each line is an error in both checkers."""
    nothing = FlowBuilder("nothing", input=Draft).output(1.5)
    flow.call("a", order_status(3))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    flow.call("a", order_status(order.total))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    flow.call("a", order_status(id="A1"))  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue, reportUnknownArgumentType]
    flow.call("a", order_status())  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue, reportUnknownArgumentType]
    flow.call("a", reply(order.totl))  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
    flow.call("a", reply(flow.input["mesage"]))  # type: ignore[typeddict-item]  # pyright: ignore[reportGeneralTypeIssues, reportUnknownArgumentType]
    flow.call("a", order_status(intent.order_id))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    flow.call("a", order_status(maybe(order).id))  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
    flow.call("a", order_status(outcome(order)["reson"]))  # type: ignore[typeddict-item]  # pyright: ignore[reportGeneralTypeIssues, reportUnknownArgumentType]
    flow.flow("a", nothing("x"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    flow.flow("a", shipping(3))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    flow.call("a", order_status)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    flow.set("a", 1, when=intent.kind == "refnd")  # type: ignore[comparison-overlap]  # pyright: ignore[reportUnnecessaryComparison]
    flow.set("a", 1, when=intent.kind)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    flow.set("a", 1, when="order.total > 3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    flow.set("a", 1, wen=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    flow.set("a", 1, retry="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    flow.set("a", 1, retry=Retry(3), join="some")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    flow.for_each("a", order, lambda body, item: item)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]


def wrong_bodies() -> None:
    """A loop carries one type; an item has the type that the list has."""

    def draft(body: LoopBody[Draft]) -> str:
        body.next({"text": 3})  # type: ignore[typeddict-item]  # pyright: ignore[reportArgumentType]
        return body.state["text"]

    def page(body: ItemBody, order: Order) -> str:
        return body.set("a", order.id)

    flow.repeat("a", draft, max=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    flow.for_each("a", flow.input["urls"], page)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    flow.compensate(order, order.id)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

"""Tools as a type checker sees them. Read by mypy and basedpyright, never run.

A wrong use carries the suppression of both checkers, as in calls.py.
"""

# mypy: disable-error-code="unused-awaitable"

from typing import Annotated, Any, assert_type

import podium

from podium import Call, FromRun, Tool, ToolReply, tool, workflow


@tool(effect="read", namespace="shop", version=2, tags=["orders"], examples=[{"order": "A1"}])
async def order_status(order: str, limit: int = 5) -> dict[str, int]:
    """Say where an order is."""
    return {order: limit}


@tool(effect="once", timeout="5s")
def refund(order: str, *, tenant: Annotated[str, FromRun("tenant")] = "") -> float:
    """Give money back."""
    return len(order + tenant)


assert_type(order_status("A1"), Call[dict[str, int]])
assert_type(refund("A1"), Call[float])
assert_type(refund.fn("A1"), float)
order_status(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
order_status("A1", limits=5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

weather = Tool.from_schema(
    "net.weather", "Weather.", {"type": "object"}, None, effect="read", call=lambda given: given
)
assert_type(weather, Tool[..., Any, Any])


@workflow
async def chain(order: str) -> str:
    """Call tools."""
    status = await order_status(order)
    assert_type(status, dict[str, int])
    reply = await podium.dispatch("shop.order_status", {"order": order}, among=[order_status])
    assert_type(reply, ToolReply)
    replies = await podium.dispatch_all([("refund", {"order": order}), ("refund", None)])
    assert_type(replies, list[ToolReply])
    for found in podium.tools.search("orders", limit=3, tag="orders"):
        assert_type(found, Tool[..., Any, Any])
    forms = podium.tools.schemas([order_status, "refund"], form="anthropic")
    assert_type(forms, list[dict[str, Any]])
    return reply.text


def plain(order: str) -> int:
    """Take a text."""
    return len(order)


made = tool(plain, effect="pure")
assert_type(made("A1"), Call[int])
tool(plain)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
tool(plain, effect="pure", colour="red")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]


async def later(order: str) -> int:
    """Take a text."""
    return len(order)


assert_type(tool(later, effect="pure")("A1"), Call[int])

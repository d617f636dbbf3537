"""The tools of the shop, and a model whose replies are written down."""

from typing import Any

import podium

from podium.models import Message, ScriptedModel, ToolCall

ORDERS = {17: "lost on the way", 18: "delivered"}


@podium.tool(effect="read", namespace="shop")
def order_status(order: int) -> dict[str, Any]:
    """Say where an order is.

    Args:
        order: Its number.
    """
    if order not in ORDERS:
        raise LookupError(f"there is no order {order}")
    return {"order": order, "state": ORDERS[order]}


@podium.tool(effect="read", namespace="shop")
def terms(topic: str) -> str:
    """Look something up in the terms of the shop.

    Args:
        topic: What about.
    """
    return f"On {topic}: what is lost on the way is paid back in full."


@podium.tool(effect="once", namespace="shop")
def refund(order: int, cents: int) -> str:
    """Give a customer money back.

    Args:
        order: The order's number.
        cents: How much.
    """
    return f"{cents / 100:.2f} for order {order}"


def says(text: str, *calls: ToolCall) -> Message:
    """Return what a model says beside its calls."""
    return Message("assistant", text, calls)


def asks(tool: str, **arguments: Any) -> ToolCall:
    """Return a call, as a model writes it."""
    return ToolCall("", tool, arguments)


# It errs as models do: a number as text, an order that there is not.
SCRIPT = ScriptedModel(
    "shop",
    [
        says(
            "I look up the order, and what the terms say.",
            asks("shop__order_status", order="17"),
            asks("shop__order_status", order=71),
            asks("shop__terms", topic="lost orders"),
        ),
        says("It is lost, so it is paid back.", asks("shop__refund", order=17, cents=2500)),
        [asks("answer", text="Your order was lost. You have 25.00 back.", refunded=True)],
    ],
)

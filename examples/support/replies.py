"""The words of a reply: what we know of the order, and what the help pages say."""

from collections.abc import Sequence
from dataclasses import dataclass

from examples.support.knowledge import Section
from examples.support.shop import Order


@dataclass(frozen=True)
class Intent:
    """What a message may be about: how the reply opens, and words that help the search."""

    opening: str
    hint: str = ""


INTENTS = {
    "order_status": Intent("thank you for asking about your order.", "tracking number parcel"),
    "order_change": Intent(
        "you would like to change your order.", "cancelling changing processing"
    ),
    "return_refund": Intent("you would like to return something.", "return returning refund label"),
    "product_question": Intent("thank you for your question about our goods."),
    "complaint": Intent(
        "we are sorry that something went wrong.", "arrived broken wrong missing replace warranty"
    ),
    "account": Intent("this is about your account.", "account"),
    "payment": Intent("this is about your payment.", "payment"),
    "shop_info": Intent("thank you for your question."),
}

_WHERE = {
    "processing": "is being packed and should arrive by {due}",
    "shipped": "is on its way with {carrier} (tracking number {tracking}), due on {due}",
    "delivered": "was delivered by {carrier} on {due}",
    "returned": "has come back to us",
    "cancelled": "was cancelled",
}


def compose(
    intent: str,
    found: Sequence[Section],
    order_id: str | None,
    order: Order | None,
    returned: str | None,
) -> str:
    """Put a reply together."""
    parts = [f"Hello, {INTENTS[intent].opening}", about_order(order_id, order)]
    if returned:
        parts.append(f"We have opened the return {returned}; the label comes by e-mail.")
    if found:
        best = found[0]
        parts.append(f"{best.heading}: {best.body}")
    parts.append("Lantern & Oak, customer care")
    return "\n\n".join(part for part in parts if part)


def about_order(order_id: str | None, order: Order | None) -> str:
    """Say where an order is, or that there is none of that number."""
    if order_id is None:
        return ""
    if order is None:
        return f"We have no order {order_id}: please check the number."
    where = _WHERE[order.status].format(
        due=order.due, carrier=order.carrier, tracking=order.tracking
    )
    return f"Your order {order.id} ({order.item}) {where}."

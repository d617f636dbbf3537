"""Customer support: what is it about, what do we know, where is the order, answer.

Kill the worker wherever you like: the run goes on at the step where it was, and no customer gets a
reply twice.
"""

from dataclasses import dataclass

import podium

from examples.support import replies, shop, understanding
from examples.support.intents import order_number
from examples.support.knowledge import Section, knowledge_base
from examples.support.replies import INTENTS
from examples.support.shop import Order
from examples.support.understanding import Likely, Reading
from podium import Model, Retry, StepFailed, gather, task, workflow

SMALL = Model(understanding.SMALL, timeout="10s", retry=Retry(attempts=1))
"""The model is asked once, and not waited for longer than that: the rules stand in for it."""
PATIENT = Retry(attempts=5, backoff="100ms", not_on=[shop.Rejected])


@dataclass(frozen=True)
class Outcome:
    """What became of a message."""

    intent: str
    decided_by: str
    reply: str
    receipt: str
    returned: str | None


@task(effect="read")
def nearest_intent(message: str) -> Likely:
    """See what the most similar labelled messages are about; nothing, where there are no models."""
    return understanding.likely(message)


@task(effect="pure")
def settle_intent(message: str, near: Likely, word: str | None) -> Reading:
    """Verify what the models say; the rules stand in for them."""
    return understanding.settle(message, near, word)


@task(effect="pure")
def search_knowledge(message: str, intent: str) -> list[Section]:
    """Find the help sections that answer a message best."""
    return knowledge_base().search(f"{message} {INTENTS[intent].hint}")


@task(effect="read", retry=PATIENT, timeout="10s")
def order_status(order_id: str | None) -> Order | None:
    """Ask the order service where an order is."""
    return shop.order(order_id) if order_id else None


@task(effect="write", retry=PATIENT, timeout="10s")
def open_return(order_id: str) -> str:
    """Open a return: asked for again with the same key, the service opens no second one."""
    return shop.open_return(order_id, key=podium.idempotency_key())


@task(effect="pure")
def format_reply(
    intent: str,
    found: list[Section],
    order_id: str | None,
    order: Order | None,
    returned: str | None,
) -> str:
    """Write the reply."""
    return replies.compose(intent, found, order_id, order, returned)


@task(effect="write", retry=PATIENT, timeout="10s")
def send_reply(ticket: str, to: str, text: str) -> str:
    """Send the reply: asked for again with the same key, the service sends no second one."""
    return shop.send_reply(ticket, to, text, key=podium.idempotency_key())


@workflow
async def support(ticket: str, sender: str, message: str) -> Outcome:
    """Answer a customer's message."""
    reading = await understand(message)
    intent, decided_by = reading.intent, reading.decided_by
    if not reading.is_sure:
        intent, decided_by = await ask_a_person(message), "person"

    order_id = order_number(message)
    found, order = await gather(search_knowledge(message, intent), order_status(order_id))

    returned = None
    may_return = order and intent == "return_refund" and order.status == "delivered"
    if order and may_return and await approved(message, order):
        returned = await open_return(order.id)

    reply = await format_reply(intent, found, order_id, order, returned)
    receipt = await send_reply(ticket, sender, reply)
    return Outcome(intent, decided_by, reply, receipt, returned)


async def understand(message: str) -> Reading:
    """Ask the models; what they say is verified, and rules stand in for them."""
    near, word = await nearest_intent(message), None
    if near.request is not None:
        try:
            word = (await SMALL.call(near.request).with_alternative()).text
        except StepFailed:
            pass  # settle_intent goes on without its word
    return await settle_intent(message, near, word)


async def ask_a_person(message: str) -> str:
    """Wait for a person to say what a message is about, however long that takes."""
    form = {"question": "What is this about?", "message": message, "options": list(INTENTS)}
    while (answer := await podium.ask(form, to="support")) not in INTENTS:
        form["question"] = f"{answer!r} is none of the options. What is this about?"
    return str(answer)


async def approved(message: str, order: Order) -> bool:
    """Wait for a person to approve the refund, however long that takes."""
    form = {
        "question": f"May order {order.id} ({order.item}) come back, for {order.total:.2f}?",
        "message": message,
        "options": ["yes", "no"],
    }
    return bool(await podium.ask(form, to="refunds") == "yes")

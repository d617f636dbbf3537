"""Customer support: what is it about, what do we know, where is the order, answer.

Kill the worker wherever you like: the run goes on at the step where it was, and no customer gets a
reply twice.
"""

from dataclasses import dataclass

import podium

from examples.support import replies, shop
from examples.support.intents import Guess, classifier, order_number
from examples.support.knowledge import Section, knowledge_base
from examples.support.replies import INTENTS
from examples.support.shop import Order
from podium import Retry, gather, task, workflow

PATIENT = Retry(attempts=5, backoff="100ms", not_on=[shop.Rejected])


@dataclass(frozen=True)
class Outcome:
    """What became of a message."""

    intent: str
    decided_by: str
    reply: str
    receipt: str
    returned: str | None


@task(effect="pure")
def parse_intent(message: str) -> Guess:
    """Guess what a message is about."""
    return classifier().guess(message)


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
    guess = await parse_intent(message)
    intent, decided_by = guess.intent, "classifier"
    if not guess.sure:
        intent, decided_by = await ask_a_person(message), "person"

    order_id = order_number(message)
    found, order = await gather(search_knowledge(message, intent), order_status(order_id))

    returned = None
    if intent == "return_refund" and order and order.status == "delivered":
        returned = await open_return(order.id)

    reply = await format_reply(intent, found, order_id, order, returned)
    receipt = await send_reply(ticket, sender, reply)
    return Outcome(intent, decided_by, reply, receipt, returned)


async def ask_a_person(message: str) -> str:
    """Wait for a person to say what a message is about, however long that takes."""
    form = {"question": "What is this about?", "message": message, "options": list(INTENTS)}
    while (answer := await podium.ask(form, to="support")) not in INTENTS:
        form["question"] = f"{answer!r} is none of the options. What is this about?"
    return str(answer)

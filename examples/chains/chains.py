"""Three chains over the same links: in a row, with conditions, in a loop."""

from collections.abc import Sequence
from typing import Any, TypedDict

import podium

from examples.chains.tools import (
    Customer,
    as_contact,
    customer,
    customers_after,
    find_contact,
    put_contact,
    set_tier,
    tier_of,
)
from podium import Outcome, workflow


@workflow
async def update_contact(customer_id: int) -> int:
    """In a row: look up, transform, send; return the version that the CRM has now."""
    found = await customer(id=customer_id)
    contact = await as_contact(found)
    answer = await put_contact(id=customer_id, contact=contact)
    return int(answer["version"])


@workflow
async def review_tier(customer_id: int) -> str:
    """With conditions: change the tier in the shop and in the CRM, or say why not.

    If the CRM refuses the change, the shop's own is undone.
    """
    found: Customer | None = await customer(id=customer_id)
    if found is None:
        return f"there is no customer {customer_id}"
    tier = await tier_of(found["spent_cents"])
    async with podium.lock(f"customer:{customer_id}", timeout="5m"):
        known = await find_contact(id=customer_id).outcome()
        if known.value and known.value["tier"] == tier == found["tier"]:
            return f"{tier} as before{', as far as we know' if known.is_stale else ''}"
        if known.answered_by == "degraded":
            return "the CRM is down, and nobody knows what it has: left as it is"
        before = await set_tier(customer_id, tier)
        contact = await as_contact({**found, "tier": tier})
        await put_contact(id=customer_id, contact=contact)
    return f"{before} → {tier}"


class Report(TypedDict):
    """What became of the customers."""

    sent: int
    refused: dict[str, str]


@workflow
async def send_all(page: int = 4, after: int = 0) -> Report:
    """In a loop: page after page, some at once; one that is refused does not stop the others."""
    report = Report(sent=0, refused={})
    while page_of := await customers_after(after=after, limit=page):
        outcomes = await podium.map(
            send, page_of, key=lambda one: one["id"], concurrency=2, partial=True
        )
        _count(report, page_of, outcomes)
        after = page_of[-1]["id"]
        podium.publish("progress", {"after": after, **report})
    return report


async def send(one: Customer) -> Any:
    """Transform and send one customer."""
    contact = await as_contact(one)
    async with podium.lock(f"customer:{one['id']}"):
        return await put_contact(id=one["id"], contact=contact)


def _count(report: Report, page: Sequence[Customer], outcomes: Sequence[Outcome[Any]]) -> None:
    for one, outcome in zip(page, outcomes, strict=True):
        if outcome.error is None:
            report["sent"] += 1
        else:
            report["refused"][str(one["id"])] = outcome.error.message

"""The links of the chains: look up in the shop's database, transform, ask and change the CRM.

``$CHAINS_SHOP`` is the file of the shop (``shop.db`` unless set), ``$CHAINS_CRM`` the address of the CRM.
"""

import os

from typing import TypedDict

import podium

from podium import Breaker, Database, Degraded, LastGood, Rate, Retry, Transaction, task

SHOP = Database(f"sqlite:///{os.environ.get('CHAINS_SHOP', 'shop.db')}")
CRM = os.environ.get("CHAINS_CRM", "http://127.0.0.1:8812")
LOOPBACK = ["127.0.0.1"]
"""The CRM of the example runs on this machine, where a tool does not go unless it is allowed to."""

crm_health = Breaker("crm", failures=3, open="200ms", not_on=["HttpRefused"])
"""Both tools of the CRM share it: what one learns, the other need not learn again."""
crm_quota = Rate("50/s", key="crm")


class Customer(TypedDict):
    """A customer as the shop has them."""

    id: int
    name: str
    email: str
    spent_cents: int
    tier: str


class Contact(TypedDict):
    """A customer as the CRM has them."""

    display_name: str
    email: str
    tier: str


class Receipt(TypedDict):
    """What the CRM says of a change."""

    id: int
    version: int


# the shop ---------------------------------------------------------------------------------


def _customer(id: int) -> Customer | None:
    """Look a customer up."""


def _customers_after(after: int, limit: int) -> list[Customer]:
    """Return the next customers by number."""
    raise NotImplementedError


customer = podium.sql_tool(
    "customer",
    SHOP,
    "SELECT id, name, email, spent_cents, tier FROM customers WHERE id = :id",
    parameters=_customer,
    result="first",
)
customers_after = podium.sql_tool(
    "customers_after",
    SHOP,
    "SELECT id, name, email, spent_cents, tier FROM customers"
    " WHERE id > :after ORDER BY id LIMIT :limit",
    parameters=_customers_after,
)


@task(effect="transaction", database=SHOP)
def restore_tier(tx: Transaction, id: int, result: str | None) -> None:
    """Give a customer the tier back that ``set_tier`` took."""
    if result is not None:
        tx.execute("UPDATE customers SET tier = :tier WHERE id = :id", tier=result, id=id)


@task(effect="transaction", database=SHOP, compensate=restore_tier)
def set_tier(tx: Transaction, id: int, tier: str) -> str:
    """Give a customer a tier; return the one they had."""
    before: str = tx.scalar("SELECT tier FROM customers WHERE id = :id", id=id)
    tx.execute("UPDATE customers SET tier = :tier WHERE id = :id", tier=tier, id=id)
    return before


# transformations --------------------------------------------------------------------------


@task(effect="pure")
def tier_of(spent_cents: int) -> str:
    """Say which tier a customer has earned."""
    return "gold" if spent_cents >= 80_000 else "silver" if spent_cents >= 40_000 else "bronze"


@task(effect="pure")
def as_contact(customer: Customer) -> Contact:
    """Write a customer as the CRM wants to have them."""
    first, _, last = customer["name"].partition(" ")
    return {
        "display_name": f"{last}, {first}",
        "email": customer["email"],
        "tier": customer["tier"],
    }


# the CRM ----------------------------------------------------------------------------------


def _find_contact(id: int) -> Contact | None:
    """Ask the CRM for a contact."""


def _put_contact(id: int, contact: Contact) -> Receipt:
    """Make or change a contact of the CRM."""
    raise NotImplementedError


find_contact = podium.http_tool(
    "find_contact",
    url=f"{CRM}/contacts/{{id}}",
    parameters=_find_contact,
    none_on=[404],
    retry=Retry(attempts=2, backoff="20ms"),
    timeout="2s",
    breaker=crm_health,
    rate=crm_quota,
    fallback=[LastGood("24h"), Degraded(None)],
    allow_private=LOOPBACK,
)
put_contact = podium.http_tool(
    "put_contact",
    method="PUT",
    url=f"{CRM}/contacts/{{id}}",
    body="{contact}",
    parameters=_put_contact,
    idempotency_header="Idempotency-Key",
    retry=Retry(attempts=50, backoff="20ms", backoff_max="200ms"),
    timeout="2s",
    total_timeout="10m",
    breaker=crm_health,
    rate=crm_quota,
    allow_private=LOOPBACK,
)

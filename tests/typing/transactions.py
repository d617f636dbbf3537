"""Tasks that write a database of the user's: callers do not give the transaction, and types know.

Read by mypy and basedpyright, never run.
"""

# mypy: disable-error-code="unused-awaitable"

from typing import assert_type

import podium

from podium import AsyncTransaction, Call, Database, Transaction

shop = Database("sqlite:///shop.db", wait="5s", connections=2)


@podium.task(effect="transaction", database=shop)
def pay(tx: Transaction, order: str, cents: int = 5) -> dict[str, int]:
    """Pay an order."""
    return {order: tx.execute("insert into paid values (:id, :n)", id=order, n=cents)}


@podium.task(effect="transaction", database=shop, timeout="5s", retry=podium.Retry(attempts=3))
async def refund(tx: AsyncTransaction, order: str) -> bool:
    """Take it back."""
    return bool(await tx.execute("delete from paid where id = ?", order))


@podium.tool(effect="transaction", database=shop)
def ship(tx: Transaction, order: str) -> int:
    """Ship an order."""
    return tx.execute("update paid set shipped = 1 where id = ?", order)


@podium.workflow
async def sell(orders: list[str]) -> list[bool]:
    """Pay and take back."""
    assert_type(pay("a"), Call[dict[str, int]])
    assert_type(await pay("a", 3), dict[str, int])
    assert_type(await podium.map(refund, orders), list[bool])
    assert_type(await ship("a"), int)
    pay(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    return await podium.map(refund, orders)


@podium.task(effect="write", compensate=refund)
async def book(order: str) -> None:
    """A transaction undoes."""

"""A process that writes a user's database with `transaction` steps and is killed around a commit. Imported by itself.

It is started as ``python -m tests.crash.selling '{…}'`` with a JSON object of settings.
"""

import asyncio
import importlib
import json
import os
import signal
import sys

from typing import Any

import podium

from podium import AsyncTransaction, Database, Podium, RunBlocked, Transaction, task, workflow
from podium.tools.sql.pool import Connection

SETTINGS: dict[str, Any] = json.loads(sys.argv[1])
SHOP = Database(SETTINGS["shop"], wait="30s")


@task(effect="transaction", database=SHOP)
def sell(tx: Transaction, order: int) -> dict[str, int]:
    """Write two tables: a row, and a sum that would grow with each repetition."""
    tx.execute("insert into sold (n, pid) values (:n, :pid)", n=order, pid=os.getpid())
    tx.execute("update till set cents = cents + :n, sales = sales + 1", n=order)
    return {"order": order, "sales": tx.scalar("select sales from till")}


@task(effect="transaction", database=SHOP)
async def sell_async(tx: AsyncTransaction, order: int) -> dict[str, int]:
    """The same from the loop."""
    await tx.execute("insert into sold (n, pid) values (:n, :pid)", n=order, pid=os.getpid())
    await tx.execute("update till set cents = cents + :n, sales = sales + 1", n=order)
    return {"order": order, "sales": await tx.scalar("select sales from till")}


@workflow
async def day(orders: int) -> list[dict[str, int]]:
    """Some sales one after the other, then the others at once."""
    one = [await sell(n) for n in range(3)]
    many = await podium.map(sell_async, range(3, orders), concurrency=4)
    return [*one, *many]


def die_at(number: int, when: str) -> None:
    """End this process with SIGKILL before or after its n-th commit of a sale."""
    where = "sqlite" if SHOP.is_sqlite else "postgres"
    module = importlib.import_module(f"podium.tools.sql.{where}")
    connection = module.SqliteConnection if SHOP.is_sqlite else module.PostgresConnection
    plain = connection.commit
    count = 0

    def commit(self: Connection) -> None:
        nonlocal count
        count += 1
        if count == number and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        plain(self)
        if count == number and when == "after":
            os.kill(os.getpid(), signal.SIGKILL)

    connection.commit = commit


async def main() -> None:
    """Start the run, or go on with it, to its end."""
    async with Podium(SETTINGS["db"]) as app:
        run = await app.start(day, {"orders": SETTINGS["orders"]}, id="day")
        print("going", flush=True)
        while True:
            try:
                print(json.dumps(await run.result()), flush=True)
            except RunBlocked:  # three died with it and it made no progress: we know why
                await run.resume()
            else:
                return


if __name__ == "__main__":
    die_at(SETTINGS.get("kill_at", 0), SETTINGS.get("when", ""))
    asyncio.run(main())

"""A task that writes a database from a process of its own. Imported by that process too."""

import os

from podium import Database, Transaction, task

URL = "PODIUM_TEST_SHOP"
SHOP = Database(os.environ.get(URL, "sqlite:///nowhere.db"))


@task(effect="transaction", database=SHOP, isolation="process", name="pay_apart")
def pay(tx: Transaction, order: str) -> int:
    """Write a row, and say from where."""
    tx.execute("create table if not exists paid (id text primary key, pid int)")
    tx.execute("insert into paid values (?, ?)", order, os.getpid())
    return os.getpid()

"""Tools of this machine from end to end: dispatched by name in a workflow, in processes of their own."""

import importlib
import os
import sys

from pathlib import Path
from typing import Any

import pytest

import podium

from podium import Database, Podium, Transaction, file_tools, shell_tool, sql_tool, workflow
from tests.harness import drive
from tests.tools.sql import apart


def test_dispatched_in_a_workflow(tmp_path: Path) -> None:
    """A model's calls: a row is written, a wrong value is told, a program and a file are at work, once each."""
    shop = Database(f"sqlite:///{tmp_path / 'shop.db'}")

    def make(tx: Transaction) -> None:
        tx.execute("create table paid (id text primary key, cents int not null)")

    shop.transactional(make)()
    sql_tool("shop_pay", shop, "insert into paid values (:id, :cents)", parameters={"id": str, "cents": int}, allow_write=True)  # fmt: skip
    sql_tool("shop_paid", shop, "select cents from paid where id = :id", parameters={"id": str}, result="value")  # fmt: skip
    shell_tool("say", ["echo", "--", "{text}"], parameters={"text": str}, effect="read")
    file_tools(tmp_path, write=True)

    @workflow
    async def shopping() -> list[Any]:
        replies = [
            await podium.dispatch("shop_pay", {"id": "a", "cents": "300"}),
            await podium.dispatch("shop_pay", {"id": "a", "cents": 1}),
            await podium.dispatch("shop_pay", {"id": "b", "cents": "much"}),
            await podium.dispatch("shop_paid", {"id": "a"}),
            await podium.dispatch("say", {"text": "$HOME; a b"}),
            await podium.dispatch("files.write", {"path": "told.txt", "text": "done"}),
            await podium.dispatch("files.read", {"path": "../../etc/passwd"}),
        ]
        return [reply.value if reply.is_ok else reply.error.code if reply.error else "?" for reply in replies]  # fmt: skip

    async def main() -> Any:
        async with Podium(str(tmp_path / "app.db")) as app:
            return await (await app.start(shopping, {})).result()

    assert drive(main(), 60) == [
        1, "constraint-violated", "arguments-invalid", 300, "-- $HOME; a b\n",
        {"path": "told.txt", "size": 4}, "path-refused",
    ]  # fmt: skip
    assert (tmp_path / "told.txt").read_text() == "done"
    shop.close()


@pytest.mark.long
def test_in_a_process_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction may be carried out in another process, under the key of its step."""
    monkeypatch.setenv(apart.URL, f"sqlite:///{tmp_path / 'shop.db'}")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    module = importlib.reload(apart)

    @workflow
    async def pay_both() -> list[int]:
        return [await module.pay("a"), await module.pay("b")]

    async def main() -> Any:
        async with Podium(str(tmp_path / "app.db")) as app:
            return await (await app.start(pay_both, {})).result()

    pids = drive(main(), 60)

    def look(tx: Transaction) -> Any:
        return [tx.query("select id, pid from paid order by id"), tx.scalar("select count(*) from podium_receipts")]  # fmt: skip

    found = Database(os.environ[apart.URL]).transactional(look)()
    assert os.getpid() not in pids
    assert found == [[{"id": "a", "pid": pids[0]}, {"id": "b", "pid": pids[1]}], 2]

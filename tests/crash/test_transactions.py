"""A process that writes a user's database is killed around its commits, many times: each row is there exactly once."""

import json
import os
import random
import signal
import subprocess
import sys
import time

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from podium import Database, Transaction
from tests.crash.processes import LIMIT_S, ROOT
from tests.tools.sql.server import NoServer, Server, server

IS_FULL = os.environ.get("PODIUM_PROOF") == "full"
ORDERS = 12
KILLED = -signal.SIGKILL
EXPECTED = list(range(ORDERS))


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server; skips where none can start."""
    starting = server()
    try:
        started = starting.__enter__()
    except NoServer as problem:
        pytest.skip(f"PostgreSQL cannot be started here: {problem}")
    try:
        yield started
    finally:
        starting.__exit__(None, None, None)


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Database]]:
    """A shop that has sold nothing yet."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'shop.db'}"
    else:
        url = request.getfixturevalue("postgres").fresh()
    database = Database(url)

    def make(tx: Transaction) -> None:
        tx.execute("create table sold (n int, pid int)")  # nothing forbids a second row
        tx.execute("create table till (cents int, sales int)")
        tx.execute("insert into till values (0, 0)")

    database.transactional(make)()
    yield url, database
    database.close()


def start(url: str, folder: Path, **settings: Any) -> "subprocess.Popen[str]":
    """Start a process of the shop."""
    told = {"shop": url, "db": str(folder / "app.db"), "orders": ORDERS, **settings}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.crash.selling", json.dumps(told)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
    )  # fmt: skip


def end(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    """Wait for its end; what is left of it is killed."""
    try:
        out, err = process.communicate(timeout=LIMIT_S)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    return process.returncode, out, err


def check(database: Database, output: str) -> None:
    """Each order was sold exactly once, as the table, the sum, the receipts and the run say."""
    found: dict[str, Any] = {}

    def look(tx: Transaction) -> None:
        found["sold"] = [row["n"] for row in tx.query("select n from sold order by n")]
        found["till"] = tx.first("select cents, sales from till")
        found["receipts"] = tx.scalar(
            "select count(*) from podium_receipts where result is not null"
        )

    database.transactional(look)()
    results = json.loads(output.splitlines()[-1])

    assert found["sold"] == EXPECTED
    assert found["till"] == {"cents": sum(EXPECTED), "sales": ORDERS}
    assert found["receipts"] == ORDERS
    assert [one["order"] for one in results] == EXPECTED
    assert sorted(one["sales"] for one in results) == list(range(1, ORDERS + 1))


@pytest.mark.long
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_around_each_commit(shop: tuple[str, Database], tmp_path: Path, when: str) -> None:
    """A process is killed before and after commits of its sales, and another goes on.

    EVIDENCE-OF G-10: "A `transaction` step writes a database of the user's through Podium's connection; the receipt commits with the rows: exactly once, nothing to reconcile."
    """
    url, database = shop
    deaths = 0
    for kill_at in [1, 2, 3] + [1] * (ORDERS if IS_FULL else 2):
        code, _, err = end(start(url, tmp_path, kill_at=kill_at, when=when))
        if code == 0:
            break
        assert code == KILLED, err
        deaths += 1
    code, out, err = end(start(url, tmp_path))

    assert code == 0, err
    assert deaths >= 3
    check(database, out)


@pytest.mark.long
def test_killed_at_any_time(shop: tuple[str, Database], tmp_path: Path) -> None:
    """Two processes that share the run are killed at times that nobody chose; nothing is sold twice or not at all."""
    url, database = shop
    chance = random.Random(None if IS_FULL else 7)
    for _ in range(25 if IS_FULL else 5):
        process = start(url, tmp_path)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.uniform(0, 0.15))
        process.kill()
        end(process)
    code, out, err = end(start(url, tmp_path))

    assert code == 0, err
    check(database, out)

"""The chains under `examples/chains` do what their page says: with an outage in the middle, and killed."""

import os
import shlex
import signal
import subprocess
import sys
import threading

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import podium

from examples.chains.crm import Crm, Outage
from examples.chains.shop import furnish, tiers
from podium import Podium, RunFailed
from podium.core.spec import registry
from tests.harness import LIMIT_S, drive, fresh_names, until

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]


@contextmanager
def serving(outage: Outage | None = None, port: int = 0) -> Iterator[Crm]:
    """Let a CRM answer."""
    crm = Crm(port, outage)
    thread = threading.Thread(target=crm.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield crm
    finally:
        crm.shutdown()
        thread.join()
        crm.server_close()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A shop with twelve customers."""
    path = tmp_path / "shop.db"
    furnish(path)
    return path


@pytest.fixture
def crm() -> Iterator[Crm]:
    """A CRM that tests may give an outage."""
    with serving() as one:
        yield one


@pytest.fixture
def chains(shop: Path, crm: Crm, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The workflows, for this shop and this CRM."""
    monkeypatch.setenv("CHAINS_SHOP", str(shop))
    monkeypatch.setenv("CHAINS_CRM", crm.url)
    names = [f"examples.chains.{name}" for name in ("tools", "chains")]
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    with fresh_names():
        import examples.chains.chains as module

        assert "send_all" in registry.workflows
        yield module
    for name in names:  # the next test has another shop
        sys.modules.pop(name, None)


def carried_out(flow: Any, **given: Any) -> Any:
    """Run a workflow in a database of its own."""
    return podium.run(flow, given, database=":memory:")


def test_in_a_row(chains: ModuleType, crm: Crm) -> None:
    """What the database has is in the CRM, written as the CRM wants it."""
    assert carried_out(chains.update_contact, customer_id=7) == 1

    assert crm.contacts == {
        "7": {
            "display_name": "Duarte, Hugo",
            "email": "hugo.duarte@example.com",
            "tier": "bronze",
        }
    }


def test_an_outage_is_waited_for(chains: ModuleType, crm: Crm) -> None:
    """Refused or hung up on, the change is made once; the breaker spares the CRM the rest."""
    crm.outage = Outage(0, 4)

    assert carried_out(chains.update_contact, customer_id=7) == 1
    assert crm.visits.failed == 4
    assert crm.visits.changes == ["7"]


def test_conditions(chains: ModuleType, crm: Crm, shop: Path) -> None:
    """Each branch: nobody there, promoted in shop and CRM, as before."""
    assert carried_out(chains.review_tier, customer_id=99) == "there is no customer 99"
    assert carried_out(chains.review_tier, customer_id=9) == "bronze → gold"
    assert carried_out(chains.review_tier, customer_id=9) == "gold as before"
    assert carried_out(chains.review_tier, customer_id=4) == "bronze → bronze"

    assert (tiers(shop)[9], crm.contacts["9"]["tier"]) == ("gold", "gold")
    assert crm.visits.changes == ["9", "4"]


def test_what_the_crm_refuses_is_undone_in_the_shop(
    chains: ModuleType, crm: Crm, shop: Path
) -> None:
    """The run fails with the CRM's reason, and the shop is as it was."""

    async def main() -> tuple[str, list[tuple[str, str]]]:
        async with Podium(":memory:") as app:
            run = await app.start(chains.review_tier, {"customer_id": 5})
            with pytest.raises(RunFailed) as failure:
                await run.result()
            return str(failure.value), [(one.path, one.status) for one in await run.steps()]

    said, steps = drive(main())

    assert "'finn.brandt at example.com' is no e-mail address" in said
    assert ("lock:customer:5/set_tier", "succeeded") in steps
    assert ("compensate/lock:customer:5/set_tier", "succeeded") in steps
    assert tiers(shop)[5] == "bronze"
    assert crm.contacts == {}


def test_old_knowledge_is_called_so(chains: ModuleType, crm: Crm) -> None:
    """While the CRM is down the last good answer serves; where there is none nothing is changed."""

    async def main() -> list[str]:
        async with Podium(":memory:") as app:

            async def review(number: int) -> str:
                run = await app.start(chains.review_tier, {"customer_id": number})
                word: str = await run.result()
                return word

            said = [await review(9), await review(9)]
            crm.outage = Outage(crm.visits.requests, 10_000)
            return [*said, await review(9), await review(8)]

    assert drive(main()) == [
        "bronze → gold",
        "gold as before",
        "gold as before, as far as we know",
        "the CRM is down, and nobody knows what it has: left as it is",
    ]
    assert crm.visits.changes == ["9"]


def test_a_loop_goes_on_behind_one_that_is_refused(chains: ModuleType, crm: Crm) -> None:
    """Page after page, through an outage in the middle; each contact is made once."""
    crm.outage = Outage(4, 4)

    report = carried_out(chains.send_all)

    assert report["sent"] == 11
    assert list(report["refused"]) == ["5"]
    assert sorted(map(int, crm.visits.changes)) == [1, 2, 3, 4, *range(6, 13)]
    assert crm.visits.failed == 4


def test_a_lookup_that_fails_fails_the_chain(chains: ModuleType, shop: Path) -> None:
    """A database that is not there is no customer that is not there."""
    shop.unlink()

    with pytest.raises(RunFailed, match=r"customer|database|file"):
        carried_out(chains.review_tier, customer_id=9)


def test_killed_in_the_outage_it_goes_on(tmp_path: Path, shop: Path) -> None:
    """SIGKILL while the CRM is down: another process finishes, and no contact is made twice."""
    with serving(Outage(5, 6)) as crm:
        environment = {**os.environ, "CHAINS_SHOP": str(shop), "CHAINS_CRM": crm.url}
        command = [
            sys.executable, "-m", "podium", "run", "-q", "examples.chains.chains:send_all",
            "--id", "s", "--db", str(tmp_path / "a.db"),
        ]  # fmt: skip
        first = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
        try:
            drive(until(lambda: crm.visits.failed >= 4, "the outage"))
        finally:
            first.send_signal(signal.SIGKILL)
            first.wait(LIMIT_S)
        second = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

        assert second.returncode == 0, second.stderr
        assert '"sent": 11' in second.stdout.replace('":11', '": 11')
        assert sorted(map(int, crm.visits.changes)) == [1, 2, 3, 4, *range(6, 13)]


def document(name: str) -> podium.Flow:
    """The same chain as a document, over the same links."""
    return podium.Flow.load(ROOT / "examples" / "chains" / f"{name}.yaml", allow=["examples.*"])


def test_a_row_as_a_document_waits_for_an_outage_too(chains: ModuleType, crm: Crm) -> None:
    """The change is made once."""
    crm.outage = Outage(0, 4)

    assert carried_out(document("update_contact"), customer_id=7) == 1
    assert crm.visits.failed == 4
    assert crm.visits.changes == ["7"]
    assert carried_out(document("update_contact"), customer_id=99) == 0


def test_conditions_as_a_document(chains: ModuleType, crm: Crm, shop: Path) -> None:
    """Each branch, and what the CRM refuses is undone in the shop."""
    review = document("review_tier")

    assert carried_out(review, customer_id=99) == "there is no customer 99"
    assert carried_out(review, customer_id=9) == "bronze → gold"
    assert carried_out(review, customer_id=9) == "gold as before"
    with pytest.raises(RunFailed, match="is no e-mail address"):
        carried_out(review, customer_id=5)
    assert (tiers(shop)[9], tiers(shop)[5]) == ("gold", "bronze")


def test_a_loop_as_a_document(chains: ModuleType, crm: Crm) -> None:
    """It goes on behind one that is refused, and through an outage."""
    crm.outage = Outage(4, 4)

    assert carried_out(document("send_all")) == 11
    assert sorted(map(int, crm.visits.changes)) == [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12]


def test_the_words_of_the_page_fit() -> None:
    """Each file of its table is there, and each command names what exists."""
    page = (ROOT / "examples" / "chains" / "README.md").read_text(encoding="utf-8")
    named = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    commands = [shlex.split(line[2:]) for line in page.splitlines() if line.startswith("$ ")]

    assert named == {
        path.name
        for path in (ROOT / "examples" / "chains").iterdir()
        if path.suffix in (".py", ".yaml") and path.stem != "__init__"
    }
    workflows = {
        word.partition(":")[2] for words in commands for word in words if ".chains:" in word
    }
    assert workflows == {"send_all", "review_tier"}

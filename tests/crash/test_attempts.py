"""What is known of the attempts of a step survives SIGKILL."""

import signal

from pathlib import Path

import pytest

import podium.core.spec

from podium import Podium
from podium.core.spec import WorkflowSpec
from podium.functions.calls import Workflow
from podium.journal.records import Kind
from tests.crash.processes import wait_for, workers
from tests.harness import SideFile, drive, fresh_names, kinds


def crawling_workflow() -> Workflow[[], str]:
    """The workflow ``crawling`` as a client knows it."""

    async def crawling() -> str:
        raise NotImplementedError

    spec = WorkflowSpec(crawling, "crawling", version="client", is_strict=False)
    podium.core.spec.registry.add_workflow(spec)
    return Workflow(crawling, spec)


@pytest.mark.long
def test_attempts_and_their_details_survive_a_kill(tmp_path: Path) -> None:
    """The next worker knows how many failed of which rule, how many began, and how far the last one was."""
    db, stop, side = str(tmp_path / "app.db"), tmp_path / "stop", SideFile(tmp_path / "side.tsv")
    settings = {"mode": "serve", "db": db, "stop": str(stop)}

    async def start() -> None:
        async with Podium(db, execute=False) as client:
            await client.start(crawling, id="a")

    async def result() -> str:
        async with Podium(db, execute=False) as client:
            return await (await client.get("a")).result()

    with workers(tmp_path) as begin, fresh_names():
        crawling = crawling_workflow()
        drive(start())
        first = begin(settings)
        first.line()
        wait_for(lambda: (Kind.HEARTBEAT, "crawl") in kinds(db, "a"), "a sign of life")
        first.signal(signal.SIGKILL)
        first.process.wait()
        begin(settings).line()
        gave_up = drive(result(), 60)
        stop.touch()

    assert gave_up == "attempts exhausted (2 of 2 for Busy)"
    assert [(line.attempt, line.note) for line in side.lines("crawl")] == [
        (1, "None"), (2, "None"), (3, "{'page': 7}"),
    ]  # fmt: skip

"""A model call whose record is durable is never paid for again: at any crash point, and under SIGKILL."""

import collections
import contextlib
import json
import random
import signal
import subprocess
import sys
import time

from collections.abc import Iterator
from pathlib import Path

import pytest

import podium

from podium import Model, Podium
from podium.journal.records import Kind
from podium.models import ModelUnreachable, Request, ScriptedModel, assistant, function_model, user
from podium.testing import crash_everywhere
from tests.harness import drive, kinds
from tests.models.program import LANES, TURNS

pytestmark = pytest.mark.long


def test_a_crash_anywhere_changes_nothing() -> None:
    """Conversations, repairs, fallbacks and labels come to the same; scripts know no process."""
    chat = ScriptedModel("chat", ["one", "two", '{"value": "x"}', '{"value": 7}'])
    ScriptedModel("down", [ModelUnreachable("down")], cycle=True)

    @function_model("count")
    def count(request: Request) -> str:
        return f"{len(request.messages)} messages"

    @podium.workflow
    async def crashing() -> list[object]:
        model = Model(chat)
        messages = [user("go")]
        said = assistant("")
        for _ in range(2):
            said = (await model.ask(messages)).message
            messages += [said, user("on")]
        number = await model.value(messages, int)
        spare = Model("scripted:down", fallback=["function:count"], retry=podium.Retry(attempts=1))
        texts = await podium.gather(spare.text("a"), spare.text("b", stream=True))
        return [number, *texts, said.text]

    report = crash_everywhere(crashing)
    assert report.output == [7, "1 messages", "1 messages", "two"]


@contextlib.contextmanager
def served(folder: Path, delay_s: float) -> Iterator[tuple[str, Path]]:
    """Run the provider in a process of its own, which is not killed; give its model and its ledger."""
    place, ledger = folder / "address", folder / "ledger"
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.models.server", str(place), str(ledger), str(delay_s)]
    with subprocess.Popen(command, cwd=root) as server:
        try:
            _until(place.exists, "the server's address")
            yield f"openai:test-1@{place.read_text()}/v1", ledger
        finally:
            server.kill()


def _until(condition: object, what: str, limit_s: float = 60) -> None:
    end = time.monotonic() + limit_s
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, f"no sign of {what}"
        time.sleep(0.005)


def asked(ledger: Path) -> list[str]:
    """Return what the provider was asked, in order."""
    return [json.loads(line) for line in ledger.read_text().splitlines()] if ledger.exists() else []


async def durable(db: Path) -> set[str]:
    """Return the texts of the calls whose replies are in the file."""
    async with Podium(str(db), execute=False) as client:
        run = await client.get("talk")
        steps = await run.steps()
        done = [run.value(step.result) for step in steps if step.status == "succeeded"]
    return {one["message"]["text"].removeprefix("echo: ") for one in done}


def test_no_durable_call_is_paid_again_after_sigkill(tmp_path: Path) -> None:
    """The provider counts: what was recorded when the process died is never asked again.

    EVIDENCE-OF G-40: "A model call whose record is durable is never paid twice; one in flight at the
    crash may be."
    """
    db, chance = tmp_path / "app.db", random.Random(5)
    kills, out = 0, ""
    settled: dict[str, int] = {}
    with served(tmp_path, 0.15) as (model, ledger):
        while True:
            count = len(asked(ledger))
            command = [sys.executable, "-m", "tests.models.program", str(db), model]
            with subprocess.Popen(
                command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True
            ) as process:
                if kills == 2:
                    out, _ = process.communicate(timeout=120)
                    break
                # a lane asks again once its last reply is recorded, so that one is by then
                enough = count + LANES + chance.randrange(3)
                _until(lambda enough=enough: len(asked(ledger)) > enough, "calls")
                time.sleep(chance.random() * 0.2)
                process.send_signal(signal.SIGKILL)
                process.wait()
            kills += 1
            before, known = collections.Counter(asked(ledger)), drive(durable(db))
            paid = {text: before[text] for text in known}
            assert all(times >= 1 for times in paid.values())
            for text, times in settled.items():
                assert before[text] == times, f"{text!r} was recorded, and asked again"
            settled.update(paid)
        final = collections.Counter(asked(ledger))

    assert settled, "no process had recorded anything before it was killed"
    assert out.startswith(f"['echo: lane 0 turn {TURNS - 1}")
    assert len(final) == LANES * TURNS
    assert sum(final.values()) <= LANES * TURNS + kills * LANES
    for text, times in settled.items():
        assert final[text] == times, f"{text!r} was recorded, and asked again"
    results = [kind for kind, path in kinds(str(db), "talk") if "podium.model" in path]
    assert results.count(Kind.RESULT) == LANES * TURNS

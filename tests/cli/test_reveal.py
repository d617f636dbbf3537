"""What screens hide and what `--reveal` shows; what the bodies of tasks have said."""

import asyncio
import json
import logging

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import podium as here

from podium import Podium, RunFailed, task, workflow
from tests.cli.conftest import Said

INPUT = {"order": {"card": "4111 1111 1111 1111", "apiKey": "k-17", "iban": "DE02"}, "tokens": 5}


@pytest.fixture
def told(podium: Callable[..., Said], tmp_path: Path) -> Path:
    """A folder with a run that quotes what looks like secrets."""

    @task(effect="read")
    def pay(order: dict[str, str]) -> str:
        logging.getLogger("shop").warning("Authorization: Bearer abcdef0123456789")
        here.warn("odd", "password=hunter2 \x1b[31m")
        return "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc"

    @task(effect="read")
    def fail() -> None:
        raise ConnectionError("postgresql://me:pa55word@db refused")

    @workflow
    async def shop(order: dict[str, str], tokens: int) -> None:
        here.publish("paid", {"token": await pay(order)})
        await fail()

    async def main() -> None:
        async with Podium(tmp_path / "podium.db") as app:
            with pytest.raises(RunFailed):
                await (await app.start(shop, INPUT, id="one")).result()

    asyncio.run(main())
    return tmp_path


SECRETS = ("4111 1111", "k-17", "abcdef0123456789", "hunter2", "eyJhbG", "pa55word")


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        (("show", "one", "--traceback"), set(SECRETS)),
        (("show", "one", "--json"), set(SECRETS)),
        (("steps", "one"), {"pa55word"}),
        (("steps", "one", "--json", "--values"), set(SECRETS)),
    ],
)
def test_hidden_and_revealed(
    podium: Callable[..., Said], told: Path, words: tuple[str, ...], seen: set[str]
) -> None:
    """What looks like a secret is hidden on every screen, and seen with `--reveal`."""
    hidden = podium("runs", *words, cwd=told)
    revealed = podium("runs", *words, "--reveal", cwd=told)

    assert (hidden.code, revealed.code) == (0, 0)
    assert {secret for secret in SECRETS if secret in hidden.out} == set()
    assert {secret for secret in SECRETS if secret in revealed.out} == seen
    again = podium("runs", *words, cwd=told)
    assert {secret for secret in SECRETS if secret in again.out} == set()


def test_lists_and_names(podium: Callable[..., Said], told: Path) -> None:
    """The list of runs hides too; `$PODIUM_REDACT` names more; other fields are seen."""
    assert "pa55word" not in podium("runs", "list", cwd=told).out
    usual = podium("runs", "show", "one", cwd=told).out
    more = podium("runs", "show", "one", cwd=told, PODIUM_REDACT="iban").out

    assert "DE02" in usual
    assert '"tokens": 5' in usual
    assert "DE02" not in more


def test_what_was_said(podium: Callable[..., Said], told: Path) -> None:
    """The notes of a run have the warnings and the log of its bodies, for people and for programs."""
    out = podium("runs", "show", "one", cwd=told).out
    notes: list[Any] = json.loads(podium("runs", "show", "one", "--json", cwd=told).out)["notes"]
    steps = json.loads(podium("runs", "steps", "one", "--json", cwd=told).out)

    assert "log WARNING shop at pay: Authorization: Bearer «hidden»" in out
    assert "warning odd at pay: password=«hidden» \\x1b[31m" in out
    assert [(note["kind"], note["level"], note["code"], note["attempt"]) for note in notes] == [
        ("log", "WARNING", "shop", 1),
        ("warning", None, "odd", 1),
    ]
    assert steps[0]["notes"] == notes
    assert notes[1]["text"] == "password=«hidden» \x1b[31m"

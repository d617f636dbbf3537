"""`podium model providers` and `try`: which providers are here, and one question."""

import json

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Said
from tests.models.server import Answer, Fault, providers


@pytest.fixture
def typed(podium: Callable[..., Said], tmp_path: Path) -> Callable[..., Said]:
    """Type a command of the group in a folder of its own."""
    return lambda *words: podium("model", *words, cwd=tmp_path)


def test_providers(typed: Callable[..., Said]) -> None:
    """Each provider with what is there for it, for people and for programs."""
    said = typed("providers")
    rows = {row["provider"]: row for row in json.loads(typed("providers", "--json").out)}

    assert said.code == 0
    assert said.out.splitlines()[0].split() == ["PROVIDER", "INSTALLED", "KEY", "EXAMPLE"]
    assert rows["openai"]["extra"] == "models"
    assert rows["openai"]["example"] == "openai:gpt-5-mini"
    assert rows["ollama"]["key"] is None
    assert isinstance(rows["openai"]["key"], bool)
    assert "scripted" not in rows


def test_unknown_models_and_missing_keys_have_remedies(typed: Callable[..., Said]) -> None:
    """Nothing is sent, and it is said what to type."""
    unknown = typed("try", "opnai:gpt-5-mini", "hi")
    bare = typed("try", "gpt-5-mini", "hi")

    assert (unknown.code, bare.code) == (1, 1)
    assert "Did you mean 'openai'?" in unknown.err
    assert "expected provider:model" in bare.err


@pytest.mark.long
def test_try(typed: Callable[..., Said]) -> None:
    """The answer alone goes to the output; what it used and took is told beside it."""
    with providers() as fake:
        said = typed("try", fake.model("openai"), "Say hello.", "--system", "Be nice.")
        as_json = json.loads(typed("try", fake.model("ollama"), "hi", "--json").out)
        fake.plan(Answer("half", finish="length"))
        cut = typed("try", fake.model("openai"), "hi", "--tokens", "3")
        fake.plan(Fault("status", 429, {"retry-after": "7"}))
        busy = typed("try", fake.model("openai"), "hi")
        sent = fake.asked[0].body

    assert (said.code, said.out) == (0, "echo: Say hello.\n")
    assert said.err.startswith("11 tokens in, 7 out, an unknown price, ")
    assert sent["messages"][0] == {"role": "system", "content": "Be nice."}
    assert (as_json["text"], as_json["cost_usd"], as_json["finish"]) == ("echo: hi", 0, "stop")
    assert cut.out == "half\n"
    assert "ended by length" in cut.err
    assert busy.code == 1
    assert "wants fewer calls for 7 s" in busy.err
    assert len(fake.asked) == 4


@pytest.mark.long
def test_a_server_that_is_not_there(typed: Callable[..., Said]) -> None:
    """It is said which, why, and what to look at."""
    said = typed("try", "openai:x@http://127.0.0.1:9/v1", "hi")

    assert said.code == 1
    assert "cannot be reached" in said.err
    assert "does its server run?" in said.err

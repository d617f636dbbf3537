"""The workflow over a provider's own wire: real HTTP to a server on loopback that says what is written down."""

import json

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from examples.coding import steps
from examples.coding.forms import Delivered
from examples.coding.recorded import entries
from podium import RunFailed
from tests.examples.coding.work import (
    Remembering,
    assignment,
    carried_out,
    delivered,
    example,
    left,
)
from tests.harness import drive
from tests.models.server import Answer, Behaviour, FakeProviders, Fault, providers

pytestmark = pytest.mark.long

NUMBER = 3
WRITTEN = [entry["answer"] for entry in entries(example(NUMBER).folder)]


def say(body: dict[str, Any]) -> Behaviour:
    """Say what is written down at the place that the conversation has come to."""
    at = sum(message["role"] == "assistant" for message in body["messages"])
    return Answer(json.dumps(WRITTEN[at]), input_tokens=1_000, output_tokens=100)


REMEMBERING = Remembering()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeProviders]:
    """A provider, and tests that are run once for each tree."""
    monkeypatch.setattr(steps, "try_out", REMEMBERING)
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
    with providers(say) as one:
        yield one


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_it_is_asked_for_the_form_of_each_stage(
    tmp_path: Path, fake: FakeProviders, provider: str
) -> None:
    """Each request is made once, asks for its form, and holds all that was said before."""
    fake.plan(Fault("status", status=429, headers={"retry-after": "0"}))
    task = assignment(tmp_path, NUMBER, model=fake.model(provider))
    done, _, _ = drive(carried_out(tmp_path, task), 120)
    answered = fake.asked[1:]
    talks = [[one["content"] for one in asked.body["messages"]] for asked in answered]

    assert isinstance(done, Delivered), done
    assert (done.used.answers, done.used.tokens) == (len(WRITTEN), 1_100 * len(WRITTEN))
    assert len(answered) == len(WRITTEN)
    assert "criteria" in json.dumps(answered[0].body)
    assert all(one == other[: len(one)] for one, other in pairwise(talks))
    assert left(task) == delivered(task)


def test_a_provider_that_will_not_answer(tmp_path: Path, fake: FakeProviders) -> None:
    """Fails the run with its code; nothing is merged."""
    fake.plan(Answer("I cannot help with that.", finish="refused"))
    task = assignment(tmp_path, NUMBER, model=fake.model("openai"))
    failed, told, _ = drive(carried_out(tmp_path, task), 120)

    assert isinstance(failed, RunFailed)
    assert failed.error.code == "model-refused"
    assert told == []
    assert left(task)["merges"] == 0


def test_what_it_may_cost_is_looked_at_before_anybody_is_asked(
    tmp_path: Path, fake: FakeProviders
) -> None:
    """Under a budget a model whose price nobody knows is not asked."""
    task = assignment(tmp_path, NUMBER, model=fake.model("openai"), usd_max=0.5)
    failed, _, _ = drive(carried_out(tmp_path, task), 120)

    assert isinstance(failed, RunFailed)
    assert failed.error.code == "price-unknown"
    assert fake.asked == []

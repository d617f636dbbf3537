"""Verification in workflows: nothing is made or paid twice, wherever the process dies."""

import sys

from typing import Any

import pytest

import podium

from podium import Brief, RunFailed, ask_person, gates, other_model, reflect
from podium.models import ScriptedModel
from podium.models.messages import Request
from podium.testing import crash_everywhere

pytestmark = pytest.mark.long

WRITTEN: list[int] = []


@podium.task(effect="write", name="verify.write")
def write(round_: int, model: str) -> str:
    """Write."""
    WRITTEN.append(round_)
    return f"{model}: {'word ' * round_}".strip()


@podium.task(effect="read", name="verify.long_enough")
def long_enough(text: str, words: int = 3) -> list[str]:
    """Complain of a short text."""
    count = len(text.split()) - 1
    return [] if count >= words else [f"{count} words"]


def polite(request: Request) -> dict[str, Any]:
    return {"criterion_1": {"evidence": "…", "ok": "other:" in request.messages[-1].text}}


ScriptedModel("verify_judge", [polite])
ScriptedModel("verify_critic", ["Write more."])


@podium.workflow(name="verify.draft")
async def draft() -> dict[str, Any]:
    async def produce(brief: Brief) -> str:
        return await write(brief.round, brief.model_or("usual"))

    found = await podium.verification(
        produce,
        gates=[
            gates.schema(str),
            long_enough,
            gates.judge("scripted:verify_judge", "From the other model?"),
            gates.command([sys.executable, "-c", "pass"]),
        ],
        on_refusal=[
            reflect(2, critic="scripted:verify_critic"),
            other_model("other"),
            ask_person(),
        ],
        rounds_max=5,
    )
    return {"value": found.value, "by": [one.by for one in found.rounds]}


def test_rounds_survive_a_crash_at_any_point() -> None:
    """The same rounds, verdicts and value, and no judge is asked again for what is recorded."""
    report = crash_everywhere(draft, setup=WRITTEN.clear, points=60)

    assert report.status == "succeeded"
    assert report.output == {
        "value": "other: word word word word",
        "by": ["first", "reflect", "reflect", "other_model"],
    }
    assert max(report.attempts.values()) <= 2  # once, and once again behind a crash in the middle


@podium.workflow(name="verify.refused")
async def refused() -> str:
    said: str = await podium.verified(
        lambda: "never",
        gates=[gates.cel("answer == 'other'"), gates.person()],
        on_refusal=reflect(1),
    )
    return said


def test_a_refusal_fails_the_run_with_its_verdicts_as_data() -> None:
    """The code is `refused-by-gate`, and the record of the error has the verdicts."""
    with pytest.raises(RunFailed) as caught:
        podium.run(refused, database=":memory:")

    error = caught.value.error
    assert error.code == "refused-by-gate"
    assert error.details is not None
    verdicts = error.details["verdicts"]
    assert [one["gate"] for one in verdicts] == ["all", "same-again"]
    assert verdicts[0]["parts"][0]["findings"][0]["message"] == "\"answer == 'other'\" is false."


@podium.workflow(name="verify.people")
async def people() -> list[Any]:
    async def produce(brief: Brief) -> str:
        return f"{brief.round} {brief.advice}".strip()

    first = await podium.verified(
        produce, gates=gates.person("Send this?", to="editor"), on_refusal=ask_person(rounds=4)
    )
    second = await podium.verified(
        produce, gates=gates.cel("false"), on_refusal=ask_person("boss"), name="second"
    )
    return [first, second]


def test_people_judge_and_decide_and_a_wrong_answer_is_asked_for_again() -> None:
    """A gate of a person, a revision with advice, a value of the person's own; at any crash."""
    answers = [
        {"ok": "maybe"},  # no answer: asked for again
        {"ok": False, "why": "too short"},
        {"decision": "revise", "why": "longer"},
        {"ok": True},
        {"decision": "replace", "value": "mine"},
    ]

    report = crash_everywhere(people, answers=answers, points=40)

    assert report.output == ["2 longer", "mine"]


@podium.workflow(name="verify.gives_up")
async def gives_up() -> bool:
    found = await podium.verification(
        lambda: 1, gates=gates.cel("false"), on_refusal=[ask_person(), reflect(3)]
    )
    return found.ok


def test_a_person_may_give_up_for_all() -> None:
    """What stands behind the question is not tried then."""
    report = crash_everywhere(gives_up, answers=[{"decision": "fail"}], points=20)

    assert report.output is False

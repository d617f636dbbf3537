"""A goal is reached when its criteria hold: they are written first, and checked last."""

from collections.abc import Iterator
from typing import Any

import pytest

import podium

from podium import Podium
from podium.agents.planning import Achieved, PlanLimits, do
from podium.core.errors import RunFailed
from tests.agents.planning.world import DONE, READS, fresh, last_said, plan_of, scripted
from tests.harness import drive

CRITERIA = {
    "criteria": [
        {"name": "city", "what": "It is about the city.", "cel": "answer.contains(input.city)"},
        {"name": "text", "what": "It is a text.", "schema": {"type": "string", "minLength": 3}},
    ]
}
SKY = {"call": "trip.weather", "args": {"city": "${input.city}"}}


@pytest.fixture(autouse=True)
def _world() -> Iterator[None]:
    with fresh():
        yield


def done(model: Any, **options: Any) -> Achieved:
    @podium.workflow
    async def errand(city: str) -> Achieved:
        return await do("Say the weather", {"city": city}, model=model, tools=READS, **options)

    async def go() -> Any:
        async with Podium(":memory:") as app:
            return await (await app.start(errand, {"city": "Bern"})).result()

    return drive(go())


def test_it_is_done_when_the_criteria_hold() -> None:
    """What the first plan gives is held against them and will not do; the second one's will."""
    scripts = {
        "You write the acceptance criteria": [CRITERIA],
        "How to write a plan": [
            plan_of({"sky": SKY}, "${size(sky)}"),
            plan_of({"sky": SKY}, "${sky}"),
        ],
    }
    model = podium.models.ScriptedModel("does", scripts)

    achieved = done(model)

    assert achieved.output == "sun in Bern"
    assert achieved.verdict is not None
    assert achieved.verdict.ok
    first = achieved.tries[0].setback
    assert first is not None
    assert first.kind == "unmet"
    assert "text: refused" in first.reason
    assert DONE == {"weather Bern": 1}
    assert [one.node for one in achieved.tries[1].kept] == ["sky"]
    assert "is not enough" in last_said(model.asked[-1])
    assert "held against this" in model.asked[1].messages[1].text


def test_what_the_model_says_is_not_enough() -> None:
    """A plan that never meets them ends with an error that says which, not with its output."""
    scripts = {
        "You write the acceptance criteria": [CRITERIA],
        "How to write a plan": [plan_of({"sky": SKY}, "All done, trust me.")] * 3,
    }

    with pytest.raises(RunFailed) as caught:
        done(podium.models.ScriptedModel("lies", scripts), limits=PlanLimits(replans=2))

    assert caught.value.error.code == "goal-not-met"
    assert "city: refused" in caught.value.error.message


@pytest.mark.parametrize(
    "bad",
    [
        {"criteria": []},
        {"criteria": [{"name": "x", "what": "It is so.", "cel": "true"}]},
        {"criteria": [{"name": "x", "what": "It is so.", "cel": "answr > 1"}]},
        {"criteria": [{"name": "x", "what": "It is so.", "cel": "answer >"}]},
        {"criteria": [{"name": "x", "what": "It is so.", "schema": {}}]},
        {"criteria": [{"name": "x", "what": "It is so.", "schema": {"type": "texty"}}]},
        {"criteria": [{"name": "x", "what": "It is so."}]},
        {"criteria": [{"name": "x", "what": "?", "cel": "answer == 1", "judge": "Is it 1?"}]},
        {"criteria": [{"name": "x", "what": "It is so.", "cel": "answer == 1"}] * 2},
        "They hold.",
    ],
)
def test_criteria_that_say_nothing_are_told_back(bad: Any) -> None:
    """Constant, unreadable, empty or double criteria are refused, and asked for again."""
    scripts = {
        "You write the acceptance criteria": [bad, CRITERIA],
        "How to write a plan": [plan_of({"sky": SKY}, "${sky}")],
    }
    model = podium.models.ScriptedModel("again", scripts)

    achieved = done(model)

    assert [one.name for one in achieved.plan.criteria] == ["city", "text"]
    assert "cannot be used" in last_said(model.asked[1])


def test_a_judge_is_asked_where_no_condition_can_say() -> None:
    """The rubric is held by a model of its own; what was done is a source."""
    wanted = {"criteria": [{"name": "kind", "what": "It is kind.", "judge": "Is it kind?"}]}
    judge = scripted("judge", {"criterion_1": {"evidence": "it has sun", "ok": True}})
    scripts = {
        "You write the acceptance criteria": [wanted],
        "How to write a plan": [plan_of({"sky": SKY}, "${sky}")],
    }

    achieved = done(podium.models.ScriptedModel("kind", scripts), judge=judge)

    assert achieved.verdict is not None
    assert achieved.verdict.ok
    assert "trip.weather gave" in judge.asked[0].messages[-1].text

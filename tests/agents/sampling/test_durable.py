"""Samples, votes, tournaments and searches survive crashes: the same choice, and no reply paid twice."""

import random

from typing import Any

import pytest

import podium

from podium import gates
from podium.models import Model, function_model
from podium.models.messages import Reply, Request, Usage, assistant
from podium.testing import crash_everywhere

pytestmark = pytest.mark.long

RIGHT = "42"


@function_model("guesser")
def guess(request: Request) -> Reply:
    """Be right in 4 of 10 cases, drawn from what it is asked."""
    chance = random.Random(request.messages[-1].text)
    text = RIGHT if chance.random() < 0.4 else str(chance.randrange(40))
    return Reply(assistant(text), "function:guesser", Usage(10, 1), 0.001)


@function_model("closer")
def closer(request: Request) -> str:
    """Prefer the number that is nearer to the right one."""
    parts = request.messages[-1].text.split("<second>")
    first, second = (int("".join(filter(str.isdigit, one))) for one in parts)
    distance = abs(first - 42) - abs(second - 42)
    return "first" if distance < 0 else "second" if distance > 0 else "tie"


@podium.task(effect="pure", name="sampling.distance")
def distance(text: str) -> float:
    """Say how near a number is."""
    return 1 - min(42, abs(int(text) - 42)) / 42


@podium.workflow(name="sampling.all")
async def all_of_them(seed: int) -> dict[str, Any]:
    model = Model("function:guesser")

    async def produce(number: int) -> str:
        return await model.text(f"{seed}, {number}: what is it?")

    async def expand(text: str) -> list[str]:
        return [await model.text(f"{seed}, after {text}, {side}") for side in ("left", "right")]

    best = await podium.best_of(6, produce, [gates.cel(f"answer == '{RIGHT}'")], at_once=2)
    near = await podium.best_of(4, produce, distance, enough=2)
    vote = await podium.self_consistency(7, produce)
    won = await podium.tournament(4, produce, podium.prefers("function:closer"))
    tree = await podium.tree_search(8, "0", expand, distance, width=2)
    return {
        "best": best.value, "near": near.value, "vote": vote.value, "won": won.value,
        "tree": list(tree.path), "cost": best.report.text(), "taken": len(best.samples),
    }  # fmt: skip


def test_a_choice_is_the_same_after_a_crash_at_any_point() -> None:
    """Values, reports and costs are those of the run without a crash."""
    report = crash_everywhere(all_of_them, {"seed": 3}, points=60)

    assert report.output["best"] == RIGHT
    assert report.output["won"] == RIGHT
    assert report.output["tree"][0] == "0"
    assert "$0.0010" in report.output["cost"]


@podium.workflow(name="sampling.within")
async def within(around: int) -> list[Any]:
    model = Model("function:guesser")

    async def produce(number: int) -> str:
        return await model.text(f"within, {number}")

    with podium.budget(calls=around):
        inner = await podium.best_of(podium.Budget(calls=3), produce, lambda _: 0.5, at_once=2)
        outer = await podium.best_of(9, produce, lambda _: 0.5, at_once=1)
    return [
        len(inner.samples),
        inner.report.stopped_by,
        len(outer.samples),
        outer.report.stopped_by,
    ]


def test_budgets_end_samples_and_what_there_is_is_chosen_from() -> None:
    """Its own, and those around it; a crash may lose what was reserved, and then there are fewer."""
    assert podium.run(within, {"around": 5}, database=":memory:") == [3, "all", 2, "budget"]

    crash_everywhere(within, {"around": 5}, points=20, same=_is_fewer)


def _is_fewer(whole: list[Any], crashed: list[Any]) -> bool:
    """Whether a run that lost its process had no more samples than one that did not."""
    return bool(crashed[0] <= whole[0] and crashed[2] <= whole[2] + whole[0] - crashed[0])


@podium.workflow(name="sampling.pays")
async def pays(seed: int) -> list[Any]:
    model = Model("function:guesser")

    async def produce(number: int) -> str:
        return await model.text(f"{seed}, {number}")

    one = await produce(1)
    many = await podium.best_of(5, produce, [gates.cel(f"answer == '{RIGHT}'")], at_once=1)
    return [one == RIGHT, many.value == RIGHT, len(many.samples), many.report.cost.usd]


def test_an_agent_that_is_right_in_four_of_ten_cases_is_right_in_nine_with_five_tries(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In durable runs: the share of right answers, and what it costs, are as the binomial says."""
    tries = 60
    rows = [podium.run(pays, {"seed": seed}, database=":memory:") for seed in range(tries)]
    single = sum(row[0] for row in rows) / tries
    best = sum(row[1] for row in rows) / tries
    cost = sum(row[3] for row in rows) / tries

    expected = 1 - 0.6**5
    assert abs(best - expected) <= 4 * (expected * (1 - expected) / tries) ** 0.5
    assert best > single
    assert cost == pytest.approx(0.001 * sum(row[2] for row in rows) / tries)
    with capsys.disabled():
        print(
            f"\none sample: {single:.0%} right at $0.0010; best of five with a verifier: {best:.0%} "
            f"at ${cost:.4f} (expected {expected:.0%} at ${0.001 * (1 - 0.6**5) / 0.4:.4f})"
        )

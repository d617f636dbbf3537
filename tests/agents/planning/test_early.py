"""While a plan is still being written, what only computes or looks starts; nothing else does."""

import asyncio
import json

from collections.abc import Iterator
from typing import Any

import pytest

import podium

from podium import Podium
from podium.agents.planning import Achieved, Planner
from podium.agents.planning.early import EarlyCalls, may_start_early
from podium.models import register_provider
from podium.models.messages import Message, Reply, Request, Usage
from podium.models.provider import Abilities, Say
from tests.agents.planning.world import BROKEN, DONE, TOOLS, fresh, plan_of
from tests.harness import drive

PLAN = plan_of(
    {
        "all": {"call": "trip.trains", "args": {"city": "${input.city}"}},
        "more": {"call": "trip.trains", "args": {"city": "${all[0]}"}},
        "sky": {"call": "trip.weather", "args": {"city": "${input.city}"}},
        "seat": {"call": "trip.book_seat", "args": {"train": "${all[0]}"}},
        "text": {
            "call": "trip.letter",
            "args": {"city": "a", "sky": "${more[0]}", "seat": "${seat}"},
        },
    },
    "${text + sky}",
)


class Streaming:
    """A provider that says its plan piece by piece, and looks what was done by the end."""

    def __init__(self, *plans: Any) -> None:
        self.plans = [one if isinstance(one, str) else json.dumps(one) for one in plans]
        self.done_by_then: dict[str, int] = {}

    def abilities(self, _model: str) -> Abilities:
        return Abilities()

    async def respond(self, model: str, request: Request, say: Say | None = None) -> Reply:
        turn = sum(message.role == "assistant" for message in request.messages)
        text = self.plans[turn]
        for begin in range(0, len(text), 16):
            if say is not None:
                say(text[begin : begin + 16])
            await asyncio.sleep(0)
        await asyncio.sleep(0.02)
        self.done_by_then = dict(DONE)
        return Reply(Message("assistant", text), f"streaming:{model}", Usage(1, 1), 0.0)


@pytest.fixture(autouse=True)
def _world() -> Iterator[None]:
    with fresh():
        yield


def travelled(provider: Streaming, **options: Any) -> tuple[Achieved, list[str]]:
    register_provider("streaming", provider)

    @podium.workflow
    async def travel(city: str) -> Achieved:
        planner = Planner(model="streaming:x", tools=TOOLS, approval="never", early=True, **options)
        return await planner.run(await planner.plan("Travel", {"city": city}))

    async def go() -> Any:
        async with Podium(":memory:") as app:
            run = await app.start(travel, {"city": "Bern"})
            return await run.result(), [step.task for step in await run.steps()]

    return drive(go())


def test_reads_start_before_the_plan_is_whole() -> None:
    """In the order that their arguments allow; a price, a write and what rests on it wait for the plan."""
    provider = Streaming(PLAN)

    achieved, tasks = travelled(provider)

    assert provider.done_by_then == {"trains Bern": 1, "trains Bern-1": 1}
    assert DONE == {"trains Bern": 1, "trains Bern-1": 1, "weather Bern": 1, "book Bern-1": 1}
    assert achieved.output == "a: Bern-1-1, seat Bern-1sun in Bern"
    assert tasks[0] == "podium.write_plan"
    kept = {one.node: one.path for one in achieved.tries[0].kept}
    assert kept == {"all": "early/all", "more": "early/more"}


def test_an_unsound_plan_has_changed_nothing() -> None:
    """What was looked at for it is of use to the one that can run."""
    unsound = {**PLAN, "nodes": {**PLAN["nodes"], "seat": {"call": "trip.book", "args": {}}}}

    achieved, _ = travelled(Streaming(unsound, PLAN))

    assert achieved.output == "a: Bern-1-1, seat Bern-1sun in Bern"
    # once for each plan that was written, and not again as the second one ran
    assert DONE["trains Bern"] == 2
    assert DONE["book Bern-1"] == 1


def test_what_fails_early_is_left_to_the_plan() -> None:
    """And a plan that no model could write at all is an error like any other."""
    BROKEN.add("trains Bern")
    text = json.dumps(PLAN)

    class Mended(Streaming):
        async def respond(self, model: str, request: Request, say: Say | None = None) -> Reply:
            reply = await super().respond(model, request, say)
            BROKEN.clear()
            return reply

    achieved, _ = travelled(Mended(text))

    assert achieved.output == "a: Bern-1-1, seat Bern-1sun in Bern"
    assert achieved.tries[0].kept == ()


@pytest.mark.parametrize(
    ("node", "starts"),
    [
        ({"call": "trip.trains", "args": {"city": "x"}}, True),
        ({"call": "trip.trains", "args": {"city": "${input.city}"}, "description": "d"}, True),
        ({"call": "trip.trains", "args": {"city": "x"}, "when": "true"}, False),
        ({"call": "trip.trains", "args": {"city": "x"}, "after": "b"}, False),
        ({"call": "trip.trains", "args": {"city": "${later}"}}, False),
        ({"call": "trip.trains", "args": {"city": "${"}}, False),
        ({"call": "trip.trains", "args": {"town": "x"}}, False),
        ({"call": "trip.trains", "args": {"city": "${outcome.a.status}"}}, False),
        ({"call": "trip.weather", "args": {"city": "x"}}, False),
        ({"call": "trip.book_seat", "args": {"train": "x"}}, False),
        ({"call": "trip.send_mail", "args": {"text": "x"}}, False),
        ({"call": "os.remove", "args": {}}, False),
        ({"for_each": [1], "nodes": {}}, False),
    ],
)
def test_the_rule(node: dict[str, Any], starts: bool) -> None:
    """A plain call of what only computes or looks, is free, and needs nothing that is not there."""

    async def go() -> list[Any]:
        early = EarlyCalls({one.name: one.spec for one in TOOLS}, {"city": "Bern"})
        early.say(json.dumps({"nodes": {"one": node}}))
        return await early.end()

    assert bool(drive(go())) is starts
    assert bool(DONE) is starts


def test_what_draws_on_limits_does_not_start_early() -> None:
    """Nor what has a price, or is cached."""

    @podium.tool(effect="read", rate=podium.Rate("1/s"), name="limited")
    async def limited() -> int:
        return 1

    @podium.tool(effect="read", cache=podium.Cache("1m"), name="cached")
    async def cached() -> int:
        return 1

    assert not may_start_early(limited.spec)
    assert not may_start_early(cached.spec)
    assert [one.name for one in TOOLS if may_start_early(one.spec)] == [
        "trip.inbox",
        "trip.trains",
        "trip.letter",
    ]

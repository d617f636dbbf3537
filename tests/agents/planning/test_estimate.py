"""What a plan may do, take and cost is read off its document."""

from collections.abc import Iterator
from typing import Any

import pytest

import podium

from podium.agents.planning import Estimate
from podium.agents.planning.approving import estimate_lines
from podium.agents.planning.estimate import Known, estimate
from podium.agents.planning.offer import offered
from podium.core.errors import InvalidOption
from podium.flow import Flow
from podium.tools.registry import UnknownTool
from tests.agents.planning.world import TOOLS, fresh, plan_of

LOOK = {"call": "trip.weather", "args": {"city": "x"}}
"""A quarter of a dollar."""
TRAINS = {"call": "trip.trains", "args": {"city": "x"}}
"""Two seconds."""


@pytest.fixture(autouse=True)
def _world() -> Iterator[None]:
    with fresh():
        yield


def of(nodes: dict[str, Any], known: dict[str, Known] | None = None, **inputs: Any) -> Estimate:
    fields = dict.fromkeys(inputs, "any")
    flow = Flow.from_dict(plan_of(nodes, None, input=fields))
    assert flow.document is not None
    return estimate(flow.document, offered(TOOLS), inputs, known or {})


def calls(found: Estimate) -> tuple[int, int | None]:
    return found.calls_min, found.calls_max


def test_calls_are_counted() -> None:
    """For certain, and at most; without a bound where that is found out as it runs."""
    assert calls(of({"a": LOOK, "b": LOOK})) == (2, 2)
    assert calls(of({"a": {**LOOK, "when": "input.go"}}, go=True)) == (0, 1)
    each = {"for_each": "${input.many}", "nodes": {"a": LOOK}}
    assert calls(of({"all": each}, many=[1, 2, 3])) == (3, 3)
    assert calls(of({"t": TRAINS, "all": {**each, "for_each": "${t}"}}, many=[])) == (1, None)
    loop = {"max": 5, "nodes": {"a": LOOK}}
    assert calls(of({"l": {**loop, "until": "a == 'x'"}})) == (1, 5)
    assert calls(of({"l": {**loop, "while": "loop.pass < 3"}})) == (0, 5)
    route = {"switch": [{"when": "input.go", "nodes": {"a": LOOK}}, {"else": True, "nodes": {"b": LOOK}}]}  # fmt: skip
    assert calls(of({"r": route}, go=True)) == (0, 2)
    within = {"flow": {"podium": 1, "nodes": {"a": LOOK}}}
    assert calls(of({"f": within})) == (1, 1)
    assert calls(of({"a": {**LOOK, "fallback": {"call": "trip.trains"}}})) == (1, 2)


def test_time_runs_along_the_longest_way() -> None:
    """What does not wait for each other counts once; items go as many at once as they may."""
    assert of({"a": TRAINS, "b": TRAINS}).seconds == 2.0
    assert of({"a": TRAINS, "b": {**TRAINS, "after": "a"}}).seconds == 4.0
    each = {"for_each": "${input.many}", "nodes": {"a": TRAINS}, "concurrency": 2}
    assert of({"all": each}, many=[1, 2, 3]).seconds == 4.0
    known = {"trip.weather": Known(seconds=1.5)}
    assert of({"a": LOOK}, known).seconds == 1.5
    assert of({"a": LOOK}).unknown_time == ("trip.weather",)


def test_prices_are_those_of_the_tools() -> None:
    """Or of earlier runs; one that nobody knows makes the sum unknown."""
    assert of({"a": LOOK, "b": TRAINS}).usd == 0.25
    assert of({"a": LOOK}, {"trip.weather": Known(usd=0.5)}).usd == 0.5
    guide = of({"a": {"call": "trip.guide", "args": {"city": "x"}}})
    assert guide.usd is None
    assert guide.unknown_price == ("trip.guide",)


def test_a_price_that_depends_on_the_arguments() -> None:
    """It is known where they are, and unknown where a node computes them."""

    def price(count: int) -> podium.Spend:
        return podium.Spend(count)

    @podium.tool(effect="read", name="dear", price=price)
    def dear(count: int, more: int = 0) -> int:
        return count

    tools = offered([*TOOLS, dear])
    fixed = plan_of(
        {"a": {"call": "dear", "args": {"count": "${input.n}"}}}, None, input={"n": "any"}
    )
    chained = plan_of(
        {"a": {"call": "dear", "args": {"count": 1}}, "b": {"call": "dear", "args": {"count": "${a}"}}},
        None,
    )  # fmt: skip
    one, two = Flow.from_dict(fixed).document, Flow.from_dict(chained).document
    assert one is not None
    assert two is not None

    assert estimate(one, tools, {"n": 3}, {}).usd == 3.0
    assert estimate(two, tools, {}, {}).usd is None


def test_it_is_said_in_words() -> None:
    """A line for each thing that somebody who approves wants to know."""
    seat = {"call": "trip.book_seat", "args": {"train": "x"}}
    mail = {"call": "trip.send_mail", "args": {"text": "x"}}
    found = of({"s": seat, "m": mail, "q": {"ask": "May I?", "timeout": "1h", "on_timeout": {}}})

    assert estimate_lines(found) == [
        "calls: 3",
        "changes the world, and cannot be repeated: trip.send_mail",
        "changes the world: trip.book_seat",
        "asks a person: q",
        "time: unknown",
        "cost: nothing that has a price",
    ]
    assert estimate_lines(of({"a": TRAINS}))[1] == "changes nothing"


def test_what_can_be_offered() -> None:
    """Tools, tasks that say their effect, names, patterns; anything else is said at once."""

    @podium.task
    def undeclared() -> int:
        return 1

    @podium.task(effect="read")
    def declared() -> int:
        return 1

    assert [*offered(["trip.*"]).tasks] == sorted(one.name for one in TOOLS)
    assert [*offered([declared, "declared"]).tasks] == ["declared"]
    for wrong, error in (
        ([], InvalidOption),
        ("trip.*", InvalidOption),
        ([undeclared], InvalidOption),
        ([7], InvalidOption),
        (["trip.nothing"], UnknownTool),
        (["nothing.*"], UnknownTool),
    ):
        with pytest.raises(error):
            offered(wrong)  # type: ignore[arg-type]

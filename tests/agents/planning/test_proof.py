"""What passes the check runs; what is spoilt is found, named and repaired; what is kept is not done again."""

import copy
import json
import re

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec
import pytest

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import podium

from podium import Podium
from podium.agents.planning import Achieved, Planner, plan
from podium.agents.planning.form import PlanForm
from podium.agents.planning.offer import offered
from podium.agents.planning.values import PlanLimits
from podium.flow.keeping import KeepingSpec, Report
from podium.functions.calls import Workflow
from podium.models.messages import Request
from podium.models.structured import Unfit
from tests.agents.planning.generate import DONE, FAILING, Data, Drawn, World, worlds
from tests.agents.planning.world import scripted
from tests.harness import drive, fresh_names
from tests.sim.cases import IS_FULL

pytestmark = pytest.mark.long
many = settings(max_examples=400 if IS_FULL else 25, suppress_health_check=list(HealthCheck))


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    with fresh_names():
        yield


def read(world: World, tools: list[Any]) -> Any:
    """Return the flow that a plan is, or what is wrong with it."""
    form = PlanForm(offered(tools), {}, PlanLimits())
    try:
        return form.read(json.dumps(world.plan))
    except Unfit as unfit:
        return unfit


def tried(flow: Any) -> Report:
    """Carry a plan out."""
    spec = KeepingSpec(flow.document)

    async def go() -> Any:
        async with Podium(":memory:") as app:
            run = await app.start(Workflow(spec.fn, spec), {"input": {}})
            return await run.result()

    return msgspec.convert(drive(go()), Report)


# what passes runs ---------------------------------------------------------------------------


@many
@given(worlds())
def test_every_plan_that_passes_the_check_runs(world: World) -> None:
    """Without an error of type or reference: its tools never fail, so neither does it."""
    with fresh_names():
        flow = read(world, world.made())
        assume(not isinstance(flow, Unfit))

        report = tried(flow)

    assert report.is_ok, report.error


@many
@given(worlds(odd=False))
def test_a_plan_that_is_wired_rightly_passes(world: World) -> None:
    """So that the test above has something to run."""
    with fresh_names():
        flow = read(world, world.made())

    assert not isinstance(flow, Unfit), flow


# what is spoilt is found, named, repaired ---------------------------------------------------------


class Defect(NamedTuple):
    """Something that is put into a sound plan.

    Attributes:
        codes: What the check may call it.
        spoil: Spoils a node of a plan; false where it cannot.
    """

    codes: tuple[str, ...]
    spoil: Callable[[Data, str, Drawn], bool]


def _no_tool(plan_: Data, name: str, drawn: Drawn) -> bool:
    plan_["nodes"][name]["call"] = f"{drawn.name}x"
    return True


def _no_name(plan_: Data, name: str, drawn: Drawn) -> bool:
    if not drawn.takes:
        return False
    plan_["nodes"][name]["args"][next(iter(drawn.takes))] = "${nobody}"
    return True


def _left_out(plan_: Data, name: str, drawn: Drawn) -> bool:
    return (
        bool(drawn.takes) and plan_["nodes"][name]["args"].pop(next(iter(drawn.takes))) is not ...
    )


def _too_much(plan_: Data, name: str, _drawn: Drawn) -> bool:
    plan_["nodes"][name]["args"]["z"] = 1
    return True


def _misfit(plan_: Data, name: str, drawn: Drawn) -> bool:
    if not drawn.takes:
        return False
    one, kind = next(iter(drawn.takes.items()))
    plan_["nodes"][name]["args"][one] = {"text": 5, "perhaps": 5}.get(kind, {"odd": "x"})
    return True


def _cycle(plan_: Data, name: str, _drawn: Drawn) -> bool:
    plan_["nodes"][name]["after"] = [name]
    return True


def _no_word(plan_: Data, name: str, _drawn: Drawn) -> bool:
    plan_["nodes"][name]["arguments"] = {}
    return True


def _two_kinds(plan_: Data, name: str, _drawn: Drawn) -> bool:
    plan_["nodes"][name]["set"] = 1
    return True


def _no_expression(plan_: Data, name: str, _drawn: Drawn) -> bool:
    plan_["nodes"][name]["when"] = "1 +"
    return True


DEFECTS = [
    Defect(("unknown-task",), _no_tool),
    Defect(("unknown-name",), _no_name),
    Defect(("missing-argument",), _left_out),
    Defect(("unknown-argument",), _too_much),
    Defect(("misfit", "wrong-type"), _misfit),
    Defect(("cycle",), _cycle),
    Defect(("unknown-word",), _no_word),
    Defect(("two-kinds",), _two_kinds),
    Defect(("syntax",), _no_expression),
]
_PLACE = re.compile(r"error\[([a-z-]+)\] \$\.nodes\.(\w+)")


def repairing(sound: Data, first: Data) -> Callable[[Request], Any]:
    """Return a model that writes a spoilt plan, and mends just the nodes that it is told of."""

    def answer(request: Request) -> Any:
        if len(request.messages) <= 2:
            return json.dumps(first)
        mended = json.loads(request.messages[-2].text)
        for _, name in _PLACE.findall(request.messages[-1].text):
            mended["nodes"][name] = sound["nodes"][name]
        return json.dumps(mended)

    return answer


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda one: one.codes[0])
@settings(parent=many, max_examples=60 if IS_FULL else 5)
@given(world=worlds(odd=False), data=st.data())
def test_every_defect_is_found_named_and_repaired(
    defect: Defect, world: World, data: st.DataObject
) -> None:
    """The finding says which node; a model that mends what it is told of comes through."""
    sound = world.plan
    name = data.draw(st.sampled_from([*world.calls]))
    spoilt = copy.deepcopy(sound)
    assume(defect.spoil(spoilt, name, world.calls[name]))
    with fresh_names():
        model = scripted("repairs", *[repairing(sound, spoilt)] * 3)

        found = drive(plan("Whatever", model=model, tools=world.made()))

    wrong = found.attempts[0].findings
    assert {one.code for one in wrong if one.path.startswith(f"$.nodes.{name}")} & set(defect.codes)
    assert len(found.attempts) == 2
    assert found.document["nodes"] == json.loads(json.dumps(sound["nodes"]))


# what is kept is not done again -----------------------------------------------------------------


class Pursued(NamedTuple):
    """What two plans came to.

    Attributes:
        achieved: The end of it.
        calls: How often tools were called for the second plan.
    """

    achieved: Achieved
    calls: int


def pursued(first: Data, second: Data, tools: list[Any], failing: str) -> Pursued:
    """Carry out a plan in which a tool fails, then another one."""

    def mended(_request: Request) -> Any:
        FAILING.clear()
        DONE.clear()
        return second

    model = scripted("plans", first, mended)
    DONE.clear()
    FAILING.clear()
    FAILING.add(failing)

    @podium.workflow
    async def pursue() -> Achieved:
        planner = Planner(model=model, tools=tools)
        return await planner.run(await planner.plan("Whatever"))

    async def go() -> Any:
        async with Podium(":memory:") as app:
            return await (await app.start(pursue, {})).result()

    return Pursued(drive(go()), sum(DONE.values()))


@settings(parent=many, max_examples=200 if IS_FULL else 12)
@given(world=worlds(odd=False), data=st.data())
def test_a_partial_plan_does_less_and_gives_the_same(world: World, data: st.DataObject) -> None:
    """After a seeded failure: equal to doing all of the new plan anew, with fewer calls."""
    failing = data.draw(st.sampled_from([*world.calls]))
    drawn = world.calls[failing]
    with fresh_names():
        tools = world.made()
        flow = read(world, tools)
        assume(not isinstance(flow, Unfit))

        found = pursued(world.plan, world.plan, tools, drawn.name)
        assume(len(found.achieved.tries) == 2)  # the tool that fails was called at all
        DONE.clear()
        whole = tried(flow)

    full = sum(DONE.values())
    first, second = found.achieved.tries
    assert found.achieved.output == whole.output
    assert len(second.kept) == first.done  # all that was done is kept,
    assert found.calls == second.done == full - first.done  # and nothing of it done again

"""`verified`: rounds until a value passes, within limits, remembering what was refused."""

import asyncio

from typing import Any

import pytest

import podium

from podium import (
    Brief,
    InvalidOption,
    RefusedByGate,
    Verdict,
    Verification,
    ask_person,
    gates,
    other_model,
    other_plan,
    reflect,
)
from podium.models import ScriptedModel


class Writer:
    """Proposes what is written down, in order, and keeps what it was told."""

    def __init__(self, *values: Any) -> None:
        self.values = list(values)
        self.briefs: list[Brief] = []

    async def __call__(self, brief: Brief) -> Any:
        self.briefs.append(brief)
        return self.values[min(len(self.briefs), len(self.values)) - 1]


def ran(writer: Any, gate: Any, on_refusal: Any = (), **options: Any) -> Verification:
    return asyncio.run(podium.verification(writer, gates=gate, on_refusal=on_refusal, **options))


def test_a_value_that_passes_at_once_takes_one_round() -> None:
    """No policy is asked."""
    writer = Writer(3)

    assert asyncio.run(podium.verified(writer, gates=gates.cel("answer == 3"))) == 3
    assert [brief.text for brief in writer.briefs] == [""]


def test_without_a_policy_a_refusal_is_an_error_with_its_verdicts() -> None:
    """The code is `refused-by-gate`; rounds and details say what was proposed and why not."""
    with pytest.raises(RefusedByGate, match="After 1 round the value was refused") as caught:
        asyncio.run(podium.verified(Writer(3), gates=gates.cel("answer > 3")))

    assert caught.value.code == "refused-by-gate"
    assert [one.value for one in caught.value.rounds] == [3]
    assert caught.value.details["verdicts"][0]["findings"][0]["code"] == "condition"


def test_reflection_tells_what_was_tried_and_why_it_was_refused() -> None:
    """Each round knows all before it."""
    writer = Writer("a", "bb", "ccc")

    found = ran(writer, gates.cel("size(answer) == 3"), reflect(2))

    assert (found.ok, found.value, len(found.rounds)) == (True, "ccc", 3)
    assert 'Round 1 proposed: "a"' in writer.briefs[2].text
    assert 'Round 2 proposed: "bb"' in writer.briefs[2].text
    assert "'size(answer) == 3' is false." in writer.briefs[1].text
    assert [one.by for one in found.rounds] == ["first", "reflect", "reflect"]


def test_reflection_ends() -> None:
    """A value that never passes is refused after the rounds that were allowed."""
    writer = Writer(*range(100))

    found = ran(writer, gates.cel("answer < 0"), reflect(4))

    assert not found.ok
    assert len(found.rounds) == 5


def test_the_same_again_is_noticed_without_asking_a_gate() -> None:
    """It is refused as `same-again`, costs nothing, and twice in a row ends the reflection."""
    asked: list[Any] = []

    def gate(value: Any) -> bool:
        asked.append(value)
        return False

    found = ran(Writer({"a": 1, "b": 2}, {"b": 2, "a": 1}), gate, reflect(10))

    assert [one.verdict.gate for one in found.rounds] == ["gate", "same-again", "same-again"]
    assert len(asked) == 1
    assert "what round 1 proposed" in found.rounds[1].verdict.reason


def test_a_critic_says_what_has_to_change() -> None:
    """Its critique is kept with the round that it is about, and told to whoever makes the next."""
    ScriptedModel("critic", ["Make it longer."])
    writer = Writer("a", "bb")

    found = ran(writer, gates.cel("size(answer) == 2"), reflect(critic="scripted:critic"))

    assert found.rounds[0].critique == "Make it longer."
    assert "critique: Make it longer." in writer.briefs[1].text


def test_policies_are_tried_in_their_order() -> None:
    """Reflection, then another model, then another plan."""
    writer, plan = Writer("a", "b", "c"), Writer("done")

    found = ran(
        writer, gates.cel("answer == 'done'"), [reflect(1), other_model("x:y"), other_plan(plan)]
    )

    assert found.value == "done"
    assert [one.by for one in found.rounds] == ["first", "reflect", "other_model", "other_plan"]
    assert [one.model for one in writer.briefs] == [None, None, "x:y"]
    assert writer.briefs[2].model_or("usual") == "x:y"
    assert len(plan.briefs[0].earlier) == 3


def test_rounds_are_bounded_whatever_the_policies_say() -> None:
    """`rounds_max` holds over all of them."""
    found = ran(
        Writer(*range(50)), gates.cel("false"), [reflect(9), other_model("x:y", rounds=9)],
        rounds_max=4,
    )  # fmt: skip

    assert len(found.rounds) == 4


def test_another_value_does_not_mend_a_gate() -> None:
    """Where the gate is broken nothing is made again; the error says so."""

    def gate(_value: Any) -> bool:
        raise ConnectionError("no judge")

    writer = Writer(*range(9))

    with pytest.raises(RefusedByGate, match="could not be judged"):
        asyncio.run(
            podium.verified(writer, gates=gate, on_refusal=[reflect(3), other_model("x:y")])
        )

    assert len(writer.briefs) == 1


def test_what_was_broken_may_be_proposed_again() -> None:
    """Only what was refused by a sound verdict counts as tried."""
    broken = Verdict(False, is_broken=True)
    verdicts = iter([broken, Verdict(True)])

    found = ran(Writer(1), lambda _value: next(verdicts), [other_plan(Writer(1))])
    assert not found.ok  # plans do not mend gates

    @podium.workflow(name="asks_again")
    async def program() -> Any:
        said = iter([broken, Verdict(True)])
        return await podium.verified(
            lambda: 1, gates=lambda _value: next(said), on_refusal=ask_person()
        )

    assert podium.run is not None
    assert answered(program, {"decision": "revise", "why": "try again"}) == 1


def answered(flow: Any, *answers: Any) -> Any:
    """Run a workflow whose questions are answered, in order; return what it gives."""

    async def go() -> Any:
        async with podium.Podium(":memory:") as app:
            run = await app.start(flow, {})
            for answer in answers:
                while not (asks := await run.asks()):
                    await asyncio.sleep(0.01)
                await run.answer(asks[0].id, answer)
            return await run.result()

    return asyncio.run(asyncio.wait_for(go(), 20))


@pytest.mark.parametrize("policy", ["later", 7, [reflect(1), "ask"]])
def test_what_is_no_policy_is_refused(policy: Any) -> None:
    """Before anything is made."""
    writer = Writer(1)

    with pytest.raises(InvalidOption, match="is no policy"):
        ran(writer, gates.cel("true"), policy)

    assert writer.briefs == []


@pytest.mark.parametrize("make", [lambda: reflect(0), other_model, lambda: reflect(True)])
def test_rounds_are_whole_numbers_above_zero(make: Any) -> None:
    """A policy without rounds, or models, makes no sense."""
    with pytest.raises(InvalidOption):
        make()


def test_a_maker_may_take_no_brief() -> None:
    """A plain function without parameters will do."""
    assert ran(lambda: 5, gates.cel("answer == 5")).value == 5

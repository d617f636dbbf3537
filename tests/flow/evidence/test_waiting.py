"""The kinds that wait for time, for a signal, and for a person."""

from datetime import UTC, datetime
from typing import Any

import pytest

from podium.testing import SimWorld, crash_everywhere
from tests.flow.evidence.stage import Play, Stage
from tests.harness import until

_YEAR_S = 365 * 86_400.0
_ONE_O_CLOCK_S = datetime(2026, 1, 1, 1, tzinfo=UTC).timestamp()
"""Simulated worlds begin soon after midnight."""


def _play(stage: Stage, text: str, world: SimWorld, **given: Any) -> float:
    """Carry a document out in a simulated world; return how many seconds passed."""
    before = world.time.now_s
    world.worker()
    world.start(stage.flow(text), given)
    world.run_until(lambda: world.is_over("run"))
    return world.time.now_s - before


@pytest.mark.long
def test_waits(stage: Stage) -> None:
    """EVIDENCE-OF F-59: "`wait: 10m` waits for that long, `wait: {until: "${input.at}"}` for that time of the wall clock, `wait: {signal: paid}` for the next signal of that name, first in, first out. All of them survive crashes." """
    text = """
input: {at: string}
nodes:
  long: {wait: 10m}
  computed: {after: long, wait: "${'20m'}"}
  until: {after: computed, wait: {until: "${input.at}"}}
  one: {after: until, wait: {signal: paid}}
  two: {after: one, wait: {signal: paid}}
output: ["${long}", "${one}", "${two}"]
"""
    at = {"at": "2026-01-01T01:00:00Z"}
    signals = [("other", 0), ("paid", 1, "5m"), ("paid", 2, "2h")]
    report = crash_everywhere(stage.flow(text), at, signals=signals)

    assert report.output == [None, 1, 2]
    with SimWorld() as world:
        passed_s = _play(stage, text.split("  until:", maxsplit=1)[0], world, **at)
        assert 1800 <= passed_s < 1810
    with SimWorld() as world:
        until_then = "input: {at: string}\nnodes: {a: {wait: {until: '${input.at}'}}}"
        _play(stage, until_then, world, **at)
        assert 0 <= world.time.wall_us() / 1e6 - _ONE_O_CLOCK_S < 10


@pytest.mark.parametrize(
    ("value", "result"),
    [({"amount": 3.5}, {"amount": 3.5}), ({"amount": "3"}, None), ({}, None), (3, None)],
)
def test_signals_have_types(stage: Stage, value: Any, result: Any) -> None:
    """EVIDENCE-OF F-60: "`wait: {signal: paid, type: {amount: number}}` requires that of the signal's value; one that does not fit fails the node with the code `signal-invalid`." """
    text = """
nodes:
  paid: {wait: {signal: paid, type: {amount: number}}, on_error: continue}
output: ["${paid?}", "${outcome.paid.error.code ?? null}"]
"""

    async def script(play: Play) -> None:
        await play.run.signal("paid", value)

    assert stage.play(text, script).output == [
        result, None if result is not None else "signal-invalid",
    ]  # fmt: skip


_ASK = """
input: {customer: string}
nodes:
  approve:
    ask: "Refund ${input.customer}?"
    form: {ok: boolean, why: string?, sum: {type: integer, default: 3}}
    to: support
    WORDS
output: "${approve}"
"""


def test_a_person_is_waited_for(stage: Stage) -> None:
    """EVIDENCE-OF F-61: "The run waits for a person, however long. The form has types as `input` has." """
    forms: list[Any] = []

    async def script(play: Play) -> None:
        await play.waiting()
        [ask] = await play.run.asks()
        forms.append((ask.form, ask.to, ask.deadline))
        await play.crash()
        [ask] = await play.run.asks()
        await play.run.answer(ask.id, {"ok": True})

    text = _ASK.replace("WORDS", "")
    ended = stage.play(text, script, customer="Ann")
    [(form, to, deadline)] = forms

    assert ended.output == {"ok": True, "why": None, "sum": 3}
    assert (form["question"], to, deadline) == ("Refund Ann?", "support", None)
    assert form["fields"] == {
        "type": "object",
        "properties": {
            "ok": {"type": "boolean"},
            "why": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "sum": {"type": "integer", "default": 3},
        },
        "required": ["ok"],
        "additionalProperties": False,
    }
    with SimWorld() as world:
        world.worker()
        world.start(stage.flow(text), {"customer": "Ann"})
        world.later(
            9 * _YEAR_S, lambda: world.answer(next(iter(world.database.asks)), {"ok": False})
        )
        world.run_until(lambda: world.is_over("run"))
        assert world.output("run")["ok"] is False
        assert world.time.now_s > 9 * _YEAR_S


def test_a_wrong_answer_is_asked_for_again(stage: Stage) -> None:
    """EVIDENCE-OF F-62: "An answer that does not fit the form is asked for again, with what was wrong." """
    problems: list[str] = []

    async def script(play: Play) -> None:
        for answer in ({"ok": "yes"}, {"why": "so"}, {"ok": False, "why": "so", "sum": 1}):
            await play.waiting()
            [ask] = await play.run.asks()
            problems.append(ask.form.get("problem", ""))
            assert ask.form["question"] == "Refund Ann?"
            await play.run.answer(ask.id, answer)
            await _answered(play, ask.id)

    ended = stage.play(_ASK.replace("WORDS", ""), script, customer="Ann")

    assert ended.output == {"ok": False, "why": "so", "sum": 1}
    assert [problem != "" for problem in problems] == [False, True, True]
    assert '"yes" is not of type "boolean"' in problems[1]
    assert '"ok" is a required property' in problems[2]


async def _answered(play: Play, ask_id: str) -> None:
    async def is_gone() -> bool:
        return ask_id not in [ask.id for ask in await play.run.asks()]

    await until(is_gone, "the answer is taken")


@pytest.mark.parametrize("on_timeout", ["{ok: false}", None])
def test_nobody_answers(stage: Stage, on_timeout: str | None) -> None:
    """EVIDENCE-OF F-63: "After `timeout` the node's value is `on_timeout`; without one it fails with the code `timeout`."

    The time counts from the first question, also where a wrong answer was given in between.
    """
    words = f"timeout: 2d\n    on_timeout: {on_timeout}" if on_timeout else "timeout: 2d"
    flow = stage.flow(_ASK.replace("WORDS", words))
    report = crash_everywhere(flow, {"customer": "Ann"}, answers=[{"ok": "wrong"}])
    with SimWorld() as world:
        world.worker()
        world.start(flow, {"customer": "Ann"})
        world.later(86_400, lambda: world.answer(next(iter(world.database.asks)), {"ok": "wrong"}))
        before = world.time.now_s
        world.run_until(lambda: world.is_over("run"))
        assert 172_800 <= world.time.now_s - before < 172_900

    if on_timeout:
        assert (report.status, report.output) == ("succeeded", {"ok": False})
    else:
        assert report.status == "failed"
        ended = stage.play(_ASK.replace("WORDS", "timeout: 10ms"), customer="Ann")
        assert ended.failure[0] == "timeout"

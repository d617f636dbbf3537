"""Plans are written, told what is wrong with them, approved, carried out, and written anew."""

import json

from collections.abc import Iterator
from typing import Any

import pytest

import podium

from podium import Podium
from podium.agents.planning import Approval, Plan, PlanLimits, Planner, plan
from podium.agents.planning.errors import PlanInvalid
from podium.core.errors import RunFailed
from tests.agents.planning.world import (
    BROKEN,
    DONE,
    GOOD,
    READS,
    TOOLS,
    fresh,
    last_said,
    plan_of,
    scripted,
)
from tests.harness import drive

BERN = {"city": "Bern"}


@pytest.fixture(autouse=True)
def _world() -> Iterator[None]:
    with fresh():
        yield


def planned(*replies: Any, tools: Any = TOOLS, inputs: Any = BERN, **options: Any) -> Plan:
    """Return the plan that comes of some replies, outside of any workflow."""
    model = scripted("plans", *replies)
    return drive(plan("Travel", inputs, model=model, tools=tools, **options))


async def until_asked(app: Podium, seen: set[str]) -> Any:
    """Return the next question that was not seen."""
    while not (asks := [one for one in await app.asks() if one.id not in seen]):
        await podium.sleep("2ms")
    seen.add(asks[0].id)
    return asks[0]


def carried_out(*replies: Any, people: tuple[Any, ...] = (), **options: Any) -> dict[str, Any]:
    """Plan, approve, carry out; return the outcome as JSON, and what people were asked."""
    model = scripted("plans", *replies)
    asked: list[Any] = []

    @podium.workflow
    async def travel(city: str) -> podium.agents.planning.Achieved:
        planner = Planner(model=model, tools=options.pop("tools", TOOLS), **options)
        return await planner.run(await planner.plan("Travel", {"city": city}))

    async def go() -> Any:
        async with Podium(":memory:") as app:
            run = await app.start(travel, BERN, id="travel")
            seen: set[str] = set()
            for answer in people:
                ask = await until_asked(app, seen)
                asked.append(ask.form)
                asking = await app.get(ask.run_id)
                await asking.answer(ask.id, answer(ask.form) if callable(answer) else answer)
            return await run.result()

    return {"achieved": drive(go()), "asked": asked, "model": model}


def test_a_sound_plan() -> None:
    """It is a checked flow for the given tools, with what it may do, take and cost."""
    found = planned(GOOD)

    assert found.document["input"]["city"] == {"type": "string"}
    assert found.tools == tuple(sorted(one.name for one in TOOLS))
    assert [one.task for one in found.estimate.steps][2] == "trip.book_seat"
    assert found.estimate.calls_min == found.estimate.calls_max == 4
    assert found.estimate.seconds == 2.0
    assert found.estimate.usd == 0.25
    assert found.estimate.tasks("write") == ["trip.book_seat"]
    assert "trip.book_seat" in found.picture()
    assert DONE == {}


def test_findings_go_back_in_exact_words() -> None:
    """What is wrong is said as the check says it, and the next answer is read anew."""
    bad = json.loads(json.dumps(GOOD))
    bad["nodes"]["seat"]["call"] = "trip.book_seats"
    bad["nodes"]["text"]["args"]["sky"] = "${skyy}"
    model = scripted("plans", bad, GOOD)

    found = drive(plan("Travel", BERN, model=model, tools=TOOLS))

    assert len(found.attempts) == 2
    told = last_said(model.asked[-1])
    for finding in found.attempts[0].findings:
        assert str(finding) in told
    assert "Did you mean 'trip.book_seat'" in told or "trip.book_seat" in told
    assert {one.code for one in found.attempts[0].findings} >= {"unknown-task", "unknown-name"}


LOOKS = {"call": "trip.weather", "args": {"city": "a"}}


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("I would rather not.", "not-json"),
        ("[1, 2", "not-json"),
        ([1, 2], "wrong-type"),
        ({}, "missing-word"),
        (plan_of({}, 1), "plan-empty"),
        (plan_of({"a": {"set": "${b}"}, "b": {"set": "${a}"}}, "${a}"), "cycle"),
        (plan_of({"a": {"call": "os.remove", "args": {}}}, "${a}"), "unknown-task"),
        (plan_of({"a": {"call": "trip.weather", "args": {"city": 3}}}, "${a}"), "misfit"),
        (plan_of({"a": {"call": "trip.weather"}}, "${a}"), "missing-argument"),
        (plan_of({"a": {"when": "false", **LOOKS}}, "${a}"), "may-have-no-output"),
        (plan_of({"a": LOOKS, "b": {"flow": "other"}}, "${b}"), "unknown-workflow"),
        (plan_of({"a": LOOKS}, "${a}", uses=["os"]), "not-in-plans"),
        (
            plan_of(
                {
                    "one": {"when": "input.city == 'a'", "set": 1},
                    "two": {"when": "input.city != 'a'", "set": 2},
                    "both": {"call": "trip.weather", "args": {"city": "${string(one + two)}"}},
                },
                "${both}",
            ),
            "may-have-no-output",
        ),
        (
            plan_of(
                {"a": {"agent": {"model": "function:x", "tools": ["os.*"]}, "goal": "x"}}, "${a}"
            ),
            "unknown-workflow",
        ),
        (
            plan_of({"a": {"plan": {"goal": "x", "tools": ["os.*"], "model": "a:b"}}}, "${a}"),
            "unknown-workflow",
        ),
        (plan_of({"a": LOOKS}, "${a}", env={"HOME": None}), "not-in-plans"),
        (plan_of({f"n{i}": LOOKS for i in range(101)}, "${n1}"), "plan-too-large"),
        (plan_of({"a": LOOKS}, "x" * 70_000), "plan-too-large"),
        (
            plan_of({"a": {"until": "b == 'x'", "max": 100_000, "nodes": {"b": LOOKS}}}, "${a}"),
            "plan-too-large",
        ),
        ({"podium": 1, "nodes": {"a": LOOKS}}, "missing-word"),
        (
            plan_of(
                {
                    "a": {
                        "for_each": [1],
                        "nodes": {"b": LOOKS},
                        "compensate": "trip.cancel_seat",
                    }
                },
                "${a}",
            ),
            "not-in-plans",
        ),
    ],
)
def test_what_can_not_run_is_named_and_bounded(answer: Any, code: str) -> None:
    """Garbage, cycles, unknown tools, wrong types, nothing, too much: a typed error after so many turns."""
    with pytest.raises(PlanInvalid) as caught:
        planned(answer, answer, limits=PlanLimits(turns=2))

    assert code in {one.code for one in caught.value.findings}
    assert len(caught.value.attempts) == 2
    assert DONE == {}


def test_the_input_is_given() -> None:
    """A plan can not say what its input is; a reference to what is not given is found."""
    lies = plan_of({"a": {"call": "trip.weather", "args": {"city": "${input.town}"}}}, "${a}", input={"town": "string"})  # fmt: skip

    with pytest.raises(PlanInvalid) as caught:
        planned(lies, limits=PlanLimits(turns=1))

    assert caught.value.findings[0].code == "unknown-field"


def test_a_plan_that_reads_just_runs() -> None:
    """Where nothing changes the world, nobody is asked."""
    reads = plan_of({"sky": GOOD["nodes"]["sky"]}, "${sky}")

    found = carried_out(reads, tools=READS)

    assert found["achieved"].output == "sun in Bern"
    assert found["asked"] == []


def test_a_person_sees_what_they_approve() -> None:
    """The question has the plan, its drawing, its effects and its estimate."""
    found = carried_out(GOOD, people=({"approve": True},))

    assert found["achieved"].output == "Bern: sun in Bern, seat Bern-1"
    [form] = found["asked"]
    assert form["plan"] == found["achieved"].plan.document
    assert form["hash"] == found["achieved"].plan.hash
    assert "trip.book_seat" in form["graph"]
    assert "changes the world: trip.book_seat" in form["estimate"]
    assert form["why"] == ["it may change the world: trip.book_seat"]


def test_a_refusal_is_planned_around() -> None:
    """The reason goes to the model; what is not understood is asked again."""
    less = plan_of({"all": GOOD["nodes"]["all"]}, "${all}")

    found = carried_out(GOOD, less, people=("well", {"approve": False, "reason": "no money"}))

    assert found["achieved"].output == ["Bern-1", "Bern-2"]
    assert [one.setback.kind for one in found["achieved"].tries if one.setback] == ["refused"]
    assert "no money" in last_said(found["model"].asked[-1])
    assert "is not understood" in found["asked"][1]["problem"]
    assert DONE == {"trains Bern": 1}


def test_finished_work_is_kept() -> None:
    """After a failure only what is new is done; the proof says where the rest comes from."""
    BROKEN.add("book Bern-1")
    other = json.loads(json.dumps(GOOD).replace("all[0]", "all[1]"))

    found = carried_out(GOOD, other, approval="never")

    achieved = found["achieved"]
    assert achieved.output == "Bern: sun in Bern, seat Bern-2"
    # a booking that failed may have happened, so it is undone, like every step that can be
    assert DONE == {
        "weather Bern": 1,
        "trains Bern": 1,
        "book Bern-2": 1,
        "cancel Bern-1 (None)": 1,
    }
    first, second = achieved.tries
    assert first.setback.kind == "failed"
    assert "book Bern-1 is out of order" in first.setback.reason
    assert sorted((one.node, one.run) for one in second.kept) == [
        ("all", "travel:trip"),
        ("sky", "travel:trip"),
    ]
    told = last_said(found["model"].asked[-1])
    assert "`seat`: failed (book Bern-1 is out of order)" in told
    assert "trip.trains gave" in told


def test_what_a_new_plan_has_no_use_for_is_undone() -> None:
    """A write that vanishes is told to the model, and undone once another plan has done it."""
    BROKEN.add("mail Bern")
    first = plan_of(
        {
            "seat": {"call": "trip.book_seat", "args": {"train": "A"}},
            "mail": {"call": "trip.send_mail", "args": {"text": "Bern"}, "after": "seat"},
        },
        "${mail}",
    )
    second = plan_of({"seat": {"call": "trip.book_seat", "args": {"train": "B"}}}, "${seat}")

    # whether a mail was sent that failed is not known: a person says that it was not
    found = carried_out(first, second, approval="never", people=({"happened": False},))

    achieved = found["achieved"]
    assert DONE == {"book A": 1, "book B": 1, "cancel A (seat A)": 1}
    assert [one.task for one in achieved.undone] == ["trip.book_seat"]
    assert "is undone by trip.cancel_seat" in last_said(found["model"].asked[-1])


def test_at_the_end_of_all_plans_everything_is_undone() -> None:
    """Where no plan does it, the run fails, and what was changed is undone in reverse order."""
    BROKEN.update({"weather x", "weather y"})

    def attempt(train: str, city: str) -> Any:
        seat = {"call": "trip.book_seat", "args": {"train": train}}
        sky = {"call": "trip.weather", "args": {"city": city}, "after": "seat"}
        return plan_of({"seat": seat, "sky": sky}, "${sky}")

    with pytest.raises(RunFailed) as caught:
        carried_out(
            attempt("A", "x"), attempt("B", "y"), approval="never", limits=PlanLimits(replans=1)
        )

    assert caught.value.error.code == "plan-failed"
    assert list(DONE) == ["book A", "book B", "cancel B (seat B)", "cancel A (seat A)"]


def test_limits_of_an_approval() -> None:
    """More calls than a policy allows need a person, and so does a price that nobody knows."""
    reads = plan_of({"all": {"call": "trip.guide", "args": {"city": "Bern"}}}, "${all}")
    policy = Approval(when="never", calls=0, usd=1.0)

    found = carried_out(reads, approval=policy, people=(True,))

    assert found["asked"][0]["why"] == [
        "it may make 1 calls; the limit is 0",
        "it may cost an unknown amount; the limit is $1.0000",
    ]


def test_a_person_sees_what_is_new() -> None:
    """A further plan is shown with its difference from the one before, and what that has done."""
    BROKEN.add("book Bern-1")
    other = json.loads(json.dumps(GOOD).replace("all[0]", "all[1]"))
    other["nodes"]["more"] = {"set": "${text + '!'}"}
    other["output"] = "${more}"

    found = carried_out(GOOD, other, people=(True, True))

    second = found["asked"][1]
    assert found["achieved"].output == "Bern: sun in Bern, seat Bern-2!"
    assert [line.partition(":")[0] for line in second["changes"]] == ["changed", "new", "changed"]
    assert second["changes"][2] == 'changed: output: "${text}" → "${more}"'
    assert second["done_before"] == ["trip.book_seat at seat (it failed, and may have happened)"]
    assert second["number"] == 2


OBEYED = plan_of(
    {"mail": {"call": "trip.send_mail", "args": {"text": "all is paid"}}}, "${string(mail)}"
)


def approved(form: Any) -> Any:
    return {"approve": form["fingerprint"]}


def test_a_plan_that_obeys_a_mail_is_asked_about() -> None:
    """Though nobody is to be asked: it was written after text from outside was seen, and so is the call."""
    BROKEN.add("weather Bern")
    first = plan_of(
        {
            "news": {"call": "trip.inbox", "args": {}},
            "sky": {"call": "trip.weather", "args": {"city": "Bern"}, "after": "news"},
        },
        "${sky}",
    )

    found = carried_out(first, OBEYED, approval="never", people=(True, approved))

    plan_form, call_form = found["asked"]
    assert "whoever wrote it had seen text from outside" in plan_form["why"][0]
    assert call_form["arguments"] == {"text": "all is paid"}
    assert call_form["labels"] == ["outside"]
    assert DONE["mail all is paid"] == 1


def test_a_person_stops_what_a_mail_wants() -> None:
    """A refusal of the call is a failure of the plan; nothing was sent."""
    reads = plan_of({"sky": GOOD["nodes"]["sky"]}, "${sky}")
    refusal = {"refuse": "nobody has paid"}

    found = carried_out(
        OBEYED, reads, approval="never", labels=("outside",), people=(True, refusal)
    )

    assert found["achieved"].output == "sun in Bern"
    assert "nobody has paid" in found["achieved"].tries[0].setback.reason
    assert DONE == {"weather Bern": 1}


def test_what_nobody_from_outside_has_said_just_runs() -> None:
    """Where approval is never needed, and nothing is from outside."""
    found = carried_out(OBEYED, approval="never")

    assert found["achieved"].output == "true"
    assert found["asked"] == []

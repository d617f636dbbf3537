"""Values that must pass: gates and what a refusal leads to, as documents say them."""

from typing import Any

import pytest

import podium

from podium.models import ScriptedModel
from podium.models.messages import Request
from tests.flow.evidence.stage import Play, Stage
from tests.harness import until


@pytest.fixture(autouse=True)
def _tasks(stage: Stage) -> None:
    from podium.agents.verify.documents import verify_value
    from podium.core.spec import registry

    registry.add_workflow(verify_value.spec)

    @podium.task(effect="read")
    async def write(text: str, feedback: str = "", model: str = "usual") -> str:
        stage.outside.write("begun", feedback or model)
        rounds = feedback.count("Round ")
        return text + "!" * rounds if model == "usual" else f"{text} by {model}"

    @podium.task(effect="pure")
    async def loud(text: str) -> list[str]:
        return [] if text.endswith("!!") else [f"{text!r} is not loud"]

    @podium.task(effect="pure")
    async def falls(text: str) -> bool:
        raise ConnectionError(text)


def test_a_value_passes_all_gates_or_its_node_fails(stage: Stage) -> None:
    """EVIDENCE-OF F-83: "`verify` is a gate or a list of them, or `{gates, about}`, where `about` has the goal, the input, the sources, the effect and the amount that gates know of. The node is `ok` only if its value passes all of them." """
    ScriptedModel("reads", [lambda request: opinion(request, "goal: shout, 3")], cycle=True)
    text = """
input: {n: integer}
nodes:
  one: {call: get, args: {what: "${input.n}"}, verify: one > 2, on_error: continue}
  two: {call: get, args: {what: "${input.n}"}, verify: [two > 2, {schema: integer}, two < 5], on_error: continue}
  three:
    call: get
    args: {what: "${input.n}"}
    verify:
      gates: [{judge: "scripted:reads", rubric: "Good?"}]
      about: {goal: "goal: shout, ${input.n}"}
    on_error: continue
output: ["${outcome.one.status}", "${outcome.two.status}", "${outcome.three.status}"]
"""
    assert stage.play(text, n=3).output == ["ok", "ok", "ok"]
    assert stage.play(text, n=7).output == ["ok", "failed", "failed"]


def opinion(request: Request, wanted: str) -> dict[str, Any]:
    is_there = wanted in request.messages[-1].text
    return {"criterion_1": {"evidence": "the goal", "ok": is_there}}


def test_free_gates_are_asked_first_and_by_the_run(stage: Stage) -> None:
    """EVIDENCE-OF F-84: "Conditions and schemas are asked first, and by the run itself. If they let the value pass, all others are asked by a child run of the workflow `podium.verify`, cheap ones first." """
    text = """
input: {text: string}
nodes:
  a:
    call: write
    args: {text: "${input.text}"}
    verify: [{call: loud}, size(a) > 2]
    on_error: continue
output: "${outcome.a.verdict.parts.map(part, part.gate)}"
"""
    refused = stage.play(text, text="a")
    asked = stage.play(text, text="loud!!")

    assert refused.output == ["cel"]
    assert [*refused.steps] == ["a"]
    assert asked.output == ["cel", "call"]
    assert [*asked.steps] == ["a", "a/verify"]


def test_gates_read_the_value_by_the_nodes_id(stage: Stage) -> None:
    """EVIDENCE-OF F-85: "Gates read the node's own value by its id, and whatever else the node can see. Other nodes that they refer to are needed before the node starts." """
    text = """
nodes:
  limit: {call: hold, args: {what: limit}}
  a: {set: "limit", verify: a == limit}
  none: {when: "false", set: 1}
  b: {call: put, args: {what: b}, verify: b == none}
output: ["${a}", "${outcome.b.reason}"]
"""

    async def script(play: Play) -> None:
        await play.begun("limit")
        play.open("limit")

    assert stage.play(text, script).output == ["limit", "needs none"]
    assert stage.begun() == ["limit"]  # what would be refused for want of a value is not begun


def test_no_gate_lets_pass_by_failing(stage: Stage) -> None:
    """EVIDENCE-OF F-86: "A condition that has no result refuses the value; a gate that fails itself refuses it too, unless it has `if_broken: pass`." """
    text = """
nodes:
  a: {call: get, args: {what: {n: 1}}, verify: a.m > 0, on_error: continue}
  b: {set: "b", verify: {call: falls}, on_error: continue}
  c: {set: "c", verify: {call: falls, if_broken: pass}}
output:
  - "${outcome.a.verdict.findings[0].code}"
  - "${outcome.a.verdict.is_broken}"
  - "${outcome.b.status}"
  - "${outcome.b.verdict.is_broken}"
  - "${c}"
"""
    assert stage.play(text).output == ["no-such-field", False, "failed", True, "c"]


def test_a_refused_node_fails_and_tells_the_verdict(stage: Stage) -> None:
    """EVIDENCE-OF F-87: "A node whose value is refused fails with the code `refused-by-gate`. What was said last is `outcome.draft.verdict`, `{ok, gate, reason, score, findings, disagreement, is_broken, cost, parts}`, whether it has passed or not." """
    text = """
nodes:
  draft: {set: "short", verify: {call: loud}, on_error: rescue}
  rescue: {set: "${outcome.draft.verdict}"}
  good: {set: "loud!!", verify: {call: loud}}
output: ["${rescue?}", "${outcome.draft.error.code}", "${outcome.good.verdict.ok}"]
"""
    played = stage.play(text)
    verdict, code, ok = played.output

    assert [*verdict] == [
        "ok", "gate", "reason", "score", "findings", "disagreement", "is_broken", "cost", "parts",
    ]  # fmt: skip
    assert verdict["findings"][0]["message"] == "'short' is not loud"
    assert (code, ok) == ("refused-by-gate", True)

    ended = stage.play("nodes: {draft: {set: 1, verify: draft > 1}}\n")
    assert ended.failure[0] == "refused-by-gate"
    assert ended.error is not None
    cause = ended.error
    while cause.cause is not None:
        cause = cause.cause
    assert cause.details is not None
    assert cause.details["verdicts"][0]["reason"] == "'draft > 1' is false."


REFLECTS = """
nodes:
  draft:
    call: write
    args: {text: hey}
    verify: {call: loud}
    on_refusal: [{reflect: 2, as: feedback}]
output: "${draft}"
"""


def test_a_new_round_knows_why(stage: Stage) -> None:
    """EVIDENCE-OF F-88: "`on_refusal` is tried in order until a value passes; each new round is at `draft/round[2]`, and so on. `{reflect: 2, as: feedback}` carries out the node again, up to so many times, with that argument telling what was proposed and why it was refused." """
    ended = stage.play(REFLECTS)

    assert ended.output == "hey!!"
    assert stage.begun("draft") == ["draft", "draft/round[2]", "draft/round[3]"]
    told = stage.outside.given("draft/round[3]")
    assert 'Round 1 proposed: "hey"' in told
    assert "'hey!' is not loud" in told
    few = stage.play(REFLECTS.replace("reflect: 2", "reflect: 1"))
    assert few.failure == (
        "refused-by-gate", "after 2 rounds the value was refused: call: refused: 'hey!' is not loud",
    )  # fmt: skip


def test_another_model_makes_it(stage: Stage) -> None:
    """EVIDENCE-OF F-89: "`{other_model: name, as: model}` carries out the node again with that argument, for each of the models." """
    text = """
nodes:
  draft:
    call: write
    args: {text: hey}
    verify: draft == 'hey by x:z'
    on_refusal: [{other_model: ["x:y", "x:z"], as: model}]
output: "${draft}"
"""
    assert stage.play(text).output == "hey by x:z"
    assert [line.what for line in stage.outside.lines] == ["usual", "x:y", "x:z"]


async def asked(play: Play, *before: str) -> Any:
    """Wait until somebody is asked anew."""

    async def new() -> Any:
        return next((one for one in await play.run.asks() if one.id not in before), None)

    return await until(new, "somebody is asked")


def test_a_person_decides(stage: Stage) -> None:
    """EVIDENCE-OF F-90: "`{ask: who, timeout, as}` asks a person, who accepts the value, gives another, lets the node fail, or, where `as` names an argument, says how to do it again." """
    text = """
nodes:
  draft:
    call: write
    args: {text: hey}
    verify: {call: loud}
    on_refusal: {ask: editor, timeout: 1h, as: feedback, rounds: 3}
output: "${draft}"
"""

    def answers(*many: dict[str, Any]) -> Any:
        async def script(play: Play) -> None:
            before: list[str] = []
            for one in many:
                question = await asked(play, *before)
                before.append(question.id)
                assert question.to == "editor"
                await play.run.answer(question.id, one)

        return script

    assert stage.play(text, answers({"decision": "accept"})).output == "hey"
    given = answers({"decision": "what?"}, {"decision": "replace", "value": "mine"})
    assert stage.play(text, given).output == "mine"
    revised = answers(*[{"decision": "revise", "why": "Louder."}] * 2)
    assert stage.play(text, revised).output == "hey!!"
    assert "A person says: Louder." in stage.outside.given("draft/round[2]")
    refused = stage.play(text, answers({"decision": "fail", "why": "No."}))
    assert refused.failure == ("refused-by-gate", "after 1 round the value was refused: person: refused: No.")  # fmt: skip


def test_the_same_again_is_noticed(stage: Stage) -> None:
    """EVIDENCE-OF F-91: "A value that was refused before is refused again without asking a gate, as `same-again`; twice in a row ends `reflect` and `other_model`." """
    text = """
nodes:
  draft:
    call: same
    args: {what: 1}
    verify: {call: refuses}
    on_refusal: [{reflect: 9, as: what}]
    on_error: continue
output: "${outcome.draft.verdict.gate}"
"""
    heard: list[Any] = []

    @podium.task(effect="pure")
    async def refuses(value: Any) -> bool:
        heard.append(value)
        return False

    @podium.task(effect="read")
    async def same(what: Any) -> int:
        stage.outside.write("begun", what)
        return 1

    assert stage.play(text).output == "same-again"
    assert heard == [1]
    assert len(stage.begun("draft")) == 3


def test_another_value_does_not_mend_a_gate(stage: Stage) -> None:
    """EVIDENCE-OF F-92: "Where a gate is broken, nothing is made anew: only `ask` is tried then." """
    text = """
nodes:
  draft:
    call: write
    args: {text: hey}
    verify: {call: falls}
    on_refusal: [{reflect: 3, as: feedback}, {other_model: "x:y", as: model}, ask]
output: "${draft}"
"""

    async def script(play: Play) -> None:
        question = await asked(play)
        await play.run.answer(question.id, {"decision": "accept"})

    assert stage.play(text, script).output == "hey"
    assert stage.begun("draft") == ["draft"]


def test_rounds_survive_a_crash(stage: Stage) -> None:
    """A worker that dies in the middle of the rounds is taken over, and nothing is made twice."""
    text = REFLECTS.replace("call: write", "call: write_slowly")

    @podium.task(effect="write")
    async def write_slowly(text: str, feedback: str = "") -> str:
        rounds = feedback.count("Round ")
        await stage.outside._held(f"round {rounds + 1}")
        return text + "!" * rounds

    async def script(play: Play) -> None:
        play.open("round 1")
        await play.begun("round 2")
        await play.crash()
        play.open("round 2", "round 3")

    assert stage.play(text, script).output == "hey!!"
    assert stage.begun("draft").count("draft") == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("verify: sizee(a) > 0", "unknown-function"),
        ("verify: a > nothing", "unknown-name"),
        ("verify: size(a)", "misfit"),
        ("verify: {schema: integer}", "misfit"),
        ("verify: {call: lod}", "unknown-task"),
        ("verify: {call: loud, args: {txt: '${a}'}}", "unknown-argument"),
        ("verify: {command: loud}", "misfit"),
        ("verify: {juge: x}", "unknown-gate"),
        ("verify: {judge: x:y}", "missing-word"),
        ("verify: {judge: x:y, rubric: a, repeat: 2}", "unknown-word"),
        ("verify: {quorum: ['true'], of: 2}", "wrong-type"),
        ("verify: []", "wrong-type"),
        ("verify: 'true', on_refusal: shrug", "unknown-policy"),
        ("verify: 'true', on_refusal: {reflect: 2, as: feedbak}", "unknown-argument"),
        ("on_refusal: ask", "missing-word"),
    ],
)
def test_what_can_be_known_before_is_found(stage: Stage, words: str, code: str) -> None:
    """Conditions, tasks, arguments and words are checked before anything runs."""
    text = f"nodes: {{a: {{call: write, args: {{text: hey}}, {words}}}}}\noutput: '${{a}}'\n"

    assert code in stage.codes(text)


def test_near_names_are_suggested(stage: Stage) -> None:
    """A gate that is misspelt is told what it may have been."""
    refusal = stage.refused("nodes: {a: {set: 1, verify: {juge: x, rubric: b}}}\n")

    assert "Did you mean 'judge'?" in str(refusal)

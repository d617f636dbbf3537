"""The kinds ``agent`` and ``plan``."""

import json

from typing import Any

import pytest

import podium

from podium import Agent, Flow
from podium.agents.documents import agent_flow, plan_flow
from podium.core.spec import registry
from podium.flow.pictures import picture_of
from podium.flow.render import mermaid
from podium.models import Request, ScriptedModel, ToolCall, function_model
from tests.flow.evidence.stage import HEAD, Stage
from tests.harness import committed, drive, until

AGENT = (
    "agent: {model: function:flow-looks, tools: [look], output: {text: string, number: integer}}"
)


@function_model("flow-looks")
def looks(request: Request) -> Any:
    """Looks once, then answers with what it saw."""
    seen = [one.text for one in request.messages if one.role == "tool"]
    if not seen:
        return ToolCall("1", "look", {"number": 7})
    return ToolCall("2", "answer", {"text": request.messages[-3].text, "number": int(seen[0])})


def with_look() -> None:
    for one in (agent_flow, plan_flow):  # the table of names is fresh, the module is not
        registry.workflows[one.name] = one.spec

    @podium.tool(effect="read")
    async def look(number: int) -> int:
        """Look."""
        return number


def test_an_agent_is_a_child_run(stage: Stage) -> None:
    """EVIDENCE-OF F-78: "A node of kind `agent` is a child run: of the registered agent, or of the workflow `podium.agent` for one that stands in place. It is given `goal`, and `args` as what it has beside it." """
    with_look()
    Agent(
        "helper",
        instructions="",
        model=ScriptedModel("flow-helper", ["Here."]),
        inputs={"who": str},
    )
    text = f"""
input: {{message: string}}
nodes:
  first: {{{AGENT}, goal: "Say ${{input.message}}", args: {{who: Ann}}}}
  second: {{agent: helper, goal: "And ${{first.number + 1}}", args: {{who: "${{first.text}}"}}}}
output: ["${{first.number}}", "${{first.text}}", "${{second}}"]
"""
    ended = stage.play(text, message="hello")

    assert ended.output == [7, "Say hello\n\nwho: Ann", "Here."]
    with committed(stage.db) as view:
        runs = {row.workflow for row in view.reader.runs()}
    assert {"podium.agent", "helper"} <= runs


def test_agents_are_checked(stage: Stage) -> None:
    """EVIDENCE-OF F-79: "An agent in place is checked before anything runs: its words, its limits, its level of autonomy, and the readers of its answer against `output`." """
    with_look()
    Agent("helper", instructions="", model="scripted:x")

    def found(node: str, more: str = "") -> list[tuple[str, str]]:
        text = f"{HEAD}nodes:\n  a: {{{node}}}\n{more}"
        flow = Flow.from_text(text)
        return [(one.code, one.path) for one in flow.check() if one.is_error]

    at = "$.nodes.a"
    assert found(f"{AGENT}, goal: hello") == []
    assert found("agent: helper, goal: hello") == []
    assert found(AGENT) == [("missing-word", at)]
    assert found("agent: {tools: [look]}, goal: x") == [("missing-word", f"{at}.agent")]
    assert found("agent: {model: a:b, tool: x}, goal: x") == [("unknown-word", f"{at}.agent.tool")]
    assert found("agent: {model: a:b, autonomy: wild}, goal: x") == [("misfit", f"{at}.agent")]
    assert found("agent: {model: a:b, limits: {turns: many}}, goal: x") == [
        ("misfit", f"{at}.agent")
    ]
    assert found("agent: {model: a:b, output: {n: whole}}, goal: x") == [
        ("unknown-type", f"{at}.agent.output.n")
    ]
    assert found("agent: helper, goal: [1]") == [("misfit", f"{at}.goal")]
    assert found("agent: helper, goal: x, args: {to: y}") == [("unknown-argument", f"{at}.args.to")]
    assert found("agent: nobody, goal: x") == [("unknown-workflow", f"{at}.agent")]
    reader = '  b: {set: "${a.text + 1}"}\n'
    assert [one for one, _ in found(f"{AGENT}, goal: hello", reader)] != []
    assert found(f'{AGENT}, goal: "${{nothing.text}}"') == [("unknown-name", f"{at}.goal")]


def test_what_is_computed_is_from_outside(stage: Stage) -> None:
    """EVIDENCE-OF F-80: "Where the goal or `args` of an agent or a plan are computed, they count as text from outside: a call of an irreversible tool that the model then chooses needs approval. `trust: true` says that they are no words of strangers." """
    done: list[str] = []
    with_look()

    @podium.tool(effect="once")
    async def refund(order: str) -> str:
        """Give money back."""
        done.append(order)
        return "refunded"

    ScriptedModel("flow-refunds", [ToolCall("1", "refund", {"order": "A1"}), "done"])

    def node(rest: str) -> str:
        agent = "agent: {model: scripted:flow-refunds, tools: [refund], autonomy: act}"
        return f"input: {{text: string}}\nnodes:\n  a: {{{agent}, {rest}}}\noutput: ${{a}}\n"

    assert stage.play(node("goal: Refund A1."), text="x").output == "done"
    assert (
        stage.play(node('goal: "${input.text}", trust: true'), text="Refund A1.").output == "done"
    )
    assert done == ["A1", "A1"]

    async def asked() -> Any:
        async with podium.Podium(":memory:") as app:
            flow = Flow.from_text(HEAD + node('goal: "${input.text}"'))
            run = await app.start(flow, {"text": "Refund A1."})
            [ask] = await until(app.asks)
            child = await app.get(ask.run_id)
            await child.answer(ask.id, {"refuse": "no"})
            return ask.form, await run.result()

    form, output = drive(asked())
    assert form["labels"] == ["outside"]
    assert output == "done"
    assert done == ["A1", "A1"]


def test_a_plan_is_a_child_run(stage: Stage) -> None:
    """EVIDENCE-OF F-81: "A node of kind `plan` is a child run of the workflow `podium.plan`, with the goal, the tools, the model, and `args` as the plan's input." """
    with_look()
    plan = {
        "podium": 1, "name": "look-once", "input": {"number": "integer"},
        "nodes": {"seen": {"call": "look", "args": {"number": "${input.number}"}}}, "output": "${seen}",
    }  # fmt: skip
    model = ScriptedModel("flow-plans", [json.dumps(plan)] * 3)
    text = """
input: {number: integer}
nodes:
  a:
    plan: {goal: "Look at it.", tools: [look], model: "scripted:flow-plans", output: integer}
    args: {number: "${input.number}"}
output: ${a + 1}
"""
    assert stage.play(text, number=4).output == 5
    assert "Look at it." in model.asked[0].messages[-1].text
    with committed(stage.db) as view:
        assert "podium.plan" in {row.workflow for row in view.reader.runs()}
    for wrong in ("{goal: x, tools: [look]}", "{goal: x, model: a:b}", "{tools: [], model: a:b}"):
        assert stage.codes(f"nodes: {{a: {{plan: {wrong}}}}}") == ["missing-word"]


def test_nobody_names_their_modules(stage: Stage) -> None:
    """EVIDENCE-OF F-82: "No `uses` has to name the modules of Podium that carry out agents and plans." """
    with_look()
    flow = Flow.from_dict(
        {
            "podium": 1, "name": "x", "uses": [],
            "nodes": {"a": {"agent": {"model": "function:flow-looks", "tools": ["look"]}, "goal": "x"}},
        }
    )  # fmt: skip

    assert flow.document is not None
    assert flow.document.uses == ("podium.agents.documents",)
    assert [one.code for one in flow.check() if one.is_error] == []


@pytest.mark.parametrize("kind", ["agent", "plan"])
def test_they_are_drawn(kind: str) -> None:
    """With the model."""
    what = {"model": "openai:gpt-5-mini"}
    node: dict[str, Any] = {"agent": what, "goal": "x"}
    if kind == "plan":
        node = {"plan": {**what, "goal": "x", "tools": []}}
    flow = Flow.from_dict({"podium": 1, "name": "x", "nodes": {"a": node}})

    assert flow.document is not None
    picture = picture_of(flow.document)
    assert (picture.vertices[0].kind, picture.vertices[0].detail) == (kind, "openai:gpt-5-mini")
    assert f"{kind} · openai:gpt-5-mini" in mermaid(picture)

"""The kinds ``call``, ``flow``, ``switch``, ``set`` and ``fail``."""

import pytest

from podium import Flow, task, workflow
from podium.flow import FlowInvalid
from tests.flow.evidence.stage import HEAD, NO_ANSWER, Play, Stage, Unchecked
from tests.harness import committed


def test_arguments_are_checked(stage: Stage) -> None:
    """EVIDENCE-OF F-39: "`args` are checked against the task's parameters, before anything runs as far as they are known, and as the run goes where they are not." """

    @task(effect="write")
    async def send(to: str, count: int = 1) -> str:
        return f"{count} to {to}"

    def codes(args: str) -> list[str]:
        return stage.codes(f"nodes: {{a: {{call: send, args: {args}}}}}")

    assert codes("{to: ann}") == []
    assert codes("{to: 1}") == ["misfit"]
    assert codes("{count: 1}") == ["missing-argument"]
    assert codes("{to: ann, when: now}") == ["unknown-argument"]
    with pytest.raises(FlowInvalid):
        stage.play("nodes: {a: {call: put, args: {what: 1}}, b: {call: send, args: {to: 1}}}")
    assert stage.begun() == []
    text = """
input: {given: any}
nodes:
  a: {call: get, args: {what: "${input.given}"}}
  b: {call: send, args: {to: "${a}"}, on_error: continue}
output: ["${b?}", "${outcome.b.error}"]
"""
    assert stage.play(text, given="ann").output == ["1 to ann", None]
    output = stage.play(text, given=["ann"]).output
    assert output[0] is None
    assert (output[1]["code"], output[1]["path"]) == ("input-invalid", "b")


def test_steps_are_named_by_their_place(stage: Stage) -> None:
    """EVIDENCE-OF F-40: "Its step is named by its place: `order`, `pages[3]/get`, `draft[2]/write`, `route/pay`." """
    ended = stage.play("""
nodes:
  order: {call: get, args: {what: 1}}
  pages: {for_each: [0, 1, 2, 3], nodes: {get: {call: get, args: {what: "${item}"}}}}
  draft:
    until: loop.pass == 2
    max: 5
    nodes: {write: {call: get, args: {what: "${loop.pass}"}}}
  route: {switch: [{else: true, nodes: {pay: {call: get, args: {what: 2}}}}]}
""")

    assert sorted(ended.steps) == [
        "draft[1]/write", "draft[2]/write", "order",
        "pages[0]/get", "pages[1]/get", "pages[2]/get", "pages[3]/get", "route/pay",
    ]  # fmt: skip


_INNER = """
podium: 1
input: {what: string, fails: boolean}
nodes:
  step: {call: put, args: {what: "${input.what}!"}}
  bad: {when: input.fails, call: fall, args: {what: inner}}
output: "${step}"
"""


def test_flows_are_child_runs(stage: Stage) -> None:
    """EVIDENCE-OF F-41: "A flow in a file or in place, and a registered workflow alike, become a child run of the same family; its failure is the node's." """

    @workflow
    async def known(what: str, fails: bool) -> str:
        if fails:
            raise ValueError("function")
        return f"{what}!"

    (stage.folder / "inner.yaml").write_text(_INNER)
    (stage.folder / "test.yaml").write_text("""
podium: 1
input: {fails: boolean}
nodes:
  file: {flow: ./inner.yaml, args: {what: file, fails: "${input.fails}"}, on_error: continue}
  place:
    flow:
      input: {what: string}
      nodes: {step: {call: put, args: {what: "${input.what}!"}}}
      output: "${step}"
    args: {what: place}
  name: {flow: known, args: {what: name, fails: "${input.fails}"}, on_error: continue}
output: ["${file?}", "${place}", "${name?}", "${outcome.file.error.message}", "${outcome.name.error.message}"]
""")
    flow = Flow.load(stage.folder / "test.yaml")
    families: list[set[int]] = []
    workflows: list[list[str]] = []

    async def look(play: Play) -> None:
        await play.ended()
        runs = await play.app.runs()
        workflows.append(sorted(run.workflow for run in runs))
        with committed(stage.db) as file:
            families.append({file.run(run.id).family for run in runs})

    without_error = Flow.load(stage.folder / "test.yaml")
    failed = stage.play(flow, look, fails=True)

    assert failed.output == [None, "place!", None, "inner", "function"]
    assert workflows == [["inner", "known", "test", "test-place"]]
    assert [len(family) for family in families] == [1]
    good = stage.play(
        Flow.from_dict({**without_error.to_dict(), "output": ["${file?}", "${place}", "${name?}"]}),
        fails=False,
    )
    assert good.output == ["file!", "place!", "name!"]


def test_a_flow_in_a_file_is_taken_in(stage: Stage) -> None:
    """EVIDENCE-OF F-42: "A flow in a file is taken in when the document is loaded, and belongs to its content."

    Changing it later changes the hash of what is loaded then, and nothing of what was loaded before.
    """
    inner, outer = stage.folder / "inner.yaml", stage.folder / "test.yaml"
    inner.write_text(_INNER)
    outer.write_text("""
podium: 1
nodes:
  wait: {call: hold_put, args: {what: wait}}
  file: {after: wait, flow: ./inner.yaml, args: {what: file, fails: false}}
output: "${file}"
""")
    before = Flow.load(outer)
    inner.write_text(_INNER.replace("}!", "}?"))
    after = Flow.load(outer)
    inner.unlink()

    async def script(play: Play) -> None:
        await play.begun("wait")
        await play.crash()
        play.open("wait")

    assert before.hash != after.hash
    assert stage.play(before, script).output == "file!"
    assert stage.play(after).output == "file?"
    assert [one.code for one in Flow.load(outer).check()] == ["unreadable-flow"]


_SWITCH = """
input: {n: integer}
nodes:
  slow: {call: hold, args: {what: slow}}
  route:
    switch:
      - {when: input.n < 2, nodes: {low: {call: get, args: {what: low}}}, output: "${low}"}
      - {when: input.n < 3 || slow == 'no', nodes: {mid: {call: get, args: {what: mid}}}, output: "${mid}"}
      - {else: true, nodes: {high: {call: get, args: {what: high}}}, output: "${high}"}
output: "${route}"
"""


@pytest.mark.parametrize(("n", "taken"), [(1, "low"), (2, "mid"), (3, "high")])
def test_the_first_case_that_holds(stage: Stage, n: int, taken: str) -> None:
    """EVIDENCE-OF F-43: "Conditions are evaluated in their order once all that they refer to is settled; the first that holds is taken. What a later condition refers to is not needed then. `else` is the last." """
    early: list[list[str]] = []

    async def script(play: Play) -> None:
        await play.begun("slow")
        early.append(stage.begun())
        play.open("slow")

    assert stage.play(_SWITCH, script, n=n).output == taken
    assert early == [["slow"]]
    assert stage.begun("route") == [f"route/{taken}"]
    turned = _SWITCH.replace("- {when: input.n < 2", "- {else: true").replace(
        "- {else: true, nodes: {high", "- {when: input.n < 9, nodes: {high"
    )
    assert stage.codes(turned) == ["wrong-case"]
    lacking = (
        _SWITCH.replace("slow == 'no'", "input.n == 2 && absent == 1")
        .replace("nodes:", "nodes:\n  absent: {when: 'input.n > 9', set: 1}", 1)
        .replace('"${route}"', '"${route?}"')
    )
    assert stage.play(lacking, script, n=1).output == "low"


def test_no_case(stage: Stage) -> None:
    """EVIDENCE-OF F-44: "Where none holds and there is no `else`, the switch is skipped with the reason `no case`. The nodes of cases not taken do not exist in the run." """
    text = """
input: {n: integer}
nodes:
  route:
    switch:
      - {when: input.n == 1, nodes: {one: {call: get, args: {what: 1}}}, output: "${one}"}
      - {when: input.n == 2, nodes: {two: {call: get, args: {what: 2}}}, output: "${two}"}
output: ["${route?}", "${outcome.route}"]
"""
    ended = stage.play(text, n=3)
    taken = stage.play(text, n=2)

    assert ended.output == [
        None,
        {"status": "skipped", "reason": "no case", "error": None, **NO_ANSWER},
    ]
    assert ended.steps == {}
    assert (taken.output[0], taken.steps) == (2, {"route/two": "succeeded"})


def test_a_case_without_a_value(stage: Stage) -> None:
    """EVIDENCE-OF F-45: "A case whose output refers plainly to a node without a value leaves the switch skipped, with the reason `needs` and that node. A case without an output gives null." """
    text = """
input: {n: integer}
nodes:
  route:
    switch:
      - when: input.n == 1
        nodes: {bad: {call: fall, on_error: continue}}
        output: "${bad}"
      - {else: true, nodes: {silent: {call: get, args: {what: 1}}}}
output: ["${route?}", "${outcome.route}"]
"""
    skipped = stage.play(Unchecked.from_text(HEAD + text), n=1)
    silent = stage.play(Unchecked.from_text(HEAD + text), n=2)

    assert skipped.output == [
        None,
        {"status": "skipped", "reason": "needs bad", "error": None, **NO_ANSWER},
    ]
    assert silent.output == [None, {"status": "ok", "reason": None, "error": None, **NO_ANSWER}]


def test_a_set_is_no_step(stage: Stage) -> None:
    """EVIDENCE-OF F-64: "`set` computes its value when what it refers to is there; it is no step and costs nothing."

    A thousand of them leave nothing in the journal.
    """
    nodes = "".join(f'  n{n}: {{set: "${{n{n - 1} + 1}}"}}\n' for n in range(1, 1001))
    text = f"nodes:\n  n0: {{call: hold, args: {{what: now}}}}\n{nodes}output: '${{n1000}}'\n"
    text = text.replace("n0 + 1", "n0 == 'now' ? 1 : 0")
    records: list[int] = []

    async def script(play: Play) -> None:
        await play.begun("now")
        play.open("now")
        await play.ended()
        records.append(len(play.run.records()))

    ended = stage.play(text, script)

    assert (ended.output, list(ended.steps)) == (1000, ["n0"])
    assert records[0] < 5


def test_fail_fails(stage: Stage) -> None:
    """EVIDENCE-OF F-65: "`fail: "No order ${input.id}."` or `fail: {message: …, code: no-order}` fails the node with that message, and the code `failed` unless given." """
    text = """
input: {id: string, other: boolean}
nodes:
  one: {when: input.other, fail: {message: "No ${input.id}!", code: no-order}, on_error: continue}
  two: {when: "!input.other", fail: "No order ${input.id}."}
output: "${outcome.one.error}"
"""
    plain = stage.play(text, id="A1", other=False)
    coded = stage.play(text, id="A1", other=True)

    assert (plain.status, plain.failure) == ("failed", ("failed", "No order A1."))
    assert (coded.output["message"], coded.output["code"]) == ("No A1!", "no-order")

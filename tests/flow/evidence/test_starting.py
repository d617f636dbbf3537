"""When a node starts, and what it sees."""

import pytest

from tests.flow.evidence.stage import HEAD, NO_ANSWER, Play, Stage, Unchecked

_WORDS_OF_EXPRESSIONS = [
    "true", "false", "null", "in", "has", "as", "break", "const", "continue", "else", "for",
    "function", "if", "import", "let", "package", "namespace", "return", "var", "void", "while",
    "bool", "bytes", "double", "int", "list", "map", "string", "type", "uint",
]  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "Order", "order-1", "1st", "_order", "o.x", "größe", "''",
        "input", "env", "loop", "outcome", "item", *_WORDS_OF_EXPRESSIONS,
    ],
)  # fmt: skip
def test_what_no_node_can_be_called(stage: Stage, name: str) -> None:
    """EVIDENCE-OF F-12: "An id of a node matches `[a-z][a-z0-9_]*`, and is no word of the expression language nor `input`, `env`, `loop`, `outcome`, `item`." """
    quoted = name if name == "''" else f"'{name}'"

    assert stage.codes(f"nodes: {{{quoted}: {{set: 1}}}}") == ["bad-id"]
    assert stage.codes("nodes: {order_1: {set: 1}, o: {set: 2}, inputs: {set: 3}}") == []


def test_nothing_is_shadowed(stage: Stage) -> None:
    """EVIDENCE-OF F-13: "Ids of nodes and names of items are unique among all that an expression can see: nothing is shadowed. Cases of one switch do not see each other." """
    body = "nodes: {%s: {set: '${%s}'}}, output: '${%s}'"
    beside = f"""
nodes:
  one: {{for_each: [1], as: x, {body % ("got", "x", "got")}}}
  two: {{for_each: [2], as: x, {body % ("got", "x", "got")}}}
  route:
    switch:
      - {{when: "one[0] == 2", {body % ("inner", "one", "inner")}}}
      - {{else: true, {body % ("inner", "two", "inner")}}}
output: ["${{one}}", "${{two}}", "${{route}}"]
"""
    as_around = f"nodes: {{a: {{set: 1}}, b: {{for_each: [1], {body % ('a', 'item', 'a')}}}}}"
    as_item = f"nodes: {{b: {{for_each: [1], as: x, {body % ('x', 'x', 'x')}}}}}"
    item_as_node = (
        f"nodes: {{x: {{set: 1}}, b: {{for_each: [1], as: x, {body % ('c', 'x', 'c')}}}}}"
    )
    item_as_item = """
nodes:
  b: {for_each: [1], nodes: {c: {for_each: [2], nodes: {d: {set: "${item}"}}}}}
"""
    as_owner = f"nodes: {{b: {{for_each: [1], {body % ('b', 'item', 'b')}}}}}"

    assert stage.play(beside).output == [[1], [2], [2]]
    for text in (as_around, as_item, item_as_node, item_as_item, as_owner):
        assert "shadowed-name" in stage.codes(text), text


def test_a_node_starts_the_moment_its_dependencies_are_there(stage: Stage) -> None:
    """EVIDENCE-OF F-14: "A node needs the nodes that its expressions refer to, and those in `after`; they are its dependencies. It starts the moment they are there, beside whatever else runs."

    Whatever the order in the document: the reader of ``quick`` begins while ``slow`` is under way.
    """
    text = """
nodes:
  last: {call: get, args: {what: "${reader} and ${slow}"}}
  reader: {call: hold, args: {what: "${quick}!"}}
  behind: {after: slow, call: hold, args: {what: behind}}
  slow: {call: hold, args: {what: slow}}
  quick: {call: hold, args: {what: quick}}
output: "${last}"
"""
    seen: list[set[str]] = []

    async def script(play: Play) -> None:
        await play.begun("slow", "quick")
        seen.append(set(stage.begun()))
        play.open("quick")
        await play.begun("quick!")
        seen.append(set(stage.begun()))
        play.open("slow")
        await play.begun("behind")
        seen.append(set(stage.begun()))
        play.open("quick!", "behind")

    assert stage.play(text, script).output == "quick! and slow"
    assert seen == [
        {"slow", "quick"},
        {"slow", "quick", "reader"},
        {"slow", "quick", "reader", "behind"},
    ]
    assert stage.begun()[-1] == "last"


_ENDS = """
input: {yes: boolean}
nodes:
  good: {call: get, args: {what: null}}
  unwanted: {when: "!input.yes", call: get, args: {what: 1}}
  bad: {call: fall, on_error: continue}
  slow: {call: hold, args: {what: slow}}
"""


def test_the_four_ends_of_a_node(stage: Stage) -> None:
    """EVIDENCE-OF F-15: "A dependency is settled when it is `ok`, `skipped`, `failed` or `cancelled`."

    What depends on three of them starts, though the gate is never opened; what does not wait for the
    fourth sees it cancelled.
    """
    text = f"""{_ENDS}
  all: {{after: ["good?", "unwanted?", "bad?"], call: get, args: {{what: there}}}}
  first: {{join: any, after: ["all?", "slow?"], call: get, args: {{what: "${{outcome.slow.status}}"}}}}
output: ["${{all}}", "${{first}}"]
"""
    ended = stage.play(text, yes=True)

    assert ended.output == ["there", "cancelled"]
    assert ended.steps == {
        "good": "succeeded", "bad": "failed", "all": "succeeded", "slow": "cancelled",
        "first": "succeeded",
    }  # fmt: skip


def test_a_plain_reference_needs_a_value(stage: Stage) -> None:
    """EVIDENCE-OF F-16: "A plain reference (`order`) needs a value: if that node settles as anything but `ok`, its reader is skipped. Null is a value." """
    text = f"""{_ENDS}
  of_good: {{call: get, args: {{what: ["${{good}}"]}}}}
  of_unwanted: {{call: get, args: {{what: ["${{unwanted}}"]}}}}
  of_bad: {{call: get, args: {{what: ["${{bad}}"]}}}}
  of_slow: {{join: any, call: get, args: {{what: ["${{good}}", "${{slow}}"]}}}}
  end: {{set: "${{[outcome.of_good, outcome.of_unwanted, outcome.of_bad, outcome.of_slow].map(o, o.reason)}}"}}
output: ["${{of_good}}", "${{end}}"]
"""
    ended = stage.play(Unchecked.from_text(HEAD + text), yes=True)

    assert ended.output == [[None], [None, "needs unwanted", "needs bad", "needs slow"]]
    assert sorted(stage.begun()) == ["bad", "good", "of_good", "slow"]


def test_a_marked_reference_takes_null(stage: Stage) -> None:
    """EVIDENCE-OF F-17: "A marked reference (`order?`) takes the value, or null where there is none; it never skips its reader." """
    text = f"""{_ENDS}
  text: {{call: get, args: {{what: {{is: here}}}}}}
  all: {{call: get, args: {{what: ["${{good?}}", "${{unwanted?}}", "${{bad?}}", "${{text?.is}}"]}}}}
  fields: {{set: "${{unwanted?.some.field ?? 'none'}}"}}
  first: {{join: any, call: get, args: {{what: ["${{text?.is}}", "${{slow?}}"]}}}}
output: ["${{all}}", "${{fields}}", "${{first}}"]
"""

    assert stage.play(text, yes=True).output == [
        [None, None, None, "here"], "none", ["here", None],
    ]  # fmt: skip


def test_an_outcome_says_how_a_node_ended(stage: Stage) -> None:
    """EVIDENCE-OF F-18: "`outcome.order` is `{status, reason, error, answered_by, is_stale, made_at, verdict}`, with the status `ok`, `skipped`, `failed` or `cancelled`; it never skips its reader." """
    text = f"""{_ENDS}
  reader: {{set: "${{bad}}"}}
  end: {{set: ["${{outcome.good}}", "${{outcome.unwanted}}", "${{outcome.bad}}", "${{outcome.reader}}"]}}
  first: {{join: any, after: [end, "slow?"], set: "${{outcome.slow.status}}"}}
output: ["${{end}}", "${{first}}"]
"""
    error = {"type": "Trouble", "code": "trouble", "message": "broken", "path": "bad"}

    assert stage.play(text, yes=True).output == [
        [
            {"status": "ok", "reason": None, "error": None, **NO_ANSWER, "answered_by": "get"},
            {"status": "skipped", "reason": "when", "error": None, **NO_ANSWER},
            {"status": "failed", "reason": None, "error": error, **NO_ANSWER},
            {"status": "skipped", "reason": "needs bad", "error": None, **NO_ANSWER},
        ],
        "cancelled",
    ]


def test_after_adds_order(stage: Stage) -> None:
    """EVIDENCE-OF F-19: "`after: pay` or `after: [pay, ship?]` adds order where no value flows: a plain one skips its reader like a plain reference, a marked one does not." """
    text = f"""{_ENDS}
  then: {{after: slow, call: get, args: {{what: then}}}}
  plain: {{after: bad, call: get, args: {{what: plain}}}}
  both: {{after: [slow, "bad?"], call: get, args: {{what: both}}}}
  one_plain: {{after: ["slow?", unwanted], call: get, args: {{what: one_plain}}}}
  end: {{set: ["${{outcome.plain.reason}}", "${{outcome.one_plain.reason}}"]}}
output: ["${{then}}", "${{both}}", "${{end}}"]
"""
    early: list[list[str]] = []

    async def script(play: Play) -> None:
        await play.begun("slow", "broken")
        early.append(sorted(stage.begun()))
        play.open("slow")

    assert stage.play(text, script, yes=True).output == [
        "then", "both", ["needs bad", "needs unwanted"],
    ]  # fmt: skip
    assert early == [["bad", "good", "slow"]]


def test_a_body_refers_outside(stage: Stage) -> None:
    """EVIDENCE-OF F-20: "What stands within the body of a node may refer to nodes outside of it. There the inner node waits and is skipped, not the outer one. What the node itself computes of a body (`key`, `while`, `until`, `next`, `output`), it waits for itself." """
    text = f"""{_ENDS}
  each:
    for_each: [1, 2]
    nodes:
      early: {{call: get, args: {{what: "${{item}}"}}}}
      late: {{call: get, args: {{what: "${{slow}} ${{item}}"}}}}
      never: {{call: get, args: {{what: "${{bad}}"}}}}
    output: ["${{early}}", "${{late}}", "${{outcome.never.reason}}"]
  route:
    switch:
      - else: true
        nodes: {{inner: {{call: get, args: {{what: "${{slow}}!"}}}}}}
        output: "${{inner}}"
  after_all:
    for_each: [3]
    nodes: {{one: {{call: get, args: {{what: "${{item}}"}}}}}}
    output: "${{one}} ${{slow}}"
output: ["${{each}}", "${{route}}", "${{after_all}}"]
"""
    early: list[list[str]] = []

    async def script(play: Play) -> None:
        await play.begun("slow", 1, 2)
        early.append(stage.begun("each", "route", "after_all"))
        play.open("slow")

    assert stage.play(text, script, yes=True).output == [
        [[1, "slow 1", "needs bad"], [2, "slow 2", "needs bad"]], "slow!", ["3 slow"],
    ]  # fmt: skip
    assert early == [["each[0]/early", "each[1]/early"]]


def test_when_is_asked_first(stage: Stage) -> None:
    """EVIDENCE-OF F-21: "`when` is evaluated once the dependencies are there, before the arguments; if it is false, the node is skipped with the reason `when`, and its arguments are not evaluated: it does not matter whether they have a value."

    The arguments have no result: where they were evaluated, the flow would fail.
    """
    text = """
input: {list: array}
nodes:
  slow: {call: hold, args: {what: slow}}
  skipped: {when: size(input.list) > 3, after: slow, call: get, args: {what: "${input.list[3]}"}}
  of_value: {when: slow == 'slow', call: get, args: {what: 1}}
  lacking: {when: slow != 'slow', call: get, args: {what: "${skipped}"}}
  end: {call: get, args: {what: "${outcome.skipped}"}}
output: ["${end}", "${of_value?}", "${outcome.lacking.reason}"]
"""
    early: list[list[str]] = []

    async def script(play: Play) -> None:
        await play.begun("slow")
        early.append(stage.begun())
        play.open("slow")

    assert stage.play(text, script, list=[]).output == [
        {"status": "skipped", "reason": "when", "error": None, **NO_ANSWER}, 1, "when",
    ]  # fmt: skip
    assert early == [["slow"]]
    stage.outside.is_open.clear()
    failed = stage.play(text.replace("> 3", ">= 0"), script, list=[])
    assert failed.failure[0] == "out-of-range"


def test_a_skipped_node_has_a_reason(stage: Stage) -> None:
    """EVIDENCE-OF F-22: "A skipped node has the reason `when`, `needs order` (a dependency without a value), `join`, or `not needed`." """
    text = f"""{_ENDS}
  needs: {{set: "${{unwanted}}"}}
  needs_needs: {{after: needs, set: 1}}
  joins: {{join: any, after: [unwanted, bad], set: 1}}
  pay: {{call: get, args: {{what: paid}}, on_error: rescue}}
  rescue: {{call: put, args: {{what: rescued}}}}
  end:
    set:
      - "${{outcome.unwanted.reason}}"
      - "${{outcome.needs.reason}}"
      - "${{outcome.needs_needs.reason}}"
      - "${{outcome.joins.reason}}"
      - "${{outcome.rescue.reason}}"
  over: {{join: any, after: [end, "slow?"], set: 1}}
output: "${{end}}"
"""

    assert stage.play(text, yes=True).output == [
        "when", "needs unwanted", "needs needs", "join", "not needed",
    ]  # fmt: skip

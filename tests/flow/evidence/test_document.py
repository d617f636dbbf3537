"""The document: its words, its input, its output."""

import json
import sys

from pathlib import Path
from typing import Any

import pytest

from podium import Flow, InputInvalid, Podium
from podium.flow.source import read
from tests.flow.evidence.stage import HEAD, Play, Stage, Unchecked
from tests.harness import drive

_ORDER = """
input: {n: integer}
nodes:
  first: {call: get, args: {what: "${input.n}"}}
  second: {call: get, args: {what: {code: no, after: "${first}"}}}
output: "${second}"
"""


def test_yaml_and_json_are_one(stage: Stage) -> None:
    """EVIDENCE-OF F-01: "A document is YAML 1.2 or JSON; the same document in both is the same flow."

    In YAML 1.2 ``no`` is a text.
    """
    in_yaml = stage.flow(_ORDER)
    in_json = Flow.from_text(json.dumps(read(HEAD + _ORDER, "test").data))

    assert in_json.hash == in_yaml.hash
    assert [stage.play(flow, n=1).output for flow in (in_yaml, in_json)] == [
        {"code": "no", "after": 1}
    ] * 2


def test_a_flow_is_its_content(stage: Stage) -> None:
    """EVIDENCE-OF F-02: "A flow is known by the hash of its content: layout, comments and the order of words do not change it; the order of nodes does." """
    a, b = "  a: {call: get, args: {what: 1}}\n", "  b: {call: get, args: {what: 2}}\n"
    flow = stage.flow(f"nodes:\n{a}{b}output: 1\n")
    same = stage.flow(
        "# a comment\noutput:   1\nnodes:\n"
        "  a:\n    args:\n      what: 1 # one\n    call: 'get'\n"
        f"\n{b}"
    )
    turned = stage.flow(f"nodes:\n{b}{a}output: 1\n")
    other = stage.flow(f"nodes:\n{a}{b}output: 2\n")

    assert same.hash == flow.hash
    assert len({flow.hash, turned.hash, other.hash}) == 3


@pytest.mark.parametrize("becomes", ["something else", None])
def test_a_run_keeps_its_document(stage: Stage, becomes: str | None) -> None:
    """EVIDENCE-OF F-03: "A run keeps the document it was started with, whatever happens to the file."

    The file is written anew, or removed, while the run is under way, and another worker takes over.
    """
    file = stage.folder / "test.yaml"
    nodes = "nodes: {a: {call: hold, args: {what: a}}, b: {call: get, args: {what: '${a}'}}}\n"
    file.write_text(f"podium: 1\n{nodes}output: ['${{b}}', as it was]\n")

    async def script(play: Play) -> None:
        await play.begun("a")
        if becomes is None:
            file.unlink()
        else:
            file.write_text(f"podium: 1\n{nodes}output: {becomes}\n")
        await play.crash()
        play.open("a")

    assert stage.play(Flow.load(file), script).output == ["a", "as it was"]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("support.yaml", "support"),
        ("support.v2.json", "support"),
        ("after-sales.yml", "after-sales"),
        ("Our shöp 2.yaml", "our_sh_p_2"),
        ("2nd.yaml", "flow_2nd"),
    ],
)
def test_a_name_comes_from_the_file(tmp_path: Path, file: str, name: str) -> None:
    """EVIDENCE-OF F-04: "`name` may be left out in a file: it is the file's name up to its first dot, in small letters, with `_` for what a name cannot have, and `flow_` before it where it begins with none of `a` to `z`." """
    (tmp_path / file).write_text(
        "{podium: 1, nodes: {}}" if ".json" not in file else '{"podium": 1, "nodes": {}}'
    )
    (tmp_path / "other.yaml").write_text("{podium: 1, name: given, nodes: {}}")

    flow = Flow.load(tmp_path / file)
    assert (flow.name, flow.check()) == (name, [])
    assert Flow.load(tmp_path / "other.yaml").name == "given"
    assert [one.code for one in Flow.from_dict({"podium": 1, "nodes": {}}).check()] == [
        "missing-word"
    ]


def test_modules_are_imported_as_allowed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """EVIDENCE-OF F-05: "The modules of `uses` are imported before the check, those of flows within too. A document from a file of yours may name any; a document from outside (`Flow.from_dict`) only modules that are imported already or match `allow`." """
    monkeypatch.syspath_prepend(str(stage.folder))
    for module in ("evidence_one", "evidence_two"):
        monkeypatch.delitem(sys.modules, module, raising=False)
        (stage.folder / f"{module}.py").write_text(
            "from podium import task\n\n"
            f"@task(effect='read')\nasync def {module}() -> str:\n    return __name__\n"
        )

    def document(module: str) -> dict[str, Any]:
        return {
            "podium": 1, "name": "test", "uses": [module],
            "nodes": {"a": {"call": module}}, "output": "${a}",
        }  # fmt: skip

    file = stage.folder / "test.json"
    file.write_text(json.dumps(document("evidence_one")))
    refused = Flow.from_dict(document("evidence_two"))
    otherwise_allowed = Flow.from_dict(document("evidence_two"), allow=["shop.*"])

    assert [one.code for one in refused.check()] == ["module-not-allowed", "unknown-task"]
    assert "module-not-allowed" in [one.code for one in otherwise_allowed.check()]
    assert "evidence_two" not in sys.modules
    assert stage.play(Flow.load(file)).output == "evidence_one"
    assert stage.play(Flow.from_dict(document("evidence_one"))).output == "evidence_one"
    assert (
        stage.play(Flow.from_dict(document("evidence_two"), allow=["evidence_*"])).output
        == "evidence_two"
    )


_FILE = {"digest": "0" * 64, "size": 3, "name": "a.txt", "media_type": "text/plain"}


@pytest.mark.parametrize(
    ("type_", "good", "bad"),
    [
        ("string", ["", "a"], [1, None, ["a"]]),
        ("integer", [1, -3], [1.5, "1", None, True]),
        ("number", [1, 1.5], ["1", None, False]),
        ("boolean", [True, False], [0, "true", None]),
        ("object", [{}, {"a": [1]}], [[], "{}", None]),
        ("array", [[], [1, "a"]], [{}, "[]", None]),
        ("any", [None, 1, "a", {}, []], []),
        ("file", [_FILE], [{"name": "a.txt"}, "a.txt", None]),
        ("[string]", [[], ["a", "b"]], [["a", 1], "a", [None]]),
        ("[[integer]]", [[], [[1], []]], [[1], [["a"]]]),
        ("{type: string, enum: [a, b]}", ["a", "b"], ["c", 1]),
        (
            "{type: object, properties: {n: {type: integer}}, required: [n]}",
            [{"n": 1}],
            [{}, {"n": "1"}],
        ),
    ],
)
def test_fields_have_types(stage: Stage, type_: str, good: list[Any], bad: list[Any]) -> None:
    """EVIDENCE-OF F-06: "`input` gives each field a type: `string`, `integer`, `number`, `boolean`, `object`, `array`, `any`, `file`, a list with the type of its items (`[string]`), or a JSON Schema." """
    flow = stage.flow(f"input: {{x: {type_}}}\nnodes: {{}}\noutput: '${{input.x}}'\n")

    async def main() -> tuple[list[Any], list[Any]]:
        taken: list[Any] = []
        refused: list[Any] = []
        async with Podium(stage.db) as app:
            for value in [*good, *bad]:
                try:
                    taken.append(await (await app.start(flow, {"x": value})).result())
                except InputInvalid:
                    refused.append(value)
        return taken, refused

    assert drive(main()) == (good, bad)


def test_fields_that_may_be_left_out(stage: Stage) -> None:
    """EVIDENCE-OF F-07: "A field whose type ends in `?` (`string?`), or whose schema has a `default`, may be left out: it is null, or the default." """
    flow = stage.flow("""
input: {must: string, may: string?, many: {type: integer, default: 3}}
nodes: {}
output: ["${input.must}", "${input.may}", "${input.many}"]
""")

    assert stage.play(flow, must="a").output == ["a", None, 3]
    assert stage.play(flow, must="a", may="b", many=1).output == ["a", "b", 1]
    assert stage.play(flow, must="a", may=None).output == ["a", None, 3]
    with pytest.raises(InputInvalid, match="must"):
        stage.play(flow, may="b")


def test_an_input_that_does_not_fit_leaves_nothing(stage: Stage) -> None:
    """EVIDENCE-OF F-08: "An input that does not fit is refused before anything is written, with every fault at once." """
    flow = stage.flow("input: {a: string, b: [integer], c: boolean}\nnodes: {}\n")

    async def main() -> tuple[str, int]:
        async with Podium(stage.db) as app:
            with pytest.raises(InputInvalid) as refusal:
                await app.start(flow, {"a": 1, "b": [1, "two"], "d": 4})
            return str(refusal.value), len(await app.runs())

    text, runs = drive(main())

    assert runs == 0
    for fault in (
        'a: 1 is not of type "string"',
        'b.1: "two" is not of type "integer"',
        "'d'",
        '"c"',
    ):
        assert fault in text


def test_the_environment_is_read_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """EVIDENCE-OF F-09: "`env` is read once, when the run begins, and recorded: `env: {REGION: eu}` makes `env.REGION` a text, the value given here where the variable is not set. With null here it must be set, or the run fails at once." """
    monkeypatch.setenv("PODIUM_TEST_SET", "set")
    monkeypatch.delenv("PODIUM_TEST_UNSET", raising=False)
    text = """
env: {PODIUM_TEST_SET: usual, PODIUM_TEST_UNSET: UNSET}
nodes: {a: {call: hold_put, args: {what: a}}}
output: ["${a}", "${env.PODIUM_TEST_SET}", "${env.PODIUM_TEST_UNSET}"]
"""

    async def script(play: Play) -> None:
        await play.begun("a")
        monkeypatch.setenv("PODIUM_TEST_SET", "changed")
        monkeypatch.setenv("PODIUM_TEST_UNSET", "changed")
        await play.crash()
        play.open("a")

    assert stage.play(text.replace(": UNSET", ": usual"), script).output == ["a", "set", "usual"]
    monkeypatch.delenv("PODIUM_TEST_UNSET")
    failed = stage.play(text.replace(": UNSET", ": null"))
    assert failed.status == "failed"
    assert "PODIUM_TEST_UNSET" in failed.failure[1]
    assert failed.steps == {}


@pytest.mark.parametrize(
    ("nodes", "why"),
    [
        ("{a: {when: input.no, set: 1}}", "skipped (when)"),
        ("{z: {when: input.no, set: 1}, a: {set: '${z}'}}", "skipped (needs z)"),
        ("{a: {call: fall, on_error: continue}}", "failed"),
    ],
)
def test_an_output_needs_its_nodes(stage: Stage, nodes: str, why: str) -> None:
    """EVIDENCE-OF F-10: "An output that refers plainly to a node without a value fails the run with the code `no-output`, and says why the node has none."

    The check refuses such a document where it sees it; a run does not rest on that.
    """
    text = f"input: {{no: boolean}}\nnodes: {nodes}\noutput: '${{a}}'\n"
    ended = stage.play(Unchecked.from_text(HEAD + text), no=False)

    assert (ended.status, *ended.failure) == (
        "failed", "no-output", f"The output needs the node 'a', which is {why}.",
    )  # fmt: skip
    assert stage.codes(text) == ["may-have-no-output"]
    marked = stage.play(text.replace("${a}", "${a?}"), no=False)
    assert (marked.status, marked.output) == ("succeeded", None)


@pytest.mark.parametrize(
    ("node", "code", "place"),
    [
        ("{call: get, args: {what: 'It is ${input.list[3]}'}}", "out-of-range", "args.what"),
        ("{set: '${input.map.field}'}", "no-such-field", "set"),
        ("{when: 1 / size(input.list) > 0, set: 1}", "division-by-zero", "when"),
        ("{for_each: '${input.list[3]}', nodes: {}}", "out-of-range", "for_each"),
        ("{fail: '${input.map.field}'}", "no-such-field", "fail"),
    ],
)
def test_an_expression_without_a_result_fails_its_node(
    stage: Stage, node: str, code: str, place: str
) -> None:
    """EVIDENCE-OF F-11: "An expression that has no result where it is evaluated fails its node, with the code of the error and its place." """
    text = f"""
input: {{list: array, map: object}}
nodes:
  a: {node[:-1]}, on_error: continue}}
  b: {{call: get, args: {{what: "${{outcome.a}}"}}}}
output: "${{b}}"
"""
    ended = stage.play(text, list=[], map={})

    assert ended.output["status"] == "failed"
    assert (ended.output["error"]["code"], ended.output["error"]["path"]) == (code, "a")
    assert list(ended.steps) == ["b"]
    assert ended.output["error"]["message"].startswith(f"$.nodes.a.{place}, column ")

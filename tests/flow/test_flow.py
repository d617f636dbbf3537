"""``Flow``: where documents come from, and what they may bring with them."""

from __future__ import annotations

import json
import sys

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from podium import Flow, FlowInvalid, run, task
from podium.flow import FlowNotFound, SourceError
from tests.harness import fresh_names

SHIP = "podium: 1\ninput: {order: string}\nnodes:\n  sent: {set: 'sent ${input.order}'}\noutput: ${sent}\n"
MODULE = """
from podium import task

@task(effect="pure")
def weigh(thing: str) -> int:
    return len(thing)
"""


@pytest.fixture(autouse=True)
def names() -> Any:
    """A table of names of the test's own."""
    with fresh_names():
        yield


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that registers a task, on the path and not imported yet."""
    (tmp_path / "scales_of_a_test.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "scales_of_a_test", raising=False)
    return "scales_of_a_test"


def using(module: str) -> dict[str, Any]:
    """A document that uses a module."""
    nodes = {"weight": {"call": "weigh", "args": {"thing": "lamp"}}}
    return {"podium": 1, "name": "x", "uses": [module], "nodes": nodes, "output": "${weight}"}


def codes(flow: Flow) -> list[str]:
    """The codes of what is wrong."""
    return [one.code for one in flow.check()]


def test_a_file_may_use_any_module(tmp_path: Path, module: str) -> None:
    """It is the author's own; it is imported before the check."""
    path = tmp_path / "x.yaml"
    path.write_text(json.dumps(using(module)), encoding="utf-8")

    assert codes(Flow.load(path)) == []


def test_a_document_from_outside_may_not(module: str) -> None:
    """It is not imported, and named; a pattern allows it; one that is imported already is there."""
    refused = Flow.from_dict(using(module))

    assert codes(refused) == ["module-not-allowed", "unknown-task"]
    assert module not in sys.modules
    assert codes(Flow.from_dict(using(module), allow=["scales_*"])) == []
    assert codes(Flow.from_dict(using(module))) == []


def test_a_module_that_cannot_be_imported() -> None:
    """The finding says why."""
    flow = Flow.from_dict(using("no_such_module_anywhere"), allow=["*"])

    assert codes(flow)[0] == "module-missing"
    assert "No module named 'no_such_module_anywhere'" in flow.check()[0].message


def test_flows_within_may_use_modules_too(tmp_path: Path, module: str) -> None:
    """Under the same rule, in place and in a file; what is wrong is put to their nodes."""
    inner = using(module)
    outer = {"podium": 1, "name": "outer", "nodes": {"a": {"flow": inner}}, "output": "${a}"}
    refused = Flow.from_dict(outer)

    assert [(one.code, one.path) for one in refused.check()] == [
        ("module-not-allowed", "$.nodes.a.flow.uses[0]"),
        ("unknown-task", "$.nodes.a.flow.nodes.weight.call"),
    ]
    assert module not in sys.modules
    (tmp_path / "inner.yaml").write_text(json.dumps(inner | {"uses": [module, "no_such_module"]}))
    (tmp_path / "outer.yaml").write_text(
        json.dumps(outer | {"nodes": {"a": {"flow": "./inner.yaml"}}})
    )
    [missing] = Flow.load(tmp_path / "outer.yaml").check()
    assert (missing.code, missing.path) == ("module-missing", "$.nodes.a.flow")
    assert missing.message.startswith("in ./inner.yaml: $.uses[1]: ")
    assert module in sys.modules


def test_flows_in_files_are_taken_in(tmp_path: Path) -> None:
    """By paths from the file that names them; they belong to its content."""
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "ship.yaml").write_text(SHIP, encoding="utf-8")
    again = "podium: 1\nnodes:\n  a: {flow: ./ship.yaml, args: {order: A1}}\noutput: ${a}\n"
    (tmp_path / "parts" / "again.yaml").write_text(again, encoding="utf-8")
    main = tmp_path / "main.yaml"
    main.write_text(
        "podium: 1\nnodes:\n  b: {flow: parts/again.yaml}\noutput: ${b}\n", encoding="utf-8"
    )
    flow = Flow.load(main)
    kept = flow.to_dict()
    (tmp_path / "parts" / "ship.yaml").write_text(
        SHIP.replace("sent $", "gone $"), encoding="utf-8"
    )

    assert codes(flow) == []
    assert list(kept["flows"]) == ["parts/again.yaml"]
    assert Flow.from_dict(kept).hash == flow.hash
    assert Flow.load(main).hash != flow.hash


def test_a_flow_that_takes_in_itself(tmp_path: Path) -> None:
    """Also by way of another one."""
    (tmp_path / "a.yaml").write_text("podium: 1\nnodes: {x: {flow: b.yaml}}\n", encoding="utf-8")
    (tmp_path / "b.yaml").write_text("podium: 1\nnodes: {x: {flow: ./a.yaml}}\n", encoding="utf-8")
    flow = Flow.load(tmp_path / "a.yaml")

    assert "recursive-flow" in codes(flow)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    """The outer one raises, an inner one is a finding."""
    with pytest.raises(FlowNotFound, match=r"none\.yaml"):
        Flow.load(tmp_path / "none.yaml")
    (tmp_path / "a.yaml").write_text("podium: 1\nnodes: {x: {flow: b.yaml}}\n", encoding="utf-8")

    assert codes(Flow.load(tmp_path / "a.yaml")) == ["unreadable-flow"]
    assert codes(
        Flow.from_dict({"podium": 1, "name": "x", "nodes": {"x": {"flow": "b.yaml"}}})
    ) == ["no-files"]


def test_a_text_that_is_none(tmp_path: Path) -> None:
    """It has a line and a column."""
    with pytest.raises(SourceError) as caught:
        Flow.from_text("podium: 1\nnodes: [\n")

    assert caught.value.line > 0


def test_findings_have_places() -> None:
    """Lines and columns are those of the text; within an expression the column is that of the word."""
    text = 'podium: 1\nname: x\nnodes:\n  a: {set: 1}\n  b: {set: "${a + nobody}"}\noutput: ${b}\n'
    (finding,) = Flow.from_text(text).check()

    assert (finding.code, finding.line) == ("unknown-name", 5)
    assert text.splitlines()[4][finding.column - 1 :].startswith(
        ("nobody", "a + nobody", "{a + nobody")
    )


def test_a_flow_with_errors_does_not_become_a_workflow() -> None:
    """Its spec says every error."""
    flow = Flow.from_dict(
        {"podium": 1, "name": "x", "nodes": {"a": {"call": "nobody"}}, "output": "${b}"}
    )

    with pytest.raises(FlowInvalid) as caught:
        _ = flow.spec
    assert {one.code for one in caught.value.findings} == {"unknown-task", "unknown-name"}
    assert "2 errors" in str(caught.value)


@pytest.mark.parametrize(
    ("file", "name"),
    [("support.v2.yaml", "support"), ("Order Saga.yml", "order_saga"), ("7.json", "flow_7")],
)
def test_names_from_files(tmp_path: Path, file: str, name: str) -> None:
    """What a name cannot have becomes ``_``."""
    (tmp_path / file).write_text('{"podium": 1, "nodes": {}}', encoding="utf-8")

    assert Flow.load(tmp_path / file).name == name


def test_a_key_that_is_the_same_for_every_item() -> None:
    """Mostly its ``${}`` was forgotten."""
    each = {
        "for_each": [{"name": "a"}, {"name": "b"}],
        "as": "file",
        "key": "file.name",
        "nodes": {},
    }
    (finding,) = Flow.from_dict({"podium": 1, "name": "x", "nodes": {"each": each}}).check()

    assert (finding.code, finding.path) == ("wrong-type", "$.nodes.each.key")
    assert "'file.name' names no item" in finding.message


@dataclass
class Pair:
    sides: tuple[int, tuple[str, ...]]


def test_a_tuple_is_a_list() -> None:
    """What a task returns as a tuple, deep within a typed result, is a list to expressions and outputs."""

    with fresh_names():

        @task(effect="pure")
        def pair() -> list[Pair]:
            return [Pair((1, ("a", "b")))]

        nodes = {"pair": {"call": "pair"}, "more": {"set": "${pair[0].sides[1] + ['c']}"}}
        output = {"pair": "${pair}", "more": "${more}"}
        found = run(Flow.from_dict({"podium": 1, "name": "x", "nodes": nodes, "output": output}))

    assert found == {"pair": [{"sides": [1, ["a", "b"]]}], "more": ["a", "b", "c"]}

"""The reference interpreter, on cases small enough to be worked out by hand."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from tests.flow.proof.parts import Behaviour, Report
from tests.flow.proof.reference import Interpreter


class By(NamedTuple):
    """A tool that does what its arguments say: ``s`` seconds, then ``gives`` or fails."""

    is_effect: bool = False

    def behave(self, args: Mapping[str, Any], attempt: int) -> Behaviour:
        if attempt <= args.get("fails", 0):
            return Behaviour(args["s"], error=("Trouble", "trouble", "as told"))
        return Behaviour(args["s"], args.get("gives", "done"))


TOOLS = {"look": By(), "change": By(is_effect=True), "undo": By(is_effect=True)}


def run(nodes: dict[str, Any], output: Any = None, **words: Any) -> Report:
    document = {"podium": 1, "nodes": nodes, "output": output}
    return Interpreter(TOOLS).run({**document, **words}, {"n": 3})


def look(s: Any, **more: Any) -> dict[str, Any]:
    words = {word: more.pop(word) for word in list(more) if word not in ("gives", "fails", "see")}
    return {"call": words.pop("call", "look"), "args": {"s": s, **more}, **words}


def times(report: Report) -> dict[str, float]:
    return {place.removeprefix("run:"): at_s for place, at_s in report.started_s.items()}


def ends(report: Report) -> dict[str, Any]:
    return {
        place.removeprefix("run:"): end.reason or end.status for place, end in report.nodes.items()
    }


def test_a_node_starts_when_its_dependencies_are_there_beside_others() -> None:
    report = run({"a": look(1), "b": look(5), "c": look(1, see="${a}"), "d": look(1, after="b")})
    assert times(report) == {"a": 0, "b": 0, "c": 1, "d": 5}
    assert report.doubts == []


@pytest.mark.parametrize(
    ("reader", "end"),
    [
        (look(1, see="${a}"), "needs a"), (look(1, see="${a?}"), "ok"),
        (look(1, see="${outcome.a.status}"), "ok"), (look(1, after="a"), "needs a"),
        (look(1, after="a?"), "ok"), (look(1, after="a", join="settled"), "ok"),
        (look(1, see="${a}", join="settled"), "needs a"),
    ],
)  # fmt: skip
def test_how_a_reference_is_written_says_whether_it_skips_its_reader(reader: Any, end: str) -> None:
    skipped = {"a": look(1, when="input.n > 9"), "b": reader}
    assert ends(run(skipped)) == {"a": "when", "b": end}
    failed = {"a": look(1, fails=9, on_error="continue"), "b": reader}
    assert ends(run(failed)) == {"a": "failed", "b": end}


def test_all_waits_for_all_even_where_one_is_without_a_value() -> None:
    nodes = {"a": look(1, fails=9, on_error="continue"), "b": look(7)}
    report = run({**nodes, "c": look(1, after=["a", "b"]), "d": look(1, after="c?")})
    assert ends(report)["c"] == "needs a"
    assert times(report)["d"] == 7


def test_any_decides_at_the_first_that_is_ok_and_cancels_the_rest() -> None:
    nodes = {
        "a": look(1, fails=9, on_error="continue"),
        "b": look(9, gives="b"),
        "c": look(4, gives="c"),
    }
    first = {"set": ["${a?}", "${b?}", "${c?}"], "join": "any"}
    report = run({**nodes, "first": first}, "${first}")
    assert report.output == [None, None, "c"]
    assert ends(report) == {"a": "failed", "b": "cancelled", "c": "ok", "first": "ok"}
    assert report.ended_s["run:b"] == 4


@pytest.mark.parametrize(
    ("more", "output", "join", "end"),
    [
        ({"r": look(1, see="${b?}")}, None, "any", "ok"), ({}, "${b?}", "any", "ok"),
        ({}, None, {"of": "any", "rest": "continue"}, "ok"), ({}, None, 1, "cancelled"),
        ({"r": look(1, see="${b?}", when="input.n > 9 && c == 1")}, None, 1, "ok"),
    ],
)  # fmt: skip
def test_what_somebody_else_waits_for_is_not_cancelled(
    more: Any, output: Any, join: Any, end: str
) -> None:
    nodes = {"b": look(9), "c": look(4), "first": {"set": "${b? ?? c?}", "join": join}}
    report = run({**nodes, **more}, output)
    assert ends(report)["b"] == end


def test_a_cancelled_node_takes_along_what_it_alone_waited_for() -> None:
    nodes = {
        "x": look(20), "y": look(20), "b": look(9, see="${x} ${y}"), "keep": look(1, see="${y}"),
        "c": look(4), "first": {"set": "${b? ?? c?}", "join": "any"},
    }  # fmt: skip
    assert ends(run(nodes)) == {
        "x": "cancelled", "y": "ok", "b": "cancelled", "keep": "ok", "c": "ok", "first": "ok",
    }  # fmt: skip


def test_too_few_that_can_become_ok_skip_a_join_at_once() -> None:
    nodes = {"a": look(1, fails=9, on_error="continue"), "b": look(9)}
    report = run({**nodes, "two": {"set": ["${a?}", "${b?}"], "join": 2}})
    assert ends(report)["two"] == "join"
    assert report.ended_s["run:two"] == 1


def test_a_failure_stops_reads_and_waits_for_effects() -> None:
    nodes = {
        "a": look(1, fails=9), "read": look(50), "write": look(8, call="change"),
        "never": look(1, see="${a?}"),
    }  # fmt: skip
    report = run({"s": {"switch": [{"else": True, "nodes": nodes}]}})
    assert (report.status, report.error and report.error["path"]) == ("failed", "s/a")
    assert report.ended_s["run:s"] == 8
    assert [call.path for call in report.calls] == ["s/a", "s/read", "s/write"]


def test_compensations_run_in_the_reverse_order_of_starts() -> None:
    undo = {"compensate": "undo"}
    nodes = {
        "a": look(1, call="change", **undo), "b": look(1, call="change", see="${a}", **undo),
        "c": look(1, see="${b}", fails=9), "d": look(1, call="change", see="${c}", **undo),
    }  # fmt: skip
    assert [call.path for call in run(nodes).undone] == ["b", "a"]


def test_a_handler_runs_only_for_a_failure() -> None:
    def nodes(fails: int) -> dict[str, Any]:
        rescue = {"set": "${outcome.a.error.code}"}
        return {"a": look(1, fails=fails, on_error="rescue"), "rescue": rescue}

    assert ends(run(nodes(0))) == {"a": "ok", "rescue": "not needed"}
    report = run(nodes(9), "${rescue}")
    assert (report.output, ends(report)["a"]) == ("trouble", "failed")


def test_retries_and_timeouts_of_a_step_and_of_a_body() -> None:
    retry = {"attempts": 3, "backoff": "2s", "jitter": 0}
    report = run({"a": look(1, fails=2, retry=retry)})
    assert [call.at_s for call in report.calls] == [0, 3, 8]
    body = {"switch": [{"else": True, "nodes": {"x": look(9)}}], "retry": retry, "timeout": "5s"}
    report = run({"b": {**body, "on_error": "continue"}}, "${outcome.b.error.code}")
    assert [(call.path, call.at_s) for call in report.calls] == [
        ("b/x", 0), ("b#2/x", 7), ("b#3/x", 16),
    ]  # fmt: skip
    assert report.output == "timeout"


def test_cases_are_asked_in_their_order() -> None:
    cases = [
        {"when": "input.n > 9", "output": 1}, {"when": "input.n > 2", "output": 2},
        {"else": True, "output": 3},
    ]  # fmt: skip
    assert run({"s": {"switch": cases}}, "${s}").output == 2
    assert ends(run({"s": {"switch": cases[:1]}})) == {"s": "no case"}
    without = [{"else": True, "nodes": {"x": look(1, when="false")}, "output": "${x}"}]
    assert ends(run({"s": {"switch": without}})) == {"s/x": "when", "s": "needs x"}


def test_items_go_on_beside_each_other_and_keep_their_order() -> None:
    spec = {
        "for_each": "${[3, 2, 1]}", "concurrency": 2, "nodes": {"x": look("${item}", gives="${item}")},
        "output": "${x + loop.index}",
    }  # fmt: skip
    report = run({"all": spec}, "${all}")
    assert report.output == [3, 3, 3]
    assert times(report) == {"all": 0, "all[0]/x": 0, "all[1]/x": 0, "all[2]/x": 2}
    assert run({"all": {**spec, "for_each": []}}, "${all}").output == []


def test_an_item_without_a_value_is_null_and_one_that_fails_fails_all_or_is_told() -> None:
    nodes = {"x": look(1, when="item != 2", fails="${item == 3 ? 9 : 0}", gives="${item}")}
    spec = {"for_each": "${[1, 2, 3]}", "key": "k${item}", "nodes": nodes, "output": "${x}"}
    report = run({"all": {**spec, "partial": True}}, "${all.map(one, one.status)}")
    assert report.output == ["ok", "skipped", "failed"]
    assert run({"all": {**spec, "for_each": "${[1, 2]}"}}, "${all}").output == [1, None]
    assert run({"all": spec}).error == {
        "type": "Trouble", "code": "trouble", "message": "as told", "path": "all[k3]/x",
    }  # fmt: skip


def test_loops_carry_their_state_from_pass_to_pass() -> None:
    nodes = {"x": look(1, gives="${loop.state + 1}")}
    until = {
        "until": "x >= 12", "max": 3, "every": "10s", "state": 10, "nodes": nodes, "next": "${x}",
        "output": ["${x}", "${loop.state}", "${loop.pass}"],
    }  # fmt: skip
    report = run({"u": until}, "${u}")
    assert report.output == [12, 11, 2]
    assert times(report)["u[2]/x"] == 11
    failed = run({"u": {**until, "until": "x > 99"}})
    assert failed.error
    assert failed.error["code"] == "max-passes"
    loop = {
        "while": "loop.state < 12", "max": 5, "state": 10, "nodes": nodes, "next": "${x}",
        "output": ["${x?}", "${loop.state}"],
    }  # fmt: skip
    assert run({"w": loop}, "${w}").output == [12, 12]
    assert run({"w": {**loop, "state": 50}}, "${w}").output == [None, 50]
    assert ends(run({"w": {**loop, "state": 50, "output": "${x}"}})) == {"w": "needs x"}


def test_a_loop_that_cannot_ask_its_condition_fails() -> None:
    nodes = {"x": look(1, when="false")}
    report = run({"u": {"until": "x == 1", "max": 2, "nodes": nodes}})
    assert report.error
    assert report.error["code"] == "no-value"


def test_an_inner_node_waits_for_what_is_outside() -> None:
    inner = {"x": look(1, see="${slow}"), "y": look(1)}
    report = run({"slow": look(9), "s": {"switch": [{"else": True, "nodes": inner}]}})
    assert times(report) == {"slow": 0, "s": 0, "s/y": 0, "s/x": 9}


def test_a_child_run_has_its_own_input_and_fails_with_its_own_error() -> None:
    inner = {
        "input": {"n": "integer", "note": "string?"}, "nodes": {"x": look(1, fails="${input.n}")},
        "output": ["${x}", "${input.note}"],
    }  # fmt: skip
    assert run({"f": {"flow": inner, "args": {"n": 0}}}, "${f}").output == ["done", None]
    report = run({"f": {"flow": inner, "args": {"n": 1}, "on_error": "continue"}})
    assert ends(report) == {"run:f:x".removeprefix("run:"): "failed", "f": "failed"}


def test_an_output_without_its_node_fails_the_run() -> None:
    report = run({"a": look(1, when="false")}, "${a}")
    assert (report.status, report.error and report.error["code"]) == ("failed", "no-output")


def test_signals_come_first_in_first_out_and_people_are_silent() -> None:
    nodes = {
        "a": {"wait": {"signal": "go"}}, "b": {"wait": {"signal": "go"}}, "t": {"wait": "5s"},
        "ask": {"ask": "Well?", "timeout": "7s", "on_timeout": {"ok": False}},
    }  # fmt: skip
    document = {"podium": 1, "nodes": nodes, "output": ["${a}", "${b}", "${t}", "${ask}"]}
    signals = ((3.0, "go", 1), (9.0, "go", 2))
    report = Interpreter(TOOLS, signals=signals).run(document, {})
    assert report.output == [1, 2, None, {"ok": False}]
    assert report.ended_s == {"run:a": 3, "run:t": 5, "run:ask": 7, "run:b": 9}


def test_what_comes_too_close_together_is_doubted() -> None:
    nodes = {"a": look(1), "b": look(1.2), "first": {"set": "${a? ?? b?}", "join": "any"}}
    assert run(nodes).doubts
    assert run({"a": look(1), "b": look(5, fails=9), "c": look(5.1)}).doubts

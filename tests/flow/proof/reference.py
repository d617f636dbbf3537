"""A reference interpreter of flow documents: docs/flows.md carried out word by word, in virtual time.

It shares nothing with Podium but the expressions. It is slow, keeps nothing, and knows no crash. The
sentences it follows stand beside the code that follows them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from podium.core.durations import seconds
from podium.flow.expression import ExpressionError, Reference, Template
from tests.flow.proof.parts import (
    Call,
    End,
    Error,
    Failed,
    Gate,
    Needs,
    NodeRun,
    Report,
    Scope,
    Skipped,
    Tool,
)
from tests.flow.proof.reading import (
    Data,
    after_of,
    condition,
    head_references,
    join_of,
    kind_of,
    names_within,
    own_references,
    read_at_end,
    references,
    tail_names,
)
from tests.flow.proof.stage import Process, Stage, Wait, Work


class Interpreter:
    """Carries out one run.

    Args:
        tools: Each task by name.
        env: The variables that are set.
        signals: ``(seconds, name, value)`` of each signal that comes.
    """

    def __init__(
        self, tools: Mapping[str, Tool], env: Mapping[str, str] | None = None,
        signals: tuple[tuple[float, str, Any], ...] = (),
    ) -> None:  # fmt: skip
        self.tools = tools
        self.env = env or {}
        self.signals = signals
        self.stage = Stage()
        self.report = Report()
        self._joins: list[tuple[int, list[NodeRun]]] = []
        self._mail: dict[str, list[Any]] = defaultdict(list)
        self._waiting: dict[str, list[object]] = defaultdict(list)
        self._to_undo: dict[str, list[Call]] = defaultdict(list)

    def run(self, document: Data, input: Data, run: str = "run") -> Report:
        """Carry out a document from its start to its end."""
        for at_s, name, value in self.signals:
            self.stage.begin(self._deliver(at_s, name, value))
        process = self.stage.run(self._flow(document, input, run))
        for turn, nodes in self._joins:
            ends = [one.end for one in nodes if one.turn == turn]
            if sum(end is not None and end.status != "cancelled" for end in ends) > 1:
                self.stage.doubts.append("two dependencies of a join end in one turn")
        report = self.report
        report.doubts = self.stage.doubts
        report.status, report.output = "succeeded", process.value
        if isinstance(process.problem, Failed):
            report.status, report.error = "failed", process.problem.error
        elif process.problem:
            raise process.problem
        return report

    def _deliver(self, at_s: float, name: str, value: Any) -> Work:
        yield Wait(due_s=at_s)
        self._mail[name].append(value)

    # flows and bodies -------------------------------------------------------------------

    def _flow(self, document: Data, input: Data, run: str) -> Work:
        # F-07 A field whose type ends in `?` (…), or whose schema has a `default`, may be left out: it
        # is null, or the default.
        types = document.get("input", {})
        defaults = {
            name: kind.get("default") if isinstance(kind, dict) else None
            for name, kind in types.items()
            if isinstance(kind, dict) or (isinstance(kind, str) and kind.endswith("?"))
        }
        # F-09 `env: {REGION: eu}` makes `env.REGION` a text, the value given here where it is not set.
        env = {name: self.env.get(name, usual) for name, usual in document.get("env", {}).items()}
        scope = Scope(None, run, "", {"input": {**defaults, **input}, "env": env})
        try:
            yield from self._body(document, scope)
            value = yield from self._evaluate(document.get("output"), scope)
            # F-28 (…) effects of it that are in flight come to their end unheard: so no run ends before.
            yield from self.stage.wait_for_effects(self.stage.current)
            return value
        except Needs as needs:
            # F-10 An output that refers plainly to a node without a value fails the run with the code
            # `no-output`, and says why the node has none.
            problem = Failed(_error("no-output", needs.node))
        except Failed as failed:
            problem = failed
        except GeneratorExit:
            # A child run that is cancelled with its node undoes what it did, by itself.
            self.report.undone += self._to_undo.pop(run, [])[::-1]
            raise
        yield from self.stage.wait_for_effects(self.stage.current)
        yield from self._undo(run)
        raise problem

    def _body(self, body: Data, scope: Scope) -> Iterator[Wait]:
        """Carry out the nodes of a body: it is over when all of them are settled."""
        scope.output = frozenset(read_at_end(body))
        for name, spec in body.get("nodes", {}).items():
            scope.nodes[name] = NodeRun(name, spec, f"{scope.path}{name}", scope)
        runs = list(scope.nodes.values())
        for run in runs:
            run.process = self.stage.begin(self._node(run))
        yield Wait(lambda: any(run.is_fatal for run in runs) or all(run.end for run in runs))
        fatal = [run for run in runs if run.is_fatal]
        if not fatal:
            return
        # F-29 (…) no more nodes are started, reads in flight are stopped, effects in flight come to
        # their end, compensations run.
        self.stage.decide(f"{fatal[0].path} fails")
        if len(fatal) > 1:
            self.stage.doubts.append("two nodes fail in one turn")
        for run in runs:
            if run.end is None:
                self._stop(run)
        for run in runs:
            if run.process:
                yield from self.stage.wait_for_effects(run.process)
        assert fatal[0].end
        assert fatal[0].end.error
        raise Failed(fatal[0].end.error)

    def _stop(self, run: NodeRun) -> None:
        """F-28 A cancelled node starts no more steps; effects in flight come to their end unheard."""
        assert run.process
        self.stage.stop(run.process, run.scope.run)
        self._settle(run, End("cancelled"))

    def _settle(self, run: NodeRun, end: End) -> None:
        run.end, run.turn = end, self.stage.turn
        self.report.nodes[_place(run)] = end
        self.report.ended_s[_place(run)] = self.stage.now_s

    # when a node starts -------------------------------------------------------------------

    def _node(self, run: NodeRun) -> Work:
        try:
            yield from self._until_it_starts(run)
            run.is_started = True
            self.report.started_s[_place(run)] = self.stage.now_s
            value = yield from self._with_policies(run)
            # F-75 `answered_by` is the task that gave the value.
            end = End("ok", value, answered_by=run.spec.get("call"))
        except Skipped as skipped:
            end = End("skipped", reason=skipped.reason)
        except Needs as needs:
            end = End("skipped", reason=f"needs {needs.node}")
        except Failed as failed:
            # F-30 With `on_error: continue` the node is `failed`, has no value, and the flow goes on.
            end = End("failed", error=failed.error)
        self._settle(run, end)

    def _until_it_starts(self, run: NodeRun) -> Iterator[Wait]:
        spec, scope, own = run.spec, run.scope, own_references(run.spec)
        # F-14 A node needs the nodes that its expressions refer to, and those in `after`; they are its
        # dependencies.
        named = [one.node for one in sorted(own, key=lambda one: one.column)]
        named += [*sorted(tail_names(spec)), *after_of(spec)]
        nodes = [found for name in named if (found := scope.find(name))]
        handled = [one for one in scope.nodes.values() if one.spec.get("on_error") == run.id]
        gate = Gate(join_of(spec), list(dict.fromkeys(nodes)), handled)
        yield Wait(lambda: gate.is_needless or (gate.is_called_for and gate.is_decided))
        if gate.is_needless:
            raise Skipped("not needed")
        if gate.join.needed is not None:
            if not gate.is_joined:
                raise Skipped("join")
            self.stage.decide(f"{run.path} joins")
            self._joins.append((self.stage.turn, gate.nodes))
            if gate.join.cancels_rest:
                for one in gate.nodes:
                    self._cancel(one, run)
        # F-19 `after` adds order where no value flows: a plain one skips its reader like a plain
        # reference, a marked one does not. (For `any` and numbers, those that end well are counted.)
        # F-24 `join: settled` (…) takes each of `after` as marked.
        if gate.join.needed is None and not gate.join.takes_any_end:
            for name, is_plain in after_of(spec).items():
                found = scope.find(name)
                if is_plain and found and not found.is_ok:
                    raise Skipped(f"needs {name}")
        # F-21 `when` is evaluated once the dependencies are there, before the arguments; if it is
        # false, the node is skipped, and its arguments are not evaluated.
        if "when" in spec and not self._holds(spec["when"], scope):
            raise Skipped("when")
        # F-16 A plain reference (`order`) needs a value: if that node settles as anything but `ok`, its
        # reader is skipped.
        _require(head_references(spec), scope)

    def _cancel(self, run: NodeRun, decider: NodeRun) -> None:
        # F-27 When `any` or a number decides, the dependencies that are not settled are cancelled, unless
        # somebody else may still read them: another reader that has not started, or has bodies and is
        # not settled, or the body's output.
        if run.end or run.id in run.scope.output:
            return
        siblings = run.scope.nodes.values()
        readers = [one for one in siblings if run.id in names_within(one.spec)]
        if any(one is not decider and one.may_read for one in readers):
            return
        may_read = run.may_read
        self._stop(run)
        # F-27 (…) A cancelled dependency takes along those that it alone was waiting for.
        for one in run.scope.nodes.values():
            if may_read and one.id in names_within(run.spec):
                self._cancel(one, decider)

    # policies -----------------------------------------------------------------------------

    def _with_policies(self, run: NodeRun) -> Work:
        kind = kind_of(run.spec)
        if kind == "call":
            return (yield from self._call(run))
        if kind == "ask":
            return (yield from self._ask(run))
        # F-34 On any other kind `retry` begins the whole node anew, in a scope of its own (`order#2`)
        retry, timeout = _retry(run.spec), run.spec.get("timeout")
        for attempt in range(1, retry.attempts + 1):
            path = run.path if attempt == 1 else f"{run.path}#{attempt}"
            process = self.stage.begin(self._kinds[kind](self, run, path))
            due_s = None if timeout is None else self.stage.now_s + seconds(timeout, what="timeout")
            yield Wait(partial(_is_over, process), due_s)
            problem = process.problem
            if not process.is_over:
                # F-35 A node that exceeds its time fails with the code `timeout`.
                self.stage.decide(f"{path} exceeds its time")
                self.stage.stop(process, run.scope.run)
                yield from self.stage.wait_for_effects(process)
                problem = Failed(_error("timeout", path))
            if problem is None:
                return process.value
            if not isinstance(problem, Failed) or attempt == retry.attempts:
                raise problem
            yield Wait(due_s=self.stage.now_s + retry.wait_s(attempt))
        raise AssertionError

    def _call(self, run: NodeRun) -> Work:
        # F-40 Its step is named by its place.
        scope, spec = run.scope, run.spec
        args = self._compute(spec.get("args", {}), scope)
        tool, retry = self.tools[spec["call"]], _retry(spec)
        is_effect = tool.is_effect or spec.get("effect") in {"write", "once"}
        timeout = spec.get("timeout")
        limit_s = float("inf") if timeout is None else seconds(timeout, what="timeout")
        for attempt in range(1, retry.attempts + 1):
            call = Call(scope.run, run.path, spec["call"], args, attempt, self.stage.now_s)
            self.report.calls.append(call)
            if attempt == 1 and "compensate" in spec:
                self._to_undo[scope.run].append(self._undoing(spec["compensate"], call))
            behaviour = tool.behave(args, attempt)
            lasts_s = min(behaviour.duration_s, limit_s)
            flight = self.stage.fly(scope.run, run.path, lasts_s, is_effect=is_effect)
            yield Wait(due_s=flight.ends_s)
            if limit_s < float("inf"):
                self.stage.decide(f"{run.path} may exceed its time")
            error = behaviour.error
            if behaviour.duration_s > limit_s:
                error = ("", "timeout", "")
            if error is None:
                return behaviour.value
            if attempt == retry.attempts:
                kind, code, message = error
                raise Failed(_error(code, run.path, message, kind))
            yield Wait(due_s=self.stage.now_s + retry.wait_s(attempt))
        raise AssertionError

    def _undoing(self, given: Any, call: Call) -> Call:
        # F-37 `compensate: release` calls that task with the arguments of the node by name (…) as far
        # as it has such parameters; with `{call: release, args: …}` it is given these
        if isinstance(given, str):
            return call._replace(task=given)
        return call._replace(task=given["call"], args=given.get("args", call.args))

    def _undo(self, run: str) -> Iterator[Wait]:
        # F-38 Compensations run in the reverse order of the starts of their nodes.
        calls = self._to_undo.pop(run, [])[::-1]
        self.report.undone += calls
        for call in calls:
            yield Wait(
                due_s=self.stage.now_s + self.tools[call.task].behave(call.args, 1).duration_s
            )

    # the kinds ----------------------------------------------------------------------------

    def _sub_flow(self, run: NodeRun, path: str) -> Work:
        # F-41 A flow in a file or in place, and a registered workflow alike, become a child run of the
        # same family; its failure is the node's.
        args = self._compute(run.spec.get("args", {}), run.scope)
        return (yield from self._flow(run.spec["flow"], args, f"{run.scope.run}:{path}"))

    def _switch(self, run: NodeRun, path: str) -> Work:
        # F-43 Conditions are evaluated in their order (…); the first that holds is taken.
        for case in run.spec["switch"]:
            if "else" in case or self._holds(case["when"], run.scope):
                # F-45 A case whose output refers plainly to a node without a value leaves the switch
                # skipped, with the reason `needs` and that node. A case without an output gives null.
                scope = run.scope.inner(f"{path}/")
                yield from self._body(case, scope)
                return (yield from self._evaluate(case.get("output"), scope))
        # F-44 Where none holds and there is no `else`, the switch is skipped with the reason `no case`.
        raise Skipped("no case")

    def _for_each(self, run: NodeRun, path: str) -> Work:
        spec = run.spec
        items = self._compute(spec["for_each"], run.scope)
        if not isinstance(items, list):
            raise Failed(_error("not-a-list", path))
        bodies = [self._item(spec, run.scope, path, at, item) for at, item in enumerate(items)]
        begun: list[Process] = []
        while bodies or any(not one.is_over for one in begun):
            # F-47 `concurrency` bodies are under way at once, 100 unless given; the next starts when
            # one is over.
            room = spec.get("concurrency", 100) - sum(not one.is_over for one in begun)
            begun += [self.stage.begin(body) for body in bodies[:room]]
            bodies = bodies[max(0, room) :]
            under_way = [one for one in begun if not one.is_over]
            yield Wait(partial(_is_any_over, under_way))
            failed = [one for one in begun if isinstance(one.problem, Failed)]
            if failed and not spec.get("partial"):
                # F-50 When a body fails, no more are started, reads in flight are stopped, effects in
                # flight come to their end, then the node fails.
                self.stage.decide(f"an item of {path} fails")
                for one in begun:
                    self.stage.stop(one, run.scope.run)
                for one in begun:
                    yield from self.stage.wait_for_effects(one)
                assert failed[0].problem
                raise failed[0].problem
        # F-49 Results stand in the order of the items. F-52 An empty list gives an empty list.
        return [self._result(one, is_partial=bool(spec.get("partial"))) for one in begun]

    def _item(self, spec: Data, outer: Scope, path: str, index: int, item: Any) -> Work:
        # F-46 The item is called what `as` says, else `item`; its number, from 0, is `loop.index`.
        name = {spec.get("as", "item"): item, "loop": {"index": index}}
        scope = outer.inner("", **name)
        # F-48 Bodies are named by their number, or by `key`
        key = self._compute(spec["key"], scope) if "key" in spec else index
        scope.path = f"{path}[{key}]/"
        yield from self._body(spec, scope)
        return (yield from self._evaluate(spec.get("output"), scope))

    def _result(self, body: Process, *, is_partial: bool) -> Any:
        # F-49 A body whose output refers plainly to a node without a value gives null.
        if not is_partial:
            return body.value
        # F-51 each result is `{status, value, error}`, with the status `ok`, `failed` or `skipped`.
        if isinstance(body.problem, Failed):
            return {"status": "failed", "value": None, "error": body.problem.error}
        if isinstance(body.problem, Needs):
            return {"status": "skipped", "value": None, "error": None}
        return {"status": "ok", "value": body.value, "error": None}

    def _loop(self, run: NodeRun, path: str) -> Work:
        spec, is_until = run.spec, "until" in run.spec
        # F-54 `loop.pass` counts from 1. `loop.state` is `state` in the first pass, and `next` of the
        # pass before in all others.
        state, number = self._compute(spec.get("state"), run.scope), 0
        scope = run.scope.inner("", loop={"pass": 1, "state": state})
        while True:
            # F-53 `while` is evaluated before each pass and sees the state
            if not is_until:
                before = run.scope.inner("", loop={"pass": number + 1, "state": state})
                if not (yield from self._ask_condition(spec["while"], before)):
                    break
            # F-55 A loop that would need another pass fails with the code `max-passes`.
            if number >= spec["max"]:
                raise Failed(_error("max-passes", path))
            # F-56 `every` waits between two passes
            if number and "every" in spec:
                yield Wait(due_s=self.stage.now_s + seconds(spec["every"], what="every"))
            number += 1
            scope = run.scope.inner(f"{path}[{number}]/", loop={"pass": number, "state": state})
            yield from self._body(spec, scope)
            # F-53 `until` after each pass and sees its nodes too.
            if is_until and (yield from self._ask_condition(spec["until"], scope)):
                break
            if "next" in spec and not (is_until and number >= spec["max"]):
                state = yield from self._evaluate_or_fail(spec["next"], scope)
        # F-57 `output` is evaluated after the last pass, among its nodes; `loop.state` is then the state
        # that the condition saw. Where a `while` never ran, its nodes are without a value. If the output
        # refers plainly to such a node, the loop is skipped.
        scope.names = {**scope.names, "loop": {"pass": number, "state": state}}
        if not number:
            none = {name: NodeRun(name, {}, "", scope, End("skipped")) for name in spec["nodes"]}
            scope.nodes = none
        return (yield from self._evaluate(spec.get("output"), scope))

    def _ask_condition(self, text: str, scope: Scope) -> Work:
        answer = yield from self._evaluate_or_fail(f"${{{text}}}", scope)
        return _bool(answer)

    def _evaluate_or_fail(self, template: Any, scope: Scope) -> Work:
        try:
            return (yield from self._evaluate(template, scope))
        except Needs as needs:
            # F-58 A condition or `next` that refers plainly to a node without a value fails the loop
            # with the code `no-value`.
            raise Failed(_error("no-value", needs.node)) from None

    def _wait(self, run: NodeRun, path: str) -> Work:
        # F-59 `wait: 10m` waits for that long, (…) `wait: {signal: paid}` for the next signal of that
        # name, first in, first out.
        given = run.spec["wait"]
        if isinstance(given, str):
            duration = self._compute(given, run.scope)
            yield Wait(due_s=self.stage.now_s + seconds(duration, what="wait"))
            return None
        line, mail, ticket = self._waiting[given["signal"]], self._mail[given["signal"]], object()
        line.append(ticket)
        try:
            yield Wait(lambda: line[0] is ticket and bool(mail))
            return mail.pop(0)
        finally:
            line.remove(ticket)

    def _ask(self, run: NodeRun) -> Work:
        # F-63 After `timeout` the node's value is `on_timeout`; without one it fails with the code
        # `timeout`. (Here people are silent.)
        self._compute(run.spec["ask"], run.scope)
        yield Wait(due_s=self.stage.now_s + seconds(run.spec["timeout"], what="timeout"))
        if "on_timeout" not in run.spec:
            raise Failed(_error("timeout", run.path))
        return self._compute(run.spec["on_timeout"], run.scope)

    def _set(self, run: NodeRun, path: str) -> Work:
        # F-64 `set` computes its value when what it refers to is there
        yield Wait(lambda: True)
        return self._compute(run.spec["set"], run.scope)

    def _fail(self, run: NodeRun, path: str) -> Work:
        # F-65 (…) fails the node with that message, and the code `failed` unless given.
        given = run.spec["fail"]
        given = given if isinstance(given, dict) else {"message": given}
        message = self._compute(given["message"], run.scope)
        yield Wait(lambda: True)
        raise Failed(_error(given.get("code", "failed"), path, message))

    _kinds: Mapping[str, Callable[[Interpreter, NodeRun, str], Work]] = {
        "flow": _sub_flow, "switch": _switch, "for_each": _for_each, "while": _loop, "until": _loop,
        "wait": _wait, "set": _set, "fail": _fail,
    }  # fmt: skip

    # expressions --------------------------------------------------------------------------

    def _evaluate(self, template: Any, scope: Scope) -> Work:
        """Evaluate what belongs to a body: it waits for what it refers to, and needs plain values."""
        found = references(template)
        nodes = [node for one in found if (node := scope.find(one.node))]
        yield Wait(lambda: all(node.end for node in nodes))
        _require(found, scope)
        return self._compute(template, scope)

    def _compute(self, template: Any, scope: Scope) -> Any:
        # F-11 An expression that has no result where it is evaluated fails its node, with the code of
        # the error and its place.
        try:
            return Template.parse(template).evaluate(scope.visible())
        except ExpressionError as error:
            raise Failed(_error(error.code, scope.path, error.message)) from None

    def _holds(self, text: str, scope: Scope) -> bool:
        _require(condition(text).references, scope)
        try:
            return _bool(condition(text).evaluate(scope.visible()))
        except ExpressionError as error:
            raise Failed(_error(error.code, scope.path, error.message)) from None


class _Retry(NamedTuple):
    attempts: int
    backoff_s: float
    factor: float
    backoff_max_s: float

    def wait_s(self, attempt: int) -> float:
        return min(self.backoff_max_s, self.backoff_s * self.factor ** (attempt - 1))


def _retry(spec: Data) -> _Retry:
    given = spec.get("retry", 1)
    given = {"attempts": given} if isinstance(given, int) else given
    assert given.get("jitter") == 0 or given["attempts"] == 1, "chance is not for the reference"
    backoff_s = seconds(given.get("backoff", "100ms"), what="backoff")
    most_s = seconds(given.get("backoff_max", "60s"), what="backoff_max")
    return _Retry(given["attempts"], backoff_s, given.get("factor", 2.0), most_s)


def _require(found: frozenset[Reference], scope: Scope) -> None:
    # F-17 A marked reference (`order?`) takes the value, or null where there is none; it never skips its
    # reader. F-18 `outcome.order` (…) never skips its reader.
    for one in sorted(found, key=lambda one: (one.column, one.root)):
        node = scope.find(one.node)
        if node and not (one.is_optional or one.is_outcome or node.is_ok):
            raise Needs(one.node)


def _is_over(process: Process) -> bool:
    return process.is_over


def _is_any_over(processes: list[Process]) -> bool:
    return not processes or any(one.is_over for one in processes)


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Failed(_error("no-overload", "", f"a condition is a bool, not {value!r}"))
    return value


def _error(code: str, path: str, message: str = "", kind: str = "") -> Error:
    return {"type": kind, "code": code, "message": message, "path": path}


def _place(run: NodeRun) -> str:
    return f"{run.scope.run}:{run.path}"

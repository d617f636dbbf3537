"""Verifying the value of a node: gates, and rounds that follow a refusal.

Conditions and schemas are asked here. All other gates are asked by a child run of the workflow
``podium.verify``, once those asked here have let the value pass.
"""

from __future__ import annotations

import asyncio

from collections.abc import Awaitable, Callable, Mapping
from itertools import islice
from typing import Any, Final

import msgspec

from podium.core.codec import encode_sorted, plain
from podium.core.errors import StepFailed
from podium.core.scope import Scope
from podium.core.validation import Validator
from podium.flow.expression import Expression, Template
from podium.flow.gates import ROLE, WORKFLOW, Gate, OnRefusal, Verify, role_of
from podium.flow.interpret.bodies import BodyRun
from podium.flow.interpret.states import Frame, NodeFailed, NodeRun, Status, error_value
from podium.flow.model import SubFlow

CODE: Final = "refused-by-gate"
SAME_AGAIN: Final = "same-again"
DECISIONS: Final = ("accept", "revise", "replace", "fail")
_FINDINGS_MAX: Final = 20
_VALUE_CHARS_MAX: Final = 2_000
_OWN_FAULTS: Final = frozenset({"budget", "too-large", "too-deep"})
_PROGRAM: Final = SubFlow(WORKFLOW, None, Template.parse({}))
_STOPS: Final = frozenset({"budget-exceeded", "budget-cheaper", "price-unknown"})
"""Codes of failures that are no gate's."""
Verdict = dict[str, Any]
"""A verdict as JSON: ``ok``, ``gate``, ``reason``, ``score``, ``findings`` and so on."""
Make = Callable[[NodeRun, Mapping[str, Any]], Awaitable[Any]]
"""Carries out the node's work once, at the path of a run of it, with what it computed as it started."""


class Verifying:
    """The value of one node, until it passes or nothing is left to try.

    Args:
        body: The body it stands in.
        run: The node.
        verify: What the document says.
        ask: Starts a child run of ``podium.verify`` at a path.
    """

    def __init__(
        self, body: BodyRun, run: NodeRun, verify: Verify,
        ask: Callable[[str, SubFlow, Mapping[str, Any]], asyncio.Future[Any]],
    ) -> None:  # fmt: skip
        self._body = body
        self._run = run
        self._verify = verify
        self._ask = ask
        self._refused: list[tuple[Any, Verdict]] = []
        self._number = 0

    async def value(self, make: Make, heads: Mapping[str, Any]) -> Any:
        """Return a value that passes.

        Raises:
            StepFailed: The work failed, or no value passes (``refused-by-gate``).
        """
        value, verdict = await self._round(make, heads, "", "")
        if verdict["ok"]:
            return value
        for policy in self._verify.on_refusal:
            if verdict["is_broken"] and policy.kind != "ask":
                continue  # another value does not mend a gate
            value, verdict = await self._policy(policy, make, heads)
            if verdict["ok"]:
                return value
            if verdict["gate"] == "person":
                break
        rounds = "1 round" if self._number == 1 else f"{self._number} rounds"
        how = "could not be judged" if verdict["is_broken"] else "was refused"
        text = f"after {rounds} the value {how}: {said(verdict)}"
        details = {"verdicts": [one for _, one in self._refused]}
        raise NodeFailed(self._run.path, CODE, text, details=details)

    # rounds -----------------------------------------------------------------------------

    async def _round(
        self, make: Make, heads: Mapping[str, Any], argument: str, told: str
    ) -> tuple[Any, Verdict]:
        """Carry out the work once more, and judge what it gives."""
        self._number += 1
        whole = self._run
        path = whole.path if self._number == 1 else f"{whole.path}/round[{self._number}]"
        run = NodeRun(whole.body, whole.plan, path)  # what it gives is undone by itself
        if argument:
            heads = {**heads, "args": {**heads["args"], argument: told}}
        run.status = Status.RUNNING
        try:
            value = run.value = await make(run, heads)
        except StepFailed:
            run.status = Status.FAILED
            raise
        run.status = Status.OK
        whole.answer, whole.inner, whole.done, whole.total = (
            run.answer,
            run.inner,
            run.done,
            run.total,
        )
        verdict = self._same_again(value) or await self._judged(run, value)
        if not verdict["ok"]:
            self._refused.append((value, verdict))
        self._run.verdict = verdict
        return value, verdict

    def _same_again(self, value: Any) -> Verdict | None:
        own = encode_sorted(value)
        for number, (other, verdict) in enumerate(self._refused, 1):
            if not verdict["is_broken"] and encode_sorted(other) == own:
                text = f"this is what round {number} proposed, and it was refused then."
                return refusal(SAME_AGAIN, [finding(SAME_AGAIN, text), *verdict["findings"]], text)
        return None

    async def _policy(
        self, policy: OnRefusal, make: Make, heads: Mapping[str, Any]
    ) -> tuple[Any, Verdict]:
        if policy.kind == "ask":
            return await self._person(policy, make, heads)
        value, verdict = self._refused[-1]
        repeats = 0
        for told in policy.models or ("",):
            for _ in range(policy.rounds):
                value, verdict = await self._round(
                    make, heads, policy.argument, told or self._told()
                )
                if verdict["ok"] or verdict["is_broken"]:
                    return value, verdict
                repeats = repeats + 1 if verdict["gate"] == SAME_AGAIN else 0
                if repeats == 2:
                    return value, verdict
        return value, verdict

    def _told(self, advice: str = "") -> str:
        """Say what was proposed and why it was refused."""
        lines = ["What was proposed before was refused. Do not propose any of it again."]
        for number, (value, verdict) in enumerate(self._refused, 1):
            shown = msgspec.json.encode(value).decode()
            if len(shown) > _VALUE_CHARS_MAX:
                shown = f"{shown[:_VALUE_CHARS_MAX]}… ({len(shown):,} characters)"
            lines.append(f"Round {number} proposed: {shown}")
            lines += [f"- refused: {line}" for line in complaints(verdict)]
        if advice:
            lines.append(f"A person says: {advice}")
        return "\n".join(lines)

    # a person ---------------------------------------------------------------------------

    async def _person(
        self, policy: OnRefusal, make: Make, heads: Mapping[str, Any]
    ) -> tuple[Any, Verdict]:
        """Ask a person what becomes of the value, and do that."""
        value, verdict = self._refused[-1]
        for number in range(1, policy.rounds + 1):
            answer = await self._decision(policy, value, verdict, number)
            why = str(answer.get("why", ""))
            if answer["decision"] in ("accept", "replace"):
                value = value if answer["decision"] == "accept" else answer["value"]
                self._run.verdict = passed("person", why)
                return value, self._run.verdict
            if answer["decision"] == "fail":
                return value, refusal("person", [finding("person", why or "a person says no")])
            value, verdict = await self._round(make, heads, policy.argument, self._told(why))
            if verdict["ok"]:
                break
        return value, verdict

    async def _decision(
        self, policy: OnRefusal, value: Any, verdict: Verdict, number: int
    ) -> dict[str, Any]:
        """Ask until an answer fits."""
        context = self._body.flow.context
        scope = Scope(f"{self._run.path}/refused[{number}]" if number > 1 else f"{self._run.path}/refused")  # fmt: skip
        schema = _form(with_revision=bool(policy.argument))
        accepts = Validator(schema)
        form: dict[str, Any] = {
            "question": f"The value of {self._run.plan.id!r} was refused. What now?",
            "value": value, "refused": complaints(verdict), "fields": schema,
        }  # fmt: skip
        while True:
            answer = await context.ask(scope.name("ask"), form, policy.to, policy.timeout_s)
            faults = [one.text("the answer") for one in islice(accepts.faults(answer), 5)]
            if not faults:
                found: dict[str, Any] = answer
                return found
            form["problem"] = f"The answer has {'; '.join(faults)}"

    # gates ------------------------------------------------------------------------------

    async def _judged(self, run: NodeRun, value: Any) -> Verdict:
        """Ask the gates: first those asked here, then, if they let it pass, the others."""
        frame = Frame({run.plan.id: value}, {}, self._body.frame)
        own = [_own(frame, run, one, value) for one in self._verify.gates if one.is_own]
        others = [one for one in self._verify.gates if not one.is_own]
        if not others or not all(one["ok"] for one in own):
            return _whole(own, len(self._verify.gates))
        try:
            verdict = await self._asked(frame, run, value, others)
        except StepFailed as error:
            failure = error_value(error)
            if failure["code"] in _STOPS:
                raise
            verdict = broken(WORKFLOW, f"{failure['code']}: {failure['message']}")
        return _whole([*own, verdict], len(own) + 1)

    async def _asked(self, frame: Frame, run: NodeRun, value: Any, gates: list[Gate]) -> Verdict:
        about = {} if self._verify.about is None else frame.evaluate(run.plan.reads[f"{ROLE} about"], run.path)  # fmt: skip
        given = {"value": value, "gates": [_data(frame, run, one, value) for one in gates], "about": about}  # fmt: skip
        found: Verdict = plain(await self._ask(f"{run.path}/verify", _PROGRAM, given))
        return found


def _own(frame: Frame, run: NodeRun, gate: Gate, value: Any) -> Verdict:
    """Ask a gate that is asked here."""
    if gate.schema is not None:
        accepts = Validator(gate.schema)
        faults = [
            finding("misfit", one.message, _path(one.path))
            for one in islice(accepts.faults(value), _FINDINGS_MAX)
        ]
        return refusal(gate.name, faults) if faults else passed(gate.name)
    assert isinstance(gate.condition, Expression)
    source = gate.condition.source
    try:
        holds = frame.evaluate(run.plan.reads[role_of(gate)], run.path)
    except NodeFailed as problem:
        if problem.code in _OWN_FAULTS:
            return _as_told(gate, broken(gate.name, f"{source!r} has no result: {problem.message}"))
        return refusal(gate.name, [finding(problem.code, f"{source!r}: {problem.message}")])
    if not isinstance(holds, bool):
        text = f"{source!r} is {holds!r:.80}; expected true or false"
        return _as_told(gate, broken(gate.name, text))
    return passed(gate.name) if holds else refusal(gate.name, [finding("condition", f"{source!r} is false.")])  # fmt: skip


def _as_told(gate: Gate, verdict: Verdict) -> Verdict:
    return {**verdict, "ok": True} if gate.if_broken == "pass" else verdict


def _data(frame: Frame, run: NodeRun, gate: Gate, value: Any) -> dict[str, Any]:
    """Return a gate as the workflow ``podium.verify`` takes it: without expressions."""
    data: dict[str, Any] = {"kind": gate.kind, "name": gate.name, "if_broken": gate.if_broken}
    if gate.is_own:
        return {**data, "kind": "verdict", "given": _own(frame, run, gate, value)}
    if gate.given is not None:
        data["given"] = frame.evaluate(run.plan.reads[role_of(gate)], run.path)
    inner = [_data(frame, run, one, value) for one in gate.gates]
    return {**data, "options": dict(gate.options), "gates": inner}


# verdicts ---------------------------------------------------------------------------------


def finding(code: str, message: str, at: str = "") -> dict[str, str]:
    """Return one thing that is wrong."""
    return {"code": code, "message": message, "at": at, "hint": ""}


def _verdict(gate: str, *, ok: bool, reason: str = "", **more: Any) -> Verdict:
    return {
        "ok": ok, "gate": gate, "reason": reason, "score": None, "findings": [], "disagreement": 0.0,
        "is_broken": False, "cost": {"calls": 0, "tokens": 0, "usd": 0.0}, "parts": [], **more,
    }  # fmt: skip


def passed(gate: str, reason: str = "") -> Verdict:
    """Return a verdict that lets a value pass."""
    return _verdict(gate, ok=True, reason=reason)


def refusal(gate: str, findings: list[Any], reason: str = "") -> Verdict:
    """Return a verdict that refuses a value."""
    said_of = reason or "; ".join(_line(one) for one in findings[:5])
    return _verdict(gate, ok=False, reason=said_of, findings=findings)


def broken(gate: str, message: str) -> Verdict:
    """Return the verdict of a gate that could not judge."""
    return _verdict(
        gate, ok=False, reason=message, is_broken=True, findings=[finding("gate-broken", message)]
    )


def said(verdict: Verdict) -> str:
    """Say a verdict in one line."""
    word = "broken" if verdict["is_broken"] else "passed" if verdict["ok"] else "refused"
    return f"{verdict['gate']}: {word}: {verdict['reason']}".removesuffix(": ")


def complaints(verdict: Verdict) -> list[str]:
    """Return all that is wrong, a line for each."""
    own = [_line(one) for one in verdict["findings"]]
    if own:
        return own
    inner = [line for part in verdict["parts"] if not part["ok"] for line in complaints(part)]
    return inner or [verdict["reason"]]


def _whole(verdicts: list[Verdict], count: int) -> Verdict:
    """Return one verdict for all; gates that were not asked give no points."""
    if len(verdicts) == 1 and count == 1:
        return verdicts[0]
    wrong = [one for one in verdicts if not one["ok"]]
    points = sum(float(one["ok"]) if one["score"] is None else one["score"] for one in verdicts)
    return _verdict(
        "all", ok=not wrong, reason="; ".join(said(one) for one in wrong), score=points / count,
        disagreement=max(one["disagreement"] for one in verdicts),
        is_broken=bool(wrong) and all(one["is_broken"] for one in wrong), parts=verdicts,
        cost=verdicts[-1]["cost"],
    )  # fmt: skip


def _line(one: Mapping[str, str]) -> str:
    text = f"{one['at']}: {one['message']}" if one["at"] else one["message"]
    return f"{text} {one['hint']}" if one["hint"] else text


def _path(path: tuple[str | int, ...]) -> str:
    text = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in path)
    return text.removeprefix(".")


def _form(*, with_revision: bool) -> dict[str, Any]:
    """Return the JSON Schema of what a person decides."""
    allowed = [one for one in DECISIONS if with_revision or one != "revise"]
    return {
        "type": "object",
        "properties": {"decision": {"enum": allowed}, "value": {}, "why": {"type": "string"}},
        "required": ["decision"],
        "additionalProperties": False,
        "if": {"properties": {"decision": {"const": "replace"}}},
        "then": {"required": ["value"]},
    }

"""A person's approval of one call, bound to its exact arguments."""

from __future__ import annotations

import hashlib

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, NamedTuple

import msgspec

from podium.core.codec import Binder, encode_sorted
from podium.core.context import Context
from podium.core.effects import Effect
from podium.core.errors import PodiumError, StepTimedOut
from podium.core.spec import TaskOptions, TaskSpec
from podium.tools.labels import Labels
from podium.tools.policy import Approver, Judgement, ToolPolicy, judge
from podium.tools.reply import ToolError
from podium.tools.spec import ToolSpec

ANSWERS_MAX: Final = 5
"""After so many answers that answer something else, the call is refused."""
_REASON_CHARS_MAX: Final = 1000


class ToolRefused(PodiumError):
    """A policy does not let a tool be called by name with these arguments; nothing ran."""

    code = "tool-refused"


class ApprovalRefused(ToolRefused):
    """A person has refused a call; nothing ran."""

    code = "approval-refused"


class ApprovalTimedOut(ToolRefused):
    """Nobody has approved a call in time; nothing ran."""

    code = "approval-timeout"


class ApprovalNeeded(ToolRefused):
    """A call needs approval, and outside of a workflow nobody can be asked; nothing ran."""

    code = "approval-needed"


REFUSALS: Final[Mapping[str, type[ToolRefused]]] = {
    one.code: one for one in (ToolRefused, ApprovalRefused, ApprovalTimedOut, ApprovalNeeded)
}


class Case(NamedTuple):
    """A call that is judged.

    Attributes:
        spec: The tool.
        arguments: By name, as JSON, mended.
        labels: Of what the call rests on.
        policies: What applies.
    """

    spec: ToolSpec
    arguments: dict[str, Any]
    labels: Labels
    policies: tuple[ToolPolicy, ...]

    @property
    def fingerprint(self) -> str:
        """What an approval names: a hash of the tool and its exact arguments."""
        told = encode_sorted([self.spec.name, self.arguments])
        return hashlib.blake2b(told, digest_size=12).hexdigest()

    def judged(self) -> Judgement:
        """Decide it."""
        return judge(self.spec, self.arguments, self.labels, self.policies)


class Ruling(msgspec.Struct, frozen=True):
    """What is recorded of a call that was judged: the question and what came of it."""

    fingerprint: str
    labels: Labels
    judgement: Judgement


async def _ruling(tool: str, fingerprint: str, labels: Labels, judgement: Judgement) -> Ruling:  # noqa: ARG001 - for those who read the record
    """Say what was decided."""
    return Ruling(fingerprint, labels, judgement)


class _ByQuestion(Binder):
    """Takes a ruling for the same if its question is: the policy may have changed since."""

    def fingerprinted(self, bound: dict[str, Any]) -> dict[str, Any]:
        return {name: one for name, one in bound.items() if name != "judgement"}


_RULING: Final = TaskSpec(
    _ruling, "podium.ruling", TaskOptions(effect=Effect.PURE, is_declared=True)
)
_RULING.binder = _ByQuestion(_ruling, _RULING.name)


async def refusal_of(context: Context | None, case: Case, path: str) -> ToolError | None:
    """Judge a call, and ask who must approve it; return why it is not made, None where it is.

    What is decided is recorded with the labels it rests on. A record that is about other arguments or
    labels than these does not count.

    Args:
        context: Of the run; None outside of one.
        case: The call.
        path: Its place in the run.
    """
    judgement = case.judged()
    if context is not None and (case.labels or judgement.verdict != "allow"):
        question = {"fingerprint": case.fingerprint, "labels": case.labels}
        asked = {"tool": case.spec.name, **question, "judgement": judgement}
        recorded: Ruling = await context.step(f"{path}/ruling", _RULING, asked)
        if {"fingerprint": recorded.fingerprint, "labels": recorded.labels} == question:
            judgement = recorded.judgement
    if judgement.verdict == "allow":
        return None
    if judgement.verdict == "refuse":
        return _error(ToolRefused, f"{judgement.text}.")
    if context is None:
        why = f"{judgement.text}; outside of a workflow nobody can be asked for approval."
        return _error(ApprovalNeeded, why)
    for number, approver in enumerate(judgement.approvers):
        place = f"{path}/approval" if not number else f"{path}/approval[{number + 1}]"
        error = await _ask(context, case, judgement, approver, place)
        if error is not None:
            return error
    return None


async def _ask(
    context: Context, case: Case, judgement: Judgement, approver: Approver, path: str
) -> ToolError | None:
    limit_s = approver.timeout_s
    deadline = None if limit_s is None else context.now() + timedelta(seconds=limit_s)
    form = _form(case, judgement)
    for number in range(1, ANSWERS_MAX + 1):
        place = path if number == 1 else f"{path}#{number}"
        left_s = None if deadline is None else max(0.0, (deadline - context.now()).total_seconds())
        try:
            answer = await context.ask(place, form, approver.to, left_s)
        except StepTimedOut:
            why = f"{approver.to} did not answer in {limit_s:g} s; asked since {judgement.text}."
            return _error(ApprovalTimedOut, why)
        read = _read(answer, case.fingerprint)
        if read.is_answer:
            return read.error
        form = {**_form(case, judgement), "problem": read.problem}
    return _error(ApprovalRefused, f"{ANSWERS_MAX} answers did not answer what was asked.")


class _Read(NamedTuple):
    """How an answer is to be taken: it approves, it refuses (with an error), or it is none."""

    is_answer: bool
    error: ToolError | None = None
    problem: str = ""


def _read(answer: Any, fingerprint: str) -> _Read:
    if isinstance(answer, dict) and set(answer) == {"approve"}:
        if answer["approve"] == fingerprint:
            return _Read(is_answer=True)
        problem = (
            f"The answer approves {answer['approve']!r:.80}, which is another call; this one is "
            f"{fingerprint!r}. Nothing was called."
        )
        return _Read(is_answer=False, problem=problem)
    if isinstance(answer, dict) and set(answer) == {"refuse"}:
        reason = str(answer["refuse"])[:_REASON_CHARS_MAX].strip()
        why = f"a person has refused the call{f': {reason}' if reason else '.'}"
        return _Read(is_answer=True, error=_error(ApprovalRefused, why))
    problem = (
        f"The answer {answer!r:.80} neither approves nor refuses; expected "
        f'{{"approve": "{fingerprint}"}} or {{"refuse": "why"}}. Nothing was called.'
    )
    return _Read(is_answer=False, problem=problem)


def _form(case: Case, judgement: Judgement) -> dict[str, Any]:
    """Return what the person sees."""
    spec = case.spec
    return {
        "question": f"May {spec.name} be called with exactly these arguments?",
        "tool": spec.name,
        "arguments": case.arguments,
        "does": spec.description,
        "effect": str(spec.effect),
        "because": [one.text for one in judgement.reasons],
        "labels": list(case.labels),
        "fingerprint": case.fingerprint,
        "answer": [{"approve": case.fingerprint}, {"refuse": "why"}],
    }


def _error(kind: type[ToolRefused], text: str) -> ToolError:
    return ToolError(kind.code, kind.__name__, text[:1].upper() + text[1:])

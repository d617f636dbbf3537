"""Calls by name: ``podium.dispatch("shop.order_status", {...})``."""

from __future__ import annotations

import asyncio

from collections.abc import Coroutine, Iterable
from typing import Any, Final, NamedTuple

import msgspec

from podium.core.codec import plain
from podium.core.context import Context, current_attempt, current_context, origin_of
from podium.core.effects import Effect
from podium.core.errors import (
    NEVER_BEGAN,
    InputInvalid,
    NotDone,
    OutcomeUnknown,
    ResultUnusable,
    StepFailed,
    ValueNotPortable,
)
from podium.core.failures import describe_failure
from podium.core.limits import PAYLOAD_BYTES_MAX
from podium.core.scope import current_scope, escape
from podium.core.spec import TaskOptions, TaskSpec, registry
from podium.functions import structure
from podium.functions.calls import Call
from podium.functions.outcomes import Outcome
from podium.functions.primitives import warn
from podium.tools.approval import REFUSALS, Case, refusal_of
from podium.tools.arguments import checked
from podium.tools.labels import OUTSIDE, Labels, labels_given, of_failure, of_value, saw, seen
from podium.tools.policy import ToolPolicy, policies_with
from podium.tools.registry import Names, UnknownTool, get, has_foreign
from podium.tools.repair import Repair, said
from podium.tools.reply import ArgumentsInvalid, ToolError, ToolReply, told
from podium.tools.spec import ToolSpec

_NAME_CHARS_MAX: Final = 100
_WARNINGS_MAX: Final = 20
REPAIRED: Final = "arguments-repaired"
"""Code of the warnings that tell what was mended."""
_SURE: Final = NEVER_BEGAN | {"not-done"}
"""Codes of failures that certainly did nothing."""


async def dispatch(
    name: str, arguments: Any = None, *, among: Names | None = None, raises: bool = False,
    policy: ToolPolicy | None = None, labels: Iterable[str] | None = None,
) -> ToolReply:  # fmt: skip
    """Call a tool by name with arguments that somebody else wrote, such as a model.

    In a workflow the call is a step named by the tool; outside it just runs. Arguments are held
    against the tool's schema. What can only mean one thing is mended, and recorded as a warning;
    anything else comes back as complaints, and nothing has run.
    Then policies decide. A call that cannot be taken back and rests on text from outside waits until a
    person has approved exactly it.

    Args:
        name: Of the tool: ``shop.pay``, ``shop.pay@2``, or the name that models were given.
        arguments: By name, as JSON; the text of a JSON object will do.
        among: Only these tools may be called; all of the process if left out.
        raises: Whether failures are raised instead of told in the reply.
        policy: What may be called, beside the policies around (:func:`podium.tool_policy`).
        labels: Of all that the choice and the arguments rest on, such as the conversation of a model.
            Unless given: of all that calls by name have given this run so far.

    Raises:
        UnknownTool: There is no such tool (with ``raises`` only, like all of these).
        ArgumentsInvalid: The arguments do not fit.
        ToolRefused: A policy or a person does not let it be called.
        StepFailed: The tool failed, in a workflow; outside the tool's own exception.
    """
    context = current_context.get()
    given = _Given(among, policies_with(policy), seen() if labels is None else labels_given(labels))
    asked = _asked(str(name), arguments, given)
    if context is None:
        reply, failure = await _outside(asked)
    else:
        reply, failure = await _inside(context, asked)
    if raises and failure is not None:
        raise failure
    saw(reply.labels)
    return reply


def dispatch_all(
    calls: Iterable[tuple[str, Any]], *, among: Names | None = None, concurrency: int = 100,
    policy: ToolPolicy | None = None, labels: Iterable[str] | None = None,
) -> Coroutine[Any, Any, list[ToolReply]]:  # fmt: skip
    """Call several tools by name at once; the replies are in the order of the calls.

    One that fails, or whose arguments do not fit, does not disturb the others. None of them rests on
    what another one gives.

    Args:
        calls: Names and arguments, as of :func:`dispatch`.
        among: Only these tools may be called; all of the process if left out.
        concurrency: How many calls are in flight at once.
        policy: As of :func:`dispatch`.
        labels: As of :func:`dispatch`.
    """
    allowed = None if among is None else list(among)
    basis = seen() if labels is None else labels_given(labels)

    async def dispatch(call: tuple[str, Any]) -> ToolReply:
        return await _dispatch(call[0], call[1], among=allowed, policy=policy, labels=basis)

    return structure.map(dispatch, list(calls), concurrency=concurrency)


_dispatch = dispatch


class _Given(NamedTuple):
    """What holds for a call: the tools there are, the policies, the labels of what it rests on."""

    among: Names | None
    policies: tuple[ToolPolicy, ...]
    labels: Labels


class _Asked(NamedTuple):
    """What was asked for: a call that can be made, or why there is none."""

    name: str
    label: str
    basis: Labels
    case: Case | None = None
    call: Call[Any] | None = None
    repairs: tuple[Repair, ...] = ()
    error: ToolError | None = None


_Ended = tuple[ToolReply, Exception | None]
"""A reply, and what is raised in its place where that is wanted."""


def _asked(name: str, arguments: Any, given: _Given) -> _Asked:
    among, basis = given.among, given.labels
    try:
        tool = get(name, among=among)
    except UnknownTool as problem:
        error = ToolError(problem.code, "UnknownTool", str(problem))
        short = name[:_NAME_CHARS_MAX]
        return _Asked(short, short or "tool", basis, error=error)
    spec = tool.spec
    if spec.card.foreign or has_foreign(among):
        basis = labels_given((*basis, OUTSIDE))
    found = checked(tool, arguments)
    label = spec.parts.plain
    if found.call is not None:
        case = Case(spec, found.plain or {}, basis, given.policies)
        return _Asked(tool.name, label, basis, case, found.call, found.repairs)
    error = ToolError("arguments-invalid", "ArgumentsInvalid", "", found.complaints)
    error = msgspec.structs.replace(error, message=told(tool.name, error))
    return _Asked(tool.name, label, basis, error=error)


async def _outside(asked: _Asked) -> _Ended:
    """Just run it: outside a workflow, or in the body of a task."""
    call, case = asked.call, asked.case
    if call is None or case is None:
        return _refused(asked, asked.error)
    error = await refusal_of(None, case, "")
    if error is not None:
        return _refused(asked, error)
    if current_attempt.get() is not None:
        for text in _warnings(asked):
            warn(REPAIRED, text)
    spec = case.spec
    try:
        value = await call
        _, value = spec.returns.copy(value, f"the result of {spec.name}", PAYLOAD_BYTES_MAX)
    except Exception as failure:  # noqa: BLE001 - whatever a tool raises is told in the reply
        return _failed(asked, failure), failure
    return _replied(asked, plain(value), spec.name), None


async def _inside(context: Context, asked: _Asked) -> _Ended:
    """Ask for a step.

    That nothing ran is recorded at the place of the step. So a replay by a process whose tools have
    changed says the same, or stops: it never runs in the past what was refused then.
    """
    scope = current_scope.get()
    path = scope.name(escape(asked.label))
    error = asked.error
    if asked.call is not None and asked.case is not None:
        for text in _warnings(asked):
            context.warn(scope.name(f"warn:{REPAIRED}"), REPAIRED, text)
        try:
            error = await refusal_of(context, asked.case, path)
        except BaseException:
            asked.call.close()
            raise
        if error is None:
            has_fallback = bool(asked.case.spec.options.fallback)
            begin = asked.call.begin_outcome if has_fallback else asked.call.begin
            try:
                future: asyncio.Future[Any] = begin(context, None, path)
            except InputInvalid as problem:  # such as an attribute that the run does not have
                error = ToolError(problem.code, type(problem).__name__, str(problem))
            else:
                return await _answered(asked, future, is_outcome=has_fallback)
        else:
            asked.call.close()
    bound = {"tool": asked.name, "error": error}
    recorded = await context.step(path, _REFUSAL, bound)
    return _refused(asked, recorded)


async def _answered(asked: _Asked, future: asyncio.Future[Any], *, is_outcome: bool) -> _Ended:
    """Wait for a step, or for the outcome of one with fallbacks; return what it came to."""
    name = asked.name
    try:
        value = await future
        if not is_outcome:
            origin = origin_of(future)
            by = name if origin is None else origin.by
            return _replied(asked, plain(value), by), None
        outcome: Outcome[Any] = value
        value = plain(outcome.result())
    except StepFailed as failure:
        return _failed(asked, failure), failure
    reply = _replied(asked, value, outcome.answered_by)
    stale = {"is_stale": outcome.is_stale, "warnings": outcome.warnings}
    return msgspec.structs.replace(reply, **stale), None


def _replied(asked: _Asked, value: Any, by: str) -> ToolReply:
    assert asked.case is not None
    labels = of_value(asked.case.spec, value, asked.basis)
    other = registry.tasks.get(by)
    if isinstance(other, ToolSpec) and other.card.outside:  # a fallback
        labels = of_value(other, value, asked.basis)
    return ToolReply(asked.name, True, value, None, asked.repairs, by, labels=labels)


def _failed(asked: _Asked, failure: Exception) -> ToolReply:
    assert asked.case is not None
    labels = of_failure(asked.case.spec, asked.basis)
    return ToolReply(asked.name, False, None, _error_of(failure), asked.repairs, labels=labels)


def _warnings(asked: _Asked) -> list[str]:
    return [f"{asked.name}: {said(one)}" for one in asked.repairs[:_WARNINGS_MAX]]


# what did not work ----------------------------------------------------------------------------


async def _refusal(tool: str, error: ToolError) -> ToolError:  # noqa: ARG001 - for those who read the record
    """Say why nothing ran: what is recorded of a call that was refused."""
    return error


_REFUSAL: Final = TaskSpec(
    _refusal, "podium.refusal", TaskOptions(effect=Effect.PURE, is_declared=True)
)


def _refused(asked: _Asked, error: ToolError | None) -> _Ended:
    """Tell that nothing ran."""
    assert error is not None
    problem: Exception
    refusal = REFUSALS.get(error.code)
    if refusal is not None:
        problem = refusal(error.message)
    elif error.complaints:
        problem = ArgumentsInvalid(error.message, error.complaints)
    elif error.code == UnknownTool.code:
        problem = UnknownTool(error.message)
    else:
        problem = InputInvalid(error.message)
    return ToolReply(asked.name, False, None, error, labels=asked.basis), problem


def _error_of(failure: Exception) -> ToolError:
    """Return what a reply says of a failure."""
    if isinstance(failure, StepFailed):
        told_by = failure.error
        is_own = isinstance(failure, ResultUnusable | OutcomeUnknown)
        code = failure.code if is_own else told_by.code
        kind, message = told_by.type, told_by.message
    else:
        told_by = describe_failure(failure)
        code, kind, message = told_by.code, told_by.type, told_by.message
        if isinstance(failure, ValueNotPortable):
            code = "result-unusable"
        if isinstance(failure, NotDone):  # and no attempt was made before this one
            return ToolError(code, kind, message)
    return ToolError(code, kind, message, (), code not in _SURE)

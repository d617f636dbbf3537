"""A call with fallbacks: what answers, in order, when its task has failed for good.

It is a program over the Context, so each answer is a step or a record of its own, and it is the same
on every backend. A call whose outcome is open is no failure: nothing may stand in for it.
"""

from __future__ import annotations

import asyncio

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from podium.core.codec import decode_any, encode
from podium.core.context import Context, Origin, StepOptions, origin_of
from podium.core.errors import (
    ErrorInfo,
    InputInvalid,
    OutcomeUnknown,
    ResultUnusable,
    StepFailed,
    ValueNotPortable,
)
from podium.core.policies import Degraded, LastGood
from podium.core.scope import Scope
from podium.core.spec import TaskSpec
from podium.functions.outcomes import Outcome, failed

_ANY_SIZE = 1 << 62
_REASON_CHARS_MAX = 300


class Chain:
    """One call of a task, with what may answer in its place.

    Args:
        context: Of the run.
        path: The step; fallbacks are at ``path/fallback[1]``, ``path/fallback[2]``, …
        spec: The task; its options name the fallbacks.
        bound: The arguments.
        options: What else the step is asked for with.
    """

    def __init__(
        self, context: Context, path: str, spec: TaskSpec, bound: dict[str, Any],
        options: StepOptions,
    ) -> None:  # fmt: skip
        self._context = context
        self._path = path
        self._spec = spec
        self._fallbacks = spec.options.fallback
        self._has_more = options.has_fallback
        # what the program does with its objects later is not seen by fallbacks
        self._encoded = spec.binder.copy(bound, _ANY_SIZE)[0] if self._fallbacks else b"{}"
        if self._fallbacks:
            options = options._replace(has_fallback=True)
        self._first = context.step(path, spec, bound, options)

    def begin(self) -> asyncio.Future[Any]:
        """Begin; the future brings the value, or raises the error of the task itself."""
        return self._task(self._value())

    def begin_answer(self) -> asyncio.Future[Outcome[Any]]:
        """Begin; the future brings who answered what, or raises the error of the task itself."""
        return self._task(self.answer())

    def begin_outcome(self) -> asyncio.Future[Outcome[Any]]:
        """Begin; the future brings the outcome, and raises nothing of the step's."""
        return self._task(self._outcome())

    def _task(self, program: Any) -> asyncio.Future[Any]:
        task = self._context.new_task(Scope(self._path), program)
        # one that is called off before its first turn never comes to wait for the step
        task.add_done_callback(lambda _: self._first.cancel())
        return task

    async def _value(self) -> Any:
        return (await self.answer()).value

    async def _outcome(self) -> Outcome[Any]:
        try:
            return await self.answer()
        except Exception as error:  # noqa: BLE001 - whatever it raised is what it came to
            return failed(self._path, error)

    async def answer(self) -> Outcome[Any]:
        """Return the first answer.

        Raises:
            StepFailed: Nothing answers; the error is that of the task itself. Or the outcome of a
                step is open.
        """
        try:
            value = await self._first
        except StepFailed as error:
            if not self._fallbacks or _is_open(error, self._spec):
                raise
            return await self._fall_back(error)
        return self._own(value, origin_of(self._first))

    async def _fall_back(self, first: StepFailed) -> Outcome[Any]:
        refusals: list[ErrorInfo] = []
        for number, fallback in enumerate(self._fallbacks, 1):
            path = f"{self._path}/fallback[{number}]"
            has_more = self._has_more or number < len(self._fallbacks)
            try:
                found = await self._try(fallback, path, first, has_more=has_more)
            except StepFailed as error:
                if isinstance(fallback, TaskSpec) and _is_open(error, fallback):
                    raise error from first
                refusals.append(msgspec.structs.replace(error.error, path=error.path))
            else:
                return replace(found, path=self._path, error=first.error)
        info = msgspec.structs.replace(first.error, fallbacks=tuple(refusals))
        raise type(first)(first.path, info) from first

    async def _try(
        self, fallback: TaskSpec | LastGood | Degraded, path: str, first: StepFailed, *,
        has_more: bool,
    ) -> Outcome[Any]:  # fmt: skip
        if isinstance(fallback, TaskSpec):
            options = StepOptions(has_fallback=has_more)
            other = Chain(self._context, path, fallback, self._given(fallback, path), options)
            found = await other.answer()
            return replace(found, value=self._fitting(found.value, path, fallback))
        if isinstance(fallback, LastGood):
            return await self._last_good(fallback, path, first)
        value = self._fitting(fallback.value, path, None)
        return self._warned("degraded", path, first, "answered by a fixed value", value)

    def _given(self, other: TaskSpec, path: str) -> dict[str, Any]:
        """Return the arguments of another task: those of this one that it has parameters for.

        Raises:
            StepFailed: They do not fit it.
        """
        usual = {
            name: one.default for name, one in self._spec.binder.parameters.items()
            if one.default is not one.empty
        }  # fmt: skip
        try:
            known = decode_any(encode(usual)) | decode_any(self._encoded)
            return other.binder.from_json(other.undo_arguments(known))
        except (InputInvalid, ValueNotPortable) as problem:
            info = ErrorInfo(type(problem).__name__, str(problem), problem.code, path=path)
            raise StepFailed(path, info) from problem

    async def _last_good(self, fallback: LastGood, path: str, first: StepFailed) -> Outcome[Any]:
        spec = self._spec
        bound = spec.binder.decode(self._encoded)
        found = await self._context.shared.recall(path, spec, bound, fallback.within_s)
        if not found.found:
            text = f"no success of {spec.name} with these arguments in {fallback.within_s:g} s is known"
            raise StepFailed(path, ErrorInfo("NoLastGood", text, "no-last-good", path=path))
        at = _time(found.at_us)
        text = f"answered by the last good result, made at {at.isoformat(timespec='seconds')}"
        return self._warned("last_good", path, first, text, found.value, at)

    def _warned(
        self, by: str, path: str, first: StepFailed, text: str, value: Any,
        at: datetime | None = None,
    ) -> Outcome[Any]:  # fmt: skip
        """Return an answer that is less than what was asked for, and record that."""
        code = "stale" if at else by
        reason = first.error.line()
        if len(reason) > _REASON_CHARS_MAX:
            reason = f"{reason[:_REASON_CHARS_MAX]}…"
        message = f"{self._spec.name} failed ({reason}); {text}"
        self._context.warn(path, code, message)
        made = at or self._context.now()
        return Outcome(
            path=path, value=value, answered_by=by, is_stale=at is not None, at=made,
            warnings=(f"{code}: {message}",),
        )  # fmt: skip

    def _own(self, value: Any, origin: Origin | None) -> Outcome[Any]:
        if origin is None:
            by, at = self._spec.name, self._context.now()
        else:
            by, at = origin.by, _time(origin.at_us)
        return Outcome(path=self._path, value=value, answered_by=by, at=at)

    def _fitting(self, value: Any, path: str, maker: TaskSpec | None) -> Any:
        """Return a value under the type that the task declares.

        Raises:
            StepFailed: It does not fit.
        """
        returns = self._spec.returns
        if maker is not None and maker.returns is returns:
            return value
        try:
            return returns.decode(encode(value, f"the answer of {maker.name if maker else path}"))
        except ValueNotPortable as problem:
            info = ErrorInfo("ValueNotPortable", str(problem), problem.code, path=path)
            raise ResultUnusable(path, info) from problem


def _is_open(error: StepFailed, spec: TaskSpec) -> bool:
    """Tell whether the step has happened, or may yet turn out to have: nothing may stand in for it."""
    if isinstance(error, ResultUnusable):
        return spec.touches
    return isinstance(error, OutcomeUnknown)


def _time(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us / 1e6, UTC)

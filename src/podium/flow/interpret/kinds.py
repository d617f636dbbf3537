"""What nodes of each kind do once they are started (all but ``call`` and ``set``)."""

from __future__ import annotations

import asyncio

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any, Final

from podium.core.codec import codec_for
from podium.core.durations import seconds
from podium.core.durations import text as duration_text
from podium.core.errors import InvalidOption, StepFailed, StepTimedOut
from podium.core.limits import MAP_ITEMS_MAX, PATH_CHARS_MAX
from podium.core.retry import NO_RETRY
from podium.core.scope import Scope, item
from podium.core.validation import Validator
from podium.flow.interpret.bodies import BodyRun
from podium.flow.interpret.states import (
    Frame,
    NodeFailed,
    NodeRun,
    NoValue,
    Status,
    Unknown,
    error_value,
)
from podium.flow.model import (
    Ask,
    Fail,
    ForEach,
    Loop,
    SubFlow,
    Switch,
    WaitFor,
    WaitSignal,
    WaitUntil,
)
from podium.policy.retry import NO_FAILURES, Failure, Sign, count, decide

ANY: Final = codec_for(Any)
Heads = Mapping[str, Any]


class Place:
    """Where a node does its work.

    Attributes:
        body: The body it stands in.
        run: The node.
        heads: What it computed as it started.
        scope: Names the steps of this attempt.
    """

    __slots__ = ("body", "heads", "run", "scope")

    def __init__(self, body: BodyRun, run: NodeRun, heads: Heads, scope: Scope) -> None:
        self.body = body
        self.run = run
        self.heads = heads
        self.scope = scope

    @property
    def path(self) -> str:
        """The path of this attempt."""
        return self.scope.path

    def inner(self, index: int, path: str, names: Mapping[str, Any]) -> BodyRun:
        """Return one of the node's bodies, to be carried out at a path."""
        if len(path) > PATH_CHARS_MAX:
            text = f"the path {path[:80]!r}… is longer than {PATH_CHARS_MAX} characters."
            raise self.failed("limit-reached", text)
        body = self.run.plan.bodies[index]
        return BodyRun(self.body.flow, body, path, self.body.frame, names)

    def failed(self, code: str, message: str) -> NodeFailed:
        """Return the node's failure."""
        return NodeFailed(self.path, code, message)


def heads_of(body: BodyRun, run: NodeRun) -> Heads:
    """Compute what a node needs as it starts.

    Raises:
        NoValue: A plain reference finds none, or no case holds.
        NodeFailed: An expression has no result.
    """
    plan, frame = run.plan, body.frame
    if isinstance(plan.node.work, Switch):
        rest = {
            role: frame.evaluate(reads, run.path)
            for role, reads in plan.heads
            if not role.startswith("case ")
        }
        return {**rest, "case": _case(body, run, plan.node.work)}
    return {role: frame.evaluate(reads, run.path) for role, reads in plan.heads}


def _case(body: BodyRun, run: NodeRun, work: Switch) -> int:
    for index, case in enumerate(work.cases):
        if case.when is None:
            return index
        if _condition(body.frame, run, f"case {index}", run.path):
            return index
    raise NoValue("")


def _condition(frame: Frame, run: NodeRun, role: str, path: str) -> bool:
    reads = run.plan.reads[role]
    value = frame.evaluate(reads, path)
    if isinstance(value, bool):
        return value
    text = f"the condition {str(reads.source)[:80]} is {value!r:.80}; expected true or false."
    raise NodeFailed(path, "not-a-condition", text)


# attempts -----------------------------------------------------------------------------------


async def carry_out(body: BodyRun, run: NodeRun, heads: Heads, scope: Scope) -> Any:
    """Do a node's work, as often and as long as its policy says."""
    policy = run.plan.node.policy
    context = body.flow.context
    if policy.total_timeout_s is None:
        return await _attempts(body, run, heads, scope)
    work = context.new_task(scope, _attempts(body, run, heads, scope))
    return await _within(Place(body, run, heads, scope), work, policy.total_timeout_s, "in all")


async def _attempts(body: BodyRun, run: NodeRun, heads: Heads, scope: Scope) -> Any:
    policy = run.plan.node.policy
    retry = policy.retry or NO_RETRY
    context = body.flow.context
    began = context.now()
    tally = NO_FAILURES
    while True:
        place = Place(body, run, heads, scope)
        try:
            return await _attempt(place)
        except StepFailed as error:
            value = error_value(error)
            sign = Sign((value["type"], value["code"]), error.error.status)
            tally = count(retry, tally, sign)
            failure = Failure(sign, _us(began), _us(context.now()))
            chance = context.random(scope).random()
            wait_s = decide(retry, tally, failure, policy.total_timeout_s, chance).wait_s
            if wait_s is None:
                raise
        await context.sleep(scope.name("retry"), wait_s, None)
        scope = Scope(f"{run.path}#{tally.total + 1}")


async def _attempt(place: Place) -> Any:
    work = place.run.plan.node.work
    limit_s = place.run.plan.node.policy.timeout_s
    doing = _WORK[type(work)](place, work)
    if limit_s is None or isinstance(work, Ask):  # an ask shows its deadline, and keeps it itself
        return await doing
    context = place.body.flow.context
    return await _within(place, context.new_task(place.scope, doing), limit_s, "")


async def _within(place: Place, work: asyncio.Future[Any], limit_s: float, words: str) -> Any:
    """Wait for work, but not longer than so many seconds."""
    context = place.body.flow.context
    timer = context.sleep(place.scope.name("timeout"), limit_s, None)
    try:
        await _first(work, timer)
    except asyncio.CancelledError:
        timer.cancel()
        await _stop(work)
        raise
    if work.done():
        timer.cancel()
        return work.result()
    await _stop(work)
    settled = context.effects_settled(place.path)
    if settled is not None:
        await settled
    message = f"it took longer than {duration_text(limit_s)} {words}".rstrip() + "."
    raise NodeFailed(place.path, "timeout", message, "TimeoutError")


async def _stop(work: asyncio.Future[Any]) -> None:
    work.cancel()
    if isinstance(work, asyncio.Task):
        await asyncio.wait([work])
        if not work.cancelled():
            work.exception()  # it has been heard


async def _first(*futures: asyncio.Future[Any]) -> None:
    end = asyncio.get_running_loop().create_future()
    for future in futures:
        future.add_done_callback(lambda _: None if end.done() else end.set_result(None))
    await end


# kinds --------------------------------------------------------------------------------------


async def _flow(place: Place, work: SubFlow) -> Any:
    return await place.body.flow.child(place.path, work, place.heads["args"])


async def _switch(place: Place, _work: Switch) -> Any:
    body = place.inner(place.heads["case"], place.path, {})
    place.run.inner = [body]
    await body.run()
    return body.output()


async def _loop(place: Place, work: Loop) -> Any:
    run, context = place.run, place.body.flow.context
    state: Any = place.heads["state"]
    body: BodyRun | None = None
    run.done, run.total = 0, work.passes_max
    while True:
        names = {"loop": {"pass": run.done + 1, "state": state}}
        if not work.is_until:
            before = Frame(names, {}, place.body.frame)
            if not _asked(place, before):
                return _output_of_while(place, body, state)
        if run.done == work.passes_max:
            text = f"{work.passes_max} passes were not enough: its condition still asks for more."
            raise place.failed("max-passes", text)
        if run.done and work.every_s:
            await context.sleep(place.scope.name("every"), work.every_s, None)
        body = place.inner(0, item(place.path, run.done + 1), names)
        run.inner = [body]
        await body.run()
        run.done += 1
        if work.is_until and _asked(place, body.frame):
            return body.output()
        if work.next is not None:
            state = _value_in(place, body.frame, "next")


def _asked(place: Place, frame: Frame) -> bool:
    try:
        return _condition(frame, place.run, "condition", place.path)
    except Unknown:
        raise
    except NoValue as missing:
        raise place.failed(
            "no-value", f"its condition needs {missing.name!r}, which has no value."
        ) from None


def _value_in(place: Place, frame: Frame, role: str) -> Any:
    try:
        return frame.evaluate(place.run.plan.reads[role], place.path)
    except Unknown:
        raise
    except NoValue as missing:
        text = f"{role!r} needs {missing.name!r}, which has no value."
        raise place.failed("no-value", text) from None


def _output_of_while(place: Place, last: BodyRun | None, state: Any) -> Any:
    """Return the output after the last pass; without one, its nodes have no value."""
    output = place.run.plan.bodies[0].output
    if output is None:
        return None
    if last is None:
        last = place.inner(0, place.path, {})
        for node in last.nodes.values():
            node.status, node.reason = Status.SKIPPED, "no pass"
    names = {"loop": {"pass": place.run.done, "state": state}}
    return Frame(names, last.nodes, place.body.frame).evaluate(output, place.path)


async def _wait_for(place: Place, _work: WaitFor) -> None:
    given = place.heads["value"]
    try:
        delay_s = seconds(given, what="wait")
    except InvalidOption as problem:
        raise place.failed("bad-duration", str(problem)) from None
    await place.body.flow.context.sleep(place.path, delay_s, None)


async def _wait_until(place: Place, _work: WaitUntil) -> None:
    given = place.heads["value"]
    try:
        time = datetime.fromisoformat(given)
    except (TypeError, ValueError):
        text = f"'until' is {given!r:.80}; expected a time such as '2026-12-24T18:00:00Z'."
        raise place.failed("bad-time", text) from None
    when = time if time.tzinfo else time.replace(tzinfo=UTC)
    await place.body.flow.context.sleep(place.path, None, when)


async def _wait_signal(place: Place, work: WaitSignal) -> Any:
    value = await place.body.flow.context.receive(place.path, work.name, ANY)
    problem = fault(place.run.plan.accepts, value)
    if problem:
        raise place.failed("signal-invalid", f"the signal {work.name!r} has {problem}")
    return value


async def _ask(place: Place, work: Ask) -> Any:
    context, policy = place.body.flow.context, place.run.plan.node.policy
    form: dict[str, Any] = {"question": place.heads["question"]}
    if work.form is not None:
        form["fields"] = work.form.schema
    began, path, left_s = context.now(), place.path, policy.timeout_s
    while True:
        try:
            answer = await context.ask(path, form, work.to, left_s)
        except StepTimedOut:
            if "on_timeout" in place.heads:
                return place.heads["on_timeout"]
            raise
        problem = fault(place.run.plan.accepts, answer)
        if not problem:
            defaults = work.form.defaults if work.form else {}
            return {**defaults, **answer} if defaults else answer
        form["problem"] = f"The answer has {problem}"
        path = place.scope.name("again")
        if policy.timeout_s is not None:
            left_s = max(0.0, policy.timeout_s - (context.now() - began).total_seconds())


async def _fail(place: Place, work: Fail) -> Any:
    message = place.heads["value"]
    text = message if isinstance(message, str) else repr(message)
    raise NodeFailed(place.path, work.code, text)


async def _for_each(place: Place, work: ForEach) -> list[Any]:
    items = place.heads["items"]
    if not isinstance(items, list):
        text = f"'for_each' is {items!r:.80}; expected a list."
        raise place.failed("not-a-list", text)
    if len(items) > MAP_ITEMS_MAX:
        text = f"{len(items):,} items; the limit is {MAP_ITEMS_MAX:,}. Go over chunks."
        raise place.failed("limit-reached", text)
    keys = _keys(place, work, items)
    place.run.total, place.run.done = len(items), 0
    if not items:
        return []
    place.body.flow.context.fan_out(place.path, len(items))
    return await _Items(place, work, items, keys).run()


def _keys(place: Place, work: ForEach, items: list[Any]) -> list[Any]:
    if work.key is None:
        return list(range(len(items)))
    keys: list[Any] = []
    seen: set[str] = set()
    for index, one in enumerate(items):
        names = {work.item: one, "loop": {"index": index}}
        key = _value_in(place, Frame(names, {}, place.body.frame), "key")
        if isinstance(key, bool) or not isinstance(key, str | int | float) or str(key) in seen:
            text = f"the key of item {index} is {key!r:.80}; keys are texts or numbers that differ."
            raise place.failed("bad-key", text)
        seen.add(str(key))
        keys.append(key)
    return keys


class _Items:
    """A ``for_each`` in progress: so many bodies under way at once."""

    def __init__(self, place: Place, work: ForEach, items: list[Any], keys: list[Any]) -> None:
        self._place = place
        self._work = work
        self._items = items
        self._keys = keys
        self._results: list[Any] = [None] * len(items)
        self._under_way: dict[int, BodyRun] = {}
        self._next = 0
        self._is_launching = False
        self._unknown: Unknown | None = None
        self._end: asyncio.Future[BaseException | None]

    async def run(self) -> list[Any]:
        """Carry it out."""
        self._end = asyncio.get_running_loop().create_future()
        self._place.run.inner = self._under_way.values()
        try:
            self._launch()
            failure = await self._end
        except BaseException:
            self._call_off()
            raise
        if failure is not None:
            self._call_off()
            settled = self._place.body.flow.context.effects_settled(self._place.path)
            if settled is not None:
                await settled
            raise failure
        if self._unknown is not None:
            raise self._unknown
        return self._results

    def _launch(self) -> None:
        if self._is_launching:  # a body that ended at once: the loop below goes on
            return
        self._is_launching = True
        while (
            self._next < len(self._items)
            and len(self._under_way) < self._work.concurrency
            and not self._end.done()
        ):
            index = self._next
            self._next += 1
            names = {self._work.item: self._items[index], "loop": {"index": index}}
            body = self._place.inner(0, item(self._place.path, self._keys[index]), names)
            self._under_way[index] = body
            body.begin(partial(self._ended, index, body))
        self._is_launching = False

    def _ended(self, index: int, body: BodyRun) -> None:
        self._under_way.pop(index, None)
        if self._end.done():
            return
        failure = self._take(index, body)
        if failure is not None and not self._work.is_partial:
            self._end.set_result(failure)
            return
        self._place.run.done += 1
        if self._place.run.done == len(self._items):
            self._end.set_result(None)
        else:
            self._launch()

    def _take(self, index: int, body: BodyRun) -> BaseException | None:
        """Keep what a body gives; return why it failed."""
        value, status, failure = None, "ok", body.failure
        if failure is None:
            try:
                value = body.output()
            except NoValue as missing:
                status = "skipped"
                if isinstance(missing, Unknown):
                    self._unknown = missing
            except StepFailed as error:
                failure = error
        if not self._work.is_partial:
            self._results[index] = value
            return failure
        error_seen = None
        if failure is not None:
            if not isinstance(failure, StepFailed):
                self._end.set_exception(failure)
                return None
            status, error_seen = "failed", error_value(failure)
        self._results[index] = {"status": status, "value": value, "error": error_seen}
        return failure

    def _call_off(self) -> None:
        for body in list(self._under_way.values()):
            body.call_off("cancelled")


_WORK: Final[Mapping[type, Callable[[Place, Any], Awaitable[Any]]]] = {
    SubFlow: _flow,
    Switch: _switch,
    ForEach: _for_each,
    Loop: _loop,
    WaitFor: _wait_for,
    WaitUntil: _wait_until,
    WaitSignal: _wait_signal,
    Ask: _ask,
    Fail: _fail,
}


def fault(accepts: Validator | None, value: Any) -> str:
    """Say how a value does not fit; empty if it does."""
    if accepts is None:
        return ""
    return "; ".join(one.text("the value") for one in islice(accepts.faults(value), 5))


def _us(time: datetime) -> int:
    return round(time.timestamp() * 1e6)

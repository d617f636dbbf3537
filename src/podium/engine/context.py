"""The Context as a run's program has it: takes what is asked, matches it with the journal.

In replay what is asked again is matched by path. Another *task* there, or other *arguments* where
the code is the same, is a ``Nondeterminism`` and stops the run (DESIGN §3).
"""

from __future__ import annotations

import contextvars
import sys

from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from types import FrameType
from typing import Any, NoReturn

import msgspec

from podium.core.budgets import current_budgets
from podium.core.codec import Codec, codec_for, decode_any, encode_message, encode_sorted
from podium.core.context import About, Shared, StepOptions
from podium.core.errors import Nondeterminism, RestartRequested
from podium.core.scope import Scope
from podium.core.spec import TaskSpec, WorkflowSpec
from podium.engine.commands import (
    CancelStep,
    Command,
    Emit,
    OpenAsk,
    Publish,
    Remark,
    RunState,
    Send,
    StartChild,
    StartStep,
    Undo,
    Wait,
)
from podium.engine.history import Fact
from podium.engine.loop import RunFuture, RunTask, Timer
from podium.engine.outcomes import resolve_value
from podium.engine.shared import RunShared
from podium.engine.timers import Timers
from podium.journal.records import Kind, Value, decode_value

_ANY = codec_for(Any)


class RunContext:
    """The durable primitives of one run.

    Args:
        state: Shared with the delivery of facts.
        timers: Starts and cancels durable timers.
        redeliver: Delivers a kept fact to a wait that has just been registered.
    """

    def __init__(self, state: RunState, timers: Timers, redeliver: Callable[[Fact], None]) -> None:
        self.state = state
        self._timers = timers
        self._redeliver = redeliver
        self.shared: Shared = RunShared(state, self._wait, self._ask_for, self._once_only)
        self.seen: set[str] = set()
        self._env: dict[str, str | None] = {}
        self._patches: dict[str, bool] = {}

    @property
    def about(self) -> About:
        """Which run this is."""
        settings = self.state.settings
        return About(settings.run_id, settings.headers, settings.accepted)

    def step(
        self, path: str, spec: TaskSpec, bound: dict[str, Any], options: StepOptions | None = None
    ) -> RunFuture:
        """Ask for a task."""
        encoded, copy = spec.binder.copy(bound, self.state.settings.payload_bytes_max)
        wait = self._wait("step", path, spec.returns)
        wait.spec, wait.encoded, wait.bound = spec, encoded, copy
        wait.budgets = current_budgets.get()
        own = spec.options.budget
        if own is not None:
            wait.budgets = (self.shared.budget(path, own, own.name or spec.name), *wait.budgets)
        if options is not None:
            wait.options = options
        wait.compensate = wait.options.compensate or spec.options.compensate
        covered = spec.binder.fingerprinted(bound)
        wait.fingerprint = self.state.settings.fingerprint(encode_sorted(covered))
        self._check(wait, spec.name)
        self._ask_for(wait, StartStep(wait))
        return wait.future

    def undo(self, path: str, spec: TaskSpec, offer: Callable[[], dict[str, Any] | None]) -> None:
        """Remember how the work at a path is undone."""
        self._alive()
        self.state.commands.append(Undo(path, spec, offer))

    def child(
        self, path: str, spec: WorkflowSpec, bound: dict[str, Any], run_id: str | None = None
    ) -> RunFuture:
        """Ask for a run of another workflow."""
        if spec.takes_labels and self.seen and bound.get("labels") is None:
            bound = {**bound, "labels": sorted(self.seen)}
        encoded, _ = spec.binder.copy(bound, self.state.settings.payload_bytes_max)
        wait = self._wait("child", path, spec.returns)
        wait.spec, wait.encoded, wait.budgets = spec, encoded, current_budgets.get()
        wait.fingerprint = self.state.settings.fingerprint(
            encode_sorted(spec.binder.fingerprinted(bound))
        )
        child_id = (
            self.state.history.children.get(path) or run_id or self.state.settings.child_id(path)
        )
        self._ask_for(wait, StartChild(wait, child_id))
        if spec.labels_of is not None:
            wait.future.add_done_callback(partial(self._take_in, spec.labels_of))
        return wait.future

    def _take_in(self, labels_of: Callable[[Any], Iterable[str]], future: Any) -> None:
        """Remember where the result of a child comes from, before the program sees it."""
        if not future.cancelled() and future.exception() is None:
            self.seen.update(labels_of(future.result()))

    def sleep(self, path: str, delay_s: float | None, until: datetime | None) -> RunFuture:
        """Ask for a durable timer."""
        future = self._future()
        follows_wall = until is not None
        if until is not None:
            due_us = round(until.timestamp() * 1e6)
        else:
            due_us = self.state.loop.now_us + round((delay_s or 0) * 1e6)
        timer = Timer(
            _wake, (future,), contextvars.copy_context(), due_us / 1e6, path, self._timers.cancel
        )
        future.on_cancel = timer.cancel
        self._timers.add(timer, due_us, follows_wall=follows_wall)
        return future

    def receive(self, path: str, name: str, codec: Codec) -> RunFuture:
        """Ask for the next signal of a name."""
        wait = self._wait("signal", path, codec)
        wait.command = name
        waiting = self.state.signals.get(name)
        if waiting:
            resolve_value(self.state, wait, waiting.popleft())
        else:
            self.state.receivers.setdefault(name, deque()).append(wait)
            self.state.waits[path] = wait
            wait.future.on_cancel = partial(self._forget, path)
        return wait.future

    def send(self, path: str, run_id: str, name: str, value: Any) -> RunFuture:
        """Send a signal to another run."""
        encoded = self._message(value, f"the signal {name!r}")
        wait = self._wait("send", path, _ANY)
        self._ask_for(wait, Send(path, run_id, name, encoded))
        return wait.future

    def ask(self, path: str, form: Any, to: str, timeout_s: float | None) -> RunFuture:
        """Ask a person."""
        encoded = self._message(form, "the form of an ask")
        wait = self._wait("ask", path, _ANY)
        due = None if timeout_s is None else self.state.loop.now_us + round(timeout_s * 1e6)
        self._ask_for(wait, OpenAsk(path, encoded, to, due))
        return wait.future

    def effects_settled(self, prefix: str) -> RunFuture | None:
        """Return a future for the end of all effects in flight under a path."""
        paths = [
            path for path in self.state.open_effects
            if not prefix or path == prefix or path.startswith((f"{prefix}/", f"{prefix}["))
        ]  # fmt: skip
        if not paths:
            return None
        end = _End(self._future(), set(paths))
        for path in paths:
            link = self._future()
            link.add_done_callback(partial(end.settled, path))
            self.state.open_effects[path].append(link)
        return end.future

    def fan_out(self, path: str, count: int) -> None:
        """Remember how many items a map has."""
        self.state.fan_outs[path] = count

    def publish(self, path: str, key: str, value: Any) -> None:
        """Show a value under a key."""
        self._once_only(
            Kind.PUBLISHED, path, Publish(path, key, self._message(value, f"publish({key!r})"))
        )

    def emit(self, path: str, chunk: Any) -> None:
        """Append a chunk to the run's stream."""
        self._once_only(Kind.EMITTED, path, Emit(path, self._message(chunk, "an emitted chunk")))

    def warn(self, path: str, code: str, message: str) -> None:
        """Record a warning."""
        body = msgspec.json.encode({"code": code, "text": message})
        self._once_only(Kind.WARNING, path, Remark(Kind.WARNING, path, body))

    def env(self, name: str) -> str | None:
        """Return a variable of the environment, as it was when the run first asked."""
        if name not in self._env:
            recorded = self.state.history.env.get(name)
            if recorded is not None:
                self._env[name] = decode_any(decode_value(recorded).v)
            else:
                self._alive()
                value = self.state.settings.environment(name)
                self._env[name] = value
                body = msgspec.json.encode(
                    Value(name=name, v=msgspec.Raw(msgspec.json.encode(value)))
                )
                self.state.commands.append(Remark(Kind.ENV, name, body))
        return self._env[name]

    def patched(self, patch_id: str) -> bool:
        """Tell whether the new code applies: true where nothing recorded is left to replay."""
        if patch_id not in self._patches:
            is_new = not self.state.facts_left
            known = patch_id in self.state.history.patches
            self._patches[patch_id] = known or is_new
            if is_new and not known:
                self.state.commands.append(Remark(Kind.PATCHED, patch_id, b"{}"))
        return self._patches[patch_id]

    def now(self) -> datetime:
        """Return the time of the last fact delivered."""
        return datetime.fromtimestamp(self.state.loop.now_us / 1e6, UTC)

    def random(self, scope: Scope) -> Any:
        """Return the generator of a scope, seeded by run and scope."""
        if scope.source is None:
            seed = f"{self.state.settings.uid}/{self.state.settings.incarnation}/{scope.path}"
            scope.source = self.state.entropy.generator(seed)
        return scope.source

    def restart_with(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> NoReturn:
        """End this incarnation and begin the next with other input."""
        self._alive()
        bound = self.state.spec.binder.bind(args, kwargs)
        self.state.spec.binder.copy(bound, self.state.settings.payload_bytes_max)
        raise RestartRequested(bound)

    def forgotten(self, name: str, where: str) -> None:
        """Remember a call that was dropped unawaited."""
        if not self.state.is_dead:
            self.state.unawaited.append((name, where))

    def new_task(self, scope: Scope, coroutine: Any) -> RunTask:
        """Run a coroutine in a given scope."""
        return self.state.loop.new_task(coroutine, scope)

    def _message(self, value: Any, what: str) -> bytes:
        return encode_message(value, what, self.state.settings.payload_bytes_max)

    # asking -----------------------------------------------------------------------------

    def _future(self) -> RunFuture:
        self._alive()
        return self.state.loop.create_future()

    def _wait(self, what: str, path: str, codec: Codec) -> Wait:
        return Wait(what, path, self._future(), codec, self.state.loop.now_us)

    def _alive(self) -> None:
        self.state.require_alive()

    def _ask_for(self, wait: Wait, command: Command) -> None:
        path = wait.path
        if path in self.state.waits:
            self._refuse(f"Two calls asked for the path {path!r} at once.")
        if self.state.kept and path in self.state.kept:
            fact = self.state.kept.pop(path)
            self.state.waits[path] = wait
            self._redeliver(fact)
            return
        self.state.waits[path] = wait
        wait.future.on_cancel = partial(self._cancelled, path, wait.what)
        self.state.commands.append(command)

    def _forget(self, path: str) -> None:
        self.state.waits.pop(path, None)

    def _cancelled(self, path: str, what: str) -> None:
        if not self.state.is_dead:
            self.state.commands.append(CancelStep(path, what))

    def _once_only(self, kind: Kind, path: str, command: Command) -> None:
        self._alive()
        if (kind, path) not in self.state.history.noted:
            self.state.commands.append(command)

    def _check(self, wait: Wait, task: str) -> None:
        """Compare what is asked with what is recorded at that path (DESIGN §3)."""
        known = self.state.history.steps.get(wait.path)
        if known is None:
            return
        wait.known = known
        if not known.task:
            return
        if known.task != task:
            self._refuse(
                f"Step {wait.path!r} was recorded as task {known.task!r}, but the program now asks "
                f"for {task!r}. The workflow changed while this run was in flight: use "
                "podium.patched('…') for the new part, or let old runs finish with the old code."
            )
        if known.fingerprint == wait.fingerprint:
            return
        if known.is_open and known.effect in ("write", "transaction", "once"):
            self._refuse(
                f"Step {wait.path!r} ({task}, {known.effect}) was begun with other arguments than "
                f"the program asks for now ({_short(wait.encoded)}), and may have happened. "
                "Bring back the code that began it, or cancel the run."
            )
        is_same_code = self.state.is_same_code and not known.is_foreign
        if known.is_closed and (is_same_code or self.state.spec.is_strict):
            why = "is strict" if not is_same_code else "has not changed, so it is not deterministic"
            self._refuse(
                f"Step {wait.path!r} ({task}) was recorded with other arguments than the program "
                f"asks for now ({_short(wait.encoded)}); the workflow {why}. "
                "Take time, chance and environment from podium.now(), random(), uuid4(), env()."
            )
        if known.is_closed and (Kind.DRIFT, wait.path) not in self.state.history.noted:
            text = f"asked now with {_short(wait.encoded)}; the recorded result is used"
            body = msgspec.json.encode({"code": "drift", "text": text})
            self.state.commands.append(Remark(Kind.DRIFT, wait.path, body))

    def _refuse(self, message: str) -> None:
        run_id = self.state.settings.run_id
        self.state.fault = Nondeterminism(f"{message} (run {run_id!r}, at {_place()})")
        raise self.state.fault


class _End:
    """Resolves a future once every one of several paths is settled."""

    def __init__(self, future: RunFuture, left: set[str]) -> None:
        self.future = future
        self.left = left

    def settled(self, path: str, _link: object) -> None:
        """Count a path."""
        self.left.discard(path)
        if not self.left and not self.future.done():
            self.future.set_result(None)


def _place() -> str:
    """Return where in the user's code the program is: ``file:line``."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - the only way to know the caller
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if not module.startswith(("podium.", "asyncio", "contextlib")):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return "its beginning"


def _wake(future: RunFuture) -> None:
    if not future.done():
        future.set_result(None)


def _short(encoded: bytes, chars: int = 200) -> str:
    text = encoded[: chars * 2].decode(errors="replace")
    return text if len(text) <= chars else f"{text[:chars]}…"

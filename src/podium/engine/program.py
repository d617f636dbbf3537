"""One run's program: delivers facts in order, collects what the program asks for.

Pure: no store, no executor, no clock. ``deliver`` takes one fact and runs the program until it is
quiet; ``commands`` then holds what it asked for, in order. Live and replay differ only in where
facts come from. What it asks for again in replay is matched by path; another *task* there, or
other *arguments* where the code is the same, is a ``Nondeterminism`` and stops the run.
"""

from __future__ import annotations

import asyncio
import contextvars

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, NoReturn

import msgspec

from podium.core.codec import Codec, codec_for, decode_any, encode, encode_sorted
from podium.core.context import current_context
from podium.core.errors import (
    Deadlocked,
    ErrorInfo,
    ForgottenAwait,
    Nondeterminism,
    OutcomeUnknown,
    RestartRequested,
    ResultUnusable,
    RunSuspended,
    StepFailed,
    StepTimedOut,
    ValueNotPortable,
)
from podium.core.ports import Entropy
from podium.core.scope import Scope, current_scope
from podium.core.spec import TaskSpec, WorkflowSpec
from podium.engine.failures import describe_failure
from podium.engine.history import Fact, History, Known
from podium.engine.loop import RunFuture, RunLoop, RunTask, Timer
from podium.journal.records import Kind, Result, Status, Value, decode_result, decode_value

_ANY = codec_for(Any)
_NONE_TYPES: dict[str, type[StepFailed]] = {
    Status.UNKNOWN: OutcomeUnknown,
    Status.UNUSABLE: ResultUnusable,
}


class Wait:
    """Something the program waits for under a path."""

    __slots__ = (
        "bound", "codec", "command", "compensate", "encoded", "fingerprint", "future", "known",
        "path", "since", "spec", "what",
    )  # fmt: skip

    def __init__(self, what: str, path: str, future: RunFuture, codec: Codec, since: int) -> None:
        self.what = what
        self.path = path
        self.future = future
        self.codec = codec
        self.since = since
        self.spec: Any = None
        self.bound: dict[str, Any] = {}
        self.encoded = b""
        self.fingerprint = ""
        self.known: Known | None = None
        self.compensate: TaskSpec | None = None
        self.command: Any = None


class StartStep(NamedTuple):
    """Carry out a task."""

    wait: Wait


class CancelStep(NamedTuple):
    """Nobody waits for this path any more."""

    path: str
    what: str


class StartTimer(NamedTuple):
    """Fire ``path`` at ``due_us`` of the run's time."""

    path: str
    due_us: int
    follows_wall: bool


class StartChild(NamedTuple):
    """Start a run of another workflow."""

    wait: Wait
    run_id: str


class OpenAsk(NamedTuple):
    """Ask a person."""

    path: str
    form: bytes
    to: str
    deadline_us: int | None


class Send(NamedTuple):
    """Send a signal to another run."""

    path: str
    run_id: str
    name: str
    value: bytes


class Publish(NamedTuple):
    """Show a value under a key."""

    path: str
    key: str
    value: bytes


class Emit(NamedTuple):
    """Append to the run's stream."""

    path: str
    chunk: bytes


class Remark(NamedTuple):
    """Write a note."""

    kind: Kind
    path: str
    body: bytes


Command = StartStep | CancelStep | StartTimer | StartChild | OpenAsk | Send | Publish | Emit | Remark


@dataclass(slots=True)
class Ending:
    """How a program ended."""

    status: str
    output: bytes | None = None
    error: ErrorInfo | None = None
    restart: dict[str, Any] | None = None


class Settings(NamedTuple):
    """What a program must know of its run."""

    run_id: str
    uid: str
    incarnation: int
    headers: dict[str, Any]
    payload_bytes_max: int
    fingerprint: Callable[[bytes], str]
    resolve: Callable[[bytes], bytes]
    """Turn an envelope into the JSON it stands for."""
    child_id: Callable[[str], str]
    environment: Callable[[str], str | None]
    code: str
    """Version of the workflow's code and of Podium, as this process has it."""


class Program:
    """A run's program and its Context."""

    def __init__(
        self, spec: WorkflowSpec, encoded_input: bytes, started_at: int, history: History,
        settings: Settings, entropy: Entropy,
    ) -> None:  # fmt: skip
        self.spec = spec
        self.history = history
        self.settings = settings
        self.entropy = entropy
        self.loop = RunLoop(int(settings.uid[:15], 16), self._start_timer, self._cancel_timer)
        self.loop.now_us = started_at
        self.waits: dict[str, Wait] = {}
        self.timers: dict[str, Timer] = {}
        self.commands: list[Command] = []
        self.kept: dict[str, Fact] = {}
        self.receivers: dict[str, deque[Wait]] = {}
        self.signals: dict[str, deque[bytes]] = {}
        self.open_effects: dict[str, list[RunFuture]] = {}
        self.compensations: list[tuple[str, TaskSpec, dict[str, Any]]] = []
        self.outcomes: dict[str, tuple[str, Any]] = {}
        self.facts_left = len(history.facts)
        self.is_same_code = history.code == settings.code
        self.is_dead = False
        self.is_cancelled = False
        self.is_compensating = False
        self.fault: BaseException | None = None
        self.ending: Ending | None = None
        self.unawaited: list[str] = []
        self._sources: dict[str, Any] = {}
        self._env: dict[str, str | None] = {}
        self._patches: dict[str, bool] = {}
        self._main = self._begin(encoded_input)

    # what the engine does with it -------------------------------------------------------

    def start(self) -> None:
        """Run the program up to its first wait."""
        self._drain()

    def deliver(self, fact: Fact) -> None:
        """Give the program one fact and run it until it is quiet.

        Raises:
            Nondeterminism: The fact belongs to nothing the same code has asked for.
        """
        if self.facts_left:
            self.facts_left -= 1
        if fact.at > self.loop.now_us:
            self.loop.now_us = fact.at
        handler = self._handlers.get(fact.kind)
        assert handler is not None, f"fact of unknown kind {fact.kind}"
        handler(self, fact)
        self._drain()

    def take_commands(self) -> list[Command]:
        """Return what was asked for since the last call, without what is already called off."""
        commands = self.commands
        if not commands:
            return commands
        self.commands = []
        for command in commands:
            if isinstance(command, StartStep) and command.wait.spec.touches:
                wait = command.wait
                if not wait.future.done():
                    self.open_effects.setdefault(wait.path, [])
                    self._register_compensation(wait)
        return commands

    def suspend(self) -> None:
        """Let go of the program: nothing it does from here on is started or recorded."""
        self.is_dead = True
        for wait in list(self.waits.values()):
            if not wait.future.done():
                wait.future.on_cancel = None
                wait.future.set_exception(RunSuspended())
        for _ in range(100):
            try:
                self._drain()
            except Exception:  # noqa: BLE001 - plain code in `finally`, documented as not durable
                pass
            left = [task for task in self.loop.tasks if not task.done()]
            if not left:
                break
            for task in left:
                task.cancel()
        for task in self.loop.tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001
        if self._main.done() and not self._main.cancelled():
            self._main.exception()

    @property
    def is_replaying(self) -> bool:
        """Whether recorded facts are still to be delivered."""
        return self.facts_left > 0

    def _begin(self, encoded_input: bytes) -> RunTask:
        context = contextvars.Context()
        context.run(current_context.set, self)
        self._root_scope = Scope("")
        return context.run(
            self.loop.new_task, self._root(encoded_input), self._root_scope, context=context
        )

    def _drain(self) -> None:
        self.loop.drain()
        if self.fault is not None:
            raise self.fault

    # the program's frame ----------------------------------------------------------------

    async def _root(self, encoded_input: bytes) -> None:
        """Run the workflow, then bring everything it began to an end."""
        ending = await self._outcome(encoded_input)
        if self.is_dead:
            return
        await self._wind_down()
        if ending.status != "succeeded" and ending.restart is None:
            self.is_compensating = True
            failures = await self._compensate()
            if failures and ending.error is not None:
                ending.error = msgspec.structs.replace(
                    ending.error, message=f"{ending.error.message} (compensation failed: {failures})"
                )
        if self.unawaited and ending.status == "succeeded":
            ending = Ending("failed", error=describe_failure(ForgottenAwait(*self.unawaited[0])))
        self.ending = ending

    async def _outcome(self, encoded_input: bytes) -> Ending:
        try:
            bound = self.spec.binder.decode(encoded_input)
            value = await self.spec.binder.call(self.spec.fn, bound)
            encoded, _ = self.spec.returns.copy(
                value, f"the output of {self.spec.name}", self.settings.payload_bytes_max
            )
            return Ending("succeeded", output=encoded)
        except asyncio.CancelledError as error:
            if self.fault is None and isinstance(self._verdict, BaseException):
                return Ending("failed", error=describe_failure(self._verdict))
            if self.is_cancelled:
                return Ending("cancelled")
            return Ending("failed", error=describe_failure(error))
        except RestartRequested as request:
            return Ending("restarted", restart=request.bound)
        except RunSuspended:
            return Ending("suspended")
        except Exception as error:  # noqa: BLE001 - whatever the program raised is its outcome
            return Ending("failed", error=describe_failure(error))

    _verdict: BaseException | None = None

    async def _wind_down(self) -> None:
        """Cancel what the program left behind, in creation order; let effects in flight end."""
        me = asyncio.current_task()
        left = [task for task in self.loop.tasks if task is not me and not task.done()]
        if left:
            names = ", ".join(task.get_name() for task in left[:5])
            self.warn(self._root_scope.name("unfinished"), "unfinished-tasks",
                      f"{len(left)} task(s) were still going when the workflow returned "
                      f"and were cancelled: {names}")  # fmt: skip
        for task in left:
            task.cancel()
        for task in left:
            try:
                await task
            except (Exception, asyncio.CancelledError):  # noqa: BLE001 - nobody else will look
                continue
        await self.loop.shutdown_asyncgens()
        for wait in list(self.waits.values()):
            if not wait.future.done():
                wait.future.cancel()
        settled = self.effects_settled("")
        if settled is not None:
            await settled

    async def _compensate(self) -> str:
        """Undo, in reverse order, every step that may have happened; return what failed."""
        failed: list[str] = []
        for path, spec, bound in reversed(self.compensations):
            outcome, result = self.outcomes.get(path, ("unknown", None))
            if outcome == "not-done":
                continue
            offered = {**bound, "outcome": outcome, "result": result}
            wanted = {k: v for k, v in offered.items() if k in spec.binder.parameters}
            try:
                await self.step(f"compensate/{path}", spec, wanted)
            except StepFailed as error:
                failed.append(f"{path}: {error.error.line()}")
        return "; ".join(failed)

    def _register_compensation(self, wait: Wait) -> None:
        if wait.compensate is not None and not self.is_compensating:
            self.compensations.append((wait.path, wait.compensate, wait.spec.binder.decode(wait.encoded)))

    # the Context ------------------------------------------------------------------------

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.settings.run_id

    @property
    def headers(self) -> dict[str, Any]:
        """The attributes given at the start."""
        return self.settings.headers

    def step(
        self, path: str, spec: TaskSpec, bound: dict[str, Any], compensate: TaskSpec | None = None
    ) -> RunFuture:
        """Ask for a task."""
        encoded, copy = spec.binder.copy(bound, self.settings.payload_bytes_max)
        wait = self._wait("step", path, spec.returns)
        wait.spec, wait.encoded, wait.bound = spec, encoded, copy
        wait.compensate = compensate or spec.options.compensate
        covered = spec.binder.fingerprinted(bound)
        wait.fingerprint = self.settings.fingerprint(encode_sorted(covered))
        self._check(wait, spec.name)
        self._ask_for(wait, StartStep(wait))
        return wait.future

    def child(
        self, path: str, spec: WorkflowSpec, bound: dict[str, Any], run_id: str | None = None
    ) -> RunFuture:
        """Ask for a run of another workflow."""
        encoded, _ = spec.binder.copy(bound, self.settings.payload_bytes_max)
        wait = self._wait("child", path, spec.returns)
        wait.spec, wait.encoded = spec, encoded
        wait.fingerprint = self.settings.fingerprint(encode_sorted(spec.binder.fingerprinted(bound)))
        child_id = self.history.children.get(path) or run_id or self.settings.child_id(path)
        self._ask_for(wait, StartChild(wait, child_id))
        return wait.future

    def sleep(self, path: str, delay_s: float | None, until: datetime | None) -> RunFuture:
        """Ask for a durable timer."""
        future = self._future()
        follows_wall = until is not None
        if until is not None:
            due_us = round(until.timestamp() * 1e6)
        else:
            due_us = self.loop.now_us + round((delay_s or 0) * 1e6)
        timer = Timer(_wake, (future,), contextvars.copy_context(), due_us / 1e6, path, self._cancel_timer)
        future.on_cancel = timer.cancel
        self._add_timer(timer, due_us, follows_wall=follows_wall)
        return future

    def receive(self, path: str, name: str, codec: Codec) -> RunFuture:
        """Ask for the next signal of a name."""
        wait = self._wait("signal", path, codec)
        wait.command = name
        waiting = self.signals.get(name)
        if waiting:
            self._resolve_value(wait, waiting.popleft())
        else:
            self.receivers.setdefault(name, deque()).append(wait)
            self.waits[path] = wait
            wait.future.on_cancel = lambda: self.waits.pop(path, None)
        return wait.future

    def send(self, path: str, run_id: str, name: str, value: Any) -> RunFuture:
        """Send a signal to another run."""
        encoded = encode(value, f"the signal {name!r}")
        wait = self._wait("send", path, _ANY)
        self._ask_for(wait, Send(path, run_id, name, encoded))
        return wait.future

    def ask(self, path: str, form: Any, to: str, timeout_s: float | None) -> RunFuture:
        """Ask a person."""
        encoded = encode(form, "the form of an ask")
        wait = self._wait("ask", path, _ANY)
        due = None if timeout_s is None else self.loop.now_us + round(timeout_s * 1e6)
        self._ask_for(wait, OpenAsk(path, encoded, to, due))
        return wait.future

    def effects_settled(self, prefix: str) -> RunFuture | None:
        """Return a future for the end of all effects in flight under a path."""
        paths = [
            path for path in self.open_effects
            if not prefix or path == prefix or path.startswith((f"{prefix}/", f"{prefix}["))
        ]  # fmt: skip
        if not paths:
            return None
        future, left = self._future(), set(paths)
        for path in paths:
            link = self._future()
            link.add_done_callback(
                lambda _, path=path: (left.discard(path), None if left or future.done() else future.set_result(None))
            )
            self.open_effects[path].append(link)
        return future

    def publish(self, path: str, key: str, value: Any) -> None:
        """Show a value under a key."""
        self._once_only(Kind.PUBLISHED, path, Publish(path, key, encode(value, f"publish({key!r})")))

    def emit(self, path: str, chunk: Any) -> None:
        """Append a chunk to the run's stream."""
        self._once_only(Kind.EMITTED, path, Emit(path, encode(chunk, "an emitted chunk")))

    def warn(self, path: str, code: str, message: str) -> None:
        """Record a warning."""
        body = msgspec.json.encode({"code": code, "text": message})
        self._once_only(Kind.WARNING, path, Remark(Kind.WARNING, path, body))

    def env(self, name: str) -> str | None:
        """Return a variable of the environment, as it was when the run first asked."""
        if name not in self._env:
            recorded = self.history.env.get(name)
            if recorded is not None:
                self._env[name] = decode_any(decode_value(recorded).v)
            else:
                self._alive()
                value = self.settings.environment(name)
                self._env[name] = value
                body = msgspec.json.encode(Value(name=name, v=msgspec.Raw(msgspec.json.encode(value))))
                self.commands.append(Remark(Kind.ENV, name, body))
        return self._env[name]

    def patched(self, patch_id: str) -> bool:
        """Tell whether the new code applies: true where nothing recorded is left to replay."""
        if patch_id not in self._patches:
            is_new = not self.is_replaying
            known = patch_id in self.history.patches
            self._patches[patch_id] = known or is_new
            if is_new and not known:
                self.commands.append(Remark(Kind.PATCHED, patch_id, b"{}"))
        return self._patches[patch_id]

    def now(self) -> datetime:
        """Return the time of the last fact delivered."""
        return datetime.fromtimestamp(self.loop.now_us / 1e6, UTC)

    def random(self, scope: Scope) -> Any:
        """Return the generator of a scope, seeded by run and scope."""
        if scope.source is None:
            seed = f"{self.settings.uid}/{self.settings.incarnation}/{scope.path}"
            scope.source = self.entropy.generator(seed)
        return scope.source

    def uuid4(self, scope: Scope) -> Any:
        """Return a UUID from the scope's generator."""
        return self.entropy.uuid4(self.random(scope))

    def restart_with(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> NoReturn:
        """End this incarnation and begin the next with other input."""
        self._alive()
        bound = self.spec.binder.bind(args, kwargs)
        self.spec.binder.copy(bound, self.settings.payload_bytes_max)
        raise RestartRequested(bound)

    def forgotten(self, name: str, where: str) -> None:
        """Remember a call that was dropped unawaited."""
        if not self.is_dead:
            self.unawaited.append((name, where))  # type: ignore[arg-type]

    def new_task(self, scope: Scope, coroutine: Any) -> RunTask:
        """Run a coroutine in a given scope."""
        return self.loop.new_task(coroutine, scope)

    # facts ------------------------------------------------------------------------------

    def _on_result(self, fact: Fact) -> None:
        wait = self.waits.pop(fact.path, None)
        for future in self.open_effects.pop(fact.path, ()):
            if not future.done():
                future.set_result(None)
        if wait is None:
            self._keep(fact)
        else:
            self._resolve_result(wait, decode_result(fact.body))

    def _on_timer(self, fact: Fact) -> None:
        timer = self.timers.pop(fact.path, None)
        if timer is None:
            self._keep(fact)
        elif timer.callback is not None:
            self.loop.fire(timer)

    def _on_signal(self, fact: Fact) -> None:
        waiting = self.receivers.get(fact.path)
        while waiting:
            wait = waiting.popleft()
            self.waits.pop(wait.path, None)
            if not wait.future.done():
                self._resolve_value(wait, fact.body)
                return
        self.signals.setdefault(fact.path, deque()).append(fact.body)

    def _on_value(self, fact: Fact) -> None:
        wait = self.waits.pop(fact.path, None)
        if wait is None:
            self._keep(fact)
        elif not wait.future.done():
            self._resolve_value(wait, fact.body)

    def _on_cancel(self, _fact: Fact) -> None:
        if not self.is_cancelled and not self.is_compensating:
            self.is_cancelled = True
            self._main.cancel()

    _handlers: dict[int, Callable[[Program, Fact], None]] = {
        Kind.RESULT: _on_result,
        Kind.TIMER: _on_timer,
        Kind.SIGNAL: _on_signal,
        Kind.ANSWER: _on_value,
        Kind.CHILD: _on_value,
        Kind.CANCEL: _on_cancel,
    }

    def deadlock(self) -> None:
        """Stop a program that waits for something nothing can bring."""
        tasks = ", ".join(task.get_name() or "main" for task in self.loop.tasks) or "main"
        self._verdict = Deadlocked(
            f"Nothing is in flight and nothing was asked for, yet the program waits (tasks: {tasks}). "
            "It awaits an Event, Queue, Lock or Future that no other task will ever set."
        )
        self._main.cancel()
        self._drain()

    def _keep(self, fact: Fact) -> None:
        """A fact not asked for yet is kept; with the same code that cannot be, so it is an error."""
        if self.is_same_code and fact.kind in (Kind.RESULT, Kind.TIMER, Kind.CHILD):
            known = self.history.steps.get(fact.path)
            task = f" of task {known.task!r}" if known and known.task else ""
            self._refuse(
                f"The journal has a {Kind(fact.kind).name.lower()} at {fact.path!r}{task}, but the "
                "same code did not ask for it this time. The program depends on something that is "
                "not recorded (time, chance, files, globals, the order of a set). "
                "Move that into a @task."
            )
        self.kept[fact.path] = fact

    def _resolve_result(self, wait: Wait, result: Result) -> None:
        future = wait.future
        if result.x is not None:
            self.outcomes[wait.path] = ("not-done" if result.x.code == "not-done" else "failed", None)
            if not future.done():
                kind = _NONE_TYPES.get(result.st)
                if kind is None:
                    kind = StepTimedOut if result.x.code == "timeout" else StepFailed
                future.set_exception(kind(wait.path, result.x))
            return
        encoded = self.settings.resolve(bytes(result.v)) or b"null"
        if wait.compensate is not None:
            self.outcomes[wait.path] = ("succeeded", decode_any(encoded))
        if not future.done():
            self._set(future, wait, encoded)

    def _resolve_value(self, wait: Wait, body: bytes) -> None:
        value = decode_value(body)
        if value.x is not None:
            kind = StepTimedOut if value.x.code == "timeout" else StepFailed
            wait.future.set_exception(kind(wait.path, value.x))
            return
        encoded = self.settings.resolve(bytes(value.v)) or b"null"
        self._set(wait.future, wait, encoded)

    def _set(self, future: RunFuture, wait: Wait, encoded: bytes) -> None:
        try:
            future.set_result(wait.codec.decode(encoded))
        except ValueNotPortable as problem:
            error = ErrorInfo(
                type="ValueNotPortable", message=str(problem), code=problem.code, path=wait.path
            )
            future.set_exception(ResultUnusable(wait.path, error))

    # asking -----------------------------------------------------------------------------

    def _future(self) -> RunFuture:
        self._alive()
        return self.loop.create_future()

    def _wait(self, what: str, path: str, codec: Codec) -> Wait:
        return Wait(what, path, self._future(), codec, self.loop.now_us)

    def _alive(self) -> None:
        if self.is_dead:
            raise RunSuspended
        if self.fault is not None:
            raise self.fault

    def _ask_for(self, wait: Wait, command: Command) -> None:
        path = wait.path
        if path in self.waits:
            self._refuse(f"Two calls asked for the path {path!r} at once.")
        if self.kept and path in self.kept:
            fact = self.kept.pop(path)
            self.waits[path] = wait
            self._handlers[fact.kind](self, fact)
            return
        self.waits[path] = wait
        wait.future.on_cancel = lambda: self._cancelled(wait)
        self.commands.append(command)

    def _cancelled(self, wait: Wait) -> None:
        if not self.is_dead:
            self.commands.append(CancelStep(wait.path, wait.what))

    def _start_timer(self, timer: Timer) -> None:
        self._alive()
        self._add_timer(timer, self.loop.now_us + timer.delay_us, follows_wall=False)

    def _add_timer(self, timer: Timer, due_us: int, *, follows_wall: bool) -> None:
        fact = self.kept.pop(timer.path, None) if self.kept else None
        if fact is not None:
            self.loop.fire(timer)
            return
        self.timers[timer.path] = timer
        self.commands.append(StartTimer(timer.path, due_us, follows_wall))

    def _cancel_timer(self, timer: Timer) -> None:
        if not self.is_dead:
            self.commands.append(CancelStep(timer.path, "timer"))

    def _once_only(self, kind: Kind, path: str, command: Command) -> None:
        self._alive()
        if (kind, path) not in self.history.noted:
            self.commands.append(command)

    def _check(self, wait: Wait, task: str) -> None:
        """Compare what is asked with what is recorded at that path (DESIGN §3)."""
        known = self.history.steps.get(wait.path)
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
        if known.is_open and known.effect in ("write", "once"):
            self._refuse(
                f"Step {wait.path!r} ({task}, {known.effect}) was begun with other arguments than "
                f"the program asks for now ({_short(wait.encoded)}), and may have happened. "
                "Bring back the code that began it, or cancel the run."
            )
        if known.is_closed and (self.is_same_code or self.spec.is_strict):
            why = "is strict" if not self.is_same_code else "has not changed, so it is not deterministic"
            self._refuse(
                f"Step {wait.path!r} ({task}) was recorded with other arguments than the program "
                f"asks for now ({_short(wait.encoded)}); the workflow {why}. "
                "Take time, chance and environment from podium.now(), random(), uuid4(), env()."
            )
        if known.is_closed and (Kind.DRIFT, wait.path) not in self.history.noted:
            text = f"asked now with {_short(wait.encoded)}; the recorded result is used"
            body = msgspec.json.encode({"code": "drift", "text": text})
            self.commands.append(Remark(Kind.DRIFT, wait.path, body))

    def _refuse(self, message: str) -> None:
        self.fault = Nondeterminism(f"{message} (run {self.settings.run_id!r})")
        raise self.fault


def _wake(future: RunFuture) -> None:
    if not future.done():
        future.set_result(None)


def _short(encoded: bytes, chars: int = 200) -> str:
    text = encoded[: chars * 2].decode(errors="replace")
    return text if len(text) <= chars else f"{text[:chars]}…"

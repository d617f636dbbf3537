"""One run's program: delivers facts in order, collects what the program asks for.

Pure: no store, no executor, no clock. ``deliver`` takes one fact and runs the program until it is
quiet; ``take_commands`` then gives what it asked for, in order. Live and replay differ only in
where facts come from.
"""

from __future__ import annotations

import asyncio
import contextvars

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from podium.core.budgets import current_budgets, without_limit
from podium.core.codec import decode_any
from podium.core.context import current_context
from podium.core.errors import (
    NEVER_BEGAN,
    Deadlocked,
    ErrorInfo,
    ForgottenAwait,
    Nondeterminism,
    PodiumError,
    RestartRequested,
    RunSuspended,
)
from podium.core.failures import describe_failure
from podium.core.ports import Entropy
from podium.core.scope import Scope
from podium.core.spec import WorkflowSpec
from podium.engine.commands import Command, Ending, RunState, Settings, StartStep, Undo, Wait
from podium.engine.compensation import compensate, failure_of
from podium.engine.context import RunContext
from podium.engine.guard import Suspicion
from podium.engine.history import Fact, History
from podium.engine.loop import RunLoop, RunTask
from podium.engine.outcomes import resolve_result, resolve_value
from podium.engine.timers import Timers
from podium.journal.records import (
    DEADLINE,
    DEADLOCK,
    Kind,
    Result,
    Status,
    decode_note,
    decode_result,
)

_OUTCOMES = {
    "not-done": "not-done",
    "outcome-unknown": "unknown",
    "timeout": "unknown",
    "heartbeat-timeout": "unknown",
    "cancelled": "unknown",
    **dict.fromkeys(NEVER_BEGAN, "not-done"),
}
"""What a compensating task is told, by the code of the step's error; else ``failed``."""


class Program:
    """A run's program."""

    def __init__(
        self, spec: WorkflowSpec, encoded_input: bytes, started_at: int, history: History,
        settings: Settings, entropy: Entropy,
    ) -> None:  # fmt: skip
        self.loop = RunLoop(int(settings.uid[:15], 16))  # type: ignore[abstract]  # refused by name
        self.loop.now_us = started_at
        self.state = RunState(
            spec, settings, history, entropy, self.loop, facts_left=len(history.facts),
            is_same_code=history.code == settings.code, foreign_left=history.foreign_facts,
        )  # fmt: skip
        self.loop.on_suspicion = self._suspect
        timers = Timers(self.state)
        self.loop.on_timer, self.loop.on_timer_cancelled = timers.start, timers.cancel
        self.context = RunContext(
            self.state, timers, lambda fact: self._handlers[fact.kind](self, fact)
        )
        self.spec = spec
        self.history = history
        self.waits = self.state.waits
        self.timers = self.state.timers
        self.open_effects = self.state.open_effects
        self.is_cancelled = False
        self._is_foreign = False
        self.deadlocks = 0
        """How often it was stopped because nothing could ever wake it."""
        self.ending: Ending | None = None
        self._compensations: list[Undo] = []
        self._outcomes: dict[str, tuple[str, Any]] = {}
        self._is_winding_down = False
        self._is_compensating = False
        self._verdict: Deadlocked | None = None
        self._overdue = ""
        """What is said of a run whose time was over before its end."""
        self._root_scope = Scope("")
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
        if self.state.facts_left:
            self.state.facts_left -= 1
            self._is_foreign = self.state.foreign_left > 0
            self.state.foreign_left -= self._is_foreign
        if fact.at > self.loop.now_us:
            self.loop.now_us = fact.at
        handler = self._handlers.get(fact.kind)
        assert handler is not None, f"fact of unknown kind {fact.kind}"
        handler(self, fact)
        self._drain()

    def take_commands(self) -> list[Command]:
        """Return what was asked for since the last call, without what is already called off."""
        commands = self.state.commands
        if not commands:
            return commands
        self.state.commands = []
        undos = 0
        for command in commands:
            if isinstance(command, StartStep) and command.wait.spec.touches:
                wait = command.wait
                if not wait.future.done():
                    self.open_effects.setdefault(wait.path, [])
                    self._register_compensation(wait)
            elif isinstance(command, Undo):
                self._compensations.append(command)
                undos += 1
        return [one for one in commands if not isinstance(one, Undo)] if undos else commands

    def suspend(self) -> None:
        """Let go of the program: nothing it does from here on is started or recorded."""
        self.state.is_dead = True
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
        return self.state.facts_left > 0

    def _begin(self, encoded_input: bytes) -> RunTask:
        context = contextvars.Context()
        context.run(current_context.set, self.context)
        if self.state.settings.budgets:
            self.state.has_budgets = True
            context.run(current_budgets.set, self.state.settings.budgets)
        return context.run(
            self.loop.new_task, self._root(encoded_input), self._root_scope, context=context
        )

    def _drain(self) -> None:
        self.loop.drain()
        if self.state.fault is not None:
            raise self.state.fault
        if self._main.done() and self.ending is None and not self.state.is_dead:
            self.state.fault = PodiumError(
                f"The frame of workflow {self.spec.name!r} broke: {self._main!r}. Please report this."
            )
            raise self.state.fault

    # the program's frame ----------------------------------------------------------------

    async def _root(self, encoded_input: bytes) -> None:
        """Run the workflow, then bring everything it began to an end."""
        ending = await self._outcome(encoded_input)
        if self.state.is_dead:
            return
        if self._overdue:
            ending = _timed_out(self._overdue, ending)
        self._is_winding_down = True
        await self._wind_down()
        if ending.status != "succeeded" and ending.restart is None:
            self._is_compensating = True
            current_budgets.set(without_limit(current_budgets.get()))
            just_said = [one for one in self.state.commands if isinstance(one, Undo)]
            undos = [*self._compensations, *just_said]
            left = await compensate(self.context, undos[::-1])
            if left:
                ending = Ending("failed", error=failure_of(left, ending.error))
        if self.state.unawaited and ending.status == "succeeded":
            ending = Ending(
                "failed", error=describe_failure(ForgottenAwait(*self.state.unawaited[0]))
            )
        self.ending = ending

    async def _outcome(self, encoded_input: bytes) -> Ending:
        try:
            bound = self.spec.binder.decode(encoded_input)
            value = await self.spec.binder.call(self.spec.fn, bound)
            encoded, _ = self.spec.returns.copy(
                value, f"the output of {self.spec.name}", self.state.settings.payload_bytes_max
            )
            return Ending("succeeded", output=encoded)
        except asyncio.CancelledError as error:
            if self.state.fault is None and self._verdict is not None:
                return Ending("failed", error=describe_failure(self._verdict))
            if self.is_cancelled:
                return Ending("cancelled")
            return Ending("failed", error=describe_failure(error))
        except RestartRequested as request:
            return Ending("restarted", restart=request.bound)
        except RunSuspended as error:  # ours where the Context is dead; else the program raised it
            return Ending("failed", error=describe_failure(error))
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001 - whatever the program raised is its outcome
            return Ending("failed", error=describe_failure(error))

    async def _wind_down(self) -> None:
        """Cancel what the program left behind, in creation order; let effects in flight end."""
        me = asyncio.current_task()
        left = [task for task in self.loop.tasks if task is not me and not task.done()]
        if left:
            names = ", ".join(task.get_name() for task in left[:5])
            self.context.warn(self._root_scope.name("unfinished"), "unfinished-tasks",
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
        settled = self.context.effects_settled("")
        if settled is not None:
            await settled

    def _register_compensation(self, wait: Wait) -> None:
        if wait.compensate is not None and not self._is_compensating:
            bound = wait.spec.binder.decode(wait.encoded)
            offer = partial(self._offered, wait.path, bound)
            self._compensations.append(Undo(wait.path, wait.compensate, offer))

    def _offered(self, path: str, bound: dict[str, Any]) -> dict[str, Any] | None:
        """Return what the task that undoes a step may be given; None if the step did not happen."""
        outcome, result = self._outcomes.get(path, ("unknown", None))
        return None if outcome == "not-done" else {**bound, "outcome": outcome, "result": result}

    # facts ------------------------------------------------------------------------------

    def _on_result(self, fact: Fact) -> None:
        wait = self.waits.pop(fact.path, None)
        for future in self.open_effects.pop(fact.path, ()):
            if not future.done():
                future.set_result(None)
        if wait is None:
            self._keep(fact)
        else:
            result = decode_result(fact.body)
            if wait.compensate is not None:
                self._note_outcome(wait, result)
            resolve_result(self.state, wait, result)

    def _on_timer(self, fact: Fact) -> None:
        timer = self.timers.pop(fact.path, None)
        if timer is None:
            self._keep(fact)
        elif timer.callback is not None:
            self.loop.fire(timer)

    def _on_signal(self, fact: Fact) -> None:
        waiting = self.state.receivers.get(fact.path)
        while waiting:
            wait = waiting.popleft()
            self.waits.pop(wait.path, None)
            if not wait.future.done():
                resolve_value(self.state, wait, fact.body)
                return
        self.state.signals.setdefault(fact.path, deque()).append(fact.body)

    def _on_value(self, fact: Fact) -> None:
        wait = self.waits.pop(fact.path, None)
        if wait is None:
            self._keep(fact)
        elif not wait.future.done():
            resolve_value(self.state, wait, fact.body)

    def _on_cancel(self, fact: Fact) -> None:
        if fact.path == DEADLOCK:
            self._on_deadlock()
        elif fact.path == DEADLINE:
            self._on_deadline(decode_note(fact.body).text)
        elif not self.is_cancelled and not self._is_winding_down:
            self.is_cancelled, self._verdict = True, None
            self._main.cancel()

    def _on_deadline(self, text: str) -> None:
        """Stop a program whose time is over; what it does then in ``finally`` is still done."""
        if self._is_winding_down:
            return
        if not self.is_cancelled:  # a cancelled run that dawdles stays a cancelled one
            self.is_cancelled, self._overdue = True, text
        self._main.cancel()

    def _on_deadlock(self) -> None:
        """Stop a program that waits for something nothing can bring."""
        tasks = ", ".join(task.get_name() or "main" for task in self.loop.tasks) or "main"
        self.deadlocks += 1
        self._verdict = Deadlocked(
            f"Nothing is in flight and nothing was asked for, yet the program waits (tasks: {tasks}). "
            "It awaits an Event, Queue, Lock or Future that no other task will ever set."
        )
        self._main.cancel()

    _handlers: ClassVar[dict[int, Callable[[Program, Fact], None]]] = {
        Kind.RESULT: _on_result,
        Kind.TIMER: _on_timer,
        Kind.SIGNAL: _on_signal,
        Kind.ANSWER: _on_value,
        Kind.CHILD: _on_value,
        Kind.CANCEL: _on_cancel,
    }

    def _keep(self, fact: Fact) -> None:
        """A fact not asked for yet is kept; with the same code that cannot be, so it is an error."""
        is_same_code = self.state.is_same_code and not self._is_foreign
        if is_same_code and fact.kind in (Kind.RESULT, Kind.TIMER, Kind.CHILD):
            known = self.history.steps.get(fact.path)
            task = f" of task {known.task!r}" if known and known.task else ""
            self.state.fault = Nondeterminism(
                f"The journal has a {Kind(fact.kind).name.lower()} at {fact.path!r}{task}, but the "
                "same code did not ask for it this time. The program depends on something that is "
                "not recorded (time, chance, files, globals, the order of a set). "
                f"Move that into a @task. (run {self.state.settings.run_id!r})"
            )
            raise self.state.fault
        self.state.kept[fact.path] = fact

    def _suspect(self, suspicion: Suspicion) -> None:
        """Warn of likely nondeterminism, once for each kind."""
        mark = (Kind.WARNING, f"guard:{suspicion.code}")
        if mark not in self.history.noted:
            self.context.warn(mark[1], *suspicion)
            self.history.noted.add(mark)

    def _note_outcome(self, wait: Wait, result: Result) -> None:
        """Remember how an effect ended that may have to be undone."""
        if result.st == Status.UNUSABLE:
            self._outcomes[wait.path] = ("succeeded", None)
        elif result.x is not None:
            word = _OUTCOMES.get(result.x.code, "failed")
            if result.x.code in NEVER_BEGAN and result.n > 1:
                word = "unknown"  # earlier attempts of it had begun
            self._outcomes[wait.path] = (word, None)
        else:
            encoded = self.state.settings.resolve(bytes(result.v)) or b"null"
            self._outcomes[wait.path] = ("succeeded", decode_any(encoded))


def _timed_out(text: str, ending: Ending) -> Ending:
    """Return how a run ends whose time was over before, whatever its program made of that."""
    error = ending.error if ending.error and ending.error.type != "CancelledError" else None
    return Ending(
        "failed",
        error=ErrorInfo(
            type="TimeoutError", message=text, code="timeout", cause=error, bases=("OSError",)
        ),
    )

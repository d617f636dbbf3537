"""One step's way from start to outcome: attempts, retries, timeouts, unknown outcomes.

What is recorded when (DESIGN §4): a ``write``/``once`` start is committed before the body runs;
a failed attempt that will be retried is recorded, so that a crash does not forget the count; a
result is recorded when it comes. ``pure``/``read`` starts need no record: a crash runs them again.
"""

from __future__ import annotations

import asyncio

from functools import partial
from typing import Any

import msgspec

from podium.core.codec import codec_for
from podium.core.effects import Effect
from podium.core.errors import ErrorInfo, NotDone, PodiumError, ValueNotPortable
from podium.core.failures import class_names, describe_failure
from podium.core.hints import retry_after_s
from podium.core.limits import SHOW_STARTED_AFTER_S
from podium.core.ports import Attempt, BadResult, Cancellable
from podium.core.spec import TaskSpec
from podium.engine.admission.passage import Passage
from podium.engine.commands import MISSING, Wait
from podium.engine.heartbeats import Heart
from podium.engine.leaving import failure_of, late_text, result_of, said
from podium.engine.roles import StepRun
from podium.engine.tab import Tab
from podium.engine.timing import Timing
from podium.journal.records import LOST, Kind, Note, Result, Started, Status, body
from podium.policy.retry import NO_FAILURES, Decision, Failure, count, decide, sign_of

_RAW = msgspec.Raw
_ANY = codec_for(Any)


class Step(Timing):
    """A step that is under way."""

    __slots__ = (
        "_alive", "_has_begun", "_queue_timer", "next_at", "options", "started_at", "tally",
    )  # fmt: skip

    def __init__(self, run: StepRun, wait: Wait) -> None:
        self.run = run
        self.wait = wait
        self.options = wait.options
        self.path = wait.path
        self.spec: TaskSpec = wait.spec
        known = wait.known
        self.number = known.attempts if known else 0
        self.tally = NO_FAILURES
        for error in known.failed if known else ():
            self.tally = count(self.spec.options.retry, self.tally, sign_of(error))
        self.first_at = known.first_at if known else 0
        self.next_at = 0
        """When the next attempt is due, where it waits for one."""
        self.started_at = 0
        self.is_over = False
        self.is_cancelled = False
        self.is_timed_out = False
        self.is_unknown = False
        self._has_begun = self.number > 0
        """Whether a body may have run: else it certainly did not happen."""
        self._is_noted = False
        self._is_out_of_time = False
        self._is_reconciling = False
        self._alive = 0
        """Bodies that run, those included that were given up (a thread cannot be killed)."""
        self._bodied = None
        self._executing = None
        self._attempt_timer = self._total_timer = self._retry_timer = None
        self._queue_timer: Cancellable | None = None
        self._passage = None
        self.tab = None
        self._heart = None
        self._detail = known.beat if known else None

    # begin ------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start the step, or take it up where a dead process left it."""
        known = self.wait.known
        if known is not None:
            if known.effect == Effect.ONCE and known.is_open:
                self._unknown(self._lost(), is_recorded=known.is_unknown)
                return
            if known.next_at:
                self._wait_for_retry((known.next_at - self.run.clock_us()) / 1e6)
                return
        elif self.spec.options.cache is not None and self._answer_from_cache():
            return
        self._attempt()

    def _answer_from_cache(self) -> bool:
        """End with the result of an earlier call, if there is one that is young enough."""
        run = self.run
        kept = run.engine.results.cached(self.spec, self._arguments())
        if kept is None:
            return False
        self.wait.copy = MISSING
        result = Result(v=_RAW(run.payloads.pack(kept.value)), by="cache", o=kept.at)
        self.started_at = self.first_at = run.clock_us()
        self._end(result)
        return True

    def _arguments(self) -> dict[str, Any]:
        """Return the arguments by name."""
        return self.wait.bound or self.spec.binder.decode(self.wait.encoded)

    def _attempt(self) -> None:
        """Begin the next attempt; for an effect, once its start is durable."""
        self._retry_timer = None
        if self.is_over:
            return
        self.number += 1
        run = self.run
        self.started_at = run.clock_us()
        self.first_at = self.first_at or self.started_at
        self.is_timed_out = False
        is_gated = self.spec.is_gated
        if self.spec.is_priced or self.wait.budgets:
            if not self._open_tab():
                return
            is_gated = is_gated or (self.tab is not None and self.tab.needs_room)
        if is_gated:
            self._queue()
        else:
            self._begin_body()

    def _open_tab(self) -> bool:
        """Find out what the attempt may cost; False where that cannot be told."""
        try:
            budgets = self.run.engine.admission.budgets
            self.tab = Tab.of(self.run, budgets, self.wait, self.number, self._arguments)
        except PodiumError as problem:
            self.refused(describe_failure(problem))
            return False
        return True

    def _queue(self) -> None:
        """Go through the limits and breakers of the task, however long that takes."""
        run, options = self.run, self.spec.options
        if options.queue_timeout_s is not None:
            self._queue_timer = run.call_later(options.queue_timeout_s, self._queue_timeout)
        self._arm_total_timer()
        try:
            self._passage = passage = run.engine.admission.passage(
                self, self._arguments, run.clock_us()
            )
        except PodiumError as problem:  # its key cannot be made of these arguments
            self.refused(describe_failure(problem))
            return
        if self.tab is not None and self.tab.needs_room:
            run.questions.take_up(self.path)
        passage.enter()
        passage.tell()

    def show_waiting(self) -> None:
        """There is something new to say about what it waits for."""
        self.run.engine.ready(self.run)  # it has something new to wait for

    def admitted(self) -> None:
        """It has passed all limits and breakers: the body may begin."""
        self._stop_queue_timer()
        if self.is_over or self.run.is_closed:
            return
        if self._passage is not None and self.run.is_shown_waiting:
            self.run.show_running()
        self.started_at = self.run.clock_us()
        self._begin_body()
        self.run.engine.wake()

    def refused(self, error: ErrorInfo) -> None:
        """A breaker is open, or the time to wait is over: it certainly did not happen."""
        self._stop_queue_timer()
        self._end(Result(x=error, st=Status.FAILED))
        self.run.engine.wake()

    def _queue_timeout(self) -> None:
        self._queue_timer = None
        obstacle = self.obstacle
        if obstacle is None or self._passage is None:
            return
        limit_s = self.spec.options.queue_timeout_s
        self._passage.give_up()
        text = f"it waited longer than {limit_s:g} s: {obstacle.text}"
        self.refused(
            ErrorInfo(type="QueueTimeout", message=text, code="queue-timeout", path=self.path)
        )

    def _stop_queue_timer(self) -> None:
        if self._queue_timer is not None:
            self._queue_timer.cancel()
            self._queue_timer = None

    def _begin_body(self) -> None:
        """Record the start where it must be durable, then run the body."""
        run, options = self.run, self.spec.options
        is_long = self.spec.touches or options.expect_s > SHOW_STARTED_AFTER_S or run.is_suspect
        if is_long or (self.tab is not None and self.tab.is_noted):
            run.log.after(self.note_start(), self._execute)
        else:
            self._execute()

    def note_start(self) -> int:
        """Record that the attempt has begun."""
        self._is_noted = True
        run, wait = self.run, self.wait
        compensate = wait.compensate.name if wait.compensate else ""
        started = Started(
            self.spec.name, self.spec.effect.value, wait.fingerprint, self.number,
            run.key(self.path) if self.spec.touches else "", compensate,
        )  # fmt: skip
        if self.tab is not None:
            started.p = self.tab.worst
            self.tab.note_start()
        if self.number == 1:
            started.a = _RAW(run.payloads.pack(wait.encoded))
        return run.record(Kind.STARTED, self.path, body(started), self.started_at)

    def show(self) -> None:
        """Record a long read as started, so that other processes can see it."""
        if self._executing is not None and not self._is_noted and not self.is_over:
            self.note_start()
            self.run.log.flush()

    def _execute(self) -> None:
        run = self.run
        passage = self._passage
        if passage is not None:
            self._handed_at = run.clock_us()
            if self.is_over or run.is_closed or run.engine.is_closing:
                passage.abandon()
        if self.is_over or run.is_closed:
            return
        if run.engine.is_closing:
            if self.spec.effect is Effect.ONCE:
                text = "the worker was closed before the call"
                self._record_lost(
                    ErrorInfo(type=LOST, message=text, code="not-done", path=self.path)
                )
            return
        wait = self.wait
        arguments, wait.bound = wait.bound, {}
        if not arguments or self.number > 1:
            arguments = self.spec.binder.decode(wait.encoded)
        attempt = Attempt(
            self.spec, arguments, wait.encoded, run.id, self.path, self.number, run.key, run.headers,
            run.files, run.engine.require_ownership if self.spec.effect is Effect.ONCE else None,
        )  # fmt: skip
        self._alive += 1
        self._has_begun = True
        attempt.pulse.last, attempt.pulse.tell = self._detail, self._beaten
        attempt.outlet.tell = partial(self._emitted, attempt)
        self._bodied = attempt
        tab = self.tab
        if tab is not None:
            tab.attempt = attempt
        run.engine.in_flight += 1
        done = partial(self._done, attempt, passage, tab)
        self._executing = run.engine.executor.start(attempt, done)
        options = self.spec.options
        if options.heartbeat_timeout_s is not None:
            self._heart = Heart(self, attempt)
        if options.timeout_s is not None:
            self._handed_at = run.clock_us()
            self._attempt_timer = run.call_later(options.timeout_s, self._attempt_timeout)
        self._arm_total_timer()
        if not self._is_noted:
            run.engine.watch_start(self)

    # end --------------------------------------------------------------------------------

    def _done(
        self, attempt: Attempt, passage: Passage | None, tab: Tab | None, value: Any,
        error: BaseException | None,
    ) -> None:  # fmt: skip
        """An attempt has ended, in the engine's thread."""
        run = self.run
        run.engine.in_flight -= 1
        self._alive -= 1
        attempt.pulse.tell = None
        if passage is not None:
            self._leave(passage, error)
        if tab is not None or attempt.spent:
            self._settle(attempt, tab, error)
        if attempt.number != self.number or self.is_unknown:
            # Overlap was allowed and a younger attempt runs, or it was given up as unknown.
            if not run.is_closed:
                self._late(attempt, value, error)
            return
        self.take_chunks(attempt)
        self._watch_no_more(is_done=error is None)
        self._executing = None
        if run.is_closed:
            if run.is_ended:
                self._late(attempt, value, error)
            return
        run.engine.probe("effect-done", run.id, self.path)
        if self.is_over:
            self._late(attempt, value, error)
        elif self.is_timed_out:
            self._after_timeout(attempt, value, error)
        elif error is None:
            self._succeeded(value)
        elif self.is_cancelled and isinstance(error, asyncio.CancelledError):
            self._end(Result(x=failure_of(attempt, error), st=Status.CANCELLED))
        elif isinstance(error, BadResult):
            self._end(Result(x=failure_of(attempt, error.problem), st=Status.UNUSABLE))
        else:
            self._failed(error)

    def _settle(self, attempt: Attempt, tab: Tab | None, error: BaseException | None) -> None:
        """Record what the attempt has used."""
        if tab is None:
            tab = Tab(
                self.run, self.run.engine.admission.budgets, self.path, attempt.number, (), None
            )
            tab.attempt = attempt
        tab.settle(error, self.spec.options.not_done)

    def _leave(self, passage: Passage, error: BaseException | None) -> None:
        """Tell the doors what became of the call, and give back what it held."""
        took_s = (self.run.clock_us() - self._handed_at) / 1e6
        if error is None or isinstance(error, BadResult):
            passage.report("ok", (), took_s)
        elif isinstance(error, asyncio.CancelledError):
            passage.report("unknown", (), took_s)
        else:
            passage.report("failed", class_names(error), took_s)
        passage.leave()

    def _succeeded(self, value: Any) -> None:
        try:
            encoded, copy = result_of(
                self.spec, self._bodied, value, self.run.engine.options.payload_bytes_max
            )
        except ValueNotPortable as problem:
            self._end(Result(x=failure_of(self._bodied, problem), st=Status.UNUSABLE))
            return
        self.wait.copy = copy
        self._keep(encoded)
        self._end(Result(v=_RAW(self.run.payloads.pack(encoded))))

    def _keep(self, encoded: bytes) -> None:
        """Keep the result for later calls, where the task or the call wants that."""
        run = self.run
        if not run.engine.results.wants(self.spec):
            return
        arguments = self.spec.binder.decode(self.wait.encoded)
        if not run.engine.results.keep(self.spec, arguments, run.num, encoded):
            text = f"{len(encoded):,} bytes are too many to be kept for later calls"
            run.record(Kind.WARNING, self.path, body(Note("not-kept", text)))

    def _failed(self, error: BaseException) -> None:
        options = self.spec.options
        did_not_happen = isinstance(error, (NotDone, *options.not_done))
        described = failure_of(self._bodied, error)
        if did_not_happen:
            described = msgspec.structs.replace(described, code="not-done")
        if self.spec.effect is Effect.ONCE and not did_not_happen:
            self._unknown(described)
            return
        self._retry_or_fail(described, retry_after_s(error, self.run.clock_us()))

    def _retry_or_fail(self, described: ErrorInfo, asked_s: float = 0.0) -> None:
        """Count a failure; try again when the policy says so, else end.

        Args:
            described: The failure.
            asked_s: How long the other side asks to wait, in seconds.
        """
        now = self.run.clock_us()
        sign = sign_of(described)
        self.tally = count(self.spec.options.retry, self.tally, sign)
        wait_s, reason = self._decide(Failure(sign, self.first_at, now, asked_s))
        if wait_s is None:
            if reason:
                described = msgspec.structs.replace(described, gave_up=reason)
            self._end(Result(x=described, st=Status.FAILED))
            return
        self._record_failed(described, now, now + round(wait_s * 1e6))
        self._is_noted = False
        self._wait_for_retry(wait_s)

    def _decide(self, failure: Failure) -> Decision:
        if self.is_cancelled:
            return Decision(None)
        if self._is_out_of_time:
            return Decision(None, "deadline")
        options = self.spec.options
        chance = self.run.chance(f"{self.path}:{self.number}")
        return decide(options.retry, self.tally, failure, options.total_timeout_s, chance)

    def _wait_for_retry(self, wait_s: float) -> None:
        self.next_at = self.run.clock_us() + round(wait_s * 1e6)
        self._retry_timer = self.run.call_later(max(0.0, wait_s), self._retry)
        if wait_s > SHOW_STARTED_AFTER_S:
            self.run.engine.ready(self.run)  # it has something new to wait for

    def _retry(self) -> None:
        """Try again, but never beside an attempt that still lives (a thread cannot be killed)."""
        if self._alive and not self.spec.options.overlap:
            self._retry_timer = self.run.call_later(0.05, self._retry)
            return
        self.run.show_running()
        self._attempt()
        self.run.engine.wake()

    def _end(self, result: Result) -> None:
        """Record the outcome and hand it to the program as a fact."""
        self.is_over = True
        self._stop_timers()
        if self.tab is not None:
            self.tab.give_up()
        run, wait = self.run, self.wait
        result.n = self.number
        result.d = max(0, run.clock_us() - self.started_at)
        result.w = said(self._bodied)
        if not self._is_noted:
            result.k, result.e, result.f = self.spec.name, self.spec.effect.value, wait.fingerprint
            if len(wait.encoded) > 2:
                result.a = _RAW(run.payloads.pack(wait.encoded))
        if self.is_cancelled and result.x is None:
            result.st = Status.LATE
        run.step_ended(self.path, body(result))

    def _late(self, attempt: Attempt, value: Any, error: BaseException | None) -> None:
        """An attempt ended after its step was decided: recorded, not used."""
        if isinstance(error, asyncio.CancelledError):
            return
        if error is None:
            note = Note("late", f"returned {late_text(attempt, value)}", said(attempt))
        else:
            note = Note("late-error", failure_of(attempt, error).line()[:500], said(attempt))
        self.run.record(Kind.LATE, self.path, body(note))
        self.run.engine.wake()

    # cancel -----------------------------------------------------------------------------

    def cancel(self, *, is_run: bool) -> None:
        """Nobody waits for it any more.

        What has not begun does not begin, and what failed is not tried again. A body that reads
        is stopped. A ``write`` goes on to its end, unless the whole run is cancelled; a ``once``
        always does.
        """
        if self.is_over:
            return
        self.is_cancelled = True
        if self.is_unknown:
            return
        if self._passage is not None:
            self._passage.give_up()
        if self._executing is None:
            self._cancelled_now()
        elif self.spec.effect is Effect.ONCE or (self.spec.touches and not is_run):
            return
        elif not self._stop_body(self._executing) and not self.spec.touches:
            self._cancelled_now()

    def _cancelled_now(self) -> None:
        if self._has_begun:
            error = ErrorInfo(
                type="CancelledError", message="cancelled before it ended", code="cancelled"
            )
        else:
            error = ErrorInfo(
                type="CancelledError", message="cancelled before it began", code="not-done"
            )
        self._end(Result(x=error, st=Status.CANCELLED))

    def close(self) -> None:
        """Let go of it: the run is suspended or over."""
        self.is_over = True
        self._stop_timers()
        if self._passage is not None:
            self._passage.give_up()
        if self._executing is not None and not self.spec.touches:
            self._stop_body(self._executing)

    @property
    def is_executing(self) -> bool:
        """Whether a body runs just now, waited for or given up."""
        return self._alive > 0 or self._is_reconciling

    @property
    def is_awaited(self) -> bool:
        """Whether a body runs whose end the step waits for."""
        return self._executing is not None

    @property
    def queued_since(self) -> int:
        """Since when it waits for that."""
        return self._passage.since_us if self._passage is not None else self.started_at

    @property
    def is_between(self) -> bool:
        """Whether it waits for its next attempt."""
        return self._retry_timer is not None

    def _stop_timers(self) -> None:
        self._watch_no_more(is_done=True)
        for timer in (self._total_timer, self._retry_timer, self._queue_timer):
            if timer is not None:
                timer.cancel()
        self._total_timer = self._retry_timer = self._queue_timer = None

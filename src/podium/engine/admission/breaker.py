"""A breaker, as one worker sees it: how it stood when last heard of, and who waits for it.

Closed, calls pass without asking anybody. Their ends are gathered and told with a commit
(``policy.breaker``); what the commit decides is how it stands from then on.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from podium.core.errors import ErrorInfo
from podium.core.policies import Breaker
from podium.core.ports import Cancellable
from podium.engine.admission.desk import Desk
from podium.engine.admission.passage import Obstacle, Passage, Visitor
from podium.policy import breaker
from podium.policy.breaker import Circuit, Look, Outcome, Probe, ProbeEnded, Report, Rule, View

TELL_AFTER_S: Final = 0.25
"""Successes are told together, after this time; a failure is told at once."""
ASK_AGAIN_S: Final = 1.0
"""While all probes are out elsewhere, it is asked again at least so often."""
_decode = msgspec.json.Decoder(View).decode
_encode = msgspec.json.encode
_COUNTED: Final = frozenset({"ok", "failed", "slow"})


class BreakerDoor:
    """One breaker, as one worker sees it."""

    def __init__(self, desk: Desk, key: str, option: Breaker) -> None:
        self.key = key
        self.option = option
        self._desk = desk
        self._waiting: dict[Passage, None] = {}
        """Who waits until it lets calls pass, first come first."""
        self._runs: list[tuple[Outcome, int]] = []
        """Ends of calls of this turn that are not told yet."""
        self._culprit: Visitor | None = None
        """Whose failure, or whose call, the report is about."""
        self._out = 0
        self._is_asking = False
        self._is_doubtful = False
        """A failure was counted here, and what follows from it is not known yet."""
        self._teller: Cancellable | None = None
        self._timer: Cancellable | None = None
        self._view = View("closed", 0)
        self.look()

    # what an attempt does ---------------------------------------------------------------

    def enter(self, passage: Passage) -> bool:
        """Pass while it is closed; else fail, or wait until it lets calls pass."""
        view = self._view
        if self._is_doubtful:
            self._wait(passage)
            return False
        if view.state == "closed":
            self._let(passage, is_probe=False)
            return True
        if view.state == "open" and self._now_us() < view.open_until_us:
            if self._fails(passage):
                passage.refuse(self._error(passage))
                return False
            self._wait(passage)
            self._look_later()
        else:
            self._wait(passage)
            self._probe()
        return False

    def stands(self, passage: Passage) -> bool:
        """What passed while it was closed does not begin while it is open."""
        if passage.is_probe:
            return True
        if self._view.state != "closed":
            return False
        passage.turn = self._view.turn  # it may have opened and closed again meanwhile
        return True

    def withdraw(self, passage: Passage) -> None:
        """It no longer waits."""
        self._waiting.pop(passage, None)

    def put_back(self, passage: Passage) -> None:
        """It passed, and never called."""
        self._ended(passage, "cancelled")

    def leave(self, passage: Passage) -> None:
        """Its body has ended; that was reported."""
        self._ended(passage, "unknown")

    def report(self, passage: Passage, outcome: str, types: tuple[str, ...], took_s: float) -> None:
        """Count how the call ended."""
        self._ended(passage, self._outcome(outcome, types, took_s))

    def obstacle(self, passage: Passage) -> Obstacle:
        """Say why it waits, and until when."""
        view, now = self._view, self._desk.now()
        until_us = 0
        if view.state == "open":
            text = f"the breaker {self.key!r} is open: {view.reason}"
            until_us = now.wall_us + view.open_until_us - now.at_us
        elif view.state == "closed":
            text = f"the breaker {self.key!r} takes note of a failure"
        else:
            text = f"the breaker {self.key!r} is half open: few calls try whether it works again"
        return Obstacle("breaker", self.key, text, until_us)

    # what it thinks of them ---------------------------------------------------------------

    def _fails(self, passage: Passage) -> bool:
        """Whether a call fails at once rather than wait."""
        when_open = self.option.when_open
        return when_open == "fail" or (when_open == "auto" and passage.step.options.has_fallback)

    def _error(self, passage: Passage) -> ErrorInfo:
        view, now = self._view, self._desk.now()
        text = f"the breaker {self.key!r} is {view.state.replace('_', ' ')}: {view.reason}"
        if view.state == "open":
            until = datetime.fromtimestamp(
                (now.wall_us + view.open_until_us - now.at_us) / 1e6, UTC
            )
            text += f"; it tries again at {until:%H:%M:%S} UTC"
        return ErrorInfo(
            type="CircuitOpen", message=text, code="circuit-open", path=passage.step.path
        )

    def _outcome(self, outcome: str, types: tuple[str, ...], took_s: float) -> str:
        option = self.option
        if outcome == "ok":
            return "slow" if option.slow_s is not None and took_s > option.slow_s else "ok"
        if outcome == "failed":
            names = set(types)
            if names & option.not_on or (option.on and not names & option.on):
                return "unknown"
        return outcome

    def _let(self, passage: Passage, *, is_probe: bool) -> None:
        passage.turn, passage.is_probe = self._view.turn, is_probe
        self._out += 1

    def _ended(self, passage: Passage, outcome: Any) -> None:
        turn = passage.turn
        if turn < 0:
            return
        passage.turn = -1
        self._out -= 1
        if passage.is_probe:
            passage.is_probe = False
            self._probe_ended(passage, outcome, turn)
        elif outcome in _COUNTED and turn == self._view.turn:
            self._count(outcome)
            if outcome != "ok" or not self._culprit:
                self._culprit = passage.step
            self._is_doubtful = self._is_doubtful or outcome == "failed"
            self._tell_after(TELL_AFTER_S if outcome == "ok" else 0.0)

    def _probe_ended(self, passage: Passage, outcome: Any, turn: int) -> None:
        step = passage.step
        self._decide(
            ProbeEnded(self._rule, self._desk.holder, outcome, turn, step.run.id, step.path)
        )

    def _count(self, outcome: Outcome) -> None:
        if self._runs and self._runs[-1][0] == outcome:
            self._runs[-1] = (outcome, self._runs[-1][1] + 1)
        else:
            self._runs.append((outcome, 1))

    def _tell_after(self, delay_s: float) -> None:
        if self._teller is not None:
            if delay_s:
                return
            self._teller.cancel()
        self._teller = self._desk.clock.call_later(delay_s, self._tell)

    def _tell(self) -> None:
        self._teller = None
        if not self._runs:
            self._is_doubtful = False
            if self._view.state == "closed":
                self._let_all()
        else:
            runs, self._runs = tuple(self._runs), []
            step, self._culprit = self._culprit, None
            by, path = (step.run.id, step.path) if step is not None else ("", "")
            event = _encode(Report(self._rule, self._view.turn, runs, by, path))
            self._desk.decide(breaker.KIND, self.key, event, self._told)

    # how it stands ------------------------------------------------------------------------

    @property
    def _rule(self) -> Rule:
        return Rule.of(self.option)

    def _now_us(self) -> int:
        return self._desk.now().at_us

    def _decide(self, event: Report | ProbeEnded) -> None:
        self._desk.decide(breaker.KIND, self.key, _encode(event), self._told)

    def _told(self, decision: bytes) -> None:
        self._is_doubtful = bool(self._runs)
        self._see(_decode(decision))

    def _see(self, view: View) -> None:
        """Take over how it stands; let those pass that can."""
        has_turned = view.turn != self._view.turn
        if has_turned:
            self._runs.clear()
            self._is_doubtful = False
        if view.has_changed:
            self._desk.changed(
                "breaker", self.key, f"{view.state.replace('_', ' ')}: {view.reason}"
            )
        self._view = view
        if view.state == "closed":
            self._let_all()
        elif view.state == "open":
            self._refuse_those_who_do_not_wait()
            self._look_later()
            for passage in list(self._waiting) if has_turned else ():
                passage.tell()
        else:
            self._probe()

    def _let_all(self) -> None:
        self._cancel_timer()
        while self._waiting and not self._is_doubtful and self._view.state == "closed":
            passage = self._first()
            self._let(passage, is_probe=False)
            passage.go_on()

    def _refuse_those_who_do_not_wait(self) -> None:
        for passage in list(self._waiting):
            if self._fails(passage):
                self._waiting.pop(passage, None)
                passage.refuse(self._error(passage))

    def _wait(self, passage: Passage) -> None:
        self._waiting[passage] = None

    def _first(self) -> Passage:
        """Take out who has waited longest."""
        passage = next(iter(self._waiting))
        del self._waiting[passage]
        return passage

    def _look_later(self) -> None:
        """Ask again when it may be tried."""
        self._cancel_timer()  # it may have been set for another state
        if not self._waiting:
            return
        left_s = ASK_AGAIN_S
        if self._view.state == "open":
            left_s = max(0.001, (self._view.open_until_us - self._now_us()) / 1e6)
        self._timer = self._desk.clock.call_later(left_s, self._again)

    def _again(self) -> None:
        self._timer = None
        self._probe()

    def _probe(self) -> None:
        """Ask whether the first in line may try."""
        if self._is_asking or not self._waiting:
            return
        self._is_asking = True
        self._cancel_timer()
        step = next(iter(self._waiting)).step
        event = Probe(self._rule, self._desk.holder, step.run.id, step.path)
        self._desk.decide(breaker.KIND, self.key, _encode(event), self._probed)

    def _probed(self, decision: bytes) -> None:
        self._is_asking = False
        view = _decode(decision)
        if not view.is_probe:
            self._not_probed(view)
            return
        if view.has_changed:
            self._desk.changed("breaker", self.key, f"half open: {view.reason}")
        self._view = view
        if not self._waiting:  # who asked has gone meanwhile
            event = ProbeEnded(self._rule, self._desk.holder, "cancelled", view.turn)
            self._decide(event)
            return
        passage = self._first()
        self._let(passage, is_probe=True)
        passage.go_on()
        self._probe()

    def _not_probed(self, view: View) -> None:
        """It is closed again, or as many try it as may."""
        if view.state == "closed":
            self._see(view)
            return
        self._view = view
        self._refuse_those_who_do_not_wait()
        self._look_later()

    def look(self) -> None:
        """Somebody has committed: see how it stands now."""
        state = self._desk.state(breaker.KIND, self.key)
        circuit = Circuit() if state is None else breaker.read(state, self.key)
        _, view = breaker.decide(circuit, Look(), self._desk.now())
        if (view.turn, view.state) != (self._view.turn, self._view.state) or self._waiting:
            self._see(view)

    def settle(self) -> None:
        """Tell what is not told yet: this worker is about to close."""
        if self._teller is not None:
            self._teller.cancel()
        self._tell()

    @property
    def is_unused(self) -> bool:
        """Whether nothing would be lost with it."""
        return not (self._runs or self._out or self._is_asking or self._waiting)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def close(self) -> None:
        """Forget the timers."""
        self._cancel_timer()
        if self._teller is not None:
            self._teller.cancel()
            self._teller = None

"""A circuit breaker, as one pure decision: which calls of a service may pass.

Closed, calls pass without asking, and their ends are reported. Open, none passes until
``open_until_us``. Then the first that asks makes it half open: ``probes`` calls may pass, and their
ends decide. After M. Nygard, "Release It!" (2007), chapter "Circuit Breaker".

Each change of state has a number, the turn. A call carries the turn it began in: how it ends says
nothing about a later one. So calls that began before the breaker opened, and end after it was
closed again, do not open it, however many they are.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from podium.core.policies import Breaker
from podium.policy.book import Book, Now, read_event, read_state

KIND: Final = "breaker"
SLICES: Final = 12
"""Into so many slices of time the window is cut. An end counts while its slice is one of the last
so many, the present one with them: for the window's length, less at most one slice."""
CHANGES_MAX: Final = 20

State = Literal["closed", "open", "half_open"]
Outcome = Literal["ok", "failed", "slow"]
"""How a call ended: ``slow`` is one that succeeded, too late."""
ProbeOutcome = Literal["ok", "failed", "slow", "unknown", "cancelled"]


class Rule(msgspec.Struct, frozen=True, omit_defaults=True):
    """When it opens and closes; attributes as of :class:`podium.Breaker`, in microseconds."""

    failures: int = 5
    failure_share: float | None = None
    slow_share: float = 0.5
    window_us: int = 60_000_000
    calls_min: int = 10
    open_us: int = 30_000_000
    probes: int = 1

    @classmethod
    def of(cls, breaker: Breaker) -> Rule:
        """Return the rule that an option states."""
        return cls(
            failures=breaker.failures,
            failure_share=breaker.failure_share,
            slow_share=breaker.slow_share,
            window_us=max(1, round(breaker.window_s * 1e6)),
            calls_min=breaker.calls_min,
            open_us=max(1, round(breaker.open_s * 1e6)),
            probes=breaker.probes,
        )


# events ----------------------------------------------------------------------------------


class Report(msgspec.Struct, frozen=True, tag="report", omit_defaults=True):
    """Calls that passed have ended.

    Attributes:
        rule: The rule now.
        turn: In which they began, as the worker knew it; those of several turns are several
            reports.
        runs: (outcome, how many of them one after the other), in order.
        by: The run of the last failure among them, or of the last call.
        path: The step of it.
    """

    rule: Rule
    turn: int
    runs: tuple[tuple[Outcome, int], ...]
    by: str = ""
    path: str = ""


class Probe(msgspec.Struct, frozen=True, tag="probe", omit_defaults=True):
    """A call asks to pass, as the breaker was not closed when the worker last heard of it."""

    rule: Rule
    holder: str
    by: str = ""
    path: str = ""


class ProbeEnded(msgspec.Struct, frozen=True, tag="probe_ended", omit_defaults=True):
    """A call that passed as a probe has ended; ``turn`` is the one it was let through in."""

    rule: Rule
    holder: str
    outcome: ProbeOutcome
    turn: int
    by: str = ""
    path: str = ""


class Lost(msgspec.Struct, frozen=True, tag="lost"):
    """A holder died: its probes are out no more, and nobody knows how they ended."""

    holder: str


class Reset(msgspec.Struct, frozen=True, tag="reset"):
    """Somebody closes it by hand."""

    by: str


class Look(msgspec.Struct, frozen=True, tag="look"):
    """A worker that has just started asks how things stand."""


Event = Report | Probe | ProbeEnded | Lost | Reset | Look


class View(msgspec.Struct, frozen=True, omit_defaults=True):
    """The decision of every event: how things stand after it.

    Attributes:
        state: Which it is in.
        turn: The number of the last change; calls that begin now carry it.
        open_until_us: While it is open: when to ask again. Half open, with all probes out, there
            is no such time: ask when one has ended.
        is_probe: The one that asked may pass, and says how it ended by :class:`ProbeEnded`. (When
            it has closed meanwhile, the call passes too, as any other.)
        has_changed: This event changed the state.
        reason: Why it is in this state.
    """

    state: State
    turn: int
    open_until_us: int = 0
    is_probe: bool = False
    has_changed: bool = False
    reason: str = ""


# state -----------------------------------------------------------------------------------


class Slice(msgspec.Struct, frozen=True, array_like=True):
    """How the calls ended in one slice of the window; ``index`` counts slices since the boot."""

    index: int
    ok: int = 0
    failed: int = 0
    slow: int = 0


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change of state.

    Attributes:
        at_us: When, in microseconds since 1970.
        before: From which state.
        after: To which.
        reason: Why, with the numbers.
        by: The run whose call did it, or who reset it.
        path: The step of that call.
    """

    at_us: int
    before: State
    after: State
    reason: str
    by: str = ""
    path: str = ""


class Circuit(msgspec.Struct, omit_defaults=True):
    """What is known of one service. Times are in microseconds since ``boot``.

    Attributes:
        boot: When the machine was started, as a name.
        at_us: When this was decided; time never goes back from there.
        state: Which it is in.
        turn: How many changes there were.
        in_row: Failures in a row, while it is closed.
        slice_us: How long a slice of the window is.
        slices: Those of the window in which a call has ended, first one first.
        open_us: For how long it was opened.
        open_until_us: Until when it is open.
        out: How many probes each holder has in flight.
        passed: How many probes of this turn have succeeded.
        changes: The last ones, oldest first.
    """

    boot: str = ""
    at_us: int = 0
    state: State = "closed"
    turn: int = 0
    in_row: int = 0
    slice_us: int = 0
    slices: list[Slice] = msgspec.field(default_factory=list)
    open_us: int = 0
    open_until_us: int = 0
    out: dict[str, int] = msgspec.field(default_factory=dict)
    passed: int = 0
    changes: list[Change] = msgspec.field(default_factory=list)

    def view(self, *, is_probe: bool = False, has_changed: bool = False) -> View:
        """Return how things stand."""
        return View(
            self.state,
            self.turn,
            self.open_until_us if self.state == "open" else 0,
            is_probe,
            has_changed,
            self.changes[-1].reason if self.changes else "",
        )


_EVENTS: Final = msgspec.json.Decoder(Event)
_STATES: Final = msgspec.json.Decoder(Circuit)


def read(state: bytes, key: str) -> Circuit:
    """Return the state of a breaker as the book has it, for those who show it."""
    return read_state(_STATES, state, KIND, key)


def apply(book: Book, key: str, event: bytes, now: Now) -> bytes:
    """Decide on an event and keep what follows; return the decision as JSON."""
    asked = read_event(_EVENTS, event, KIND, key)
    kept = book.get(KIND, key)
    state, view = decide(Circuit() if kept is None else read(kept, key), asked, now)
    if not isinstance(asked, Look):
        book.put(KIND, key, msgspec.json.encode(state))
    return msgspec.json.encode(view)


def decide(state: Circuit, event: Event, now: Now) -> tuple[Circuit, View]:
    """Return the next state, and how things stand then. The given state is left as it is."""
    state = _at(state, now)
    turn, is_probe = state.turn, False
    match event:
        case Report():
            _report(state, event, now)
        case Probe():
            is_probe = _probe(state, event, now)
        case ProbeEnded():
            _probe_ended(state, event, now)
        case Lost():
            state.out.pop(event.holder, None)
        case Reset():
            state.out.clear()
            _change(state, "closed", "closed by hand", event, now)
        case Look():
            pass
    return state, state.view(is_probe=is_probe, has_changed=state.turn != turn)


def _at(state: Circuit, now: Now) -> Circuit:
    """Return a copy of a state, brought to the present."""
    if state.boot == now.boot or not state.boot:
        at_us = max(now.at_us, state.at_us)
        out, slices, until_us = dict(state.out), list(state.slices), state.open_until_us
    else:
        # The machine was restarted: how long that took is unknown, and all holders are dead.
        at_us, out, slices, until_us = now.at_us, {}, [], now.at_us + state.open_us
    return msgspec.structs.replace(
        state,
        boot=now.boot,
        at_us=at_us,
        out=out,
        slices=slices,
        open_until_us=until_us if state.state == "open" else 0,
        changes=list(state.changes),
    )


def _change(
    state: Circuit, after: State, reason: str, event: Report | Probe | ProbeEnded | Reset, now: Now
) -> None:
    path = "" if isinstance(event, Reset) else event.path
    change = Change(now.wall_us, state.state, after, reason, event.by, path)
    state.changes = [*state.changes, change][-CHANGES_MAX:]
    state.state = after
    state.turn += 1
    state.in_row = state.passed = state.open_until_us = 0
    state.slices = []
    if after == "open" and not isinstance(event, Reset):
        state.open_us = event.rule.open_us
        state.open_until_us = state.at_us + state.open_us


# closed ----------------------------------------------------------------------------------


def _report(state: Circuit, event: Report, now: Now) -> None:
    if event.turn != state.turn or state.state != "closed":
        return
    _slide(state, event.rule)
    for outcome, count in event.runs:
        for part in _parts(state, event.rule, count):
            _count(state, outcome, part)
            reason = _too_bad(state, event.rule)
            if reason:
                _change(state, "open", reason, event, now)
                return


def _parts(state: Circuit, rule: Rule, count: int) -> list[int]:
    """Split calls of one outcome where shares begin to be looked at.

    From there on, the share of their outcome only grows, and any other only shrinks: looking at
    both ends is as good as looking after each call.
    """
    missing = rule.calls_min - sum(one.ok + one.failed + one.slow for one in state.slices)
    if 0 < missing < count:
        return [missing, count - missing]
    return [count] if count > 0 else []


def _slide(state: Circuit, rule: Rule) -> None:
    """Forget the slices of time that are not in the window any more."""
    slice_us = -(-rule.window_us // SLICES)
    if slice_us != state.slice_us:  # the window's length has changed: slices of another length
        state.slice_us, state.slices = slice_us, []
    first = state.at_us // slice_us - SLICES + 1
    state.slices = [one for one in state.slices if one.index >= first]


def _count(state: Circuit, outcome: Outcome, count: int) -> None:
    state.in_row = state.in_row + count if outcome == "failed" else 0
    index = state.at_us // state.slice_us
    if not state.slices or state.slices[-1].index != index:
        state.slices.append(Slice(index))
    last = state.slices[-1]
    state.slices[-1] = Slice(
        index,
        last.ok + count * (outcome == "ok"),
        last.failed + count * (outcome == "failed"),
        last.slow + count * (outcome == "slow"),
    )


def _too_bad(state: Circuit, rule: Rule) -> str:
    """Return why it has to open; empty: it has not."""
    if state.in_row >= rule.failures:
        return f"{state.in_row} failures in a row (limit {rule.failures})"
    failed = sum(one.failed for one in state.slices)
    slow = sum(one.slow for one in state.slices)
    total = failed + slow + sum(one.ok for one in state.slices)
    if total < rule.calls_min:
        return ""
    calls = f"of {total} calls in {rule.window_us / 1e6:g} s"
    if rule.failure_share is not None and failed >= rule.failure_share * total:
        return f"{failed} {calls} failed (limit {rule.failure_share:.0%})"
    if slow and slow >= rule.slow_share * total:
        return f"{slow} {calls} were slow (limit {rule.slow_share:.0%})"
    return ""


# half open -------------------------------------------------------------------------------


def _probe(state: Circuit, event: Probe, now: Now) -> bool:
    """Return whether a call may pass as a probe."""
    if state.state == "open" and state.at_us >= state.open_until_us:
        reason = f"it was open for {state.open_us / 1e6:g} s"
        _change(state, "half_open", reason, event, now)
    if state.state != "half_open" or sum(state.out.values()) + state.passed >= event.rule.probes:
        return False
    state.out[event.holder] = state.out.get(event.holder, 0) + 1
    return True


def _probe_ended(state: Circuit, event: ProbeEnded, now: Now) -> None:
    out = state.out.pop(event.holder, 0)
    if not out:  # reset, lost, or of a time before the machine was restarted
        return
    if out > 1:
        state.out[event.holder] = out - 1
    if state.state != "half_open" or event.turn != state.turn:
        return
    if event.outcome == "ok":
        state.passed += 1
        if state.passed >= event.rule.probes:
            count = state.passed
            reason = "a probe succeeded" if count == 1 else f"{count} probes succeeded"
            _change(state, "closed", reason, event, now)
    elif event.outcome in ("failed", "slow"):
        reason = "a probe failed" if event.outcome == "failed" else "a probe was slow"
        _change(state, "open", reason, event, now)

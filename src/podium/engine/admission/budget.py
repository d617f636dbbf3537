"""Budgets, as one worker sees them: who reserves, who waits for room, who asks a person for more.

Whether an attempt fits is decided in the commits of the store (``policy.budget``). Here is only who
waits in memory, and at which state of an account.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import msgspec

from podium.core.budgets import NANOS, Amount, Line, Lines, require_higher, said_limits, shown
from podium.core.errors import ErrorInfo, InvalidOption
from podium.core.ports import Cancellable
from podium.engine.admission.desk import Desk
from podium.engine.admission.passage import Obstacle, Passage
from podium.policy import budget
from podium.policy.budget import (
    Begin,
    Charge,
    Decision,
    Done,
    Ended,
    Full,
    Raise,
    Refuse,
    Release,
    Reserve,
    Settle,
    Unask,
)

LOOK_AGAIN_S: Final = 30.0
"""A wait for the next period looks at the wall clock at least so often."""
FORM: Final = "budget"
"""The kind of the form by which a person is asked for more."""
EXCEEDED: Final = "budget-exceeded"
CHEAPER: Final = "budget-cheaper"
UNPRICED: Final = "price-unknown"
_decode = msgspec.json.Decoder(Decision).decode
_encode = msgspec.json.encode


@dataclass(slots=True)
class _Waiter:
    """An attempt that has asked for room.

    Attributes:
        full: Why it has none, as last heard.
        is_asking: Whether it is just being decided.
        timer: Until it tries again by itself.
        answer: What a person has said before it was known what there is to say about.
    """

    full: Full | None = None
    is_asking: bool = True
    timer: Cancellable | None = None
    answer: Any = None


class BudgetDoor:
    """All budgets, as one worker sees them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._waiting: dict[Passage, _Waiter] = {}

    # what an attempt does ---------------------------------------------------------------

    def enter(self, passage: Passage) -> bool:
        """Ask for room; it goes on, waits, or fails when that is decided."""
        tab = passage.tab
        unpriced = budget.unpriced(tab.lines, tab.unknown)
        if unpriced is not None:
            passage.refuse(_unpriced(passage, *unpriced))
            return False
        waiter = self._waiting[passage] = _Waiter()
        self._reserve(passage, waiter)
        return False

    def withdraw(self, passage: Passage) -> None:
        """It no longer waits, and asks nobody."""
        waiter = self._forget(passage)
        if waiter is not None and waiter.full is not None:
            self._unask(passage, waiter.full)

    def put_back(self, passage: Passage) -> None:
        """It had room, and never called."""
        passage.tab.release()

    def leave(self, passage: Passage) -> None:
        """Its body has ended; its tab is settled by what came of it."""

    def obstacle(self, passage: Passage) -> Obstacle:
        """Say what it waits for."""
        waiter = self._waiting.get(passage)
        full = None if waiter is None else waiter.full
        if full is None:
            return Obstacle("budget", passage.tab.lines[0].key, "its budget is looked at")
        text = f"{_room(full)}; {_coming(full, passage)}"
        return Obstacle("budget", full.key, text, full.until_us if full.does == "wait" else 0)

    def answered(self, passage: Passage, answer: Any) -> None:
        """A person has said whether there shall be more."""
        waiter = self._waiting.get(passage)
        if waiter is None:
            return
        full = waiter.full
        if full is None:
            waiter.answer = answer
            return
        if isinstance(answer, dict) and answer.get("refuse") is True:
            self._decide(passage, waiter, full.key, Refuse("a person"))
            return
        try:
            limits = _answered_limits(answer, full)
        except InvalidOption as problem:
            passage.step.ask_for_room(_form(passage, full, str(problem)))
        else:
            self._decide(passage, waiter, full.key, Raise(limits, "a person"))

    # what its tab tells -----------------------------------------------------------------

    def begin(self, run: str, path: str, attempt: int) -> None:
        """The body begins with the commit of its start."""
        self._desk.tell(budget.KIND, "", _encode(Begin(run, path, attempt)))

    def settle(self, run: str, path: str, attempt: int, used: Amount) -> None:
        """An attempt is over."""
        self._tell(Settle(run, path, attempt, used))

    def release(self, run: str, path: str, attempt: int) -> None:
        """An attempt never began."""
        self._tell(Release(run, path, attempt))

    def charge(self, lines: Lines, used: Amount) -> None:
        """Something was used that had not been announced."""
        self._tell(Charge(lines, used))

    def ended(self, run: str) -> None:
        """A run is over, or was set aside."""
        self._tell(Ended(run))

    # how things stand ---------------------------------------------------------------------

    def look(self) -> None:
        """Somebody has committed: let those try again that wait at an account that has changed.

        One after the other; behind one that waits for calls in flight, all wait for these.
        """
        done: set[str] = set()
        versions: dict[str, int] = {}
        for passage, waiter in list(self._waiting.items()):
            full = waiter.full
            if full is None or full.key in done:
                continue
            if full.key not in versions:
                versions[full.key] = self._version(full.key)
            is_outdated = full.version != versions[full.key]
            if is_outdated and not waiter.is_asking:
                self._reserve(passage, waiter)
            if is_outdated or waiter.is_asking or full.does == "later":
                done.add(full.key)

    def _version(self, key: str) -> int:
        state = self._desk.state(budget.kind_of(key), key)
        return 0 if state is None else budget.read(state, key).version

    def close(self) -> None:
        """Forget the timers: what this worker had reserved is taken from it."""
        for passage in list(self._waiting):
            self._forget(passage)

    def _reserve(self, passage: Passage, waiter: _Waiter) -> None:
        waiter.is_asking = True
        self._stop_timer(waiter)
        step, tab = passage.step, passage.tab
        event = Reserve(
            step.run.id, step.path, tab.number, self._desk.holder, tab.lines, tab.want,
            step.run.clock_us(),
        )  # fmt: skip
        told = partial(self._told, passage, waiter)
        self._desk.decide(budget.KIND, "", _encode(event), told)

    def _told(self, passage: Passage, waiter: _Waiter, encoded: bytes) -> None:
        decision = _decode(encoded)
        step, tab = passage.step, passage.tab
        if self._waiting.get(passage) is not waiter:  # it went away meanwhile
            if isinstance(decision, Done):
                self.release(step.run.id, step.path, tab.number)
            else:
                self._unask(passage, decision)
            return
        before, waiter.full = waiter.full, None
        waiter.is_asking = False
        if not _is_same(before, decision):
            step.no_longer_asks()
        if isinstance(decision, Full) and decision.does in ("ask", "wait", "later"):
            waiter.full = decision
            self._keep_waiting(passage, waiter, decision)
            self.look()
            return
        self._forget(passage)
        if isinstance(decision, Done):
            tab.is_reserved = True
            passage.go_on()
        else:
            passage.refuse(_exceeded(passage, decision))
        self.look()

    def _keep_waiting(self, passage: Passage, waiter: _Waiter, full: Full) -> None:
        run = passage.step.run
        if full.until_us and full.does != "later":
            left_s = (full.until_us - self._desk.now().wall_us) / 1e6
            again = partial(self._again, passage, waiter)
            wait_s = min(max(0.001, left_s), LOOK_AGAIN_S)
            waiter.timer = self._desk.clock.call_later(wait_s, again)
        if full.does == "ask" and (full.run, full.path) == (run.id, passage.step.path):
            if waiter.answer is not None:
                answer, waiter.answer = waiter.answer, None
                self.answered(passage, answer)
                return
            passage.step.ask_for_room(_form(passage, full))
        passage.tell()

    def _again(self, passage: Passage, waiter: _Waiter) -> None:
        """See whether the next period has begun."""
        waiter.timer = None
        full = waiter.full
        if full is None or self._waiting.get(passage) is not waiter or waiter.is_asking:
            return
        if self._desk.now().wall_us >= full.until_us:
            self._reserve(passage, waiter)
        else:
            self._keep_waiting(passage, waiter, full)

    def _decide(self, passage: Passage, waiter: _Waiter, key: str, event: Raise | Refuse) -> None:
        """Carry out what a person has said, and try again."""
        self._desk.decide(budget.KIND, key, _encode(event), lambda _: None)
        self._reserve(passage, waiter)

    def _unask(self, passage: Passage, full: Full) -> None:
        """It asks nobody any more, unless only this worker lets go of its run."""
        step = passage.step
        if (full.run, full.path) == (step.run.id, step.path) and not step.run.is_closed:
            step.no_longer_asks()
            self._tell(Unask(step.run.id, step.path))

    def _tell(self, event: Settle | Release | Charge | Ended | Unask) -> None:
        """Tell with whatever is committed next; then there may be room for those who wait here."""
        self._desk.tell(budget.KIND, "", _encode(event), self._heard)

    def _heard(self, _decision: bytes) -> None:
        if self._waiting:
            self.look()

    def _forget(self, passage: Passage) -> _Waiter | None:
        waiter = self._waiting.pop(passage, None)
        if waiter is not None:
            self._stop_timer(waiter)
        return waiter

    def _stop_timer(self, waiter: _Waiter) -> None:
        if waiter.timer is not None:
            waiter.timer.cancel()
            waiter.timer = None


def _is_same(before: Full | None, decision: Decision) -> bool:
    """Whether somebody is asked for what somebody may have been asked for before."""
    if isinstance(decision, Done) or decision.does != "ask":
        return False
    return before is None or before.key == decision.key


# what people read ------------------------------------------------------------------------


def _room(full: Full) -> str:
    """Say how an account stands."""
    limit = shown(full.dimension, full.limit)
    if full.dimension == "time":
        return (
            f"the budget {full.name!r} allowed {limit}, and {shown('time', full.spent)} have passed"
        )
    left = shown(full.dimension, max(0, full.limit - full.spent - full.held))
    held = (
        f", {shown(full.dimension, full.held)} of it reserved by calls in flight"
        if full.held
        else ""
    )
    spent = shown(full.dimension, full.spent + full.held)
    return f"the budget {full.name!r} has {left} left of {limit} ({spent} used{held})"


def _coming(full: Full, passage: Passage) -> str:
    """Say what will make room."""
    if full.does == "later":
        return "calls in flight may cost less than they reserved"
    if full.does == "wait":
        return "it counts anew in the next period"
    step = passage.step
    if (full.run, full.path) == (step.run.id, step.path):
        return "a person is asked to raise it"
    return f"run {full.run} asks a person to raise it, at {full.path}"


def _wants(full: Full, passage: Passage) -> str:
    if full.dimension == "time":
        return ""
    return f"; {passage.step.spec.name} may need {shown(full.dimension, full.want)}"


def _exceeded(passage: Passage, full: Full) -> ErrorInfo:
    text = f"{_room(full)}{_wants(full, passage)}"
    if full.does == "cheaper":
        code = CHEAPER
        text += ". A cheaper call may fit."
    else:
        code = EXCEEDED
        text += ", and a person would not raise it" if full.does == "refused" else ""
        text += f". `podium budgets raise {full.key!r}` raises it."
    return ErrorInfo(type="BudgetExceeded", message=text, code=code, path=passage.step.path)


def _unpriced(passage: Passage, line: Line, dimension: str) -> ErrorInfo:
    what = "money" if dimension == "usd" else dimension
    text = (
        f"nobody knows how much {what} a call of {passage.step.spec.name} costs, and the budget "
        f"{line.name!r} limits that. Give the task a price= that says it, or the budget unknown='allow'."
    )
    return ErrorInfo(type="PriceUnknown", message=text, code=UNPRICED, path=passage.step.path)


def _form(passage: Passage, full: Full, problem: str = "") -> bytes:
    """Return the question to a person."""
    step = passage.step
    form: dict[str, Any] = {
        "kind": FORM,
        "budget": full.name,
        "key": full.key,
        "step": step.path,
        "task": step.spec.name,
        "stands": f"{_room(full)}{_wants(full, passage)}",
        "question": "Raise the limit? Answer with the new one, or refuse: the step then fails.",
        "answer": {full.dimension: _example(full)},
        "or": {"refuse": True},
    }
    if problem:
        form["problem"] = f"The last answer could not be used: {problem}"
    return _encode(form)


def _example(full: Full) -> Any:
    """Return a limit that would do: twice as high, and enough."""
    enough = max(full.limit * 2, full.spent + full.held + full.want)
    if full.dimension == "usd":
        return enough / NANOS
    return shown("time", enough) if full.dimension == "time" else enough


def _answered_limits(answer: Any, full: Full) -> dict[str, int]:
    """Return the limits that an answer raises.

    Raises:
        InvalidOption: It says none, or one that is not higher.
    """
    given = answer if isinstance(answer, dict) else {full.dimension: answer}
    limits = said_limits(given, "The answer")
    require_higher(full.key, {full.dimension: full.limit}, limits)
    return limits

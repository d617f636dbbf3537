"""A worker's share of one limit: permits it has, attempts that wait for them.

Permits are drawn and given back in the commits of the worker (``policy.permits``), in blocks: one
commit serves many attempts. A worker draws ahead while attempts come fast, and gives back what it
does not use.
"""

from __future__ import annotations

from typing import Final

import msgspec

from podium.core.durations import text as duration_text
from podium.core.policies import Concurrency, Rate
from podium.core.ports import Cancellable
from podium.engine.admission.desk import Desk
from podium.engine.admission.passage import Obstacle, Passage
from podium.policy import permits
from podium.policy.permits import Give, Granted, Take, Withdraw
from podium.policy.queue import Queue

IDLE_S: Final = 0.1
"""Permits that lie unused for so long are given back."""
ASK_AGAIN_S: Final = 1.0
"""A worker in line asks again at least so often, to keep its place."""
GIVE_AFTER_S: Final = 0.02
"""Permits whose calls have ended are given back together, after this time."""
AHEAD_SHARE: Final = 8
"""At most one part in so many of a limit is drawn ahead of need, and only while calls come fast."""
AHEAD_MAX: Final = 256
_decode = msgspec.json.Decoder(Granted).decode
_encode = msgspec.json.encode


class Pool:
    """One limit, as one worker sees it."""

    def __init__(self, desk: Desk, key: str, option: Rate | Concurrency) -> None:
        self.key = key
        self.option = option
        self._desk = desk
        self._kind = "rate" if isinstance(option, Rate) else "concurrency"
        self._book_key = f"{self._kind}:{key}"
        self._is_rate = isinstance(option, Rate)
        self._period_us = round(option.period_s * 1e6) if isinstance(option, Rate) else 0
        self._is_strict = option.is_strict if isinstance(option, Rate) else True
        self._line: Queue[Passage] = Queue()
        self._free = 0
        self._use_by_us: int | None = None
        self._used = 0
        """Permits whose calls have ended, not yet given back."""
        self._out = 0
        """Permits whose calls have not ended."""
        self._ahead = 0
        self._others = 0
        """How many other workers stand in line."""
        self._wanted = 0
        self._newcomers: list[Passage] = []
        """Who came since this worker asked: they hear when there will be more."""
        self._is_in_line = False
        """Whether this worker stands in the line of workers, as far as it knows."""
        self._is_asking = False
        self._giver: Cancellable | None = None
        self._asked_at_us = 0
        self._retry_at_us = 0
        self._timer: Cancellable | None = None
        self._idle: Cancellable | None = None

    # what an attempt does ---------------------------------------------------------------

    def enter(self, passage: Passage) -> bool:
        """Take a permit that lies here, or stand in line."""
        if self._free and not len(self._line) and self._is_fresh():
            self._free -= 1
            self._out += 1
            return True
        now_us = self._desk.now().at_us
        self._line.put(passage, now_us, priority=passage.priority, key=passage.fair_key)
        self._newcomers.append(passage)
        if self._timer is None:
            self._serve()
        return False

    def withdraw(self, passage: Passage) -> None:
        """It leaves the line."""
        self._line.remove(passage)
        if not len(self._line):
            self._rest()

    def put_back(self, passage: Passage) -> None:
        """Its permit was never used."""
        self._out -= 1
        self._free += 1
        self._serve()

    def leave(self, passage: Passage) -> None:
        """Its call has ended: the permit is free again, or has to cool."""
        self._out -= 1
        if self._is_rate and not self._is_strict:
            return
        if self._is_rate or self._others:
            self._used += 1
            self._give_soon()
        else:
            self._free += 1
            self._serve()

    def obstacle(self, passage: Passage) -> Obstacle:
        """Say what it waits for."""
        limit = self.option.limit
        if isinstance(self.option, Rate):
            period = duration_text(self.option.period_s)
            text = f"the rate {self.key!r} allows {limit:,} calls in {period}"
        else:
            text = f"the limit {self.key!r} allows {limit:,} calls at once"
        now = self._desk.now()
        until_us = 0
        if self._retry_at_us > now.at_us:
            until_us = now.wall_us + self._retry_at_us - now.at_us
        return Obstacle(self._kind, self.key, text, until_us)

    # permits come and go ----------------------------------------------------------------

    def look(self) -> None:
        """Somebody has committed: ask again if that would bring something."""
        state = self._desk.state(permits.KIND, self._book_key)
        if state is None:
            self._others = 0
            return
        known = permits.read(state, self._book_key)
        self._others = len(known.waiting.keys() - {self._desk.holder})
        if len(self._line):
            _, seen = permits.decide(known, Withdraw(""), self._desk.now())
            if isinstance(seen, permits.Noted) and self._desk.holder in seen.ready:
                self._ask()
        elif self._free and self._others:
            self._give_back()

    def _is_fresh(self) -> bool:
        """Whether the permits here may still be used; those of a lax rate go off."""
        if self._use_by_us is None or self._desk.now().at_us < self._use_by_us:
            return True
        self._free, self._use_by_us = 0, None
        return False

    def _serve(self) -> None:
        """Give what is here to those in line; ask for the rest, or give back what lies idle."""
        self._hand_out()
        if len(self._line):
            if self._retry_at_us <= self._desk.now().at_us:
                self._ask()
        else:
            self._rest()

    def _hand_out(self) -> None:
        while self._free and len(self._line) and self._is_fresh():
            self._free -= 1
            self._out += 1
            self._line.pop().go_on()

    def _ask(self) -> None:
        """Ask for as many as can be used, for what has come back is with the book by then."""
        if self._is_asking:
            return
        self._is_asking = True
        self._cancel_timer()
        if self._used:
            self._give()
        now_us = self._desk.now().at_us
        self._ahead = self._next_ahead(now_us)
        self._asked_at_us = now_us
        self._wanted = want = min(len(self._line) + self._ahead, self.option.limit)
        event = Take(
            self._desk.holder, want, self.option.limit, self._period_us, self._is_strict,
            self._line.priority,
        )  # fmt: skip
        self._desk.decide(permits.KIND, self._book_key, _encode(event), self._told)

    def _next_ahead(self, now_us: int) -> int:
        """Draw more ahead of need the faster the last block was used up."""
        if not self._is_rate or self._others or now_us - self._asked_at_us > IDLE_S * 1e6:
            return 0
        return min(max(1, self._ahead * 2), self.option.limit // AHEAD_SHARE, AHEAD_MAX)

    def _told(self, decision: bytes) -> None:
        self._is_asking = False
        granted = _decode(decision)
        self._others = granted.others
        self._retry_at_us = granted.retry_at_us or 0
        self._is_in_line = granted.count < self._wanted
        if granted.count:
            by_us = granted.use_by_us
            if self._free and by_us is not None and self._use_by_us is not None:
                by_us = min(by_us, self._use_by_us)
            self._use_by_us = by_us
            self._free += granted.count
        self._hand_out()
        if len(self._line):
            left_s = ASK_AGAIN_S
            if self._retry_at_us:
                left_s = max(0.001, (self._retry_at_us - self._desk.now().at_us) / 1e6)
            self._timer = self._desk.clock.call_later(left_s, self._again)
            newcomers, self._newcomers = self._newcomers, []
            for passage in newcomers:
                passage.tell()
        else:
            self._rest()

    def _again(self) -> None:
        self._timer = None
        self._retry_at_us = 0
        if len(self._line):
            self._ask()

    def _rest(self) -> None:
        """Nobody waits here any more: leave the line of the workers too, keep what lies here."""
        if self._is_asking:
            return
        self._retry_at_us = 0
        self._newcomers.clear()
        self._cancel_timer()
        if self._is_in_line:
            self._is_in_line = False
            self._desk.tell(permits.KIND, self._book_key, _encode(Withdraw(self._desk.holder)))
        if self._free and self._idle is None:
            self._idle = self._desk.clock.call_later(IDLE_S, self._give_idle)

    def _give_soon(self) -> None:
        """Give used permits back, many at once; at once if somebody waits for them."""
        if self._giver is None:
            self._giver = self._desk.clock.call_later(GIVE_AFTER_S, self._give_used)
        if len(self._line) or self._others:
            self._giver.cancel()
            self._giver = self._desk.clock.call_later(0.0, self._give_used)

    def _give_used(self) -> None:
        self._giver = None
        if len(self._line) and (self._others or not self._retry_at_us):
            self._ask()  # with them, to hear when the next ones are free
        if self._used:
            self._give()

    def _give(self, unused: int = 0) -> None:
        used, self._used = self._used, 0
        event = Give(self._desk.holder, used, unused, self._use_by_us if unused else None)
        self._desk.tell(permits.KIND, self._book_key, _encode(event))

    def _give_idle(self) -> None:
        """Give back what lies here, unless calls still come fast."""
        self._idle = None
        if self._is_rate and self._desk.now().at_us - self._asked_at_us < IDLE_S * 1e6:
            self._serve()
        else:
            self._give_back()

    def _give_back(self) -> None:
        if self._is_fresh() and self._free:
            unused, self._free = self._free, 0
            self._give(unused)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def settle(self) -> None:
        """Give back what is not used: this worker is about to close."""
        if self._used:
            self._give()
        self._give_back()

    @property
    def is_unused(self) -> bool:
        """Whether nothing would be lost with it."""
        return not (self._free or self._used or self._is_asking or len(self._line) or self._out)

    def close(self) -> None:
        """Forget the timers: the store takes back what this worker held."""
        self._cancel_timer()
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

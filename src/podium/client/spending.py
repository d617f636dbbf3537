"""What a run has spent, and its children with it: derived from their journals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from podium.core.budgets import NANOS, NOTHING, Amount
from podium.core.errors import NEVER_BEGAN
from podium.journal.records import (
    LOCK,
    RECALL,
    SEND,
    Kind,
    Result,
    decode_result,
    decode_spent,
    decode_started,
)
from podium.journal.store import Reader, RecordRow, RunRow

_PAGE = 10_000
_OWN = frozenset({LOCK, RECALL, SEND})
"""What looks like the result of a task, and is none."""


@dataclass(frozen=True, slots=True)
class Spending:
    """So much was spent.

    Attributes:
        nanos: Money in nano-dollars; exact.
        tokens: Tokens of models.
        calls: Calls of what has a price, each attempt counted.
        steps: Steps that have begun.
        open_nanos: What attempts that have not ended may cost besides, at worst.
        open_tokens: The same in tokens.
    """

    nanos: int = 0
    tokens: int = 0
    calls: int = 0
    steps: int = 0
    open_nanos: int = 0
    open_tokens: int = 0

    @property
    def usd(self) -> float:
        """Money in dollars, for people."""
        return self.nanos / NANOS

    @property
    def is_any(self) -> bool:
        """Whether anything was spent that has a price."""
        return bool(self.nanos or self.tokens or self.calls or self.open_nanos or self.open_tokens)

    def plus(self, other: Spending) -> Spending:
        """Return the sum."""
        return Spending(
            self.nanos + other.nanos, self.tokens + other.tokens, self.calls + other.calls,
            self.steps + other.steps, self.open_nanos + other.open_nanos,
            self.open_tokens + other.open_tokens,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class RunSpending:
    """What a run has spent.

    Attributes:
        own: In its own steps.
        tree: In them and in those of its children, their children included.
    """

    own: Spending
    tree: Spending


def spending_of(reader: Reader, row: RunRow) -> RunSpending:
    """Return what a run has spent, over all its incarnations."""
    own = _own(_records(reader, row.num))
    tree = own
    for child in reader.children(row.num):
        tree = tree.plus(spending_of(reader, child).tree)
    return RunSpending(own, tree)


def _records(reader: Reader, num: int) -> Iterator[RecordRow]:
    after = 0
    while page := reader.records(num, after, _PAGE):
        yield from page
        after = page[-1].seq


def _own(records: Iterable[RecordRow]) -> Spending:
    """Add up a journal. An attempt that died counts as what it might cost; one that runs is open."""
    spent, steps = NOTHING, 0
    worst: dict[str, Amount] = {}
    """Of the attempt of each step that has begun and is not settled."""
    begun: set[str] = set()
    for row in records:
        path = row.path
        if row.kind == Kind.STARTED:
            started = decode_started(row.body)
            spent = spent.plus(worst.pop(path, NOTHING))
            if started.p is not None:
                worst[path] = started.p
            begun.add(path)
        elif row.kind == Kind.SPENT:
            worst.pop(path, None)
            spent = spent.plus(decode_spent(row.body).u)
        elif row.kind == Kind.RESULT:
            result = decode_result(row.body)
            spent = spent.plus(worst.pop(path, NOTHING))
            steps += _is_step(result) or path in begun
            begun.discard(path)
        elif row.kind in (Kind.RESTARTED, Kind.ENDED):
            for left in worst.values():
                spent = spent.plus(left)
            worst.clear()
            steps += len(begun)
            begun.clear()
    total = NOTHING
    for one in worst.values():
        total = total.plus(one)
    return Spending(
        spent.usd, spent.tokens, spent.calls, steps + len(begun), total.usd, total.tokens
    )


def _is_step(result: Result) -> bool:
    """Whether it is of a task whose body has begun."""
    has_begun = result.x is None or result.x.code not in NEVER_BEGAN
    return has_begun and result.k not in _OWN and not result.by

"""Making samples, several at once, within what may be spent."""

from __future__ import annotations

import inspect

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from podium.agents.sampling.effort import Dial
from podium.agents.sampling.report import NoSample, Sample
from podium.agents.verify.gate import AnyGate, Gate, code_in, gates_of, stops, verdict_of, verify
from podium.agents.verify.rounds import mark
from podium.agents.verify.verdict import NO_COST, NOTHING, Background, Cost, Verdict
from podium.core.errors import InvalidOption, Nondeterminism, StepFailed
from podium.functions import structure
from podium.models.tally import tallied

Produce = Callable[..., Awaitable[Any]]
Verifier = AnyGate | Iterable[AnyGate]
"""Says how good a value is: gates, or a function that returns a score from 0 to 1."""
Score = Callable[[Any], Awaitable[Verdict]]
AT_ONCE: Final = 4
"""Samples that are made at once unless said otherwise."""


class Pool:
    """Samples that are made in waves.

    Attributes:
        samples: All so far, in their order.
        is_spent: Whether what may be spent is spent.
    """

    def __init__(
        self, method: str, dial: Dial, produce: Produce, score: Score | None = None,
        key: Callable[[Any], Any] | None = None,
    ) -> None:  # fmt: skip
        self.samples: tuple[Sample, ...] = ()
        self.is_spent = False
        self._method = method
        self._dial = dial
        self._produce = produce
        self._score = score
        self._key = key
        self._numbered = _takes_number(produce)

    @property
    def wanted(self) -> int:
        """How many there may be in all."""
        return self._dial.samples

    @property
    def left(self) -> int:
        """How many more may be taken."""
        return 0 if self.is_spent else self._dial.samples - len(self.samples)

    @property
    def at_once(self) -> int:
        """How many may be made without asking in between whether there is money left."""
        return self.left if self._dial.budget is None else min(self.left, AT_ONCE)

    async def take(self, count: int) -> None:
        """Make at most so many more."""
        count = self._affordable(min(count, self.left))
        if not count:
            return
        numbers = range(len(self.samples) + 1, len(self.samples) + count + 1)
        made = await structure.map(self.sample, numbers, key=str, concurrency=count)
        self.is_spent = self.is_spent or any(one.error == _SPENT for one in made)
        self.samples += tuple(one for one in made if one.error != _SPENT)

    def require(self) -> tuple[Sample, ...]:
        """Return the samples that have a value.

        Raises:
            NoSample: None has.
        """
        made = tuple(one for one in self.samples if not one.error)
        if not made:
            raise NoSample(self._method, self.samples)
        return made

    async def sample(self, number: int) -> Sample:
        """Make one sample, and judge it."""
        with tallied() as used:
            try:
                given = self._produce(number) if self._numbered else self._produce()
                value = await given if inspect.isawaitable(given) else given
                verdict = None if self._score is None else await self._score(value)
                key = "" if self._key is None else mark(self._key(value)).hex()
            except Nondeterminism:
                raise
            except Exception as problem:
                if code_in(problem) == "price-unknown":
                    raise
                said = problem.error.line() if isinstance(problem, StepFailed) else ""
                said = _SPENT if stops(problem) else said or f"{type(problem).__name__}: {problem}"
                return Sample(number, ok=False, error=said, cost=Cost.of(used))
        cost = Cost.of(used)
        if verdict is None:
            return Sample(number, value, key=key, cost=cost)
        return Sample(number, value, verdict.points, verdict.ok, verdict, key, cost=cost)

    def _affordable(self, count: int) -> int:
        if not self.samples:
            return count
        total = sum((one.cost for one in self.samples), NO_COST)
        dearest = max(
            (one.cost for one in self.samples), key=lambda one: (one.usd or 0.0, one.tokens)
        )
        while count and self._dial.is_spent(total, dearest, count):
            count -= 1
        self.is_spent = self.is_spent or not count
        return count


_SPENT: Final = "budget-exceeded"


def score_of(verifier: Verifier, about: Background = NOTHING) -> Score:
    """Return what judges a value: gates in their order, or a function that gives a score.

    Raises:
        InvalidOption: It is none of these.
    """
    if not callable(verifier) or isinstance(verifier, Gate):
        gates = gates_of(verifier)

        async def judge(value: Any) -> Verdict:
            return await verify(value, gates, about=about)

        return judge

    async def ask(value: Any) -> Verdict:
        found = verifier(value)
        return scored(await found if inspect.isawaitable(found) else found)

    return ask


def scored(found: Any) -> Verdict:
    """Return the verdict that a score, or anything that a gate returns, means.

    Raises:
        InvalidOption: It is a number that is not from 0 to 1, or nothing of that kind.
    """
    if isinstance(found, int | float) and not isinstance(found, bool):
        if not 0 <= found <= 1:
            raise InvalidOption(f"a score is a number from 0 to 1; got {found!r}.")
        return Verdict(True, score=float(found))
    return verdict_of(found)


def best_first(samples: Sequence[Sample]) -> list[Sample]:
    """Return samples from the best to the worst; of equal ones the earlier goes first."""
    return sorted(samples, key=lambda one: (not one.ok, -one.score, one.number))


def with_scores(samples: Sequence[Sample], scores: dict[int, float]) -> tuple[Sample, ...]:
    """Return samples with scores, by their numbers."""
    return tuple(
        msgspec.structs.replace(one, score=scores.get(one.number, one.score)) for one in samples
    )


def _takes_number(produce: Any) -> bool:
    try:
        parameters = inspect.signature(getattr(produce, "fn", produce)).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(
        one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD, one.VAR_POSITIONAL)
        and (one.default is one.empty or one.name == "number")
        for one in parameters
    )

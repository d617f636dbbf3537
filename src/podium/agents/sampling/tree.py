"""``tree_search``: a search over thoughts, which goes on from the most promising ones."""

from __future__ import annotations

import inspect

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Literal, NamedTuple

import msgspec

from podium.agents.places import place
from podium.agents.sampling.effort import Dial, Effort, dial, spending
from podium.agents.sampling.report import NoSample, Report, StoppedBy, bought
from podium.agents.sampling.sampling import Pool, Score, Verifier, score_of
from podium.agents.verify.rounds import mark
from podium.agents.verify.verdict import NO_COST, Cost
from podium.core.errors import InvalidOption
from podium.functions import structure
from podium.models.tally import tallied

Expand = Callable[[Any], Awaitable[Sequence[Any]] | Sequence[Any]]
"""Gives what may come next from a thought; nothing where there is no way on."""
NODES: Final = {"low": 12, "medium": 40, "high": 120}
"""Thoughts that are judged, by effort."""


class Thought(msgspec.Struct, frozen=True):
    """A thought of a search.

    Attributes:
        number: From 1, in the order in which thoughts were judged; 0 is the root.
        parent: The number of the thought that it comes from; -1 of the root.
        depth: How many steps it is from the root.
        value: The thought.
        score: How promising it is, from 0 to 1.
        ok: Whether the verifier lets it pass.
        is_done: Whether it is an answer.
    """

    number: int
    parent: int
    depth: int
    value: Any
    score: float = 0.0
    ok: bool = True
    is_done: bool = False


class Found(msgspec.Struct, frozen=True):
    """What a search came to.

    Attributes:
        value: The best answer; where none was found, the most promising thought.
        score: How good it is.
        is_done: Whether it is an answer.
        path: The thoughts from the root to it.
        thoughts: All that were judged, in their order.
        report: What each of them bought.
    """

    value: Any
    score: float
    is_done: bool
    path: tuple[Any, ...]
    thoughts: tuple[Thought, ...]
    report: Report


async def tree_search(
    effort: Effort, root: Any, expand: Expand, value: Verifier, /, *,
    done: Callable[[Any], bool] | None = None, style: Literal["beam", "best"] = "beam", width: int = 3,
    depth: int = 10, enough: float = 1.0,
) -> Found:  # fmt: skip
    """Search over thoughts: take the most promising ones further, until one is good enough.

    In each round the next thoughts of ``width`` thoughts are asked for at once, and judged at once.
    A thought that was met before is not judged again, and one that does not pass is not taken further.

    Args:
        effort: How many thoughts are judged at most: ``low`` (12), ``medium`` (40), ``high`` (120), a
            number, or a Budget.
        root: Where it begins.
        expand: ``await expand(thought)``, gives those that may come next.
        value: Says how promising a thought is: gates, or a function that gives a score from 0 to 1.
        done: Whether a thought is an answer; unless given, each is.
        style: ``beam``: of each level the best are taken further. ``best``: the best of all that were
            not taken further yet, whatever their level.
        width: How many thoughts are taken further in a round.
        depth: How many steps from the root there are at most.
        enough: The score of an answer that ends the search.

    Raises:
        NoSample: There is no thought but the root.
        InvalidOption: An option makes no sense.
        StepFailed: ``expand`` failed for each thought of a round; outside a workflow its own error.
    """
    if style not in ("beam", "best") or width < 1 or depth < 1:
        raise InvalidOption(
            f"tree_search(style={style!r}, width={width!r}, depth={depth!r}): expected 'beam' or 'best', "
            "and whole numbers from 1."
        )
    read = dial(effort, "tree_search", NODES)
    search = _Search(read, expand, score_of(value), done)
    with place("tree_search"), spending(read), tallied() as used:
        stopped = await search.run(root, _Shape(style == "beam", width, depth, enough))
    return search.found(stopped, Cost.of(used))


class _Shape(NamedTuple):
    """How far a search goes."""

    is_beam: bool
    width: int
    depth: int
    enough: float


class _Search:
    """A search under way."""

    def __init__(
        self, read: Dial, expand: Expand, score: Score, done: Callable[[Any], bool] | None
    ) -> None:
        self._expand = expand
        self._done = done
        self._pool = Pool("tree_search", read, self._pending_value, score)
        self._pending: list[tuple[Thought, Any]] = []
        self._thoughts: list[Thought] = []
        self._met: set[bytes] = set()

    async def run(self, root: Any, shape: _Shape) -> StoppedBy:
        """Search; return why it ended."""
        self._thoughts, self._met = [Thought(0, -1, 0, root)], {mark(root)}
        open_, level = [*self._thoughts], 0
        while open_:
            level += 1
            with place("round", level):
                made = await self._judged(await self._next_of(open_[: shape.width]))
            if any(one.is_done and one.ok and one.score >= shape.enough for one in made):
                return "enough"
            if not self._pool.left:
                return "budget" if self._pool.is_spent else "all"
            further = [one for one in made if one.ok and one.depth < shape.depth]
            rest = [] if shape.is_beam else open_[shape.width :]
            open_ = sorted([*rest, *further], key=_promise)
        return "exhausted"

    def found(self, stopped: StoppedBy, used: Cost) -> Found:
        """Return what it came to.

        Raises:
            NoSample: There is no thought but the root.
        """
        judged = [one for one in self._thoughts[1:] if one.ok]
        if not judged:
            raise NoSample("tree_search", self._pool.samples)
        best = min(judged, key=lambda one: (not one.is_done, *_promise(one)))
        path = [best]
        while path[-1].parent >= 0:
            path.append(self._thoughts[path[-1].parent])
        samples = self._pool.samples
        total = sum((one.cost for one in samples), NO_COST)
        report = Report(
            "tree_search",
            self._pool.wanted,
            stopped,
            bought(samples, self._bests()),
            used.less(total),
        )
        values = tuple(one.value for one in reversed(path))
        return Found(
            best.value, best.score, best.is_done, values, tuple(self._thoughts[1:]), report
        )

    def _bests(self) -> list[float]:
        """Return the score of the best answer after each thought."""
        found: list[float] = []
        best = 0.0
        for one in self._thoughts[1:]:
            best = max(best, one.score if one.ok and one.is_done else 0.0)
            found.append(best)
        return found

    async def _next_of(self, chosen: Sequence[Thought]) -> list[tuple[Thought, Any]]:
        """Ask for the next thoughts of some; return those that are new, with where they come from."""

        async def expand(thought: Thought) -> Sequence[Any]:
            given = self._expand(thought.value)
            found = await given if inspect.isawaitable(given) else given
            if not isinstance(found, list | tuple):
                raise InvalidOption(f"expand(…) gave {found!r:.80}; expected a list of thoughts.")
            return found

        outcomes = await structure.map(
            expand, chosen, key=lambda one: str(one.number), partial=True
        )
        if not any(one.is_ok for one in outcomes):
            outcomes[0].result()  # raises
        new: list[tuple[Thought, Any]] = []
        for thought, outcome in zip(chosen, outcomes, strict=True):
            for value in outcome.value or () if outcome.is_ok else ():
                if mark(value) not in self._met:
                    self._met.add(mark(value))
                    new.append((thought, value))
        return new

    async def _judged(self, new: Sequence[tuple[Thought, Any]]) -> list[Thought]:
        """Judge thoughts, as many as there may still be."""
        before = len(self._pool.samples)
        self._pending = [*self._pending[:before], *new]
        await self._pool.take(len(new))
        made: list[Thought] = []
        for sample in self._pool.samples[before:]:
            parent, value = self._pending[sample.number - 1]
            is_done = not sample.error and (self._done is None or self._done(value))
            made.append(
                Thought(
                    sample.number,
                    parent.number,
                    parent.depth + 1,
                    value,
                    sample.score,
                    sample.ok,
                    is_done,
                )
            )
        self._thoughts += made
        return made

    async def _pending_value(self, number: int) -> Any:
        return self._pending[number - 1][1]


def _promise(thought: Thought) -> tuple[float, int]:
    return -thought.score, thought.number

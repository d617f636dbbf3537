"""What must be reached, and whether it was: each target is computed from one file of results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.results import PODIUM, Cell, Results, Spread, workload_named
from bench.systems import mode_of

LINEAR_WITHIN = 1.3
BELIEVABLE = 0.95


@dataclass(frozen=True)
class Verdict:
    """What was reached of a target."""

    reached: str
    is_met: bool | None
    """None: the figure is better than can be, so it measured a neighbour."""


Judge = Callable[[Results], Verdict | None]


@dataclass(frozen=True)
class Target:
    """One demand on one workload; an aim is wished for, not demanded."""

    workload: str
    demand: str
    judge: Judge
    is_aim: bool = False


def ours(workload: str, key: str = "") -> Cell:
    """Return Podium's cell of a workload; without a key, the first figure."""
    return Cell(workload, PODIUM, key or workload_named(workload).figures[0].key)


def ahead(workload: str, factor: float, rival: tuple[str, str] | None = None) -> Judge:
    """Demand to be better by a factor than a rival, or than the best durable one."""
    work = workload_named(workload)

    def judge(results: Results) -> Verdict | None:
        theirs = Cell(workload, rival, work.figures[0].key) if rival else results.best_durable(work)
        return None if theirs is None else _compare(results, ours(workload), theirs, factor)

    return judge


def ahead_of_smaller(workload: str, smaller: str, factor: float) -> Judge:
    """Demand to be ahead of what the best durable rival did in a smaller workload."""

    def judge(results: Results) -> Verdict | None:
        theirs = results.best_durable(workload_named(smaller))
        return None if theirs is None else _compare(results, ours(workload), theirs, factor)

    return judge


def _compare(results: Results, mine: Cell, theirs: Cell, factor: float) -> Verdict | None:
    more = workload_named(mine.workload).more_is_better
    ratio = results.ratio(mine, theirs) if more else results.ratio(theirs, mine)
    if ratio is None:
        return None
    rival = mode_of(*theirs.who).label
    return Verdict(f"{ratio.text(2)} × {rival}", ratio.median >= factor)


def beside_pool(workload: str) -> Judge:
    """Demand to be within 15 % of the bare pool; nobody is truly faster than it."""

    def judge(results: Results) -> Verdict | None:
        spread = results.spread(ours(workload, "ratio"))
        if spread is None:
            return None
        is_met = spread.median <= 1.15 if spread.median >= BELIEVABLE else None
        return Verdict(f"{spread.text(3)} × the pool's time", is_met)

    return judge


def at_most(cell: Cell, limit: float, unit: str, digits: int = 2) -> Judge:
    """Demand a figure under a limit."""

    def judge(results: Results) -> Verdict | None:
        spread = results.spread(cell)
        if spread is None:
            return None
        return Verdict(f"{spread.text(digits)} {unit}", spread.median <= limit)

    return judge


def ratio_at_most(above: Cell, below: Cell, limit: float, unit: str) -> Judge:
    """Demand a ratio of two cells, taken within each round, under a limit."""

    def judge(results: Results) -> Verdict | None:
        ratio = results.ratio(above, below)
        if ratio is None:
            return None
        return Verdict(f"{ratio.text(2)} {unit}", ratio.median <= limit)

    return judge


def share_of(above: Cell, below: Cell, least: float, unit: str) -> Judge:
    """Demand to reach a share of another figure."""

    def judge(results: Results) -> Verdict | None:
        ratio = results.ratio(above, below)
        if ratio is None:
            return None
        percent = Spread(100 * ratio.median, 100 * ratio.least, 100 * ratio.most, ratio.count)
        return Verdict(f"{percent.text(0)} % {unit}", ratio.median >= least)

    return judge


COMMIT = ("floors", "commit")

TARGETS: tuple[Target, ...] = (
    Target("chain_read", "10 × the best durable rival", ahead("chain_read", 10)),
    Target(
        "chain_read",
        "ahead of pydantic-graph (in memory)",
        ahead("chain_read", 1, ("pydantic-graph", "memory")),
    ),
    Target(
        "chain_read",
        "ahead of LangGraph without persistence",
        ahead("chain_read", 1, ("langgraph", "graph-none")),
    ),
    Target(
        "chain_read",
        "ahead of Burr in memory",
        ahead("chain_read", 1, ("burr", "memory")),
        is_aim=True,
    ),
    Target(
        "chain_write",
        "60 % of the bare loop",
        share_of(
            ours("chain_write"), Cell("chain_write", COMMIT, "per_s"), 0.6, "of the bare loop"
        ),
    ),
    Target(
        "map_10k",
        "8 × what the best durable rival did at 1,000",
        ahead_of_smaller("map_10k", "map_1k", 8),
    ),
    Target("map_10k", "under 300 MB", at_most(ours("map_10k", "peak_mb"), 300, "MB", 0)),
    Target(
        "map_10k",
        f"linear (time per step at most {LINEAR_WITHIN} × that at 1,000)",
        ratio_at_most(ours("map_1k"), ours("map_10k"), LINEAR_WITHIN, "× the time per step"),
    ),
    Target("runs", "14 × the best durable rival", ahead("runs", 14)),
    *(
        Target("agent", f"not slower than {name}, in memory", ahead("agent", 1, rival))
        for name, rival in (
            ("pydantic-ai", ("pydantic-ai", "memory")),
            ("LangGraph", ("langgraph", "graph-none")),
        )
    ),
    Target("light", "6 × the best durable rival", ahead("light", 6)),
    Target(
        "long",
        "within 15 % of a bare process pool in the same run",
        beside_pool("long"),
    ),
    Target(
        "long_par",
        "within 15 % of a bare process pool in the same run",
        beside_pool("long_par"),
    ),
    Target("start", "half the best durable rival's (2 × as fast)", ahead("start", 2)),
    Target(
        "payload",
        "at most 1.2 × the data on disk after close",
        at_most(ours("payload", "disk_ratio"), 1.2, "× the data", 3),
    ),
    Target(
        "payload",
        "time within 1.5 × of the bare loop",
        ratio_at_most(
            ours("payload", "secs"), Cell("payload", COMMIT, "secs"), 1.5, "× the bare loop"
        ),
    ),
    Target(
        "growth_200b",
        "at most 3 × the new data",
        at_most(ours("growth_200b"), 3, "× the new data"),
    ),
    Target(
        "growth_1k", "at most 3 × the new data", at_most(ours("growth_1k"), 3, "× the new data")
    ),
    Target("resume_open", "under 100 ms", at_most(ours("resume_open"), 100, "ms", 1)),
    Target("flow_chain", "within 1.5 × of the function", at_most(ours("flow_chain"), 1.5, "× it")),
    Target("flow_map", "within 1.5 × of `podium.map`", at_most(ours("flow_map"), 1.5, "× it")),
    Target("flow_check", "under 1 ms a node", at_most(ours("flow_check"), 1, "ms", 3)),
    Target(
        "flow_check_20k",
        f"linear (time per node at most {LINEAR_WITHIN} × that at 2,000)",
        ratio_at_most(ours("flow_check_20k"), ours("flow_check"), LINEAR_WITHIN, "× it"),
    ),
    Target(
        "policies",
        "all policies together under 30 % of a bare step",
        at_most(ours("policies"), 1.3, "× a bare step"),
        is_aim=True,
    ),
    Target("import", "under 150 ms over bare", at_most(ours("import"), 150, "ms", 0)),
    Target("cpu", "within 5 × of idle", at_most(ours("cpu", "ratio"), 5, "× idle")),
)

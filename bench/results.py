"""Reads a file of results: medians, spreads, and ratios within the same round."""

from __future__ import annotations

import json
import statistics

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.systems import mode_of
from bench.workloads import WORKLOADS, Workload

Who = tuple[str, str]
PODIUM: Who = ("podium", "default")
NOT_RIVALS = {"podium", "floors"}


@dataclass(frozen=True)
class Cell:
    """One figure of one system in one workload."""

    workload: str
    who: Who
    key: str


@dataclass(frozen=True)
class Spread:
    """A median with its extremes."""

    median: float
    least: float
    most: float
    count: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread | None:
        """Return the spread of some values, None of none."""
        found = list(values)
        if not found:
            return None
        return cls(statistics.median(found), min(found), max(found), len(found))

    def text(self, digits: int) -> str:
        """Write it as `median (least–most)`."""
        middle = f"{self.median:,.{digits}f}"
        if self.count == 1:
            return f"{middle} ¹"
        return f"{middle} ({self.least:,.{digits}f}–{self.most:,.{digits}f})"


class Results:
    """All lines of one run."""

    def __init__(self, path: Path) -> None:
        self.meta: dict[str, Any] = {}
        self.rows: list[dict[str, Any]] = []
        for line in path.read_text().splitlines():
            row = json.loads(line)
            if "workload" in row:
                self.rows.append(row)
            else:
                self.meta |= row

    def by_round(self, cell: Cell) -> dict[int, float]:
        """Return the values of a cell by round."""
        return {
            row["round"]: row[cell.key]
            for row in self.rows
            if row["workload"] == cell.workload
            and (row["system"], row["mode"]) == cell.who
            and cell.key in row
        }

    def spread(self, cell: Cell) -> Spread | None:
        """Return the spread of a cell over its rounds."""
        return Spread.of(self.by_round(cell).values())

    def ratio(self, above: Cell, below: Cell) -> Spread | None:
        """Return the spread of the ratios of two cells, each within one round."""
        top, bottom = self.by_round(above), self.by_round(below)
        return Spread.of(top[r] / bottom[r] for r in sorted(top.keys() & bottom.keys()))

    def who_ran(self, workload: Workload) -> list[Who]:
        """Return who was tried in a workload, in the order of its line-up."""
        tried = {
            (row["system"], row["mode"]) for row in self.rows if row["workload"] == workload.name
        }
        return [e.who for e in workload.line_up if e.who in tried]

    def error(self, workload: str, who: Who) -> str:
        """Return the last error of somebody in a workload."""
        errors = (
            row["error"]
            for row in reversed(self.rows)
            if "error" in row
            and row["workload"] == workload
            and (row["system"], row["mode"]) == who
        )
        return next(errors, "")

    def sizes(self, workload: str, who: Who) -> int:
        """Return the size somebody ran a workload with."""
        sizes = (
            row["n"]
            for row in self.rows
            if "n" in row and row["workload"] == workload and (row["system"], row["mode"]) == who
        )
        return next(sizes, 0)

    def versions(self) -> dict[str, str]:
        """Return the version of each system that ran."""
        return {row["system"]: row["version"] for row in self.rows if row.get("version")}

    def best_durable(self, workload: Workload) -> Cell | None:
        """Return the best durable rival's first figure; who is only nearly durable counts too."""
        cells = [
            Cell(workload.name, who, workload.figures[0].key)
            for who in self.who_ran(workload)
            if who[0] not in NOT_RIVALS and mode_of(*who).durable != "no"
        ]
        measured = [(spread.median, i) for i, c in enumerate(cells) if (spread := self.spread(c))]
        if not measured:
            return None
        best = max(measured) if workload.more_is_better else min(measured)
        return cells[best[1]]


def workload_named(name: str) -> Workload:
    """Return a workload of the table."""
    return next(w for w in WORKLOADS if w.name == name)

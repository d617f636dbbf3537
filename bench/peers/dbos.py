"""DBOS. Mode: sqlite (as shipped: rollback journal, synchronous=FULL)."""

from __future__ import annotations

import asyncio

from pathlib import Path
from typing import Any, ClassVar

from dbos import DBOS, SetWorkflowID

from bench.peers.common import Peer, advance, clock, fib, item, main, note, payload

START = {"x": 0, "i": 0}
firsts: list[float] = []


@DBOS.step()
def up(d: dict[str, Any]) -> dict[str, Any]:
    """Count one step."""
    return advance(d)


@DBOS.step()
async def work(k: int) -> dict[str, int]:
    """Be one branch of the fan-out."""
    return {"k": k + 1}


@DBOS.step()
def compute(d: dict[str, Any]) -> dict[str, Any]:
    """Compute a Fibonacci number."""
    fib(d["f"])
    return advance(d)


@DBOS.step()
def load(d: dict[str, Any]) -> dict[str, Any]:
    """Return 100 KB."""
    return {"x": d["x"] + 1, "i": d["i"] + 1, "state": payload(d["i"])}


@DBOS.step()
def mark(d: dict[str, Any]) -> dict[str, Any]:
    """Note the moment."""
    firsts.append(clock())
    return advance(d)


@DBOS.step()
def noted(d: dict[str, Any]) -> dict[str, Any]:
    """Count one step and note it in the side file."""
    note(d["side"], d["i"])
    return advance(d)


@DBOS.step()
def longer(history: list[str], size: int) -> list[str]:
    """Return the list and one more item."""
    return [*history, item(len(history), size)]


STEPS = {"up": up, "compute": compute, "load": load, "mark": mark, "noted": noted}


@DBOS.workflow()
def chain(step: str, n: int, d: dict[str, Any]) -> int:
    """Run one step n times."""
    for _ in range(n):
        d = STEPS[step](d)
    return int(d["x"])


@DBOS.workflow()
async def fan(n: int) -> int:
    """Run n steps side by side."""
    return sum(r["k"] for r in await asyncio.gather(*(work(k) for k in range(n))))


@DBOS.workflow()
def grow(turns: int, size: int) -> int:
    """Grow a list."""
    history: list[str] = []
    for _ in range(turns):
        history = longer(history, size)
    return len(history)


class Dbos(Peer):
    """DBOS on one SQLite file, sync workflows (faster than its async ones), default pools."""

    imports = "dbos"
    dist = "dbos"
    loop_for: ClassVar[frozenset[str] | None] = frozenset({"map_1k", "map_10k"})

    def __init__(self, mode: str, folder: Path) -> None:
        super().__init__(mode, folder)
        self.launched = False

    async def open(self) -> None:
        url = f"sqlite:///{self.folder / 'dbos.db'}"
        settings = {"system_database_url": url, "log_level": "ERROR", "application_version": "1"}
        DBOS(config={"name": "bench", **settings})
        DBOS.launch()
        self.launched = True

    async def close(self) -> None:
        if self.launched:
            DBOS.destroy()
            self.launched = False

    async def chain(self, n: int) -> int:
        return chain("up", n, START)

    async def fan(self, n: int) -> int:
        return await fan(n)

    async def runs(self, n: int) -> list[float]:
        began, ends = clock(), []
        handles = [DBOS.start_workflow(chain, "up", 10, START) for _ in range(n)]
        for handle in handles:  # in order of submission: an upper bound for each
            assert handle.get_result() == 10
            ends.append(clock() - began)
        return ends

    async def fibs(self, n: int, f: int) -> int:
        return chain("compute", n, {**START, "f": f})

    async def first_step(self) -> float:
        DBOS.start_workflow(chain, "mark", 1, START).get_result()
        return firsts[-1]

    async def payloads(self, n: int) -> int:
        return chain("load", n, START)

    async def grow(self, turns: int, size: int) -> int:
        return grow(turns, size)

    async def recover(self, n: int, *, again: bool) -> int:
        if again:
            return int(DBOS.retrieve_workflow("R").get_result())
        with SetWorkflowID("R"):
            return chain("noted", n, {**START, "side": str(self.side)})


if __name__ == "__main__":
    main(Dbos)

"""A run of a document while it goes on: how its nodes stand, read off what is committed."""

from __future__ import annotations

import asyncio

from collections.abc import Callable, Iterator
from typing import TypeVar

from podium.cli.folding import NodeState
from podium.client.replaying import FlowReplay
from podium.core.errors import PodiumError
from podium.flow.interpret import NodeRun, Status
from podium.flow.interpret.bodies import BodyRun
from podium.flow.model import Body, Document, ForEach, Loop, Switch
from podium.flow.pictures import remark
from podium.journal.store import Reader, RunRow

T = TypeVar("T")


class FlowProgress:
    """Follows the nodes of a run.

    Args:
        reader: Committed state.
        row: The run.

    Attributes:
        places: The nodes of the document by path, each with its place in the order of the document.

    Raises:
        PodiumError: The document cannot be carried out here; the run says why.
    """

    def __init__(self, reader: Reader, row: RunRow) -> None:
        self._replay = FlowReplay(reader, row)
        self.places = places_of(self._replay.document)

    async def look(self, row: RunRow) -> list[tuple[str, NodeState]]:
        """Return how each node stands, in the order of the document; nothing as long as none has begun."""
        return [_state(run) for run in await self._runs(row)]

    async def look_in_turn(self, row: RunRow) -> list[tuple[str, NodeState]]:
        """Return the same in the order in which they ended; what is not settled comes last."""
        runs = sorted(await self._runs(row), key=lambda run: (run.turn == 0, run.turn))
        return [_state(run) for run in runs]

    async def close(self) -> None:
        """Let go of the run."""
        await from_callback(self._replay.close)

    async def _runs(self, row: RunRow) -> list[NodeRun]:
        """Return the outermost nodes, and those of the cases that were taken."""
        flow_run = await from_callback(lambda: self._replay.look(row))
        return [] if flow_run is None else list(_runs_in(flow_run.root))


def progress_of(reader: Reader, row: RunRow) -> FlowProgress | None:
    """Return what follows the nodes of a run; None for one of a function, or of no use here."""
    if row.document is None:
        return None
    try:
        return FlowProgress(reader, row)
    except PodiumError:
        return None  # the run is blocked for the same reason, and says so


def places_of(document: Document) -> dict[str, int]:
    """Number the nodes of a document, those within bodies included, by path without what counts."""
    return {path: number for number, path in enumerate(_paths(document.body, ""))}


async def from_callback(action: Callable[[], T]) -> T:
    """Carry something out in a call-back of the loop.

    A program is not replayed within a task: tasks of one loop must not nest in those of another.
    """
    done: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    def carry_out() -> None:
        try:
            done.set_result(action())
        except Exception as error:  # noqa: BLE001 - raised where it is awaited
            done.set_exception(error)

    asyncio.get_running_loop().call_soon(carry_out)
    return await done


def _paths(body: Body, prefix: str) -> Iterator[str]:
    for name, node in body.nodes.items():
        yield f"{prefix}{name}"
        for inner in node.bodies():
            yield from _paths(inner, f"{prefix}{name}/")


def _runs_in(body: BodyRun) -> Iterator[NodeRun]:
    for run in body.nodes.values():
        yield run
        if isinstance(run.plan.node.work, Switch):
            for inner in run.inner:
                assert isinstance(inner, BodyRun)
                yield from _runs_in(inner)


def _state(run: NodeRun) -> tuple[str, NodeState]:
    state = NodeState(run.plan.node.kind, run.status.value, _tally(run), remark(run), run.reason)
    return run.path, state


def _tally(run: NodeRun) -> str:
    work = run.plan.node.work
    if run.status in (Status.WAITING, Status.SKIPPED):
        return ""
    if isinstance(work, ForEach):
        return f"{run.done}/{run.total}"
    if isinstance(work, Loop):
        if run.status is Status.RUNNING:
            return f"pass {min(run.done + 1, run.total)}/{run.total}"
        return "1 pass" if run.done == 1 else f"{run.done} passes"
    return ""

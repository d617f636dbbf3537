"""What the plans of one goal have done so far: what may be kept, and what is to be undone."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from podium.core.context import context_of
from podium.core.errors import StepFailed, UsageError
from podium.core.scope import current_scope
from podium.core.spec import TaskSpec, registry
from podium.flow.keeping import Made, Report

NOT_UNDONE: Final = "not-undone"
"""Code of the warning that something is left that no plan needs."""


class Ledger:
    """Everything that was made, by its place; each once, however often it is kept.

    What can be undone is undone if the run that plans fails or is cancelled, in reverse order.
    """

    def __init__(self) -> None:
        self._made: dict[str, Made] = {}
        self._settled: set[str] = set()

    @property
    def made(self) -> list[Made]:
        """What stands, in the order in which it was made."""
        return [one for place, one in self._made.items() if place not in self._settled]

    def take(self, report: Report) -> None:
        """Take what a plan has made; what it kept is known."""
        for one in report.made:
            is_new = one.place not in self._made
            self._made[one.place] = one
            if is_new and one.undo is not None:
                self._remember(one)

    def unused(self, report: Report) -> list[Made]:
        """Return what earlier plans have changed and the last one has no use for, the newest first."""
        used = {one.place for one in report.made if one.is_ok}
        return [one for one in reversed(self.made) if one.changes and one.place not in used]

    async def undo(self, made: Made) -> bool:
        """Undo something now; return whether that worked. If it did not, a warning says why."""
        undo = made.undo
        if undo is None:
            return False
        context, scope = context_of("a planner"), current_scope.get()
        path = scope.name(f"undo:{undo.task}")
        try:
            spec = _task(undo.task)
            await context.step(path, spec, spec.binder.from_json(undo.args))
        except (StepFailed, UsageError) as problem:
            text = (
                f"{made.task} at {made.place} is of no use any more, and was not undone: {problem}"
            )
            context.warn(scope.name(f"warn:{NOT_UNDONE}"), NOT_UNDONE, text)
            return False
        self._settled.add(made.place)
        return True

    def _remember(self, made: Made) -> None:
        assert made.undo is not None
        context_of("a planner").undo(
            made.place, _task(made.undo.task), partial(self._offer, made.place)
        )

    def _offer(self, place: str) -> dict[str, Any] | None:
        undo = self._made[place].undo
        if place in self._settled or undo is None:
            return None
        return _task(undo.task).binder.from_json(undo.args)


def _task(name: str) -> TaskSpec:
    spec = registry.tasks.get(name)
    if spec is None:
        raise UsageError(
            f"The task {name!r} undoes what a plan has done, and this process does not have it: import "
            "the module that registers it."
        )
    return spec

"""A table of names of one test module: two modules may define tools of one name."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from podium import Podium, Workflow
from podium.core.spec import registry
from tests.harness import drive, fresh_names


class Table:
    """Names that were defined in it, for the tests of a module."""

    def __init__(self) -> None:
        self._tasks: dict[str, Any] = {}
        self._workflows: dict[str, Any] = {}

    @contextmanager
    def open(self) -> Iterator[None]:
        """Define names, or use them; what a test defines is gone after it."""
        with fresh_names():
            registry.tasks.update(self._tasks)
            registry.workflows.update(self._workflows)
            yield

    @contextmanager
    def define(self) -> Iterator[None]:
        """Define names that all tests of a module use."""
        with self.open():
            yield
            self._tasks, self._workflows = registry.tasks, registry.workflows


def result_of(flow: Workflow[..., Any], **given: Any) -> Any:
    """Return what a workflow returns, or raise what its run failed with.

    ``headers`` are the attributes of the run, everything else its input.
    """
    headers = given.pop("headers", None)

    async def go() -> Any:
        async with Podium(":memory:") as app:
            run = await app.start(flow, given, headers=headers)
            return await run.result()

    return drive(go())

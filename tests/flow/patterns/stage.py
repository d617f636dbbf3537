"""Where documents are carried out event by event: tasks begin, and end when the test says so.

A play is a table. Each line is something that the test does, and what is seen after it, until nothing
more happens: ``+pack`` a task has begun, ``-pack`` it has ended, ``~pack`` it was stopped, and in the end
how the run ended. What a run does between two such events has no order; what stands in different lines has.
"""

from __future__ import annotations

import asyncio
import json
import re
import shlex

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from podium import Flow, Podium, Run, task, workflow
from podium.core.context import current_attempt
from tests.harness import drive, fresh_names

RUN = "run"
LOOKS = 25
"""How often the stage looks whether what is expected has come, before it says what is missing."""
OVER = ("succeeded", "failed", "cancelled")
BESIDE: Mapping[str, str] = {"walk_on": "walk", "take_in": "desk"}
"""Workflows in Python that only await a document."""


class WrongOrder(AssertionError):
    """Something else was seen than the play says."""


@dataclass(frozen=True)
class Play:
    """What happens to a document.

    Attributes:
        script: A line for each event: what the test does, and what is seen then.
        given: The input.
        values: What tasks give, by their place; else what they were given, or their name.
        gives: The run's output; not looked at where it is None.
    """

    script: str
    given: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    gives: Any = None

    def lines(self) -> Iterator[tuple[str, list[str]]]:
        """Return each event, and what is to be seen after it."""
        for line in self.script.strip().splitlines():
            event, _, seen = line.partition("|")
            yield event.strip(), seen.split()


class Stage:
    """Tasks that wait for the test, and what was seen of them."""

    def __init__(self, app: Podium, values: Mapping[str, Any]) -> None:
        self._app = app
        self._values = values
        self._seen: list[str] = []
        self._gates: dict[str, asyncio.Event] = {}
        self._is_over = False

    async def body(self, name: str, item: Any) -> Any:
        """Be a task: begin, wait until it may end, give its value."""
        attempt = current_attempt.get()
        assert attempt is not None
        place = f"{attempt.run_id}:{attempt.path}".removeprefix(f"{RUN}:")
        self._seen.append(f"+{place}")
        try:
            await self.gate(place).wait()
        except asyncio.CancelledError:
            self._seen.append(f"~{place}")
            raise
        self._seen.append(f"-{place}")
        return self._values.get(place, name if item is None else item)

    def gate(self, place: str) -> asyncio.Event:
        """Return what a task waits for."""
        return self._gates.setdefault(place, asyncio.Event())

    async def do(self, event: str, run: Run[Any]) -> None:
        """Let something happen: a task ends, a signal comes, the run is cancelled."""
        if event.startswith("!"):
            name, *value = shlex.split(event[1:])
            await run.signal(name, json.loads(value[0]) if value else None)
        elif event == "cancel":
            await run.cancel()
        elif event != "start":
            assert not self.gate(event).is_set(), f"{event} was let go already"
            self.gate(event).set()

    async def see(self, wanted: list[str], event: str, run: Run[Any]) -> None:
        """Look until nothing more can come.

        Raises:
            WrongOrder: Something else was seen than is wanted.
        """
        for _ in range(LOOKS):
            if Counter(self._seen) == Counter(wanted):
                break
            await self._look(run)
        await self._look(run)
        if Counter(self._seen) != Counter(wanted):
            raise WrongOrder(f"after {event!r} there was {self._seen}; expected {wanted}")
        self._seen.clear()

    async def _look(self, run: Run[Any]) -> None:
        """Let another run come and go: what was ready before has happened by then."""
        await (await self._app.start("look")).result()
        status = await run.status()
        if status in OVER and not self._is_over:
            self._is_over = True
            self._seen.append(status)


def register(text: str, stage: Callable[[], Stage]) -> None:
    """Register every task that a document names, and the workflows beside it."""
    names = set(re.findall(r"(?:call|compensate): (\w+)", text))
    for name in names:
        _register(name, stage)

    @workflow
    async def look() -> None:
        pass

    for name, loads in BESIDE.items():
        if f"flow: {name}" in text:
            _recurse(name, loads, text)


def _register(name: str, stage: Callable[[], Stage]) -> None:
    @task(name=name, effect="read")
    async def body(item: Any = None) -> Any:
        return await stage().body(name, item)

    del body


def _recurse(name: str, loads: str, text: str) -> None:
    @workflow(name=name)
    async def again(depth: int | None = None) -> Any:
        given = {} if depth is None else {"depth": depth}
        return await Flow.from_text(text, name=loads)(**given)

    del again


@contextmanager
def document(text: str, stage: Callable[[], Stage]) -> Iterator[Flow]:
    """Give a document whose tasks are there, and which the check finds sound."""
    with fresh_names():
        register(text, stage)
        flow = Flow.from_text(text, name="pattern")
        assert not [str(one) for one in flow.check() if one.is_error]
        yield flow


def perform(text: str, play: Play, folder: Path) -> None:
    """Carry out a document in a database on disk, event by event.

    Raises:
        WrongOrder: Something else was seen than the play says.
    """

    async def program() -> None:
        async with Podium(folder / "podium.db") as app:
            stages.append(stage := Stage(app, play.values))
            run = await app.start(flow, dict(play.given), id=RUN)
            try:
                for event, wanted in play.lines():
                    await stage.do(event, run)
                    await stage.see(wanted, event, run)
                if play.gives is not None and (output := await run.result()) != play.gives:
                    raise WrongOrder(f"the run gives {output!r}; expected {play.gives!r}")
            finally:
                for gate in stage._gates.values():
                    gate.set()

    stages: list[Stage] = []
    with document(text, lambda: stages[0]) as flow:
        drive(program())

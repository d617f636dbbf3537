"""Where the documents of a test are played: tasks that can be held up, and a log of what they did."""

from __future__ import annotations

import asyncio

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import podium

from podium import ErrorInfo, Flow, Podium, Run, RunFailed, task
from podium.core.context import current_attempt
from podium.flow import FlowInvalid
from tests.harness import die, drive, until

HEAD = "podium: 1\nname: test\n"
NO_ANSWER = {"answered_by": None, "is_stale": False, "made_at": None, "verdict": None}
"""What the outcome of a node that is no call, or gave nothing, says of who answered."""


class Trouble(Exception):
    """A task fails as it was told."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.code = code


class Line(NamedTuple):
    """Something that the body of a task did: it has ``begun``, is ``done``, or was ``stopped``."""

    word: str
    path: str
    what: Any


class Outside:
    """What bodies did, in order, and the gates that hold them up."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.is_open: set[str] = set()
        """The gates that were opened."""

    def write(self, word: str, what: Any) -> None:
        """Note what the body that runs does."""
        attempt = current_attempt.get()
        assert attempt is not None
        self.lines.append(Line(word, attempt.path, what))

    def did(self, word: str, *whats: Any) -> bool:
        """Whether bodies that were given these have begun, are done, or were stopped."""
        found = [line.what for line in self.lines if line.word == word]
        return all(what in found for what in whats)

    def paths(self, word: str = "begun") -> list[str]:
        """Return the paths of bodies that have begun (or are done …), in their order."""
        return [line.path for line in self.lines if line.word == word]

    def given(self, path: str) -> Any:
        """Return what the bodies of a step were given."""
        [what] = {repr(line.what): line.what for line in self.lines if line.path == path}.values()
        return what

    def register(self) -> None:
        """Register the tasks of the stage, which leave in here what they do."""

        @task(effect="read")
        async def get(what: Any) -> Any:
            self.write("begun", what)
            return what

        @task(effect="write")
        async def put(what: Any) -> Any:
            self.write("begun", what)
            return what

        @task(effect="read")
        async def hold(what: str) -> str:
            return await self._held(what)

        @task(effect="write")
        async def hold_put(what: str) -> str:
            return await self._held(what)

        @task(effect="read")
        async def fall(what: str = "broken", code: str = "trouble") -> None:
            self.write("begun", what)
            raise Trouble(what, code)

        @task(effect="read")
        async def flaky(fails: int) -> int:
            self.write("begun", podium.attempt())
            if podium.attempt() <= fails:
                raise Trouble("not yet", "trouble")
            return podium.attempt()

        @task(effect="write")
        async def undo(what: Any, result: Any, outcome: str) -> None:
            self.write("begun", (what, result, outcome))

    async def _held(self, what: str) -> str:
        self.write("begun", what)
        try:
            while what not in self.is_open:
                await asyncio.sleep(0.001)
        except asyncio.CancelledError:
            self.write("stopped", what)
            raise
        self.write("done", what)
        return what


class Unchecked(Flow):
    """A flow that is carried out whatever the check finds: a run does not rest on the check."""

    def require(self) -> None:
        """Let it run."""


class Ended(NamedTuple):
    """How a run ended.

    Attributes:
        steps: What its steps came to, by path, in the order in which they were first heard of.
    """

    status: str
    output: Any
    error: ErrorInfo | None
    steps: dict[str, str]

    @property
    def failure(self) -> tuple[str, str]:
        """Code and message of the error in which it began."""
        error = self.error
        assert error is not None, self
        while error.cause is not None:
            error = error.cause
        return error.code, error.message


class Play:
    """A run under way, and what a test does about it."""

    def __init__(self, stage: Stage, app: Podium, run: Run[Any]) -> None:
        self.stage = stage
        self.app = app
        self.run = run

    async def begun(self, *whats: Any) -> None:
        """Wait until bodies that were given these have begun."""
        await self.did("begun", *whats)

    async def did(self, word: str, *whats: Any) -> None:
        """Wait until bodies have begun, are done, or were stopped."""
        outside = self.stage.outside
        await until(lambda: outside.did(word, *whats), f"{word} {whats}: {outside.lines}")

    def open(self, *gates: str) -> None:
        """Let bodies go on that were given these."""
        self.stage.outside.is_open.update(gates)

    async def waiting(self) -> list[dict[str, Any]]:
        """Wait until the run waits; return for what."""

        async def waits() -> list[dict[str, Any]]:
            view = await self.run.show()
            return view.waits if view.status == "waiting" else []

        found: list[dict[str, Any]] = await until(waits, "the run waits")
        return found

    async def recorded(self, path: str) -> None:
        """Wait until the end of a step is recorded, and with it what follows from it has begun."""

        async def is_there() -> bool:
            steps = {step.path: step for step in await self.run.steps()}
            return path in steps and steps[path].ended_at is not None

        await until(is_there, f"the end of {path} is recorded")

    async def crash(self) -> None:
        """Let the worker die, and another one take over."""
        run_id = self.run.id
        await die(self.app)
        self.app = await Podium(self.app.path).open()
        self.run = await self.app.get(run_id)

    async def ended(self) -> Ended:
        """Wait until the run has ended."""
        output = error = None
        try:
            output = await self.run.result()
        except RunFailed as failure:
            error = failure.error
        steps = {step.path: step.status for step in await self.run.steps()}
        return Ended(await self.run.status(), output, error, steps)


Script = Callable[[Play], Awaitable[Any]]


class Stage:
    """Where documents are played, each in a real database.

    Attributes:
        outside: What bodies did.
    """

    def __init__(self, db: Path) -> None:
        self.db = db
        self.folder = db.parent
        self.outside = Outside()
        self.outside.register()

    def flow(self, text: str) -> Flow:
        """Read a document, without the words that each has."""
        return Flow.from_text(HEAD + text)

    def codes(self, text: str) -> list[str]:
        """Return the codes of the errors that are found in a document."""
        return [one.code for one in self.flow(text).check() if one.is_error]

    def play(self, document: str | Flow, script: Script | None = None, **given: Any) -> Ended:
        """Carry out a document, beside a script of what happens meanwhile; return how it ended."""
        flow = self.flow(document) if isinstance(document, str) else document

        async def main() -> Ended:
            app = await Podium(self.db).open()
            play = Play(self, app, await app.start(flow, given))
            try:
                if script is not None:
                    await script(play)
                return await play.ended()
            finally:
                await play.app.close()

        return drive(main())

    def refused(self, document: str) -> FlowInvalid:
        """Return why a document cannot be run."""
        try:
            self.flow(document).require()
        except FlowInvalid as refusal:
            return refusal
        raise AssertionError("it was not refused")

    def begun(self, *folders: str) -> list[str]:
        """Return the paths of the bodies that have begun, in their order."""
        return [path for path in self.outside.paths() if not folders or path.startswith(folders)]

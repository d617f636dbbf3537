"""What ``podium run`` does: execute one run here, show how it goes, and say how to go on."""

from __future__ import annotations

import asyncio
import io
import os
import sys

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from podium.cli import terminal
from podium.cli.database import found_row, reading
from podium.cli.exits import CommandFailed, Exit
from podium.cli.failure import error_dict, error_lines
from podium.cli.folding import Line, Lines
from podium.cli.interrupts import Interrupts
from podium.cli.modules import is_document, load_workflow, make_importable, show_log
from podium.cli.options import command
from podium.cli.screens import LogLines, Plain, Quiet, Screen
from podium.cli.waiting import Wait, form_of, needs_people, waits_of
from podium.cli.workers import workers
from podium.client.app import Podium
from podium.client.following import Follower
from podium.client.locations import database_path
from podium.core.errors import ErrorInfo, IdInUse
from podium.core.limits import PAYLOAD_BYTES_MAX
from podium.functions.calls import Workflow
from podium.journal.store import HELD_STATUSES, RunRow

if TYPE_CHECKING:
    from podium.cli.flow_progress import FlowProgress

LOOK_S = 0.1
STUCK_LOOKS = 3
"""So often in a row a run must be found to need a person, before it is left."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What was asked for on the command line."""

    reference: str | None
    input: dict[str, Any] | None
    run_id: str | None
    database: str | None
    waits_for_people: bool
    as_json: bool
    is_quiet: bool


class Stay:
    """Stays with one run."""

    def __init__(self, wish: Wish) -> None:
        self._wish = wish
        self._id = wish.run_id or f"run-{os.urandom(6).hex()}"
        self._path = database_path(wish.database)
        self._screen: Screen = Quiet()
        self._interrupts = Interrupts(self._say_leaving)
        self._lines = Lines()
        self._nodes: FlowProgress | None = None
        self._output: Any = None

    def carry_out(self) -> int:
        """Do it; return the exit code."""
        with standard_output_is_ours():
            workflow = self._target()
            self._check_input(workflow)
            self._screen = self._choose_screen(workflow)
            show_log(LogLines(self._screen.line, self._id))
            with self._interrupts.listening():
                row, waits = asyncio.run(self._execute(workflow))
        return self._conclude(row, waits)

    def _target(self) -> Workflow[..., Any] | None:
        """Return what is to be run; None to go on with a run of a document, which is kept with it.

        Raises:
            CommandFailed: There is none, or it is a document that must not run.
        """
        reference = self._wish.reference
        if reference is None:
            self._require_document()
            return None
        if not is_document(reference):
            return load_workflow(reference)
        from podium.cli.flow_files import sound_flow, warning_of  # late: most programs run none

        flow = sound_flow(reference)
        warning = warning_of(reference, flow)
        if warning:
            self._talk(warning)
        return flow

    def _require_document(self) -> None:
        """Make sure that the run is there, and goes on without being told what it is.

        Raises:
            CommandFailed: It is a run of a function.
        """
        make_importable()
        with reading(self._wish.database) as reader:
            row = found_row(reader, self._id, self._wish.database)
        if row.document is None:
            raise CommandFailed(
                f"Run {self._id!r} is one of the function {row.workflow!r}; name its module too: "
                f"{command('run', f'MODULE:{row.workflow}', '--id', self._id)}",
                Exit.USAGE,
            )
        if self._wish.input is not None:
            raise CommandFailed(
                f"Run {self._id!r} is there and has its input; leave --input and --set out.",
                Exit.USAGE,
            )

    def _check_input(self, workflow: Workflow[..., Any] | None) -> None:
        """Refuse an input that does not fit before a database is made for it."""
        is_new = self._wish.run_id is None or not Path(self._path).exists()
        if workflow is not None and (self._wish.input is not None or is_new):
            binder = workflow.spec.binder
            binder.copy(binder.from_mapping(self._wish.input or {}), PAYLOAD_BYTES_MAX)

    def _choose_screen(self, workflow: Workflow[..., Any] | None) -> Screen:
        if self._wish.is_quiet:
            return Quiet()
        if not terminal.is_terminal(sys.stderr):
            return Plain()
        from podium.cli.live import LiveScreen

        name = f"{workflow.name}  " if workflow is not None else ""
        return LiveScreen(f"{name}{terminal.clean(self._id)}")

    # while it goes on -------------------------------------------------------------------

    async def _execute(self, workflow: Workflow[..., Any] | None) -> tuple[RunRow, list[Wait]]:
        stop = self._interrupts.attach()
        async with Podium(self._path, only=frozenset({self._id}), name="podium run") as app:
            if workflow is not None:
                await self._start(app, workflow)
            with self._screen:
                follower = Follower(app, self._id)
                self._introduce(app, follower.row)
                self._watch_nodes(app, follower.row)
                await self._follow(app, follower, stop)
                self._screen.finish(self._lines)
                row = follower.row
                if row.status == "succeeded":
                    self._output = msgspec.json.decode(
                        app.desk.open_envelope(row, row.output) or b"null"
                    )
                waits = waits_of(app.desk.reader, row, self._wish.database)
        return row, waits

    async def _start(self, app: Podium, workflow: Workflow[..., Any]) -> None:
        """Start the run; without an input, one of that id goes on."""
        row = app.desk.reader.run(self._id) if self._wish.run_id is not None else None
        if row is not None and row.workflow == workflow.name:
            self._say_changed(row, workflow)
        if self._wish.input is None and row is not None:
            if row.workflow != workflow.name:
                raise IdInUse(self._id, f"workflow {row.workflow!r}, not {workflow.name!r}")
            return
        await app.start(workflow, self._wish.input or {}, id=self._id)

    def _say_changed(self, row: RunRow, workflow: Workflow[..., Any]) -> None:
        document = workflow.spec.document
        if document is not None and row.document != document.hash:
            self._talk(
                f"{self._wish.reference} has changed since run {terminal.clean(self._id)} was "
                "started; the run keeps the document it was started with."
            )

    def _watch_nodes(self, app: Podium, row: RunRow) -> None:
        """Follow the nodes of a document; a function has steps only."""
        if row.document is None or not self._screen.needs_steps:
            return
        from podium.cli.flow_progress import progress_of

        self._nodes = progress_of(app.desk.reader, row)
        if self._nodes is not None:
            self._lines = Lines(self._nodes.places)

    def _introduce(self, app: Podium, row: RunRow) -> None:
        if not isinstance(self._screen, Plain):
            return
        owner = next((one for one in workers(app.desk.reader) if one.row.id == row.owner), None)
        elsewhere = owner is not None and row.num not in app.desk.in_hand and owner.state != "gone"
        whose = f", executed by {owner}" if elsewhere and not row.is_ended else ""
        self._screen.line(
            f"run {terminal.clean(self._id)} of {row.workflow} in {self._path}{whose}"
        )

    async def _follow(self, app: Podium, follower: Follower, stop: asyncio.Event) -> None:
        ended = asyncio.ensure_future(app.desk.ended(self._id))
        stopped = asyncio.ensure_future(stop.wait())
        stuck = 0
        try:
            while True:
                await asyncio.wait(
                    {ended, stopped}, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED
                )
                follower.look()
                await self._show(app, follower)
                if ended.done():
                    ended.result()  # raises why this worker had to stop
                if follower.row.is_ended or follower.row.status in HELD_STATUSES or stop.is_set():
                    return
                stuck = stuck + 1 if needs_people(app.desk.reader, follower.row) else 0
                if stuck >= STUCK_LOOKS and not self._wish.waits_for_people:
                    return
        finally:
            if self._nodes is not None:
                await self._nodes.close()
            for waiting in (ended, stopped):
                waiting.cancel()
            await asyncio.gather(ended, stopped, return_exceptions=True)

    async def _show(self, app: Podium, follower: Follower) -> None:
        if not self._screen.needs_steps:
            return
        paths = follower.read()
        if paths is None:
            self._lines.clear()
            paths = follower.read() or []
        changed: list[Line] = []
        if self._nodes is not None:
            changed = self._lines.take_nodes(await self._nodes.look_in_turn(follower.row))
        steps = self._lines.update(follower.steps, paths)
        changed += [line for line in steps if line not in changed]
        self._lines.expect(app.desk.fan_outs(follower.row.num))
        waits = waits_of(app.desk.reader, follower.row, self._wish.database)
        self._screen.update(self._lines, changed, waits)

    def _say_leaving(self) -> None:
        self._screen.line("Leaving the run where it is; Ctrl-C again quits at once.")

    # at the end -------------------------------------------------------------------------

    def _conclude(self, row: RunRow, waits: list[Wait]) -> int:
        error = None if row.error is None else msgspec.json.decode(row.error, type=ErrorInfo)
        if row.is_ended:
            code = Exit.OK if row.status == "succeeded" else Exit.RUN_FAILED
            self._say_end(row, error)
        elif row.status in HELD_STATUSES:
            code = Exit.RUN_WAITS
            self._say_held(row, error)
        elif self._interrupts.asked:
            code = Exit.INTERRUPTED
            self._say_left(row)
        else:
            code = Exit.RUN_WAITS
            self._say_waits(waits)
        if self._wish.as_json:
            terminal.out_json(
                {
                    "id": row.id,
                    "status": row.status,
                    "output": self._output,
                    "error": error_dict(error),
                }
            )
        elif row.status == "succeeded":
            terminal.out_json(self._output)
        return code

    def _say_end(self, row: RunRow, error: ErrorInfo | None) -> None:
        assert row.ended_at is not None
        took = terminal.took((row.ended_at - row.created_at) / 1e6)
        if row.status == "succeeded":
            self._talk(_headline("✓", "+", "green", f"{row.id} succeeded", f"after {took}"))
            return
        colour = "red" if row.status == "failed" else None
        self._say(_headline("✗", "x", colour, f"{row.id} {row.status}", f"after {took}"))
        if error is not None:
            for line in error_lines(error):
                self._say(f"  {line}")
        self._talk_command("look", "runs", "show", row.id)

    def _say_held(self, row: RunRow, error: ErrorInfo | None) -> None:
        self._say(
            _headline("■", "#", "magenta", f"{row.id} is {row.status}", "nothing of it is lost")
        )
        if error is not None:
            for line in error_lines(error):
                self._say(f"  {line}")
        self._talk_command("when mended", "runs", "resume", row.id)
        self._talk_command("go on", *self._again())

    def _say_left(self, row: RunRow) -> None:
        self._say(
            _headline("■", "#", "yellow", f"{row.id} is left where it was", f"it was {row.status}")
        )
        if self._path == ":memory:":
            self._say("  Its database was in memory, so it is gone.")
            return
        self._talk_command("go on", *self._again(), is_needed=True)

    def _say_waits(self, waits: list[Wait]) -> None:
        self._say(_headline("■", "#", "yellow", f"{self._id} waits", "it is left to be resumed"))
        for wait in waits:
            self._say(f"  for {wait.what}, since {terminal.clock(wait.since)}")
            if wait.ask is not None:
                self._say(f"    {form_of(wait.ask)}")
        if self._path == ":memory:":
            self._say("  Its database was in memory, so it is gone. --wait keeps waiting.")
            return
        for line in dict.fromkeys(line for wait in waits for line in wait.commands):
            self._say(f"  {'unblock':<12}{line}")
        self._talk_command("then go on", *self._again(), is_needed=True)

    def _again(self) -> tuple[str, ...]:
        is_kept = self._wish.reference is None or is_document(self._wish.reference)
        what = () if is_kept else (str(self._wish.reference),)
        return ("run", *what, "--id", self._id)

    def _talk_command(self, label: str, *words: str, is_needed: bool = False) -> None:
        line = f"  {label:<12}{command(*words, database=self._wish.database)}"
        if is_needed:
            self._say(line)
        else:
            self._talk(line)

    def _talk(self, text: str) -> None:
        """Say what --quiet leaves out."""
        if not self._wish.is_quiet:
            terminal.talk(text)

    def _say(self, text: str) -> None:
        """Say what somebody must know, quiet or not."""
        terminal.talk(text)


def _headline(mark: str, plain: str, colour: str | None, text: str, remark: str) -> str:
    shown = mark if terminal.speaks_unicode(sys.stderr) else plain
    head = f"{terminal.styled(shown, fg=colour)} " if terminal.is_terminal(sys.stderr) else ""
    return f"{head}{terminal.clean(text)}, {remark}"


@contextmanager
def standard_output_is_ours() -> Iterator[None]:
    """Send what the workflow, its tasks and their processes print to standard error.

    Standard output is for the result alone, so that a program can read it.
    """
    try:
        sys.stdout.flush()
        kept = os.dup(1)
    except (OSError, ValueError, AttributeError):
        yield
        return
    try:
        os.dup2(2, 1)
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(line_buffering=True)
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)

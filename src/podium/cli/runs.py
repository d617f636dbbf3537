"""``podium runs``: what is going on, and messages to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from podium.cli import terminal
from podium.cli.exits import CommandFailed
from podium.cli.flow_graphs import picture_options
from podium.cli.options import (
    command,
    database_option,
    example,
    json_option,
    read_json,
    read_value,
    reveal_option,
    run_argument,
)

if TYPE_CHECKING:
    from podium.client.app import Podium
    from podium.client.views import StepView
    from podium.journal.sqlite import SqliteReader
    from podium.journal.store import RunRow

STATUSES = (
    "accepted", "running", "waiting", "blocked", "paused", "succeeded", "failed", "cancelled", "quarantined",
)  # fmt: skip


class _InOrder(click.Group):
    """Lists its commands as they are written here."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands."""
        return list(self.commands)


@click.group(
    cls=_InOrder,
    epilog=example(
        "podium runs list --status waiting",
        "podium runs show order-17",
    ),
)
def runs() -> None:
    """See what runs are doing, and send them messages."""


# looking ----------------------------------------------------------------------------------


@runs.command(
    "list",
    epilog=example(
        "podium runs list --status failed --status blocked --limit 50",
        "podium runs list --workflow order --json",
    ),
)
@database_option
@click.option(
    "--status", multiple=True, type=click.Choice(STATUSES), help="Only these (repeatable)."
)
@click.option("--workflow", metavar="NAME", help="Only runs of this workflow.")
@click.option(
    "--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many."
)
@json_option
def list_runs(
    database: str | None,
    status: tuple[str, ...],
    workflow: str | None,
    limit: int,
    *,
    as_json: bool,
) -> None:
    """List runs, the newest first."""
    from podium.cli.database import reading
    from podium.cli.rows import run_dict

    with reading(database) as reader:
        rows = reader.runs(statuses=status, workflow=workflow, limit=limit + 1)
        more, rows = len(rows) > limit, rows[:limit]
        if as_json:
            terminal.out_json([run_dict(reader, row, database) for row in rows])
            return
        table = terminal.Table("ID", "WORKFLOW", "STATUS", "STARTED", "TOOK", "")
        for row in rows:
            table.add(*_run_cells(reader, row))
    if not rows:
        terminal.talk("No run is there." if not (status or workflow) else "No run fits.")
        return
    table.show()
    if more:
        terminal.talk(
            terminal.styled(f"There are more than {limit}: --limit shows them.", dim=True)
        )


def _run_cells(reader: SqliteReader, row: RunRow) -> tuple[str, ...]:
    from podium.cli.failure import error_line
    from podium.cli.rows import coloured
    from podium.cli.waiting import sum_of, together, waits_of
    from podium.client.views import RunView

    view = RunView.of(row)
    end = view.ended_at
    took = terminal.took((end - view.created_at).total_seconds()) if end else "-"
    groups = together(waits_of(reader, row))
    remark = ""
    if groups:
        remark = ", ".join(map(sum_of, groups[:3])) + (" …" if len(groups) > 3 else "")
    elif view.error is not None:
        remark = error_line(view.error)
    started = terminal.ago(view.created_at)
    return terminal.clean(view.id), view.workflow, coloured(view.status), started, took, remark


@runs.command(
    epilog=example(
        "podium runs show order-17",
        "podium runs show order-17 --traceback",
    )
)
@run_argument
@database_option
@click.option("--traceback", is_flag=True, help="Show the recorded traceback of an error.")
@reveal_option
@json_option
def show(run_id: str, database: str | None, *, traceback: bool, as_json: bool) -> None:
    """Show what a run does, and what to type next.

    What it waits for, since when, what will unblock it; its error, input, output and notes.
    """
    from podium.cli.database import with_app
    from podium.cli.show import Portrait

    async def body(app: Podium) -> None:
        portrait = await Portrait.of(app, run_id, database)
        if as_json:
            terminal.out_json(portrait.as_dict())
        else:
            portrait.show(traceback=traceback)

    with_app(database, body)


@runs.command(
    epilog=example(
        "podium runs steps order-17",
        "podium runs steps order-17 --json --values",
    )
)
@run_argument
@database_option
@click.option("--values", is_flag=True, help="With --json: arguments and results, too.")
@reveal_option
@json_option
def steps(run_id: str, database: str | None, *, values: bool, as_json: bool) -> None:
    """List the steps of a run.

    In the order they were first heard of.
    """
    from podium.cli.database import with_app

    async def body(app: Podium) -> None:
        handle = await app.get(run_id)
        found = await handle.steps()
        if as_json:
            opened = handle.value if values else None
            terminal.out_json([_step_dict(step, opened) for step in found])
            return
        if not found:
            terminal.talk(f"Run {run_id!r} has no step yet.")
            return
        table = terminal.Table(
            "STEP", "TASK", "EFFECT", "STATUS", "TRIES", "STARTED", "TOOK", "REMARK"
        )
        for step in found:
            table.add(*_step_cells(step))
        table.show()

    with_app(database, body)


def _step_cells(step: StepView) -> tuple[str, ...]:
    from podium.cli.failure import error_line
    from podium.cli.rows import answered, coloured

    started = "-" if step.started_at is None else terminal.clock(step.started_at)
    duration = step.duration_s
    took = "-" if duration is None or step.task in ("timer", "signal") else terminal.took(duration)
    remark = "" if step.error is None else error_line(step.error)
    if step.answered_by:
        remark = "; ".join(filter(None, [remark, answered(step)]))
    if step.next_at is not None and step.ended_at is None:
        remark = f"next try {terminal.ago(step.next_at)}; {remark}"
    path = terminal.clean(step.path)
    return (
        path,
        step.task,
        step.effect or "-",
        coloured(step.status),
        str(step.attempts),
        started,
        took,
        remark,
    )


def _step_dict(step: StepView, opened: Any) -> dict[str, Any]:
    from podium.cli.failure import error_dict
    from podium.cli.rows import note_dict

    found = {
        "path": step.path, "task": step.task, "effect": step.effect or None, "status": step.status,
        "attempts": step.attempts, "started_at": terminal.iso(step.started_at),
        "ended_at": terminal.iso(step.ended_at), "duration_s": step.duration_s,
        "next_at": terminal.iso(step.next_at), "error": error_dict(step.error),
        "answered_by": step.answered_by or None, "made_at": terminal.iso(step.made_at),
        "notes": [note_dict(note) for note in step.notes],
        "heartbeat": terminal.shown_value(step.heartbeat), "heartbeat_at": terminal.iso(step.heartbeat_at),
    }  # fmt: skip
    if opened is not None:
        found["arguments"] = (
            terminal.shown_value(opened(step.arguments)) if step.arguments else None
        )
        found["result"] = terminal.shown_value(opened(step.result)) if step.result else None
    return found


@runs.command(
    epilog=example(
        "podium runs graph order-17",
        "podium runs graph order-17 -o order-17.svg",
    )
)
@run_argument
@database_option
@picture_options
def graph(run_id: str, database: str | None, form: str | None, target: Path | None) -> None:
    """Draw a run of a flow document.

    How each node stands, and which way was taken: loops and items are folded into one box with their
    counts. It is read off the journal, whoever executes the run, and executes nothing. The modules of its
    tasks are imported; the current directory is importable.
    """
    from podium.cli import flow_graphs
    from podium.cli.database import found_row, reading

    with reading(database) as reader:
        row = found_row(reader, run_id, database)
        picture = flow_graphs.picture_of_kept(reader, row, database)
    flow_graphs.show(picture, form, target)


@runs.command(
    epilog=example(
        "podium runs asks",
    )
)
@click.argument("run_id", metavar="[ID]", required=False)
@database_option
@reveal_option
@json_option
def asks(run_id: str | None, database: str | None, *, as_json: bool) -> None:
    """List the open questions to people."""
    from podium.cli.database import with_app

    async def body(app: Podium) -> None:
        found = await app.asks() if run_id is None else await (await app.get(run_id)).asks()
        if as_json:
            terminal.out_json([
                {"run": ask.run_id, "id": ask.id, "path": ask.path, "to": ask.to, "form": terminal.shown_value(ask.form),
                 "asked_at": terminal.iso(ask.asked_at), "deadline": terminal.iso(ask.deadline)}
                for ask in found
            ])  # fmt: skip
            return
        if not found:
            terminal.talk("Nothing is asked.")
            return
        table = terminal.Table("RUN", "ASK", "TO", "ASKED", "QUESTION")
        for ask in found:
            question = terminal.clean(terminal.as_json(terminal.shown_value(ask.form)))
            table.add(
                terminal.clean(ask.run_id),
                ask.id,
                terminal.clean(ask.to),
                terminal.ago(ask.asked_at),
                question,
            )
        table.show()
        terminal.talk(
            terminal.styled(
                f"{command('runs', 'answer', 'RUN', 'ASK', 'VALUE')} answers one.", dim=True
            )
        )

    with_app(database, body)


# messages ---------------------------------------------------------------------------------

_strict_json = click.option(
    "--json", "strict", metavar="JSON", help="The value, strictly as JSON (or @file, or -)."
)


def _value(text: str | None, strict: str | None) -> Any:
    if text is not None and strict is not None:
        raise click.UsageError("The value was given twice: as an argument and as --json.")
    if strict is not None:
        return read_json(strict, "--json")
    return None if text is None else read_value(text, "VALUE")


@runs.command(
    epilog=example(
        "podium runs signal order-17 paid '{\"amount\": 12}'",
    )
)
@run_argument
@click.argument("name")
@click.argument("value", required=False)
@_strict_json
@database_option
def signal(
    run_id: str, name: str, value: str | None, strict: str | None, database: str | None
) -> None:
    """Send the signal NAME to a run.

    VALUE is JSON, else a string; null unless given.
    """
    from podium.cli.database import with_app

    sent = _value(value, strict)

    async def body(app: Podium) -> None:
        handle = await app.get(run_id)
        await handle.signal(name, sent)
        terminal.talk(
            f"The signal {name!r} to run {run_id} is recorded. {_who_acts(app, run_id, database)}"
        )

    with_app(database, body)


@runs.command(
    epilog=example(
        "podium runs answer order-17 3f2a6c1b9d04 '{\"ok\": true}'",
    )
)
@run_argument
@click.argument("ask_id", metavar="ASK")
@click.argument("value", required=False)
@_strict_json
@database_option
def answer(
    run_id: str, ask_id: str, value: str | None, strict: str | None, database: str | None
) -> None:
    """Answer the open question ASK of a run.

    VALUE is JSON, else a string.
    """
    from podium.cli.database import with_app

    if value is None and strict is None:
        raise click.UsageError("The answer is missing: give VALUE, or --json JSON.")
    sent = _value(value, strict)

    async def body(app: Podium) -> None:
        handle = await app.get(run_id)
        await handle.answer(ask_id, sent)
        terminal.talk(f"The answer to run {run_id} is recorded. {_who_acts(app, run_id, database)}")

    with_app(database, body)


@runs.command(
    epilog=example(
        "podium runs cancel order-17",
    )
)
@run_argument
@database_option
def cancel(run_id: str, database: str | None) -> None:
    """Ask a run to stop. What it has done is compensated where its steps say how."""
    from podium.cli.database import with_app

    async def body(app: Podium) -> None:
        handle = await app.get(run_id)
        await handle.cancel()
        if await handle.status() == "cancelled":
            terminal.talk(f"Run {run_id} is cancelled.")
        else:
            terminal.talk(
                f"The cancel of run {run_id} is recorded. {_who_acts(app, run_id, database)}"
            )

    with_app(database, body)


@runs.command(
    epilog=example(
        "podium runs resume order-17",
    )
)
@run_argument
@database_option
def resume(run_id: str, database: str | None) -> None:
    """Let a run go on that was set aside.

    That is a blocked, paused or quarantined run, once its cause is mended.
    """
    from podium.cli.database import with_app
    from podium.journal.store import HELD_STATUSES

    async def body(app: Podium) -> None:
        handle = await app.get(run_id)
        status = await handle.status()
        if status not in HELD_STATUSES:
            raise CommandFailed(
                f"Run {run_id!r} is {status}; only a blocked, paused or quarantined run is resumed. "
                f"{command('runs', 'show', run_id, database=database)} says what it does."
            )
        await handle.resume()
        terminal.talk(f"Run {run_id} may go on. {_who_acts(app, run_id, database)}")

    with_app(database, body)


def _who_acts(app: Podium, run_id: str, database: str | None) -> str:
    """Say who will act on a message, or what to start so that somebody does."""
    from podium.cli.workers import workers

    row = app.desk.row(run_id)
    states = {one.row.id: one for one in workers(app.desk.reader)}
    owner = states.get(row.owner) if row.owner is not None else None
    if owner is not None and owner.state == "alive":
        return f"It has the run: {owner}."
    if row.document is not None:
        start = f"\n  {command('worker', database=database)}"
        taker = "A worker"
    else:
        line = command("worker", "MODULE", database=database)
        start = f"\n  {line}  # the module of workflow {row.workflow!r}"
        taker = f"A worker that knows workflow {row.workflow!r}"
    if any(one.state == "alive" for one in states.values()):
        return f"{taker} takes the run; if none does:{start}"
    return f"No worker is alive to act on it; start one:{start}"

"""``podium locks``: what runs have locked, and who waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from podium.cli import terminal
from podium.cli.exits import CommandFailed
from podium.cli.options import database_option, example, json_option

if TYPE_CHECKING:
    from podium.client.common import LockPlace, LockView


@click.group(
    epilog=example(
        "podium locks list",
        "podium locks release customer:7 --yes",
    )
)
def locks() -> None:
    """See what runs have locked, or take it away."""


@locks.command("list", epilog=example("podium locks list --db shop.db"))
@database_option
@json_option
def list_locks(database: str | None, *, as_json: bool) -> None:
    """List the locks that somebody has."""
    from podium.cli.database import with_app

    async def go(app: Any) -> list[tuple[LockView, str]]:
        rows = [(one, app.desk.reader.run(one.holder.run_id)) for one in app.locks()]
        return [(one, row.status if row is not None else "unknown") for one, row in rows]

    found = with_app(database, go)
    if as_json:
        terminal.out_json([_dict(one, status) for one, status in found])
        return
    if not found:
        terminal.talk("Nothing is locked.")
        return
    table = terminal.Table("LOCK", "RUN", "STATUS", "SINCE", "AT", "WAITING")
    for one, status in found:
        holder = one.holder
        waiting = ", ".join(terminal.clean(place.run_id) for place in one.queue[:3])
        more = len(one.queue) - 3
        table.add(
            terminal.clean(one.key), terminal.clean(holder.run_id), status,
            terminal.ago(holder.since), terminal.clean(holder.path),
            (f"{waiting} and {more} more" if more > 0 else waiting) or "-",
        )  # fmt: skip
    table.show()


@locks.command(epilog=example("podium locks release customer:7 --yes"))
@click.argument("key")
@database_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def release(key: str, database: str | None, *, yes: bool) -> None:
    """Take a lock from the run that has it.

    The next in line has it then. The run is not told, and goes on as if it had the lock; what checks
    fences refuses it.
    """
    from podium.cli.database import with_app

    question = f"The run that has {key!r} goes on as if it had it. Take it away?"
    if not yes and not click.confirm(question, err=True):
        raise CommandFailed(f"The lock {key!r} stays where it is.")

    async def go(app: Any) -> tuple[LockPlace, str]:
        was = await app.release_lock(key)
        left = {one.key: one.holder.run_id for one in app.locks()}
        return was, left.get(key, "")

    was, now = with_app(database, go)
    then = f"{now} has it now." if now else "Nobody has it now."
    terminal.talk(f"The lock {key} was taken from {was.run_id} (at {was.path}). {then}")


def _dict(one: LockView, status: str) -> dict[str, Any]:
    return {
        "key": one.key, "status": status, "holder": _place(one.holder),
        "queue": [_place(place) for place in one.queue],
    }  # fmt: skip


def _place(place: LockPlace) -> dict[str, Any]:
    return {
        "run": place.run_id, "path": place.path, "since": terminal.iso(place.since),
        "fence": place.fence or None,
    }  # fmt: skip

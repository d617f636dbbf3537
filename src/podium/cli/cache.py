"""``podium cache``: results that are kept for later calls."""

from __future__ import annotations

from typing import Any

import click

from podium.cli import terminal
from podium.cli.db import size_text
from podium.cli.options import database_option, example, json_option


@click.group(
    epilog=example(
        "podium cache list",
        "podium cache clear order_status",
    )
)
def cache() -> None:
    """See which results are kept for later calls, and forget them."""


@cache.command("list", epilog=example("podium cache list --db shop.db"))
@database_option
@json_option
def list_cache(database: str | None, *, as_json: bool) -> None:
    """List the tasks of which results are kept."""
    from podium.cli.database import reading
    from podium.client.views import moment

    with reading(database) as reader:
        found = reader.common.kept_tasks()
    if as_json:
        terminal.out_json([
            {"task": one.task, "results": one.results, "newest": terminal.iso(moment(one.newest_at)),
             "bytes": one.size_bytes}
            for one in found
        ])  # fmt: skip
        return
    if not found:
        terminal.talk("No result is kept.")
        return
    table = terminal.Table("TASK", "RESULTS", "NEWEST", "SIZE")
    for one in found:
        newest = terminal.ago(moment(one.newest_at))
        table.add(terminal.clean(one.task), f"{one.results:,}", newest, size_text(one.size_bytes))
    table.show()


@cache.command(epilog=example("podium cache clear order_status", "podium cache clear --all"))
@click.argument("task", required=False)
@click.option("--all", "is_all", is_flag=True, help="Of every task.")
@database_option
def clear(task: str | None, database: str | None, *, is_all: bool) -> None:
    """Forget the kept results of TASK: the next call computes it anew.

    It can be answered by no last good result then, until a call has succeeded.
    """
    from podium.cli.database import reading, with_app
    from podium.core.errors import NotKnown

    if (task is None) != is_all:
        raise click.UsageError("Name a task, or say --all.")
    with reading(database) as reader:
        known = {one.task: one.results for one in reader.common.kept_tasks()}
    if task is not None and task not in known:
        raise NotKnown("No result is kept of a task", task, known)

    async def go(app: Any) -> None:
        await app.clear_cache(task)

    with_app(database, go)
    count = known[task] if task is not None else sum(known.values())
    terminal.talk("One result is forgotten." if count == 1 else f"{count:,} results are forgotten.")

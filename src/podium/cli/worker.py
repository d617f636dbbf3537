"""``podium worker``: execute and recover runs until told to stop."""

from __future__ import annotations

import click

from podium.cli.options import database_option, example


@click.command(
    epilog=example(
        "podium worker shop billing --db shop.db",
        "podium worker shop --name nightly --for 8h",
        "podium worker                                runs of flow documents only",
    )
)
@click.argument("modules", metavar="[MODULE...]", nargs=-1)
@database_option
@click.option("--name", default="", help="What this worker is called in lists.")
@click.option(
    "--kill-frozen",
    is_flag=True,
    help="End a process of yours that holds the database in silence for 5 s.",
)
@click.option(
    "--runs-max",
    type=click.IntRange(1),
    default=1_000,
    show_default=True,
    help="Most runs it takes on at once.",
)
@click.option(
    "--for", "duration", metavar="DURATION", help="Stop by itself after so long, such as 30s or 8h."
)
def worker(
    modules: tuple[str, ...], database: str | None, name: str, duration: str | None, runs_max: int, *,
    kill_frozen: bool,
) -> int:  # fmt: skip
    """Execute runs of the workflows in MODULEs.

    And those of flow documents: such a run names the modules of its tasks itself; they are imported
    with it, the current directory being importable. It also recovers what dead workers left. Any
    number of workers may share a database. SIGTERM and Ctrl-C start nothing new, give effects in
    flight 10 s, and leave every run to be resumed; a second one quits at once.
    """
    from podium.cli.service import Order, Service

    order = Order(
        modules=modules,
        database=database,
        name=name,
        runs_max=runs_max,
        kill_frozen=kill_frozen,
        duration=duration,
    )
    return Service(order).carry_out()

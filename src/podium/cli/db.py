"""``podium db``: look after the file."""

from __future__ import annotations

from pathlib import Path

import click

from podium.cli import terminal
from podium.cli.exits import Exit
from podium.cli.options import database_option, example, json_option


@click.group(
    epilog=example(
        "podium db check",
        "podium db backup /backups/shop-monday.db",
    )
)
def db() -> None:
    """Check the database, or copy it while in use."""


@db.command(
    epilog=example(
        "podium db check --db shop.db",
    )
)
@database_option
@json_option
def check(database: str | None, *, as_json: bool) -> int:
    """Look for damage in the database; exit 1 if there is any.

    It reads the whole file, and changes nothing.
    """
    from podium.cli.database import opened

    with opened(database) as store:
        found, sizes, path = store.check(), store.sizes(), store.location
    if as_json:
        terminal.out_json({
            "database": path, "ok": not found, "problems": found,
            "bytes": {"file": sizes.file, "log": sizes.log, "free": sizes.free},
        })  # fmt: skip
    elif not found:
        terminal.out(f"{path} is sound ({size_text(sizes.file)})")
    else:
        terminal.out(f"{path} is damaged:")
        for problem in found:
            terminal.out(f"  {terminal.clean(problem)}")
        terminal.talk("Stop the workers on it, and go on from a copy made by `podium db backup`.")
    return Exit.ERROR if found else Exit.OK


@db.command(
    epilog=example(
        "podium db backup /backups/shop-monday.db --db shop.db",
    )
)
@click.argument("target", type=click.Path(path_type=Path))
@database_option
def backup(target: Path, database: str | None) -> None:
    """Copy the database to the new file TARGET, in use as it is.

    Never overwrites. The copy is whole or not there; a worker can be started on it.
    """
    from podium.cli.database import opened

    with opened(database) as store:
        store.backup(target)
        location = store.location
    size = size_text(target.stat().st_size)
    terminal.talk(f"{location} is copied to {target} ({size}).")


def size_text(size_bytes: int) -> str:
    """Return a size for people."""
    size = float(size_bytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"

"""``podium limits``: rates and limits of concurrency that are in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from podium.cli import terminal
from podium.cli.options import database_option, example, json_option

if TYPE_CHECKING:
    from podium.client.common import LimitView


@click.group(epilog=example("podium limits list"))
def limits() -> None:
    """See which rates and limits are in use."""


@limits.command("list", epilog=example("podium limits list --db shop.db"))
@database_option
@json_option
def list_limits(database: str | None, *, as_json: bool) -> None:
    """List the rates and limits of which something is in use."""
    from podium.cli.database import with_app

    async def go(app: Any) -> list[LimitView]:
        found: list[LimitView] = app.limits()
        return found

    found = with_app(database, go)
    if as_json:
        terminal.out_json([_dict(one) for one in found])
        return
    if not found:
        terminal.talk("No limit is in use just now.")
        return
    table = terminal.Table("LIMIT", "ALLOWS", "IN USE", "WAITING", "")
    for one in found:
        table.add(
            terminal.clean(one.key), _allows(one), _used(one), str(one.waiting or "-"), _next(one)
        )
    table.show()


def _allows(one: LimitView) -> str:
    from podium.core.durations import text

    return f"{one.limit:,} in {text(one.period_s)}" if one.period_s else f"{one.limit:,} at once"


def _used(one: LimitView) -> str:
    held = ", ".join(f"{count:,} by {terminal.clean(who)}" for who, count in one.held.items())
    cooling = f"{one.cooling:,} used up" if one.cooling else ""
    return "; ".join(part for part in (held, cooling) if part) or "-"


def _next(one: LimitView) -> str:
    if one.free_at is None or not one.waiting:
        return ""
    return f"more {terminal.ago(one.free_at)}"


def _dict(one: LimitView) -> dict[str, Any]:
    return {
        "kind": one.kind, "key": one.key, "limit": one.limit, "period_s": one.period_s or None,
        "held": one.held, "cooling": one.cooling, "free_at": terminal.iso(one.free_at),
        "workers_waiting": list(one.workers_waiting), "waiting": one.waiting,
    }  # fmt: skip

"""``podium budgets``: what may be spent, what was, and raising it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from podium.cli import terminal
from podium.cli.options import database_option, example, json_option

if TYPE_CHECKING:
    from podium.client.budgets import BudgetView


@click.group(
    epilog=example(
        "podium budgets list",
        "podium budgets raise user:ann/day --usd 20",
    )
)
def budgets() -> None:
    """See what may still be spent, or raise it."""


@budgets.command("list", epilog=example("podium budgets list --db shop.db"))
@database_option
@click.option("--all", "with_ended", is_flag=True, help="Those of runs that have ended, too.")
@json_option
def list_budgets(database: str | None, *, with_ended: bool, as_json: bool) -> None:
    """List the budgets in which something was reserved."""
    found = _read(database, with_ended=with_ended)
    if as_json:
        terminal.out_json([_dict(one) for one in found])
        return
    if not found:
        terminal.talk("Nothing was reserved in a budget yet.")
        return
    table = terminal.Table("BUDGET", "SPENT", "RESERVED", "LIMIT", "PER", "WAITING", "")
    for one in found:
        table.add(
            terminal.clean(one.key), _amounts(one, "spent"), _amounts(one, "reserved"), _limits(one),
            one.per or "-", str(one.waiting or "-"), _remark(one),
        )  # fmt: skip
    table.show()


@budgets.command(epilog=example("podium budgets show user:ann/day"))
@click.argument("key")
@database_option
@json_option
def show(key: str, database: str | None, *, as_json: bool) -> None:
    """Show one budget: what is left, who reserved, who raised it."""
    from podium.core.errors import BudgetNotFound

    found = {one.key: one for one in _read(database, with_ended=True)}
    one = found.get(key)
    if one is None:
        raise BudgetNotFound(key, found)
    if as_json:
        terminal.out_json(_dict(one))
        return
    terminal.out(f"{terminal.clean(one.key)}: {_left(one)}")
    if remark := _remark(one):
        terminal.out(f"  {remark}")
    for place in one.holders:
        terminal.out(
            f"  reserved by {terminal.clean(place.run_id)} at {terminal.clean(place.path)}"
        )
    for change in one.raises:
        raised = _said(change.limits)
        terminal.out(
            f"  raised to {raised} by {terminal.clean(change.by)} at {terminal.clock(change.at)}"
        )


@budgets.command("raise", epilog=example("podium budgets raise user:ann/day --usd 20"))
@click.argument("key")
@database_option
@click.option("--usd", help="The new limit in dollars.", metavar="DOLLARS")
@click.option("--tokens", type=int, help="The new limit.")
@click.option("--calls", type=int, help="The new limit.")
@click.option("--steps", type=int, help="The new limit.")
@click.option("--time", help="The new limit: 30m, 2h.", metavar="DURATION")
def raise_budget(key: str, database: str | None, **limits: Any) -> None:
    """Raise a limit; what waits for it goes on.

    Of a budget per hour, day or month it holds until the period is over.
    """
    from podium.cli.breakers import me
    from podium.cli.database import with_app

    given = {name: value for name, value in limits.items() if value is not None}

    async def go(app: Any) -> BudgetView:
        raised: BudgetView = await app.raise_budget(key, by=me(), **given)
        return raised

    one = with_app(database, go)
    terminal.talk(f"{one.key}: {_left(one)}")


def _read(database: str | None, *, with_ended: bool) -> list[BudgetView]:
    from podium.cli.database import with_app

    async def go(app: Any) -> list[BudgetView]:
        found: list[BudgetView] = app.budgets(with_ended=with_ended)
        return found

    return with_app(database, go)


def _said(limits: dict[str, int]) -> str:
    from podium.core.budgets import shown

    return ", ".join(shown(name, value) for name, value in limits.items())


def _limits(one: BudgetView) -> str:
    return _said(one.limits)


def _amounts(one: BudgetView, which: str) -> str:
    """Say what was spent or reserved, as far as it is limited."""
    amount = getattr(one, which)
    return _said({name: getattr(amount, name) for name in one.limits if name != "time"}) or "-"


def _left(one: BudgetView) -> str:
    """Say what is left of each limit."""
    from podium.core.budgets import shown

    parts = []
    for name, limit in one.limits.items():
        left = one.left(name)
        if left is None:
            parts.append(
                f"{shown(name, limit)} from {terminal.clock(one.since)}"
                if one.since
                else shown(name, limit)
            )
        else:
            parts.append(f"{shown(name, left)} left of {shown(name, limit)}")
    until = f", until {terminal.clock(one.ends_at)}" if one.ends_at else ""
    return ", ".join(parts) + until


def _remark(one: BudgetView) -> str:
    if one.asked is not None:
        return f"{terminal.clean(one.asked.run_id)} asks a person for more"
    return "a person would not raise it" if one.is_refused else ""


def _dict(one: BudgetView) -> dict[str, Any]:
    return {
        "key": one.key, "name": one.name, "run": one.run_id or None, "limits": one.limits,
        "spent": _amount(one, "spent"), "reserved": _amount(one, "reserved"),
        "earlier": _amount(one, "earlier"), "per": one.per or None,
        "ends_at": terminal.iso(one.ends_at), "at_limit": one.at_limit,
        "asked": None if one.asked is None else {"run": one.asked.run_id, "path": one.asked.path},
        "refused": one.is_refused, "waiting": one.waiting,
        "holders": [{"run": place.run_id, "path": place.path} for place in one.holders],
        "raises": [
            {"at": terminal.iso(change.at), "by": change.by, "limits": change.limits}
            for change in one.raises
        ],
    }  # fmt: skip


def _amount(one: BudgetView, which: str) -> dict[str, int]:
    from podium.core.budgets import DIMENSIONS

    return {name: getattr(getattr(one, which), name) for name in DIMENSIONS}

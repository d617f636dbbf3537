"""``podium breakers``: circuit breakers, which all runs and workers of a database share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from podium.cli import terminal
from podium.cli.options import database_option, example, json_option

if TYPE_CHECKING:
    from podium.client.common import BreakerChange, BreakerView

_COLOURS = {"closed": "green", "open": "red", "half open": "yellow"}


@click.group(
    epilog=example(
        "podium breakers list",
        "podium breakers reset orders-api",
    )
)
def breakers() -> None:
    """See which services are not called just now, and why."""


@breakers.command("list", epilog=example("podium breakers list --db shop.db"))
@database_option
@json_option
def list_breakers(database: str | None, *, as_json: bool) -> None:
    """List the breakers and what waits behind them."""
    found = _read(database)
    if as_json:
        terminal.out_json([_dict(one) for one in found])
        return
    if not found:
        terminal.talk("No call was reported to a breaker yet.")
        return
    table = terminal.Table("BREAKER", "STATE", "SINCE", "WAITING", "")
    for one in found:
        since = terminal.ago(one.last.at) if one.last else "-"
        table.add(terminal.clean(one.key), _state(one), since, str(one.waiting or "-"), _why(one))
    table.show()


@breakers.command(epilog=example("podium breakers show orders-api"))
@click.argument("key")
@database_option
@json_option
def show(key: str, database: str | None, *, as_json: bool) -> None:
    """Show one breaker and what changed it lately."""
    from podium.core.errors import BreakerNotFound

    found = {one.key: one for one in _read(database)}
    one = found.get(key)
    if one is None:
        raise BreakerNotFound(key, found)
    if as_json:
        terminal.out_json(_dict(one))
        return
    terminal.out(f"{terminal.clean(one.key)} is {_state(one)}: {_why(one) or 'nothing is wrong'}")
    if one.waiting:
        terminal.out(f"{_many(one.waiting, 'step waits', 'steps wait')} behind it")
    for change in one.changes:
        terminal.out(f"  {_change(change)}")


@breakers.command(epilog=example("podium breakers reset orders-api"))
@click.argument("key")
@database_option
def reset(key: str, database: str | None) -> None:
    """Close a breaker by hand.

    What waits behind it goes on, and nothing is counted.
    """
    from podium.cli.database import with_app

    async def go(app: Any) -> None:
        await app.reset_breaker(key, by=me())

    with_app(database, go)
    terminal.talk(f"The breaker {key} is closed.")


def me() -> str:
    """Return who is at work, as the records of shared things name them."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "an operator"


def _read(database: str | None) -> list[BreakerView]:
    from podium.cli.database import with_app

    async def go(app: Any) -> list[BreakerView]:
        found: list[BreakerView] = app.breakers()
        return found

    return with_app(database, go)


def _state(one: BreakerView) -> str:
    word = one.state.replace("_", " ")
    return terminal.styled(word, fg=_COLOURS[word])


def _why(one: BreakerView) -> str:
    if one.state == "open" and one.last is not None and one.open_until is not None:
        return f"{one.last.reason}; tries again {terminal.ago(one.open_until)}"
    if one.state == "half_open":
        return f"{_many(one.probes, 'call tries', 'calls try')} whether it works again"
    parts = [f"{_many(one.failures, 'failure', 'failures')} in a row"] if one.failures else []
    if one.failed or one.slow:
        parts.append(f"{one.failed} failed, {one.slow} slow of {one.calls} calls")
    return ", ".join(parts)


def _many(count: int, one: str, more: str) -> str:
    return f"{count:,} {one if count == 1 else more}"


def _change(change: BreakerChange) -> str:
    who = terminal.clean(f"{change.by} {change.path}".strip())
    after = change.after.replace("_", " ")
    text = f"{terminal.clock(change.at)}  {after:9}  {terminal.clean(change.reason)}"
    return f"{text} ({who})" if who else text


def _dict(one: BreakerView) -> dict[str, Any]:
    return {
        "key": one.key, "state": one.state, "open_until": terminal.iso(one.open_until),
        "failures_in_row": one.failures, "calls": one.calls, "failed": one.failed,
        "slow": one.slow, "probes": one.probes, "waiting": one.waiting,
        "changes": [
            {"at": terminal.iso(change.at), "before": change.before, "after": change.after,
             "reason": change.reason, "by": change.by, "path": change.path}
            for change in one.changes
        ],
    }  # fmt: skip

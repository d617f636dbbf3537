"""``podium doctor``: is everything here as Podium needs it?"""

from __future__ import annotations

import click

from podium.cli import terminal
from podium.cli.exits import Exit
from podium.cli.options import database_option, example, json_option

_MARKS = {"ok": ("✓", "+", "green"), "note": ("•", "-", "yellow"), "problem": ("✗", "x", "red")}


@click.command(
    epilog=example(
        "podium doctor",
        "podium doctor shop billing --db shop.db",
    )
)
@click.argument("modules", metavar="[MODULE]...", nargs=-1)
@database_option
@json_option
def doctor(modules: tuple[str, ...], database: str | None, *, as_json: bool) -> int:
    """Look whether everything is as it should be.

    At Python, the machine, the database and its workers; exit 1 if something is wrong. With MODULEs it also names the tasks that do not declare what repeating them does.
    """
    from podium.cli.diagnosis import diagnose

    findings = diagnose(database, modules)
    has_problem = any(finding.state == "problem" for finding in findings)
    if as_json:
        terminal.out_json({
            "ok": not has_problem,
            "findings": [
                {"state": one.state, "topic": one.topic, "text": one.text, "advice": one.advice or None}
                for one in findings
            ],
        })  # fmt: skip
        return Exit.ERROR if has_problem else Exit.OK
    import sys

    plain = not terminal.speaks_unicode(sys.stdout)
    widest = max(len(finding.topic) for finding in findings)
    for finding in findings:
        mark, plain_mark, colour = _MARKS[finding.state]
        shown = terminal.styled(plain_mark if plain else mark, fg=colour)
        terminal.out(f"{shown} {finding.topic:<{widest}}  {terminal.clean(finding.text)}")
        if finding.advice:
            terminal.out(f"  {'':<{widest}}  {terminal.styled(finding.advice, dim=True)}")
    return Exit.ERROR if has_problem else Exit.OK

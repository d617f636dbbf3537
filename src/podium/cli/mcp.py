"""``podium mcp``: tools of MCP servers, and workflows served as such."""

from __future__ import annotations

import asyncio

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from podium.cli import terminal
from podium.cli.exits import CommandFailed, Exit
from podium.cli.options import database_option, example, json_option

if TYPE_CHECKING:
    from podium.tools.mcp.description import Description


@click.group(
    epilog=example(
        "podium mcp add files -- npx -y @modelcontextprotocol/server-filesystem /srv/shop",
        "podium mcp check files.mcp.json",
        "podium mcp serve shop.flows",
    )
)
def mcp() -> None:
    """Use MCP servers, and be one."""


@mcp.command(
    epilog=example(
        "podium mcp add files -- npx -y @modelcontextprotocol/server-filesystem /srv/shop",
        "podium mcp add issues --url https://mcp.example.org/mcp --header 'Authorization=Bearer "
        "secret://env/ISSUES_TOKEN'",
    )
)
@click.argument("name")
@click.argument("command", nargs=-1)
@click.option("--url", default="", help="Where it listens, in place of a command.")
@click.option(
    "--env",
    "environment",
    metavar="NAME=VALUE",
    multiple=True,
    help="A variable of the command; the value may be secret://… (repeatable).",
)
@click.option(
    "--inherit",
    metavar="NAME",
    multiple=True,
    help="A variable that it gets from here (repeatable).",
)
@click.option(
    "--header",
    "headers",
    metavar="NAME=VALUE",
    multiple=True,
    help="Of each request to the URL; the value may hold secret://… (repeatable).",
)
@click.option("--out", type=click.Path(dir_okay=False), help="The file.  [default: NAME.mcp.json]")
def add(
    name: str, command: tuple[str, ...], url: str, *, environment: tuple[str, ...],
    inherit: tuple[str, ...], headers: tuple[str, ...], out: str | None,
) -> None:  # fmt: skip
    """Ask an MCP server what it has, and write that into a file.

    `podium.mcp_tools("NAME.mcp.json")` makes the tools of it. Read the file before you use it:
    descriptions are shown to models, and hints decide about effects.
    """
    from podium.tools.mcp.tools import mcp_description

    path = Path(out or f"{name}.mcp.json")
    found = asyncio.run(
        mcp_description(
            name, command=command, url=url, env=dict(_pairs("--env", environment)), inherit=inherit,
            headers=dict(_pairs("--header", headers)),
        )
    )  # fmt: skip
    before = _read(path) if path.exists() else None
    path.write_text(found.written(), encoding="utf-8")
    _show(found)
    what = "is as it was" if before == found else "is written"
    terminal.talk(f"{path} {what}: {len(found.tools)} tools of {found.server or name}.")


@mcp.command(epilog=example("podium mcp check files.mcp.json"))
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@json_option
def check(file: str, *, as_json: bool) -> int:
    """Tell how an MCP server differs from its FILE."""
    from podium.tools.mcp.tools import mcp_description

    before = _read(Path(file))
    place = before.place
    now = asyncio.run(
        mcp_description(
            before.name, command=place.command, url=place.url, env=place.env, inherit=place.inherit,
            cwd=place.cwd, headers=place.headers,
        )
    )  # fmt: skip
    found = list(_differences(before, now))
    if as_json:
        terminal.out_json([{"tool": tool, "difference": what} for tool, what in found])
    for tool, what in [] if as_json else found:
        terminal.out(f"{terminal.clean(tool)}: {what}")
    if found:
        terminal.talk(f"{len(found)} differences; `podium mcp add {before.name} …` writes it anew.")
        return Exit.ERROR
    terminal.talk(f"{file} is up to date: {len(now.tools)} tools.")
    return Exit.OK


@mcp.command(
    epilog=example(
        "podium mcp serve shop.flows --db shop.db",
        "podium mcp serve shop.flows --workflow order --tool shop.order_status",
        "podium mcp serve shop.flows --http 127.0.0.1:8000 --token secret://env/SHOP_TOKEN",
    )
)
@click.argument("modules", metavar="MODULE...", nargs=-1, required=True)
@database_option
@click.option("--workflow", "workflows", metavar="NAME", multiple=True, help="Serve this one; all of the modules unless given (repeatable).")  # fmt: skip
@click.option(
    "--tool", "tools", metavar="NAME", multiple=True, help="Serve this tool (repeatable)."
)
@click.option("--http", metavar="HOST:PORT", help="Listen there, at /mcp, in place of the pipes.")
@click.option(
    "--token", metavar="TEXT", help="What requests over HTTP must bring; may be secret://…."
)
@click.option("--wait", default="20s", show_default=True, metavar="DURATION", help="How long a call waits for the result of its run.")  # fmt: skip
@click.option("--answers", is_flag=True, help="Let clients answer what runs ask; never approvals.")
def serve(
    modules: tuple[str, ...], database: str | None, *, workflows: tuple[str, ...],
    tools: tuple[str, ...], http: str | None, token: str | None, wait: str, answers: bool,
) -> int:  # fmt: skip
    """Serve the workflows of MODULEs as tools of an MCP server.

    Over the pipes of this process, as MCP clients start a server, or over HTTP. This process
    executes the runs, too. A call that takes longer than --wait is answered with the id of its run;
    the tool run_status tells the rest.
    """
    from podium.cli.mcp_serve import Serving

    return Serving(
        modules=modules, database=database, workflows=workflows, tools=tools, http=http, token=token,
        wait=wait, answers=answers,
    ).carry_out()  # fmt: skip


def _pairs(option: str, given: tuple[str, ...]) -> list[tuple[str, str]]:
    found = []
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise click.UsageError(f"{option} {one!r}: expected NAME=VALUE.")
        found.append((name, value))
    return found


def _read(path: Path) -> Description:
    from podium.tools.mcp.description import description_of

    return description_of(path)


def _show(found: Description) -> None:
    from podium.tools.mcp.description import names_of

    if not found.tools:
        raise CommandFailed(f"{found.name} has no tools.", Exit.ERROR)
    names = names_of(found.tools)
    table = terminal.Table("TOOL", "EFFECT", "WHAT IT SAYS IT DOES")
    for one in found.tools:
        effect = str(one.hints.effect)
        first = " ".join(one.description.split())[:300]
        table.add(f"{found.name}.{names[one.name]}", effect, terminal.clean(first))
    table.show()


def _differences(before: Description, now: Description) -> Any:
    ours, theirs = ({one.name: one for one in each.tools} for each in (before, now))
    for name in sorted(ours.keys() | theirs.keys()):
        if name not in theirs:
            yield name, "is gone"
        elif name not in ours:
            yield name, "is new"
        else:
            for part in ("input", "output", "hints", "description"):
                if getattr(ours[name], part) != getattr(theirs[name], part):
                    yield name, f"has another {part}"

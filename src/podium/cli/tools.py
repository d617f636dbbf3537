"""``podium tools``: which tools modules have, what they say about themselves, and one call of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from podium.cli import terminal
from podium.cli.exits import TABLE, CommandFailed, Exit
from podium.cli.options import database_option, example, json_option

if TYPE_CHECKING:
    from podium.tools.spec import ToolSpec


@click.group(
    epilog=example(
        "podium tools list shop.tools",
        "podium tools show shop.tools:shop.order_status",
        'podium tools call shop.tools:shop.order_status --args \'{"order": "A1"}\'',
    )
)
def tools() -> None:
    """Look at tools, and call one.

    A tool is named MODULE:NAME: the module that registers it is imported, the current directory
    being importable.
    """


@tools.command("list", epilog=example("podium tools list shop.tools --search 'where is my parcel'"))
@click.argument("modules", metavar="MODULE...", nargs=-1, required=True)
@click.option("--tag", help="Only those with this tag.")
@click.option(
    "--search", "query", metavar="WORDS", help="Only what these words are about, the best first."
)
@json_option
def list_tools(
    modules: tuple[str, ...], tag: str | None, query: str | None, *, as_json: bool
) -> None:
    """List the tools of modules, with notes on them."""
    from podium.cli.modules import load_module
    from podium.tools import find, search

    for module in modules:
        load_module(module)
    found = find(tag=tag) if query is None else search(query, limit=100, tag=tag)
    specs = [tool.spec for tool in found]
    if as_json:
        terminal.out_json([_short(spec) for spec in specs])
        return
    if not specs:
        which = (
            "No tool fits."
            if tag or query
            else "No tool is registered: none is made with @podium.tool."
        )
        terminal.talk(which)
        return
    table = terminal.Table("TOOL", "EFFECT", "TAGS", "WHAT IT DOES")
    for spec in specs:
        first = " ".join(spec.description.split("\n\n", maxsplit=1)[0].split())
        table.add(
            spec.name, str(spec.effect), ", ".join(spec.card.tags) or "-", terminal.clean(first)
        )
    table.show()
    _say_notes(specs)


@tools.command(epilog=example("podium tools show shop.tools:shop.order_status"))
@click.argument("reference", metavar="MODULE:NAME")
@json_option
def show(reference: str, *, as_json: bool) -> None:
    """Show one: what it does, takes and gives, and how."""
    from podium.cli.tool_words import pages_of

    spec = named(reference)
    if as_json:
        terminal.out_json(_whole(spec))
        return
    for line in pages_of(spec):
        terminal.out(line)


@tools.command(
    epilog=example(
        'podium tools call shop.tools:shop.order_status --args \'{"order": "A1"}\'',
        "podium tools call shop.tools:shop.refund --args @refund.json --yes",
    )
    + TABLE
)
@click.argument("reference", metavar="MODULE:NAME")
@click.option(
    "--args",
    "given",
    metavar="JSON|@FILE|-",
    default="{}",
    help="The arguments by name.  [default: {}]",
)
@click.option(
    "--header",
    "headers",
    metavar="NAME=VALUE",
    multiple=True,
    help="An attribute of the run (repeatable).",
)
@click.option("--id", "run_id", metavar="ID", help="The run's id.")
@database_option
@click.option("--yes", is_flag=True, help="Do not ask before something is changed.")
@json_option
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
def call(
    reference: str, given: str, headers: tuple[str, ...], run_id: str | None, database: str | None, *,
    yes: bool, as_json: bool, quiet: bool,
) -> int:  # fmt: skip
    """Call one, as a durable run, and print its result.

    Arguments are checked and mended as for a model, before anything runs.
    """
    from podium.cli.tool_call import Asked, carry_out

    spec = named(reference)
    return carry_out(
        Asked(
            spec=spec, module=reference.partition(":")[0], arguments=given, headers=headers, run_id=run_id,
            database=database, is_sure=yes, as_json=as_json, is_quiet=quiet,
        )
    )  # fmt: skip


def named(reference: str) -> ToolSpec:
    """Return the tool that ``MODULE:NAME`` names.

    Raises:
        CommandFailed: There is none.
    """
    from podium.cli.modules import load_module
    from podium.tools.registry import UnknownTool, get

    module, colon, name = reference.partition(":")
    if not colon or not module or not name:
        raise CommandFailed(
            f"{reference!r} names no tool; expected MODULE:NAME, such as shop.tools:shop.order_status.",
            Exit.USAGE,
        )
    load_module(module)
    try:
        return get(name).spec
    except UnknownTool as problem:
        raise CommandFailed(f"{problem}", Exit.USAGE) from None


def _say_notes(specs: list[ToolSpec]) -> None:
    from podium.tools.notes import notes_on

    lines = [f"{spec.name}: {note}" for spec in specs for note in notes_on(spec)]
    if lines:
        terminal.talk()
    for line in lines:
        terminal.talk(f"note: {terminal.clean(line)}")


def _short(spec: ToolSpec) -> dict[str, Any]:
    from podium.tools.notes import notes_on

    return {
        "name": spec.name, "effect": str(spec.effect), "tags": list(spec.card.tags),
        "description": spec.description, "notes": notes_on(spec),
    }  # fmt: skip


def _whole(spec: ToolSpec) -> dict[str, Any]:
    from podium.cli.tool_words import policies_of

    return {
        **_short(spec), "version": spec.parts.version or None, "place": spec.place,
        "input_schema": spec.input_schema, "output_schema": spec.output_schema,
        "from_run": dict(spec.from_run), "examples": [dict(one) for one in spec.card.examples],
        "policies": policies_of(spec.options),
    }  # fmt: skip

"""``podium run``: start a run, or go on with one, and stay until it has ended or needs a person."""

from __future__ import annotations

import click

from podium.cli import terminal
from podium.cli.exits import TABLE, CommandFailed
from podium.cli.options import database_option, example, read_input


@click.command(
    epilog=example(
        "podium run shop:order --set item=lamp --set amount=2",
        "podium run shop:order --input @order.json --id order-17 --json",
        "podium run shop:order --id order-17          go on with it",
        "podium run support.yaml --set message=hello  run a flow document",
        "podium run support.yaml --dry                see what it would do",
    )
    + TABLE
)
@click.argument("reference", metavar="MODULE:WORKFLOW|FILE", required=False)
@click.option(
    "--input",
    "given",
    metavar="JSON|@FILE|-",
    help="The input: an object with the arguments by name.",
)
@click.option(
    "--set",
    "pairs",
    metavar="NAME=VALUE",
    multiple=True,
    help="One argument: JSON, else a string (repeatable).",
)
@click.option(
    "--id",
    "run_id",
    metavar="ID",
    help="The run's id. An id that is there goes on; its input need not be given, nor the FILE of its flow.",
)
@database_option
@click.option(
    "--dry",
    is_flag=True,
    help="Of a flow: compute and read for real, list what would change the world; write nothing.",
)
@click.option(
    "--wait", is_flag=True, help="Keep waiting when only a signal or an answer can move the run."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print one object: id, status, output, error."
)
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
def run(
    reference: str | None, given: str | None, pairs: tuple[str, ...], run_id: str | None, database: str | None,
    *, dry: bool, wait: bool, as_json: bool, quiet: bool,
) -> int:  # fmt: skip
    """Run a workflow and print its output.

    It is a function (MODULE:WORKFLOW) or a flow document (FILE.yaml, FILE.json). The output goes to standard output as JSON, progress to standard error; so does what the
    workflow itself prints. A document that must not run is refused with all that is wrong (exit 3).
    When only a signal or an answer can move the run, it is left to be resumed, and what to type is
    said (exit 6). Ctrl-C leaves it too; a second one quits at once.
    """
    if reference is None and run_id is None:
        raise click.UsageError("Missing what to run: MODULE:WORKFLOW, or the FILE of a flow.")
    given_input = read_input(given, pairs)
    from podium.cli.stay import Stay, Wish

    wish = Wish(
        reference=reference, input=given_input, run_id=run_id, database=database,
        waits_for_people=wait, as_json=as_json, is_quiet=quiet,
    )  # fmt: skip
    try:
        if dry:
            from podium.cli.flow_dry import carry_out

            return carry_out(wish)
        return Stay(wish).carry_out()
    except CommandFailed as problem:
        found = problem.as_dict()
        if not as_json or found is None:
            raise
        terminal.out_json(found)
        return problem.code

"""``podium flow``: documents, before they run."""

from __future__ import annotations

import sys

from pathlib import Path

import click

from podium.cli import terminal
from podium.cli.exits import TABLE, Exit
from podium.cli.flow_graphs import picture_options
from podium.cli.options import example, json_option

_files = click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path())
_file = click.argument("file", metavar="FILE", type=click.Path())


@click.group(
    epilog=example(
        "podium flow check support.yaml",
        "podium flow graph support.yaml -o support.svg",
        "podium run support.yaml --set message=hello",
    )
)
def flow() -> None:
    """Check, draw, format and import flow documents."""


@flow.command(
    epilog=example(
        "podium flow check support.yaml",
        "podium flow check flows/*.yaml --json",
    )
    + TABLE
)
@_files
@json_option
def check(files: tuple[str, ...], *, as_json: bool) -> int:
    """Find all that is wrong with documents, before anything runs.

    The modules that a document uses are imported; the current directory is importable. Exit 0 where
    there are no errors, 3 where there are; warnings change nothing.
    """
    from podium.cli.flow_files import report_of

    reports = [report_of(file) for file in files]
    is_sound = not any(report.errors for report in reports)
    if as_json:
        terminal.out_json({"ok": is_sound, "files": [one.as_dict() for one in reports]})
    else:
        for report in reports:
            for line in report.lines(sys.stdout):
                terminal.out(line)
        for report in reports:
            terminal.out(terminal.clean(report.summary()))
    return Exit.OK if is_sound else Exit.DOCUMENT_INVALID


@flow.command(
    epilog=example(
        "podium flow schema > flow.schema.json",
        "podium flow schema --uses shop.tools > flow.schema.json",
    )
)
@click.option("--for-models", is_flag=True, help="The small form, for models that write plans.")
@click.option(
    "--uses", "modules", metavar="MODULE", multiple=True,
    help="Complete the tasks of this module and their parameters (repeatable).",
)  # fmt: skip
def schema(modules: tuple[str, ...], *, for_models: bool) -> None:
    """Print the JSON Schema of flow documents.

    Editors complete and check documents by it: put `# yaml-language-server: $schema=flow.schema.json`
    into the first line of a flow.
    """
    from podium.cli.modules import load_module
    from podium.core.spec import registry
    from podium.flow.schema import language_schema, model_schema

    for module in modules:
        load_module(module)
    tasks = registry.tasks if modules else None
    found = model_schema(tasks) if for_models else language_schema(tasks)
    terminal.out(terminal.as_json(found, spread=True))


@flow.command(
    epilog=example(
        "podium flow fmt support.yaml",
        "podium flow fmt --check flows/*.yaml",
    )
)
@_files
@click.option("--check", "only_check", is_flag=True, help="Change nothing; exit 1 if it would.")
@click.option("--stdout", "to_stdout", is_flag=True, help="Print it, and leave the file as it is.")
def fmt(files: tuple[str, ...], *, only_check: bool, to_stdout: bool) -> int:
    """Write documents in the usual layout.

    Comments are kept, and so is everything the document says.
    """
    from podium.cli import flow_formatting

    if only_check and to_stdout:
        raise click.UsageError("--check prints nothing and --stdout does; give one of them.")
    return flow_formatting.carry_out(files, only_check=only_check, to_stdout=to_stdout)


@flow.command(
    epilog=example(
        "podium flow graph support.yaml",
        "podium flow graph support.yaml -o support.svg",
        "podium flow graph support.yaml --format mermaid",
    )
)
@_file
@picture_options
def graph(file: str, form: str | None, target: Path | None) -> int:
    """Draw a flow.

    In a terminal as boxes, or as a list where they have no room.
    """
    from podium.cli import flow_graphs
    from podium.cli.flow_files import document_of
    from podium.cli.options import command
    from podium.flow.pictures import picture_of

    document, report = document_of(file)
    flow_graphs.show(picture_of(document), form, target)
    if report.errors:
        terminal.talk(f"{report.summary()}: {command('flow', 'check', file)}")
    return Exit.OK


@flow.command(
    "import",
    epilog=example(
        "podium flow import order.sw.yaml -o order.yaml",
        "podium flow import order.sw.yaml --json",
    )
    + TABLE,
)
@_file
@click.option("--name", metavar="NAME", help="What the flow is called.  [default: as the source]")
@click.option(
    "-o", "--output", "target", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
    help="Write the flow to a file.",
)  # fmt: skip
@json_option
def import_(file: str, name: str | None, target: Path | None, *, as_json: bool) -> int:
    """Make a flow of a CNCF Serverless Workflow 1.0 document.

    Whatever could not be carried over is said, with its place in the source. Exit 3 where the flow
    does less than the source: it is written all the same, and the check refuses it until it is
    finished by hand.
    """
    from podium.cli.flow_importing import Importing

    return Importing(file, name, target, as_json=as_json).carry_out()

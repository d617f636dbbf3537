"""Pictures of flows and runs, where they shall go."""

from __future__ import annotations

import sys

from pathlib import Path
from typing import TYPE_CHECKING

import click

from podium.cli import terminal
from podium.cli.exits import CommandFailed
from podium.cli.modules import make_importable
from podium.cli.options import F, command

if TYPE_CHECKING:
    from podium.flow.render import Picture
    from podium.journal.store import Reader, RunRow

FORMATS = ("terminal", "mermaid", "svg")
_BY_ENDING = {".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid"}


def picture_options(decorated: F) -> F:
    """Give a command the options of a picture."""
    as_what = click.option(
        "--format", "form", type=click.Choice(FORMATS),
        help="How it is drawn.  [default: by the ending of FILE, else terminal]",
    )  # fmt: skip
    target = click.option(
        "-o", "--output", "target", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
        help="Write it to a file.",
    )  # fmt: skip
    return as_what(target(decorated))


def picture_of_kept(reader: Reader, row: RunRow, database: str | None) -> Picture:
    """Return the picture of a run, as far as it is committed.

    Raises:
        CommandFailed: It is a run of a function.
        PodiumError: Its document cannot be carried out here, or does not fit its journal.
    """
    if row.document is None:
        raise CommandFailed(
            f"Run {row.id!r} is one of the function {row.workflow!r}; only runs of flow documents have "
            f"a graph. {command('runs', 'steps', row.id, database=database)} lists its steps."
        )
    from podium.client.replaying import FlowReplay
    from podium.flow.pictures import picture_of, picture_of_run

    make_importable()
    replay = FlowReplay(reader, row)
    try:
        flow_run = replay.look(row)
        if replay.problem is not None:
            terminal.talk(f"It is drawn as far as it could be followed: {replay.problem}")
        if flow_run is None:
            return picture_of(replay.document, begun=False)
        return picture_of_run(flow_run)
    finally:
        replay.close()


def show(picture: Picture, form: str | None, target: Path | None) -> None:
    """Draw a picture, on standard output or into a file."""
    form = form or (_BY_ENDING.get(target.suffix, "terminal") if target else "terminal")
    text = _drawn(picture, form, is_file=target is not None)
    if target is None:
        terminal.out(text.removesuffix("\n"))
        return
    target.write_text(text, encoding="utf-8")
    terminal.talk(f"{picture.title} is drawn in {target}.")


def _drawn(picture: Picture, form: str, *, is_file: bool) -> str:
    from podium.flow import render

    if form == "svg":
        return render.svg(picture)
    if form == "mermaid":
        return render.mermaid(picture)
    plain = not is_file and not terminal.speaks_unicode(sys.stdout)
    color = not is_file and terminal.has_colour(sys.stdout)
    return render.terminal(picture, terminal.width(), color=color, ascii=plain)

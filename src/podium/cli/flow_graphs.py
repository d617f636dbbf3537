"""Pictures of flows and runs, where they shall go."""

from __future__ import annotations

import sys

from pathlib import Path
from typing import TYPE_CHECKING

import click

from podium.cli import terminal
from podium.cli.options import F

if TYPE_CHECKING:
    from podium.flow.render import Picture

FORMATS = ("terminal", "mermaid", "svg")
_BY_ENDING = {".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid"}


def picture_options(command: F) -> F:
    """Give a command the options of a picture."""
    as_what = click.option(
        "--format", "form", type=click.Choice(FORMATS),
        help="How it is drawn.  [default: by the ending of FILE, else terminal]",
    )  # fmt: skip
    target = click.option(
        "-o", "--output", "target", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
        help="Write it to a file.",
    )  # fmt: skip
    return as_what(target(command))


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

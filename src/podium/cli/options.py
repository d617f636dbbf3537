"""Options that several commands share, and how values are read from the command line."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from podium.cli import terminal

F = TypeVar("F", bound=Callable[..., Any])

database_option = click.option(
    "--db", "database", metavar="PATH",
    help="The database: a path or a sqlite:/// URL.  [default: $PODIUM_DB, else ./podium.db]",
)  # fmt: skip
reveal_option = click.option(
    "--reveal", is_flag=True, expose_value=False, callback=terminal.reveal,
    help="Show what looks like a secret, too.",
)  # fmt: skip
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")


def example(*lines: str) -> str:
    """Return the end of a command's help: what it looks like when it is typed."""
    return "\n".join(["\b", "Example:", *(f"  {line}" for line in lines), "", ""])


def run_argument(command: F) -> F:
    """Give a command the id of a run, which shells complete."""
    return click.argument("run_id", metavar="ID", shell_complete=_complete_run)(command)


def _complete_run(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    from podium.cli.database import reading

    try:
        with reading(ctx.params.get("database")) as reader:
            return [row.id for row in reader.runs(limit=1_000) if row.id.startswith(incomplete)]
    except Exception:  # noqa: BLE001 - completing is a courtesy
        return []


# values -----------------------------------------------------------------------------------


def read_json(text: str, what: str) -> Any:
    """Return the JSON that a text is: as it stands, in ``@file``, or ``-`` for standard input.

    Raises:
        click.UsageError: It is not JSON, or the file cannot be read.
    """
    source = _source(text, what)
    try:
        return json.loads(source, parse_constant=_refuse_constant)
    except ValueError as error:
        shown = source if len(source) <= 80 else f"{source[:80]}…"
        place = "" if text == source else f" ({text})"
        raise click.UsageError(f"{what}{place} is not JSON: {error}. It is: {shown}") from None


def read_value(text: str, what: str) -> Any:
    """Return a value: JSON, else the text itself; what looks like JSON must be JSON."""
    if text == "-" or text.startswith("@"):
        return read_json(text, what)
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except ValueError:
        if text.lstrip().startswith(("{", "[", '"')):
            return read_json(text, what)
        return text


def read_input(text: str | None, pairs: tuple[str, ...]) -> dict[str, Any] | None:
    """Return a run's input from ``--input`` and ``--set``; ``None`` if neither was given."""
    if text is None and not pairs:
        return None
    given = {} if text is None else read_json(text, "--input")
    if not isinstance(given, dict):
        raise click.UsageError(
            f"--input is {_kind(given)}; expected an object with the workflow's arguments by "
            'name, such as \'{"item": "lamp"}\'.'
        )
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--set {pair!r}: expected NAME=VALUE, such as --set item=lamp.")
        given[name] = _json_or_text(value)
    return given


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except ValueError:
        return text


def _source(text: str, what: str) -> str:
    if text == "-":
        return sys.stdin.read()
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise click.UsageError(f"{what}: {text[1:]!r} cannot be read: {reason}.") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a string", int: "a number", float: "a number", bool: "a boolean"}
    return names.get(type(value), "null")


# commands to type next --------------------------------------------------------------------


def command(*words: str, database: str | None = None) -> str:
    """Return a podium command the way it can be typed here."""
    place = () if database is None else ("--db", database)
    return f"{_me()} {' '.join(map(quoted, (*words, *place)))}"


def quoted(word: str) -> str:
    """Quote a word for a shell, unless it needs none."""
    return word if re.fullmatch(r"[\w@%+=:,./~…-]+", word) and word[0] != "~" else shlex.quote(word)


def _me() -> str:
    """Return what the user has typed to get here."""
    started = Path(sys.argv[0])
    if started.name == "__main__.py":
        return "python -m podium"
    if started.name not in ("podium", "podium.exe"):
        return "podium"
    found = shutil.which("podium")
    if found and os.path.realpath(found) == os.path.realpath(started):
        return "podium"
    near = os.path.relpath(started)
    return near if len(near) < len(str(started)) else str(started)

"""``podium``: the root of the commands, and the one place that turns errors into words and codes."""

from __future__ import annotations

import errno
import importlib
import os
import sys
import traceback

from collections.abc import Sequence
from typing import NoReturn

import click

from podium.cli import terminal
from podium.cli.exits import TABLE, CommandFailed, Exit, exit_of
from podium.cli.options import example
from podium.core.errors import PodiumError
from podium.core.version import VERSION

_COMMANDS = {
    "run": "podium.cli.run:run",
    "worker": "podium.cli.worker:worker",
    "runs": "podium.cli.runs:runs",
    "flow": "podium.cli.flow:flow",
    "plan": "podium.cli.planning:plan",
    "do": "podium.cli.planning:do",
    "tools": "podium.cli.tools:tools",
    "model": "podium.cli.model:model",
    "mcp": "podium.cli.mcp:mcp",
    "breakers": "podium.cli.breakers:breakers",
    "budgets": "podium.cli.budgets:budgets",
    "limits": "podium.cli.limits:limits",
    "locks": "podium.cli.locks:locks",
    "cache": "podium.cli.cache:cache",
    "db": "podium.cli.db:db",
    "doctor": "podium.cli.doctor:doctor",
    "completion": "podium.cli.completion:completion",
}


class _Root(click.Group):
    """Imports a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands, in the order people meet them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        place = _COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.group(
    cls=_Root,
    epilog=example(
        "podium run shop:order --set item=lamp     start a run and wait for its result",
        "podium runs list                          what is going on",
        "podium worker shop                        execute runs until told to stop",
    )
    + TABLE,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(VERSION, message="podium %(version)s")
def commands() -> None:
    """Podium: durable workflows in one SQLite file.

    The database is --db, else $PODIUM_DB, else ./podium.db. Results go to standard output,
    everything else to standard error. PODIUM_DEBUG=1 shows the traceback of an error.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Carry out a command and exit with its code."""
    terminal.prepare()
    code = carry_out(arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
    except (OSError, ValueError, AttributeError):
        code = code or Exit.ERROR
    sys.exit(int(code))


def carry_out(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command; return its exit code, with errors said on standard error."""
    try:
        given = None if arguments is None else list(arguments)
        code = commands.main(given, prog_name="podium", standalone_mode=False)
        return int(code or 0)
    except click.ClickException as error:
        return _say_usage(error)
    except (click.Abort, KeyboardInterrupt):
        terminal.complain("Interrupted.")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        _drop_output()
        return Exit.ERROR
    except Exception as error:  # noqa: BLE001 - said in a sentence, with the way to the traceback
        return _say(error)


def _say_usage(error: click.ClickException) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return Exit.USAGE
    where = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else ""
    terminal.complain(error.format_message())
    if where:
        terminal.talk(terminal.styled(f"{where} --help says more.", dim=True))
    return int(error.exit_code)


def _say(error: Exception) -> int:
    if os.environ.get("PODIUM_DEBUG", "0") not in ("", "0"):
        traceback.print_exception(error)
        return exit_of(error)
    if isinstance(error, CommandFailed):
        for line in error.details():
            terminal.talk(line)
        terminal.complain(str(error))
    elif isinstance(error, PodiumError):
        terminal.complain(str(error))
    elif isinstance(error, OSError) and error.errno is not None:
        what = errno.errorcode.get(error.errno, "")
        terminal.complain(
            f"The system refused: {error.strerror or error} ({what}) {error.filename or ''}".rstrip()
        )
    else:
        terminal.complain(
            f"{type(error).__name__}: {error}. Podium did not expect this; what was committed is "
            "safe. PODIUM_DEBUG=1 shows where it happened."
        )
    return exit_of(error)


def _drop_output() -> None:
    """Nobody reads any more: keep the interpreter from complaining about that at its end."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        return

"""Help, version and completion."""

import re
import subprocess
import sys

from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from podium.cli.main import commands
from podium.core.version import VERSION
from tests.cli.conftest import Said, Shell, environment

HEAVY = (
    "apsw",
    "rich",
    "pydantic",
    "podium.engine",
    "podium.journal",
    "podium.client",
    "multiprocessing",
)
COMMANDS = """\
Commands:
  run         Run a workflow and print its output.
  worker      Execute runs of the workflows in MODULEs.
  runs        See what runs are doing, and send them messages.
  flow        Check, draw, format and import flow documents.
  plan        Have a plan written for a GOAL, and show it.
  do          Reach a GOAL: criteria, plan, approval, work, verification.
  tools       Look at tools, and call one.
  model       Ask a model once; fetch the weights of local ones.
  mcp         Use MCP servers, and be one.
  breakers    See which services are not called just now, and why.
  budgets     See what may still be spent, or raise it.
  limits      See which rates and limits are in use.
  locks       See what runs have locked, or take it away.
  cache       See which results are kept for later calls, and forget them.
  db          Check the database, or copy it while in use.
  doctor      Look whether everything is as it should be.
  completion  Print what lets SHELL complete commands.
"""


def every_command(group: click.Group, *words: str) -> Iterator[tuple[str, ...]]:
    """The words of each command and group."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*words, name)
        if isinstance(command, click.Group):
            yield from every_command(command, *words, name)


def test_help_names_the_commands_and_exit_codes(
    podium: Callable[..., Said], tmp_path: Path
) -> None:
    """`podium --help` shows what there is, in the order people meet it, and what exit codes mean."""
    said = podium("--help", cwd=tmp_path)

    assert said.code == 0
    assert COMMANDS in said.out
    assert [int(line.split()[0]) for line in said.out.split("Exit codes:\n")[1].splitlines()] == [
        0, 1, 2, 3, 4, 5, 6, 130,
    ]  # fmt: skip


def test_each_command_has_help_with_an_example(podium: Callable[..., Said], tmp_path: Path) -> None:
    """The help of every command is whole, and shows how it is typed."""
    helps = {words: podium(*words, "--help", cwd=tmp_path) for words in every_command(commands)}

    assert len(helps) > 12
    for words, said in helps.items():
        assert said.code == 0
        assert f"Example:\n    podium {words[0]}" in said.out, words
        assert re.search(r"[a-z]\.\.\.\n", said.out) is None, words


def test_help_imports_nothing_heavy() -> None:
    """`podium --help` imports no driver, no engine and nothing that draws."""
    code = (
        "import sys\n"
        "from podium.cli.main import carry_out\n"
        "carry_out(['--help'])\n"
        f"heavy = {HEAVY!r}\n"
        "print([name for name in sys.modules if name.startswith(heavy)], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )

    assert done.stderr.strip() == "[]"


def test_version(podium: Callable[..., Said], tmp_path: Path) -> None:
    """`podium --version` prints the version."""
    said = podium("--version", cwd=tmp_path)

    assert (said.code, said.out) == (0, f"podium {VERSION}\n")


@pytest.mark.parametrize("shell_name", ["bash", "zsh", "fish"])
def test_completion_script(podium: Callable[..., Said], tmp_path: Path, shell_name: str) -> None:
    """`podium completion` prints a script for each shell."""
    said = podium("completion", shell_name, cwd=tmp_path)

    assert said.code == 0
    assert f"_PODIUM_COMPLETE={shell_name}_complete" in said.out


def test_shells_complete_run_ids(history: Path) -> None:
    """Where a command takes a run's id, the ids in the database are offered."""
    done = Shell(history).run(
        _PODIUM_COMPLETE="bash_complete", COMP_WORDS="podium runs show un", COMP_CWORD="3"
    )

    assert done.stdout == "plain,unpaid\n"

"""Write the part of ``docs/cli.md`` that the commands themselves say.

python docs/generate.py          writes it
python docs/generate.py --check  exits with 1 if it is not fresh (a test does the same)
"""

from __future__ import annotations

import inspect
import re
import sys

from collections.abc import Iterator
from pathlib import Path

import click

from podium.cli.exits import TABLE
from podium.cli.main import commands

PAGE = Path(__file__).with_name("cli.md")
MARK = "<!-- From here on written by docs/generate.py. -->"


def page() -> str:
    """The page as it should be."""
    head = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    return f"{head}{MARK}\n\n" + "\n".join(reference())


def reference() -> Iterator[str]:
    """The lines of the reference."""
    yield "## Exit codes"
    yield ""
    yield "| code | says |"
    yield "|---|---|"
    for code, meaning in re.findall(r"^ +(\d+) +(.+)$", TABLE, re.MULTILINE):
        yield f"| {code} | {meaning} |"
    yield ""
    yield "## Commands"
    yield ""
    for path, command in walk(commands, "podium"):
        if path != "podium":
            yield from section(path, command)


def walk(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Every command with what is typed for it, groups before what is in them."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None and not found.hidden:
                yield from walk(found, f"{path} {name}")


def section(path: str, command: click.Command) -> Iterator[str]:
    """What is said of one command."""
    arguments = [one for one in command.params if isinstance(one, click.Argument)]
    options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    is_group = isinstance(command, click.Group)
    words = " ".join([path, *(["[OPTIONS]"] if options else []), *map(argument, arguments)])
    yield f"### `{path}`"
    yield ""
    yield from sentences(command.help or "")
    yield ""
    yield "```"
    yield f"{words} COMMAND" if is_group else words
    yield "```"
    yield ""
    if options:
        yield "| option | |"
        yield "|---|---|"
        for option in options:
            yield f"| {names(option)} | {cell(described(option))} |"
        yield ""
    shown = example(command)
    if shown:
        yield "```"
        yield from shown
        yield "```"
        yield ""


def argument(one: click.Argument) -> str:
    """An argument as it stands in the usage."""
    return one.make_metavar(click.Context(click.Command("podium")))


def names(option: click.Option) -> str:
    """The names of an option, with what it takes."""
    takes = "" if option.is_flag else f" {metavar(option)}"
    return ", ".join(f"`{name}{cell(takes)}`" for name in (*option.opts, *option.secondary_opts))


def metavar(option: click.Option) -> str:
    """What an option takes, in a word."""
    if option.metavar:
        return option.metavar
    if isinstance(option.type, click.Choice):
        return "WORD"
    return "NUMBER" if isinstance(option.type, click.types.IntParamType) else "TEXT"


def described(option: click.Option) -> str:
    """The help of an option, with its words and its default."""
    text = " ".join((option.help or "").split())
    if isinstance(option.type, click.Choice):
        text += " One of " + ", ".join(f"`{word}`" for word in option.type.choices) + "."
    if option.show_default and isinstance(option.default, int | str):
        text += f" Default: {option.default}."
    return re.sub(r"\s*\[default: (.+?)\]", r" Default: \1.", text)


def example(command: click.Command) -> list[str]:
    """The lines of a command's example."""
    found = re.search(r"Example:\n((?:  .*\n?)+)", command.epilog or "")
    return inspect.cleandoc(found[1]).splitlines() if found else []


def sentences(text: str) -> list[str]:
    """A help text with each sentence on its line; what a marker protects from wrapping stays out."""
    paragraphs = [
        " ".join(part.split()) for part in inspect.cleandoc(text).split("\n\n") if "\b" not in part
    ]
    return "\n\n".join(
        re.sub(r"(?<=[.:]) (?=[A-Z$])", "\n", part) for part in paragraphs
    ).splitlines()


def cell(text: str) -> str:
    """A text that may stand in a table."""
    return text.replace("|", "\\|")


if __name__ == "__main__":
    fresh = page()
    if "--check" in sys.argv[1:]:
        sys.exit(PAGE.read_text(encoding="utf-8") != fresh)
    PAGE.write_text(fresh, encoding="utf-8")

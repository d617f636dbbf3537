"""``podium run FILE --dry``: what a flow would do."""

from __future__ import annotations

import asyncio

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from podium.cli import terminal
from podium.cli.exits import CommandFailed, Exit
from podium.cli.flow_files import sound_flow, warning_of
from podium.cli.folding import folded
from podium.cli.modules import is_document
from podium.cli.stay import Wish, standard_output_is_ours
from podium.client.dry import dry_run

if TYPE_CHECKING:
    from podium.flow.dry import DryReport, Entry

VALUE_CHARS = 300


def carry_out(wish: Wish) -> int:
    """Run a flow dry and say what it would do; return the exit code.

    Raises:
        CommandFailed: It is no flow document.
    """
    reference = wish.reference or ""
    if not is_document(reference):
        raise CommandFailed(
            f"--dry runs flow documents (FILE.yaml, FILE.json), not {reference or 'a run that is there'!r}: "
            "what a function does between its steps cannot be left out.",
            Exit.USAGE,
        )
    with standard_output_is_ours():
        flow = sound_flow(reference)
        warning = warning_of(reference, flow)
        if warning and not wish.is_quiet:
            terminal.talk(warning)
        report = asyncio.run(dry_run(flow, wish.input))
    if wish.as_json:
        terminal.out_json({"dry": True, **msgspec.to_builtins(report)})
    else:
        for line in _lines(flow.name, report):
            terminal.out(line)
    return Exit.OK


def _lines(name: str, report: DryReport) -> Iterator[str]:
    yield f"{name}, dry: nothing was written"
    yield from _done(report)
    if report.would:
        yield _head("a real run would")
        for entry in report.would:
            yield from _entry(entry)
    else:
        yield _head("a real run would do no more than that")
    yield _head("output")
    yield (
        f"  {_value(report.output)}"
        if report.is_known
        else "  not known: it rests on what was not done"
    )


def _done(report: DryReport) -> Iterator[str]:
    counts: Counter[tuple[str, str, str]] = Counter()
    for one in report.done:
        counts[folded(one.path), one.task, one.effect] += 1
    if counts:
        yield _head("done for real")
    for (path, task, effect), count in counts.items():
        times = f", {count:,} times" if count > 1 else ""
        what = "" if task == path else f" {task}"
        yield f"  {terminal.styled(effect, fg='green')}{what}  at {terminal.clean(path)}{times}"


def _entry(entry: Entry) -> Iterator[str]:
    what = entry.effect or entry.what
    perhaps = "" if entry.is_certain else ", perhaps: it depends on what is not known"
    name = terminal.clean(entry.name)
    yield f"  {terminal.styled(what, fg='yellow')} {name}  at {terminal.clean(entry.path)}{perhaps}"
    for argument, value in entry.args.items():
        unknown = "  (not known yet)" if argument in entry.unknown else ""
        yield f"    {terminal.clean(argument)}: {_value(value)}{unknown}"


def _head(text: str) -> str:
    return terminal.styled(text, bold=True)


def _value(value: Any) -> str:
    return terminal.cut(terminal.clean(terminal.as_json(terminal.shown_value(value))), VALUE_CHARS)

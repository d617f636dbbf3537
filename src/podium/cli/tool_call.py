"""What ``podium tools call`` does: a run of a flow with one node, which any worker can go on with."""

from __future__ import annotations

import json
import re

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import click

from podium.cli import terminal
from podium.cli.exits import CommandFailed, Exit
from podium.cli.options import read_json
from podium.cli.stay import Stay, Wish
from podium.client.app import Podium
from podium.flow import Flow
from podium.functions.calls import Workflow
from podium.tools.arguments import checked
from podium.tools.complaints import Complaint
from podium.tools.registry import get
from podium.tools.repair import said
from podium.tools.spec import ToolSpec
from podium.tools.tool import MEANING

_NAME_CHARS_MAX: Final = 100
_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9_]+")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What was asked for on the command line."""

    spec: ToolSpec
    module: str
    arguments: str
    headers: tuple[str, ...]
    run_id: str | None
    database: str | None
    is_sure: bool
    as_json: bool
    is_quiet: bool


class ArgumentsRefused(CommandFailed):
    """The arguments do not fit the tool."""

    def __init__(self, name: str, complaints: tuple[Complaint, ...]) -> None:
        super().__init__(f"{name} was not called: its arguments do not fit.", Exit.USAGE)
        self._complaints = complaints

    def details(self) -> Iterator[str]:
        """Return what is wrong, one thing a line."""
        return (terminal.clean(one.text) for one in self._complaints)


def carry_out(asked: Asked) -> int:
    """Check the arguments, ask where something is to be changed, and stay with the run."""
    spec = asked.spec
    headers = dict(_headers(asked.headers))
    _require_headers(spec, headers)
    found = checked(get(spec.name), read_json(asked.arguments, "--args"))
    if found.plain is None:
        raise ArgumentsRefused(spec.name, found.complaints)
    for repair in found.repairs:
        terminal.talk(f"mended: {terminal.clean(said(repair))}")
    if spec.effect.touches and not asked.is_sure:
        click.confirm(
            f"{spec.name} is {spec.effect}: it {MEANING[spec.effect]}. Call it?",
            abort=True,
            err=True,
        )
    wish = Wish(
        reference=None, input={"arguments": found.plain}, run_id=asked.run_id, database=asked.database,
        waits_for_people=False, as_json=asked.as_json, is_quiet=asked.is_quiet,
    )  # fmt: skip
    return _Stay(wish, _flow(asked, found.plain), headers).carry_out()


class _Stay(Stay):
    """Stays with the run of a call."""

    def __init__(self, wish: Wish, flow: Flow, headers: dict[str, Any]) -> None:
        super().__init__(wish)
        self._flow = flow
        self._headers = headers

    def _target(self) -> Workflow[..., Any]:
        return self._flow

    async def _start(self, app: Podium, workflow: Workflow[..., Any]) -> None:
        await app.start(workflow, self._wish.input, id=self._id, headers=self._headers)


def _flow(asked: Asked, arguments: dict[str, Any]) -> Flow:
    """Return the call as a document: it is kept with the run, so that any worker can go on."""
    args = {name: f"${{input.arguments[{json.dumps(name)}]}}" for name in arguments}
    return Flow.from_dict(
        {
            "podium": 1,
            "name": _NOT_IN_NAMES.sub("-", f"call-{asked.spec.name}".lower())[:_NAME_CHARS_MAX],
            "uses": [asked.module],
            "input": {"arguments": "object"},
            "nodes": {"call": {"call": asked.spec.name, "args": args}},
            "output": "${call}",
        }
    )


def _headers(pairs: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise click.UsageError(
                f"--header {pair!r}: expected NAME=VALUE, such as --header tenant=acme."
            )
        yield name, value


def _require_headers(spec: ToolSpec, headers: dict[str, Any]) -> None:
    """Refuse a call that could only fail for want of what comes from the run."""
    usual = spec.binder.optional if spec.from_run else ()
    for parameter, header in spec.from_run.items():
        if header not in headers and parameter not in usual:
            raise CommandFailed(
                f"{spec.name} takes {parameter!r} from the run's attribute {header!r}: "
                f"--header {header}=VALUE.",
                Exit.USAGE,
            )

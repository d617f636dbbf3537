"""What ``podium plan`` and ``podium do`` do: plan here, or start a run that any worker can go on with."""

from __future__ import annotations

import asyncio
import sys

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import click
import msgspec
import yaml

from podium.agents.planning import Approval, Criterion, Plan, PlanLimits, Planner
from podium.agents.planning.approving import KIND, estimate_lines
from podium.agents.planning.documents import PlanOptions, planner_of
from podium.agents.planning.errors import PlanInvalid
from podium.agents.planning.planner import SHOWN
from podium.cli import terminal
from podium.cli.exits import CommandFailed, Exit
from podium.cli.modules import load_module
from podium.cli.options import command
from podium.cli.planning_history import known_from
from podium.cli.screens import Plain, Quiet, Screen
from podium.cli.stay import Stay, Wish, standard_output_is_ours
from podium.cli.waiting import Wait
from podium.client.app import Podium
from podium.client.following import Follower
from podium.client.views import AskView
from podium.core.spec import registry
from podium.flow import Flow
from podium.flow.formatting import format_document
from podium.flow.pictures import picture_of
from podium.flow.render import terminal as drawn
from podium.functions.calls import Workflow
from podium.journal.store import RunRow
from podium.models.calls import Model

_USES: Final = "podium.agents.planning.documents"
_NAME: Final = "do"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What was asked for on the command line."""

    goal: str
    modules: list[str]
    tools: list[str]
    model: str
    inputs: dict[str, Any]
    options: PlanOptions
    run_id: str | None
    database: str | None
    is_sure: bool
    as_json: bool
    is_quiet: bool

    @classmethod
    def of(cls, goal: str, given: dict[str, Any], read: Callable[..., Any]) -> Wanted:
        """Take the options of a command; import the modules of the tools.

        Raises:
            CommandFailed: There is no such module, or it has no tools.
            ModelUnknown: The model is none.
        """
        found = [_tools(one) for one in given["tools"]]
        modules = list(dict.fromkeys(module for module, _ in found))
        Model(given["model"])
        options = PlanOptions(
            approval=Approval(calls=given["max_calls"], usd=given["max_usd"]),
            limits=PlanLimits(turns=given["turns"], replans=given["replans"]),
            known=known_from(given["database"]), about=given["about"] or "", judge=given["judge"] or "",
        )  # fmt: skip
        return cls(
            goal=goal, modules=modules, tools=[name for _, names in found for name in names],
            model=given["model"], inputs=read(given["given"], given["pairs"]) or {}, options=options,
            run_id=given["run_id"], database=given["database"], is_sure=given["is_sure"],
            as_json=given["as_json"], is_quiet=given["quiet"],
        )  # fmt: skip

    def planner(self) -> Planner:
        """Return who plans."""
        return planner_of(self.tools, self.model, self.options)


def criteria_of(conditions: tuple[str, ...]) -> list[Criterion]:
    """Return criteria that were given as conditions.

    Raises:
        InvalidOption: One is no condition on the answer.
    """
    found = [
        Criterion(f"criterion {number}", "cel", one) for number, one in enumerate(conditions, 1)
    ]
    for one in found:
        one.gate(Model("scripted:none"))
    return found


def _tools(reference: str) -> tuple[str, list[str]]:
    """Return a module and the names of its tools that are meant."""
    module, colon, names = reference.partition(":")
    before = set(registry.tasks)
    loaded = load_module(module).__name__
    if colon:
        return loaded, [one.strip() for one in names.split(",") if one.strip()]
    own = [name for name, spec in registry.tasks.items() if spec.module == loaded]
    found = own or sorted(set(registry.tasks) - before)
    if not found:
        raise CommandFailed(
            f"{module} makes no tools. Name those that are meant: --tools {module}:NAME,NAME",
            Exit.USAGE,
        )
    return loaded, [name for name in found if registry.tasks[name].options.is_declared]


# a plan alone -----------------------------------------------------------------------------


def write_down(wanted: Wanted, target: Path | None) -> int:
    """Have a plan written, and show it; nothing of it runs."""
    try:
        with standard_output_is_ours():
            plan = asyncio.run(wanted.planner().plan(wanted.goal, wanted.inputs))
    except PlanInvalid as problem:
        if wanted.as_json:
            findings = [one.to_dict() for one in problem.findings]
            terminal.out_json({"ok": False, "error": str(problem), "findings": findings})
        else:
            terminal.complain(str(problem))
        return Exit.DOCUMENT_INVALID
    if wanted.as_json:
        terminal.out_json({"ok": True, **_as_dict(plan)})
    elif not wanted.is_quiet or target is None:
        for line in plan_lines(plan.document, estimate_lines(plan.estimate), sys.stdout):
            terminal.out(line)
        if len(plan.attempts) > 1:
            terminal.talk(f"{plan.model} was told what was wrong {len(plan.attempts) - 1} times.")
    if target is not None:
        _write(plan, wanted.modules, target)
    return Exit.OK


def _as_dict(plan: Plan) -> dict[str, Any]:
    known: dict[str, Any] = msgspec.to_builtins(plan)
    known.pop("conversation", None)
    return known


def _write(plan: Plan, modules: list[str], target: Path) -> None:
    """Write a plan as a flow that stands on its own."""
    fields = {
        name: {**one, "default": plan.inputs[name]} for name, one in plan.document["input"].items()
    }
    document = {**plan.document, "uses": modules, "input": fields}
    if target.suffix == ".json":
        text = terminal.as_json(document, spread=True)
    else:
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=10_000)
    target.write_text(format_document(text, str(target)), encoding="utf-8")
    terminal.talk(f"The plan is written down: {command('run', str(target))}")


def plan_lines(document: dict[str, Any], estimate: list[str], stream: Any) -> Iterator[str]:
    """Give a plan in lines: its drawing, and what it may do, take and cost."""
    known = Flow.from_dict(document).document
    assert known is not None, "a plan was checked"
    plain, color = not terminal.speaks_unicode(stream), terminal.has_colour(stream)
    picture = drawn(picture_of(known), terminal.width(), color=color, ascii=plain)
    yield from picture.rstrip("\n").split("\n")
    yield ""
    for line in estimate:
        label, _, rest = line.partition(": ")
        yield terminal.clean(f"  {label:<8}{rest}" if rest and len(label) < 8 else f"  {line}")


# a goal -----------------------------------------------------------------------------------


def carry_out(wanted: Wanted, *, criteria: list[Criterion] | None) -> int:
    """Start the run that reaches a goal, and stay with it."""
    given = {
        "goal": wanted.goal, "tools": wanted.tools, "model": wanted.model, "inputs": wanted.inputs,
        "criteria": msgspec.to_builtins(criteria), "options": msgspec.to_builtins(wanted.options),
    }  # fmt: skip
    wanted.planner()  # what makes no sense is said before anything is written
    wish = Wish(
        reference=None, input=given, run_id=wanted.run_id, database=wanted.database,
        waits_for_people=False, as_json=wanted.as_json, is_quiet=wanted.is_quiet,
    )  # fmt: skip
    return _Stay(wish, _flow(wanted.modules, given), is_sure=wanted.is_sure).carry_out()


def _flow(modules: list[str], given: dict[str, Any]) -> Flow:
    """Return the goal as a document: it is kept with the run, so that any worker can go on."""
    return Flow.from_dict(
        {
            "podium": 1,
            "name": _NAME,
            "uses": [*modules, _USES],
            "input": dict.fromkeys(given, "any"),
            "nodes": {
                "goal": {
                    "flow": "podium.do",
                    "args": {name: f"${{input.{name}}}" for name in given},
                }
            },
            "output": "${goal}",
        },
        allow=["*"],
    )


class _Stay(Stay):
    """Stays with the run of a goal, shows its plans, and asks about them."""

    def __init__(self, wish: Wish, flow: Flow, *, is_sure: bool) -> None:
        super().__init__(wish)
        self._flow = flow
        self._is_sure = is_sure
        self._seen: tuple[int, str] | None = None
        self._left: AskView | None = None

    def _target(self) -> Workflow[..., Any]:
        return self._flow

    def _choose_screen(self, workflow: Workflow[..., Any] | None) -> Screen:
        del workflow
        return Quiet() if self._wish.is_quiet else Plain()

    def _conclude(self, row: RunRow, waits: list[Wait]) -> int:
        if isinstance(self._output, dict):
            achieved = cast("dict[str, Any]", self._output)
            self._say_achieved(achieved)
            if not self._wish.as_json:
                self._output = achieved["output"]
        return super()._conclude(row, waits)

    def _say_achieved(self, achieved: dict[str, Any]) -> None:
        """Say what was kept, and what became of what no plan needs."""
        kept = achieved["tries"][-1].get("kept", [])
        if kept:
            names = ", ".join(one["node"] for one in kept)
            self._talk(terminal.clean(f"kept from earlier plans: {names}"))
        for one in achieved.get("undone", []):
            self._talk(terminal.clean(f"undone: {one['task']} by {one['undo']['task']}"))
        for one in achieved.get("left", []):
            self._say(terminal.clean(f"left as it is: {one['task']} ({one['run']}, {one['path']})"))

    async def _follow(self, app: Podium, follower: Follower, stop: asyncio.Event) -> None:
        while True:
            await super()._follow(app, follower, stop)
            if follower.row.is_ended or stop.is_set():
                return
            asked = [one for one in await app.asks() if self._is_about_plan(one)]
            if not asked or not await self._answered(app, asked[0]):
                return

    async def _show(self, app: Podium, follower: Follower) -> None:
        await super()._show(app, follower)
        if self._wish.is_quiet:
            return
        for row in app.desk.reader.children(follower.row.num):
            shown = (await (await app.get(row.id)).published()).get(SHOWN)
            if shown is not None and self._seen != (shown["number"], shown["hash"]):
                self._seen = (shown["number"], shown["hash"])
                self._say_plan(shown)

    def _say_waits(self, waits: list[Wait]) -> None:
        super()._say_waits(waits)
        if self._left is not None:
            words = ("runs", "answer", self._left.run_id, self._left.id)
            self._talk_command("approve", *words, '{"approve": true}', is_needed=True)
            refusal = '{"approve": false, "reason": "…"}'
            self._talk_command("refuse", *words, refusal, is_needed=True)

    def _is_about_plan(self, ask: AskView) -> bool:
        is_ours = ask.run_id == self._id or ask.run_id.startswith(f"{self._id}:")
        return is_ours and kind_of(ask) == KIND

    def _say_plan(self, shown: dict[str, Any]) -> None:
        setback = shown["setback"]
        if setback is not None:
            terminal.talk("")
            said = f"The plan {_MEANING[setback['kind']]}: {setback['reason']}"
            terminal.talk(terminal.clean(said))
            for line in shown["changes"]:
                terminal.talk(terminal.clean(f"  {line}"))
        elif shown["criteria"]:
            terminal.talk("\nIt is done when this holds:")
            for line in shown["criteria"]:
                terminal.talk(terminal.clean(f"  - {line}"))
        terminal.talk(f"\nPlan {shown['number']}")
        for line in plan_lines(shown["plan"], shown["estimate"], sys.stderr):
            terminal.talk(line)

    async def _answered(self, app: Podium, ask: AskView) -> bool:
        """Have a plan approved or refused; false where nobody is there to say so."""
        for line in ask.form["why"]:
            self._talk(terminal.clean(f"  A person has to agree: {line}."))
        if self._is_sure:
            self._talk("  Approved by --yes.")
            answer: dict[str, Any] = {"approve": True}
        elif sys.stdin.isatty():
            answer = await asyncio.to_thread(_asked)
        else:
            self._left = ask
            return False
        await (await app.get(ask.run_id)).answer(ask.id, answer)
        return True


def kind_of(ask: AskView) -> str:
    """Return what a question is about, as its form says it; empty where it does not."""
    form = cast("dict[str, Any]", ask.form) if isinstance(ask.form, dict) else {}
    return str(form.get("kind", ""))


_MEANING: Final = {"refused": "was refused", "failed": "failed", "unmet": "is not enough"}


def _asked() -> dict[str, Any]:
    if click.confirm("Carry it out?", err=True):
        return {"approve": True}
    reason = click.prompt("Why not? The next plan is written with it", err=True, default="")
    return {"approve": False, "reason": reason}

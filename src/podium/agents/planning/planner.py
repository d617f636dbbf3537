"""Goals reached by plans: a model writes a flow, it is checked, approved, carried out, and written anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, Required, TypedDict, Unpack

import msgspec

from podium.agents.places import named
from podium.agents.planning import prompts
from podium.agents.planning.approving import (
    Asked,
    Decision,
    approved,
    changes_of,
    estimate_lines,
    reasons,
)
from podium.agents.planning.criteria import CriteriaForm, Criterion, asking, told
from podium.agents.planning.early import write
from podium.agents.planning.errors import PlanInvalid, given_up
from podium.agents.planning.estimate import Known, estimate
from podium.agents.planning.form import PlanForm
from podium.agents.planning.ledger import Ledger
from podium.agents.planning.offer import Wanted, offered
from podium.agents.planning.values import (
    Achieved,
    Approval,
    Plan,
    PlanLimits,
    Setback,
    Try,
)
from podium.agents.verify.asking import model_of
from podium.agents.verify.gate import AnyGate, verify
from podium.agents.verify.verdict import Background, Verdict
from podium.core.context import context_of
from podium.core.errors import InvalidOption
from podium.core.spec import Registry
from podium.flow.flow import Flow
from podium.flow.keeping import KeepingSpec, Made, Report
from podium.functions.calls import Workflow
from podium.functions.primitives import child, publish
from podium.models.calls import Model
from podium.models.errors import ModelOutputInvalid
from podium.models.messages import Message, Reply, Request, Usage
from podium.models.scripted import ScriptedModel
from podium.models.structured import repaired
from podium.tools.labels import OUTSIDE, Labels, labels_given
from podium.tools.spec import ToolSpec

When = Literal["effects", "always", "never"]
SHOWN: Final = "plan"
"""Under this key the plan that is next is published."""


class PlannerKeywords(TypedDict, total=False):
    """Options of a :class:`Planner`; its docstring says what they mean."""

    model: Required[str | Model | ScriptedModel]
    tools: Required[Wanted]
    approval: Approval | When
    limits: PlanLimits
    known: Mapping[str, Known]
    about: str
    judge: str | Model | ScriptedModel
    labels: Iterable[str]
    early: bool


class Planner:
    """Writes plans for goals and carries them out: a program over the durable Context.

    Attributes:
        model: Who writes the plans.
        tools: What a plan may call, by name.
        approval: Who has to agree before a plan runs.
        limits: What bounds it.

    Args:
        options: ``model``: a model string, or a Model. ``tools``: tools, tasks that declare their
            effect, names, patterns of names. ``approval``: a policy, or ``"effects"`` (a person is
            asked about plans that may change the world; the usual), ``"always"``, ``"never"``.
            ``limits``: turns, further plans, sizes. ``known``: what is known of tasks from earlier
            runs, for estimates. ``about``: what the model is told besides the goal. ``judge``: the
            model that judges what no condition can say; the one that plans, unless given.
            ``early``: whether calls that only compute or look start while the plan is still being
            written. ``labels``: of what goals and inputs rest on, such as ``("outside",)`` (docs/safety.md).

    Raises:
        InvalidOption: An option makes no sense.
        UnknownTool: There is no such tool.
    """

    def __init__(self, **options: Unpack[PlannerKeywords]) -> None:
        self.model: Model = model_of(options["model"])
        self._offer: Registry = offered(options["tools"])
        self.approval: Approval = _approval(options.get("approval", "effects"))
        self.limits: PlanLimits = options.get("limits", PlanLimits())
        self._judge = model_of(options.get("judge", self.model))
        self._known = options.get("known", {})
        self._about = options.get("about", "")
        self._is_early = options.get("early", False)
        self.labels: Labels = labels_given(options.get("labels", ()))

    @property
    def tools(self) -> tuple[str, ...]:
        """What a plan may call, by name."""
        return tuple(self._offer.tasks)

    async def plan(
        self, goal: str, inputs: Mapping[str, Any] | None = None, *,
        criteria: Sequence[Criterion] = (),
    ) -> Plan:  # fmt: skip
        """Have a plan written, and told what is wrong with it until it can run. Nothing of it runs.

        Args:
            goal: What it is for.
            inputs: What is given to it, by name: JSON.
            criteria: What its output will be held against: the model is told.

        Raises:
            PlanInvalid: No plan of the model can run.
            ModelError: The model has no answer, outside a workflow; within one a StepFailed.
        """
        given = dict(inputs or {})
        about = "\n\n".join(
            part for part in (self._about, told(criteria) if criteria else "") if part
        )
        begin = prompts.opening(goal, given, self._offer, self.limits, about)
        with named("plan"):
            plan = await self._written(goal, given, begin, Usage())
        return msgspec.structs.replace(plan, criteria=tuple(criteria))

    async def criteria(
        self, goal: str, inputs: Mapping[str, Any] | None = None
    ) -> tuple[Criterion, ...]:
        """Have acceptance criteria written for a goal: checks that can be carried out.

        Raises:
            ModelOutputInvalid: None of the model's can be, however often it was told.
        """
        form = CriteriaForm(self._judge)

        async def ask(messages: tuple[Message, ...]) -> Reply:
            return await self.model.ask(messages, output=form.output)

        with named("criteria"):
            begin = asking(goal, dict(inputs or {}), self._about)
            return await repaired(form, ask, begin, self.limits.turns)

    async def do(
        self, goal: str, inputs: Mapping[str, Any] | None = None, *,
        criteria: Sequence[Criterion] | None = None,
    ) -> Achieved:  # fmt: skip
        """Reach a goal: criteria first, then plan after plan until they hold. In a workflow.

        Args:
            goal: What is to be reached.
            inputs: What is given, by name: JSON.
            criteria: What must hold; written by the model unless given.

        Raises:
            GoalNotMet: They do not hold of the output of the last plan that there may be.
            PlanRefused, PlanFailed, PlanInvalid: As :meth:`run`.
        """
        context_of("Planner.do")
        wanted = await self.criteria(goal, inputs) if criteria is None else criteria
        return await self.run(await self.plan(goal, inputs, criteria=wanted))

    async def run(self, plan: Plan, *, gates: Sequence[AnyGate] = ()) -> Achieved:
        """Carry a plan out, in a workflow; where it is refused or fails, have another one written.

        Each plan is a child run. What a plan before has done is not done again where the next one has
        the same call with the same arguments.

        Args:
            plan: Of :meth:`plan`.
            gates: What its output is held against besides the plan's criteria.

        Raises:
            PlanRefused: A person refused the last plan.
            PlanFailed: The last plan failed.
            GoalNotMet: The output of the last plan will not do.
            PlanInvalid: Another plan was needed, and none of the model's can run.
        """
        wanted = [*(one.gate(self._judge) for one in plan.criteria), *gates]
        return await _Pursuit(self, plan, wanted).to_the_end()

    async def rewrite(self, plan: Plan, said: Message) -> Plan:
        """Have another plan written, after what is said about the last one."""
        with named("plan"):
            talk = (*plan.conversation, said)
            found = await self._written(plan.goal, plan.inputs, talk, plan.usage)
        return msgspec.structs.replace(found, criteria=plan.criteria)

    def flow_of(self, plan: Plan) -> Flow:
        """Return the flow that a plan is, checked again with the tools as they are.

        Raises:
            FlowInvalid: It must not run with them any more.
        """
        flow = Flow.from_dict(plan.document, registry=self._offer)
        flow.require()
        return flow

    def reads_outside(self, plan: Plan) -> bool:
        """Tell whether a plan calls a tool whose words may be those of anybody."""
        specs = [self._offer.tasks.get(one.task) for one in plan.estimate.steps]
        return any(isinstance(one, ToolSpec) and one.card.outside for one in specs)

    async def _written(
        self, goal: str, inputs: dict[str, Any], begin: tuple[Message, ...], used: Usage
    ) -> Plan:
        form = PlanForm(self._offer, inputs, self.limits)
        talk, usage, by = begin, used, self.model.model
        early: list[Made] = []

        async def ask(messages: tuple[Message, ...]) -> Reply:
            nonlocal talk, usage, by
            reply, made = await self._asked(Request(messages, output=form.output), inputs)
            early.extend(made)
            talk, usage, by = (*messages, reply.message), usage + reply.usage, reply.model
            return reply

        try:
            flow = await repaired(form, ask, begin, self.limits.turns)
        except ModelOutputInvalid:
            raise PlanInvalid(by, form.attempts) from None
        assert flow.document is not None, "it was checked"
        return Plan(
            goal=goal, inputs=inputs, tools=self.tools, document=flow.to_dict(), hash=flow.hash,
            attempts=tuple(form.attempts), findings=form.attempts[-1].findings,
            estimate=estimate(flow.document, self._offer, inputs, self._known), model=by,
            usage=usage, conversation=talk, early=tuple(early),
        )  # fmt: skip

    async def _asked(
        self, request: Request, inputs: dict[str, Any]
    ) -> tuple[Reply, Sequence[Made]]:
        """Ask for a plan; where that is wanted, look ahead while it is written."""
        if self._is_early and len(self.model.chain) == 1:
            written = await write(self.model, request, self._offer, inputs)
            return written.reply, written.made
        return await self.model.ask(request), ()


class _Pursuit:
    """A goal that is pursued: plan after plan, until one does it."""

    def __init__(self, planner: Planner, plan: Plan, gates: Sequence[AnyGate]) -> None:
        self._planner = planner
        self._plan = plan
        self._gates = gates
        self._ledger = Ledger()
        self._tries: list[Try] = []
        self._verdict: Verdict | None = None
        self._labels = planner.labels

    async def to_the_end(self) -> Achieved:
        """Carry out plans until one does it, or there may be no more of them."""
        context_of("Planner.run")
        while True:
            report, setback = await self._tried()
            if setback is None:
                assert report is not None
                return await self._achieved(report)
            if len(self._tries) > self._planner.limits.replans:
                raise given_up(self._plan.goal, self._tries, setback)
            said = prompts.again(setback, report, self._ledger.made)
            self._plan = await self._planner.rewrite(self._plan, said)

    async def _tried(self) -> tuple[Report | None, Setback | None]:
        """Have a plan approved and carried out; return what it came to, and why it will not do."""
        self._show()
        decision = await self._decision()
        if not decision.is_approved:
            return None, self._note(None, Setback("refused", decision.reason))
        report = await self._carried_out()
        self._take_in(report)
        if report.error is not None:
            return report, self._note(report, Setback("failed", _said(report.error)))
        verdict = await self._judged(report)
        if verdict is not None and not verdict.ok:
            why = "; ".join(one.line() for one in verdict.parts or (verdict,) if not one.ok)
            return report, self._note(report, Setback("unmet", why))
        self._note(report, None)
        return report, None

    async def _judged(self, report: Report) -> Verdict | None:
        """Hold an output against the criteria; what was done is a source that it may rest on."""
        if self._gates:
            steps = "\n".join(prompts.made_line(one) for one in report.made)
            about = Background(
                goal=self._plan.goal, input=self._plan.inputs, sources={"steps": steps}
            )
            self._verdict = await verify(report.output, self._gates, about=about)
        return self._verdict

    def _show(self) -> None:
        """Publish the plan that is next, for whoever looks on."""
        plan = self._plan
        shown = {
            "number": len(self._tries) + 1, "goal": plan.goal, "hash": plan.hash,
            "plan": plan.document, "graph": plan.picture(), "estimate": estimate_lines(plan.estimate),
            "criteria": [one.line() for one in plan.criteria], "changes": self._changes(),
            "setback": msgspec.to_builtins(self._tries[-1].setback) if self._tries else None,
        }  # fmt: skip
        publish(SHOWN, shown)

    async def _decision(self) -> Decision:
        planner = self._planner
        made = self._ledger.made
        why = reasons(self._plan, planner.approval, has_seen_outside=OUTSIDE in self._labels)
        if not why:
            return Decision(True)
        asked = Asked(self._plan, len(self._tries) + 1, why, made, self._changes())
        return await approved(asked, planner.approval)

    def _changes(self) -> list[str]:
        """Say how the plan differs from the one before."""
        return changes_of(self._tries[-1].document, self._plan.document) if self._tries else []

    def _take_in(self, report: Report) -> None:
        """Take note of what was done, and of where what the next writer reads comes from."""
        self._ledger.take(report)
        if self._planner.reads_outside(self._plan):
            self._labels = labels_given((*self._labels, OUTSIDE))

    async def _carried_out(self) -> Report:
        document = self._planner.flow_of(self._plan).document
        assert document is not None, "it was checked"
        spec = KeepingSpec(document)
        known = [*self._ledger.made, *self._plan.early]
        made = msgspec.to_builtins([one for one in known if one.is_ok])
        given = {"input": self._plan.inputs, "made": made, "labels": [*self._labels]}
        return msgspec.convert(await child(Workflow(spec.fn, spec), given), Report)

    def _note(self, report: Report | None, setback: Setback | None) -> Setback | None:
        plan = self._plan
        done = 0 if report is None else len(report.made) - len(report.kept)
        run, kept = ("", ()) if report is None else (report.run, tuple(report.kept))
        self._tries.append(Try(plan.document, plan.hash, run, done, kept, setback))
        return setback

    async def _achieved(self, report: Report) -> Achieved:
        """Undo what is of no use, and return what the goal came to."""
        unused = self._ledger.unused(report)
        undone = [one for one in unused if await self._ledger.undo(one)]
        plan = msgspec.structs.replace(self._plan, conversation=(), early=())
        return Achieved(
            output=report.output, plan=plan, tries=tuple(self._tries), undone=tuple(undone),
            left=tuple(one for one in unused if one not in undone), verdict=self._verdict,
        )  # fmt: skip


def _said(error: Mapping[str, Any]) -> str:
    place_ = f" (at {error['path']})" if error.get("path") else ""
    return f"{error['type']}: {error['message']}{place_}"


def _approval(given: Approval | When) -> Approval:
    if isinstance(given, Approval):
        return given
    if given not in ("effects", "always", "never"):
        raise InvalidOption(
            f"approval={given!r}: expected 'effects', 'always', 'never', or Approval(…)."
        )
    return Approval(when=given)


# in one call --------------------------------------------------------------------------------------


async def plan(
    goal: str, inputs: Mapping[str, Any] | None = None, **options: Unpack[PlannerKeywords]
) -> Plan:
    """Have a model write a plan for a goal; see :class:`Planner` for the options.

    Raises:
        PlanInvalid: No plan of the model can run.
    """
    return await Planner(**options).plan(goal, inputs)


async def do(
    goal: str, inputs: Mapping[str, Any] | None = None, *,
    criteria: Sequence[Criterion] | None = None, **options: Unpack[PlannerKeywords],
) -> Achieved:  # fmt: skip
    """Reach a goal: criteria, plan, approval, work, verification, and again until they hold.

    See :class:`Planner` for the options. In a workflow.

    Raises:
        GoalNotMet: The criteria do not hold of the output of the last plan that there may be.
        PlanRefused, PlanFailed, PlanInvalid: As :meth:`Planner.run`.
    """
    return await Planner(**options).do(goal, inputs, criteria=criteria)


class CarryOutKeywords(TypedDict, total=False):
    """Options of :func:`carry_out`: those of a :class:`Planner`; model and tools are the plan's."""

    approval: Approval | When
    limits: PlanLimits
    known: Mapping[str, Known]
    about: str
    judge: str | Model | ScriptedModel
    labels: Iterable[str]
    early: bool
    model: str | Model | ScriptedModel
    tools: Wanted


async def carry_out(
    plan: Plan, *, gates: Sequence[AnyGate] = (), **options: Unpack[CarryOutKeywords]
) -> Achieved:
    """Carry a plan out, in a workflow; where it is refused or fails, have another one written.

    Args:
        plan: Of :func:`plan`.
        gates: What its output is held against besides the plan's criteria.
        options: As of a :class:`Planner`; the model that wrote it and its tools, unless given.

    Raises:
        PlanRefused, PlanFailed, GoalNotMet, PlanInvalid: As :meth:`Planner.run`.
    """
    given: PlannerKeywords = {"model": plan.model, "tools": plan.tools, **options}
    return await Planner(**given).run(plan, gates=gates)

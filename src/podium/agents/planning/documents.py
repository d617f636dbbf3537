"""Plans for flow documents and for the command line: the workflows ``podium.plan`` and ``podium.do``.

A node of kind ``plan`` starts the first, ``podium do`` the second; importing this module registers them.
"""

from __future__ import annotations

from typing import Any

import msgspec

from podium.agents.planning.criteria import Criterion
from podium.agents.planning.estimate import Known
from podium.agents.planning.planner import Planner
from podium.agents.planning.values import Achieved, Approval, PlanLimits
from podium.functions.decorators import workflow


class PlanOptions(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Options of a :class:`Planner` as data.

    Attributes:
        approval: Who has to agree before a plan runs.
        limits: What bounds it.
        known: What is known of tasks from earlier runs, for estimates.
        about: What the model is told besides the goal.
        judge: The model that judges what no condition can say; empty: the one that plans.
        labels: Of what goals and inputs rest on.
        early: Whether calls that only compute or look start while the plan is being written.
    """

    approval: Approval = Approval()
    limits: PlanLimits = PlanLimits()
    known: dict[str, Known] = {}
    about: str = ""
    judge: str = ""
    labels: tuple[str, ...] = ()
    early: bool = False


USUAL = PlanOptions()


@workflow(name="podium.plan")
async def plan_flow(
    goal: str, tools: str | list[str], model: str, inputs: dict[str, Any] | None = None,
    options: PlanOptions = USUAL, labels: list[str] | None = None,
) -> Any:  # fmt: skip
    """Have a plan written for a goal, approved and carried out; return its output.

    Args:
        goal: What is to be reached.
        tools: What a plan may call: names, patterns of names.
        model: Who writes it.
        inputs: What is given to it, by name.
        options: As above.
        labels: Where goal and inputs come from.
    """
    known = msgspec.structs.replace(options, labels=(*options.labels, *(labels or ())))
    planner = planner_of([tools] if isinstance(tools, str) else tools, model, known)
    return (await planner.run(await planner.plan(goal, inputs))).output


@workflow(name="podium.do")
async def do_flow(
    goal: str, tools: list[str], model: str, inputs: dict[str, Any] | None = None,
    criteria: list[Criterion] | None = None, options: PlanOptions = USUAL,
) -> Achieved:  # fmt: skip
    """Reach a goal: criteria, plan, approval, work, verification, and again until they hold.

    Args:
        goal: What is to be reached.
        tools: What a plan may call: names, patterns of names.
        model: Who writes the plans.
        inputs: What is given to it, by name.
        criteria: What must hold; null: the model writes it first; an empty list: nothing.
        options: As above.
    """
    return await planner_of(tools, model, options).do(goal, inputs, criteria=criteria)


def planner_of(tools: list[str], model: str, options: PlanOptions) -> Planner:
    """Return the planner that is meant."""
    return Planner(
        model=model, tools=tools, approval=options.approval, limits=options.limits, known=options.known,
        about=options.about, judge=options.judge or model, labels=options.labels, early=options.early,
    )  # fmt: skip

"""Planning: a goal and tools become a flow that a model wrote, checked before anything runs."""

from podium.agents.planning.criteria import Criterion
from podium.agents.planning.planner import Planner, carry_out, do, plan
from podium.agents.planning.values import (
    Achieved,
    Approval,
    Estimate,
    Plan,
    PlanLimits,
    Setback,
    StepEstimate,
    Try,
)

__all__ = [
    "Achieved", "Approval", "Criterion", "Estimate", "Plan", "PlanLimits", "Planner", "Setback", "StepEstimate", "Try",
    "carry_out", "do", "plan",
]  # fmt: skip

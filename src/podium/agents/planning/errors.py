"""Why there is no plan, or why none of them did it."""

from __future__ import annotations

from collections.abc import Sequence

from podium.agents.planning.values import Attempt, Setback, Try
from podium.core.errors import PodiumError
from podium.flow.findings import Finding

_SHOWN_MAX = 5


class PlanError(PodiumError):
    """A goal was not reached by planning."""

    code = "plan"


class PlanInvalid(PlanError):
    """The model wrote no plan that could run, however often it was told what was wrong.

    Attributes:
        findings: What is wrong with the last one.
        attempts: All that it wrote.
    """

    code = "plan-invalid"

    def __init__(self, model: str, attempts: Sequence[Attempt]) -> None:
        self.attempts = tuple(attempts)
        self.findings: tuple[Finding, ...] = self.attempts[-1].findings if attempts else ()
        errors = [str(one) for one in self.findings if one.is_error]
        shown = "\n".join(f"  {one}" for one in errors[:_SHOWN_MAX])
        more = f"\n  … and {len(errors) - _SHOWN_MAX} more" if len(errors) > _SHOWN_MAX else ""
        super().__init__(
            f"{model} wrote {len(attempts)} plans, none of which can run. The last one:\n{shown}{more}\n"
            "Say the goal more simply, give fewer tools, or take a larger model."
        )


class PlanRefused(PlanError):
    """A person refused the last plan that there could be."""

    code = "plan-refused"


class PlanFailed(PlanError):
    """The last plan that there could be failed as it ran."""

    code = "plan-failed"


class GoalNotMet(PlanError):
    """The last plan that there could be ran, and what it gave is not enough."""

    code = "goal-not-met"


_KINDS: dict[str, type[PlanError]] = {
    "refused": PlanRefused, "failed": PlanFailed, "unmet": GoalNotMet,
}  # fmt: skip


def given_up(goal: str, tries: Sequence[Try], last: Setback) -> PlanError:
    """Return the error of a goal after its last plan."""
    verb = {"refused": "was refused", "failed": "failed", "unmet": "is not enough"}[last.kind]
    count = "The only plan" if len(tries) == 1 else f"The last of {len(tries)} plans"
    return _KINDS[last.kind](
        f"{count} for {goal[:200]!r} {verb}: {last.reason} Raise PlanLimits(replans=…), change the goal "
        "or the tools."
    )

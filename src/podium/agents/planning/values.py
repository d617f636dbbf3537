"""What a plan is, what it may do, and what became of it: values that a journal keeps."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from podium.agents.planning.criteria import Criterion
from podium.agents.verify.verdict import Verdict
from podium.flow.findings import Finding
from podium.flow.keeping import Kept, Made
from podium.models.messages import Message, Usage


class PlanLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What bounds a planner; hitting one is a finding or a typed error, never a surprise.

    Attributes:
        turns: How often the model is asked for one plan: the first time, and to repair it.
        replans: How many further plans there may be, after refusals, failures and unmet criteria.
        nodes: The most nodes of a plan, those in bodies included.
        bytes: The largest plan, as JSON.
        passes: The most passes that a loop of it may ask for.
    """

    turns: int = 4
    replans: int = 3
    nodes: int = 100
    bytes: int = 64_000
    passes: int = 1_000


class StepEstimate(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one node of a plan may do.

    Attributes:
        path: Its place in the plan: ``pages/get``.
        task: What it calls; ``ask`` for a question to a person.
        effect: What repeating it would do.
        calls_min: How often it is called for certain.
        calls_max: How often at most; None where that is found out as it runs.
        seconds: How long one call takes; None where nobody knows.
        usd: What one call costs; None where nobody knows.
        is_irreversible: Whether it cannot be taken back.
    """

    path: str
    task: str
    effect: str
    calls_min: int
    calls_max: int | None
    seconds: float | None = None
    usd: float | None = None
    is_irreversible: bool = False


class Estimate(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a plan may do, take and cost, as far as that is known before it runs.

    Attributes:
        steps: Each call and each question of it.
        calls_min, calls_max: Of all of them; None where there is no bound.
        seconds: Along the longest way through the plan; calls of which nothing is known count as 0.
        usd: Of all calls at most; None where there is no bound.
        unknown_time, unknown_price: Tasks of which nobody knows how long they take, what they cost.
    """

    steps: tuple[StepEstimate, ...] = ()
    calls_min: int = 0
    calls_max: int | None = 0
    seconds: float = 0.0
    usd: float | None = 0.0
    unknown_time: tuple[str, ...] = ()
    unknown_price: tuple[str, ...] = ()

    def tasks(self, *effects: str) -> list[str]:
        """Return the tasks of these effects, each once."""
        return list(dict.fromkeys(one.task for one in self.steps if one.effect in effects))

    @property
    def irreversible(self) -> list[str]:
        """The tasks that cannot be taken back, each once."""
        return list(dict.fromkeys(one.task for one in self.steps if one.is_irreversible))


class Attempt(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answer of the model on the way to a plan.

    Attributes:
        text: What it wrote, cut where it is long.
        findings: What was wrong with it; warnings only, or nothing, of the last one.
    """

    text: str
    findings: tuple[Finding, ...] = ()


class Plan(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A flow that a model wrote for a goal: checked, and not run yet.

    Attributes:
        goal: What it is for.
        inputs: What is given to it.
        tools: The tools it was made for, by name; it can call no others.
        document: The flow, as JSON.
        hash: Of its content: what an approval is bound to.
        attempts: What the model answered until it could run.
        findings: Warnings that are left.
        estimate: What it may do, take and cost.
        model: Who wrote it, as a model string.
        usage: What writing it used.
        criteria: What its output is held against.
        conversation: What was said, for another plan.
        early: What was found out while it was being written.
    """

    goal: str
    inputs: dict[str, Any] = {}
    tools: tuple[str, ...]
    document: dict[str, Any]
    hash: str
    attempts: tuple[Attempt, ...] = ()
    findings: tuple[Finding, ...] = ()
    estimate: Estimate = Estimate()
    model: str = ""
    usage: Usage = Usage()
    criteria: tuple[Criterion, ...] = ()
    conversation: tuple[Message, ...] = ()
    early: tuple[Made, ...] = ()

    @property
    def name(self) -> str:
        """What its runs are called."""
        return str(self.document["name"])

    def picture(self, width: int = 80, *, color: bool = False, ascii: bool = False) -> str:
        """Draw it as text; the arrows follow from what refers to what.

        Args:
            width: The most columns of a line.
            color: Whether the terminal understands colours.
            ascii: Whether it takes nothing but ASCII.
        """
        from podium.flow.flow import Flow  # late: only who looks at plans draws them
        from podium.flow.pictures import picture_of
        from podium.flow.render import terminal

        document = Flow.from_dict(self.document).document
        assert document is not None, "a plan was checked"
        return terminal(picture_of(document), width, color=color, ascii=ascii)


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """Who has to agree before a plan runs.

    Attributes:
        when: ``effects``: a person, if it may change the world; ``always``; ``never``: nobody, except for
            what is irreversible in a plan that was written after text from outside was seen.
        calls: A plan that may make more calls needs a person; None: any number may.
        usd: A plan that may cost more, or of which nobody knows what it costs, needs a person; None:
            the price does not matter.
        to: Who is asked.
        timeout: How long to wait for the answer, such as ``2d``; None: as long as it takes.
    """

    when: Literal["effects", "always", "never"] = "effects"
    calls: int | None = None
    usd: float | None = None
    to: str = "anyone"
    timeout: str | None = None


class Setback(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a plan was not the last one.

    Attributes:
        kind: ``refused`` by a person, ``failed`` as it ran, or ``unmet``: its output is not enough.
        reason: In words.
    """

    kind: Literal["refused", "failed", "unmet"]
    reason: str


class Try(msgspec.Struct, frozen=True, omit_defaults=True):
    """One plan, and what became of it.

    Attributes:
        document: The flow.
        hash: Of its content.
        run: The run that carried it out; empty where none did.
        done: The steps that it carried out.
        kept: What it did not do again, with the proof: the same task, the same arguments, made there.
        setback: Why there was another plan; None of the last one.
    """

    document: dict[str, Any]
    hash: str
    run: str = ""
    done: int = 0
    kept: tuple[Kept, ...] = ()
    setback: Setback | None = None


class Achieved(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a goal came to.

    Attributes:
        output: What the last plan gave.
        plan: That plan, without what was said.
        tries: All plans, in order.
        undone: What plans before it had changed, and it has no use for: undone.
        left: The same, where nothing says how it is undone: it stays.
        verdict: What was found of the output; None where it was held against nothing.
    """

    output: Any
    plan: Plan
    tries: tuple[Try, ...] = ()
    undone: tuple[Made, ...] = ()
    left: tuple[Made, ...] = ()
    verdict: Verdict | None = None

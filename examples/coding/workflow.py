"""From a requirement to a merged and tagged change.

Analyse, plan, look up, write; then try, find the cause, revise, until the gates let it pass; then merge
and tag. Kill the worker wherever you like: the run goes on at the step where it was, no answer of the
model that is recorded is paid for again, and there is one merge and one tag.
"""

from collections.abc import Sequence
from dataclasses import asdict

import podium

from examples.coding import recorded
from examples.coding.forms import (
    Assignment,
    Delivered,
    Edits,
    Merged,
    Plan,
    Proposal,
    Ruling,
    Snapshot,
    Tried,
)
from examples.coding.gates import gates_of, ruling_of
from examples.coding.steps import (
    apply_edits,
    begin,
    catch_up,
    find_documentation,
    measure,
    merge_and_tag,
    read_files,
)
from examples.coding.talk import Talk
from podium import PodiumError, workflow

RECORDED = recorded.model.model
"""A model that costs nothing; it knows the five tasks and no others."""
MERGES_MAX = 3
"""How often others may be faster with a merge before the run gives up."""


class NotDelivered(PodiumError):
    """The change is not in; the text says what was tried and who refused it."""

    code = "not-delivered"

    def __init__(self, task: Assignment, tried: Sequence[Tried]) -> None:
        lines = [
            f"round {one.round}, {one.summary!r}: refused by {one.by}: {one.why[:300]}"
            for one in tried
        ]
        super().__init__("\n".join([f"{task.title!r} is not done.", *lines]))
        self.details = {"tried": [asdict(one) for one in tried]}


@workflow
async def coding(task: Assignment) -> Delivered:
    """Do what a requirement asks for, within its bounds."""
    if task.usd_max is None:
        return await work(task)
    with podium.budget("coding", usd=task.usd_max):
        return await work(task)


async def work(task: Assignment) -> Delivered:
    """Take a task through its stages."""
    talk = Talk(task.model)
    start = await begin(task.repository, task.branch)

    analysis = await talk.analysis(task, start.paths)
    tell("analyse", f"(risk {analysis.risk}) {analysis.goal}")
    plan = await talk.plan()
    tell("plan", "; ".join(plan.steps))
    found, files = await podium.gather(
        find_documentation(task.repository, start.head, plan.questions),
        read_files(task.repository, start.head, plan.files),
    )
    tell("look up", "; ".join(f"{one.path}: {one.heading}" for one in found))
    edits = await talk.edits(found, files)
    tell("write", edits.summary)

    tried: list[Tried] = []
    proposal = Proposal(start.head)
    while True:
        with podium.scope(f"round-{len(tried) + 1}"):
            proposal, ruling = await attempt(task, start, proposal, edits, analysis.risk)
            if ruling.ok:
                break
            tried.append(refused(tried, edits.summary, ruling))
            if len(tried) == task.rounds:
                raise NotDelivered(task, tried)
            edits = await revised(talk, task, plan, proposal, tried)
    tell("passed", ruling.by)

    merged, proposal = await deploy(task, start.head, proposal, tried, analysis.risk)
    rounds = len(tried) + 1
    return Delivered(merged.commit, merged.tag, rounds, tried, proposal.change, talk.used)


async def attempt(
    task: Assignment, start: Snapshot, before: Proposal, edits: Edits, risk: str
) -> tuple[Proposal, Ruling]:
    """Make a commit of edits and hold it against the gates; return what stands now, and a ruling."""
    applied = await apply_edits(task.repository, before.commit, edits, task.allowed, moment())
    if applied.problems:
        return before, Ruling(ok=False, by="edits", why="\n\n".join(applied.problems))
    change = await measure(task.repository, start.head, applied.commit)
    proposal = Proposal(applied.commit, edits.summary, change)
    return proposal, ruling_of(await podium.verify(proposal, gates_of(task, risk=risk)))


def refused(tried: Sequence[Tried], summary: str, ruling: Ruling) -> Tried:
    """Return what became of a round, and tell it."""
    number = len(tried) + 1
    tell("refused", ruling.why, by=f"{ruling.by} in round {number}")
    return Tried(number, summary, ruling.by, ruling.why)


async def revised(
    talk: Talk, task: Assignment, plan: Plan, proposal: Proposal, tried: Sequence[Tried]
) -> Edits:
    """Find out why a change was refused, and change it."""
    last = tried[-1]
    diagnosis = await talk.diagnosis(task.rounds - last.round, last.by, last.why)
    tell("debug", diagnosis.cause)
    paths = list(dict.fromkeys([*plan.files, *proposal.change.paths]))
    files = await read_files(task.repository, proposal.commit, paths)
    edits = await talk.revision(files)
    tell("revise", edits.summary)
    return edits


async def deploy(
    task: Assignment, base: str, proposal: Proposal, tried: list[Tried], risk: str
) -> tuple[Merged, Proposal]:
    """Merge and tag; where others were faster, bring their changes in and ask the gates again."""
    for _ in range(MERGES_MAX):
        merged = await merge_and_tag(
            task.repository, task.branch, base, proposal.commit, task.tag,
            message=f"{task.title}\n\n{proposal.summary}", when=moment(),
        )  # fmt: skip
        if not merged.moved_to:
            tell("deploy", f"merged into {task.branch} as {merged.tag}")
            return merged, proposal
        base = merged.moved_to
        tell("catch up", f"{task.branch} has moved to {base[:12]}")
        joined = await catch_up(task.repository, proposal.commit, base, moment())
        ruling = Ruling(ok=False, by="others", why="\n\n".join(joined.problems))
        if not joined.problems:
            change = await measure(task.repository, base, joined.commit)
            proposal = Proposal(joined.commit, proposal.summary, change)
            ruling = ruling_of(await podium.verify(proposal, gates_of(task, risk=risk)))
        if not ruling.ok:
            tried.append(refused(tried, proposal.summary, ruling))
            break
    raise NotDelivered(task, tried)


def moment() -> int:
    """Return the time of the run, in seconds since 1970: commits that are made again have it too."""
    return int(podium.now().timestamp())


def tell(stage: str, text: str, **more: str) -> None:
    """Say how far the run is, to whoever follows its stream."""
    podium.emit({"stage": stage, "text": text, **more})

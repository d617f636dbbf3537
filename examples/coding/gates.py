"""What a change has to pass before it is merged: bounds, tests, and where the risk is high a person."""

from collections.abc import Sequence
from functools import partial

import podium

from examples.coding.forms import Assignment, Proposal, Ruling, TestRun
from examples.coding.paths import complaint
from examples.coding.steps import clear_away, run_tests
from podium import Verdict, gates, workflow

TRACES_MAX = 3


def gates_of(task: Assignment, *, risk: str) -> list[gates.Gate]:
    """Return the gates of a task; each is asked only if the ones before it let the change pass."""
    found = [
        gates.python(partial(bounds, task), name="bounds"),
        gates.python(partial(works, task), name="tests"),
    ]
    if risk == "high":
        found.append(gates.person(f"May this be merged as {task.tag}?", to="reviewer"))
    return found


def bounds(task: Assignment, proposal: Proposal) -> list[str]:
    """Git says that only what is allowed has changed, and not too much of it."""
    change = proposal.change
    found = [
        f"{path!r} is changed: {why}."
        for path in change.paths
        if (why := complaint(path, task.allowed))
    ]
    lines = change.added + change.removed
    if lines > task.lines_max:
        found.append(f"{lines:,} lines are changed; at most {task.lines_max:,} are allowed.")
    return found


async def works(task: Assignment, proposal: Proposal) -> Verdict:
    """All tests of the repository pass, and then those of whoever asked for the change."""
    own = verdict("tests", await run_tests(task.repository, proposal.commit).as_("own"))
    if not own.ok or not task.acceptance:
        return own
    run = run_tests(task.repository, proposal.commit, task.acceptance).as_("acceptance")
    found = verdict("acceptance", await run)
    return found if not found.ok else passed_or_refused("tests and acceptance", [])


def verdict(gate: str, run: TestRun) -> Verdict:
    """Say of each test that failed which and with what; of the first ones also where."""
    found = [
        f"{one.test}: {one.message}" + (f"\n{one.trace}" if number < TRACES_MAX else "")
        for number, one in enumerate(run.failures)
    ]
    return passed_or_refused(gate, [run.trouble, *found] if run.trouble else found)


def passed_or_refused(gate: str, wrong: Sequence[str]) -> Verdict:
    """Return the verdict of a gate that found something wrong, or nothing."""
    findings = tuple(gates.Finding(gate, one) for one in wrong)
    return Verdict(not wrong, gate, "\n\n".join(wrong), findings=findings)


def ruling_of(verdict: Verdict) -> Ruling:
    """Return what the gates say, with all that is wrong."""
    if verdict.ok:
        return Ruling(ok=True, by=", ".join(part.gate for part in verdict.parts))
    against = next((part for part in verdict.parts if not part.ok), verdict)
    why = "\n\n".join(one.line() for one in against.complaints())
    return Ruling(ok=False, by=against.gate, why=why)


@workflow
async def hold_against_gates(task: Assignment, proposal: Proposal, risk: str) -> Ruling:
    """Ask the gates of a task; a workflow of its own, for documents, which clears away behind itself."""
    await clear_away(task.repository).with_compensation(clear_away)
    return ruling_of(await podium.verify(proposal, gates_of(task, risk=risk)))

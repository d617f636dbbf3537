"""What a change has to pass before it is merged: each gate says what is wrong, or nothing."""

import podium

from examples.coding.forms import Assignment, Proposal, Refusal, TestRun
from examples.coding.paths import complaint
from examples.coding.steps import run_tests

TRACES_MAX = 3


async def refusal_of(task: Assignment, proposal: Proposal, *, risk: str) -> Refusal | None:
    """Ask the gates in turn, a person last; return the refusal of the first one that refuses."""
    if wrong := bounds(task, proposal):
        return Refusal("bounds", wrong)
    if wrong := complaints(await run_tests(task.repository, proposal.commit).as_("tests")):
        return Refusal("tests", wrong)
    if task.acceptance:
        run = run_tests(task.repository, proposal.commit, task.acceptance).as_("acceptance")
        if wrong := complaints(await run):
            return Refusal("acceptance", wrong)
    if risk == "high" and (wrong := await review(task, proposal)):
        return Refusal("a person", wrong)
    return None


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


def complaints(run: TestRun) -> list[str]:
    """Say of each test that failed which and with what; of the first ones also where."""
    if run.ok:
        return []
    found = [
        f"{one.test}: {one.message}" + (f"\n{one.trace}" if number < TRACES_MAX else "")
        for number, one in enumerate(run.failures)
    ]
    return [run.trouble, *found] if run.trouble else found


async def review(task: Assignment, proposal: Proposal) -> list[str]:
    """Wait for a person to look at the change, however long that takes."""
    form = {
        "question": f"May this be merged as {task.tag}?",
        "summary": proposal.summary,
        "diff": proposal.change.diff,
        "answer with": {"ok": True, "why": ""},
    }
    while True:
        answer = await podium.ask(form, to="reviewer")
        match answer:
            case {"ok": True}:
                return []
            case {"ok": False, "why": str(why)} if why:
                return [why]
        form["problem"] = f"{answer!r}: expected 'ok', and 'why' where it is false."

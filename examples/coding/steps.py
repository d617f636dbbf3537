"""The steps of the workflow that touch a repository; what each does again after a crash does no harm."""

import hashlib
import time

from pathlib import Path

import podium

from examples.coding import documentation
from examples.coding.edits import files_after
from examples.coding.forms import Applied, Change, Edits, Merged, Section, Snapshot, TestRun
from examples.coding.repository import GitBusy, GitFailed, Repository, regular
from examples.coding.trying import try_out
from podium import Retry, task

PATIENT = Retry(attempts=8, backoff="50ms", on=[GitBusy])
TEXT_CHARS = 40_000
TEXTS_CHARS = 150_000
DIFF_CHARS = 20_000
ATTEMPTS = "refs/heads/podium"
"""Where the branches of runs are that are not merged yet, or never will be."""


class Taken(GitFailed):
    """The tag is there already, on something else."""

    code = "tag-taken"


@task(effect="write", timeout="1m")
def clear_away(repository: str) -> None:
    """Remove the worktrees that a run may have left; its newest attempt stays on its branch."""
    found = Repository(repository)
    for folder in _worktrees(found).glob(f"{_key(podium.run_id())}-*"):
        found.remove_worktree(folder)


@task(effect="write", retry=PATIENT, timeout="1m", compensate=clear_away)
def begin(repository: str, branch: str) -> Snapshot:
    """Make a branch for this run where another one stands, and say what is there."""
    found = Repository(repository)
    own = attempt_branch(podium.run_id())
    head = found.found(own) or found.head(branch)
    found.git("update-ref", own, head)
    return Snapshot(head, [path for path, held in found.files(head).items() if regular(held)])


@task(effect="read")
def moment() -> int:
    """Say what time it is, in seconds since 1970; for documents, which have no clock of their own."""
    return int(time.time())


@task(effect="read", retry=PATIENT, timeout="1m")
def find_documentation(repository: str, commit: str, questions: list[str]) -> list[Section]:
    """Find what a repository says about itself."""
    return documentation.search(_texts(Repository(repository), commit, (".md", ".py")), questions)


@task(effect="read", retry=PATIENT, timeout="1m")
def read_files(repository: str, commit: str, paths: list[str]) -> dict[str, str]:
    """Read those of some files that are there."""
    texts = _texts(Repository(repository), commit, tuple(dict.fromkeys(paths)))
    return {path: text for path, text in texts.items() if path in paths}


@task(effect="write", retry=PATIENT, timeout="1m")
def apply_edits(
    repository: str, commit: str, edits: Edits, allowed: list[str], when: int
) -> Applied:
    """Make a commit of edits, on a branch of the run; or say what is wrong with them.

    The same edits make the same commit, so a repetition changes nothing.
    """
    found = Repository(repository)
    files, problems = files_after(found, commit, edits.edits, allowed)
    if problems:
        return Applied(problems=problems)
    made = found.commit(commit, files, edits.summary, when=when)
    found.git("update-ref", attempt_branch(podium.run_id()), made)
    return Applied(made)


@task(effect="write", retry=PATIENT, timeout="5m", expect="2s")
async def run_tests(repository: str, commit: str, acceptance: str = "") -> TestRun:
    """Run the tests of a commit, or other tests on it, in a worktree of this step's own.

    The worktree is named after the step, so that a repetition clears away what a crash has left.
    """
    found = Repository(repository)
    name = f"{_key(podium.run_id())}-{_key(podium.idempotency_key())}"
    with found.worktree(_worktrees(found) / name, commit) as folder:
        return await try_out(folder, acceptance)


@task(effect="read", retry=PATIENT, timeout="1m")
def measure(repository: str, base: str, commit: str) -> Change:
    """Say what a commit changes, as git says."""
    found = Repository(repository)
    changed = found.changed(base, commit)
    diff = found.diff(base, commit)
    return Change(
        [path for path, _, _ in changed],
        sum(added for _, added, _ in changed),
        sum(removed for _, _, removed in changed),
        diff if len(diff) <= DIFF_CHARS else f"{diff[:DIFF_CHARS]}\n… ({len(diff):,} characters)",
    )


@task(effect="write", retry=PATIENT, timeout="1m")
def catch_up(repository: str, commit: str, head: str, when: int) -> Applied:
    """Bring in what others have merged meanwhile; or say what both have changed."""
    found = Repository(repository)
    tree, both = found.joined(commit, head)
    if both:
        return Applied(problems=[f"{path}: others have changed it meanwhile" for path in both])
    return Applied(found.commit_tree(tree, [commit, head], f"Bring in {head[:12]}", when))


@task(effect="write", retry=PATIENT, timeout="1m")
def merge_and_tag(
    repository: str, branch: str, base: str, commit: str, tag: str, *, message: str, when: int
) -> Merged:
    """Merge a commit into a branch and tag it: once, and only if the branch is still where it was.

    Merge and tag follow from the arguments, so a repetition finds them and makes no others.

    Raises:
        Taken: The tag is there, on another commit.
    """
    found = Repository(repository)
    merged = found.commit_tree(f"{commit}^{{tree}}", [base, commit], message, when)
    marked = found.tag_object(tag, merged, message, when)
    there = found.found(f"refs/tags/{tag}")
    if there not in ("", marked):
        raise Taken(f"The tag {tag!r} is there already, at {there[:12]}; choose another one.")
    head = found.head(branch)
    changes = []
    if not found.contains(head, merged):
        if head != base:
            return Merged(moved_to=head)
        changes.append(f"update refs/heads/{branch} {merged} {base}")
    if not there:
        changes.append(f"create refs/tags/{tag} {marked}")
    if attempt := found.found(attempt_branch(podium.run_id())):
        changes.append(f"delete {attempt_branch(podium.run_id())} {attempt}")
    if changes:
        found.move(*changes)
    return Merged(merged, tag)


def attempt_branch(run_id: str) -> str:
    """Return the branch that has the newest attempt of a run."""
    return f"{ATTEMPTS}/{_key(run_id)}"


def _worktrees(repository: Repository) -> Path:
    return repository.path.with_name(f"{repository.path.stem}.worktrees")


def _key(text: str) -> str:
    """Return a short name that may stand in paths."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _texts(repository: Repository, commit: str, ends: tuple[str, ...]) -> dict[str, str]:
    """Return the texts of files whose paths end so, as far as they fit together."""
    wanted = {
        path: held
        for path, held in repository.files(commit).items()
        if path.endswith(ends) and regular(held)
    }
    texts: dict[str, str] = {}
    room = TEXTS_CHARS
    for path, text in repository.texts(wanted).items():
        shown = text[: min(TEXT_CHARS, room)]
        room -= len(shown)
        if shown:
            texts[path] = shown
    return texts

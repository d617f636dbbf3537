"""Edits as a model writes them, held against the tree before anything is made of them."""

from collections.abc import Sequence

from examples.coding.forms import Edit
from examples.coding.paths import complaint
from examples.coding.repository import Held, Repository, regular

BYTES_MAX = 200_000


def files_after(
    repository: Repository, commit: str, edits: Sequence[Edit], allowed: Sequence[str]
) -> tuple[dict[str, bytes], list[str]]:
    """Return what the edits make of the files that they name, and what is wrong with them.

    They are made in their order, so a later one sees what an earlier one has made of its file.
    """
    held = repository.files(commit)
    named = {edit.path for edit in edits}
    before = repository.texts({path: one for path, one in held.items() if path in named})
    after = dict(before)
    problems = []
    for number, edit in enumerate(edits, 1):
        why = _unfit(edit, held, allowed)
        if not why:
            after[edit.path], why = _made(edit, after.get(edit.path))
        if why:
            problems.append(f"Edit {number} of {edit.path!r}: {why}.")
    changed = {path: text.encode() for path, text in after.items() if before.get(path) != text}
    if not changed and not problems:
        problems.append("The edits change nothing.")
    return changed, problems


def _unfit(edit: Edit, held: dict[str, Held], allowed: Sequence[str]) -> str:
    why = complaint(edit.path, allowed)
    if why:
        return why
    if edit.path in held and not regular(held[edit.path]):
        return "it is a link or another repository, not a plain file"
    for path in held:
        if path.startswith(f"{edit.path}/") or edit.path.startswith(f"{path}/"):
            return f"{path!r} is there, so it cannot be both file and folder"
    try:
        size = len(edit.text.encode())
    except UnicodeEncodeError:
        return "its text has half a character in it"
    return (
        f"its text has {size:,} bytes; at most {BYTES_MAX:,} are taken" if size > BYTES_MAX else ""
    )


def _made(edit: Edit, before: str | None) -> tuple[str, str]:
    """Return the text after an edit, and why it cannot be made."""
    if not edit.find:
        return edit.text if edit.text.endswith("\n") or not edit.text else f"{edit.text}\n", ""
    if before is None:
        return "", "there is no such file; leave `find` empty to make it"
    count = before.count(edit.find)
    if count != 1:
        where = "does not stand there" if not count else f"stands there {count} times"
        shown = edit.find if len(edit.find) <= 120 else f"{edit.find[:120]}…"
        return before, f"the text to find {where}, and must exactly once: {shown!r}"
    return before.replace(edit.find, edit.text), ""

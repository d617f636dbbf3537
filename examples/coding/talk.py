"""The conversation of a run with its model: each stage asks, and the model sees all that was before."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

import podium

from examples.coding.forms import Analysis, Assignment, Diagnosis, Edits, Plan, Section, Used
from podium.models import Message, assistant, system, user
from podium.models.tally import tallied

T = TypeVar("T")

ROLE = """You are a careful programmer. You work on a Python repository in stages, and answer each stage \
with one JSON value of the form that is asked for.
You change as little as it takes, keep to the style of what is there, and write tests for what you add. \
You never weaken a test that is there. You use nothing but the standard library.
An edit has `path`, `find` and `text`. With an empty `find` it makes the file or replaces all of it; \
otherwise `find` is a text that stands exactly once in the file as it is now, and `text` takes its place. \
All edits of an answer are made, or none. A file that you have not been shown you must not change."""


class Talk:
    """What was said so far; each answer is a step of the run, and paid for once.

    Attributes:
        used: What all answers together have taken.

    Args:
        model: A model string.
    """

    def __init__(self, model: str) -> None:
        self._model = podium.Model(model)
        self._said: list[Message] = [system(ROLE)]
        self.used = Used()

    async def analysis(self, task: Assignment, paths: Sequence[str]) -> Analysis:
        """Ask what is wanted."""
        return await self._ask(
            Analysis,
            f"# {task.title}\n\n{task.requirement.strip()}",
            f"The repository has these files:\n{_listed(paths)}",
            f"You may change only: {', '.join(task.allowed)}.",
            "Analyse the requirement: what is wanted, what must hold, what is at risk.",
        )

    async def plan(self) -> Plan:
        """Ask what is to be done, and what is to be looked up for it."""
        return await self._ask(Plan, "Plan the change. Say what you want to look up first.")

    async def edits(self, found: Sequence[Section], files: Mapping[str, str]) -> Edits:
        """Ask for the change, given what was looked up."""
        about = "\n\n".join(f"## {one.path}: {one.heading}\n{one.text}" for one in found)
        return await self._ask(
            Edits,
            f"What the documentation says:\n\n{about or 'Nothing was found.'}",
            f"The files of your plan as they are now:\n\n{_shown(files)}",
            "Write the change, with its tests.",
        )

    async def diagnosis(self, left: int, refused_by: str, why: str) -> Diagnosis:
        """Ask why the last change was refused."""
        rounds = "one more change" if left == 1 else f"{left} more changes"
        return await self._ask(
            Diagnosis,
            f"The change was refused by: {refused_by}.\n\n{why}",
            f"Find the cause. You may propose {rounds}, so do not try again what was refused.",
        )

    async def revision(self, files: Mapping[str, str]) -> Edits:
        """Ask for a change of the change."""
        return await self._ask(
            Edits,
            f"The files as they are now:\n\n{_shown(files)}",
            "Write the edits that mend it.",
        )

    async def _ask(self, kind: type[T], *parts: str) -> T:
        self._said.append(user("\n\n".join(parts)))
        with tallied() as used:
            value: T = await self._model.value(self._said, kind)
        self.used += Used(used.calls, used.usage.tokens, used.cost_usd)
        self._said.append(assistant(msgspec.json.encode(value).decode()))
        return value


def _listed(paths: Sequence[str]) -> str:
    shown = [f"- {path}" for path in paths[:500]]
    return "\n".join([*shown, *([f"… and {len(paths) - 500} more"] if len(paths) > 500 else [])])


def _shown(files: Mapping[str, str]) -> str:
    return "\n\n".join(f"```{path}\n{text}```" for path, text in files.items()) or "(none)"

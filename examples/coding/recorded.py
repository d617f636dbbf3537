"""The model `scripted:coding`: answers to the five tasks that were written down, mistakes included.

They were written by a person, in the form and with the mistakes of models. What follows a mistake is
said only to somebody who shows the very failure: without it the script has no answer.
"""

from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import yaml

from examples.coding.tasks import Example, examples
from podium.models import Request, ScriptedModel, ScriptEnded

NAME = "coding"


@cache
def entries(folder: Path) -> list[dict[str, Any]]:
    """Return what was written down for a task."""
    text = (folder / "answers.yaml").read_text(encoding="utf-8")
    found: list[dict[str, Any]] = yaml.safe_load(text)
    return found


def answers(example: Example) -> Iterator[Callable[[Request], Any]]:
    """Return the answers to a task in order."""
    for entry in entries(example.folder):
        yield partial(_answer, entry)


def _answer(entry: dict[str, Any], request: Request) -> Any:
    told = request.messages[-1].text
    if entry.get("sees", "") not in told:
        raise ScriptEnded(f"This answer is for who says {entry['sees']!r}; it was told: {told}")
    return entry["answer"]


model = ScriptedModel(NAME, {f"# {one.title}\n": partial(answers, one) for one in examples()})

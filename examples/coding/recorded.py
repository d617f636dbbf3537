"""The model `scripted:coding`: answers to the five tasks that were written down, mistakes included.

They were written by a person, in the form and with the mistakes of models. What follows a mistake is
said only to somebody who shows the very failure: without it the script has no answer.
"""

import re

from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import yaml

from examples.coding.tasks import Example, examples
from podium.models import Request, ScriptedModel, ScriptEnded, function_model

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


_STAGES = re.compile(r"(Analyse|Plan|Write|Debug|Revise) ?([0-9]*): ([^\n]+)")
_PLACES = {"Analyse": 0, "Plan": 1, "Write": 2, "Debug": 3, "Revise": 4}


@function_model("coding")
def by_stage(request: Request) -> Any:
    """Say the same to agents that are asked for one stage each, as in `coding.yaml`."""
    told = request.messages[-1].text
    asked = _STAGES.search(told)
    known = {one.title: one for one in examples()}
    if asked is None or asked[3] not in known:
        raise ScriptEnded(f"There is no answer to who begins so: {told[:200]}")
    place = _PLACES[asked[1]] + 2 * (int(asked[2] or 1) - 1)
    return _answer(entries(known[asked[3]].folder)[place], request)


model = ScriptedModel(NAME, {f"# {one.title}\n": partial(answers, one) for one in examples()})

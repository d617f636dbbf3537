"""What stands at nodes of the kinds ``agent`` and ``plan``, as JSON Schema for editors."""

from __future__ import annotations

from typing import Any, Final

from podium.flow.schema.words import (
    Schema,
    arguments,
    closed,
    described,
    duration,
    either,
    value_type,
)

_TEXT: Final = {"type": "string"}
_TEXTS: Final = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}
LEVELS: Final = {
    "suggest": "It calls nothing, and proposes what it would call.",
    "act-on-reads": "Tools that only look or compute are called, others are proposed.",
    "act-with-approval": "For what changes something a person is asked.",
    "act-within-budget": "Everything is called, under limits of tokens or money.",
    "act": "Everything is called.",
}
STYLES: Final = {
    "auto": "As the model can.",
    "native": "In the provider's own form.",
    "json": "As one JSON object that says tool and arguments, or the answer.",
    "labels": "A label first, which is a tool's name, then its arguments.",
}


def agent_words() -> dict[str, Schema]:
    """Return the words of a node of kind ``agent``."""
    name = {"type": "string", "description": "The name of a registered agent."}
    return {
        "agent": described("Agent", "A registered agent's name, or an agent in place.", either(_in_place(), name)),
        "goal": described("Goal", "What it is asked for.", {**_TEXT, "examples": ["${input.message}"]}),
        "args": arguments("What it is given beside the goal, by name."),
        "trust": described("Trust", "Whether goal and args are no words of strangers.", {"type": "boolean"}),
    }  # fmt: skip


def plan_words() -> dict[str, Schema]:
    """Return the words of a node of kind ``plan``."""
    text = "Approval, limits and more, as of a Planner."
    options = described("Options", text, {"type": ["object", "string"]})
    plan = closed(
        {
            "goal": described("Goal", "What is to be reached.", dict(_TEXT)),
            "tools": described("Tools", "What the plan may call: names, patterns of names.", dict(_TEXTS)),
            "model": _model("Who writes the plan."),
            "output": _output("What the plan has to give, as far as it is known."),
            "options": options,
        },
        "goal", "tools", "model",
    )  # fmt: skip
    args = arguments("What is given to the plan, by name.")
    trust = described(
        "Trust", "Whether goal and args are no words of strangers.", {"type": "boolean"}
    )
    return {
        "plan": described("Plan", "What is planned, and by whom.", plan), "args": args, "trust": trust,
    }  # fmt: skip


def _in_place() -> Schema:
    limits = closed(
        {
            "turns": _most("Turns", "Replies of the model."),
            "calls": {**_most("Calls", "Calls of tools."), "minimum": 0},
            "calls_a_turn": _most("Calls a turn", "Calls of one reply that are made."),
            "tokens": _most("Tokens", "Tokens of all its model calls."),
            "usd": described("Dollars", "US dollars of all its model calls.", {"type": "number", "exclusiveMinimum": 0}),
            "time": duration("Time", "How long it may take until it has to answer.", "5m"),
            "faults": _most("Faults", "Replies in a row that are no call and no answer."),
            "observation_chars": {**_most("Observation chars", "A longer result is cut."), "minimum": 200},
        }
    )  # fmt: skip
    return closed(
        {
            "model": _model("Which model, as provider:model."),
            "instructions": described("Instructions", "What the model is told that it is for.", dict(_TEXT)),
            "tools": described("Tools", "What it may call: names, patterns of names.", dict(_TEXTS)),
            "output": _output("The form of its answer; a text unless given."),
            "limits": described("Limits", "How much it may use.", limits),
            "autonomy": _one_of("Autonomy", "How much it may do by itself.", LEVELS),
            "to": described("To", "Who is asked for approval and advice.", dict(_TEXT)),
            "style": _one_of("Style", "How calls are asked for.", STYLES),
            "at_once": described("At once", "Whether the calls of a turn are made together.", {"type": "boolean"}),
        },
        "model",
    )  # fmt: skip


def _model(text: str) -> Schema:
    return described("Model", text, {**_TEXT, "examples": ["openai:gpt-5-mini"]})


def _output(text: str) -> Schema:
    return described("Output", text, value_type({"order": "integer"}))


def _most(title: str, text: str) -> Schema:
    return described(title, text, {"type": "integer", "minimum": 1})


def _one_of(title: str, text: str, words: dict[str, str]) -> Schema:
    listed: dict[str, Any] = {"enum": list(words), "enumDescriptions": list(words.values())}
    return described(title, text, listed)

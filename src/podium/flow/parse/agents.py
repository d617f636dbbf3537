"""Nodes of the kinds ``agent`` and ``plan``: child runs of workflows that Podium registers for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from podium.flow.expression import Template
from podium.flow.model import SubFlow
from podium.flow.parse.fields import read_fields, read_type
from podium.flow.parse.words import Reading, Words

MODULE: Final = "podium.agents.documents"
"""What registers the workflows below; a document need not name it."""
AGENT: Final = "podium.agent"
PLAN: Final = "podium.plan"
OUTSIDE: Final = "outside"
"""The label of what a stranger may have written."""
AGENT_WORDS: Final = (
    "model", "instructions", "tools", "output", "limits", "autonomy", "to", "style", "at_once",
)  # fmt: skip
"""What is said of an agent that stands in place."""
PLAN_WORDS: Final = ("goal", "tools", "model", "output", "options")
"""What is said of a plan."""


class Agents:
    """Reads them.

    Args:
        reading: Takes note of what is wrong.
    """

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def agent(self, words: Words) -> SubFlow:
        """Read ``agent``, ``goal``, ``args`` and ``trust``."""
        words.require("goal", "say what the agent is asked for")
        given, args = words.take("agent"), words.arguments("args")
        asked = words.template("goal")
        goal = {"goal": asked, **_labels(words, asked, args)}
        if isinstance(given, str):
            parts = {**_parts(self._reading, args, words.at_word("args")), **goal}
            return SubFlow(given, None, Template.of_parts(parts), places={"goal": "goal"})
        at = words.at_word("agent")
        inner = Words(self._reading, self._reading.mapping(given, at, "model and tools"), at)
        inner.refuse_others(AGENT_WORDS, "an agent")
        inner.require("model", "say which model")
        said, returns = self._said(inner, AGENT_WORDS)
        return SubFlow(
            AGENT,
            None,
            Template.of_parts({"agent": said, **goal, "inputs": args}),
            places={"agent": "agent", "goal": "goal", "inputs": "args"},
            returns=returns,
            module=MODULE,
            label=inner.text("model"),
        )

    def plan(self, words: Words) -> SubFlow:
        """Read ``plan``, ``args`` and ``trust``."""
        at = words.at_word("plan")
        given = self._reading.mapping(words.take("plan"), at, "goal, tools and model")
        inner = Words(self._reading, given, at)
        inner.refuse_others(PLAN_WORDS, "a plan")
        for word, why in (("goal", "what is to be reached"), ("tools", "what it may call"), ("model", "who writes it")):  # fmt: skip
            inner.require(word, f"say {why}")
        needed = {"goal": "", "tools": [], "model": ""}
        own = {word: inner.template(word, usual) for word, usual in needed.items()}
        if "options" in inner:
            own["options"] = inner.template("options")
        args = words.arguments("args")
        labels = _labels(words, own["goal"], args)
        return SubFlow(
            PLAN,
            None,
            Template.of_parts({**own, **labels, "inputs": args}),
            places={**{word: f"plan.{word}" for word in own}, "inputs": "args"},
            returns=self._returns(inner),
            module=MODULE,
            label=inner.text("model"),
        )

    def _said(self, inner: Words, known: tuple[str, ...]) -> tuple[Template, Mapping[str, Any] | None]:  # fmt: skip
        """Return what is said of it, and the schema of what it gives."""
        returns = self._returns(inner)
        said = {word: inner.template(word) for word in known if word in inner and word != "output"}
        if returns is not None:
            said["output"] = Template.constant(dict(returns))
        return Template.of_parts(said), returns

    def _returns(self, inner: Words) -> Mapping[str, Any] | None:
        if "output" not in inner:
            return None
        return read_value_type(self._reading, inner.take("output"), inner.at_word("output"))


def _labels(words: Words, goal: Template, args: Template) -> dict[str, Template]:
    """Say that goal and arguments may be words of strangers: what is computed may be anybody's."""
    if words.flag("trust") or (goal.is_constant and args.is_constant):
        return {}
    return {"labels": Template.constant([OUTSIDE])}


def read_value_type(reading: Reading, given: Any, at: str) -> Mapping[str, Any]:
    """Read a type, or a mapping of fields as ``input`` has."""
    is_fields = isinstance(given, dict) and not ({"type", "enum", "anyOf"} & given.keys())
    if is_fields:
        return read_fields(reading, given, at).schema
    return read_type(reading, given, at)


def _parts(reading: Reading, args: Template, at: str) -> dict[str, Template]:
    """Return arguments one by one."""
    source = args.source if isinstance(args.source, dict) else {}
    return {name: reading.template(value, f"{at}.{name}") for name, value in source.items()}

"""The answer of an agent: what form it must have, and whether what the model gave has it."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from podium.agents.toolbox import ANSWER
from podium.core.codec import plain
from podium.models.messages import Output, ToolCall, ToolOffer
from podium.models.structured import Form, Unfit, form_of


class Answer(NamedTuple):
    """What the model gave as its answer.

    Attributes:
        value: In the declared type; None where there is a fault.
        fault: What is wrong with it, in words for the model; empty where it fits.
    """

    value: Any = None
    fault: str = ""


class Answers:
    """The form of an agent's answers.

    Attributes:
        kind: What was declared: a type, or a JSON Schema; ``str`` and None: any text.

    Raises:
        InvalidOption: It is neither.
    """

    def __init__(self, kind: Any) -> None:
        self.kind: Any = str if kind is None else kind
        self._form: Form[Any] | None = None if self.kind is str else form_of(kind)

    @property
    def is_text(self) -> bool:
        """Whether any text is an answer."""
        return self._form is None

    @property
    def output(self) -> Output | None:
        """The form of a reply that is nothing but the answer; None: a text."""
        return None if self._form is None else self._form.output

    @property
    def schema(self) -> dict[str, Any]:
        """The schema of an answer as the model gives it."""
        return {"type": "string"} if self._form is None else self._form.output.schema

    @property
    def offer(self) -> ToolOffer | None:
        """The tool by which an answer with a form is given; None: it is said as text."""
        if self._form is None:
            return None
        text = "Give the answer. Call it once, alone, when you are done."
        return ToolOffer(ANSWER, text, self.schema)

    def of_call(self, call: ToolCall) -> Answer:
        """Read an answer that was given by a call."""
        if isinstance(call.arguments, str):
            return self.of_text(call.arguments)
        if self._form is None:
            return Answer(msgspec.json.encode(call.arguments).decode())
        try:
            return Answer(self._form.made(call.arguments))
        except Unfit as unfit:
            return Answer(fault=unfit.complaint)

    def of_text(self, text: str) -> Answer:
        """Read an answer that was given as text."""
        if self._form is None:
            return Answer(text)
        try:
            return Answer(self._form.read(text))
        except Unfit as unfit:
            return Answer(fault=unfit.complaint)


def as_text(answer: Any) -> str:
    """Return an answer as text."""
    return answer if isinstance(answer, str) else msgspec.json.encode(plain(answer)).decode()

r"""Prompts as plain text: how a conversation is written for a model that only goes on with a text.

A small model follows the pattern of a text better than the words of an instruction. A shape says how
a message of each role is written; ``{}`` stands for what it says::

    {"user": "Message: {}\nIntent:", "assistant": " {}\n\n"}

The examples are messages of user and assistant in turn, the question is the last message of the user,
and the model goes on with what stands where the assistant's text would. What stands before ``{}`` for
the assistant is put before a grammar, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from podium.models.errors import ModelRequestInvalid
from podium.models.local.grammar import label_grammar
from podium.models.messages import Message, Output, Request, Settings, assistant, user

_HOLE: Final = "{}"
_ROLES: Final = ("system", "user", "assistant", "tool")


class Shape(NamedTuple):
    """How messages are written, by role."""

    forms: Mapping[str, str]

    @property
    def before(self) -> str:
        """What stands before the text of the assistant."""
        return self.forms["assistant"].partition(_HOLE)[0]

    def prompt(self, messages: Iterable[Message]) -> str:
        """Return a conversation as text."""
        return "".join(self.forms[one.role].replace(_HOLE, one.text) for one in messages)


def shape_of(settings: Settings) -> Shape | None:
    """Return the shape that settings ask for.

    Raises:
        ModelRequestInvalid: It is none.
    """
    told: Any = settings.extra.get("shape")
    if told is None:
        return None
    forms = {"system": "{}\n\n", "tool": "{}\n", **told} if isinstance(told, dict) else {}
    if {*forms} != {*_ROLES} or not all(isinstance(one, str) and _HOLE in one for one in forms.values()):  # fmt: skip
        raise ModelRequestInvalid(
            f"Settings(extra={{'shape': {told!r}}}): expected a text with {_HOLE} for user and assistant, "
            "such as {'user': 'Message: {}\\nIntent:', 'assistant': ' {}\\n\\n'}."
        )
    return Shape(forms)


def bare_label(
    text: str, examples: Sequence[tuple[str, str]], labels: Sequence[str], *,
    asks: str = "Message", answers: str = "Label",
) -> Request:  # fmt: skip
    """Return a request for one of several labels, made for small models: a text that is gone on with.

    The reply's text is one of the labels, whatever the model thinks.

    Args:
        text: What is to be labelled.
        examples: Texts with their labels, the most telling last.
        labels: What may be answered.
        asks: The word before a text.
        answers: The word before a label.
    """
    turns = [one for said, label in examples for one in (user(said), assistant(label))]
    shape = {"user": f"{asks}: {{}}\n{answers}:", "assistant": " {}\n\n"}
    return Request(
        (*turns, user(text)),
        output=Output(
            {"type": "string", "enum": [*labels]}, "label", grammar=label_grammar(labels)
        ),
        settings=Settings(extra={"shape": shape}),
    )

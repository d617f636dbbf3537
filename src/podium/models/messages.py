"""What is said to a model and what it answers, as values that a journal keeps.

One form for all providers; ``models/providers`` turns it into theirs and back.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

Role = Literal["system", "user", "assistant", "tool"]
Finish = Literal["stop", "length", "calls", "refused"]
"""Why a reply ended: it was whole, it was cut at the limit of tokens, it asks for calls of tools, or
the provider would not answer."""


class ToolCall(msgspec.Struct, frozen=True, omit_defaults=True):
    """A call that a model asks for.

    Attributes:
        id: Names it within the conversation; its result answers to the same id.
        name: The tool, as the model was given it.
        arguments: By name. A text where the provider sent what is no JSON object; it is kept as it
            came, so that the complaint can quote it.
    """

    id: str
    name: str
    arguments: dict[str, Any] | str


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message of a conversation.

    Attributes:
        role: Who says it; ``tool`` is the result of a call.
        text: What is said; of a result, the text that the model is given.
        calls: Of an assistant: the calls that it asks for.
        thought: Of an assistant: what it thought before, where the provider tells.
        call_id: Of a result: the call that it answers.
        name: Of a result: the tool.
        is_error: Of a result: whether the call has no value.
        labels: Where the text comes from, for the policy of tools: ``outside`` is not to be trusted.
        kept: What the provider wants back unchanged, such as the signature of a thought.
    """

    role: Role
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    thought: str = ""
    call_id: str = ""
    name: str = ""
    is_error: bool = False
    labels: tuple[str, ...] = ()
    kept: dict[str, Any] | None = None


def system(text: str) -> Message:
    """Return a message that says what the model is for."""
    return Message("system", text)


def user(text: str) -> Message:
    """Return a message of whoever talks with the model."""
    return Message("user", text)


def assistant(text: str = "", *calls: ToolCall, thought: str = "") -> Message:
    """Return a message of the model."""
    return Message("assistant", text, calls, thought)


def result(call: ToolCall, text: str, *, is_error: bool = False, labels: tuple[str, ...] = ()) -> Message:  # fmt: skip
    """Return the result of a call."""
    return Message("tool", text, call_id=call.id, name=call.name, is_error=is_error, labels=labels)


class ToolOffer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tool as a model is told of it.

    Attributes:
        name: As models may write it: letters, digits, ``_`` and ``-``.
        description: What it does.
        schema: JSON Schema of its arguments.
    """

    name: str
    description: str
    schema: dict[str, Any]


class Output(msgspec.Struct, frozen=True, omit_defaults=True):
    """The form that a reply must have.

    Attributes:
        schema: JSON Schema of the value.
        name: What it is called where a provider wants a name.
        description: What it is for.
        grammar: A grammar in llama.cpp's GBNF, in place of a schema, for models that take one.
    """

    schema: dict[str, Any] = {}
    name: str = "answer"
    description: str = ""
    grammar: str = ""


class Settings(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a model answers; what is None is the provider's default.

    Attributes:
        temperature: 0 takes the likeliest token each time.
        tokens_max: The most tokens of a reply.
        top_p: Only tokens of this share of probability are drawn from.
        seed: Of the provider's chance, where it has one.
        stop: Texts at which the reply ends.
        effort: How long it may think, where the model can: ``low``, ``medium``, ``high``.
        extra: Further fields of the provider's own request.
    """

    temperature: float | None = None
    tokens_max: int | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    effort: Literal["low", "medium", "high"] | None = None
    extra: dict[str, Any] = {}


class Request(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that one call of a model is given.

    Attributes:
        messages: The conversation so far.
        tools: What it may call.
        choice: Whether it may call one (``auto``), must (``required``), or may not (``none``).
        output: The form of the reply; free text where there is none.
        settings: How it answers.
    """

    messages: tuple[Message, ...]
    tools: tuple[ToolOffer, ...] = ()
    choice: Literal["auto", "required", "none"] = "auto"
    output: Output | None = None
    settings: Settings = Settings()


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a call used, in tokens.

    Attributes:
        input_tokens: What was sent, all together.
        output_tokens: What was answered, thoughts included.
        cached_tokens: How much of what was sent the provider had kept from an earlier call.
        thought_tokens: How much of what was answered were thoughts.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    thought_tokens: int = 0

    @property
    def tokens(self) -> int:
        """All of them."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        """Return the sum."""
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            self.thought_tokens + other.thought_tokens,
        )


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a model answered.

    Attributes:
        message: The answer, of role ``assistant``.
        model: Which model it was, as a model string.
        usage: What it used.
        cost_usd: What it cost, in US dollars; None where the price is not known.
        finish: Why it ended.
        latency_s: How long it took, in seconds.
        first_token_s: How long until its first token, where it was streamed.
    """

    message: Message
    model: str
    usage: Usage = Usage()
    cost_usd: float | None = None
    finish: Finish = "stop"
    latency_s: float = 0.0
    first_token_s: float | None = None

    @property
    def text(self) -> str:
        """What it says."""
        return self.message.text

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The calls that it asks for."""
        return self.message.calls


NO_SETTINGS: Final = Settings()

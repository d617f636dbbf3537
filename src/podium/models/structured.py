"""Values out of a model: the form that is asked for, what does not fit it, and asking again.

The form is a type of Python or a JSON Schema. What a model answers is held against it here, whatever
the provider promises; what does not fit goes back to the model in exact words, a bounded number of
times.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from typing import Any, Final, Generic, TypeVar, cast

import msgspec

from podium.core.codec import Codec, codec_for, decode_any, describe, encode
from podium.core.errors import InvalidOption, ValueNotPortable
from podium.core.schema import type_schema
from podium.core.validation import Validator
from podium.models.errors import ModelCut, ModelOutputInvalid, ModelRefused, said
from podium.models.extracting import json_in
from podium.models.messages import Message, Output, Reply, user

T = TypeVar("T")

FAULTS_MAX: Final = 20
TURNS: Final = 3
"""How often a model is asked for a value at most, unless said otherwise."""
_VALUE: Final = "value"
_EXCERPT_CHARS: Final = 300
_TOLD_CHARS: Final = 4_000
"""A longer schema is not told again with what is wrong."""


class Unfit(Exception):
    """A text does not have the form.

    Attributes:
        faults: What is wrong with it, in words.
        form: The JSON Schema that it should fit; empty where it is too long to be told.
    """

    def __init__(self, faults: Sequence[str], form: str = "") -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)
        self.form = form

    @property
    def complaint(self) -> str:
        """What the model is told."""
        lines = "\n".join(f"- {fault}" for fault in self.faults)
        fitting = f" that fits this JSON Schema:\n{self.form}" if self.form else "."
        return (
            f"Your answer cannot be used:\n{lines}\nAnswer again, with nothing else than the whole "
            f"JSON value{fitting}"
        )


class Form(Generic[T]):
    """The form of an answer.

    Attributes:
        output: What a request says of it.
    """

    def __init__(self, schema: dict[str, Any], codec: Codec | None, name: str) -> None:
        """Make the form of a schema.

        Args:
            schema: JSON Schema of the value.
            codec: Makes the value of its JSON; None: JSON it is.
            name: What it is called.

        Raises:
            InvalidOption: The schema is none.
        """
        self._codec = codec
        self._is_wrapped = not _is_object(schema)
        whole = _wrapped(schema) if self._is_wrapped else schema
        try:
            self._validator = Validator(whole)
        except ValueError as problem:
            raise InvalidOption(f"{name}: the schema of the answer: {problem}") from None
        self.output = Output(whole, name)
        written = msgspec.json.encode(whole).decode()
        self._written = written if len(written) <= _TOLD_CHARS else ""

    def read(self, text: str) -> T:
        """Return the value that a text is.

        Raises:
            Unfit: It is none of this form.
        """
        try:
            value = json_in(text)
        except ValueError as problem:
            excerpt = said(text)[:_EXCERPT_CHARS]
            raise Unfit([f"it is no JSON ({problem}): {excerpt!r}"], self._written) from None
        return self.made(value)

    def made(self, value: Any) -> T:
        """Return the value that JSON stands for.

        Raises:
            Unfit: It does not have this form.
        """
        if self._is_wrapped and not (isinstance(value, dict) and _VALUE in value):
            value = {_VALUE: value}
        faults = [
            one.text("the answer") for one in islice(self._validator.faults(value), FAULTS_MAX)
        ]
        if faults:
            raise Unfit(faults, self._written)
        if self._is_wrapped:
            value = value[_VALUE]
        if self._codec is None:
            return cast("T", value)
        try:
            return cast("T", self._codec.decode(encode(value)))
        except ValueNotPortable as problem:
            raise Unfit([str(problem)], self._written) from None


class Labels(Form[str]):
    """One of several words; a model that keeps to a grammar answers with the bare word."""

    def __init__(self, labels: Sequence[str]) -> None:
        """Make the form of some labels.

        Raises:
            InvalidOption: There are none, or one is empty or there twice.
        """
        words = list(labels) if not isinstance(labels, str) else []
        if not words or len({*words}) < len(words) or not all(words):
            raise InvalidOption(
                f"labels={labels!r}: expected different texts, such as ['yes', 'no']."
            )
        super().__init__({"type": "string", "enum": words}, None, "label")
        self._words = words
        choices = " | ".join(msgspec.json.encode(word).decode() for word in words)
        self.output = msgspec.structs.replace(self.output, grammar=f"root ::= {choices}")

    def read(self, text: str) -> str:
        """Return the label that a text is, or the only one that stands in it."""
        bare = text.strip().strip("\"'`*. \n")
        for word in self._words:
            if bare == word:
                return word
        near = [word for word in self._words if word.casefold() == bare.casefold()]
        if len(near) == 1:
            return near[0]
        try:
            return super().read(text)
        except Unfit:
            held = [word for word in self._words if word.casefold() in text.casefold()]
            if len(held) == 1:
                return held[0]
            words = ", ".join(self._words)
            excerpt = said(text)[:_EXCERPT_CHARS]
            raise Unfit([f"found {excerpt!r}, expected exactly one of: {words}"]) from None


def form_of(kind: Any, name: str = "answer") -> Form[Any]:
    """Return the form of a type, of a JSON Schema (a dict), or of an ``Output``.

    Raises:
        InvalidOption: Nothing can be said about the type; or the schema is none.
    """
    if isinstance(kind, Output):
        form: Form[Any] = Form(kind.schema, None, kind.name)
        form.output = kind
        return form
    if isinstance(kind, dict):
        return Form(kind, None, name)
    schema = type_schema(kind)
    if not schema:
        raise InvalidOption(
            f"{describe(kind)} has no JSON Schema; a model can be asked for a dataclass, a TypedDict, a "
            "msgspec or pydantic model, a builtin type, or a schema as a dict."
        )
    return Form(_plain(schema), codec_for(kind), str(getattr(kind, "__name__", name)))


Ask = Callable[[tuple[Message, ...]], Awaitable[Reply]]


async def repaired(form: Form[T], ask: Ask, messages: tuple[Message, ...], turns: int) -> T:
    """Ask for a value until what comes has its form.

    Args:
        form: Of the value.
        ask: Asks the model.
        messages: The conversation.
        turns: How often it is asked at most.

    Raises:
        ModelOutputInvalid: The last answer does not fit either.
        ModelCut: An answer was cut at its limit of tokens.
        ModelRefused: It would not answer.
    """
    reply, problem = None, Unfit(())
    for _ in range(max(1, turns)):
        reply = whole(await ask(messages))
        try:
            return form.read(reply.text)
        except Unfit as unfit:
            problem = unfit
            messages = (*messages, reply.message, user(unfit.complaint))
    assert reply is not None
    raise ModelOutputInvalid(
        f"{reply.model} was asked {max(1, turns)} times for {form.output.name!r} and its last answer "
        f"does not fit: {problem}. Ask for something simpler, raise turns=, or take a larger model.",
        reply.text, problem.faults,
    )  # fmt: skip


def whole(reply: Reply) -> Reply:
    """Return a reply that is an answer, and a whole one.

    Raises:
        ModelRefused: The model would not answer.
        ModelCut: The answer was cut.
    """
    if reply.finish == "refused":
        raise ModelRefused(
            f"{reply.model} would not answer: {said(reply.text) or 'it gave no reason'}. "
            "Change what it is asked, or ask another model."
        )
    if reply.finish == "length":
        raise ModelCut(
            f"The answer of {reply.model} was cut after {reply.usage.output_tokens:,} tokens: "
            f"…{said(reply.text[-100:])!r}. Raise Settings(tokens_max=…), or ask for less."
        )
    return reply


def _is_object(schema: dict[str, Any]) -> bool:
    return schema.get("type") == "object"


def _wrapped(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object that holds the value: providers take nothing else."""
    inner = {key: one for key, one in schema.items() if key != "$defs"}
    wrapped: dict[str, Any] = {
        "type": "object",
        "properties": {_VALUE: inner},
        "required": [_VALUE],
        "additionalProperties": False,
    }
    return {**wrapped, "$defs": schema["$defs"]} if "$defs" in schema else wrapped


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema whose root is no reference, and of its own."""
    copy: dict[str, Any] = decode_any(encode(schema))
    reference = copy.get("$ref", "")
    if isinstance(reference, str) and reference.startswith("#/$defs/"):
        definitions = copy.get("$defs", {})
        copy = {**definitions[reference.removeprefix("#/$defs/")], "$defs": definitions}
    return copy

"""The provider of language models in GGUF: ``local:smollm2``, ``local:/path/to/model.gguf``."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import time

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from podium.models.errors import ModelRequestInvalid, ModelUnknown, ModelUnreachable
from podium.models.local.errors import ContextFull
from podium.models.local.grammar import grammar_of, led_by
from podium.models.local.hosting import CONTEXT_TOKENS, host_of
from podium.models.local.shapes import Shape, shape_of
from podium.models.local.weights import KNOWN, known
from podium.models.messages import Finish, Message, Reply, Request, Usage, assistant
from podium.models.provider import Abilities, Say

TEXT_TOKENS: Final = 512
VALUE_TOKENS: Final = 1_024
"""The most tokens of a text and of a value, where a request does not say it."""


class Local:
    """Answers by models in processes of their own on this machine; they cost nothing.

    Without settings of the request the likeliest token is taken each time, so that the same request
    has the same answer.
    """

    def abilities(self, model: str) -> Abilities:
        """Return what every model of llama.cpp can be held to."""
        return Abilities(tools=False, schema=True, grammar=True)

    async def respond(self, model: str, request: Request, say: Say | None = None) -> Reply:
        """Ask a model once; a call that is cancelled ends with the model's next token.

        Args:
            model: Of known weights, or the path of a GGUF file.
            request: What it is asked. ``settings.extra`` may have a ``shape``, see
                :mod:`podium.models.local.shapes`; other fields go to llama.cpp as they are.
            say: Where the pieces of the text go as they come.

        Raises:
            ModelUnknown: There are no such weights; or what runs them is not installed.
            WeightsDamaged: They cannot be read.
            ContextFull: The request has more tokens than the model can hold.
            SchemaNotHeld: The form cannot be kept.
            ModelRequestInvalid: llama.cpp does not take the request.
            ModelUnreachable: The model's process died.
        """
        path = path_of(model)
        if request.tools:
            raise ModelRequestInvalid(
                f"local:{model} calls no tools by itself. Let an Agent ask it, which gives it the "
                "tools in words; or ask a model that has tools."
            )
        heard = _Heard(say)
        shape = shape_of(request.settings)
        kind = "text" if shape else "chat"
        life, number, done = host_of(path).ask(kind, _body(request, shape), heard.hear)
        try:
            await asyncio.wrap_future(done)
        except asyncio.CancelledError:
            life.stop(number)
            raise
        return heard.reply(f"local:{model}", shape)


def path_of(model: str) -> Path:
    """Return the GGUF file of a model.

    Raises:
        ModelUnknown: There is none; or what runs it is not installed.
    """
    if importlib.util.find_spec("xllamacpp") is None:
        raise ModelUnknown(
            f"local:{model} needs xllamacpp, which is not installed: pip install 'podium[local]'."
        )
    if model.endswith(".gguf"):
        path = Path(model).expanduser().absolute()
        if not path.is_file():
            raise ModelUnknown(f"There is no file {path}, which local:{model} names.")
        return path
    if model not in KNOWN or not known(model).files[0].place.endswith(".gguf"):
        raise ModelUnknown(
            f"There is no language model local:{model}; expected local:smollm2, or "
            "local:/path/to/model.gguf."
        )
    weights = known(model)
    return weights.path() / weights.files[0].name


@dataclass
class _Heard:
    """What has come of an answer so far; it is filled in another thread, and read when all is there."""

    say: Say | None
    started: float = field(default_factory=time.monotonic)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    pieces: list[str] = field(default_factory=list)
    finish: str = ""
    usage: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] = field(default_factory=dict)
    first_s: float | None = None

    def hear(self, chunk: dict[str, Any]) -> None:
        """Take one part."""
        self.error = chunk.get("error") or self.error
        self.usage = chunk.get("usage") or self.usage
        for choice in chunk.get("choices", ()):
            self.finish = choice.get("finish_reason") or self.finish
            text = choice.get("text") or choice.get("delta", {}).get("content") or ""
            if text:
                self._piece(text)

    def reply(self, model: str, shape: Shape | None) -> Reply:
        """Return the reply.

        Raises:
            ContextFull, ModelRequestInvalid: It was not asked at all.
            ModelUnreachable: It broke off.
        """
        if self.error:
            raise _refused(model, self.error)
        if not self.finish:
            raise ModelUnreachable(f"{model} broke off in the middle of its answer. Ask again.")
        text = "".join(self.pieces)
        if shape:
            text = text.removeprefix(shape.before)
        finish: Finish = "length" if self.finish == "length" else "stop"
        cached = self.usage.get("prompt_tokens_details", {}).get("cached_tokens", 0)
        usage = Usage(
            self.usage.get("prompt_tokens", 0), self.usage.get("completion_tokens", 0), cached
        )
        latency = time.monotonic() - self.started
        return Reply(assistant(text), model, usage, 0.0, finish, latency, self.first_s)

    def _piece(self, text: str) -> None:
        if self.first_s is None:
            self.first_s = time.monotonic() - self.started
        self.pieces.append(text)
        if self.say is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
                self.loop.call_soon_threadsafe(self.say, text)


def _body(request: Request, shape: Shape | None) -> dict[str, Any]:
    """Return a request as llama.cpp's server takes it."""
    settings = request.settings
    extra = {name: one for name, one in settings.extra.items() if name != "shape"}
    output = request.output
    tokens = settings.tokens_max or (TEXT_TOKENS if output is None else VALUE_TOKENS)
    body: dict[str, Any] = {
        "temperature": settings.temperature or 0.0, "max_tokens": tokens, "stream": True,
        "stream_options": {"include_usage": True}, "cache_prompt": True,
    }  # fmt: skip
    if settings.top_p is not None:
        body["top_p"] = settings.top_p
    if settings.seed is not None:
        body["seed"] = settings.seed
    if settings.stop:
        body["stop"] = [*settings.stop]
    if output is not None and (output.grammar or output.schema):
        grammar = output.grammar or grammar_of(output.schema, tokens).text
        body["grammar"] = led_by(shape.before, grammar) if shape and shape.before else grammar
    if shape:
        body["prompt"] = shape.prompt(request.messages)
    else:
        body["messages"] = [_said(one) for one in request.messages]
    return {**body, **extra}


def _said(message: Message) -> dict[str, Any]:
    """Return a message as the model's own template takes it: most know no calls of tools."""
    if message.role == "tool":
        return {"role": "user", "content": f"{message.name}: {message.text}"}
    calls = [
        msgspec.json.encode({"name": one.name, "arguments": one.arguments}).decode()
        for one in message.calls
    ]
    return {
        "role": message.role,
        "content": "\n".join(filter(None, [message.text, *calls])),
    }


def _refused(model: str, error: dict[str, Any]) -> Exception:
    if error.get("type") == "exceed_context_size_error":
        return ContextFull(
            f"{model} was sent {error.get('n_prompt_tokens', 0):,} tokens and can hold "
            f"{error.get('n_ctx', CONTEXT_TOKENS):,} with its answer. Send less: fewer examples, a "
            "shorter conversation."
        )
    text = str(error.get("message", error))
    if error.get("code") == 400:
        return ModelRequestInvalid(f"llama.cpp does not take the request to {model}: {text}", 400)
    return ModelUnreachable(f"{model} has no answer: {text}", error.get("code"))

"""What a model cannot do by itself is done in its place: it is told in words what to answer with."""

from __future__ import annotations

from typing import Any

import msgspec

from podium.models.messages import Message, Output, Request, system
from podium.models.provider import Abilities


def adapted(request: Request, abilities: Abilities) -> Request:
    """Return a request that a model with some abilities can follow.

    Of a form that has both, a grammar is better for small models, and a schema for all others. A
    model that keeps to neither is told the form in words.
    """
    output = request.output
    if output is None:
        return request
    if output.grammar and abilities.grammar:
        return msgspec.structs.replace(
            request, output=Output({}, output.name, grammar=output.grammar)
        )
    if output.schema and abilities.schema:
        return msgspec.structs.replace(request, output=msgspec.structs.replace(output, grammar=""))
    messages = _told(request.messages, _in_words(output))
    return msgspec.structs.replace(request, messages=messages, output=None)


def _told(messages: tuple[Message, ...], text: str) -> tuple[Message, ...]:
    """Return a conversation that begins with a text for the model, behind what is said there."""
    if messages and messages[0].role == "system":
        first = messages[0]
        return (msgspec.structs.replace(first, text=f"{first.text}\n\n{text}"), *messages[1:])
    return (system(text), *messages)


def _in_words(output: Output) -> str:
    if (labels := _labels(output.schema)) is not None:
        return "Answer with exactly one of these and nothing else:\n" + "\n".join(labels)
    about = f" {output.description}" if output.description else ""
    schema = msgspec.json.encode(output.schema).decode()
    return f"Answer with one JSON value that fits this JSON Schema, and with nothing else.{about}\n{schema}"


def _labels(schema: dict[str, Any]) -> list[str] | None:
    """Return the words of a schema that allows some words and nothing else."""
    inner = schema.get("properties", {}).get("value", schema)
    words = inner.get("enum") if isinstance(inner, dict) else None
    is_all_text = isinstance(words, list) and all(isinstance(one, str) for one in words)
    return words if is_all_text else None

"""The words that any node can have besides its kind, as JSON Schema for editors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podium.flow.parse.policies import COMMON
from podium.flow.schema.outside import outside_words
from podium.flow.schema.verifying import gate, verifying_words
from podium.flow.schema.words import (
    ID_TEXT,
    Schema,
    an_id,
    arguments,
    closed,
    described,
    duration,
    either,
    expression,
    ref,
    text_or_texts,
    words,
)


def common() -> dict[str, Schema]:
    """Return the words that any node can have besides its kind, as references."""
    return {word: ref(f"word_{word}") for word in COMMON}


def common_words(task: Mapping[str, Any]) -> dict[str, Schema]:
    """Return the definitions behind :func:`common`.

    Args:
        task: Schema of the name of a task.
    """
    meaning = _common_words(task)
    return {**{f"word_{word}": meaning[word] for word in COMMON}, "gate": gate(task)}


def _common_words(task: Mapping[str, Any]) -> dict[str, Schema]:
    return {
        "description": described("Description", "What the node is for.", {"type": "string"}),
        "when": expression(
            "When",
            "Asked once the dependencies are there; if it is false, the node is skipped.",
            "has(intent.order_id)",
            "intent.kind == 'refund'",
        ),
        "after": described(
            "After",
            "Nodes to wait for where no value flows. Plain: this node is skipped if that one has no "
            "value; with a ?: it runs however that one ended.",
            text_or_texts({
                "type": "string",
                "pattern": rf"^{ID_TEXT}\??$",
                "patternErrorMessage": "Expected the id of a node, with '?' if its end does not matter.",
                "examples": ["pay", "ship?"],
            }),
        ),
        "join": _join(),
        "on_error": described(
            "On error",
            "What a failure of this node does to the flow.",
            {
                "default": "fail",
                "anyOf": [
                    {
                        **words({
                            "fail": "The flow fails with the node's error.",
                            "continue": "The node has no value, and the flow goes on.",
                        }),
                        "errorMessage": "Expected fail, continue, or the id of a node.",
                    },
                    {**an_id(), "description": "The node that handles it; it runs only then."},
                ],
            },
        ),
        "retry": _retry(),
        "timeout": duration("Timeout", "The longest an attempt may take.", "30s"),
        "total_timeout": duration(
            "Total timeout", "The longest the node may take with all its attempts.", "10m"
        ),
        "effect": described(
            "Effect",
            "What repeating it does to the world. It can raise what the task declares, never lower it.",
            words({
                "pure": "Computes from its arguments.",
                "read": "Looks at the world.",
                "write": "Changes the world; safe to repeat with the same idempotency key.",
                "once": "Must not be repeated.",
            }),
        ),
        "compensate": _compensation(task),
        **outside_words(task),
        **verifying_words(),
    }  # fmt: skip


def _join() -> Schema:
    meaning = {
        "all": "Wait until every dependency is settled.",
        "any": "Start at the first that has succeeded, and cancel the rest.",
        "settled": "Wait until every dependency is settled, and run however they ended.",
    }
    message = "Expected all, any, settled, a number of at least 1, or {of: any, rest: continue}."
    decides = {
        "anyOf": [
            {**words(meaning), "errorMessage": message},
            {"type": "integer", "minimum": 1, "errorMessage": message},
        ]
    }
    rest = words({
        "cancel": "Those that are left over are cancelled.",
        "continue": "Those that are left over go on.",
    })  # fmt: skip
    long = closed(
        {
            "of": described("Of", "How many decide: any, or a number.", decides),
            "rest": described("Rest", "What happens to those that are left over.", rest),
        },
        "of",
    )
    return described(
        "Join",
        "When the dependencies decide: all, any (the first success), settled, a number of successes, "
        "or {of: any, rest: continue}.",
        {"default": "all", **either(long, decides, "string", "integer", shown=words(meaning))},
    )


def _retry() -> Schema:
    attempts = {"type": "integer", "minimum": 1, "maximum": 1_000_000}
    factor = {"type": "number", "minimum": 1, "maximum": 1000, "default": 2}
    jitter = {"type": "number", "minimum": 0, "maximum": 1, "default": 0.5}
    names = text_or_texts({"type": "string", "examples": ["TimeoutError"]})
    status = {"type": "integer"}
    statuses = {"anyOf": [status, {"type": "array", "items": status}], "examples": [[429, 503]]}
    long = closed({
        "attempts": described("Attempts", "How many tries in all; the first counts.", attempts | {"default": 3}),
        "backoff": duration("Backoff", "The wait before the second try.", "200ms") | {"default": "100ms"},
        "factor": described("Factor", "What each further wait is multiplied by.", factor),
        "backoff_max": duration("Longest backoff", "The longest wait.", "60s") | {"default": "60s"},
        "jitter": described("Jitter", "The share of a wait that chance may take away.", jitter),
        "on": described("On", "Names of errors to retry; any unless given.", names),
        "not_on": described("Not on", "Names of errors never to retry.", names),
        "on_status": described("On status", "Statuses to retry, such as 429.", statuses),
        "not_on_status": described("Not on status", "Statuses never to retry.", statuses),
        "rules": described(
            "Rules", "Other numbers for some errors; the first that fits decides.",
            {"type": "array", "items": closed(
                {
                    "on": described("On", "Names of errors that the rule is for.", names),
                    "on_status": described("On status", "Statuses that it is for.", statuses),
                    "attempts": described("Attempts", "How many of them may fail.", attempts),
                    "backoff": duration("Backoff", "The wait after the first of them.", "5s"),
                    "factor": described("Factor", "What each further wait is multiplied by.", factor),
                    "jitter": described("Jitter", "The share of a wait that chance may take away.", jitter),
                    "backoff_max": duration("Longest backoff", "The longest wait.", "60s"),
                },
            ) | {"anyOf": [{"required": ["on"]}, {"required": ["on_status"]}]}},
        ),
        "retry_after_max": duration(
            "Longest retry-after", "The longest wait that the other side may ask for.", "1h"
        ) | {"default": "1h"},
    })  # fmt: skip
    snippet = {
        "label": "retry with backoff",
        "description": "So many attempts, with growing waits between them.",
        "body": {"attempts": "^${1:5}", "backoff": "${2:200ms}"},
    }
    return described(
        "Retry",
        "How often it is tried: a number of attempts, or attempts, backoff and so on.",
        {
            "examples": [3, {"attempts": 5, "backoff": "200ms"}],
            "defaultSnippets": [snippet],
            **either(long, attempts, "integer"),
        },
    )


def _compensation(task: Mapping[str, Any]) -> Schema:
    given = arguments("Its arguments; the node's own value may be referred to.")
    return described(
        "Compensation",
        "A task that undoes the node when the run fails or is cancelled: its name, or {call, args}. "
        "By its name alone it gets the arguments of the node, result and outcome.",
        either(closed({"call": dict(task), "args": given}, "call"), task, shown=dict(task)),
    )

"""What stands at the words that several parts of a document share, as JSON Schema for editors.

Beside draft-07 there are the annotations of editors (``markdownDescription``, ``defaultSnippets``,
``enumDescriptions``, ``patternErrorMessage``, ``errorMessage``); validators pass over them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from podium.flow.expression.names import FORBIDDEN_IDS
from podium.flow.parse.policies import COMMON

Schema = dict[str, Any]

_DURATION: Final = (
    r"(?:\d+(?:\.\d+)?(?:us|ms|s|m|h|d|w))+"
    r"|P(?=\d|T\d)(?:\d+W)?(?:\d+D)?(?:T(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?)?"
)
DURATION_PATTERN: Final = rf"^\s*(?:{_DURATION})\s*$"
WAIT_PATTERN: Final = rf"^\s*(?:{_DURATION})\s*$|\$\{{"
"""A duration, or a text whose expression computes one."""
_NO_DURATION: Final = "Expected a duration, such as 500ms, 30s, 1h30m, 2d or PT5M."
_ID: Final = "[a-z][a-z0-9_]*"
ID_PATTERN: Final = f"^(?!(?:{'|'.join(sorted(FORBIDDEN_IDS))})$){_ID}$"
_NO_ID: Final = (
    "An id has small letters, digits and '_', begins with a letter, and is no word of expressions."
)
ANY: Final = {"type": ["string", "object", "array", "number", "boolean", "null"]}
"""Any JSON, said so that an editor puts a colon behind the word."""
TYPE_WORDS: Final[Mapping[str, str]] = {
    "string": "A text.",
    "integer": "A whole number.",
    "number": "Any number.",
    "boolean": "true or false.",
    "object": "A mapping with any fields.",
    "array": "A list of anything.",
    "any": "Any JSON.",
    "file": "A file, passed by reference.",
}
SCHEMA_WORDS: Final = (
    "type", "enum", "const", "anyOf", "oneOf", "allOf", "properties", "items", "format", "default",
    "description", "title", "pattern", "minimum", "maximum", "additionalProperties", "examples",
)  # fmt: skip
"""A mapping with one of these is a JSON Schema."""


def ref(name: str) -> Schema:
    """Return a reference to a definition."""
    return {"$ref": f"#/definitions/{name}"}


def described(title: str, description: str, schema: Mapping[str, Any]) -> Schema:
    """Return a schema with the texts that an editor shows."""
    return {"title": title, "description": description, **schema}


def closed(properties: Mapping[str, Any], *required: str) -> Schema:
    """Return an object that has these properties and no others."""
    shape: Schema = {
        "type": "object",
        "properties": dict(properties),
        "additionalProperties": False,
    }
    return {**shape, "required": [*required]} if required else shape


def either(
    mapping: Mapping[str, Any], other: Mapping[str, Any], *kinds: str, shown: Schema | None = None
) -> Schema:
    """Return one schema for mappings and one for all else, so that a fault is that of the right one.

    Args:
        mapping: What a mapping must be.
        other: What anything else must be.
        kinds: Its types; text unless given.
        shown: What an editor offers as values, for it does not look into ``else``.
    """
    made: Schema = {
        "type": [*(kinds or ("string",)), "object"],
        "if": {"type": "object"},
        "then": dict(mapping),
        "else": {word: value for word, value in other.items() if word != "type"},
    }
    return made if shown is None else {**made, "anyOf": [shown, {}]}


def words(meaning: Mapping[str, str]) -> Schema:
    """Return one word out of several, each with what it means."""
    return {"type": "string", "enum": [*meaning], "enumDescriptions": [*meaning.values()]}


def duration(title: str, description: str, *examples: str) -> Schema:
    """Return a duration."""
    text = f"{description} A duration such as 500ms, 30s, 1h30m, 2d."
    pattern = {"type": "string", "pattern": DURATION_PATTERN, "patternErrorMessage": _NO_DURATION}
    return described(title, text, {**pattern, "examples": [*examples]})


def expression(title: str, description: str, *examples: str) -> Schema:
    """Return a bare expression."""
    return described(
        title,
        f"{description} An expression, without ${{ and }}.",
        {
            "type": ["string", "boolean"],
            "pattern": r"^\s*[^\s$]",
            "patternErrorMessage": "An expression stands here bare: without ${ and }.",
            "examples": [*examples],
        },
    )


def an_id() -> Schema:
    """Return the id of a node."""
    return {"type": "string", "pattern": ID_PATTERN, "patternErrorMessage": _NO_ID}


def text_or_texts(item: Mapping[str, Any]) -> Schema:
    """Return one text, or a list of them."""
    return {"anyOf": [dict(item), {"type": "array", "items": dict(item)}]}


def arguments(description: str) -> Schema:
    """Return arguments by name; values have expressions in their texts."""
    example = {"text": "${input.message}"}
    return described("Arguments", description, {"type": "object", "examples": [example]})


# types of fields --------------------------------------------------------------------------


_NO_SCHEMA: Final = "This is no JSON Schema. For fields: {type: object, properties: {…}}."
_ONE_TYPE: Final = "A list stands for its items: it has exactly one type, as in [string]."


def fields(*examples: Mapping[str, Any]) -> Schema:
    """Return named fields with their types."""
    return {
        "type": "object",
        "additionalProperties": ref("type"),
        "propertyNames": {"title": "field"},
        "examples": [dict(example) for example in examples],
    }


def types() -> dict[str, Schema]:
    """Return the definitions of types."""
    meaning = dict(TYPE_WORDS) | {
        f"{word}?": f"{text} It may be left out, and is null then."
        for word, text in TYPE_WORDS.items()
    }
    one = {
        "type": "array",
        "items": ref("type"),
        "minItems": 1,
        "maxItems": 1,
        "errorMessage": _ONE_TYPE,
    }
    known = [{"maxProperties": 0}, *({"required": [word]} for word in SCHEMA_WORDS)]
    refused = {"additionalProperties": False, "errorMessage": _NO_SCHEMA}
    has_word = {"if": {"anyOf": known}, "else": refused}
    return {
        "type": described(
            "Type",
            "string, integer, number, boolean, object, array, any or file, with a ? behind it if it may "
            "be left out; a list with the type of its items, such as [string]; or a JSON Schema.",
            either(
                {"allOf": [ref("json_schema"), has_word]},
                {"if": {"type": "array"}, "then": one, "else": words(meaning)},
                "string",
                "array",
                shown=words(meaning),
            ),
        ),
        "json_schema": _json_schema(),
        "any_schema": {"anyOf": [ref("json_schema"), {"type": "boolean"}]},
    }


def _json_schema() -> Schema:
    """What the words of JSON Schema take, as far as it helps to write them."""
    one, count = ref("any_schema"), {"type": "integer", "minimum": 0}
    several = {"type": "array", "items": one, "minItems": 1}
    names = ("string", "integer", "number", "boolean", "object", "array", "null")
    name = {"type": "string", "enum": [*names]}
    texts = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
    text, number, flag = {"type": "string"}, {"type": "number"}, {"type": "boolean"}
    properties: dict[str, Any] = {
        "type": {"anyOf": [name, {"type": "array", "items": name, "minItems": 1, "uniqueItems": True}]},
        "properties": {"type": "object", "additionalProperties": one},
        "required": texts, "items": one, "additionalProperties": one,
        "enum": {"type": "array"}, "const": {}, "default": {"description": "What it is where it is left out."},
        "description": text, "title": text, "format": text, "pattern": text,
        "anyOf": several, "oneOf": several, "allOf": several, "not": one,
        "minimum": number, "maximum": number, "exclusiveMinimum": number, "exclusiveMaximum": number,
        "minLength": count, "maxLength": count, "minItems": count, "maxItems": count,
        "uniqueItems": flag, "examples": {"type": "array"},
    }  # fmt: skip
    return described(
        "JSON Schema",
        "A JSON Schema; with a default the field may be left out.",
        {
            "type": "object",
            "properties": properties,
            "not": {"required": ["$ref"]},
        },
    )


# words of any node ------------------------------------------------------------------------


def common() -> dict[str, Schema]:
    """Return the words that any node can have besides its kind, as references."""
    return {word: ref(f"word_{word}") for word in COMMON}


def common_words(task: Mapping[str, Any]) -> dict[str, Schema]:
    """Return the definitions behind :func:`common`.

    Args:
        task: Schema of the name of a task.
    """
    meaning = _common_words(task)
    return {f"word_{word}": meaning[word] for word in COMMON}


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
                "pattern": rf"^{_ID}\??$",
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
    long = closed({
        "attempts": described("Attempts", "How many tries in all; the first counts.", attempts | {"default": 3}),
        "backoff": duration("Backoff", "The wait before the second try.", "200ms") | {"default": "100ms"},
        "factor": described("Factor", "What each further wait is multiplied by.", factor),
        "backoff_max": duration("Longest backoff", "The longest wait.", "60s") | {"default": "60s"},
        "jitter": described("Jitter", "The share of a wait that chance may take away.", jitter),
        "on": described("On", "Names of errors to retry; any unless given.", names),
        "not_on": described("Not on", "Names of errors never to retry.", names),
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

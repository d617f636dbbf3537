"""The JSON Schema of documents for editors: draft-07, with a text for every word (docs/editors.md).

A node is a chain of ``if``, ``then``, ``else`` over its kind, not a ``oneOf``: the word of the kind decides
which other words it has, so that completion offers these only, and what is underlined is the wrong word
and not the node.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from podium.core.limits import MAP_ITEMS_MAX
from podium.core.spec import TaskSpec
from podium.flow.model import CONCURRENCY, LANGUAGE
from podium.flow.schema.agents import agent_words, plan_words
from podium.flow.schema.common import common, common_words
from podium.flow.schema.outside import budget_word, concurrency_word
from podium.flow.schema.tasks import Signature, relaxed, signature
from podium.flow.schema.words import (
    ANY,
    WAIT_PATTERN,
    Schema,
    an_id,
    arguments,
    closed,
    described,
    duration,
    either,
    expression,
    fields,
    ref,
    types,
    value_type,
)

KINDS: Final[Mapping[str, str]] = {
    "call": "Calls a task; its value is the task's result.",
    "flow": "Runs another flow or workflow as a child; its value is the child's output.",
    "agent": "Lets a model choose tools in a loop until it answers; its value is the answer.",
    "plan": "Has a model write a flow for a goal, and runs it; its value is that flow's output.",
    "switch": "Takes the first case whose condition holds; its value is the output of that case.",
    "for_each": "Does its nodes for each item of a list; its value is the list of outputs.",
    "while": "Repeats its nodes while a condition holds, asked before each pass.",
    "until": "Repeats its nodes until a condition holds, asked after each pass.",
    "wait": "Waits for a duration, a time, or a signal.",
    "ask": "Asks a person; its value is the answer.",
    "set": "Computes a value from expressions; it is no step and costs nothing.",
    "fail": "Fails with a message.",
}
"""What a node of each kind does."""
_SNIPPETS: Final[Mapping[str, Mapping[str, Any]]] = {
    "call": {"call": "${2:task}", "args": {"${3:name}": "^\"\\${${4:input.name}}\""}},
    "flow": {"flow": "${2:./flow.yaml}", "args": {"${3:name}": "^\"\\${${4:input.name}}\""}},
    "agent": {
        "agent": {"model": "${2:openai:gpt-5-mini}", "instructions": "${3:You help.}", "tools": ["${4:shop.*}"]},
        "goal": "^\"\\${${5:input.message}}\"",
    },
    "plan": {
        "plan": {"goal": "^\"\\${${2:input.goal}}\"", "tools": ["${3:shop.*}"], "model": "${4:openai:gpt-5-mini}"}
    },
    "switch": {
        "switch": [
            {"when": "${2:condition}", "nodes": {"${3:node}": {"call": "${4:task}"}}},
            {"else": "^true", "nodes": {"${5:other}": {"call": "${6:task}"}}},
        ]
    },
    "for_each": {
        "for_each": "^\"\\${${2:input.items}}\"", "as": "${3:each}",
        "nodes": {"${4:node}": {"call": "${5:task}"}}, "output": "^\"\\${${4:node}}\"",
    },
    "while": {
        "while": "${2:condition}", "max": "^${3:10}", "state": {"${4:name}": "${5:value}"},
        "nodes": {"${6:node}": {"call": "${7:task}"}}, "next": {"${4:name}": "^\"\\${${6:node}}\""},
    },
    "until": {
        "until": "${2:check.done}", "max": "^${3:100}", "every": "${4:2s}",
        "nodes": {"${5:check}": {"call": "${6:task}"}}, "output": "^\"\\${${5:check}}\"",
    },
    "wait": {"wait": "${2:10m}"},
    "ask": {
        "ask": "${2:question}", "form": {"${3:ok}": "${4:boolean}"}, "to": "${5:somebody}",
        "timeout": "${6:2d}",
    },
    "set": {"set": {"${2:name}": "^\"\\${${3:input.name}}\""}},
    "fail": {"fail": {"message": "${2:message}", "code": "${3:failed}"}},
}  # fmt: skip
"""What an editor puts there for a node of that kind (``^`` keeps what follows from being quoted again)."""
PASSES_MAX: Final = 1_000_000
"""What ``max`` of a loop can be."""


def language_schema(tasks: Mapping[str, TaskSpec] | None = None) -> dict[str, Any]:
    """Return the JSON Schema (draft-07) of flow documents, for editors.

    Whatever ``parse`` takes validates, but for what no editor should let pass (a word with null behind
    it, a question that is no text). What a schema cannot say (names that exist, types, cycles, an id
    that is there twice) the check finds.

    Args:
        tasks: If given, ``call`` completes to their names and ``args`` to their parameters, and any other
            name is wrong.
    """
    signatures = None if tasks is None else [signature(tasks[name]) for name in sorted(tasks)]
    task = _task_name(signatures)
    own = _own_words(task)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        **_document(),
        "definitions": {
            "flow": _flow_in_place(),
            "nodes": _nodes(),
            "node": _node(own),
            **{f"kind_{kind}": _kind(kind, own[kind]) for kind in own},
            **_call_of_task(own["call"], signatures or []),
            "case": _case(),
            **common_words(task),
            **types(),
        },
    }


# documents --------------------------------------------------------------------------------


def _document() -> Schema:
    version = {"const": LANGUAGE, "default": LANGUAGE, "errorMessage": f"Expected {LANGUAGE}."}
    begun = {
        "label": "new flow",
        "description": "A document with one node.",
        "body": {
            "podium": "^1", "name": "${1:name}", "input": {"${2:message}": "${3:string}"},
            "nodes": {"${4:node}": {"call": "${5:task}", "args": {"${6:text}": "^\"\\${input.${2:message}}\""}}},
            "output": "^\"\\${${4:node}}\"",
        },
    }  # fmt: skip
    properties = {
        "podium": described("Version", "The version of the language: 1.", version),
        **_head(),
    }
    return described(
        "Podium flow",
        "A workflow as a document: nodes, and what they need of each other.",
        {**closed(properties, "podium", "nodes"), "defaultSnippets": [begun]},
    )


def _flow_in_place() -> Schema:
    version = described("Version", "The version of the language: 1.", {"const": LANGUAGE})
    text = "A flow that stands in place; it becomes a child run."
    return described("Flow", text, closed({"podium": version, **_head()}, "nodes"))


def _head() -> Schema:
    name = {
        "type": "string", "pattern": "^[a-z][a-z0-9_-]*$", "maxLength": 100,
        "patternErrorMessage": "A name has small letters, digits, '_' and '-', and begins with a letter.",
    }  # fmt: skip
    module = {"type": "string", "pattern": r"^[^\W\d]\w*(?:\.[^\W\d]\w*)*$"}
    modules = {"anyOf": [module, {"type": "array", "items": module}], "examples": [["shop.tools"]]}
    variables = {
        "type": "object", "additionalProperties": {"type": ["string", "null"]},
        "propertyNames": {"title": "VARIABLE"}, "examples": [{"REGION": "eu"}],
    }  # fmt: skip
    example = {"message": "string", "urls": ["string"]}
    return {
        "name": described("Name", "What its runs are called.", name),
        "description": described("Description", "What the flow is for.", {"type": "string"}),
        "uses": described("Uses", "Python modules that register its tasks.", modules),
        "input": described("Input", "Its fields and their types.", fields(example)),
        "env": described(
            "Environment",
            "Variables of the environment, and what they are where they are not set; null: must be set.",
            variables,
        ),
        "budget": budget_word(),
        "nodes": ref("nodes"),
        "output": _output("What the run gives."),
    }


def _nodes() -> Schema:
    return described(
        "Nodes",
        "The nodes by id. A node starts once the nodes that it refers to are there, beside all others.",
        {
            "type": "object",
            "additionalProperties": ref("node"),
            "propertyNames": {**an_id(), "doNotSuggest": True},
            "defaultSnippets": [
                {
                    "label": f"node: {kind}",
                    "description": KINDS[kind],
                    "body": {"${1:node}": dict(body)},
                }
                for kind, body in _SNIPPETS.items()
            ],
        },
    )


# nodes ------------------------------------------------------------------------------------


def _node(own: Mapping[str, Mapping[str, Any]]) -> Schema:
    chain = _no_kind({kind: own[kind][kind] for kind in own})
    for kind in reversed([*own]):
        chain = {
            "if": {"type": "object", "required": [kind]},
            "then": ref(f"kind_{kind}"),
            "else": chain,
        }
    return {"type": "object", "title": "Node", **chain}


def _no_kind(kinds: Mapping[str, Any]) -> Schema:
    """A node whose kind is still to be written: every word is offered, and what is missing is said."""
    message = f"This node has no kind yet: it needs one of {', '.join(kinds)}."
    missing = [{"required": [kind], "errorMessage": message} for kind in kinds]
    snippets = [
        {"label": f"{kind} …", "description": text, "body": dict(_SNIPPETS[kind])}
        for kind, text in KINDS.items()
    ]
    return {"properties": {**kinds, **common()}, "anyOf": missing, "defaultSnippets": snippets}


def _kind(kind: str, own: Mapping[str, Any]) -> Schema:
    needed = ("max", "nodes", "goal")
    made = closed({**own, **common()}, kind, *(word for word in needed if word in own))
    if kind == "ask":
        made["dependencies"] = {"on_timeout": ["timeout"]}
    return {"title": kind, "description": KINDS[kind], **made}


def _own_words(task: Schema) -> dict[str, dict[str, Schema]]:
    """Return, for each kind, its word and those that belong to it."""
    args = arguments("By name; texts with ${…} are computed.")
    child_args = arguments("The child's input, by name.")
    several = {"type": "array", "items": ref("case"), "minItems": 1}
    own: dict[str, dict[str, Schema]] = {
        "call": {"call": task, "args": args, "concurrency": concurrency_word()},
        "flow": {"flow": _flow_word(), "args": child_args},
        "agent": agent_words(),
        "plan": plan_words(),
        "switch": {"switch": described("Switch", KINDS["switch"], several)},
        "for_each": _for_each_words(),
        "while": {"while": expression("While", KINDS["while"], "loop.state.rest > 0"), **_loop_words()},
        "until": {"until": expression("Until", KINDS["until"], "check.done"), **_loop_words()},
        "wait": {"wait": _wait_word()},
        "ask": _ask_words(),
        "set": {"set": described("Set", KINDS["set"], {"examples": [{"total": "${order.total}"}]})},
        "fail": {"fail": _fail_word()},
    }  # fmt: skip
    return own


def _flow_word() -> Schema:
    name = {
        "type": "string",
        "description": "A flow's file, or the name of a registered workflow.",
        "examples": ["./ship.yaml"],
    }
    text = "A flow's file (./ship.yaml), the name of a registered workflow, or a flow in place."
    return described("Flow", text, either(ref("flow"), name))


def _case() -> Schema:
    body = {
        "nodes": ref("nodes"),
        "output": _output("What the switch gives if this case is taken."),
    }
    when = expression(
        "When", "The first case whose condition holds is taken.", "intent.kind == 'refund'"
    )
    other = {"const": True, "default": True, "errorMessage": "Expected true."}
    otherwise = described("Else", "Taken where no condition holds; the last case.", other)
    return {
        "type": "object",
        "title": "Case",
        "description": "when or else, nodes and output.",
        "if": {"required": ["else"]},
        "then": closed({"else": otherwise, **body}, "else"),
        "else": {
            **closed({"when": when, "else": otherwise, **body}),
            "allOf": [{"required": ["when"], "errorMessage": "A case has either when or else."}],
        },
    }


def _for_each_words() -> dict[str, Schema]:
    items = {"type": ["string", "array"], "examples": ["${input.urls}"]}
    bounds = {"type": "integer", "minimum": 1, "maximum": MAP_ITEMS_MAX, "default": CONCURRENCY}
    partial = {"type": "boolean", "default": False}
    name = {"default": "item", "anyOf": [an_id(), {"const": "item"}]}
    return {
        "for_each": described("For each", KINDS["for_each"], items),
        "as": described("As", "What its nodes call the item; item unless given.", name),
        "nodes": ref("nodes"),
        "output": _output("What each item gives."),
        "key": described(
            "Key",
            "Names the body of an item; texts or numbers that differ. Its number unless given.",
            {"type": "string", "pattern": r"(^|[^$])\$\{", "examples": ["${url}"]},
        ),
        "concurrency": described(
            "Concurrency", "Bodies under way at once; 100 unless given.", bounds
        ),
        "partial": described(
            "Partial",
            "The failure of an item does not fail the node: each result is {status, value, error}.",
            partial,
        ),
    }


def _loop_words() -> dict[str, Schema]:
    passes = {"type": "integer", "minimum": 1, "maximum": PASSES_MAX, "examples": [10]}
    return {
        "max": described("Max", "Passes at most; one more fails the node with max-passes.", passes),
        "nodes": ref("nodes"),
        "state": described(
            "State", "What loop.state is in the first pass.", {"examples": [{"text": ""}]}
        ),
        "next": described(
            "Next",
            "What loop.state is in the next pass, computed after each.",
            {"examples": [{"text": "${write}"}]},
        ),
        "every": duration("Every", "Waits between two passes.", "2s"),
        "output": _output("What the node gives, computed after the last pass."),
    }


def _wait_word() -> Schema:
    message = "Expected a duration such as 10m, {until: time} or {signal: name}."
    span = {
        "type": "string", "pattern": WAIT_PATTERN, "patternErrorMessage": message,
        "description": "A duration such as 10m.", "examples": ["10m"],
    }  # fmt: skip
    time = {"type": "string", "examples": ["${input.at}", "2026-01-31T12:00:00Z"]}
    value = value_type({"amount": "number"})
    until = {"until": described("Until", "A time of the wall clock, as RFC 3339.", time)}
    signal = {
        "signal": described(
            "Signal", "Its name; the first that came is taken first.", {"type": "string"}
        ),
        "type": described("Type", "What its value must be: fields, or a type.", value),
    }
    long: Schema = {
        "type": "object",
        "if": {"required": ["until"]},
        "then": closed(until),
        "else": {**closed({**until, **signal}, "signal"), "errorMessage": message},
    }
    text = "A duration (10m), a time ({until: …}), or a signal ({signal: paid})."
    return described("Wait", text, either(long, span))


def _ask_words() -> dict[str, Schema]:
    return {
        "ask": described("Ask", "The question.", {"type": "string", "examples": ["Refund ${order.total}?"]}),
        "form": described(
            "Form", "The fields of the answer and their types.", fields({"ok": "boolean", "why": "string?"})
        ),
        "to": described("To", "Who is asked; anyone unless given.", {"type": "string", "default": "anyone"}),
        "on_timeout": described(
            "On timeout", "The value after timeout; without one the node fails.", {"examples": [{"ok": False}]}
        ),
    }  # fmt: skip


def _fail_word() -> Schema:
    message = {
        "type": "string",
        "description": "The message.",
        "examples": ["No order ${input.id}."],
    }
    code = described("Code", "failed unless given.", {"type": "string", "default": "failed"})
    long = closed(
        {"message": described("Message", "Why it fails.", message), "code": code}, "message"
    )
    return described("Fail", "A message, or {message, code}.", either(long, message))


def _output(text: str) -> Schema:
    return described("Output", f"{text} Any JSON with expressions; null where it is left out.", ANY)


# tasks ------------------------------------------------------------------------------------


def _task_name(signatures: list[Signature] | None) -> Schema:
    shape: Schema = {"type": "string", "minLength": 1}
    if signatures is not None:
        shape = {
            "type": "string",
            "enum": [each.name for each in signatures],
            "enumDescriptions": [_about(each) for each in signatures],
            "markdownEnumDescriptions": [_about(each, mark="`") for each in signatures],
            "errorMessage": "No task has this name. Is its module in uses, and is the schema of today?",
        }
    return described("Call", KINDS["call"], shape)


def _about(task: Signature, mark: str = "") -> str:
    text = f"{task.description} Effect: {task.effect}.".strip()
    return f"{mark}{task.line()}{mark}\n\n{text}"


def _call_of_task(own: Mapping[str, Schema], signatures: list[Signature]) -> dict[str, Schema]:
    """Return the kind ``call`` with, for each task, what its arguments are."""
    if not signatures:
        return {}
    words = {
        **own,
        "args": {"type": "object", "doNotSuggest": True},
    }  # what a task has is shown instead
    return {"kind_call": {**_kind("call", words), "allOf": [_if_task(each) for each in signatures]}}


def _if_task(task: Signature) -> Schema:
    parameters = {
        name: {"title": name, "description": task.about(name), **relaxed(schema)}
        for name, schema in task.parameters.items()
    }
    args: Schema = {
        **described("Arguments", _about(task), closed(parameters, *task.required)),
        "additionalProperties": task.is_open,
    }
    then: Schema = {"properties": {"args": args}}
    if task.required:
        then["required"] = ["args"]
    return {
        "if": {"properties": {"call": {"const": task.name}}, "required": ["call"]},
        "then": then,
    }

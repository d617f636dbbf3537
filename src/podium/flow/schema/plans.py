"""The language for models that write plans: a small JSON Schema, and one page of text.

The schema keeps to what the APIs for structured output take when they are not strict: types, properties,
``required``, ``enum``, ``items``, ``additionalProperties``, descriptions, and one recursive reference (a body
has nodes). Their strict modes want every property named and required, so they cannot say nodes by id, nor
arguments and values of any shape; a plan is judged by ``parse`` and the check in any case, whose findings go
back to the model.
"""

from __future__ import annotations

import json

from collections.abc import Mapping
from typing import Any, Final

from podium.core.spec import TaskSpec
from podium.flow.model import LANGUAGE
from podium.flow.parse.policies import EFFECTS
from podium.flow.schema.language import KINDS
from podium.flow.schema.tasks import Signature, signature
from podium.flow.schema.words import Schema

EXAMPLES: Final[tuple[Mapping[str, Any], ...]] = (
    {
        "podium": LANGUAGE,
        "name": "answer",
        "input": {"message": "string"},
        "nodes": {
            "intent": {"call": "parse_intent", "args": {"text": "${input.message}"}},
            "kb": {"call": "search_kb", "args": {"query": "${intent.topic}"}},
            "order": {
                "when": "has(intent.order_id)",
                "call": "order_status",
                "args": {"order_id": "${intent.order_id}"},
                "retry": {"attempts": 3, "backoff": "200ms"},
            },
            "reply": {
                "call": "format_response",
                "args": {"facts": "${kb}", "order": "${order?}"},
            },
        },
        "output": "${reply}",
    },
    {
        "podium": LANGUAGE,
        "name": "titles",
        "input": {"urls": ["string"]},
        "nodes": {
            "pages": {
                "for_each": "${input.urls}",
                "as": "url",
                "concurrency": 8,
                "nodes": {"page": {"call": "fetch", "args": {"url": "${url}"}}},
                "output": "${page.title}",
            }
        },
        "output": {"titles": "${pages}", "count": "${size(pages)}"},
    },
    {
        "podium": LANGUAGE,
        "name": "draft",
        "nodes": {
            "draft": {
                "until": "judge.ok",
                "max": 5,
                "state": {"text": ""},
                "nodes": {
                    "write": {"call": "revise", "args": {"text": "${loop.state.text}"}},
                    "judge": {"call": "critique", "args": {"text": "${write}"}},
                },
                "next": {"text": "${write}"},
                "output": "${write}",
            }
        },
        "output": "${draft}",
    },
)
"""Short plans, whose tasks are made up."""


def model_schema(tasks: Mapping[str, TaskSpec] | None = None) -> dict[str, Any]:
    """Return a small JSON Schema of plans, for models that write them.

    It is wider than the language where that makes it smaller (any words beside any kind), and leaves out
    what a plan must not say: ``uses``, ``env``, a file at ``flow``.

    Args:
        tasks: If given, ``call`` is one of their names, and its description tells their parameters.
    """
    signatures = None if tasks is None else [signature(tasks[name]) for name in sorted(tasks)]
    head = {
        "podium": {"type": "integer", "enum": [LANGUAGE]},
        "name": _text("What the plan is called: small letters, digits, _"),
        "description": _text("What it is for"),
        "input": _map("Its fields and their types", _TYPE),
        "nodes": _nodes("The nodes by id (small letters, digits, _)"),
        "output": {"description": "What the plan gives: any JSON with ${…}"},
    }
    return {
        **_closed(head, "podium", "nodes", "output"),
        "description": "A plan: nodes, and what they need. A node starts when all it refers to is there.",
        "definitions": {"node": _node(signatures)},
        "examples": [dict(example) for example in EXAMPLES],
    }


def model_prompt(tasks: Mapping[str, TaskSpec] | None = None) -> str:
    """Return the language on one page, for a model that is to write a plan.

    Args:
        tasks: Those that the plan may call; None leaves them out.
    """
    kinds = "\n".join(f"- `{kind}`{_HAS.get(kind, '')}: {text}" for kind, text in _KINDS.items())
    examples = "\n\n".join(_shown(example) for example in EXAMPLES)
    page = _PAGE.format(kinds=kinds, examples=examples)
    if tasks is None:
        return page
    lines = "\n".join(_task_line(signature(tasks[name])) for name in sorted(tasks))
    return f"{page}\n## The tasks you may call, and no others\n\n{lines or 'None.'}\n"


# the schema -------------------------------------------------------------------------------

_TYPE: Final[Schema] = {
    "description": "string, integer, number, boolean, object, array or any, with ? behind it if it may be "
    'left out; ["string"] for a list of texts'
}


_OUTSIDE: Final[Mapping[str, Schema]] = {
    "fallback": {
        "type": ["string", "object", "array"],
        "description": "call: what answers if it failed: {call, args}, {last_good: 24h}, {value}, or a list",
    },
    "cache": {"type": ["string", "object"], "description": "call that reads: reuse for 10m"},
    "rate": {"type": ["string", "object"], "description": "call: 10/s"},
    "breaker": {"type": ["string", "object"], "description": "call: name of its service"},
    "lock": {"type": ["string", "object"], "description": "What only one run has at a time: customer:${id}"},
    "budget": {"type": "object", "description": "at most: {usd: 0.5}"},
    "verify": {
        "type": ["string", "boolean", "object", "array"],
        "description": "What the value must pass: a condition that reads it by the node's id, {schema}, {call}, {judge, rubric}",
    },
    "on_refusal": {
        "type": ["string", "object", "array"],
        "description": "verify: {reflect: 2, as: argument told why}, {other_model, as}, {ask: who}",
    },
    "priority": {"type": "integer", "description": "call: higher goes first"},
    "queue_timeout": {"type": "string", "description": "call: longest wait for a limit"},
    "heartbeat_timeout": {"type": "string", "description": "call: longest silence"},
}  # fmt: skip


def _text(description: str, *words: str) -> Schema:
    made: Schema = {"type": "string", "description": description}
    return {**made, "enum": [*words]} if words else made


def _map(description: str, values: Mapping[str, Any]) -> Schema:
    return {"type": "object", "description": description, "additionalProperties": dict(values)}


def _nodes(description: str) -> Schema:
    return _map(description, {"$ref": "#/definitions/node"})


def _closed(properties: Mapping[str, Any], *required: str) -> Schema:
    made: Schema = {
        "type": "object", "properties": dict(properties), "additionalProperties": False,
    }  # fmt: skip
    return {**made, "required": [*required]} if required else made


def _node(signatures: list[Signature] | None) -> Schema:
    call = _text("Calls a task: its name")
    if signatures is not None:
        lines = "\n".join(_task_line(each) for each in signatures)
        call = _text(f"Calls one of these tasks:\n{lines}", *(each.name for each in signatures))
    case = {
        "when": _text("Condition"),
        "else": {"type": "boolean", "enum": [True]},
        "nodes": _nodes("Nodes of this case"),
        "output": {"description": "What the case gives"},
    }
    cases = {
        "type": "array", "items": _closed(case),
        "description": "Takes the first case whose condition holds; the last may have else",
    }  # fmt: skip
    properties = {
        "call": call,
        "flow": {"type": ["object", "string"], "description": "A plan in place, or a workflow's name"},
        "args": {"type": "object", "description": "Arguments by name, of call or flow"},
        "switch": cases,
        "for_each": {"type": ["string", "array"], "description": "A list: does its nodes for each item"},
        "as": _text("for_each: name of the item"),
        "key": {"description": "for_each: what tells items apart"},
        "concurrency": {
            "type": ["integer", "object"], "description": "for_each: so many at once; call: of all runs",
        },
        "partial": {"type": "boolean", "description": "for_each: gives {status, value, error} for each"},
        "while": _text("Repeats its nodes while this holds; asked before each pass"),
        "until": _text("Repeats its nodes until this holds; asked after each pass"),
        "max": _whole("while, until: passes at most; required"),
        "every": _text("while, until: wait between passes, such as 2s"),
        "state": {"description": "while, until: loop.state of the first pass"},
        "next": {"description": "while, until: loop.state of the next pass"},
        "nodes": _nodes("for_each, while, until: what is done for each item, in each pass"),
        "output": {"description": "for_each, while, until: what an item, or the last pass, gives"},
        "wait": {"type": ["string", "object"], "description": "10m, {until: time} or {signal: name}"},
        "ask": _text("A question to a person"),
        "form": _map("ask: fields of the answer and their types", _TYPE),
        "to": _text("ask: who"),
        "on_timeout": {"description": "ask: the value after timeout"},
        "set": {"description": "Computes this value"},
        "fail": {"type": ["string", "object"], "description": "Message, or {message, code}"},
        "description": _text("What the node is for"),
        "when": _text("Condition; if it is false, the node is skipped"),
        "after": {
            "type": ["string", "array"], "items": {"type": "string"},
            "description": "Nodes to wait for where no value flows",
        },
        "join": {
            "type": ["string", "integer", "object"],
            "description": "all, any (first success, cancels the rest), settled, or a number",
        },
        "on_error": _text("fail, continue, or the node that handles the failure"),
        "retry": {"type": ["integer", "object"], "description": "Attempts, or {attempts, backoff: 200ms}"},
        "timeout": _text("Longest attempt, such as 30s"),
        "total_timeout": _text("Longest with all attempts"),
        "effect": _text("Raises the task's effect", *(effect.value for effect in EFFECTS)),
        "compensate": {"type": ["string", "object"], "description": "Task that undoes it, or {call, args}"},
        **_OUTSIDE,
    }  # fmt: skip
    kinds = ", ".join(_KINDS)
    return {**_closed(properties), "description": f"Exactly one of {kinds}, and what belongs to it"}


def _whole(description: str) -> Schema:
    return {"type": "integer", "minimum": 1, "description": description}


# the page ---------------------------------------------------------------------------------

_KINDS: Final = {kind: text for kind, text in KINDS.items() if kind not in ("agent", "plan")}
"""A plan is what a model wrote; it hands nothing on to other models."""
_HAS: Final = {
    "call": ", `args`",
    "flow": ", `args`",
    "switch": " (cases: `when` or `else: true`, `nodes`, `output`)",
    "for_each": ", `as`, `key`, `concurrency`, `partial`, `nodes`, `output`",
    "while": ", `max`, `every`, `state`, `next`, `nodes`, `output`",
    "until": ", `max`, `every`, `state`, `next`, `nodes`, `output`",
    "wait": " (`10m`, `{until: time}` or `{signal: name}`)",
    "ask": ", `form`, `to`, `on_timeout`",
}
_PAGE: Final = """\
# How to write a plan

A plan is one JSON object: `podium` (always 1), `name`, `input` (fields and their types), `nodes` by id, `output`.
Ids have small letters, digits and `_`, and are unique in the whole plan.

## Nodes

A node has exactly one of these words, its kind, with what belongs to it:

{kinds}

On any node: `when` (a condition; if it is false, the node is skipped), `after` (ids to wait for where no value
flows), `join` (`all`; `any`: the first success; `settled`; a number), `on_error` (`fail`; `continue`; the id of the
node that handles it), `retry` (`{{"attempts": 3, "backoff": "200ms"}}`), `timeout`, `total_timeout`, `compensate` (a
task that undoes it), `lock` (a key that only one run has at a time), `verify` (conditions that its value must pass:
`"size(draft.text) > 0"`), `on_refusal` (`{{"reflect": 2, "as": "feedback"}}`: made again, that argument says why).
Durations are texts: `200ms`, `30s`, `10m`, `2d`.
On a `call`: `fallback` (what answers if it failed for good: `{{"call": "task"}}`, `{{"last_good": "24h"}}`,
`{{"value": …}}` or a list of these), `cache` (`10m`, if it only reads), `rate` (`10/s`), `breaker` (a service's name).

## What nodes need

- There is no list of edges: a node waits for the nodes that its expressions name. All others run beside it.
- `order` needs a value: if that node was skipped or has failed, its reader is skipped too.
- `order?` is the value, or null where there is none. Use it for every node that has `when` or may fail.
- `outcome.order.status` is `ok`, `skipped`, `failed` or `cancelled`.
- Nodes within a body (`nodes` of for_each, while, until, a case) may read nodes outside of it, never the other
  way round: what leaves a body is its `output`.
- In a loop `loop.pass` counts from 1, and `loop.state` is `state`, then `next` of the pass before. `max` is required.

## Expressions

Bare in `when`, `while`, `until`: `"when": "intent.kind == 'refund'"`. Everywhere else between `${{` and `}}`:
`"${{order.id}}"` is the value with its type, `"Hello ${{input.name}}!"` a text.
They see `input`, the nodes around them by id, the item of a for_each, `loop`, `outcome`.
The language is CEL: `a.b`, `a[0]`, `==`, `!=`, `<`, `&&`, `||`, `!`, `+`, `c ? a : b`, `x in list`, `has(a.b)`, `a ?? b` (the
first that is not null), `size(x)`, `string(x)`, `int(x)`, `text.contains(part)`, `list.map(x, …)`,
`list.filter(x, …)`, `list.exists(x, …)`, `list.all(x, …)`, `min(…)`, `max(…)`. There is no clock and no sum.

## Examples (their tasks are made up)

{examples}
"""


def _shown(example: Mapping[str, Any]) -> str:
    """A plan with a line for each node."""
    head = {word: value for word, value in example.items() if word not in ("nodes", "output")}
    nodes = ",\n".join(f"  {_json(name)}: {_json(node)}" for name, node in example["nodes"].items())
    body = f'"nodes": {{\n{nodes}}},\n "output": {_json(example["output"])}}}'
    return f"```json\n{_json(head)[:-1]},\n {body}\n```"


def _task_line(task: Signature) -> str:
    return f"- {task.line()} [{task.effect}] {task.description}".rstrip()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)

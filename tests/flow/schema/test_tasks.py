"""Tasks as documents see them."""

from typing import Any

import jsonschema_rs
import pytest

from podium.flow.schema import language_schema
from podium.flow.schema.tasks import signature
from tests.flow.schema.tools import TASKS

LINES = {
    "search": "search(query: string, limit: integer = 5, exact: boolean = false) -> [string]",
    "book": (
        "book(lines: [{sku: string, count?: integer}], when: string, "
        'channel: "chat"|"mail", mode: "fast"|"slow" = "fast", note: string|null = null) '
        "-> {sku: string, count: integer}|null"
    ),
    "gather": "gather(parts: [integer]?) -> null",
    "plant": "plant(tree: {name: string, children?: [any]}, odd: any) -> {name: string, children: [{name: string, children: [any]}]}",
    "bare": "bare(thing: any, other: any = null) -> any",
}
SCHEMA = language_schema(TASKS)
VALIDATOR = jsonschema_rs.validator_for(SCHEMA)
BOOK = {"lines": [{"sku": "a"}], "when": "2026-01-31T12:00:00Z", "channel": "mail"}


def errors(call: str, args: Any = None) -> list[str]:
    """What is wrong with a document of one call."""
    node = {"call": call} if args is None else {"call": call, "args": args}
    document = {"podium": 1, "nodes": {"a": node}}
    return [error.message for error in VALIDATOR.iter_errors(document)]


@pytest.mark.parametrize("name", LINES)
def test_a_task_on_one_line(name: str) -> None:
    """A task is said on one line, with types and defaults."""
    assert signature(TASKS[name]).line() == LINES[name]


def test_a_summary_is_the_first_paragraph() -> None:
    """The description is the first paragraph of the docstring, or nothing."""
    assert signature(TASKS["search"]).description == "Search the knowledge base."
    assert signature(TASKS["bare"]).description == ""


@pytest.mark.parametrize(
    ("call", "args"),
    [
        ("search", {"query": "q"}),
        ("search", {"query": "${input.q}", "limit": "${size(a)}", "exact": "${a.b}"}),
        ("book", BOOK),
        ("book", {**BOOK, "lines": "${order.lines}", "mode": "${input.mode}", "note": None}),
        ("book", {**BOOK, "lines": ["${a}", {"sku": "${b}", "count": "${c}"}], "channel": "${d}"}),
        ("book", {**BOOK, "note": "${a}"}),
        ("gather", None),
        ("gather", {"parts": [1, "${a}"], "anything": {"at": "all"}}),
        ("plant", {"tree": {"name": "a", "children": [{"name": "b", "children": []}]}, "odd": 1}),
        ("bare", {"thing": [1]}),
    ],
)
def test_right_arguments(call: str, args: Any) -> None:
    """Arguments that fit validate, and so do expressions wherever in them they stand."""
    assert errors(call, args) == []


@pytest.mark.parametrize(
    ("call", "args", "part"),
    [
        ("serch", {"query": "q"}, '"serch"'),
        ("search", None, '"args"'),
        ("search", {"limit": 3}, '"query"'),
        ("search", {"query": "q", "limt": 3}, "limt"),
        ("search", {"query": 3}, "3"),
        ("search", {"query": "q", "limit": "many"}, '"many"'),
        ("book", {**BOOK, "channel": "fax"}, '"fax"'),
        ("book", {**BOOK, "lines": [{"count": 1}]}, '"sku"'),
        ("book", {**BOOK, "lines": [{"sku": "a", "count": "one"}]}, '"one"'),
        ("book", {**BOOK, "note": "a"}, '"a"'),
        ("gather", {"parts": ["a"]}, '"a"'),
    ],
)
def test_wrong_arguments(call: str, args: Any, part: str) -> None:
    """A name that no task has, an argument that is missing, unknown or of another type is wrong."""
    found = errors(call, args)

    assert found
    assert part in " ".join(found)


def test_compensations_are_tasks_too() -> None:
    """``compensate`` names a task, in both of its forms."""
    for wrong in ("serch", {"call": "serch"}):
        document = {"podium": 1, "nodes": {"a": {"set": 1, "compensate": wrong}}}

        assert not VALIDATOR.is_valid(document)
        assert VALIDATOR.is_valid({"podium": 1, "nodes": {"a": {"set": 1, "compensate": "search"}}})


def test_completion_tells_what_tasks_do() -> None:
    """Each name comes with its parameters, what it does and its effect."""
    call = SCHEMA["definitions"]["kind_call"]["properties"]["call"]

    assert call["enum"] == sorted(TASKS)
    assert call["enumDescriptions"][call["enum"].index("search")] == (
        f"{LINES['search']}\n\nSearch the knowledge base. Effect: write."
    )


def test_no_tasks_is_not_unknown_tasks() -> None:
    """Without tasks any name will do; with none of them no name will."""
    document = {"podium": 1, "nodes": {"a": {"call": "x", "args": {"y": 1}}}}

    assert jsonschema_rs.is_valid(language_schema(), document)
    assert not jsonschema_rs.is_valid(language_schema({}), document)

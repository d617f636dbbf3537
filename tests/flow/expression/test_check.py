"""The check: what an expression gives for JSON Schemas, and what cannot work."""

from __future__ import annotations

from typing import Any

import pytest

from podium.flow.expression import Expression, Facts, Problem, Shapes, Template

ORDER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "pattern": "^[A-Z]"},
        "total": {"type": "number"},
        "count": {"type": "integer"},
        "customer": {"anyOf": [{"$ref": "#/$defs/Customer"}, {"type": "null"}]},
        "note": {"type": "string"},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
        "labels": {"type": "object", "additionalProperties": {"type": "integer"}},
        "mixed": {"type": ["string", "integer"]},
        "gift": {"type": "boolean", "default": False},
    },
    "required": ["id", "total", "count", "customer", "lines", "labels", "mixed"],
    "additionalProperties": False,
    "$defs": {
        "Customer": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "friend": {"$ref": "#/$defs/Customer"}},
            "required": ["name"],
        },
        "Line": {
            "type": "object",
            "properties": {"sku": {"type": "string"}, "price": {"type": "number"}},
            "required": ["sku", "price"],
            "additionalProperties": False,
        },
    },
}
SCHEMAS: dict[str, Any] = {
    "order": ORDER,
    "intent": {
        "type": "object",
        "properties": {
            "kind": {"enum": ["refund", "question"]},
            "order_id": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "required": ["kind", "order_id"],
    },
    "any": {},
    "open": {"type": "object"},
    "anything": True,
    "n": {"type": "integer"},
    "x": {"type": "number"},
    "flag": {"type": "boolean"},
    "word": {"type": "string"},
    "maybe": {"type": ["string", "null"]},
    "all": {"allOf": [{"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"required": []}]},
    "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False},
    "far": {"$ref": "https://example.org/schema"},
    "endless": {"$ref": "#"},
    "never": False,
}  # fmt: skip


def check(source: str, facts: Facts | None = None) -> tuple[dict[str, Any], list[Problem]]:
    """Check an expression against the schemas above."""
    expression = Expression.parse(source)
    return expression.check(SCHEMAS, facts=facts) if facts else expression.check(SCHEMAS)


@pytest.mark.parametrize(
    ("source", "schema"),
    [
        ("order.id", {"type": "string", "pattern": "^[A-Z]"}),
        ("order.total * 2", {"type": "number"}),
        ("n * 2", {"type": "integer"}),
        ("n * 2.5", {"type": "number"}),
        ("n + x", {"type": "number"}),
        ("-n", {"type": "integer"}),
        ("any + 1", {"type": "number"}),
        ("any.a.b[0]", {}),
        ("open.a", {}),
        ("anything.a", {}),
        ("far.a", {}),
        ("endless.a", {}),
        ("never", {}),
        ("n > 1 && flag", {"type": "boolean"}),
        ("word + 'a'", {"type": "string"}),
        ("[n, x]", {"type": "array", "items": {"type": "number"}}),
        ("[n, word]", {"type": "array", "items": {"type": ["integer", "string"]}}),
        ("[]", {"type": "array"}),
        ("[any]", {"type": "array"}),
        (
            "{'a': n}",
            {
                "type": "object",
                "properties": {"a": {"type": "integer"}},
                "required": ["a"],
                "additionalProperties": False,
            },
        ),
        ("{word: n}", {"type": "object"}),
        ("flag ? 1 : 'a'", {"type": ["integer", "string"]}),
        ("flag ? 1 : null", {"type": ["integer", "null"]}),
        ("maybe ?? 'a'", {"type": "string"}),
        ("maybe ?? 1", {"type": ["integer", "string"]}),
        ("word?", {"type": ["null", "string"]}),
        ("order?.count", {"type": ["integer", "null"]}),
        ("size(word)", {"type": "integer"}),
        ("word.split(',')", {"type": "array", "items": {"type": "string"}}),
        ("word.split(',').map(w, size(w))", {"type": "array", "items": {"type": "integer"}}),
        ("order.lines.map(i, i.price)", {"type": "array", "items": {"type": "number"}}),
        ("max(order.lines.map(i, i.sku))", {"type": "string"}),
        ("min(1, 2)", {"type": "integer"}),
        ("order.lines[0].sku", {"type": "string"}),
        ("order.labels['a']", {"type": "integer"}),
        ("order.labels[word]", {"type": "integer"}),
        ("order.labels.map(k, k)", {"type": "array", "items": {"type": "string"}}),
        ("pair[0]", {"type": ["integer", "string"]}),
        ("all.a", {"type": "string"}),
        ("timestamp(word)", {"type": "string", "format": "date-time"}),
        ("timestamp(word) - timestamp(word) > duration('1h')", {"type": "boolean"}),
        ("[timestamp(word)].map(t, t.getHours())", {"type": "array", "items": {"type": "integer"}}),
        ("{'a': timestamp(word)}.a.getHours()", {"type": "integer"}),
        ("max([timestamp(word)])", {"type": "string", "format": "date-time"}),
        ("[[timestamp(word)]][0][0] > timestamp(0)", {"type": "boolean"}),
        ("order.gift", {"type": "boolean", "default": False}),
    ],
)  # fmt: skip
def test_result(source: str, schema: dict[str, Any]) -> None:
    """A sound expression has no findings, and the schema of what it gives."""
    assert check(source) == (schema, [])


def test_passing_on_keeps_the_whole_schema() -> None:
    """What is passed on keeps its schema, with the definitions that it refers to."""
    schema, problems = check("order.lines")

    assert problems == []
    assert schema == {**ORDER["properties"]["lines"], "$defs": ORDER["$defs"]}
    assert check("order")[0] == ORDER


def test_a_schema_that_refers_to_itself_ends() -> None:
    """What refers to itself becomes open when it is built into something else."""
    schema, _ = check("{'a': order.customer, 'b': [order]}")
    text = str(schema)

    assert "$ref" not in text
    assert "friend" in text


def found(source: str) -> list[tuple[str, str, int]]:
    """Return the findings in short."""
    return [(one.code, one.severity, one.column) for one in check(source)[1]]


@pytest.mark.parametrize(
    ("source", "code", "column"),
    [
        ("ordr.id", "unknown-name", 1),
        ("order.totl", "unknown-field", 7),
        ("order['totl']", "unknown-field", 6),
        ("order.lines[0].skuu", "unknown-field", 16),
        ("order.lines.map(l, l.prize)", "unknown-field", 22),
        ("has(order.totl)", "unknown-field", 11),
        ("order.totl ?? 1", "unknown-field", 7),
        ("order.id.a", "no-overload", 10),
        ("n[0]", "no-overload", 2),
        ("order.lines['a']", "no-overload", 12),
        ("word + 1", "no-overload", 6),
        ("n && flag", "no-overload", 1),
        ("!n", "no-overload", 1),
        ("n ? 1 : 2", "no-overload", 1),
        ("-word", "no-overload", 1),
        ("word * 2", "no-overload", 6),
        ("x % 2.0", "no-overload", 3),
        ("word < 1", "no-overload", 6),
        ("size(n)", "no-overload", 1),
        ("n.contains('a')", "no-overload", 3),
        ("order.lines.filter(l, l.sku)", "no-overload", 25),
        ("n.map(i, i)", "no-overload", 3),
        ("{n: 1}", "no-overload", 2),
        ("[1, 2].join()", "no-overload", 8),
        ("max([true])", "no-overload", 1),
        ("null.map(i, i)", "no-overload", 6),
        ("null.a", "no-such-field", 1),
        ("order.id == 1", "never-equal", 10),
        ("n == '1'", "never-equal", 3),
        ("intent.kind == 'refnd'", "never-equal", 16),
        ("'refnd' != intent.kind", "never-equal", 1),
        ("[1, word + n]", "no-overload", 10),
    ],
)
def test_errors(source: str, code: str, column: int) -> None:
    """What can never work is an error, with its column."""
    assert (code, "error", column) in found(source)


@pytest.mark.parametrize(
    ("source", "code", "column"),
    [
        ("order.customer.name", "maybe-null", 7),
        ("order?.total > 100", "maybe-null", 8),
        ("order?.customer.name", "maybe-null", 8),
        ("[word, 1].join()", "maybe-other", 1),
        ("min(word, 1)", "maybe-other", 1),
        ("maybe + 'a'", "maybe-null", 1),
        ("maybe.size()", "maybe-null", 1),
        ("order.note", "maybe-missing", 7),
        ("order.mixed + 'a'", "maybe-other", 7),
        ("n / 2", "integer-division", 3),
        ("order.total / 2", "integer-division", 13),
        ("order.lines.map(n, n.sku)", "shadowed-name", 13),
        ("intent.topic", "unknown-field", 8),
    ],
)
def test_warnings(source: str, code: str, column: int) -> None:
    """What cannot work for some values is a warning, with its column."""
    assert (code, "warning", column) in found(source)


@pytest.mark.parametrize(
    "source",
    [
        "order.customer != null && order.customer.name == 'Ann'",
        "order.customer == null || order.customer.name == 'Ann'",
        "!(order.customer == null) && order.customer.name == 'Ann'",
        "order.customer != null ? order.customer.name : 'nobody'",
        "order.customer == null ? 'nobody' : order.customer.name",
        "has(order.customer.name) && order.customer.name == 'Ann'",
        "has(order.customer.name) ? order.customer.name : 'nobody'",
        "order.customer.name ?? 'nobody'",
        "(order.customer.name ?? 'x') + 'a'",
        "has(order.note) && order.note == 'a'",
        "!has(order.note) || order.note == 'a'",
        "order.note ?? ''",
        "order? != null && order?.total > 100",
        "(order?.total ?? 0) > 100",
        "order?.total != null && order?.total > 100",
        "maybe == 'a' && maybe.size() > 0",
        "maybe != null && maybe + 'a' == 'ba'",
        "order.lines.filter(l, l.price > 2 && l.sku != '')",
        "has(intent.topic) || (intent.topic ?? '') == 'a'",
        "maybe == null",
        "n == 1.5",
        "word == null",
        "x / 2.5",
        "double(n) / 2",
    ],
)
def test_what_is_tested_is_known(source: str) -> None:
    """After a test for it, in &&, || or ?:, a value that may be absent is no finding."""
    assert found(source) == []


def test_facts_of_a_condition() -> None:
    """What a condition tests is known where it is given along."""
    condition = Expression.parse("has(order.note) && maybe != null && flag")

    assert check("order.note + maybe", condition.facts)[1] == []
    assert [one.code for one in check("order.note + maybe")[1]] == ["maybe-missing", "maybe-null"]


def test_hints() -> None:
    """A finding names what is near, or what there is."""
    hints = {source: check(source)[1][0].hint for source in ("ordr", "order.totl", "order.zzz")}

    assert hints["ordr"] == "Did you mean 'order'?"
    assert hints["order.totl"] == "Did you mean 'total'?"
    assert hints["order.zzz"].startswith("There are: count, customer")


def test_all_findings_at_once() -> None:
    """All findings come at once, in the order of the text."""
    assert [one.column for one in check("ordr.id + order.totl + word * 2")[1]] == [1, 17, 29]


def test_templates_are_checked() -> None:
    """A template has a schema of its own, and findings with their places."""
    template = Template.parse(
        {"a": "${order.count}", "b": ["x ${maybe}", 1, None], "c": "${order.totl}"}, at="$"
    )
    schema, problems = template.check(SCHEMAS)

    assert schema["properties"]["a"] == {"type": "integer"}
    assert schema["properties"]["b"]["items"] == {"type": ["integer", "null", "string"]}
    assert [(one.at, one.code, one.column) for one in problems] == [
        ("$.b[0]", "maybe-null", 5),
        ("$.c", "unknown-field", 9),
    ]
    assert str(problems[1]) == (
        "$.c, column 9: there is no field 'totl'. Did you mean 'total'?"
    )  # fmt: skip


def test_odd_schemas_are_open() -> None:
    """A schema that is odd or wrong lets everything pass; it is not the expression's fault."""
    odd = [
        {"type": 5},
        {"$ref": 7},
        {"anyOf": []},
        {"anyOf": [3]},
        {"properties": 1, "type": "object"},
    ]
    odd += [
        {"enum": "x"},
        {"allOf": [{"$ref": "#"}]},
        {"items": 3, "type": "array"},
        {"type": "nothing"},
    ]
    odd += ["string", 1, None]
    for schema in odd:
        _, problems = Expression.parse("a.b.c == 1 || a[0].c > 2").check({"a": schema})

        assert [one for one in problems if one.code == "unknown-name"] == []


def test_shapes_stand_for_schemas() -> None:
    """They are made once for many expressions, and say the same; what was made up is asked for again."""

    class Growing(dict[str, Any]):
        def __missing__(self, name: str) -> dict[str, Any]:
            return {}

    schemas = Growing(SCHEMAS)
    shapes = Shapes(schemas)
    later = Expression.parse("later.field")

    for source in ("order.total + n", "order.customer", "intent.order_id", "word.field"):
        expression = Expression.parse(source)
        assert expression.check(shapes) == expression.check(SCHEMAS)
    assert shapes["order"] is shapes["order"]
    assert later.check(shapes) == ({}, [])
    schemas["later"] = {"type": "string"}
    assert [one.code for one in later.check(shapes)[1]] == ["no-overload"]

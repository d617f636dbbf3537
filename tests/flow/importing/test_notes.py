"""Nothing of a source is dropped in silence."""

from __future__ import annotations

import json

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

from podium.core.spec import Registry
from podium.flow import Flow, FlowInvalid
from podium.flow.importing import import_serverless
from podium.flow.parse import parse
from podium.flow.places import child
from tests.flow.importing.programs import programs
from tests.flow.importing.stage import imported, source

pytestmark = pytest.mark.long

EVERYTHING = """
    input: {schema: {format: json, document: {type: object, properties: {n: {type: integer}}, required: [n]}}, from: .}
    schedule: {cron: '0 0 * * *'}
    timeout: {after: {hours: 1}}
    evaluate: {language: jq, mode: strict}
    use:
      functions:
        paint: {call: http, with: {method: get, endpoint: 'https://a.org'}, metadata: {a: 1}}
        unused: {set: {a: 1}}
      errors: {bad: {type: 'https://a.org/errors/bad', status: 400, title: Bad, instance: /do/0}}
      retries: {often: {delay: {seconds: 1}, backoff: {linear: {}}, limit: {attempt: {count: 3}}, when: '${ true }'}}
      timeouts: {soon: {after: PT5S}}
      secrets: [token]
      authentications: {shop: {basic: {username: a, password: b}}}
      catalogs: {shared: {endpoint: {uri: 'https://a.org'}}}
      extensions: [{log: {extend: all, before: [{l: {set: {a: 1}}}]}}]
    do:
      - one: {call: paint, if: .n > 0, timeout: soon, metadata: {by: me}}
      - two: {call: http, with: {method: get, endpoint: {uri: 'https://a.org/{n}', authentication: {bearer: {token: t}}}}}
      - three:
          try: [{a: {raise: {error: bad}}}]
          catch:
            errors: {with: {type: 'https://a.org/errors/bad', instance: /do/0}}
            as: e
            when: $e.status == 400
            retry: often
            do: [{b: {set: {x: '${ $e.title }'}, export: {as: '{ seen: .x }', schema: {document: {}}}}}]
      - four: {fork: {compete: true, branches: [{a: {wait: PT1S}, }, {b: {set: {y: 1}, then: exit}}]}}
      - five: {for: {each: i, in: '[1, 2]', at: k}, while: .y < 5, do: [{c: {set: {y: '${ $i + $k }'}}}]}
      - six:
          listen: {to: {any: [{with: {type: a, source: b, data: '${ .x > 1 }'}, correlate: {r: {from: .r}}}], until: {one: {with: {type: c}}}}, read: raw}
          foreach: {item: e, at: m, do: [{d: {set: {z: '${ $e }'}}}], output: {as: .z}, export: {as: .z}}
      - seven: {emit: {event: {with: {source: s, type: t, data: {q: 1}}}}, output: {as: .data, schema: {document: {}}}}
      - eight: {run: {shell: {command: x, arguments: [a], environment: {B: c}}, await: true, return: all}}
      - nine: {run: {workflow: {namespace: a, name: b, version: 1.0.0, input: {p: 1}}, await: false}}
      - ten: {switch: [{big: {when: .n > 3, then: twelve}}, {other: {then: exit}}], input: {from: '{n: 5}', schema: {document: {}}}}
      - eleven: {set: {never: reached}}
      - twelve: {do: [{s: {set: {list: '${ .n | group_by(.a) }'}}}], output: {as: .list}}
    output: {as: '{ all: . }', schema: {document: {type: object}}}
    """


def paths(data: Any, path: str = "$") -> Iterator[str]:
    """Give the path of every field and element."""
    inside = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    )
    for key, value in inside:
        yield child(path, key)
        yield from paths(value, child(path, key))


def put(data: Any, path: list[str | int], word: str) -> None:
    """Put a word that means nothing into an object somewhere."""
    for key in path:
        data = data[key]
    data[word] = {"deep": [1]}


def objects(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[list[str | int]]:
    """Give the keys that lead to each object."""
    if isinstance(data, dict):
        yield [*path]
        for key, value in data.items():
            yield from objects(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from objects(value, (*path, index))


def written(path: list[str | int]) -> str:
    """Return a path as notes write it."""
    found = "$"
    for key in path:
        found = child(found, key)
    return found


ROOT = source(EVERYTHING)


@pytest.mark.parametrize("path", [*objects(ROOT)], ids=written)
def test_a_word_more(path: list[str | int]) -> None:
    """A word that nobody knows, put into any object, is in the flow or in a note: at it, or around it."""
    data = deepcopy(ROOT)
    put(data, path, "zzz")
    found = import_serverless(data)
    place = child(written(path), "zzz")

    is_noted = any(
        place == note.path or place.startswith((f"{note.path}.", f"{note.path}["))
        for note in found.notes
        if note.path not in {"$", "$.do"}
    )
    assert is_noted or "zzz" in json.dumps(found.document)


def test_what_is_said() -> None:
    """The notes of a document with everything: each at its place, in the order of the source."""
    found = import_serverless(ROOT)
    order = [*paths(ROOT)]
    places = [order.index(note.path) for note in found.notes if note.path in order]

    assert places == sorted(places)
    errors = {f"{note.code} {note.path}" for note in found.notes if note.is_error}
    assert errors == {
        "retry-filter $.use.retries.often.when",
        "extension $.use.extensions",
        "authentication $.do[1].two.with.endpoint.authentication",
        "error-filter $.do[2].three.catch.errors.with.instance",
        "context-in-foreach $.do[5].six.foreach.export",
        "jq $.do[11].twelve.do[0].s.set.list",
    }
    left_out = {note.path for note in found.notes if note.code == "left-out"}
    assert left_out == {
        "$.document.namespace",
        "$.document.version",
        "$.use.functions.unused",
        "$.use.functions.paint.metadata",
        "$.use.errors.bad.instance",
        "$.do[0].one.metadata",
        "$.do[3].four.fork.branches[1].b.then",
        "$.do[8].nine.run.workflow.namespace",
        "$.do[8].nine.run.workflow.version",
    }


def test_the_check_stops_what_is_incomplete() -> None:
    """A flow that does less than its source is refused by the check; any other passes it."""
    found = import_serverless(ROOT)
    flow = Flow.from_dict(found.document, registry=Registry())

    assert "unknown-name" in {one.code for one in flow.findings}


@settings(max_examples=20)
@given(programs())
def test_programs(tasks: list[dict[str, Any]]) -> None:
    """Every program is a flow without a fault, or says what is missing."""
    data = source("do: []") | {"do": tasks}
    found = import_serverless(data)

    assert not parse(found.document).findings
    assert found.is_complete or any(note.is_error for note in found.notes)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["${ .a }", ".a", "continue", "end", "a", "PT1S", "http", "${", "jq"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from([
            "do", "set", "call", "with", "for", "in", "each", "while", "fork", "branches", "compete", "try", "catch",
            "errors", "retry", "listen", "to", "any", "all", "one", "until", "type", "data", "foreach", "switch", "when",
            "then", "run", "shell", "workflow", "emit", "event", "raise", "error", "wait", "seconds", "input", "from",
            "output", "as", "export", "schema", "document", "if", "timeout", "after", "use", "functions", "name", "x",
        ]) | st.text(max_size=3), inner, max_size=4,
    ),
    max_leaves=25,
)  # fmt: skip


@given(JSON)
def test_any_json(data: Any) -> None:
    """Whatever it is given, the import gives a flow that can be read, or says that it is no such document."""
    try:
        found = import_serverless(data)
    except FlowInvalid:
        return
    assert not parse(found.document).findings


@given(
    st.lists(st.dictionaries(st.sampled_from(["a", "b", "c"]), JSON, max_size=2), max_size=4),
    JSON,
    JSON,
    JSON,
)
def test_any_tasks(tasks: list[Any], use: Any, given_input: Any, output: Any) -> None:
    """So it does where only the head is right."""
    data = source("do: []") | {
        "do": tasks,
        "use": use,
        "input": given_input,
        "output": output,
        "timeout": use,
    }
    try:
        found = import_serverless(data)
    except FlowInvalid:
        return
    assert not parse(found.document).findings
    assert found.is_complete or "not_carried_over" in json.dumps(found.document)


@settings(max_examples=40)
@given(st.data())
def test_damaged(data: st.DataObject) -> None:
    """So it does where one value of a sound document was put in the place of another."""
    damaged = deepcopy(ROOT)
    path = data.draw(st.sampled_from([*objects(damaged)][1:]))
    holder: Any = damaged
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = data.draw(JSON)
    try:
        found = import_serverless(damaged)
    except FlowInvalid:
        return
    assert not parse(found.document).findings


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (None, "expected a Serverless Workflow document"),
        ({"do": []}, "has 'document' and 'do'"),
        ({"specVersion": "0.8", "states": []}, "version 0.x"),
        ({"document": {"dsl": "0.9"}, "do": []}, "this import reads version 1.0"),
        ({"document": {"dsl": "1.0.0"}, "do": {}}, "'do' is a list of tasks"),
        ({"document": {"dsl": "1.0.0"}, "do": [{1: 2}]}, "the key 1 is no text"),
        ({"document": {"dsl": "1.0.0"}, "do": [float("nan")]}, "nan is no number"),
    ],
)
def test_no_such_document(data: Any, wanted: str) -> None:
    """What is no such document is refused, with the reason."""
    with pytest.raises(FlowInvalid, match=wanted.replace("(", "\\(")):
        import_serverless(data)


def test_too_deep() -> None:
    """What is nested too deep for a flow is said so, and the flow does not pass the check."""
    text = "{set: {a: 1}}"
    for _ in range(25):
        text = f"{{for: {{in: '[1]'}}, do: [{{x: {text}}}]}}"
    found = imported(f"do: [{{a: {text}}}]")

    assert [note.code for note in found.notes if note.is_error] == ["too-large"]
    assert not parse(found.document).findings


def test_names() -> None:
    """Tasks keep their names, in small letters; names that mean something are changed, and none comes twice."""
    text = "do: [{getPetById: {set: 1}}, {input: {set: {}}}, {'Ärger!': {set: {}}}, {for: {set: {}}}, {get-pet-by-id: {set: {}}}]"
    nodes = imported(text.replace("set: 1", "set: {}")).document["nodes"]

    assert [*nodes] == ["get_pet_by_id", "input_2", "rger", "for_2", "get_pet_by_id_2"]

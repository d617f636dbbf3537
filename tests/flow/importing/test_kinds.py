"""Documents of every kind of task, imported and carried out."""

from __future__ import annotations

import json

from typing import Any

import pytest

from podium import RunFailed
from podium.flow import Flow
from tests.flow.importing.stage import (
    NotFound,
    Unavailable,
    carried_out,
    imported,
    said,
    source,
    tasks,
    usual,
)


def output(text: str, given: dict[str, Any] | None = None, **more: Any) -> Any:
    """Return what a document gives."""
    return carried_out(text, given, **more).output


def calls(text: str, given: dict[str, Any] | None = None, **more: Any) -> Any:
    """Return the calls that a document makes."""
    return carried_out(text, given, **more).calls


# data -------------------------------------------------------------------------------------


def test_set_gives_exactly_what_it_says() -> None:
    """``set`` gives its object, whatever the task was given."""
    assert output("do: [{a: {set: {x: 1}}}, {b: {set: {y: '${ .x + 1 }', t: 'x is ${ .x }', z: '.x'}}}]") == {
        "y": 2, "t": "x is 1", "z": ".x",
    }  # fmt: skip


def test_set_of_an_expression() -> None:
    """``set`` may be one expression."""
    assert output("do: [{a: {set: '${ .colour }'}}]", {"colour": "red"}) == "red"


def test_input_output_export() -> None:
    """``from`` makes what a task is given, ``as`` what it gives, and ``export`` the context."""
    text = """
        do:
          - one:
              input: {from: .user}
              set: {id: '${ .id }', all: '${ $input }'}
              output: {as: '{ id: (.id + 1), was: $input.id }'}
              export: {as: '{ seen: .id, before: $context.user.id }'}
          - two:
              set: {prev: '${ . }', context: '${ $context }'}
        """

    assert output(text, {"user": {"id": 4}}) == {
        "prev": {"id": 5, "was": 4},
        "context": {"seen": 5, "before": 4},
    }


def test_workflow_input_and_output() -> None:
    """The workflow's own ``from`` and ``as`` stand before the first task and behind the last."""
    text = """
        input: {from: '{ order: .pet.order }'}
        do: [{a: {set: {n: '${ .order + 1 }', raw: '${ $workflow.input.pet.order }'}}}]
        output: {as: '{ result: .n, raw }'}
        """

    assert output(text, {"pet": {"order": 1}}) == {"result": 2, "raw": 1}


def test_merging_objects() -> None:
    """Objects whose fields are not known are merged by a task."""
    text = """
        input: {schema: {document: {type: object, properties: {}}}}
        do:
          - a: {call: http, with: {method: get, endpoint: 'https://a.org'}, export: {as: '$context + { got: .method }'}}
          - b: {set: '${ $context }'}
        """

    assert output(text) == {"got": "get"}
    assert output("do: [{a: {call: http, with: {method: get, endpoint: x}}, }, {b: {set: '${ . + {z: 1} }'}}]") == {
        "method": "get", "endpoint": "x", "z": 1,
    }  # fmt: skip


def test_condition() -> None:
    """A task whose ``if`` does not hold gives what it was given, and its ``then`` does not count."""
    text = """
        do:
          - a: {if: .n > 5, set: {n: 0}, then: end}
          - b: {set: {n: '${ .n + 1 }'}}
        """

    assert output(text, {"n": 1}) == {"n": 2}
    assert output(text, {"n": 6}) == {"n": 0}


# calls ------------------------------------------------------------------------------------


def test_call_http() -> None:
    """``call: http`` calls the task ``http``; fields in the URI are filled in."""
    text = """
        do:
          - getPet:
              call: http
              with:
                method: get
                endpoint: {uri: 'https://a.org/pets/{petId}', authentication: {use: shop}}
                headers: {x-kind: '${ .kind }'}
                query: {q: plain}
        """

    assert calls(text, {"petId": 7, "kind": "dog"}) == [
        (
            "http",
            {
                "method": "get",
                "endpoint": {"uri": "https://a.org/pets/7", "authentication": "shop"},
                "headers": {"x-kind": "dog"},
                "query": {"q": "plain"},
            },
        )
    ]


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (
            "grpc",
            "{proto: {endpoint: 'file://a.proto'}, service: {name: G, host: h, port: 5}, method: Say, arguments: {n: '${ .n }'}}",
        ),
        (
            "openapi",
            "{document: {endpoint: 'https://a.org/api.json'}, operationId: find, parameters: {n: '${ .n }'}}",
        ),
        (
            "asyncapi",
            "{document: {endpoint: 'https://a.org/a.json'}, operation: greet, message: {payload: {n: '${ .n }'}}}",
        ),
        (
            "asyncapi",
            "{document: {endpoint: 'https://a.org/a.json'}, operation: greet, subscription: {consume: {amount: '${ .n }'}}}",
        ),
        (
            "a2a",
            "{method: message/send, agentCard: {endpoint: 'https://a.org/card'}, parameters: {n: '${ .n }'}}",
        ),
        (
            "mcp",
            "{method: tools/call, parameters: {n: '${ .n }'}, transport: {stdio: {command: x}}}",
        ),
    ],
)
def test_call_others(kind: str, given: str) -> None:
    """The other protocols are tasks of their names, with all that is said of the call."""
    made = calls(f"do: [{{a: {{call: {kind}, with: {given}}}}}]", {"n": 3})
    wanted = source(f"do: [{{a: {{with: {given}}}}}]")["do"][0]["a"]["with"]

    assert [name for name, _ in made] == [kind]
    assert str(made[0][1]) == str({key: made[0][1][key] for key in made[0][1]})
    assert made[0][1] == _filled(wanted)


def _filled(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _filled(value) for key, value in data.items()}
    return 3 if data == "${ .n }" else data


def test_call_of_a_function() -> None:
    """A function of ``use`` stands in the place of its call, and sees its arguments."""
    text = """
        use:
          functions:
            getPet: {call: http, with: {method: get, endpoint: 'https://a.org/{id}'}, output: {as: .endpoint}}
        do: [{a: {call: getPet, with: {id: '${ .n }'}}}, {b: {set: {got: '${ . }'}}}]
        """

    assert output(text, {"n": 4}) == {"got": "https://a.org/4"}


def test_call_of_a_custom_function() -> None:
    """Any other function is a task; version and catalog are named in a note."""
    found = imported("do: [{a: {call: 'log:1.0.0@default', with: {of: hi}}}]")

    assert found.document["nodes"]["a"] == {"call": "log", "args": {"of": "hi"}}
    assert said(found) == ["catalog $.do[0].a"]
    assert found.tasks == ("log",)


def test_emit() -> None:
    """``emit`` calls the task ``emit`` with the event."""
    text = "do: [{a: {emit: {event: {with: {source: 'https://a.org', type: a.b, data: {n: '${ .n }'}}}}}}]"

    assert calls(text, {"n": 1}) == [
        ("emit", {"event": {"source": "https://a.org", "type": "a.b", "data": {"n": 1}}})
    ]


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("container", "{image: alpine, command: 'echo ${ .n }', environment: {A: b}}"),
        ("script", "{language: python, code: 'print(1)', stdin: '${ .n }'}"),
        ("shell", "{command: 'echo ${ .n }', stdin: '${ .n }'}"),
    ],
)
def test_run_of_processes(kind: str, given: str) -> None:
    """Containers, scripts and shells are tasks; what they return is an argument."""
    ((name, args),) = calls(f"do: [{{a: {{run: {{{kind}: {given}, return: all}}}}}}]", {"n": 3})

    assert name == f"run_{kind}"
    assert args["returns"] == "all"
    assert "${" not in str(args)


def test_run_of_a_workflow() -> None:
    """``run: workflow`` is a flow of that name."""
    found = imported(
        "do: [{a: {run: {workflow: {namespace: x, name: ship, version: 1.0.0, input: {id: '${ .n }'}}}}}]"
    )

    assert found.is_complete
    assert found.document["nodes"] == {"a": {"flow": "ship", "args": {"id": "${input.n}"}}}


def test_run_without_waiting() -> None:
    """What is not awaited holds nothing up, and gives what it was given."""
    text = "do: [{a: {run: {shell: {command: x}, await: false}}}, {b: {set: {n: '${ .n }'}}}]"
    found = imported(text)

    assert "after" not in found.document["nodes"]["b"]
    assert said(found) == ["not-awaited $.do[0].a.run.await"]
    assert output(text, {"n": 3}) == {"n": 3}


# control ----------------------------------------------------------------------------------


def test_do() -> None:
    """``do`` within ``do`` runs in its order, and gives what its last task gives."""
    text = "do: [{a: {do: [{b: {set: {n: 1}}}, {c: {set: {n: '${ .n + 1 }'}}}]}}, {d: {set: {n: '${ .n * 10 }'}}}]"

    assert output(text) == {"n": 20}


def test_for_with_memory() -> None:
    """Each pass is given what the one before gave."""
    text = """
        do:
          - each:
              for: {each: color, in: .colors, at: i}
              do:
                - mark: {set: {colors: '${ [] }', done: '${ .done + [{c: $color, i: $i}] }'}}
        """

    assert output(text, {"colors": ["red", "blue"]}) == {
        "colors": [],
        "done": [{"c": "red", "i": 0}, {"c": "blue", "i": 1}],
    }


def test_for_without_memory() -> None:
    """Where no pass needs the one before, it is a ``for_each``, one at a time."""
    text = "do: [{visit: {for: {in: .names}, do: [{greet: {call: paint, with: {of: '${ $item }', at: '${ $index }'}}}]}}]"
    found = imported(text)

    assert found.document["nodes"]["visit_each"]["concurrency"] == 1
    assert calls(text, {"names": ["a", "b"]}) == [
        ("paint", {"of": "a", "at": 0}),
        ("paint", {"of": "b", "at": 1}),
    ]
    assert output(text, {"names": []}) == {"names": []}


def test_for_while() -> None:
    """``while`` ends the passes early."""
    text = "do: [{each: {for: {in: .list}, while: .n < 3, do: [{add: {set: {n: '${ .n + $item }', list: '${ .list }'}}}]}}]"

    assert output(text, {"n": 0, "list": [1, 1, 1, 1, 1]})["n"] == 3


def test_fork() -> None:
    """Branches run beside each other, and give a list in their order."""
    text = """
        input: {schema: {document: {type: object, properties: {}}}}
        do:
          - both:
              fork:
                branches:
                  - slow: {wait: {milliseconds: 20}}
                  - quick: {call: paint, with: {of: 1}}
                  - row: {do: [{x: {set: {n: 1}}}, {y: {set: {n: '${ .n + 1 }'}}}]}
        """

    assert output(text, {}) == [{}, {"of": 1}, {"n": 2}]


def test_fork_in_competition() -> None:
    """The first branch wins, and the others are called off."""
    text = "do: [{race: {fork: {compete: true, branches: [{slow: {wait: {minutes: 10}}}, {quick: {call: paint, with: {of: 1}}}]}}}]"

    assert output(text) == {"of": 1}


SWITCH = """
    input: {schema: {document: {type: object, properties: {n: {type: integer}}, required: [n]}}}
    do:
      - pick:
          switch:
            - big: {when: .n > 10, then: large}
            - tiny: {when: .n < 0, then: end}
            - other: {then: small}
      - large: {set: {size: large}}
      - both: {set: {size: '${ .size }', seen: true}, then: exit}
      - small: {set: {size: small}, then: both}
    """


@pytest.mark.parametrize(
    ("n", "wanted"),
    [
        (11, {"size": "large", "seen": True}),
        (-1, {"n": -1}),
        (5, {"size": "small", "seen": True}),
    ],
)
def test_switch(n: int, wanted: Any) -> None:
    """Cases go to tasks by name, whose ways meet again."""
    assert output(SWITCH, {"n": n}) == wanted
    assert str(imported(SWITCH).document).count("'seen'") == 1


def test_going_back() -> None:
    """A jump back is a loop, with a note on how often it can go."""
    text = """
        do:
          - add: {set: {n: '${ .n + 1 }'}}
          - again: {switch: [{more: {when: .n < 5, then: add}}]}
          - done: {set: {total: '${ .n }'}}
        """

    assert output(text, {"n": 0}) == {"total": 5}
    assert "loop-limit $.do[0].add" in said(imported(text))


def test_wait() -> None:
    """``wait`` waits, and gives what it was given."""
    found = imported("do: [{a: {wait: {hours: 1, minutes: 30}}}, {b: {wait: PT0.25S}}]")

    assert [node["wait"] for node in found.document["nodes"].values()] == ["1h30m", "250ms"]
    assert output("do: [{a: {wait: PT0.001S}}]", {}) == {}


# events -----------------------------------------------------------------------------------


def test_listen_to_one() -> None:
    """An event is a signal, named by its type."""
    assert output(
        "do: [{a: {listen: {to: {one: {with: {type: a.b}}}}}}]", signals=[("a.b", {"n": 1})]
    ) == [{"n": 1}]


def test_listen_to_all() -> None:
    """All must come, in whatever order."""
    text = "do: [{a: {listen: {to: {all: [{with: {type: a}}, {with: {type: b}}]}}}}]"

    assert output(text, signals=[("b", 2), ("a", 1)]) == [1, 2]


def test_listen_to_any() -> None:
    """The first that comes is enough."""
    text = "do: [{a: {listen: {to: {any: [{with: {type: a}}, {with: {type: b}}]}}}}]"

    assert output(text, signals=[("b", 2)]) == [2]


def test_listen_to_what_fits() -> None:
    """Events whose data does not fit are passed over, be it a condition or a value."""
    text = "do: [{a: {listen: {to: {one: {with: {type: a, data: '${ .t > 38 }'}}}}}}]"

    assert output(text, signals=[("a", {"t": 37}), ("a", {"t": 39})]) == [{"t": 39}]
    text = "do: [{a: {listen: {to: {one: {with: {type: a, data: {t: 1}}}}}}}]"
    assert output(text, signals=[("a", {"t": 2}), ("a", {"t": 1})]) == [{"t": 1}]


def test_listen_until_a_condition() -> None:
    """Events are gathered until a condition holds of all of them."""
    text = "do: [{a: {listen: {to: {any: [{with: {type: a}}], until: '(. | length) > 2'}}}}]"

    assert output(text, signals=[("a", 1), ("a", 2), ("a", 3), ("a", 4)]) == [1, 2, 3]


def test_listen_until_an_event() -> None:
    """Or until another event comes, which does not count itself; each may be handled as it comes."""
    text = """
        do:
          - a:
              listen: {to: {any: [{with: {type: a}}], until: {one: {with: {type: over}}}}}
              foreach: {item: e, at: i, do: [{n: {call: paint, with: {of: '${ $e }', at: '${ $i }'}}}], output: {as: .of}}
        """

    assert output(text, signals=[("over", None)]) == []
    found = imported(text)
    assert found.is_complete
    assert "until" in found.document["nodes"]["a"]


def test_listen_foreach() -> None:
    """What is done for each event gives the list."""
    text = """
        do:
          - a:
              listen: {to: {all: [{with: {type: a}}, {with: {type: b}}]}}
              foreach: {item: e, at: i, do: [{n: {call: paint, with: {of: '${ $e }', at: '${ $i }'}}}], output: {as: '{ got: .of }'}}
        """
    outcome = carried_out(text, signals=[("a", 1), ("b", 2)])

    assert outcome.output == [{"got": 1}, {"got": 2}]
    assert outcome.calls == [("paint", {"of": 1, "at": 0}), ("paint", {"of": 2, "at": 1})]


# errors -----------------------------------------------------------------------------------

COMMUNICATION = "https://serverlessworkflow.io/spec/1.0.0/errors/communication"


def failing(error: Exception, times: int = 1_000) -> Any:
    """Return an answer that fails some times."""
    left = [times]

    def answer(name: str, args: dict[str, Any]) -> Any:
        if left[0] > 0:
            left[0] -= 1
            raise error
        return usual(name, args)

    return answer


TRY = f"""
    do:
      - attempt:
          try:
            - get: {{call: http, with: {{method: get}}}}
          catch:
            errors: {{with: {{type: '{COMMUNICATION}', status: 404}}}}
            as: err
            do:
              - note: {{set: {{type: '${{ $err.type }}', status: '${{ $err.status }}', n: '${{ .n }}'}}}}
      - after: {{set: {{got: '${{ . }}'}}}}
    """


def test_try() -> None:
    """What fits the filter is handled; the handler is given what the tasks were given."""
    assert output(TRY, {"n": 1}) == {"got": {"method": "get"}}
    assert output(TRY, {"n": 1}, answer=failing(NotFound("no"))) == {
        "got": {"type": COMMUNICATION, "status": 404, "n": 1}
    }


def test_try_of_another_error() -> None:
    """What does not fit fails the run."""
    with pytest.raises(RunFailed, match="gone away"):
        output(TRY, {"n": 1}, answer=failing(Unavailable("gone away")))


def test_try_with_a_condition() -> None:
    """``when`` and ``exceptWhen`` look at the error."""
    text = "do: [{a: {try: [{b: {call: http, with: {}}}], catch: {when: '$error.status == 404', exceptWhen: '$error.title == \"x\"', do: [{c: {set: {ok: true}}}]}}}]"

    assert output(text, answer=failing(NotFound("no"))) == {"ok": True}
    with pytest.raises(RunFailed):
        output(text, answer=failing(NotFound("x")))


def test_retry() -> None:
    """Tasks are tried again, by a policy that stands there or is kept in ``use``."""
    policy = "{delay: {milliseconds: 1}, backoff: {constant: {}}, limit: {attempt: {count: 2}}}"
    text = f"do: [{{a: {{try: [{{b: {{call: http, with: {{method: get}}}}}}], catch: {{retry: {policy}}}}}}}]"

    assert output(text, answer=failing(Unavailable("no"), 2)) == {"method": "get"}
    with pytest.raises(RunFailed):
        output(text, answer=failing(Unavailable("no"), 3))
    kept = f"use: {{retries: {{often: {policy}}}}}\n" + text.replace(policy, "often")
    assert output(kept, answer=failing(Unavailable("no"), 2)) == {"method": "get"}


def test_retry_and_do() -> None:
    """What is in ``do`` comes when all tries have failed."""
    text = "do: [{a: {try: [{b: {call: http, with: {}}}], catch: {retry: {limit: {attempt: {count: 1}}}, do: [{c: {set: {gave: up}}}]}}}]"
    outcome = carried_out(text, answer=failing(Unavailable("no")))

    assert outcome.output == {"gave": "up"}
    assert len(outcome.calls) == 2


def test_retry_policies() -> None:
    """Delay, backoff, jitter and limits are those of the source, and what cannot be is said."""
    text = """
        do:
          - a:
              try: [{b: {call: http, with: {}}}]
              catch:
                retry:
                  delay: {seconds: 3}
                  backoff: {exponential: {}}
                  limit: {attempt: {count: 5, duration: PT10S}, duration: {minutes: 2}}
                  jitter: {from: {seconds: 1}, to: {seconds: 2}}
        """
    found = imported(text)

    node = found.document["nodes"]["a_try"]
    assert node["retry"] == {
        "attempts": 6,
        "backoff": "5s",
        "factor": 2,
        "backoff_max": "365d",
        "jitter": 0.2,
    }
    assert (node["timeout"], node["total_timeout"]) == ("10s", "2m")
    assert "backoff $.do[0].a.catch.retry" in said(found)


def test_raise() -> None:
    """``raise`` fails with its title and detail; its type and status are the code."""
    text = """
        use: {errors: {bad: {type: 'https://a.org/errors/not-allowed', status: 403, title: Not allowed, detail: 'n is ${ .n }'}}}
        do: [{a: {raise: {error: bad}}}]
        """

    assert imported(text).document["nodes"]["a"]["fail"]["code"] == "not-allowed-403"
    with pytest.raises(RunFailed, match="Not allowed: n is 3"):
        output(text, {"n": 3})


def test_raised_is_caught() -> None:
    """An error that was raised is caught by its type, through another ``try`` that does not fit."""
    text = """
        do:
          - outer:
              try:
                - inner:
                    try: [{a: {raise: {error: {type: 'https://a.org/x/one', status: 400, title: first}}}}]
                    catch: {errors: {with: {type: 'https://a.org/x/two', status: 400}}, do: [{n: {set: {wrong: true}}}]}
              catch:
                errors: {with: {type: 'https://a.org/x/one', status: 400}}
                do: [{n: {set: {type: '${ $error.type }', title: '${ $error.title }'}}}]
        """

    assert output(text) == {"type": "https://a.org/x/one", "title": "first"}


def test_timeout() -> None:
    """A task, or the workflow, that takes too long fails with the code ``timeout``, and can be caught so."""
    text = """
        do:
          - a:
              try: [{slow: {wait: {minutes: 5}, timeout: {after: {milliseconds: 20}}}}]
              catch:
                errors: {with: {type: 'https://serverlessworkflow.io/spec/1.0.0/errors/timeout', status: 408}}
                do: [{b: {set: {late: true}}}]
        """

    assert output(text) == {"late": True}
    with pytest.raises(RunFailed, match="longer than 20ms"):
        output("timeout: {after: PT0.02S}\ndo: [{slow: {wait: {minutes: 5}}}]")
    named = "use: {timeouts: {soon: {after: PT0.02S}}}\ntimeout: soon\ndo: [{slow: {wait: {minutes: 5}}}]"
    with pytest.raises(RunFailed):
        output(named)


# the whole --------------------------------------------------------------------------------


def test_schema_of_the_input() -> None:
    """A schema of the input becomes its fields."""
    text = """
        input:
          schema:
            document:
              type: object
              properties: {id: {type: integer, minimum: 1}, note: {type: string}}
              required: [id]
        do: [{a: {set: {id: '${ .id }', note: '${ .note }'}}}]
        """

    assert imported(text).document["input"] == {
        "id": {"type": "integer", "minimum": 1}, "note": "string?",
    }  # fmt: skip
    assert output(text, {"id": 1}) == {"id": 1, "note": None}


def test_what_the_check_refuses() -> None:
    """A flow with something missing does not run until it is said by hand: the check refuses it."""
    found = imported("do: [{a: {set: {x: '${ .list | group_by(.k) }'}}}]")

    assert not found.is_complete
    with tasks((), usual):
        assert [one.code for one in Flow.from_dict(found.document).findings] == ["unknown-name"]


def test_each_task_is_written_once() -> None:
    """However the ways of many jumps cross, no task is written twice, and bodies do not pile up."""
    do = ", ".join(
        f"{{c{i}: {{switch: [{{skip: {{when: .n > {i}, then: c{min(i + 3, 39)}}}}}]}}}}, {{s{i}: {{set: {{n: '${{ .n - 1 }}'}}}}}}"
        for i in range(40)
    )
    found = imported(f"do: [{do}]")

    assert found.is_complete
    assert json.dumps(found.document).count("- 1}") == 40
    assert len(found.document["nodes"]) > 30

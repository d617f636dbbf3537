"""Dry runs: reads are made for real, nothing that changes the world is."""

from __future__ import annotations

import asyncio

from typing import Any

import pytest

from podium import Flow, InputInvalid, RunFailed, task
from podium.client.dry import dry_run
from podium.flow.dry import DryReport
from tests.flow.evidence.stage import Unchecked
from tests.harness import fresh_names

done: list[str] = []


@pytest.fixture(autouse=True)
def tasks() -> Any:
    """Register the tasks of this page; forget what they did."""
    done.clear()
    with fresh_names():

        @task(effect="read")
        async def look(n: int) -> dict[str, int]:
            done.append(f"look {n}")
            return {"price": n * 2}

        @task(effect="write")
        async def pay(amount: int) -> dict[str, str]:
            done.append(f"pay {amount}")
            return {"id": "P1"}

        @task(effect="once")
        def mail(to: str, text: str = "") -> None:
            done.append(f"mail {to}")

        yield


def dry(nodes: dict[str, Any], output: Any = None, **given: Any) -> DryReport:
    """Run a document dry."""
    fields = dict.fromkeys(given, "any")
    flow = Flow.from_dict(
        {"podium": 1, "name": "x", "input": fields, "nodes": nodes, "output": output}
    )
    return asyncio.run(dry_run(flow, given))


def would(report: DryReport) -> list[tuple[Any, ...]]:
    """Return what would be done, in short."""
    return [
        (one.path, one.what, one.name, one.args, one.unknown, one.is_certain)
        for one in report.would
    ]


def test_reads_are_made_and_effects_are_listed() -> None:
    """Arguments are computed from what was read; what rests on an effect is not known."""
    report = dry(
        {
            "thing": {"call": "look", "args": {"n": "${input.n}"}},
            "paid": {"call": "pay", "args": {"amount": "${thing.price}"}},
            "told": {"call": "mail", "args": {"to": "ann", "text": "Paid: ${paid.id}"}},
        },
        "${paid.id}",
        n=4,
    )

    assert done == ["look 4"]
    assert would(report) == [
        ("paid", "step", "pay", {"amount": 8}, [], True),
        ("told", "step", "mail", {"to": "ann", "text": "Paid: ${paid.id}"}, ["text"], True),
    ]
    assert [one.effect for one in report.would] == ["write", "once"]
    assert (report.output, report.is_known) == (None, False)


def test_what_is_known_is_given() -> None:
    """An output that rests on no effect is computed; order after an effect is kept."""
    report = dry(
        {
            "paid": {"call": "pay", "args": {"amount": 1}},
            "thing": {"call": "look", "args": {"n": 3}, "after": "paid"},
        },
        "${thing.price}",
    )

    assert (report.output, report.is_known) == (6, True)
    assert done == ["look 3"]


@pytest.mark.parametrize(
    "node",
    [
        {"when": "paid.id == 'P1'", "call": "pay", "args": {"amount": 2}},
        {"switch": [{"when": "paid.id == 'P1'", "nodes": {"again": {"call": "pay", "args": {"amount": 2}}}}]},
    ],
    ids=["when", "switch"],
)  # fmt: skip
def test_a_condition_that_is_not_known(node: dict[str, Any]) -> None:
    """What it guards is listed as what may happen."""
    report = dry({"paid": {"call": "pay", "args": {"amount": 1}}, "then": node})

    assert done == []
    assert [(one.args, one.is_certain) for one in report.would] == [
        ({"amount": 1}, True),
        ({"amount": 2}, False),
    ]


def test_every_item_and_waits() -> None:
    """Bodies of a `for_each` are gone through; nobody is waited for or asked."""
    report = dry(
        {
            "each": {"for_each": [1, 2], "nodes": {"pay": {"call": "pay", "args": {"amount": "${item}"}}}},
            "rest": {"wait": "10h"},
            "word": {"wait": {"signal": "go"}},
            "asked": {"ask": "Pay ${input.n}?", "form": {"ok": "boolean"}, "after": "rest"},
        },
        n=5,
    )  # fmt: skip

    assert sorted((one.path, one.what, one.name) for one in report.would) == [
        ("asked", "ask", "Pay 5?"),
        ("each[0]/pay", "step", "pay"),
        ("each[1]/pay", "step", "pay"),
        ("rest", "wait", "10h"),
        ("word", "signal", "go"),
    ]


def test_a_flow_within_is_gone_through() -> None:
    """Its effects are listed; another workflow is only named."""
    inner = {
        "input": {"n": "integer"},
        "nodes": {"paid": {"call": "pay", "args": {"amount": "${input.n}"}}},
    }
    report = dry({"sub": {"flow": inner, "args": {"n": 7}}})

    assert [(one.name, one.args) for one in report.would] == [("pay", {"amount": 7})]


@pytest.mark.parametrize(
    ("name", "why"),
    [("none", "the node 'none', which is skipped (when)"), ("lost", "'lost', which is no node")],
)
def test_a_flow_without_an_output(name: str, why: str) -> None:
    """It fails as it would for real, with the reason; so does one within."""
    words: dict[str, Any] = {"nodes": {"none": {"when": False, "set": 1}}, "output": f"${{{name}}}"}
    within = {"nodes": {"sub": {"flow": words}}, "output": "${sub}"}

    for document in (words, within):
        flow = Unchecked.from_dict({"podium": 1, "name": "x", **document})
        with pytest.raises(RunFailed) as failed:
            asyncio.run(dry_run(flow, {}))
        assert f"The output needs {why}." in str(failed.value)


def test_a_failure_undoes_nothing() -> None:
    """Compensations of what was not done are not done either."""
    with pytest.raises(RunFailed, match="stop here"):
        dry(
            {
                "group": {
                    "for_each": [1], "nodes": {"pay": {"call": "pay", "args": {"amount": 1}}},
                    "compensate": {"call": "pay", "args": {"amount": -1}},
                },
                "stop": {"fail": "stop here", "after": "group"},
            }
        )  # fmt: skip

    assert done == []


def test_bad_input_is_refused() -> None:
    """As for any run."""
    flow = Flow.from_dict({"podium": 1, "name": "x", "input": {"n": "integer"}, "nodes": {}})

    with pytest.raises(InputInvalid, match="n"):
        asyncio.run(dry_run(flow, {"n": "four"}))


def test_what_would_answer_is_listed_where_it_changes_the_world() -> None:
    """A fallback that reads is asked; one that is an effect is listed. No lock is asked for."""

    @task(effect="read")
    async def down() -> Any:
        raise ValueError("down")

    @task(effect="read")
    async def other() -> int:
        return 7

    effect = {"call": "pay", "args": {"amount": 1}}
    read = dry({"a": {"call": "down", "fallback": ["other", effect], "lock": "till"}}, "${a}")
    paid = dry({"a": {"call": "down", "fallback": [effect, {"value": None}]}}, "${a}")

    assert (read.output, read.would) == (7, [])
    assert [one.path for one in read.done] == ["a", "a/fallback[1]"]
    assert not paid.is_known
    assert [(one.path, one.name, one.effect) for one in paid.would] == [
        ("a/fallback[1]", "pay", "write")
    ]
    assert done == []

"""The gold calls of the leaderboard's conversations, by name and under kills, come out as if nothing had been."""

import asyncio
import os
import pickle
import random

from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.bfcl.cases import Case, cases, documents
from tests.bfcl.killing import play_cases, problems_of, refusals
from tests.bfcl.tables import CHANGES, REFUSED, RESULTS_UNTOLD
from tests.bfcl.world import Worlds, made, result_of

IS_FULL = os.environ.get("PODIUM_PROOF") == "full"
SEED = random.randrange(2**32) if IS_FULL else 4
SAMPLE = 40

pytestmark = pytest.mark.long  # reading the set takes a second


def chosen() -> list[str]:
    """Every case, or a sample that has one of those with a call to refuse."""
    ids = sorted(cases())
    if IS_FULL:
        return ids
    return sorted({*random.Random(SEED).sample(ids, SAMPLE), min(REFUSED)})


def test_cases_under_kills(tmp_path: Path) -> None:
    """The set's own check finds the same worlds; each ``write`` was done once, and repeated with its key only."""
    ids = chosen()
    problems, tally = asyncio.run(play_cases(tmp_path, ids, SEED, runs_max=32 if IS_FULL else 8))
    print(f"seed {SEED}: {len(ids)} of {len(cases())} cases; {tally}")

    assert problems == {}
    assert tally["runs succeeded"] == len(ids)
    assert tally["kills"] >= (15 if IS_FULL else 3)
    assert tally["writes asked for again with their key"] > 0


def test_cases_by_an_agent_under_kills(tmp_path: Path) -> None:
    """The same, where a scripted model plays the gold calls in the loop of an agent."""
    ids = (
        chosen()
        if IS_FULL
        else sorted(random.Random(SEED + 1).sample(sorted(cases()), SAMPLE // 2))
    )
    runs_max = 32 if IS_FULL else 8
    problems, tally = asyncio.run(play_cases(tmp_path, ids, SEED, runs_max, "by an agent"))
    print(f"seed {SEED}: {len(ids)} of {len(cases())} cases; {tally}")

    assert problems == {}
    assert tally["runs succeeded"] == len(ids)
    assert tally["kills"] >= (15 if IS_FULL else 2)
    assert tally["writes asked for again with their key"] > 0


def test_the_tables_are_right() -> None:
    """What changes a world is a ``write``, what looks is none; no result is left undescribed for nothing."""
    changing, unfitting = Counter[str](), Counter[str]()
    used = Counter[str]()
    for case in cases().values():
        instances = made(case)
        for call in case.calls:
            world, _, method = call.tool.partition(".")
            before = pickle.dumps(instances[world])
            value = result_of(instances[world], method, call.arguments)
            used[call.tool] += 1
            changing[call.tool] += pickle.dumps(instances[world]) != before
            response = documents()[call.tool]["response"]
            unfitting[call.tool] += not jsonschema_rs.is_valid(response, value)
    table = {f"{world}.{method}" for world, methods in CHANGES.items() for method in methods}

    assert set(+changing) == table & set(used)
    assert set(+unfitting) == set(RESULTS_UNTOLD)
    assert table <= set(documents())


def test_what_is_refused_does_not_fit() -> None:
    """Exactly the gold calls that do not fit the set's own documents are expected to be refused."""
    checks = {
        name: jsonschema_rs.validator_for(one["parameters"]) for name, one in documents().items()
    }
    unfit = {
        case.id: [call for call in case.calls if not checks[call.tool].is_valid(call.arguments)]
        for case in cases().values()
    }

    assert {name: calls for name, calls in unfit.items() if calls} == {
        name: refusals(cases()[name]) for name in REFUSED
    }


# that the checks can fail ---------------------------------------------------------------------


def played(case: Case, worlds: Worlds) -> list[dict[str, Any]]:
    """Make the calls of a case once each, as a run tells of them."""
    told = []
    for number, call in enumerate(case.calls):
        said = worlds.call(call.tool, dict(call.arguments), f"key {number}")
        told.append(
            {
                "is_ok": True, "value": said["value"], "code": "", "did_run": True, "text": "",
                "repairs": 0,
            }
        )  # fmt: skip
    return told


@pytest.fixture
def case() -> Case:
    """A case with writes and reads, after which one write more is seen."""
    return next(
        one for one in cases().values()
        if any(call.tool == "TwitterAPI.post_tweet" for call in one.calls)
        and not all(call.changes for call in one.calls)
    )  # fmt: skip


def test_calls_made_once_leave_no_problem(case: Case) -> None:
    """A case played without Podium passes; so does one in which a key came again."""
    worlds = Worlds(case)
    told = played(case, worlds)
    told_again = played(case, worlds)
    checked = worlds.check([])

    assert problems_of(case, told, checked) == []
    assert told_again == told
    assert {times for _, _, times in checked["writes"]} == {2}


def test_the_checks_can_fail(case: Case) -> None:
    """What the checks look for, they find."""
    number, post = next(
        (number, call) for number, call in enumerate(case.calls)
        if call.tool == "TwitterAPI.post_tweet"
    )  # fmt: skip
    found = {}

    worlds = Worlds(case)
    told = played(case, worlds)
    worlds.call(post.tool, dict(post.arguments), "another key")
    found["twice"] = problems_of(case, told, worlds.check([]))

    worlds = Worlds(case)
    told = played(case, worlds)
    worlds.call(post.tool, {"content": "something else"}, f"key {number}")
    worlds.call(post.tool, dict(post.arguments), None)
    found["keys"] = problems_of(case, told, worlds.check([]))
    told[number] |= {"value": "another value", "repairs": 1}
    found["told"] = problems_of(case, told, worlds.check([]))
    told[number] |= {"code": "arguments-invalid"}
    found["refused"] = problems_of(case, told, worlds.check([]))

    assert [one[:17] for one in found["twice"]] == ["the worlds differ", "executed with a k"]
    assert [one.partition(":")[0] for one in found["keys"]] == [
        "a key came again with another call",
        "1 calls that change the world came without a key",
    ]
    assert f"{post.text} was mended" in found["told"]
    assert any("gave 'another value'" in one for one in found["told"])
    assert f"{post.text} was refused" in found["refused"]
    assert f"{post.text} was refused and ran" in found["refused"]

"""Programs made by chance mean the same before and after."""

from __future__ import annotations

import pytest

from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st

from podium import Podium, RunFailed
from podium.flow import Flow
from podium.flow.importing import import_serverless
from tests.flow.importing.programs import Data, Meaning, Raised, TooLong, programs
from tests.harness import drive
from tests.sim.cases import IS_FULL

SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "log": {"type": "array"}},
    "required": ["n", "log"],
}


def compare(tasks: list[Data], start: int) -> None:
    """Carry out a program twice: as the source says, and as the flow does."""
    data: Data = {"n": start, "log": []}
    try:
        wanted: Data | None = Meaning(data, data).run(tasks)
    except Raised:
        wanted = None
    except TooLong:
        reject()
    found = import_serverless(
        {
            "document": {"dsl": "1.0.3", "namespace": "a", "name": "made", "version": "1.0.0"},
            "input": {"schema": {"document": SCHEMA}},
            "do": tasks,
        }
    )
    errors = [note for note in found.notes if note.is_error]
    assume(not any(note.code == "too-large" for note in errors))
    assert not errors, errors
    flow = Flow.from_dict(found.document)
    wrong = [str(one) for one in flow.findings if one.is_error]
    assert not wrong, wrong

    async def run() -> Data | None:
        async with Podium(":memory:") as app:
            started = await app.start(flow, data)
            try:
                return dict(await started.result())
            except RunFailed as error:
                return None if "made-up" in str(error) else {"failed": str(error)}

    given = drive(run())
    assert given == wanted, (given, wanted)


@pytest.mark.long
@settings(max_examples=12)
@given(programs(), st.integers(0, 14))
def test_meaning(tasks: list[Data], start: int) -> None:
    """Jumps, loops, conditions, data flow, context and errors are carried over with their meaning."""
    compare(tasks, start)


@pytest.mark.long
@settings(max_examples=1_000 if IS_FULL else 80)
@given(programs(), st.integers(0, 14))
def test_meaning_long(tasks: list[Data], start: int) -> None:
    """The same for many more programs."""
    compare(tasks, start)

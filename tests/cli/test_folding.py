"""Many steps in few lines."""

from datetime import UTC, datetime, timedelta

import pytest

from podium.cli.folding import Lines, folded
from podium.client.views import StepView
from podium.core.errors import ErrorInfo

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def step(path: str, status: str = "succeeded", seconds: float = 1.0) -> StepView:
    """A step that began at noon."""
    end = None if status == "started" else NOON + timedelta(seconds=seconds)
    error = ErrorInfo(type="E", message="no") if status == "failed" else None
    return StepView(path, "t", status=status, started_at=NOON, ended_at=end, error=error)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("fetch", "fetch"),
        ("fetch#12", "fetch"),
        ("fetch[3]", "fetch"),
        ("research/search[a/b]/fetch#2", "research/search/fetch"),
        ("gather#2[1]/put", "gather/put"),
    ],
)
def test_paths_that_differ_by_number_are_folded(path: str, expected: str) -> None:
    """Indexes, keys and occurrences do not make another line."""
    assert folded(path) == expected


def test_a_map_is_one_line() -> None:
    """A map is one line, with how far it is, out of how many where that is known."""
    lines = Lines()
    steps = {one.path: one for one in [step("fetch[0]"), step("fetch[1]", "started"), step("put")]}
    lines.update(steps, steps)
    unknown = [(line.label, line.tally, line.is_open) for line in lines.by_name.values()]
    lines.expect({"fetch": 1000})
    known = [(line.label, line.tally, line.is_open) for line in lines.by_name.values()]

    assert unknown == [("fetch", "1", True), ("put", "", False)]
    assert known == [("fetch", "1/1000", True), ("put", "", False)]


def test_a_step_that_changes_is_counted_once() -> None:
    """Each step counts with its newest status; the newest failure is remembered until it is mended."""
    lines = Lines()
    for status in ("started", "failed"):
        lines.update({"a[0]": step("a[0]", status), "a[1]": step("a[1]")}, ["a[0]", "a[1]"])
    line = lines.by_name["a"]
    failed = line.failure
    lines.update({"a[0]": step("a[0]", "succeeded", 5.0)}, ["a[0]"])

    assert failed is not None
    assert line.failure is None
    assert (line.tally, +line.counts) == ("2", {"succeeded": 2})
    assert line.duration_s(NOON) == 5.0

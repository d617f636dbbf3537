"""Run tests with pytest and tell of each in a line of JSON: `suite.py FOLDER TESTS SECONDS`.

It runs in a process of its own, where bubblewrap is there without a network and with nothing to write
to, and imports nothing but pytest. A test that takes longer than SECONDS fails at the line where it is.
"""

import json
import os
import signal
import sys

from collections.abc import Generator
from typing import Any, TextIO

import pytest

TRACE_CHARS = 3_000
PRINTED_CHARS = 500
MESSAGE_CHARS = 600
FAILURES_MAX = 8


class Report:
    """Tells of each test as it begins and ends."""

    def __init__(self, out: TextIO, seconds: float) -> None:
        self._out = out
        self._seconds = seconds
        self._failures = 0

    def _say(self, **what: str) -> None:
        print(json.dumps(what), file=self._out, flush=True)

    def _fail(self, test: str, report: Any) -> None:
        self._failures += 1
        if self._failures > FAILURES_MAX:
            return
        crash = getattr(report.longrepr, "reprcrash", None)
        trace = middle_left_out(report.longreprtext, TRACE_CHARS)
        if printed := getattr(report, "capstdout", ""):
            trace += f"\nIt printed:\n{middle_left_out(printed, PRINTED_CHARS)}"
        last = trace.strip().rpartition("\n")[2]
        message = (crash.message if crash else last) or "it failed"
        self._say(failed=test, message=message[:MESSAGE_CHARS], trace=trace)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Tell how a part of a test ended."""
        if report.failed:
            self._fail(report.nodeid, report)
        elif report.when == "call" and report.passed:
            self._say(passed=report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Tell of a file that cannot even be read."""
        if report.failed:
            self._fail(report.nodeid or "the tests", report)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Tell that all of them are over."""
        self._say(ended=str(int(exitstatus)))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Tell that a test begins and what it proves, and bound its time."""
        about = getattr(getattr(item, "function", None), "__doc__", None) or ""
        self._say(began=item.nodeid, about=" ".join(about.split()))
        with_alarm(self._seconds)
        try:
            return (yield)
        finally:
            with_alarm(0)

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self) -> Generator[None, object, object]:
        """Bound the time of an import."""
        with_alarm(self._seconds)
        try:
            return (yield)
        finally:
            with_alarm(0)


def with_alarm(seconds: float) -> None:
    """Have whatever runs fail after some seconds; 0: not any more."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds, 1.0 if seconds else 0)


def middle_left_out(text: str, chars: int) -> str:
    """Return a text, without its middle where it is long."""
    half = chars // 2
    return text if len(text) <= chars else f"{text[:half]}\n…\n{text[-half:]}"


def main(folder: str, tests: str, seconds: float) -> int:
    """Run the tests; what they print goes to the standard error."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    os.chdir(folder)

    def over(*_: object) -> None:
        __tracebackhide__ = True
        pytest.fail(f"it took longer than {seconds:g} s, and was stopped here")

    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, over)
    options = ["-q", "-p", "no:cacheprovider", "--color=no", "--import-mode=importlib"]
    where = [] if os.path.realpath(tests) == os.path.realpath(folder) else [tests]
    return int(
        pytest.main(
            [*options, f"--rootdir={folder}", "-c", ini(folder), *where], [Report(out, seconds)]
        )
    )


def ini(folder: str) -> str:
    """Return the file that holds pytest's settings."""
    return os.path.join(folder, "pyproject.toml")  # noqa: PTH118 - this file imports little


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))

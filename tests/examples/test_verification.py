"""The answers under `examples/verification` do what their page says, offline and wherever they are killed."""

import subprocess
import sys

from pathlib import Path

import pytest

from examples.verification.answers import answered
from podium import Flow
from podium.testing import crash_everywhere

ROOT = Path(__file__).parents[2]
QUESTION = "For how many years are gift cards valid?"
RIGHT = "Gift cards are valid for three years from the end of the year in which they were bought."

pytestmark = pytest.mark.long


def test_the_page() -> None:
    """A made-up quote is refused and named, the right one passes, and votes stop once nobody can win."""
    command = [sys.executable, "-m", "examples.verification"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True, timeout=60)
    first, second, third, fourth, *report = done.stdout.splitlines()

    assert first.startswith("round 1: all: refused: citations: refused: claims[0]")
    assert "'Gift cards are valid for five years" in first
    assert second == "round 2: all: passed"
    assert third.startswith(RIGHT)
    assert fourth == str({"text": RIGHT, "score": 1.0})
    assert report[0].startswith("self_consistency: ")


def test_a_crash_changes_no_answer() -> None:
    """Neither in the function nor in the document: the same rounds, and the same answer."""
    function = crash_everywhere(answered, {"question": QUESTION}, points=40)
    assert function.output["answer"] == RIGHT
    assert len(function.output["rounds"]) == 2

    flow = Flow.load(ROOT / "examples" / "verification" / "answers.yaml")
    document = crash_everywhere(flow, {"question": QUESTION}, points=40)
    assert document.output == {"text": RIGHT, "score": 1.0}


def test_a_question_that_no_page_answers_is_not_answered() -> None:
    """Whatever is written without a source is refused, and an editor decides."""
    answers = [{"decision": "fail", "why": "we do not know"}]
    report = crash_everywhere(answered, {"question": "Zzz?"}, answers=answers, points=20)

    assert report.output["answer"] is None
    assert "size(answer.claims) > 0" in report.output["rounds"][0]

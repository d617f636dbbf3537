"""The page about expressions is right: each example gives what stands beside it, each code is there."""

from __future__ import annotations

import json
import re

from typing import Any

import pytest

from podium.flow.expression import Expression, ExpressionError, Template, limits
from podium.flow.expression.functions import FUNCTIONS
from podium.flow.expression.syntax import LOOPS
from tests.tidy.repository import ROOT, SRC

PAGE = (ROOT / "docs" / "expressions.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
DATA = json.loads(next(text for kind, text in BLOCKS if kind == "json"))


def examples(kind: str) -> list[tuple[str, str]]:
    """Each line of the blocks of a kind, and what stands behind its last `//`."""
    lines = [line for found, text in BLOCKS if found == kind for line in text.splitlines()]
    cut = [line.rpartition("//") for line in lines]
    return [(source.strip(), wanted.strip()) for source, _, wanted in cut]


def outcome(evaluate: Any) -> str:
    """The value as JSON, or the code of the error."""
    try:
        return json.dumps(evaluate(), ensure_ascii=False)
    except ExpressionError as error:
        return f"error {error.code}"


def wanted_json(text: str) -> str:
    """What stands beside an example, in the same form."""
    return text if text.startswith("error ") else json.dumps(json.loads(text), ensure_ascii=False)


@pytest.mark.parametrize(("source", "wanted"), examples("cel"))
def test_expression(source: str, wanted: str) -> None:
    """An expression on the page gives what the page says."""
    assert outcome(lambda: Expression.parse(source).evaluate(DATA)) == wanted_json(wanted)


@pytest.mark.parametrize(("source", "wanted"), examples("template"))
def test_template(source: str, wanted: str) -> None:
    """A text on the page becomes what the page says."""
    template = json.loads(source)

    assert outcome(lambda: Template.parse(template).evaluate(DATA)) == wanted_json(wanted)


def codes(*makers: str) -> set[str]:
    """The codes that the source hands to some functions."""
    folder = SRC / "podium" / "flow" / "expression"
    text = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    return {code for maker in makers for code in re.findall(maker + r"\(\s*\"([a-z-]+)\"", text)}


def rows(heading: str) -> set[str]:
    """The first words of a table under a heading."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE))


def test_tables_are_complete() -> None:
    """Every code of an error and of a finding has its row, and no row is left over."""
    assert rows("Errors") == codes("ExpressionError")
    assert rows("What the check finds") == codes("_note", "Problem")


def test_every_function_is_there() -> None:
    """Every function and macro is named on the page."""
    assert {name for name in (*FUNCTIONS, *LOOPS, "has") if f"{name}(" not in PAGE} == set()


def test_limits_are_those_of_the_page() -> None:
    """The table of limits has the numbers of the code."""
    section = PAGE.split("## Limits\n")[1].split("\n## ")[0]
    numbers = [
        f"{limits.SOURCE_BYTES_MAX:,} bytes",
        f"| {limits.DEPTH_MAX} (",
        f"{limits.STEPS_MAX:,}",
        f"{limits.BUILT_BYTES_MAX >> 20} MiB",
        f"{limits.RESULT_BYTES_MAX >> 20} MiB",
        f"| {limits.VALUE_DEPTH_MAX} |",
        f"{limits.PATTERN_STATES_MAX:,}",
    ]

    assert [number for number in numbers if number not in section] == []

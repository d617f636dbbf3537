"""Tables and lists of the documents are complete: errors, options, names, commands, words."""

import importlib
import pkgutil
import re
import runpy

from pathlib import Path
from typing import Any

import pytest

import podium

from podium.client.app import WorkerKeywords
from podium.core import errors
from podium.core.effects import Effect
from podium.functions.options import TaskKeywords
from podium.journal.records import Status
from tests.docs.pages import PAGES, ROOT, place

DOCS = ROOT / "docs"
RUN_STATUSES = (
    "accepted", "running", "waiting", "blocked", "paused", "succeeded", "failed", "cancelled", "quarantined",
)  # fmt: skip
LINES_MAX = {"README.md": 150, "AGENTS.md": 80}
WRAPPED = {"CONTRIBUTING.md", "docs/guarantee.md", "docs/benchmarks.md"}
"""Pages that break lines by width."""


def read(name: str) -> str:
    """A page."""
    return (DOCS / name).read_text(encoding="utf-8")


def codes() -> set[str]:
    """The code of each error class in the package."""
    for module in pkgutil.walk_packages(podium.__path__, "podium."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found: set[str] = set()
    classes: list[type] = [errors.PodiumError]
    while classes:
        one = classes.pop()
        classes += one.__subclasses__()
        if one.__module__.startswith("podium."):
            found.add(vars(one).get("code", ""))
    return found - {""}


def words_of(text: str) -> set[str]:
    """Whatever stands in backquotes or in code."""
    return set(re.findall(r"[\w\-]+", " ".join(re.findall(r"```.*?```|`[^`]+`", text, re.DOTALL))))


def test_every_error_code_has_a_heading() -> None:
    """`docs/errors.md` has a heading for each code, and each heading is a code."""
    headings = re.findall(r"^### `([a-z\-]+)`$", read("errors.md"), re.MULTILINE)

    assert len(headings) == len(set(headings))
    assert set(headings) == codes()


def test_every_error_class_is_named_under_its_code() -> None:
    """A heading is followed by the name of the class that has the code."""
    named = dict(re.findall(r"^### `([a-z\-]+)`\n\n`(\w+)`", read("errors.md"), re.MULTILINE))

    assert {
        code: getattr(errors, name).code for code, name in named.items() if hasattr(errors, name)
    } == {code: code for code, name in named.items() if hasattr(errors, name)}
    assert set(named) == codes()


def test_every_warning_code_is_one() -> None:
    """Each code in the table of warnings stands in the source, and each that the guards give is in the table."""
    table = read("errors.md").partition("## Warnings")[2]
    listed = set(re.findall(r"^\| `([a-z\-]+)` \|", table, re.MULTILINE))
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    given = set(re.findall(r'Suspicion\(\s*"([a-z\-]+)"', source))

    assert {code for code in listed if f'"{code}"' not in source} == set()
    assert given - listed == set()


def test_every_public_name_is_documented() -> None:
    """Each name of the face stands on a page about workflows, about tools, or about errors."""
    pages = (
        "workflows", "budgets", "tools", "models", "agents", "sql", "shell", "safety", "mcp", "planning",
        "verification", "errors",
    )  # fmt: skip
    known = set[str]().union(*(words_of(read(f"{one}.md")) for one in pages))

    assert [name for name in podium.__all__ if name not in known] == []


def test_every_option_is_documented() -> None:
    """Each option of a task, and each effect, has its row."""
    rows = set(re.findall(r"^\| `(\w+)` \|", read("workflows.md"), re.MULTILINE))

    assert set(TaskKeywords.__annotations__) - rows == set()
    assert {effect.value for effect in Effect} - rows == set()


def test_every_option_of_the_app_is_documented() -> None:
    """Each parameter of `Podium(…)` has its row, and each public method of a run is named."""
    text = read("workflows.md")
    rows = set(re.findall(r"^\| `(\w+)` \|", text.partition("## The app")[2], re.MULTILINE))
    parameters = set(podium.Podium.__init__.__annotations__) - {"return", "database", "worker"}
    parameters |= set(WorkerKeywords.__annotations__)

    assert parameters - rows == set()


def test_every_status_is_in_the_glossary() -> None:
    """The words for how a run and a step stand are explained."""
    runs, _, steps = read("glossary.md").partition("## Status of a step")
    step_statuses = {value for name, value in vars(Status).items() if not name.startswith("_")}

    assert [word for word in RUN_STATUSES if f"| `{word}` |" not in runs] == []
    assert [word for word in step_statuses if f"| `{word}` |" not in steps] == []


def test_words_that_are_not_used() -> None:
    """What the glossary rules out stands in no public name."""
    line = next(
        line
        for line in read("glossary.md").splitlines()
        if line.startswith("These words are not used")
    )
    ruled_out = [
        re.sub(r"\(.*\)", "", word).strip()
        for word in line.partition(":")[2].strip(". ").split(",")
    ]

    assert "job" in ruled_out
    assert [name for name in podium.__all__ if name.lower() in ruled_out] == []


def test_the_commands_page_is_fresh() -> None:
    """`docs/cli.md` says what the commands say; else `python docs/generate.py` was forgotten."""
    generate: dict[str, Any] = runpy.run_path(str(DOCS / "generate.py"))

    assert generate["page"]() == read("cli.md")


def test_every_decision_is_listed() -> None:
    """The list of decisions has each page, with its number, and each page has its four parts."""
    index = read("adr/README.md")
    pages = sorted((DOCS / "adr").glob("0*.md"))

    assert [page.name for page in pages if f"({page.name})" not in index] == []
    for page in pages:
        text = page.read_text(encoding="utf-8")
        parts = re.findall(r"^## (.+)$", text, re.MULTILINE)

        assert text.startswith(f"# {page.name[:4]} "), page.name
        assert parts == ["Decision", "Why", "Roads not taken", "Consequence"], page.name


@pytest.mark.parametrize(("name", "most"), LINES_MAX.items())
def test_short_pages_stay_short(name: str, most: int) -> None:
    """The pages that everybody reads first are short."""
    assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) <= most


@pytest.mark.parametrize("page", [page for page in PAGES if place(page) not in WRAPPED], ids=place)
def test_one_sentence_per_line(page: Path) -> None:
    """A line of prose ends with its sentence, so that a change shows what was changed."""
    prose = re.sub(
        r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    lines = [line for line in prose.splitlines() if line.strip() and line[0] not in "|#<"]

    assert [line for line in lines if re.search(r"[a-z)`][.!?] [A-Z][a-z]", line)] == []

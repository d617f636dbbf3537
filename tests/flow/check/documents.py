"""What the tests of the check share: the page with its examples, and how a document is looked at."""

from __future__ import annotations

import re

from collections.abc import Mapping
from functools import cache
from typing import Any

from podium.core.spec import TaskSpec, registry
from podium.flow.check import check
from podium.flow.findings import Finding
from podium.flow.parse import parse
from podium.flow.source import read
from tests.harness import fresh_names
from tests.tidy.repository import ROOT

PAGE = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### `([a-z-]+)`\n(.*?)(?=^##|\Z)", PAGE, re.DOTALL | re.MULTILINE))
"""The text under each code."""


def example(code: str) -> Any:
    """The document under a code; the words that each has are added."""
    found = re.search(r"^```yaml\n(.*?)^```", SECTIONS[code], re.DOTALL | re.MULTILINE)
    assert found is not None
    data = read(found[1], code).data
    return {"podium": 1, "name": "example", **data} if data else data


@cache
def tasks() -> Mapping[str, TaskSpec]:
    """The tasks of the page."""
    code = re.search(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert code is not None
    with fresh_names():
        exec(compile(code[1], "findings.md", "exec", dont_inherit=True), {"__name__": "findings"})
        return dict(registry.tasks)


def look_at(data: Any) -> list[Finding]:
    """All that is found in a document: as it is read, and as it is checked."""
    document, found = parse(data, name="example")
    if document is None:
        return found
    return [*found, *check(document, tasks(), {}, known=found)]


def flow(text: str) -> list[Finding]:
    """The findings of a document in YAML, without the words that each has."""
    return look_at({"podium": 1, "name": "example", **read(text, "example").data})

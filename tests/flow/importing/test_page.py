"""The page about the import is complete."""

from __future__ import annotations

import re

from pathlib import Path

from podium.flow.importing.document import TASKS
from podium.flow.importing.kinds import KINDS

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "import.md").read_text(encoding="utf-8")
SOURCE = "".join(
    path.read_text(encoding="utf-8")
    for path in (ROOT / "src" / "podium" / "flow" / "importing").rglob("*.py")
)


def test_every_code_of_a_note_is_listed() -> None:
    """Each code that notes have stands in the table, and each in the table is one."""
    calls = re.findall(r'\.(?:error|warn|lost)\(\s*"([a-z-]+)"', SOURCE)
    notes = re.findall(r'\.note\(\s*"(?:error|warning)",\s*"([a-z-]+)"', SOURCE)
    others = {"jq", "jq-syntax", "left-out", "secrets", "authentication", "catalog"}
    rows = re.findall(
        r"^\| ((?:`[a-z-]+`(?:, )?)+) \|", PAGE.partition("## Notes")[2], re.MULTILINE
    )
    listed = {code for row in rows for code in re.findall(r"`([a-z-]+)`", row)}

    assert listed == {*calls, *notes, *others}


def test_every_kind_has_its_row() -> None:
    """Each kind of task stands in the table of kinds, and each task to register in its own."""
    table, _, rest = PAGE.partition("### Data")
    registered = rest.partition("## Tasks to register")[2]

    assert [
        kind for kind in (*KINDS, "switch") if not re.search(rf"^\| `{kind}\b", table, re.MULTILINE)
    ] == []
    assert [task for task in TASKS if f"`{task}`" not in registered] == []

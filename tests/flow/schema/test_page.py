"""What docs/editors.md shows is in the schema: the page was made with a language server, which tests do without."""

import json
import re

from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

from podium.core.spec import TaskOptions, TaskSpec
from podium.flow.schema import language_schema
from podium.flow.schema.language import KINDS

PAGE = (Path(__file__).parents[3] / "docs" / "editors.md").read_text(encoding="utf-8")
SERVERS_OWN = re.compile(r"(Missing property|Property \w+ is not allowed|Incorrect type)\b")
"""What a language server says in its own words."""


def search_kb(query: str, limit: int = 5) -> list[str]:
    """Search the knowledge base."""
    return [query][:limit]


def refund(order_id: str, amount: float) -> str:
    """Pay money back."""
    return f"{order_id}{amount}"


SCHEMA = language_schema({
    each.__name__: TaskSpec(each, each.__name__, TaskOptions()) for each in (search_kb, refund)
})  # fmt: skip
TEXT = json.dumps(SCHEMA, ensure_ascii=False)


def block(after: str, language: str = "") -> str:
    """The first block of that language behind a sentence of the page."""
    found = re.search(
        rf"^```{language}\n(.*?)^```$", PAGE.partition(after)[2], re.DOTALL | re.MULTILINE
    )
    assert found is not None
    return found[1]


def test_what_is_offered_is_in_the_schema() -> None:
    """Each word of the first list stands in it with its meaning."""
    lines = re.findall(
        r"^    (\w+)(?: …)? {2,}(.+?)(?: …)?$", block("with gaps to fill."), re.MULTILINE
    )

    assert len(lines) == 8
    assert [word for word, _ in lines if f'"{word}"' not in TEXT] == []
    assert [text for _, text in lines if text not in TEXT] == []
    no_kind = 2 * len(KINDS) + len(SCHEMA["definitions"]["kind_set"]["properties"]) - 1
    assert f"(and {no_kind - len(lines)} more)" in PAGE


def test_what_is_underlined_is_wrong() -> None:
    """Each message of the page is the schema's or the server's own, and the document has as many faults."""
    told = re.findall(r"^ ?\d+:\d+ +(.+)$", block("    cal: format_response\n```"), re.MULTILINE)
    document: dict[str, Any] = yaml.safe_load(block("## What it underlines", "yaml"))
    errors = [*jsonschema_rs.validator_for(SCHEMA).iter_errors(document)]

    assert [text for text in told if text not in TEXT and not SERVERS_OWN.match(text)] == []
    assert len(told) == len(errors) == 9

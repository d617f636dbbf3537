"""What is known of an MCP server without asking it."""

import json

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hypothesis import given
from hypothesis import strategies as st

import podium

from podium import InvalidOption
from podium.core.effects import Effect
from podium.tools.mcp.description import (
    Described,
    Description,
    Hints,
    Place,
    description_of,
    names_of,
)
from podium.tools.mcp.tools import McpTools, mcp_tools
from podium.tools.names import tool_name
from tests.harness import fresh_names
from tests.tools.mcp.servers import WHAT, described


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    with fresh_names():
        yield


def made(*tools: Described, **options: Any) -> McpTools:
    return mcp_tools(Description("raw", Place(command=("raw",)), tools), **options)


def test_a_file_is_what_was_written(tmp_path: Path) -> None:
    """A description comes back from its file as it was, and people can read it."""
    path = tmp_path / "raw.mcp.json"
    path.write_text(described().written(), encoding="utf-8")

    assert description_of(path) == description_of(json.loads(path.read_text())) == described()
    assert '"name": "send mail!"' in path.read_text()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mcp": 2}, "mcp"),
        ({"name": "Not A Name"}, "lower-case"),
        ({"place": {}}, "command or a url"),
        ({"place": {"command": ["a"], "url": "http://a"}}, "not both"),
        ({"place": {"url": "ftp://a"}}, "expected http"),
        ({"place": {"url": "http://a", "env": {"A": "b"}}}, "for a command"),
        ({"place": {"command": ["a"], "headers": {"A": "b"}}}, "for a url"),
        ({"tools": [{"name": 3}]}, "str"),
        ({"tools": [{"name": "a"}]}, "input"),
    ],
)
def test_what_is_no_description(change: dict[str, Any], words: str) -> None:
    """The message says what is wrong, and where."""
    plain = {**json.loads(described().written()), **change}
    with pytest.raises(InvalidOption, match=words):
        description_of(plain)


def test_what_is_no_file(tmp_path: Path) -> None:
    """A file that is not there, or no JSON, is said so with what to do."""
    with pytest.raises(InvalidOption, match="podium mcp add"):
        description_of(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(InvalidOption, match="no JSON"):
        description_of(tmp_path / "bad.json")


@given(st.lists(st.text(min_size=1, max_size=90), unique=True, max_size=8))
def test_names_are_safe_and_told_apart(names: list[str]) -> None:
    """Whatever a server calls its tools, each has a name of its own that is allowed here."""
    ours = names_of(tuple(Described(one, {}) for one in names))

    assert list(ours) == names
    assert len({one.casefold() for one in ours.values()}) == len(names)
    for one in ours.values():
        tool_name(one, "server")


@pytest.mark.parametrize(
    ("hints", "effect", "is_final"),
    [
        (Hints(), Effect.ONCE, True),
        (Hints(destructive=False), Effect.ONCE, True),
        (Hints(read_only=True), Effect.READ, False),
        (Hints(read_only=True, destructive=True), Effect.READ, False),
        (Hints(idempotent=True), Effect.WRITE, True),
        (Hints(idempotent=True, destructive=True), Effect.WRITE, True),
        (Hints(idempotent=True, destructive=False), Effect.WRITE, False),
    ],
)
def test_effects_follow_from_hints(hints: Hints, effect: Effect, is_final: bool) -> None:
    """No hint means the worst; what may destroy cannot be taken back."""
    [tool] = made(Described("do", WHAT, "", {}, hints)).values()

    assert (tool.spec.effect, tool.spec.is_irreversible) == (effect, is_final)
    assert (tool.spec.card.outside, tool.spec.card.foreign) == (True, True)


def test_options_of_all_and_of_one() -> None:
    """What its user knows counts more than what a server says."""
    tools = made(
        Described("a", WHAT), Described("b", WHAT, "B.", {}, Hints(False, True, False)),
        namespace="ours", foreign=False, tags=["net"], timeout="5s", start_timeout="2s", message_bytes_max=1000,
        overrides={"a": {"effect": "read", "outside": False}, "b": {"effect": "write", "name": "better"}},
    )  # fmt: skip

    assert [one.name for one in tools.values()] == ["ours.a", "ours.better"]
    assert [str(one.spec.effect) for one in tools.values()] == ["read", "write"]
    assert [one.spec.card.outside for one in tools.values()] == [False, True]
    assert [one.spec.is_irreversible for one in tools.values()] == [False, True]
    assert not any(one.spec.card.foreign for one in tools.values())
    assert podium.tools.get("ours.a").spec.card.tags == ("net",)


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "array"}, "must be of an object"),
        ({"type": "object", "properties": {"a": {"$ref": "http://evil/x"}}}, "nothing is fetched"),
        ({"type": "object", "properties": {"a": {"pattern": "(?=a)b"}}}, "a schema is none"),
        ({"type": "thing"}, "must be of an object"),
    ],
)
def test_schemas_that_make_no_tool(schema: dict[str, Any], why: str) -> None:
    """A tool whose schema cannot be used is left out with the reason; asked for by name it is an error."""
    tools = made(Described("good", WHAT), Described("bad", schema))

    assert list(tools) == ["good"]
    assert why in tools.skipped["bad"]
    with pytest.raises(InvalidOption, match=why):
        made(Described("bad", schema), only=["bad"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"only": ["b"]}, "has no tool 'b'; it has a"),
        ({"overrides": {"b": {}}}, "has no tool"),
        ({"timeout": 5}, "timeout"),
        ({"start_timeout": "never"}, "start_timeout"),
        ({"message_bytes_max": 0}, "message_bytes_max"),
        ({"place": {"url": "http://a"}}, "not both"),
        ({"place": {"kommand": []}}, "kommand"),
        ({"efect": "read"}, "efect"),
        ({"overrides": {"a": {"effect": "once", "irreversible": False}}}, "trust="),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], words: str) -> None:
    """They are refused where the tools are made."""
    with pytest.raises(InvalidOption, match=words):
        made(Described("a", WHAT), **options)

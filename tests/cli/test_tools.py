"""`podium tools`: what there is, what it says about itself, and one call."""

import json
import shutil

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Said, Shell

pytestmark = pytest.mark.long

TOOLS = Path(__file__).with_name("tooling.py")


@pytest.fixture
def typed(podium: Callable[..., Said], shell: Shell) -> Callable[..., Said]:
    """Type a command in a folder that has tools."""
    shutil.copy(TOOLS, shell.folder / "tooling.py")
    return lambda *words: podium("tools", *words, cwd=shell.folder)


def test_list(typed: Callable[..., Said]) -> None:
    """Names, effects, tags, first sentences; what is missing is a note, not an error."""
    said = typed("list", "tooling")

    assert said.code == 0
    assert said.out.splitlines()[1:] == [
        "shop.order_status  read    orders  Say where an order is.",
        "shop.refund@2      write   money",
    ]
    assert "note: shop.refund@2: it has no description" in said.err
    assert "note: shop.order_status: parameter 'region' has no description" in said.err
    assert "note: shop.order_status: example 2 does not fit: order: 1 is not of" in said.err


def test_list_some(typed: Callable[..., Said]) -> None:
    """By tag, by words, as JSON."""
    by_tag = json.loads(typed("list", "tooling", "--tag", "money", "--json").out)
    found = json.loads(typed("list", "tooling", "--search", "where is my order", "--json").out)
    nothing = typed("list", "tooling", "--tag", "zzz")

    assert [one["name"] for one in by_tag] == ["shop.refund@2"]
    assert found[0]["name"] == "shop.order_status"
    assert (nothing.code, nothing.out, nothing.err) == (0, "", "No tool fits.\n")


def test_show(typed: Callable[..., Said]) -> None:
    """All that matters of one tool, on a page; the same as JSON."""
    said = typed("show", "tooling:shop.order_status")
    found = json.loads(typed("show", "tooling:shop.order_status", "--json").out)

    for line in (
        "effect     read: looks at the world and changes nothing; may be repeated",
        "arguments  order   a string                             The order's number.",
        '           region  one of "eu", "us"; "eu" if left out',
        "           tenant  from the run's attribute 'tenant'",
        "policies   timeout 5s",
        "           rate 10 in 1s (shop.order_status)",
        "note       parameter 'region' has no description",
    ):
        assert line in said.out.splitlines()
    assert found["from_run"] == {"tenant": "tenant"}
    assert found["input_schema"]["required"] == ["order"]
    assert found["policies"]["retry"] == "3 attempts, 100ms before the second"


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("tooling:refund", "There is no tool 'refund'. Did you mean 'shop.refund'"),
        ("tooling", "expected MODULE:NAME"),
        ("nowhere:shop.refund", "nowhere"),
    ],
)
def test_show_what_is_not_there(typed: Callable[..., Said], reference: str, words: str) -> None:
    """Near names, the form of a reference, the module that is missing."""
    said = typed("show", reference)

    assert said.code == 2
    assert words in said.err


def test_call(typed: Callable[..., Said], podium: Callable[..., Said], shell: Shell) -> None:
    """It is a durable run; what was mended is said, and what the tool prints is not the result."""
    given = ["call", "tooling:shop.order_status", "--args", '{"Order": 5}']
    said = typed(*given, "--header", "tenant=acme", "--id", "one")
    row = json.loads(podium("runs", "show", "one", "--json", cwd=shell.folder).out)

    assert said.code == 0
    assert json.loads(said.out) == {"order": "5", "region": "eu", "of": "acme"}
    assert "mended: 'Order' was taken for 'order'" in said.err
    assert 'mended: order was 5 and is "5"' in said.err
    assert (row["workflow"], row["status"]) == ("call-shop-order_status", "succeeded")
    assert "--header tenant=VALUE" in typed(*given).err


def test_call_with_arguments_that_do_not_fit(typed: Callable[..., Said], shell: Shell) -> None:
    """They are named one by one, and no database is made."""
    said = typed("call", "tooling:shop.refund", "--args", '{"cents": "x", "odd": 1}', "--yes")

    assert said.code == 2
    assert 'cents: found "x", expected an integer.' in said.err
    assert "order: missing; expected a value." in said.err
    assert not (shell.folder / "podium.db").exists()


def test_call_what_changes_something(typed: Callable[..., Said], shell: Shell) -> None:
    """It is asked first, unless --yes is given; a failure is exit 5."""
    shutil.copy(TOOLS, shell.folder / "tooling.py")
    words = ["tools", "call", "tooling:shop.refund", "--args"]
    asked = shell.run(*words, '{"order": "a", "cents": 5}', input="n\n")
    agreed = shell.run(*words, '{"order": "${a}", "cents": 5}', input="y\n")
    failed = shell.run(*words, '{"order": "a", "cents": 500}', "--yes", "--json")

    assert asked.returncode == 130
    assert "shop.refund@2 is write: it changes the world" in asked.stderr
    assert json.loads(agreed.stdout) == {"refunded": 5, "order": "${a}"}
    assert failed.returncode == 5
    assert "too much" in json.dumps(json.loads(failed.stdout))

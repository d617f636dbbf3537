"""`podium flow`: documents before they run."""

import json
import sys

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli import flows
from tests.cli.conftest import Said, Shell
from tests.cli.test_run import in_terminal

UNTIDY = """\
podium: 1 # the language
nodes:
    a: {args: {n: 1}, call: fetch}   # first
uses: ["shop"]
"""
TIDY = """\
podium: 1  # the language
uses: [shop]
nodes:
  a: {call: fetch, args: {n: 1}}  # first
"""
SERVERLESS = """\
document: {dsl: '1.0.0', namespace: test, name: pets, version: '0.1.0'}
do:
  - wait_a_bit: {wait: {seconds: 5}}
  - result: {set: {name: Rex}}
"""


@pytest.fixture
def folder(shell: Shell) -> Path:
    """A folder with programs and documents."""
    for name in ("ORDER", "PAID", "WRONG", "CIRCLE"):
        (shell.folder / f"{name.lower()}.yaml").write_text(getattr(flows, name))
    return shell.folder


# check --------------------------------------------------------------------------------------


def test_check_shows_every_finding_with_its_line(podium: Callable[..., Said], folder: Path) -> None:
    """Each finding has file, line, column, code, message, the line with a marker, hint and path."""
    said = podium("flow", "check", "wrong.yaml", "order.yaml", cwd=folder)

    assert said.code == 3
    assert (
        "wrong.yaml:4:13: error[unknown-task]\n"
        "  there is no task 'ftch'.\n"
        "  4 |   a: {call: ftch, args: {n: 1}}\n"
        "    |             ^~~~\n"
        "  hint: Did you mean 'fetch'?\n"
        "  at $.nodes.a.call\n"
    ) in said.out
    assert "error[unknown-argument]" in said.out
    assert "error[unknown-name]" in said.out
    assert "\nwrong.yaml has 4 errors\norder.yaml is sound\n" in said.out
    assert "\x1b" not in said.out


def test_check_as_json(podium: Callable[..., Said], folder: Path) -> None:
    """`--json` is one object with every finding as data."""
    wrong = podium("flow", "check", "circle.yaml", "--json", cwd=folder)
    sound = podium("flow", "check", "order.yaml", "--json", cwd=folder)
    found = json.loads(wrong.out)
    first = found["files"][0]["findings"][0]

    assert (wrong.code, sound.code) == (3, 0)
    assert found["ok"] is False
    assert (first["code"], first["path"], first["line"]) == ("cycle", "$.nodes.a", 3)
    assert json.loads(sound.out) == {
        "ok": True, "files": [{"file": "order.yaml", "ok": True, "findings": []}],
    }  # fmt: skip


def test_check_of_what_is_no_document(podium: Callable[..., Said], folder: Path) -> None:
    """A text that cannot be read is a finding; a file that is not there is a usage error."""
    (folder / "torn.yaml").write_text("podium: 1\nnodes: [a\n")
    torn = podium("flow", "check", "torn.yaml", cwd=folder)
    nowhere = podium("flow", "check", "nowhere.yaml", cwd=folder)

    assert torn.code == 3
    assert "torn.yaml:3:1: error[document-unreadable]" in torn.out
    assert (nowhere.code, nowhere.out) == (2, "")
    assert "nowhere.yaml cannot be read" in nowhere.err


def test_check_of_missing_modules(podium: Callable[..., Said], folder: Path) -> None:
    """A module that `uses` names and that is not there is a finding at its place."""
    (folder / "far.yaml").write_text("podium: 1\nuses: [nowhere]\nnodes: {a: {set: 1}}\n")
    said = podium("flow", "check", "far.yaml", cwd=folder)

    assert said.code == 3
    assert "far.yaml:2:8: error[module-missing]" in said.out


def test_a_long_line_is_cut_around_the_place(podium: Callable[..., Said], folder: Path) -> None:
    """Of a long line the part around the place is shown, with the marker under it."""
    filler = ", ".join(f"n{number}: {{set: {number}}}" for number in range(60))
    (folder / "long.yaml").write_text(
        f"podium: 1\nnodes: {{{filler}, bad: {{set: '${{nothere}}'}}, {filler.replace('n', 'm')}}}\n"
    )
    lines = podium("flow", "check", "long.yaml", cwd=folder).out.splitlines()
    number = next(number for number, line in enumerate(lines) if "2 | …" in line)
    marked = lines[number][lines[number + 1].index("^") :]

    assert len(lines[number]) < 170
    assert lines[number].endswith("…")
    assert "nothere" in marked[:12]


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of this kind is not there")
def test_check_in_a_terminal(folder: Path) -> None:
    """In a terminal findings are coloured, and nothing is wider than it is."""
    code, screen = in_terminal(["flow", "check", "wrong.yaml"], folder, {})
    plain = in_terminal(["flow", "check", "wrong.yaml"], folder, {"NO_COLOR": "1"})[1]

    assert code == 3
    assert "\x1b[31m" in screen
    assert "\x1b" not in plain
    assert max(map(len, plain.split("\r\n"))) <= 60


# schema, fmt --------------------------------------------------------------------------------


def test_schema(podium: Callable[..., Said], folder: Path) -> None:
    """`flow schema` prints the JSON Schema; with modules it knows their tasks; models get a small one."""
    plain = podium("flow", "schema", cwd=folder)
    known = podium("flow", "schema", "--uses", "shop", cwd=folder)
    small = podium("flow", "schema", "--for-models", "--uses", "shop", cwd=folder)

    assert json.loads(plain.out)["$schema"].startswith("http://json-schema.org/draft-07/")
    assert '"told_to_go"' not in plain.out
    assert '"told_to_go"' in known.out
    assert '"told_to_go"' in small.out
    assert len(small.out) < len(known.out)
    assert podium("flow", "schema", "--uses", "nowhere", cwd=folder).code == 2


def test_fmt(podium: Callable[..., Said], folder: Path) -> None:
    """`flow fmt` writes the usual layout and keeps comments; `--check` and `--stdout` change no file."""
    place = folder / "untidy.yaml"
    place.write_text(UNTIDY)
    checked = podium("flow", "fmt", "--check", "untidy.yaml", cwd=folder)
    shown = podium("flow", "fmt", "--stdout", "untidy.yaml", cwd=folder)
    before = place.read_text()
    written = podium("flow", "fmt", "untidy.yaml", cwd=folder)
    again = podium("flow", "fmt", "--check", "untidy.yaml", cwd=folder)

    assert (checked.code, shown.code, written.code, again.code) == (1, 0, 0, 0)
    assert "untidy.yaml is not in the usual layout" in checked.err
    assert before == UNTIDY
    assert shown.out == place.read_text() == TIDY
    assert sorted(one.name for one in folder.glob(".*")) == []


def test_fmt_leaves_what_it_cannot_read(podium: Callable[..., Said], folder: Path) -> None:
    """A file that is no document is left as it is (3), and the others are written all the same."""
    (folder / "torn.yaml").write_text("podium: [1\n")
    (folder / "untidy.yaml").write_text(UNTIDY)
    said = podium("flow", "fmt", "torn.yaml", "untidy.yaml", cwd=folder)

    assert said.code == 3
    assert "torn.yaml:2:1: error[document-unreadable]" in said.err
    assert (folder / "torn.yaml").read_text() == "podium: [1\n"
    assert (folder / "untidy.yaml").read_text() == TIDY


# graph, import ------------------------------------------------------------------------------


def test_graph_in_each_format(podium: Callable[..., Said], folder: Path) -> None:
    """`flow graph` draws in the terminal, as Mermaid and as SVG; a file's ending says which."""
    drawn = podium("flow", "graph", "order.yaml", cwd=folder)
    mermaid = podium("flow", "graph", "order.yaml", "--format", "mermaid", cwd=folder)
    written = podium("flow", "graph", "order.yaml", "-o", "order.svg", cwd=folder)

    assert (drawn.code, mermaid.code, written.code) == (0, 0, 0)
    assert "─ route switch ─" in drawn.out
    assert mermaid.out.startswith("%% order\nflowchart TD\n")
    assert (folder / "order.svg").read_text().startswith("<svg ")
    assert (written.out, written.err) == ("", "order is drawn in order.svg.\n")


def test_graph_of_a_document_with_errors(podium: Callable[..., Said], folder: Path) -> None:
    """What can be read is drawn, errors or not; what cannot is refused with its findings."""
    (folder / "torn.yaml").write_text("podium: [1\n")
    drawn = podium("flow", "graph", "circle.yaml", cwd=folder)
    refused = podium("flow", "graph", "torn.yaml", cwd=folder)

    assert drawn.code == 0
    assert "circle.yaml has 1 error: podium flow check circle.yaml" in drawn.err
    assert (refused.code, refused.out) == (3, "")
    assert "torn.yaml:2:1: error[document-unreadable]" in refused.err


def test_import(podium: Callable[..., Said], folder: Path) -> None:
    """`flow import` writes a flow that the check takes, and says what it left out, at its place."""
    (folder / "pets.sw.yaml").write_text(SERVERLESS)
    said = podium("flow", "import", "pets.sw.yaml", "-o", "pets.yaml", cwd=folder)
    shown = podium("flow", "import", "pets.sw.yaml", cwd=folder)
    as_json = json.loads(podium("flow", "import", "pets.sw.yaml", "--json", cwd=folder).out)

    assert (said.code, said.out) == (0, "")
    assert "pets.sw.yaml:1:" in said.err
    assert "'namespace' is not carried over" in said.err
    assert shown.out == (folder / "pets.yaml").read_text()
    assert podium("flow", "check", "pets.yaml", cwd=folder).code == 0
    assert (as_json["document"]["name"], as_json["complete"], as_json["tasks"]) == (
        "pets",
        True,
        [],
    )
    assert "left-out" in {one["code"] for one in as_json["notes"]}


def test_import_of_what_cannot_be_carried_over(podium: Callable[..., Said], folder: Path) -> None:
    """A flow that does less than its source is exit 3; so is what is no such document."""
    (folder / "odd.yaml").write_text(SERVERLESS.replace("wait: {seconds: 5}", "fly: {height: 3}"))
    less = podium("flow", "import", "odd.yaml", cwd=folder)
    other = podium("flow", "import", "order.yaml", cwd=folder)

    assert less.code == other.code == 3
    assert "does less than the source" in less.err
    assert "odd.yaml:3:" in less.err
    assert other.out == ""
    assert "order.yaml:1:1: error[" in other.err

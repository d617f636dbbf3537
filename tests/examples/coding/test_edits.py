"""What a model may write: paths within the tree, texts that stand there once, all edits or none."""

from pathlib import Path, PurePosixPath

import pytest

from hypothesis import given
from hypothesis import strategies as st

from examples.coding.edits import files_after
from examples.coding.forms import Edit
from examples.coding.paths import complaint, pattern
from examples.coding.repository import Repository

pytestmark = pytest.mark.long

FILES = {
    "README.md": b"# Lamps\n",
    "src/lamp.py": b"watts = 5\nvolts = 5\n",
    "tests/test_lamp.py": b"def test_it(): pass\n",
    "run.sh": b"#!/bin/sh\n",
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> tuple[Repository, str]:
    """A repository and its head."""
    folder = tmp_path_factory.mktemp("repository")
    for path, content in FILES.items():
        (folder / "files" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "files" / path).write_bytes(content)
    made = Repository.made_of(folder / "r.git", folder / "files", "Begin")
    linked = made.git("hash-object", "-w", "--stdin", given=b"/etc/passwd").strip()
    tree = made.git("ls-tree", "HEAD:") + f"120000 blob {linked}\tlink\n"
    tree_hash = made.git("mktree", given=tree.encode()).strip()
    return made, made.commit_tree(tree_hash, [made.head("main")], "A link", 1_800_000_000)


def after(repository: tuple[Repository, str], *edits: Edit, allowed: str = "**") -> tuple[dict[str, bytes], list[str]]:  # fmt: skip
    return files_after(*repository, edits, [allowed])


def test_edits_are_made_in_their_order(repository: tuple[Repository, str]) -> None:
    """A later one sees what an earlier one has made; a file that ends as it was is not changed."""
    files, problems = after(
        repository,
        Edit("src/lamp.py", "watts = 5", "watts = 6"),
        Edit("src/lamp.py", "watts = 6", "watts = 7"),
        Edit("src/new.py", "", "x = 1"),
        Edit("README.md", "Lamps", "Lamps"),
    )

    assert problems == []
    assert files == {"src/lamp.py": b"watts = 7\nvolts = 5\n", "src/new.py": b"x = 1\n"}


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (Edit("src/lamp.py", " = 5", ""), "stands there 2 times"),
        (Edit("src/lamp.py", "amps", ""), "does not stand there"),
        (Edit("src/none.py", "x", "y"), "there is no such file"),
        (Edit("src", "", "x"), "cannot be both file and folder"),
        (Edit("run.sh/x", "", "x"), "cannot be both file and folder"),
        (Edit("link", "", "x"), "it is a link"),
        (Edit("../x.py", "", "x"), "leads out"),
        (Edit("/etc/passwd", "", "x"), "leads out"),
        (Edit("a//b", "", "x"), "leads out"),
        (Edit(".git/config", "", "x"), "belongs to git"),
        (Edit("src/.GIT/hooks/x", "", "x"), "belongs to git"),
        (Edit(".gitattributes", "", "x"), "belongs to git"),
        (Edit("a\nb", "", "x"), "no path"),
        (Edit("C:\\x", "", "x"), "no path"),
        (Edit("x" * 300, "", "x"), "no path"),
        (Edit("src/big.py", "", "x" * 300_000), "300,0"),
        (Edit("src/half.py", "", "\ud800"), "half a character"),
        (Edit("README.md", "Lamps", "Lamps"), "change nothing"),
    ],
)
def test_what_is_refused(repository: tuple[Repository, str], edit: Edit, said: str) -> None:
    """Each with its reason, and nothing of it is made."""
    _, problems = after(repository, edit)

    assert len(problems) == 1
    assert said in problems[0]


def test_one_bad_edit_spoils_all(repository: tuple[Repository, str]) -> None:
    """Every fault is told at once."""
    _, problems = after(
        repository, Edit("src/a.py", "", "x"), Edit("README.md", "", "x"), Edit("../b", "", "x"), allowed="src/**",
    )  # fmt: skip

    assert [problem.partition(":")[0] for problem in problems] == [
        "Edit 2 of 'README.md'",
        "Edit 3 of '../b'",
    ]


@pytest.mark.parametrize(
    ("glob", "path", "fits"),
    [
        ("src/**/*.py", "src/a.py", True),
        ("src/**/*.py", "src/a/b/c.py", True),
        ("src/**/*.py", "src/a.pyc", False),
        ("src/*.py", "src/a/b.py", False),
        ("docs/**", "docs/a/b.md", True),
        ("docs/**", "docs2/a.md", False),
        ("test_?.py", "test_a.py", True),
        ("test_?.py", "test_/.py", False),
        ("a.py", "aXpy", False),
    ],
)
def test_patterns(glob: str, path: str, fits: bool) -> None:
    """A star stays within a name, two go through folders."""
    assert bool(pattern(glob).fullmatch(path)) is fits


@given(st.lists(st.sampled_from(["a", "..", ".", "", ".git", "b.py", "~", "\\", "%2e%2e", "\0"]), max_size=6))  # fmt: skip
def test_no_path_leads_out(parts: list[str]) -> None:
    """Whatever path is let through stays within the tree, and is no part of git."""
    path = "/".join(parts)
    if complaint(path, ["**"]):
        return
    root = Path("/tree")

    assert PurePosixPath(path).parts == tuple(path.split("/"))
    assert (root / path).resolve().is_relative_to(root)
    assert ".git" not in path

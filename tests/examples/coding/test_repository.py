"""Commits that are made again are the same, a merge happens once, and nothing of the user's git counts."""

import os

from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.coding import steps
from examples.coding.forms import Edit, Edits, Merged
from examples.coding.repository import GitBusy, GitFailed, GitMissing, Repository

pytestmark = pytest.mark.long

WHEN = 1_800_000_000
EDITS = Edits("More light", [Edit("lamp.py", "5", "6")])


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository with one file."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "lamp.py").write_text("watts = 5\n", encoding="utf-8")
    return Repository.made_of(tmp_path / "r.git", tmp_path / "files", "Begin")


@pytest.fixture(autouse=True)
def _run_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps.podium, "run_id", lambda: "run-1")


def applied(repository: Repository, edits: Edits = EDITS) -> str:
    """The commit of some edits on main."""
    done = steps.apply_edits.fn(str(repository.path), repository.head("main"), edits, ["**"], WHEN)
    assert done.problems == []
    return str(done.commit)


def merged(repository: Repository, base: str, commit: str, tag: str = "v2") -> Merged:
    """What becomes of a merge."""
    done: Merged = steps.merge_and_tag.fn(
        str(repository.path), "main", base, commit, tag, message="Merge", when=WHEN
    )
    return done


def test_the_same_edits_make_the_same_commit(repository: Repository) -> None:
    """So a step that is repeated changes nothing; other edits make another one."""
    once, twice = applied(repository), applied(repository)

    assert once == twice
    assert applied(repository, Edits("Less", [Edit("lamp.py", "5", "4")])) != once


def test_a_merge_is_made_once(repository: Repository) -> None:
    """Repeated it finds what is there; the branch of the run is gone, main has both parents."""
    base, commit = repository.head("main"), applied(repository)
    once = merged(repository, base, commit)
    before = repository.git("for-each-ref")

    assert merged(repository, base, commit) == once == Merged(repository.head("main"), "v2")
    assert repository.git("for-each-ref") == before
    assert repository.git("log", "--format=%s", "main").splitlines() == ["Merge", "More light", "Begin"]  # fmt: skip
    assert before.split()[2::3] == ["refs/heads/main", "refs/tags/v2"]
    assert repository.git("rev-parse", "v2^{commit}").strip() == once.commit


def test_a_merge_that_was_cut_in_half_is_finished(repository: Repository) -> None:
    """The branch has moved and there is no tag yet: it is made."""
    base, commit = repository.head("main"), applied(repository)
    done = merged(repository, base, commit)
    repository.git("update-ref", "-d", "refs/tags/v2")

    assert merged(repository, base, commit) == done
    assert repository.found("refs/tags/v2")


def test_who_is_slower_is_told(repository: Repository) -> None:
    """The branch has moved meanwhile: nothing is changed, and the new head is returned."""
    base, commit = repository.head("main"), applied(repository)
    other = repository.commit(base, {"b.py": b"x"}, "Faster", when=WHEN)
    repository.git("update-ref", "refs/heads/main", other)

    assert merged(repository, base, commit) == Merged(moved_to=other)
    assert repository.head("main") == other
    assert repository.found("refs/tags/v2") == ""


def test_changes_of_others_are_brought_in(repository: Repository) -> None:
    """Where they touch other lines; where they touch the same, the paths are told."""
    base, commit = repository.head("main"), applied(repository)
    other = repository.commit(base, {"b.py": b"x\n"}, "Faster", when=WHEN)
    same = repository.commit(base, {"lamp.py": b"watts = 7\n"}, "Brighter", when=WHEN)
    joined = steps.catch_up.fn(str(repository.path), commit, other, WHEN)
    clash = steps.catch_up.fn(str(repository.path), commit, same, WHEN)

    assert list(repository.files(joined.commit)) == ["b.py", "lamp.py"]
    assert clash.problems == ["lamp.py: others have changed it meanwhile"]


def test_a_tag_is_never_moved(repository: Repository) -> None:
    """It is an error, and main stays."""
    base, commit = repository.head("main"), applied(repository)
    repository.git("update-ref", "refs/tags/v2", base)

    with pytest.raises(steps.Taken, match="'v2' is there already"):
        merged(repository, base, commit)
    assert repository.head("main") == base


def test_a_worktree_is_gone_afterwards(repository: Repository, tmp_path: Path) -> None:
    """Also when its body fails, and whatever an earlier try has left there."""
    folder, head = tmp_path / "r.worktrees" / "one", repository.head("main")
    for left in ("", "half", "whole"):
        if left == "half":
            (repository.path / "worktrees" / "one").mkdir(parents=True)
            (repository.path / "worktrees" / "one" / "locked").write_text("initializing")
            folder.mkdir(parents=True)
        if left == "whole":
            repository.git("worktree", "add", "--quiet", "--detach", str(folder), head)
        with pytest.raises(KeyError), repository.worktree(folder, head):
            assert (folder / "lamp.py").read_text() == "watts = 5\n"
            raise KeyError

    assert not folder.parent.exists()
    assert repository.git("worktree", "list").count("\n") == 1


def test_nothing_of_the_users_git_counts(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No configuration, hooks, identity or variables; and nothing there is changed."""
    home = tmp_path / "home"
    (home / "hooks").mkdir(parents=True)
    config = home / ".gitconfig"
    config.write_text(
        f"[user]\nname = Me\nemail = me@example.com\n[core]\nhooksPath = {home / 'hooks'}\n"
        "[commit]\ngpgSign = true\n[alias]\ncommit-tree = !false\n"
    )
    hook = home / "hooks" / "reference-transaction"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    before = config.read_text()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_DIR", str(home))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Me")
    done = merged(repository, repository.head("main"), applied(repository))

    assert "Me <" not in repository.git("cat-file", "-p", done.commit)
    assert config.read_text() == before


def test_a_copy_leaves_its_source_alone(repository: Repository, tmp_path: Path) -> None:
    """What is done to the copy is not seen in the source."""
    before = sorted((path, path.stat().st_mtime_ns) for path in repository.path.rglob("*"))
    copy = Repository.copied(tmp_path / "copy.git", repository.path)
    merged(copy, copy.head("main"), applied(copy))

    assert sorted((path, path.stat().st_mtime_ns) for path in repository.path.rglob("*")) == before
    assert Repository.copied(tmp_path / "copy.git", repository.path).found("refs/tags/v2")


def test_a_lock_of_the_dead_is_taken_away(repository: Repository) -> None:
    """That of a git which was killed; one that is young is waited for."""
    lock = repository.path / "refs" / "heads" / "main.lock"
    head = repository.head("main")
    other = repository.commit(head, {"b.py": b"x"}, "Next", when=WHEN)
    lock.touch()
    with pytest.raises(GitBusy, match="File exists"):
        repository.git("update-ref", "refs/heads/main", other)
    os.utime(lock, (0, 0))
    repository.git("update-ref", "refs/heads/main", other)

    assert repository.head("main") == other


def test_what_git_says_no_to(repository: Repository, tmp_path: Path) -> None:
    """Its words are in the error."""
    with pytest.raises(GitFailed, match=r"rev-parse.*[Nn]eeded a single revision"):
        repository.head("none")
    with pytest.raises(GitFailed, match="clone"):
        Repository.copied(tmp_path / "copy.git", tmp_path / "nothing")


@pytest.fixture
def old_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A PATH whose git is an old one."""
    old = tmp_path / "bin" / "git"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho git version 2.30.1\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(old.parent))
    return old


def test_without_git_it_says_what_to_install(old_git: Path, tmp_path: Path) -> None:
    """There is none, or one that is too old."""
    with pytest.raises(GitMissing, match=r"2\.30\.1 is too old; git 2\.38"):
        Repository.made_of(tmp_path / "x.git", tmp_path / "bin", "Begin")
    old_git.unlink()
    with pytest.raises(GitMissing, match="no git on the PATH"):
        Repository.made_of(tmp_path / "x.git", tmp_path / "bin", "Begin")
    assert not (tmp_path / "x.git").exists()


def test_files_keep_their_rights(tmp_path: Path) -> None:
    """What could be executed still can."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "run.sh").write_text("one\n")
    made = Repository.made_of(tmp_path / "r.git", folder, "Begin")
    blob = made.files("main")["run.sh"].blob
    tree = made.git("mktree", given=f"100755 blob {blob}\trun.sh\n".encode()).strip()
    commit = made.commit(
        made.commit_tree(tree, [], "x", WHEN), {"run.sh": b"two\n"}, "y", when=WHEN
    )

    assert made.files(commit)["run.sh"].mode == "100755"
    assert made.texts(made.files(commit)) == {"run.sh": "two\n"}

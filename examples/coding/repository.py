"""A bare git repository, changed by commits that follow from what they are made of.

A commit is made of its parent, its edits, its message and a time that is given: made again, after a
crash, it is the same commit. So repeating any of this does no harm. Nothing of the user's git counts:
no configuration, no hooks, no identity.
"""

import os
import shutil
import subprocess
import tempfile
import time

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 60.0
LOCK_AGE_S = 10.0
"""A lock file of this age is of a git that was killed: what git does here takes milliseconds."""
NEEDED = (2, 38)
_NAME, _MAIL = "Podium's coding workflow", "coding@podium.invalid"
_REGULAR = ("100644", "100755")


class GitMissing(Exception):
    """There is no git here, or one that is too old."""

    code = "git-missing"


class GitFailed(Exception):
    """Git did not do what it was told; the text has its own words."""

    code = "git-failed"


class GitBusy(GitFailed):
    """Another git holds a lock; trying again later helps."""

    code = "git-busy"


@dataclass(frozen=True)
class Held:
    """A file in a tree: its mode, its hash."""

    mode: str
    blob: str


class Repository:
    """A bare repository.

    Args:
        path: Where it is.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).absolute()

    @classmethod
    def made_of(cls, path: Path, folder: Path, message: str, branch: str = "main") -> "Repository":
        """Make a repository whose first commit has the files of a folder.

        Raises:
            GitMissing: There is no git, or it is too old.
        """
        require_git()
        making = path.with_suffix(".making")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        made = cls(making)
        made.git("init", "--bare", "--quiet", f"--initial-branch={branch}")
        files = {
            file.relative_to(folder).as_posix(): file.read_bytes()
            for file in sorted(folder.rglob("*"))
            if file.is_file() and "__pycache__" not in file.parts
        }
        commit = made.commit("", files, message, when=1_767_225_600)
        made.git("update-ref", f"refs/heads/{branch}", commit, "")
        making.rename(path)
        return cls(path)

    @classmethod
    def copied(cls, path: Path, source: Path) -> "Repository":
        """Make a bare copy of somebody's repository, which is only read.

        Raises:
            GitMissing: There is no git, or it is too old.
            GitFailed: It is no repository.
        """
        require_git()
        if not path.exists():
            making = path.with_suffix(".making")
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir(parents=True)
            cls(making).git(
                "clone", "--bare", "--quiet", "--no-hardlinks", str(source.resolve()), "."
            )
            making.rename(path)
        return cls(path)

    # reading ------------------------------------------------------------------------------

    def head(self, branch: str) -> str:
        """Return the commit that a branch is at."""
        return self.git("rev-parse", "--verify", f"refs/heads/{branch}^{{commit}}").strip()

    def found(self, reference: str) -> str:
        """Return what a reference is at; empty if there is none."""
        return self.git("for-each-ref", "--format=%(objectname)", reference).strip()

    def files(self, commit: str) -> dict[str, Held]:
        """Return the files of a commit by path."""
        found = {}
        for entry in filter(None, self.git("ls-tree", "-rz", "--full-tree", commit).split("\0")):
            about, _, path = entry.partition("\t")
            mode, _, blob = about.split()
            found[path] = Held(mode, blob)
        return found

    def texts(self, files: Mapping[str, Held]) -> dict[str, str]:
        """Return the texts of files by path; what is no UTF-8 in them is replaced."""
        wanted = "".join(f"{held.blob}\n" for held in files.values())
        rest = self._checked("cat-file", "--batch", given=wanted.encode())
        found = {}
        for path in files:
            about, _, rest = rest.partition(b"\n")
            size = int(about.split()[2])
            found[path] = rest[:size].decode(errors="replace")
            rest = rest[size + 1 :]
        return found

    def changed(self, base: str, commit: str) -> list[tuple[str, int, int]]:
        """Return path, lines added and lines removed of each file that differs."""
        listed = self.git("diff", "--numstat", "--no-renames", "-z", base, commit)
        found = []
        for line in filter(None, listed.split("\0")):
            added, removed, path = line.split("\t")
            found.append((path, _count(added), _count(removed)))
        return found

    def diff(self, base: str, commit: str) -> str:
        """Return the difference as a patch."""
        return self.git("diff", "--no-color", "--no-ext-diff", "--no-renames", base, commit)

    def contains(self, commit: str, other: str) -> bool:
        """Tell whether a commit has another one behind it, or is it."""
        return self._run("merge-base", "--is-ancestor", other, commit).returncode == 0

    # writing ------------------------------------------------------------------------------

    def commit(self, parent: str, files: Mapping[str, bytes], message: str, *, when: int) -> str:
        """Make a commit with changed files and return it; no branch moves.

        Args:
            parent: What it follows; empty: nothing.
            files: What changes, by path.
            message: What it says.
            when: Its time, in seconds since 1970.
        """
        held = self.files(parent) if parent else {}
        with tempfile.TemporaryDirectory(prefix="podium-coding-") as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
            self.git("read-tree", *([parent] if parent else ["--empty"]), env=index)
            lines = ""
            for path, content in files.items():
                blob = self.git("hash-object", "-w", "--stdin", given=content).strip()
                mode = held[path].mode if path in held else _REGULAR[0]
                lines += f"{mode} {blob}\t{path}\0"
            self.git("update-index", "-z", "--index-info", given=lines.encode(), env=index)
            tree = self.git("write-tree", env=index).strip()
        return self.commit_tree(tree, [parent] if parent else [], message, when)

    def commit_tree(self, tree: str, parents: Sequence[str], message: str, when: int) -> str:
        """Make a commit of a tree."""
        behind = [word for parent in parents for word in ("-p", parent)]
        moment = f"{when} +0000"
        dates = {"GIT_AUTHOR_DATE": moment, "GIT_COMMITTER_DATE": moment}
        given = f"{message.strip()}\n".encode()
        return self.git("commit-tree", tree, *behind, given=given, env=dates).strip()

    def joined(self, ours: str, theirs: str) -> tuple[str, list[str]]:
        """Merge two commits; return the tree, or the paths that both have changed."""
        done = self._run("merge-tree", "--write-tree", "--name-only", "-z", ours, theirs)
        if done.returncode not in (0, 1):
            raise failure("merge-tree", done)
        tree, *rest = done.stdout.decode().split("\0")
        return (
            ("", list(dict.fromkeys(filter(None, rest[: rest.index("")]))))
            if done.returncode
            else (tree, [])
        )

    def tag_object(self, name: str, commit: str, message: str, when: int) -> str:
        """Make an annotated tag and return its hash; no reference names it yet."""
        text = (
            f"object {commit}\ntype commit\ntag {name}\n"
            f"tagger {_NAME} <{_MAIL}> {when} +0000\n\n{message.strip()}\n"
        )
        return self.git("hash-object", "-w", "-t", "tag", "--stdin", given=text.encode()).strip()

    def move(self, *changes: str) -> None:
        """Move references, all or none, each only from where it is said to be.

        Args:
            changes: Lines of `git update-ref --stdin`.

        Raises:
            GitFailed: One was not there.
        """
        lines = "\n".join(["start", *changes, "prepare", "commit", ""])
        self.git("update-ref", "--stdin", given=lines.encode())

    @contextmanager
    def worktree(self, folder: Path, commit: str) -> Iterator[Path]:
        """Check a commit out into a folder of its own, which is gone again afterwards.

        What an earlier try has left at the same place, whole or half made, is removed first.
        """
        self.remove_worktree(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.git("worktree", "add", "--quiet", "--detach", str(folder), commit)
            yield folder
        finally:
            self.remove_worktree(folder)

    def remove_worktree(self, folder: Path) -> None:
        """Remove a worktree, and what git knows of it; none at all is fine."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(self.path / "worktrees" / folder.name, ignore_errors=True)
        if folder.parent.is_dir() and not any(folder.parent.iterdir()):
            folder.parent.rmdir()

    # inside -------------------------------------------------------------------------------

    def git(self, *words: str, given: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        """Run git and return what it writes.

        Raises:
            GitFailed: It said no.
            GitBusy: Another git is at it.
        """
        return self._checked(*words, given=given, env=env).decode(errors="replace")

    def _checked(
        self, *words: str, given: bytes = b"", env: Mapping[str, str] | None = None
    ) -> bytes:
        done = self._run(*words, given=given, env=env)
        if done.returncode and self._took_old_lock(done.stderr.decode(errors="replace")):
            done = self._run(*words, given=given, env=env)
        if done.returncode:
            raise failure(words[0], done)
        return done.stdout

    def _run(
        self, *words: str, given: bytes = b"", env: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            [git_path(), *_SETTINGS, f"--git-dir={self.path}", *words],
            input=given, capture_output=True, env={**plain(), **(env or {})}, cwd=self.path,
            timeout=PATIENCE_S, check=False,
        )  # fmt: skip

    def _took_old_lock(self, said: str) -> bool:
        """Remove the lock file that git complains of, if whoever made it must be dead."""
        name = said.partition(".lock'")[0].rpartition("'")[2] + ".lock"
        lock = Path(name) if "File exists" in said else None
        if (
            lock is None
            or not lock.is_file()
            or not lock.resolve().is_relative_to(self.path.resolve())
        ):
            return False
        if time.time() - lock.stat().st_mtime < LOCK_AGE_S:
            return False
        lock.unlink(missing_ok=True)
        return True


_SETTINGS = [
    "-c", f"core.hooksPath={os.devnull}", "-c", "core.autocrlf=false", "-c", "gc.auto=0",
    "-c", "core.quotePath=false", "-c", "commit.gpgSign=false",
]  # fmt: skip


def plain() -> dict[str, str]:
    """Return the environment of git: nothing of the user's but where programs are."""
    return {
        "PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": os.devnull,
        "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": _NAME, "GIT_AUTHOR_EMAIL": _MAIL,
        "GIT_COMMITTER_NAME": _NAME, "GIT_COMMITTER_EMAIL": _MAIL,
    }  # fmt: skip


def git_path() -> str:
    """Return where git is.

    Raises:
        GitMissing: It is not on the PATH.
    """
    found = shutil.which("git")
    if found is None:
        raise GitMissing("There is no git on the PATH. Install git 2.38 or newer.")
    return found


def require_git() -> None:
    """Make sure that git is here, and new enough to merge without a worktree.

    Raises:
        GitMissing: It is not.
    """
    said = subprocess.run(
        [git_path(), "--version"], capture_output=True, text=True, env=plain(), check=False
    ).stdout
    numbers = [int(word) for word in said.split()[2].split(".")[:2]] if said else [0, 0]
    if tuple(numbers) < NEEDED:
        raise GitMissing(f"{said.strip() or 'git'} is too old; git 2.38 or newer is needed.")


def failure(what: str, done: "subprocess.CompletedProcess[bytes]") -> GitFailed:
    """Return the error of a git that failed."""
    said = (done.stderr or done.stdout).decode(errors="replace").strip()
    kind = GitBusy if "File exists" in said and ".lock" in said else GitFailed
    return kind(f"git {what} ended with {done.returncode}: {said[-2000:] or 'it said nothing'}")


def _count(lines: str) -> int:
    """Return a number of lines; of a file that is no text there is none."""
    return 0 if lines == "-" else int(lines)


def regular(held: Held) -> bool:
    """Tell whether a file is a plain one: no link, no other repository."""
    return held.mode in _REGULAR

"""The documents, and how the examples in them are run.

- A ``python`` block is executed, in order, in one namespace for each page. If its first line is a comment
  that names a file (``# shop.py``), it is written to that file instead, as a reader would.
- A ``text`` block right below a ``python`` block is what that one prints.
- In a ``console`` block each line after ``$`` is run by bash, below it stands what it prints (both streams).
  ``make`` is not run, but its target must be there.
- In what is printed ``...`` stands for anything, and twelve hexadecimal digits for any others: the same ones
  each time, also in later commands.
"""

import contextlib
import io
import os
import re
import subprocess
import sys

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from sybil import Document, Example, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser

ROOT = Path(__file__).parents[2]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "adr").glob("*.md")),
]
TARGETS = set(
    re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
)

_FILE = re.compile(r"# ([\w/]+\.\w+)\n")
_TOKEN = re.compile(r"(?<![0-9a-f])[0-9a-f]{12}(?![0-9a-f])")
_LIMIT_S = 60
KEPT = ("PODIUM_MODELS", "PODIUM_LOCAL_THREADS")
"""What a reader's environment has: where weights are, and how much of the machine they take."""


def place(page: Path) -> str:
    """Where a page is, seen from the root of the repository."""
    return page.relative_to(ROOT).as_posix()


class Difference(AssertionError):
    """A page says something else than what happens."""


class Command(NamedTuple):
    """A line of a ``console`` block, and what the page says it prints."""

    line: str
    output: str


class Desk:
    """A reader at an empty folder, who types everything that a page shows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "desk"
        self.folder.mkdir()
        self._bin = folder / "bin"
        self._bin.mkdir()
        self._script("podium", "from podium.cli.main import main\nmain()")
        self._script(
            "python", "import os, sys\nos.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
        )
        self._python = PythonEvaluator()
        self._printed = ""
        self._code = 0
        self._tokens: dict[str, str] = {}

    def parse(self, page: Path) -> Document:
        """Find the examples of a page."""
        parsers = [
            CodeBlockParser("python", self.python),
            CodeBlockParser("text", self.text),
            CodeBlockParser("yaml", self.document),
            CodeBlockParser("console", self.console),
            CodeBlockParser("bash", self.console),
        ]
        document = Sybil(parsers=parsers, pattern="*.md").parse(page)
        document.namespace["__name__"] = page.stem
        return document

    # kinds of blocks ----------------------------------------------------------------------

    def python(self, example: Example) -> None:
        """Execute a block, or write it to its file."""
        text = str(example.parsed)
        named = _FILE.match(text)
        if named is not None:
            target = self.folder / named[1]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text[named.end() :].lstrip("\n"), encoding="utf-8")
            return
        printed = io.StringIO()
        with self._at_the_desk(), contextlib.redirect_stdout(printed):
            self._python(example)
        self._printed = printed.getvalue()

    def document(self, example: Example) -> None:
        """Write a block to the file that its first line names, if it does."""
        text = str(example.parsed)
        named = _FILE.match(text)
        if named is not None:
            (self.folder / named[1]).write_text(text[named.end() :], encoding="utf-8")

    def text(self, example: Example) -> None:
        """Compare with what the block above has printed."""
        self._compare("the block above", self._printed, str(example.parsed))

    def console(self, example: Example) -> None:
        """Type each command."""
        for command in commands(str(example.parsed)):
            self._type(command)

    # inside -------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _at_the_desk(self) -> Iterator[None]:
        """Be in the folder, whose files can be imported, as in an interpreter that was started there."""
        before = {*sys.modules}
        sys.path.insert(0, str(self.folder))
        try:
            with contextlib.chdir(self.folder):
                yield
        finally:
            sys.path.remove(str(self.folder))
            for name in {*sys.modules} - before:
                if (getattr(sys.modules[name], "__file__", None) or "").startswith(
                    str(self.folder)
                ):
                    del sys.modules[name]

    def _type(self, command: Command) -> None:
        line = _TOKEN.sub(lambda found: self._tokens.get(found[0], found[0]), command.line)
        words = line.split()
        if words[0] == "make":
            missing = [word for word in words[1:] if "=" not in word and word not in TARGETS]
            if missing:
                raise Difference(f"`{line}`: the Makefile has no {missing}")
            return
        done = subprocess.run(
            ["bash", "-c", f"(exit {self._code}); {line}"],
            check=False,
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=_LIMIT_S,
        )
        self._code = done.returncode if done.returncode >= 0 else 128 - done.returncode
        if "Traceback (most recent call last)" in done.stdout:
            raise Difference(f"`{line}` broke:\n{done.stdout}")
        self._compare(f"`{line}`", done.stdout, command.output)

    def _environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if name in KEPT or not name.startswith(("PODIUM", "PYTEST"))
        }
        path = [str(ROOT / "src"), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        return kept | {
            "PATH": f"{self._bin}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(path),
            "PYTHONDONTWRITEBYTECODE": "1",
            "COLUMNS": "100",
            "NO_COLOR": "1",
        }

    def _compare(self, what: str, printed: str, told: str) -> None:
        found = _pattern(told, self._tokens).fullmatch(_trimmed(printed))
        if found is None:
            raise Difference(
                f"{what} prints\n\n{_trimmed(printed)}\n\nand the page says\n\n{_trimmed(told)}"
            )
        named = zip(dict.fromkeys(_new_tokens(told, self._tokens)), found.groups(), strict=True)
        self._tokens.update(named)

    def _script(self, name: str, code: str) -> None:
        script = self._bin / name
        script.write_text(f"#!{sys.executable}\n{code}\n", encoding="utf-8")
        script.chmod(0o755)


def commands(block: str) -> list[Command]:
    """Take a ``console`` block apart; a command goes on where its line ends with a backslash."""
    found: list[list[str]] = []
    goes_on = False
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append([line[2:]])
        elif goes_on:
            found[-1][0] += f"\n{line}"
        elif found:
            found[-1].append(line)
        else:
            raise Difference(f"a console block begins with a command, not with {line!r}")
        goes_on = line.endswith("\\") and (goes_on or line.startswith("$ "))
    return [Command(line, "\n".join(output)) for line, *output in found]


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def _new_tokens(told: str, known: dict[str, str]) -> list[str]:
    return [token for token in _TOKEN.findall(told) if token not in known]


def _pattern(told: str, known: dict[str, str]) -> re.Pattern[str]:
    """What the printed text must look like."""
    pattern = ""
    seen: dict[str, int] = {}
    for part in re.split(r"(\.\.\.|(?<![0-9a-f])[0-9a-f]{12}(?![0-9a-f]))", _trimmed(told)):
        if part == "...":
            pattern += ".*?"
        elif not _TOKEN.fullmatch(part):
            pattern += re.escape(part)
        elif part in known:
            pattern += re.escape(known[part])
        elif part in seen:
            pattern += rf"\{seen[part]}"
        else:
            seen[part] = len(seen) + 1
            pattern += "([0-9a-f]{12})"
    return re.compile(pattern, re.DOTALL)


def run_page(page: Path, folder: Path) -> int:
    """Do everything that a page shows; return how many examples it has."""
    document = Desk(folder).parse(page)
    count = 0
    for example in document.examples():
        example.evaluate()
        count += 1
    return count


def text_of(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(
        r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )


def anchors(page: Path) -> set[str]:
    """What a link into a page may name, as GitHub makes it of headings."""
    found: dict[str, Any] = {}
    for heading in re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE):
        plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        found[re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")] = None
    return set(found)

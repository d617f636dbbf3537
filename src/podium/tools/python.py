"""``python_tool``: Python code that somebody else wrote, in a process of its own, fenced in."""

from __future__ import annotations

import shutil
import sys
import tempfile

from pathlib import Path
from typing import Annotated, Any, Final, TypedDict, Unpack, cast

from podium.core.durations import Duration
from podium.core.errors import InputInvalid, InvalidOption
from podium.tools.made import caller_module
from podium.tools.process.errors import SandboxMissing
from podium.tools.process.running import Bounds, Ended, run
from podium.tools.process.sandbox import BUBBLEWRAP, INSIDE, LIMITS, bubblewrap, wrapping
from podium.tools.shell import bounds_of
from podium.tools.tool import Tool, ToolKeywords, tool

_MEGABYTE: Final = 1024 * 1024
_SCRIPT: Final = "main.py"
_CODE_BYTES_MAX: Final = 1024 * 1024


class PythonKeywords(ToolKeywords, total=False):
    """Options of :func:`python_tool`: those of a tool, and

    Attributes:
        time_limit: How long the code may run; then it is ended with all it has started.
        output_max: How many bytes of its output are kept; the middle is left out.
        cpu_limit, memory_max, files_max, processes_max: What it may use: processor time, bytes of
            memory for each process, open files, processes.
        space_max: How many bytes it can write, to a file and, in bubblewrap, in all.
    """

    time_limit: Duration
    output_max: int
    cpu_limit: Duration
    memory_max: int
    files_max: int
    processes_max: int
    space_max: int


class PythonResult(TypedDict):
    """What became of code.

    Attributes:
        output: What it printed.
        errors: What it wrote as errors: the traceback, where it failed.
        exit_code: 0 where it came to its end; negative where a signal ended it.
        stopped: Why it was ended; empty where it ended by itself.
        sandbox: How it was fenced in: ``bubblewrap``, or only ``limits``.
    """

    output: str
    errors: str
    exit_code: int
    stopped: str
    sandbox: str


_OWN: Final = frozenset(PythonKeywords.__annotations__) - frozenset(ToolKeywords.__annotations__)


def python_tool(
    *, require_sandbox: bool = False, packages: bool = False, **options: Unpack[PythonKeywords]
) -> Tool[..., Any, Any]:
    """Make and register a tool that runs Python code and gives what it printed.

    The code runs in a process of its own, in Python's isolated mode, in a folder of its own, with
    limits and without this process's environment. Where bubblewrap can be used it has no network
    and sees no files but Python's and the system's; without it, it can do what this process can.
    The result says which it was.

    Args:
        require_sandbox: Whether nothing runs where bubblewrap cannot be used. The tool is a
            ``read`` then; otherwise its effect must be said, since nobody knows what code does.
        packages: Whether it can import what is installed for this process.
        options: See :class:`PythonKeywords`; the name is ``python`` unless given.

    Raises:
        InvalidOption: An option makes no sense.
        NameTaken: Another module has a tool of that name.
    """
    given: dict[str, Any] = {"name": "python", **options}
    what = f"python_tool({given['name']!r})"
    own = {key: given.pop(key) for key in _OWN if key in given}
    if require_sandbox:
        given.setdefault("effect", "read")
    elif "effect" not in given:
        raise InvalidOption(
            f"{what}: without a sandbox code can do anything, so say effect=… ('once' is never "
            "wrong), or require_sandbox=True, which makes it a read."
        )
    space = own.pop("space_max", 64 * _MEGABYTE)
    if not isinstance(space, int) or isinstance(space, bool) or space < 1:
        raise InvalidOption(f"{what}: space_max={space!r}; expected a number of bytes.")
    bounds = bounds_of(
        what, own, time_limit="10s", output_max=32 * 1024, memory_max=512 * _MEGABYTE, files_max=256, processes_max=20, file_size_max=space,
    )  # fmt: skip
    given.setdefault(
        "description",
        "Run Python code and return what it prints. Nothing is kept from one call to the next."
        + (" Only the standard library can be imported." if not packages else ""),
    )
    fence = _Fence(what, bounds, space, is_required=require_sandbox, has_packages=packages)

    def run_python(
        code: Annotated[str, "Python code; print what you want to know."],
    ) -> PythonResult:
        return fence.run(code)

    run_python.__module__ = caller_module()
    made: Any = tool(**given)
    return cast("Tool[..., Any, Any]", made(run_python))


class _Fence:
    """How code of one tool is run."""

    def __init__(
        self, what: str, bounds: Bounds, space: int, *, is_required: bool, has_packages: bool
    ) -> None:
        self._what = what
        self._bounds = bounds
        self._space = space
        self._is_required = is_required
        self._flags = ["-I", "-B"] if has_packages else ["-I", "-B", "-S"]
        base: str = getattr(sys, "_base_executable", sys.executable)
        self._python = sys.executable if has_packages else base
        homes = {sys.base_prefix, sys.base_exec_prefix, *({sys.prefix} if has_packages else ())}
        self._shown = {home: home for home in sorted(homes)}

    def run(self, code: str) -> PythonResult:
        """Run code and say what became of it."""
        try:
            encoded = code.encode()
        except UnicodeEncodeError as problem:
            raise InputInvalid(f"{self._what}: the code is no text: {problem}.") from None
        if len(encoded) > _CODE_BYTES_MAX:
            raise InputInvalid(
                f"{self._what}: the code has {len(encoded):,} bytes; at most {_CODE_BYTES_MAX:,}."
            )
        bwrap, why = bubblewrap()
        if not bwrap and self._is_required:
            raise SandboxMissing(
                f"{self._what}: {why}, and it must not run without; nothing was run."
            )
        folder = Path(tempfile.mkdtemp(prefix="podium-python-"))
        try:
            (folder / _SCRIPT).write_bytes(encoded)
            ended = self._inside(bwrap, folder) if bwrap else self._plainly(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return PythonResult(
            output=ended.stdout.text(), errors=ended.stderr.text(), exit_code=ended.exit_code,
            stopped=self._why(ended), sandbox=BUBBLEWRAP if bwrap else LIMITS,
        )  # fmt: skip

    def _inside(self, bwrap: str, folder: Path) -> Ended:
        script = f"{INSIDE}/{_SCRIPT}"
        shown = {**self._shown, script: str(folder / _SCRIPT)}
        command = [*wrapping(bwrap, shown, self._space), self._python, *self._flags, script]
        return run(bwrap, command, self._bounds, env=_environment(INSIDE), cwd="/")

    def _plainly(self, folder: Path) -> Ended:
        command = [self._python, *self._flags, _SCRIPT]
        return run(self._python, command, self._bounds, env=_environment(str(folder)), cwd=folder)

    def _why(self, ended: Ended) -> str:
        if ended.stopped == "time":
            return f"it took longer than {self._bounds.seconds:g} s"
        if ended.stopped:
            return f"it became more than {self._bounds.processes} processes"
        return ""


def _environment(home: str) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": home, "TMPDIR": home}

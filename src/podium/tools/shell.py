"""``shell_tool``: a program of this machine as a tool. No shell reads what it is given."""

from __future__ import annotations

import shutil

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypedDict, Unpack, cast

import msgspec

from podium.core.durations import Duration, seconds
from podium.core.errors import InputInvalid, InvalidOption, LimitReached
from podium.core.secrets import resolve
from podium.tools.made import caller_module, function_of, shape_of
from podium.tools.process.command import Command, Part, require_text
from podium.tools.process.errors import (
    CommandFailed,
    CommandNotStarted,
    CommandTimedOut,
    ended_by,
)
from podium.tools.process.running import Bounds, Ended, plain_environment, run
from podium.tools.tool import Tool, ToolKeywords, tool

Result = Literal["text", "lines", "json", "full"]
_ERROR_CHARS: Final = 2000
_MEGABYTE: Final = 1024 * 1024


class ShellKeywords(ToolKeywords, total=False):
    """Options of :func:`shell_tool`: those of a tool (``effect`` must be said), and

    Attributes:
        cwd: Where the program runs; where the process runs unless given.
        env: Variables of its environment; values may be secrets, ``secret://env/NAME``.
        inherit: Variables that it gets from the environment besides PATH, LANG and HOME.
        stdin: What it reads; ``{name}`` stands for an argument.
        paths: Arguments that are paths within ``cwd``, which they cannot leave.
        result: ``text`` (what it writes), ``lines`` of it, ``json`` in it, or ``full``: exit code,
            output, errors, and no exit code is a failure.
        ok_codes: Exit codes of success.
        errors: Exceptions by exit code, in place of ``CommandFailed``.
        time_limit: How long it may run; then it is ended with all it has started.
        output_max: How many bytes of its output are kept; the middle is left out.
        cpu_limit, memory_max, files_max, file_size_max: What each of its processes may use:
            processor time, bytes, open files, bytes.
        processes_max: How many processes it may be.
    """

    cwd: str | PathLike[str]
    env: Mapping[str, str]
    inherit: Sequence[str]
    stdin: str
    paths: Sequence[str]
    result: Result
    ok_codes: Sequence[int]
    errors: Mapping[int, type[Exception]]
    time_limit: Duration
    output_max: int
    cpu_limit: Duration
    memory_max: int
    files_max: int
    file_size_max: int
    processes_max: int


class CommandResult(TypedDict):
    """What became of a program.

    Attributes:
        exit_code: Its exit code; negative where a signal ended it.
        output: What it wrote.
        errors: What it wrote as errors.
    """

    exit_code: int
    output: str
    errors: str


_OWN: Final = frozenset(ShellKeywords.__annotations__) - frozenset(ToolKeywords.__annotations__)
_RETURNS: Final[Mapping[str, Any]] = {
    "text": str, "lines": list[str], "json": Any, "full": CommandResult,
}  # fmt: skip


def shell_tool(
    name: str, command: Sequence[str] | None = None, /, *, allow: Sequence[str] | None = None,
    parameters: Callable[..., Any] | Mapping[str, Any] | None = None,
    **options: Unpack[ShellKeywords],
) -> Tool[..., Any, Any]:  # fmt: skip
    """Make and register a tool that runs a program.

    ``{count}`` in an argument stands for an argument of the call. Each stays one argument whatever is
    in it, a list that stands alone becomes several, None none; a text that would be taken for an
    option is refused unless ``--`` stands before it. The program gets PATH, LANG and HOME of the
    environment and nothing else that is not named.

    Args:
        name: Of the tool.
        command: The program, then its arguments, each a text.
        allow: In place of a command: the programs that a caller may choose, with any arguments.
        parameters: Types by name, or a function that has the parameters (its docstring and its
            return type count too). What is not declared is any scalar.
        options: See :class:`ShellKeywords`.

    Raises:
        InvalidOption: An option makes no sense.
        NameTaken: Another module has a tool of that name.
    """
    what = f"shell_tool({name!r})"
    given: dict[str, Any] = dict(options)
    own = {key: given.pop(key) for key in _OWN if key in given}
    if (command is None) == (allow is None):
        raise InvalidOption(
            f"{what}: give a command, or allow=[…] with the programs to choose from."
        )
    kind = own.get("result", "text" if allow is None else "full")
    if kind not in _RETURNS:
        raise InvalidOption(f"{what}: result={kind!r}; expected {', '.join(map(repr, _RETURNS))}.")
    program = _Program(what, own, kind)
    if allow is not None:
        if parameters is not None:
            raise InvalidOption(f"{what}: with allow=[…] the parameters are program and arguments.")
        return _general(name, _allowed(what, allow), program, given)
    assert command is not None, "one of the two is given"
    line = Command(what, command, own.get("paths", ()))
    names = [*line.names, *program.stdin.names]
    shape = shape_of(what, parameters, names, _RETURNS[kind])
    if not shape.description:
        given.setdefault("description", f"Runs: {' '.join(command)}")

    def call(**arguments: Any) -> Any:
        return program.run(line.program, line.arguments(arguments, program.cwd), arguments)

    return _made(function_of(call, name, shape), name, given)


def _general(
    name: str, allow: tuple[str, ...], program: _Program, given: dict[str, Any]
) -> Tool[..., Any, Any]:
    given.setdefault(
        "description", f"Runs one of the programs {', '.join(allow)}. There is no shell."
    )
    if program.stdin.names:
        raise InvalidOption(
            f"{program.what}: stdin has no arguments where the caller gives them all."
        )

    def call(program_name: str, arguments: list[str]) -> Any:
        for number, one in enumerate(arguments, 1):
            require_text(program.what, f"argument {number}", one)
        return program.run(program_name, [program_name, *arguments], {})

    def run_program(program: str, arguments: list[str]) -> Any:
        return call(program, arguments)

    run_program.__annotations__ = {
        "program": Annotated[Literal[allow], "Which program."],
        "arguments": Annotated[list[str], "Its arguments, one text for each; nothing is split."],
        "return": _RETURNS[program.kind],
    }
    run_program.__module__ = caller_module()
    return _made(run_program, name, given)


def _made(function: Callable[..., Any], name: str, given: dict[str, Any]) -> Tool[..., Any, Any]:
    made: Any = tool(**{"outside": True, **given, "name": name})
    return cast("Tool[..., Any, Any]", made(function))


def _allowed(what: str, allow: Sequence[str]) -> tuple[str, ...]:
    if (
        isinstance(allow, str)
        or not allow
        or not all(isinstance(one, str) and one for one in allow)
    ):
        raise InvalidOption(f"{what}: allow={allow!r}; expected a list of programs.")
    return tuple(allow)


class _Program:
    """How programs of one tool are run, and what is made of what they write."""

    def __init__(self, what: str, own: Mapping[str, Any], kind: str) -> None:
        self.what = what
        self.kind = kind
        self.cwd = Path(own.get("cwd", "."))
        self.stdin = Part(own.get("stdin", ""))
        self._env: Mapping[str, str] = dict(own.get("env", {}))
        self._inherit: Sequence[str] = tuple(own.get("inherit", ()))
        self._ok = frozenset(own.get("ok_codes", (0,)))
        self._errors: Mapping[int, type[Exception]] = dict(own.get("errors", {}))
        self._bounds = bounds_of(what, own)

    def run(self, program: str, arguments: list[str], given: Mapping[str, Any]) -> Any:
        """Run a program and return what the tool gives."""
        env = {**plain_environment(self._inherit), **resolve(dict(self._env))}
        path = found_program(program, env, self.cwd)
        if not self.cwd.is_dir():
            raise CommandNotStarted(f"{self.what}: the folder {self.cwd} is not there.")
        texts = {name: "" if given[name] is None else str(given[name]) for name in self.stdin.names}
        try:
            stdin = self.stdin.filled(texts).encode()
        except UnicodeEncodeError as problem:
            raise InputInvalid(f"{self.what}: stdin: {problem}.") from None
        ended = run(path, arguments, self._bounds, env=env, cwd=self.cwd, stdin=stdin)
        return self._result(Path(program).name, ended)

    def _result(self, program: str, ended: Ended) -> Any:
        self._require_ended(program, ended)
        if self.kind == "full":
            return CommandResult(
                exit_code=ended.exit_code, output=ended.stdout.text(), errors=ended.stderr.text()
            )
        if ended.exit_code not in self._ok:
            raise self._failure(program, ended)
        if self.kind == "text":
            return ended.stdout.text()
        if ended.stdout.is_cut:
            raise LimitReached(
                f"{self.what}: {program} wrote more than {self._bounds.output:,} bytes, so there is no "
                f"whole {self.kind} of it. Ask it for less, or raise output_max."
            )
        if self.kind == "lines":
            return ended.stdout.text().splitlines()
        try:
            return msgspec.json.decode(ended.stdout.text())
        except msgspec.DecodeError as problem:
            raise CommandFailed(
                f"{self.what}: {program} wrote no JSON: {problem}; {ended.stdout.text()[:200]!r}"
            ) from None

    def _require_ended(self, program: str, ended: Ended) -> None:
        if ended.stopped == "time":
            raise CommandTimedOut(
                f"{self.what}: {program} took longer than {self._bounds.seconds:g} s, and was ended "
                f"with all it had started. It wrote: {ended.stdout.text()[-500:]!r}"
            )
        if ended.stopped:
            raise LimitReached(
                f"{self.what}: {program} became more than {self._bounds.processes} processes, and was "
                "ended with all of them. Raise processes_max if it needs them."
            )

    def _failure(self, program: str, ended: Ended) -> Exception:
        stdout, stderr = ended.stdout.text(), ended.stderr.text()
        said = (stderr.strip() or stdout.strip())[-_ERROR_CHARS:]
        message = (
            f"{self.what}: {program}: {ended_by(ended.exit_code)}: {said or 'it said nothing'}"
        )
        kind = self._errors.get(ended.exit_code)
        if kind is not None:
            return kind(message)
        return CommandFailed(message, ended.exit_code, stdout, stderr)


def bounds_of(what: str, own: Mapping[str, Any], **defaults: Any) -> Bounds:
    """Return the limits among options, checked.

    Raises:
        InvalidOption: One makes no sense.
    """
    given = {
        "time_limit": "60s", "output_max": 64 * 1024, "cpu_limit": "0s", "memory_max": 0,
        "files_max": 1024, "file_size_max": 1024 * _MEGABYTE, "processes_max": 100, **defaults,
        **{key: value for key, value in own.items() if key.endswith(("_max", "_limit"))},
    }  # fmt: skip
    for option in ("output_max", "memory_max", "files_max", "file_size_max", "processes_max"):
        value = given[option]
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise InvalidOption(f"{what}: {option}={value!r}; expected a number, 0 for no limit.")
    if not given["output_max"]:
        raise InvalidOption(f"{what}: output_max=0; there is always a limit for what is kept.")
    return Bounds(
        seconds(given["time_limit"], what=f"{what}: time_limit"), given["output_max"],
        seconds(given["cpu_limit"], what=f"{what}: cpu_limit"), given["memory_max"],
        given["files_max"], given["file_size_max"], given["processes_max"],
    )  # fmt: skip


def found_program(program: str, env: Mapping[str, str], cwd: Path) -> str:
    """Return the absolute path of a program.

    Raises:
        CommandNotStarted: There is none.
    """
    if "/" in program:
        candidate = Path(program) if Path(program).is_absolute() else cwd / program
        found = shutil.which(str(candidate.absolute()))
    else:
        found = shutil.which(program, path=env.get("PATH", "/usr/local/bin:/usr/bin:/bin"))
    if found is None:
        raise CommandNotStarted(f"There is no program {program!r} on this machine's PATH.")
    return str(Path(found).absolute())

"""``command``: a program or a test run as a gate, through what ``shell_tool`` runs programs with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from os import PathLike
from pathlib import Path
from typing import Any, Final, TypedDict, Unpack

from podium.agents.verify.gate import Gate, Rank, json_of
from podium.agents.verify.verdict import Background, Finding, Verdict, broken, passed, refused
from podium.core.durations import Duration, seconds
from podium.core.effects import Effect, effect_named
from podium.core.errors import InvalidOption, StepFailed
from podium.core.spec import TaskOptions, TaskSpec
from podium.functions.calls import Call, Task
from podium.tools.process.command import Command
from podium.tools.process.errors import CommandTimedOut
from podium.tools.process.running import plain_environment, run
from podium.tools.shell import CommandResult, bounds_of, found_program
from podium.tools.tool import Tool

TAIL_CHARS: Final = 2_000
"""How much of the end of what a program wrote a verdict keeps."""
NAME: Final = "podium.command"
Given = Callable[[Any, Background], Mapping[str, Any]]


class CommandKeywords(TypedDict, total=False):
    """Options of :func:`command`.

    Attributes:
        name: What the gate is called; the program's name unless given.
        cwd: Where the program runs.
        paths: Arguments that are paths within ``cwd``, which they cannot leave.
        time_limit: How long it may run; then it is ended with all it has started.
        ok_codes: Exit codes of a value that passes.
        broken_codes: Exit codes that say that the program could not judge, such as 2 to 5 of pytest.
        effect: What running it twice would do: ``read`` unless given.
    """

    name: str
    cwd: str | PathLike[str]
    paths: Sequence[str]
    time_limit: Duration
    ok_codes: Sequence[int]
    broken_codes: Sequence[int]
    effect: str | Effect


def command(
    run: Sequence[str] | Task[..., Any, Any], /, given: Given | Mapping[str, Any] | None = None,
    **options: Unpack[CommandKeywords],
) -> Gate:  # fmt: skip
    """Make a gate of a program: it passes if the exit code says so. No shell reads what it is given.

    A program that is not done in time refuses the value, for that is what endless code looks like. One
    that cannot be started has said nothing about it: the gate is broken.

    Args:
        run: The program and its arguments, where ``{path}`` stands for one that is given; or a tool of
            ``shell_tool(…, result="full")``, whose options then hold.
        given: The arguments: by name, or a function of the value and its background. Unless given,
            those of the value where that is an object, and the value itself as ``{value}``.
        options: See :class:`CommandKeywords`.

    Raises:
        InvalidOption: An option makes no sense.
    """
    unknown = options.keys() - CommandKeywords.__annotations__.keys()
    if unknown:
        raise InvalidOption(f"command(…): there is no option {min(unknown)!r}.")
    judging = _Judging(options)
    if isinstance(run, Task | Tool):
        ask = _tool(run, options)
        own = run.name
    else:
        program = _Program(run, options)
        ask, own = program.ask, Path(program.line.program).name

    async def judge(value: Any, about: Background) -> Verdict:
        try:
            return judging.verdict(await ask(_arguments(given, value, about)))
        except (StepFailed, CommandTimedOut) as problem:
            if isinstance(problem, StepFailed) and not problem.is_a(CommandTimedOut):
                raise
            said = problem.message if isinstance(problem, StepFailed) else str(problem)
            return refused([Finding("time-limit", said)])

    return Gate(options.get("name", own), Rank.COMPUTE, judge)


def judged_by_exit(result: Any, *, ok: Sequence[int] = (0,), broken_by: Sequence[int] = ()) -> Verdict:  # fmt: skip
    """Return what the end of a program says of a value."""
    if not isinstance(result, Mapping) or not isinstance(result.get("exit_code"), int):
        return broken(f"expected exit_code, output and errors of a program; got {result!r:.200}")
    code = result["exit_code"]
    tail = "\n".join(str(result.get(one, "")).strip() for one in ("output", "errors")).strip()
    if code in ok:
        return passed(f"exit code {code}")
    said = f"exit code {code}: {tail[-TAIL_CHARS:] or 'it said nothing'}"
    if code in broken_by:
        return broken(said)
    return refused([Finding("exit-code", said)])


class _Judging:
    """Which exit codes mean what."""

    def __init__(self, options: CommandKeywords) -> None:
        self._ok = tuple(options.get("ok_codes", (0,)))
        self._broken = tuple(options.get("broken_codes", ()))

    def verdict(self, result: Any) -> Verdict:
        return judged_by_exit(result, ok=self._ok, broken_by=self._broken)


def _tool(tool: Any, options: CommandKeywords) -> Callable[[Mapping[str, Any]], Any]:
    extra = options.keys() - {"name", "ok_codes", "broken_codes"}
    if extra:
        raise InvalidOption(
            f"command({tool.name}, {min(extra)}=…): the tool has that option; give it to shell_tool."
        )

    def ask(arguments: Mapping[str, Any]) -> Any:
        wanted = tool.spec.binder.parameters
        return tool(**{name: arguments[name] for name in wanted if name in arguments})

    return ask


def _arguments(given: Given | Mapping[str, Any] | None, value: Any, about: Background) -> dict[str, Any]:  # fmt: skip
    if callable(given):
        return dict(given(value, about))
    bare = json_of(value)
    own = bare if isinstance(bare, dict) else {}
    return {**own, "value": bare, **(given or {})}


class _Program:
    """A command with its options, as a task."""

    def __init__(self, parts: Sequence[str], options: CommandKeywords) -> None:
        self.line = Command("command(…)", parts, options.get("paths", ()))
        self._limit_s = seconds(options.get("time_limit", "60s"), what="command: time_limit")
        self._cwd = str(options.get("cwd", "."))
        self._paths = list(options.get("paths", ()))
        effect = effect_named(options.get("effect", Effect.READ))
        spec = TaskSpec(_run, NAME, TaskOptions(effect=effect, is_declared=True))
        self._task: Task[..., CommandResult, Any] = Task(_run, spec)
        self._parts = list(parts)

    def ask(self, arguments: Mapping[str, Any]) -> Call[CommandResult]:
        """Return the call that runs it."""
        missing = [name for name in self.line.names if name not in arguments]
        if missing:
            raise InvalidOption(
                f"{self._parts}: there is no {missing[0]!r}; the value has {sorted(arguments)}. Say it "
                "with given=…."
            )
        wanted = {name: arguments[name] for name in self.line.names}
        return self._task(self._parts, wanted, self._paths, self._cwd, self._limit_s)


def _run(
    command: list[str], arguments: dict[str, Any], paths: list[str], cwd: str, time_limit_s: float
) -> CommandResult:
    """Run a program within limits."""
    line = Command("command(…)", command, paths)
    folder = Path(cwd)
    environment = plain_environment(())
    path = found_program(line.program, environment, folder)
    bounds = bounds_of(
        "command(…)", {"time_limit": timedelta(seconds=time_limit_s), "output_max": 256 * 1024}
    )
    ended = run(path, line.arguments(arguments, folder), bounds, env=environment, cwd=folder)
    if ended.stopped:
        why = "became too many processes"
        if ended.stopped == "time":
            why = f"took longer than {time_limit_s:g} s"
        raise CommandTimedOut(
            f"{line.program} {why}, and was ended with all it had started. It "
            f"wrote: {ended.stdout.text()[-TAIL_CHARS:]!r}"
        )
    return CommandResult(
        exit_code=ended.exit_code, output=ended.stdout.text(), errors=ended.stderr.text()
    )

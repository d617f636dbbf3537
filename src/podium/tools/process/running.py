"""Start a program within limits, feed it, read it, end it."""

from __future__ import annotations

import math
import os
import selectors
import signal
import subprocess
import sys
import time

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from podium.tools.process.errors import CommandNotStarted
from podium.tools.process.output import Output
from podium.tools.process.tree import descendants, threads_of_user

_LAUNCH: Final = str(Path(__file__).with_name("launch.py"))
_TICK_S: Final = 0.05
_COUNT_EVERY_S: Final = 0.1
_GRACE_S: Final = 1.0
"""Between the polite end of a program and the other one; and for what it has left in its pipes."""
_END_S: Final = 10.0
"""How long the launcher may take to end all that a program has started."""
_PIECE: Final = 65536
INHERITED: Final = ("PATH", "LANG", "HOME")
"""Variables of the environment that every program gets."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a program may use; 0 stands for no limit.

    Attributes:
        seconds: How long it may run.
        output: How many bytes of each output are kept.
        cpu_s: Seconds of processor time, for each process.
        memory: Bytes of address space, for each process.
        files: How many files it has open, for each process.
        file_size: How large a file becomes, in bytes.
        processes: How many processes it is in all, itself included.
    """

    seconds: float
    output: int
    cpu_s: float = 0
    memory: int = 0
    files: int = 0
    file_size: int = 0
    processes: int = 0

    def rlimits(self) -> dict[str, int]:
        """Return the limits that the system keeps."""
        wanted = {
            "RLIMIT_CPU": math.ceil(self.cpu_s), "RLIMIT_AS": self.memory,
            "RLIMIT_NOFILE": self.files, "RLIMIT_FSIZE": self.file_size,
        }  # fmt: skip
        found = {name: value for name, value in wanted.items() if value}
        if self.processes and os.geteuid():  # it does not bind root
            found["RLIMIT_NPROC"] = threads_of_user(os.geteuid()) + self.processes
        return {**found, "RLIMIT_CORE": 0}


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a program.

    Attributes:
        exit_code: Its exit code; negative where a signal ended it.
        stdout: What it wrote.
        stderr: What it wrote as errors.
        stopped: Why it was ended: ``time``, ``processes``; empty where it ended by itself.
    """

    exit_code: int
    stdout: Output
    stderr: Output
    stopped: str


def run(
    program: str, arguments: Sequence[str], bounds: Bounds, *, env: Mapping[str, str],
    cwd: str | os.PathLike[str] | None = None, stdin: bytes = b"",
) -> Ended:  # fmt: skip
    """Run a program to its end. It blocks.

    Args:
        program: Its absolute path.
        arguments: Its name and its arguments, each as it is.
        bounds: What it may use.
        env: Its whole environment.
        cwd: Where it runs; here unless given.
        stdin: What it can read.

    Raises:
        CommandNotStarted: It cannot be started.
    """
    if os.name != "posix":
        raise CommandNotStarted(
            "Tools that start programs need Linux, macOS or another POSIX system."
        )
    heard, report = os.pipe()
    limits = [f"{name}={value}" for name, value in bounds.rlimits().items()]
    told = [str(os.getpid()), str(report), *limits, "--"]
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", _LAUNCH, *told, program, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd,
            env=dict(env), start_new_session=True, pass_fds=[report],
        )  # fmt: skip
    except (OSError, ValueError) as problem:
        os.close(heard)
        raise CommandNotStarted(f"{arguments[0]} cannot be started: {problem}") from problem
    finally:
        os.close(report)
    with os.fdopen(heard, "rb") as trouble:
        ended = _Running(process, bounds, stdin).to_the_end()
        if why := trouble.read():
            raise CommandNotStarted(f"{arguments[0]} cannot be started: {why.decode()}")
    return ended


def plain_environment(inherit: Sequence[str] = ()) -> dict[str, str]:
    """Return the few variables that a program gets, and those that are named."""
    return {name: os.environ[name] for name in (*INHERITED, *inherit) if name in os.environ}


class _Running:
    """A program that runs."""

    def __init__(self, process: subprocess.Popen[bytes], bounds: Bounds, stdin: bytes) -> None:
        self._process = process
        self._bounds = bounds
        self._left = memoryview(stdin)
        self._outputs = (Output(bounds.output), Output(bounds.output))
        self._selector = selectors.DefaultSelector()
        self._stopped = ""
        self._count_at = time.monotonic() + _COUNT_EVERY_S

    def to_the_end(self) -> Ended:
        """Feed and read it until it has ended, or must."""
        process = self._process
        pipes: list[tuple[Any, int, Any]] = [
            (process.stdin, selectors.EVENT_WRITE, None),
            (process.stdout, selectors.EVENT_READ, self._outputs[0]),
            (process.stderr, selectors.EVENT_READ, self._outputs[1]),
        ]
        for pipe, events, output in pipes:
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, events, output)
        try:
            self._follow()
            self._drain()
        finally:
            self._end()
            self._selector.close()
            for pipe, _, _ in pipes:
                with suppress(OSError):
                    pipe.close()
        return Ended(process.returncode, *self._outputs, self._stopped)

    def _follow(self) -> None:
        end = time.monotonic() + self._bounds.seconds if self._bounds.seconds else math.inf
        while self._process.poll() is None:
            now = time.monotonic()
            if now >= end:
                self._stop("time")
                return
            if self._bounds.processes and now >= self._count_at:
                # the launcher, which stays beside the program, is none of its processes
                if len(descendants(self._process.pid)) - 1 > self._bounds.processes:
                    self._stop("processes", is_polite=False)
                    return
                self._count_at = time.monotonic() + _COUNT_EVERY_S
            self._pump(min(_TICK_S, end - now))

    def _stop(self, why: str, *, is_polite: bool = True) -> None:
        self._stopped = why
        if is_polite:
            self._process.send_signal(signal.SIGTERM)
            self._pump_for(_GRACE_S)
        self._process.send_signal(signal.SIGUSR1)
        self._pump_for(_END_S)

    def _end(self) -> None:
        """Make sure that nothing is left, also where something has gone wrong here."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGUSR1)
            try:
                self._process.wait(_END_S)
            except subprocess.TimeoutExpired:
                for pid in descendants(self._process.pid):
                    with suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, signal.SIGKILL)
                self._process.wait()

    def _pump_for(self, longest_s: float) -> None:
        """Read while the program ends."""
        end = time.monotonic() + longest_s
        while self._process.poll() is None and time.monotonic() < end:
            self._pump(_TICK_S)

    def _drain(self) -> None:
        """Read what is left in the pipes; on some systems somebody may still hold them open."""
        end = time.monotonic() + _GRACE_S
        while any(key.data for key in self._selector.get_map().values()) and time.monotonic() < end:
            self._pump(_TICK_S)

    def _pump(self, wait_s: float) -> None:
        """Write and read what can be, for at most that long."""
        if not self._selector.get_map():
            time.sleep(wait_s)
            return
        for key, _ in self._selector.select(wait_s):
            pipe: Any = key.fileobj
            try:
                is_over = (
                    not self._feed(pipe) if key.data is None else not self._read(pipe, key.data)
                )
            except BlockingIOError:
                continue
            except OSError:  # it has closed its end
                is_over = True
            if is_over:
                self._selector.unregister(pipe)
                with suppress(OSError):
                    pipe.close()

    def _feed(self, pipe: Any) -> bool:
        if self._left:
            written = os.write(pipe.fileno(), self._left[:_PIECE])
            self._left = self._left[written:]
        return bool(self._left)

    def _read(self, pipe: Any, output: Output) -> bool:
        data = os.read(pipe.fileno(), _PIECE)
        output.take(data)
        return bool(data)

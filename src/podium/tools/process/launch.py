"""Start a program within limits, and end it with all that it has started. Run as a script, by itself.

It imports nothing of Podium and little else, since each program waits for it. It is given the
process id of its parent, a descriptor to say on why the program did not start, limits such as
``RLIMIT_CPU=10``, ``--``, the path of the program, its name, and its arguments.

Limits are set here since Python's own way, a function that is called between fork and exec, may hang
a process that has threads. It stays beside the program as the one whom the system gives what has
lost its parents, so that nothing which descends from the program gets out of sight (on Linux), and
it ends all of it when the program has ended, when it is told to (SIGUSR1), and when the process that
wanted it has died. SIGTERM is handed on to the program.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_NOT_STARTED = 127
_IS_LINUX = sys.platform.startswith("linux")
_HEARD = (signal.SIGTERM, signal.SIGUSR1, signal.SIGCHLD)
_ROUNDS = 100
_END_S = 5.0


class Launcher:
    """Beside a program."""

    def __init__(self, told: list[str]) -> None:
        start = told.index("--")
        self._parent, self._report = int(told[0]), int(told[1])
        self._limits = [one.split("=") for one in told[2:start]]
        self._program, *self._arguments = told[start + 1 :]
        self._child = 0
        self._status: int | None = None
        self._prctl: Any = None
        if _IS_LINUX:
            import ctypes

            self._prctl = ctypes.CDLL(None, use_errno=True).prctl

    def run(self) -> None:
        """Start the program, wait for its end, end what is left, and end like it."""
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for number in _HEARD:
            signal.signal(number, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
        if self._prctl:
            self._prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
            self._prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if self._is_orphan():
            return
        self._child = os.fork()
        if not self._child:
            self._become()
        os.close(self._report)
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):  # the pipes are the program's alone
            os.dup2(nothing, descriptor)
        self._wait()
        self._end_all()
        self._end_like_it()

    def _is_orphan(self) -> bool:
        return os.getppid() != self._parent

    def _become(self) -> None:
        """Become the program."""
        try:
            os.set_inheritable(self._report, False)
            os.setsid()
            if self._prctl:
                self._prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
                self._prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
            for number in (*_HEARD, signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
            for name, value in self._limits:
                _limit(getattr(resource, name), int(value))
            os.execv(self._program, self._arguments)  # noqa: S606 - that there is no shell is the point
        except BaseException as problem:  # noqa: BLE001 - whatever it is, it is told
            os.write(self._report, str(problem).encode(errors="replace")[:1000])
        finally:
            os._exit(_NOT_STARTED)

    def _wait(self) -> None:
        while self._status is None:
            heard = signal.sigwait(_HEARD)
            self._bury()
            if heard == signal.SIGUSR1 or self._is_orphan():
                return
            if heard == signal.SIGTERM:
                self._signal_group(signal.SIGTERM)

    def _bury(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            if pid == self._child:
                self._status = status

    def _signal_group(self, number: int) -> None:
        try:
            os.killpg(self._child, number)
        except ProcessLookupError:  # it has no group yet, or no more
            _signal([self._child] if self._status is None else [], number)

    def _end_all(self) -> None:
        """Stop all that descend from here, so that they make no more of themselves; then end them."""
        self._signal_group(signal.SIGKILL)
        end = time.monotonic() + _END_S
        while (found := _below(os.getpid())) and time.monotonic() < end:
            stopped: set[int] = set()
            for _ in range(_ROUNDS):
                fresh = [pid for pid in found if pid not in stopped]
                if not fresh:
                    break
                _signal(fresh, signal.SIGSTOP)
                stopped.update(fresh)
                found = _below(os.getpid())
            _signal(found, signal.SIGKILL)
            time.sleep(0.001)
            self._bury()
        self._bury()

    def _end_like_it(self) -> None:
        status = self._status
        if status is not None and os.WIFSIGNALED(status):
            ending = os.WTERMSIG(status)
            if ending != signal.SIGKILL:
                signal.signal(ending, signal.SIG_DFL)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, [ending])
            os.kill(os.getpid(), ending)
        os._exit(_NOT_STARTED if status is None else os.WEXITSTATUS(status))


def _limit(kind: int, value: int) -> None:
    _, most = resource.getrlimit(kind)
    value = value if most == resource.RLIM_INFINITY else min(value, most)
    resource.setrlimit(kind, (value, value))


def _below(pid: int) -> list[int]:
    """Return the living processes that descend from one; none where the system does not tell."""
    children: dict[int, list[tuple[int, str]]] = {}
    try:
        entries = os.listdir("/proc")  # noqa: PTH208 - without what pathlib imports
    except OSError:
        return []
    for entry in filter(str.isdigit, entries):
        try:
            with open(f"/proc/{entry}/stat") as file:  # noqa: PTH123 - as above
                state, parent = file.read().rpartition(")")[2].split()[:2]
        except (OSError, ValueError):  # it has ended meanwhile
            continue
        children.setdefault(int(parent), []).append((int(entry), state))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        for child, state in children.get(waiting.pop(), ()):
            waiting.append(child)
            if state not in "ZX":
                found.append(child)
    return found


def _signal(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):  # it has ended, or is somebody else's by now
            continue


if __name__ == "__main__":
    Launcher(sys.argv[1:]).run()

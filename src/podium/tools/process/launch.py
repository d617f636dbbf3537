"""Set the limits of a program and become it. Run as a script, by itself: it imports nothing of Podium.

It is given JSON with ``parent`` (a process id) and ``limits`` (names of ``resource`` and numbers),
the path of the program, its name, and its arguments. Python's own way, a function that is called between fork and
exec, may hang a process that has threads.
"""

import json
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_NOT_STARTED = 127


def _die_with_parent(parent: int) -> None:
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:  # it died before
        os._exit(_NOT_STARTED)


def _limit(name: str, value: int) -> None:
    kind = getattr(resource, name)
    _, most = resource.getrlimit(kind)
    if most != resource.RLIM_INFINITY:
        value = min(value, most)
    resource.setrlimit(kind, (value, value))


def main() -> None:
    """Become the program."""
    given = json.loads(sys.argv[1])
    _die_with_parent(given["parent"])
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    for name, value in given["limits"].items():
        _limit(name, value)
    os.execv(sys.argv[2], sys.argv[3:])  # noqa: S606 - that there is no shell is the point


if __name__ == "__main__":
    main()

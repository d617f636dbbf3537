"""What a workflow must not do, seen while it does it, or suspected from its names.

For sure (refused): threads, processes and sockets, through an audit hook that looks only while a
program is being drained. Likely (warned, with a code and the remedy): files and ``time.sleep``
through the same hook; ``time``, ``random``, ``uuid``, ``datetime.now`` and the environment by a
scan of the names its code uses.

Roads not taken: a sandbox that re-imports modules (Temporal's users end up disabling it), patching
the modules of the process (breaks everybody else), tracing (costs every line).
"""

from __future__ import annotations

import functools
import sys

from asyncio import events
from collections.abc import Callable, Iterator
from types import CodeType, ModuleType
from typing import Any, NamedTuple

from podium.core.errors import Refused
from podium.engine.loop import RunLoop
from podium.engine.system import announce_threads

_IN_TASK = "put it into a function decorated with @task and await that."
_REFUSED = {
    "_thread.start_new_thread": ("a new thread", _IN_TASK),
    "_thread.start_joinable_thread": ("a new thread", _IN_TASK),
    "socket.__new__": ("a socket", _IN_TASK),
    "socket.connect": ("a network connection", _IN_TASK),
    "socket.getaddrinfo": ("name resolution", _IN_TASK),
    "subprocess.Popen": ("a subprocess", _IN_TASK),
    "os.system": ("a subprocess", _IN_TASK),
    "os.posix_spawn": ("a subprocess", _IN_TASK),
    "os.fork": ("a fork", _IN_TASK),
    "os.exec": ("another program", _IN_TASK),
}
_SUSPECT = {
    "open": ("file-in-workflow", "opens the file {0!r}, which may differ in a replay. Read files in a @task."),
    "os.listdir": ("file-in-workflow", "lists the directory {0!r}; read files in a @task."),
    "os.scandir": ("file-in-workflow", "lists the directory {0!r}; read files in a @task."),
    "sqlite3.connect": ("file-in-workflow", "opens the database {0!r}; query it in a @task."),
    "time.sleep": ("blocked-loop", "calls time.sleep: every run of this process waits. Await podium.sleep instead."),
}  # fmt: skip
_SOURCES = (".py", ".pyc", ".so", ".pyi")


class Suspicion(NamedTuple):
    """A likely source of nondeterminism.

    Attributes:
        code: A stable word.
        text: What it is, and the remedy.
    """

    code: str
    text: str


_REMEDIES = {
    ("time", "time"): "podium.now()",
    ("time", "time_ns"): "podium.now()",
    ("time", "monotonic"): "podium.now()",
    ("time", "perf_counter"): "podium.now()",
    ("time", "sleep"): "await podium.sleep(…)",
    ("uuid", "uuid1"): "podium.uuid4()",
    ("uuid", "uuid4"): "podium.uuid4()",
    ("datetime", "now"): "podium.now()",
    ("datetime", "utcnow"): "podium.now()",
    ("datetime", "today"): "podium.now()",
    ("os", "environ"): "podium.env(…)",
    ("os", "getenv"): "podium.env(…)",
    ("os", "urandom"): "podium.random()",
}
_WHOLE_MODULES = {"random": "podium.random()", "secrets": "podium.random()"}
_CLASS_METHODS = ("now", "utcnow", "today")


@functools.cache
def install() -> None:
    """Watch what programs do; once per process, and only where runs are executed."""
    sys.addaudithook(_watch)
    announce_threads()


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    refused = _REFUSED.get(event)
    if refused is None and event not in _SUSPECT:
        return
    loop = events._get_running_loop()  # noqa: SLF001 - the loop of this very thread
    if type(loop) is not RunLoop or loop.on_suspicion is None:
        return
    if refused is not None:
        raise Refused(*refused)
    first = arguments[0] if arguments else ""
    if event == "open" and (not isinstance(first, str) or first.endswith(_SOURCES)):
        return
    code, text = _SUSPECT[event]
    loop.on_suspicion(Suspicion(code, f"the workflow {text.format(first)}"))


def scan(function: Callable[..., Any]) -> list[Suspicion]:
    """Return what the names in a workflow's code make likely."""
    found: dict[str, Suspicion] = {}
    code = getattr(function, "__code__", None)
    names = getattr(function, "__globals__", {})
    if code is None:
        return []
    for used in _codes(code):
        for what, remedy in _suspects(used, names):
            text = f"the workflow uses {what}, which differs in a replay; use {remedy}, or a @task."
            found.setdefault(what, Suspicion("likely-nondeterminism", text))
    return list(found.values())


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _suspects(code: CodeType, names: dict[str, Any]) -> Iterator[tuple[str, str]]:
    used = set(code.co_names)
    for name in code.co_names:
        value = names.get(name)
        if isinstance(value, ModuleType):
            module = value.__name__
            if module in _WHOLE_MODULES:
                yield module, _WHOLE_MODULES[module]
            for (owner, attribute), remedy in _REMEDIES.items():
                if owner == module and attribute in used:
                    yield f"{owner}.{attribute}", remedy
        elif value is not None:
            yield from _suspect_value(name, value, used)


def _suspect_value(name: str, value: Any, used: set[str]) -> Iterator[tuple[str, str]]:
    module, own = getattr(value, "__module__", None), getattr(value, "__name__", name)
    if module == "datetime" and own in ("datetime", "date"):
        for method in _CLASS_METHODS:
            if method in used:
                yield f"{own}.{method}", "podium.now()"
    elif isinstance(module, str) and (module, own) in _REMEDIES:
        yield f"{module}.{own}", _REMEDIES[module, own]
    elif module in _WHOLE_MODULES or _is_bound_to_random(value):
        yield f"random.{own}", "podium.random()"


def _is_bound_to_random(value: Any) -> bool:
    owner = getattr(value, "__self__", None)
    return type(owner).__module__ == "random" if owner is not None else False

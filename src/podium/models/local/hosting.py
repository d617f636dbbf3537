"""A local model in a process of its own, as this process sees it."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import json
import os
import subprocess
import sys
import threading

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final

from podium.models.errors import ModelUnreachable
from podium.models.local import host
from podium.models.local.errors import WeightsDamaged

CONTEXT_TOKENS: Final = 4_096
"""A conversation together with its answer."""
_THREADS_MAX: Final = 4
_PATIENCE_S: Final = 5.0

Chunk = Callable[[dict[str, Any]], None]


class Host:
    """The model of one file: its process is started with the first request, and again after its death.

    It answers one request at a time; others wait in it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._life: Life | None = None

    @property
    def process(self) -> subprocess.Popen[str] | None:
        """The process; None before the first request."""
        return self._life.process if self._life else None

    def ask(self, kind: str, body: dict[str, Any], chunk: Chunk) -> tuple[Life, int, Future[None]]:
        """Send a request.

        Args:
            kind: ``chat`` or ``text``.
            body: As llama.cpp's server takes it.
            chunk: Is given each part of the answer, in another thread.

        Returns:
            The process that has it, its number there, and when it is done; that fails with
            ModelUnreachable where the process dies, with WeightsDamaged where there is no model.
        """
        with self._lock:
            if self._life is None or self._life.is_over:
                self._life = Life(self.path)
            return self._life, *self._life.ask(kind, body, chunk)

    def close(self) -> None:
        """End the process."""
        with self._lock:
            life, self._life = self._life, None
        if life is not None:
            life.process.kill()
            life.process.wait(_PATIENCE_S)


class Life:
    """A process from its start to its death."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._open: dict[int, tuple[Chunk, Future[None]]] = {}
        self.is_over = False
        command = [sys.executable, "-P", host.__file__, str(path), str(CONTEXT_TOKENS)]
        self.process = subprocess.Popen(
            [*command, str(threads())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is for this process, which ends the other one
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def ask(self, kind: str, body: dict[str, Any], chunk: Chunk) -> tuple[int, Future[None]]:
        """Send a request; return its number, and when it is done."""
        done: Future[None] = Future()
        number = next(self._numbers)
        with self._lock:
            if self.is_over:
                _settle(done, self._died())
            else:
                self._open[number] = (chunk, done)
                self._send({"id": number, "kind": kind, "body": body})
        return number, done

    def stop(self, number: int) -> None:
        """Say that nobody waits for a request any more; it ends with its next token."""
        with self._lock:
            if number in self._open:
                self._send({"stop": number})

    def _send(self, line: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it is dead, which the listener tells
            self.process.stdin.write(json.dumps(line) + "\n")
            self.process.stdin.flush()

    def _listen(self) -> None:
        """Hand on what the process says, until it is dead."""
        assert self.process.stdout is not None
        problem: Exception | None = None
        for line in self.process.stdout:
            told = json.loads(line)
            if "failed" in told:
                problem = self._unreadable(told["failed"])
            elif "end" in told:
                with self._lock:
                    _, done = self._open.pop(told["id"])
                _settle(done, None)
            elif "chunk" in told:
                self._open[told["id"]][0](told["chunk"])
        self.process.wait()
        with self._lock:
            self.is_over = True
            left = [done for _, done in self._open.values()]
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            with contextlib.suppress(OSError):
                stream.close()
        for done in left:
            _settle(done, problem or self._died())

    def _unreadable(self, reason: str) -> WeightsDamaged:
        return WeightsDamaged(
            f"{self._path} cannot be read by llama.cpp ({reason}). Fetch it again with "
            "`podium model pull`; of your own, see that it is a whole GGUF file."
        )

    def _died(self) -> ModelUnreachable:
        return ModelUnreachable(
            f"The process of the local model {self._path.name} ended with {self.process.returncode} "
            "before it had answered. The next call starts it again; see that there is memory enough."
        )


_hosts: Final[dict[Path, Host]] = {}
_making: Final = threading.Lock()


def host_of(path: Path) -> Host:
    """Return the process of a model, one for each file."""
    with _making:
        if not _hosts:
            atexit.register(close_all)
        return _hosts.setdefault(path, Host(path))


def close_all() -> None:
    """End the processes of all models; the next request starts them again."""
    for one in [*_hosts.values()]:
        one.close()


def threads() -> int:
    """Return how many threads compute: $PODIUM_LOCAL_THREADS, else one core is left free."""
    told = os.environ.get("PODIUM_LOCAL_THREADS", "")
    if told.isdecimal() and int(told):
        return int(told)
    return max(1, min(_THREADS_MAX, (os.cpu_count() or 2) - 1))


def _settle(done: Future[None], problem: Exception | None) -> None:
    """End a wait; one that was cancelled has ended."""
    if done.set_running_or_notify_cancel():
        if problem is None:
            done.set_result(None)
        else:
            done.set_exception(problem)

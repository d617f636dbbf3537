"""Real processes for tests: each runs a few lines on a database, talks by lines, and is ended."""

import os
import signal
import subprocess
import sys

from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
BEFORE = """
import os, signal, sys, time
from podium.core.errors import *
from podium.journal.sqlite import SqliteStore
from podium.journal.store import *
from tests.journal.rows import *

path = sys.argv[1]
def say(*words): print(*words, flush=True)
def hear(): return sys.stdin.readline().strip()
"""


class Child:
    """One process under test."""

    def __init__(self, code, path):
        paths = [str(ROOT / "src"), str(ROOT)]
        self.process = subprocess.Popen(
            [sys.executable, "-c", BEFORE + code, str(path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )  # fmt: skip
        self.pid = self.process.pid

    def hear(self):
        """Wait for a line; "" at its end."""
        return self.process.stdout.readline().strip()

    def say(self, line=""):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Freeze it, and wait until the kernel says that it is."""
        os.kill(self.pid, signal.SIGSTOP)
        self.wait_stopped()

    def wait_stopped(self):
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOWAIT)

    def go_on(self):
        os.kill(self.pid, signal.SIGCONT)


@contextmanager
def child(code, path):
    """Run a child; however the test ends, it ends too."""
    one = Child(code, path)
    try:
        yield one
    finally:
        one.kill()
        with suppress(BrokenPipeError):
            one.process.stdin.close()
        one.process.stdout.close()

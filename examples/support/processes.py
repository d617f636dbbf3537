"""The processes of the demo: started here, killed here, and none is left behind."""

import os
import subprocess
import sys

from pathlib import Path
from types import TracebackType
from typing import Self

STOP_S = 5.0


class Process:
    """A Python module as a process of its own; what it says goes to a file."""

    def __init__(self, module: str, *options: str, log: Path) -> None:
        self.log = log
        paths = [str(Path.cwd()), os.environ.get("PYTHONPATH", "")]
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={
                    "OPENBLAS_NUM_THREADS": "1",  # its threads would wait for each other by spinning
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(filter(None, paths)),
                },
                start_new_session=True,  # Ctrl-C is for the demo, which stops its processes itself
            )

    @property
    def pid(self) -> int:
        """The number the system knows it by."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it is still there."""
        return self._process.poll() is None

    def said(self) -> str:
        """What it has printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace").strip()

    def kill(self) -> None:
        """End it at once, without a chance to say good-bye: SIGKILL."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Ask it to end, and kill it when it does not."""
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

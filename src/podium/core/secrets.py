"""Secrets by reference: ``secret://env/NAME`` stands for a value that is written down nowhere.

A reference travels through arguments, documents and journals as it is; the value is fetched in the
body of a task, each time anew, and what was fetched is remembered by the process, so that it can be
replaced wherever it would leave (``core.redaction``).
"""

from __future__ import annotations

import importlib
import os
import re

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from podium.core.context import current_attempt, current_context
from podium.core.errors import NameTaken, Refused, SecretInvalid, SecretMissing
from podium.core.memory import remember
from podium.core.spec import registry

Source = Callable[[str], str | None]
"""Gives the value of a name; None where there is none."""

REFERENCE = re.compile(r"secret://([a-z][a-z0-9-]*)/([A-Za-z0-9_.~%/+-]+)")
_BEGINNING = "secret://"
_FILE_BYTES_MAX = 64 * 1024
_DIRECTORIES = "PODIUM_SECRETS_DIR"
_DIRECTORY = "/run/secrets"
_REMEDY = "hand on the reference, and resolve it in the body of the task that needs the value."


def secret(reference: str) -> str:
    """Return the value of a secret, in the body of a task or outside any run.

    It is fetched anew each time. It blocks where the source does: in an async task with a slow
    source use ``await asyncio.to_thread(podium.secret, …)``.

    Args:
        reference: ``secret://env/NAME``, ``secret://file/PATH`` under ``$PODIUM_SECRETS_DIR`` (or
            ``/run/secrets``), ``secret://keyring/SERVICE/NAME``, or of a source of your own.

    Raises:
        SecretInvalid: It is no reference, or its source cannot give a text.
        SecretMissing: There is no such secret; no such failure is tried again.
        Refused: The caller is a workflow, where the value would be recorded.
    """
    if current_attempt.get() is None and current_context.get() is not None:
        raise Refused("podium.secret()", _REMEDY)
    found = REFERENCE.fullmatch(reference)
    if found is None:
        raise _no_reference(reference)
    return _fetched(found)


def resolve(value: Any) -> Any:
    """Return a value with every reference in its strings replaced, in lists and dicts at any depth.

    Use it on what the author of a tool wrote (a URL, a header), **never on what came from outside**
    or from a model: a reference in there would fetch a secret for whoever wrote it.

    Raises:
        SecretInvalid, SecretMissing, Refused: As :func:`secret`.
    """
    if isinstance(value, str):
        return _filled(value) if _BEGINNING in value else value
    if isinstance(value, dict):
        return {key: resolve(one) for key, one in value.items()}
    if isinstance(value, list):
        return [resolve(one) for one in value]
    if isinstance(value, tuple):
        return tuple(resolve(one) for one in value)
    return value


def secret_source(scheme: str, function: Source) -> None:
    """Register where ``secret://SCHEME/…`` is looked up; do it where your tasks are defined.

    Args:
        scheme: Lower-case letters, digits, hyphens.
        function: Gives the value of a name (what follows the scheme), or None where there is none.
            What it raises itself fails the attempt as any exception does, and is tried again.

    Raises:
        SecretInvalid: The scheme is no such word.
        NameTaken: The scheme is a built-in one, or another function has it.
    """
    if not REFERENCE.fullmatch(f"{_BEGINNING}{scheme}/x"):
        raise SecretInvalid(
            f"secret_source({scheme!r}): a scheme has lower-case letters, digits and hyphens."
        )
    old = registry.secret_sources.get(scheme, _BUILT_IN.get(scheme))
    if old is not None and _place(old) != _place(function):
        raise NameTaken(
            f"Secrets of {_BEGINNING}{scheme}/ are already looked up by {'.'.join(_place(old))}. "
            "Give yours another scheme."
        )
    registry.secret_sources[scheme] = function


def _place(function: Source) -> tuple[str, str]:
    return getattr(function, "__module__", ""), getattr(function, "__qualname__", repr(function))


def _no_reference(text: Any) -> SecretInvalid:
    """Say so without the text, which may be the secret itself."""
    if not isinstance(text, str) or not text.startswith(_BEGINNING):
        what = f"a text of {len(text)} characters" if isinstance(text, str) else type(text).__name__
    else:
        what = repr(text)
    return SecretInvalid(
        f"podium.secret() was given {what}, which is no reference: "
        "expected secret://env/NAME, secret://file/PATH or secret://keyring/SERVICE/NAME "
        "(other characters than letters, digits and _ . ~ / + - are percent-encoded)."
    )


def _filled(text: str) -> str:
    if current_attempt.get() is None and current_context.get() is not None:
        raise Refused("A reference to a secret", _REMEDY)
    if text.count(_BEGINNING) != len(REFERENCE.findall(text)):
        at = text.index(_BEGINNING)
        raise SecretInvalid(
            f"{text[at : at + 60]!r} begins like a reference and is none: "
            "expected secret://SOURCE/NAME, as in secret://env/NAME."
        )
    return REFERENCE.sub(_fetched, text)


def _fetched(found: re.Match[str]) -> str:
    reference, scheme, name = found[0], found[1], unquote(found[2])
    source = registry.secret_sources.get(scheme) or _BUILT_IN.get(scheme)
    if source is None:
        known = ", ".join(sorted({*_BUILT_IN, *registry.secret_sources}))
        raise SecretInvalid(
            f"{reference}: no source {scheme!r} is known here, only {known}. "
            "Register it with podium.secret_source in the module of the task."
        )
    value = source(name)
    if value is None:
        raise SecretMissing(reference, _remedy(scheme, name))
    if not isinstance(value, str):
        raise SecretInvalid(
            f"{reference}: its source gave {type(value).__name__}; a secret is a str."
        )
    if not value:
        raise SecretMissing(reference, "it is there and empty; give it a value.")
    remember(reference, value)
    return value


def _remedy(scheme: str, name: str) -> str:
    if scheme == "env":
        return f"set the environment variable {name} where the worker runs."
    if scheme == "file":
        return f"put a file {name} into {' or '.join(map(str, _directories()))}, or set ${_DIRECTORIES}."
    if scheme == "keyring":
        service, _, user = name.rpartition("/")
        return f"store it: `keyring set {service} {user}`."
    return f"the source {scheme!r} has nothing of that name."


# built-in sources ------------------------------------------------------------------------


def _from_environment(name: str) -> str | None:
    return os.environ.get(name)


def _directories() -> list[Path]:
    given = os.environ.get(_DIRECTORIES) or _DIRECTORY
    return [Path(one) for one in given.split(os.pathsep) if one]


def _from_file(name: str) -> str | None:
    """Read a file under one of the directories; one newline at its end is no part of the secret."""
    for directory in _directories():
        path = (directory / name).resolve()
        if not path.is_relative_to(directory.resolve()):
            raise SecretInvalid(
                f"secret://file/{name} lies outside {directory}, where secrets are."
            )
        try:
            with path.open("rb") as file:
                return _text_of(file.read(_FILE_BYTES_MAX + 1), path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as problem:
            raise SecretInvalid(f"{path} cannot be read: {problem.strerror}.") from None
    return None


def _text_of(content: bytes, path: Path) -> str:
    if len(content) > _FILE_BYTES_MAX:
        raise SecretInvalid(f"{path} has more than {_FILE_BYTES_MAX:,} bytes; a secret is small.")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise SecretInvalid(f"{path} is no text in UTF-8; a secret is text.") from None
    return text.removesuffix("\n").removesuffix("\r")


def _from_keyring(name: str) -> str | None:
    service, _, user = name.rpartition("/")
    if not service:
        raise SecretInvalid(f"secret://keyring/{name}: expected secret://keyring/SERVICE/NAME.")
    try:
        keyring: Any = importlib.import_module("keyring")
    except ImportError:
        raise SecretInvalid(
            "secret://keyring/ needs the package keyring: pip install 'podium[keyring]'."
        ) from None
    value: str | None = keyring.get_password(service, user)
    return value


_BUILT_IN: dict[str, Source] = {
    "env": _from_environment,
    "file": _from_file,
    "keyring": _from_keyring,
}

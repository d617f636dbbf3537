"""Cassettes: replies of real models, kept in a file and given again where nobody may be asked.

A recording is a document of YAML: the model, the request, the reply. A request is found by what it
says, not by when it is made, so a replay gives the same after a crash and in any order.
"""

from __future__ import annotations

import contextlib
import difflib
import os

from collections.abc import Awaitable, Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec
import yaml

from podium.core.context import current_attempt
from podium.core.errors import InvalidOption
from podium.core.memory import redactor_for
from podium.models.errors import CassetteMiss
from podium.models.messages import Reply, Request

FILE: Final = "PODIUM_CASSETTE"
MODE: Final = "PODIUM_CASSETTE_MODE"
_MODES: Final = ("replay", "record")
_PRIVATE: Final = ("labels", "kept")
"""Fields of messages that are Podium's or the provider's own, and change while the words stay."""
_DIFFERENCE_LINES_MAX: Final = 40
_NEAR_CHARS: Final = 20_000
_LOOKS_MAX: Final = 200

Ask = Callable[[], Awaitable[Reply]]


@contextlib.contextmanager
def cassette(
    path: str | os.PathLike[str], mode: Literal["replay", "record"] = "replay"
) -> Iterator[None]:
    """Answer calls of models from a file, in this process and those that it starts.

    Models that are scripts or functions answer themselves.

    Args:
        path: The file; with ``record`` it is made where it is missing.
        mode: ``replay``: nobody is asked, and what is not on it fails with the code
            ``cassette-miss``. ``record``: what is not on it is asked for and added.

    Raises:
        InvalidOption: There is no such mode.
    """
    if mode not in _MODES:
        raise InvalidOption(f"cassette(mode={mode!r}): expected 'replay' or 'record'.")
    before = {name: os.environ.get(name) for name in (FILE, MODE)}
    os.environ[FILE], os.environ[MODE] = str(Path(path).absolute()), mode
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class Recording(NamedTuple):
    """One reply that was kept.

    Attributes:
        model: Who was asked.
        request: What, as data.
        reply: What was answered, as data.
        step: The step in which it was asked; empty outside a run.
    """

    model: str
    request: dict[str, Any]
    reply: dict[str, Any]
    step: str = ""


class Cassette:
    """The recordings of one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read_as: tuple[int, int] | None = None
        self._recordings: list[Recording] = []

    async def answer(self, model: str, request: Request, ask: Ask, *, may_ask: bool) -> Reply:
        """Return the reply to a request: the recorded one, or a new one that is recorded.

        Args:
            model: Who is asked.
            request: What.
            ask: Asks for real.
            may_ask: Whether that may be done.

        Raises:
            CassetteMiss: It is not recorded, and nobody may be asked.
        """
        asked = _clean(msgspec.to_builtins(request))
        attempt = current_attempt.get()
        step = "" if attempt is None else attempt.path
        found = self._find(model, asked, step)
        if found is not None:
            return msgspec.convert(found.reply, Reply)
        if not may_ask:
            raise CassetteMiss(self._miss(model, asked))
        reply = await ask()
        self._append(Recording(model, asked, _clean(msgspec.to_builtins(reply)), step))
        return reply

    def _find(self, model: str, asked: dict[str, Any], step: str) -> Recording | None:
        """Return the recording of a request; of several equal ones that of the same step."""
        bare = _bare(asked)
        same = [
            one for one in self._all() if one.model == model and _bare(one.request) == bare
        ]  # fmt: skip
        return next((one for one in same if one.step == step), same[0] if same else None)

    def _all(self) -> list[Recording]:
        """Return what is in the file now: other processes add to it."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return []
        read_as = (status.st_mtime_ns, status.st_size)
        if read_as != self._read_as:
            text = self.path.read_text(encoding="utf-8")
            documents = yaml.load_all(text, Loader=_Loader)
            self._recordings = [Recording(**one) for one in documents if one]
            self._read_as = read_as
        return self._recordings

    def _append(self, recording: Recording) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"---\n{_written(recording._asdict())}")

    def _miss(self, model: str, asked: dict[str, Any]) -> str:
        """Say what is missing, which recording is nearest, and what is different there."""
        recordings = self._all()
        remedy = (
            "Record it: run this once with podium.models.cassette(…, mode='record'), where real calls are "
            "allowed."
        )
        if not recordings:
            return f"{self.path} has no recording at all, and {model} was asked. {remedy}"
        wanted = _written({"model": model, "request": _bare(asked)})
        nearest = max(recordings[-_LOOKS_MAX:], key=lambda one: _likeness(wanted, one))
        number = recordings.index(nearest) + 1
        lines = difflib.unified_diff(
            _shown(nearest).splitlines(), wanted.splitlines(), f"recording {number}", "asked now",
            lineterm="", n=1,
        )  # fmt: skip
        difference = list(lines)
        if len(difference) > _DIFFERENCE_LINES_MAX:
            left = len(difference) - _DIFFERENCE_LINES_MAX
            difference = [*difference[:_DIFFERENCE_LINES_MAX], f"… and {left} more lines"]
        told = "\n".join(difference)
        return (
            f"{self.path} has no recording of what {model} was asked. The nearest of its "
            f"{len(recordings)} is number {number}; the difference:\n{told}\n{remedy}"
        )


def cassette_in_use() -> tuple[Cassette, bool] | None:
    """Return the cassette that answers, and whether it records; None where there is none."""
    path = os.environ.get(FILE)
    return (_cassette_at(path), os.environ.get(MODE) == "record") if path else None


@lru_cache(maxsize=64)
def _cassette_at(path: str) -> Cassette:
    return Cassette(Path(path))


# inside ------------------------------------------------------------------------------------------


def _clean(value: Any) -> Any:
    """Return data without the secrets that this process, or the attempt that runs, has resolved."""
    redactor = redactor_for(current_attempt.get())
    return value if redactor is None else redactor.value(value)


def _bare(request: dict[str, Any]) -> dict[str, Any]:
    """Return a request by which it is found, as JSON has it."""
    messages = [
        {name: value for name, value in one.items() if name not in _PRIVATE}
        for one in request["messages"]
    ]
    bare: dict[str, Any] = msgspec.json.decode(
        msgspec.json.encode({**request, "messages": messages})
    )
    return bare


def _shown(recording: Recording) -> str:
    return _written({"model": recording.model, "request": _bare(recording.request)})


def _likeness(wanted: str, recording: Recording) -> float:
    other = _shown(recording)
    matcher = difflib.SequenceMatcher(
        None, wanted[:_NEAR_CHARS], other[:_NEAR_CHARS], autojunk=False
    )
    return matcher.quick_ratio()


_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


_BREAKS: Final = ("\r", "\x85", "\u2028", "\u2029", "\ufeff")
"""What YAML takes for ends of lines and JSON does not; quoted, they stay what they are."""


class _Writer(yaml.SafeDumper):
    """Writes texts of several lines as such."""


def _text(writer: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    if any(break_ in text for break_ in _BREAKS):
        style = '"'
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Writer.add_representer(str, _text)


def _written(value: Any) -> str:
    plain = msgspec.to_builtins(value)
    text: str = yaml.dump(
        plain, Dumper=_Writer, sort_keys=False, allow_unicode=True, width=100
    )  # fmt: skip
    return text

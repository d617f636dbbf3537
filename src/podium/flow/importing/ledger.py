"""What of the source was carried over, and what is said of the rest: nothing is dropped in silence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podium.flow.findings import Finding, FlowInvalid, Severity
from podium.flow.places import child
from podium.flow.source.data import faults_of


class Ledger:
    """Keeps account of the words of one source.

    Attributes:
        notes: What could not be carried over, or only otherwise.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data
        self._used: set[str] = set()
        self._whole: set[str] = set()
        self._notes: dict[tuple[str, str, str], Finding] = {}

    @property
    def root(self) -> Source:
        """The source as a whole."""
        return Source(self, self._data, "$")

    @property
    def notes(self) -> list[Finding]:
        """All notes, in the order of the source."""
        order = {path: index for index, path in enumerate(_paths(self._data, "$"))}
        return sorted(self._notes.values(), key=lambda note: order.get(note.path, -1))

    def use(self, path: str, *, whole: bool = False) -> None:
        """Take note that what stands there is carried over; ``whole``: with all that is in it."""
        (self._whole if whole else self._used).add(path)

    def is_used(self, path: str) -> bool:
        """Whether what stands there is carried over."""
        return path in self._used or path in self._whole

    def note(self, severity: Severity, code: str, path: str, message: str, hint: str = "") -> None:
        """Say what is not carried over, or changed; the same thing is said once."""
        finding = Finding(code, path, message, hint, severity)
        self._notes.setdefault((code, path, message), finding)

    def note_the_rest(self) -> None:
        """Say of every word that nobody asked for that it is not carried over."""
        noted = {note.path for note in self._notes.values()}
        self._walk(self._data, "$", noted)

    def _walk(self, data: Any, path: str, noted: set[str]) -> None:
        if path in self._whole:
            return
        for key, value in _inside(data):
            place = child(path, key)
            if place in self._used or place in self._whole:
                self._walk(value, place, noted)
            elif place not in noted:
                shown = f"{key!r:.60}" if isinstance(key, str) else f"entry {key}"
                self.note(
                    "error", "unknown-word", place, f"{shown} means nothing here to this import.",
                    "See whether it is spelled right; say what it means in the flow by hand.",
                )  # fmt: skip


class Source:
    """A value of the source, and where it stands.

    Attributes:
        data: The JSON.
        path: ``$.do[0].getPet.with``.
    """

    __slots__ = ("data", "ledger", "path")

    def __init__(self, ledger: Ledger, data: Any, path: str) -> None:
        self.ledger = ledger
        self.data = data
        self.path = path

    def __contains__(self, word: str) -> bool:
        return isinstance(self.data, dict) and word in self.data

    def get(self, key: str | int) -> Source | None:
        """Return what stands at a word, as carried over; None where it is not there."""
        found = self.peek(key)
        if found is not None:
            self.ledger.use(found.path)
        return found

    def peek(self, key: str | int) -> Source | None:
        """Return what stands at a word, without saying that it is carried over."""
        if isinstance(key, int):
            is_there = isinstance(self.data, list) and key < len(self.data)
        else:
            is_there = isinstance(self.data, dict) and key in self.data
        return Source(self.ledger, self.data[key], child(self.path, key)) if is_there else None

    def inside(self) -> list[tuple[str, Source]]:
        """Return all fields, or all entries, each as carried over."""
        keys = [key for key, _ in _inside(self.data)]
        return [(str(key), found) for key in keys if (found := self.get(key)) is not None]

    def take(self) -> Any:
        """Return the JSON, as carried over with all that is in it."""
        self.ledger.use(self.path, whole=True)
        return self.data

    def text(self, key: str, default: str = "") -> str:
        """Return a text, as carried over; the default where there is none."""
        found = self.peek(key)
        if found is None:
            return default
        if isinstance(found.data, str):
            return str(found.take())
        found.error("wrong-type", f"expected a text; got {found.data!r:.60}.")
        return default

    def error(self, code: str, message: str, hint: str = "") -> None:
        """Say that this is not carried over, so that the flow does less than the source."""
        self.ledger.note("error", code, self.path, message, hint)

    def lost(self, code: str, message: str, hint: str = "") -> None:
        """Say that nothing of this is carried over."""
        self.take()
        self.error(code, message, hint)

    def warn(self, code: str, message: str, hint: str = "") -> None:
        """Say that this is changed, or left to the reader."""
        self.ledger.note("warning", code, self.path, message, hint)

    def left_out(self, message: str, hint: str = "") -> None:
        """Say that this has no counterpart, and that the flow does the same without it."""
        self.take()
        self.warn("left-out", message, hint)


def _inside(data: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(data, dict):
        yield from data.items()
    elif isinstance(data, list):
        yield from enumerate(data)


def _paths(data: Any, path: str) -> Iterator[str]:
    yield path
    for key, value in _inside(data):
        yield from _paths(value, child(path, key))


def refuse_non_json(data: Any, name: str) -> None:
    """Raise for what is no JSON, or too deep.

    Raises:
        FlowInvalid: With findings that say what and where.
    """
    findings = faults_of(data)
    if findings:
        raise FlowInvalid(name, findings)

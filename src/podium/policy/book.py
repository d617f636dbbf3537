"""What every decision about shared state is given: the time, and the book in which state is kept."""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol, TypeVar

import msgspec

from podium.core.errors import PodiumError, StoreError

HEAD_START_US: Final = 10_000_000
"""So much earlier a request of the next higher priority seems to have come. The wait of a low one
is bounded by it: after this time for each step between them, it goes before newer ones above it."""

T = TypeVar("T")


class Now(NamedTuple):
    """When a decision is made.

    Attributes:
        boot: Names the time since the machine was started; another one means that it was restarted.
        at_us: Microseconds since then; the same for all processes of the machine.
        wall_us: Microseconds since 1970. For people: nothing is decided by it.
    """

    boot: str
    at_us: int
    wall_us: int


class Book(Protocol):
    """Where shared state is kept, as JSON; what is put is written by the commit that decides."""

    def keys(self, kind: str, prefix: str = "") -> list[str]:
        """Return the keys of a kind that have a state, and that begin with a text."""

    def get(self, kind: str, key: str) -> bytes | None:
        """Return a state, or ``None`` if there is none."""

    def put(self, kind: str, key: str, state: bytes | None) -> None:
        """Replace a state; ``None`` deletes it."""


def read_state(decoder: msgspec.json.Decoder[T], data: bytes, kind: str, key: str) -> T:
    """Return a state from the book.

    Raises:
        StoreError: It is none that this version can read.
    """
    try:
        return decoder.decode(data)
    except msgspec.DecodeError as error:
        raise StoreError(
            f"The shared state {kind} {key!r} cannot be read: {error}. "
            "Either a newer Podium wrote it, then run that one; or the file is damaged: "
            "`podium doctor` tells."
        ) from error


def read_event(decoder: msgspec.json.Decoder[T], data: bytes, kind: str, key: str) -> T:
    """Return what is asked of a shared state.

    Raises:
        PodiumError: It is nothing that this state can be asked.
    """
    try:
        return decoder.decode(data)
    except msgspec.DecodeError as error:
        raise PodiumError(
            f"Shared state {kind} {key!r} was asked for {data[:200]!r}, which it does not know: "
            f"{error}. Expected one of the events in podium.policy.{kind}."
        ) from error

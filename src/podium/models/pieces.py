"""The pieces of a reply on their way to the stream of the run: gathered, so that a token is no commit."""

from __future__ import annotations

import asyncio

from types import TracebackType
from typing import Final, Self

from podium.functions.primitives import emit

GATHER_S: Final = 0.1
"""A piece is emitted after this time at the latest …"""
GATHER_CHARS: Final = 500
"""… or when what is gathered has grown to this."""


class Gathered:
    """Emits what it is given, in larger pieces; the rest where its block is left without an error."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._chars = 0
        self._timer: asyncio.TimerHandle | None = None

    def say(self, text: str) -> None:
        """Take a piece of the text."""
        if not text:
            return
        self._texts.append(text)
        self._chars += len(text)
        if self._chars >= GATHER_CHARS:
            self._emit()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER_S, self._emit)

    def _emit(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._texts:
            text, self._texts, self._chars = "".join(self._texts), [], 0
            emit(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        if kind is None:
            self._emit()
        elif self._timer is not None:
            self._timer.cancel()

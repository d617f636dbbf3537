"""Results that outlive their run: for the cache, and for those who take the last good one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Protocol

import msgspec

from podium.core.codec import Codec
from podium.core.context import Recalled
from podium.core.limits import KEPT_BYTES_MAX
from podium.core.policies import LastGood
from podium.core.spec import TaskSpec, source_version
from podium.engine.admission.keys import call_key
from podium.engine.log import Log
from podium.journal.records import RECALL, Result, body
from podium.journal.store import KeptRow, Reader

PRUNE_EVERY_S = 600.0
"""How often results that are too old for anybody are deleted."""


class Remembered(msgspec.Struct):
    """What a recall brings, as it is recorded."""

    found: bool
    at: int = 0
    value: msgspec.Raw = msgspec.Raw(b"null")

    def record(self, packed: msgspec.Raw) -> bytes:
        """Return the body of its record, given the envelope of itself."""
        return body(Result(k=RECALL, v=packed, o=self.at))


class RecalledCodec(Codec):
    """Decodes what is recorded of a recall, its value under the task's declared type."""

    __slots__ = ("_returns",)

    def __init__(self, returns: Codec) -> None:
        super().__init__(Recalled)
        self._returns = returns

    def decode(self, encoded: bytes) -> Recalled:
        """Return what was recalled.

        Raises:
            ValueNotPortable: The task's result has another type by now.
        """
        kept = msgspec.json.decode(encoded, type=Remembered)
        if not kept.found:
            return Recalled(found=False)
        return Recalled(found=True, value=self._returns.decode(bytes(kept.value)), at_us=kept.at)


class ResultsEngine(Protocol):
    """The engine, as kept results see it."""

    log: Log
    reader: Reader

    def clock_us(self) -> int: ...


class Results:
    """Keeps the newest result of each call whose task (or call) asks for that."""

    def __init__(self, engine: ResultsEngine) -> None:
        self._engine = engine

    def cached(self, spec: TaskSpec, arguments: Mapping[str, Any]) -> KeptRow | None:
        """Return a result of the same call, by the same code, that is young enough."""
        option = spec.options.cache
        if option is None:
            return None
        row = self._newest(spec.name, call_key(arguments, option.key))
        if row is None or row.code != _code(spec.fn):
            return None
        age_us = self._engine.clock_us() - row.at
        return row if age_us <= option.ttl_s * 1e6 else None

    def recall(self, spec: TaskSpec, arguments: Mapping[str, Any], within_s: float) -> Remembered:
        """Return the newest success of the same call, if it is young enough."""
        row = self._newest(spec.name, call_key(arguments))
        if row is None or self._engine.clock_us() - row.at > within_s * 1e6:
            return Remembered(found=False)
        return Remembered(found=True, at=row.at, value=msgspec.Raw(row.value))

    def wants(self, spec: TaskSpec) -> bool:
        """Whether anybody may want a result of it again."""
        return spec.options.cache is not None or _last_good_s(spec) > 0

    def keep(self, spec: TaskSpec, arguments: Mapping[str, Any], run: int, value: bytes) -> bool:
        """Keep a result; False where it is too large for that."""
        if len(value) > KEPT_BYTES_MAX:
            return False
        option, at = spec.options.cache, self._engine.clock_us()
        good_s = _last_good_s(spec)
        lives: dict[str, float] = {}
        if option is not None:
            lives[call_key(arguments, option.key)] = option.ttl_s
        if good_s:
            key = call_key(arguments)
            lives[key] = max(good_s, lives.get(key, 0.0))
        batch = self._engine.log.batch
        for key, life_s in lives.items():
            until = at + round(life_s * 1e6)
            batch.kept[spec.name, key] = KeptRow(at, until, run, _code(spec.fn), value)
        self._engine.log.mark(len(value))
        return True

    def prune(self) -> None:
        """Delete what nobody can want any more, with the next commit."""
        self._engine.log.batch.unkept.append(("", self._engine.clock_us()))
        self._engine.log.mark()

    def _newest(self, task: str, key: str) -> KeptRow | None:
        """Look first at what is appended and on its way to the file."""
        for batch in self._engine.log.unwritten():
            row = batch.kept.get((task, key))
            if row is not None:
                return row
        return self._engine.reader.common.kept(task, key)


def _last_good_s(spec: TaskSpec) -> float:
    return max(
        (one.within_s for one in spec.options.fallback if isinstance(one, LastGood)), default=0.0
    )


@cache
def _code(function: Callable[..., Any]) -> str:
    return source_version(function)

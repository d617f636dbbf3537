"""What is read from a database, within limits, in a form that JSON has."""

from __future__ import annotations

import base64
import datetime as dt
import math

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from podium.core.errors import LimitReached


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be read.

    Attributes:
        rows: How many rows.
        bytes: How large they are together, as JSON.
        seconds: How long the statement may take.
    """

    rows: int
    bytes: int
    seconds: float


class Found(NamedTuple):
    """What was read.

    Attributes:
        columns: Their names.
        rows: As JSON has them.
        cut_by: Which limit ended it; empty where all is there.
    """

    columns: tuple[str, ...]
    rows: list[list[Any]]
    cut_by: str


def collect(rows: Iterable[tuple[Any, ...]], limits: Limits) -> tuple[list[list[Any]], str]:
    """Take rows until a limit is reached; return them and which one it was."""
    taken: list[list[Any]] = []
    size = 0
    for row in rows:
        if len(taken) == limits.rows:
            return taken, f"{limits.rows:,} rows"
        values = [portable(value) for value in row]
        size += len(msgspec.json.encode(values))
        if size > limits.bytes:
            return taken, f"{limits.bytes:,} bytes"
        taken.append(values)
    return taken, ""


def require_whole(found: Found, what: str) -> Found:
    """Return what was read, if it is all.

    Raises:
        LimitReached: It is not.
    """
    if found.cut_by:
        raise LimitReached(
            f"{what} gives more than {found.cut_by}. Ask for less (`limit 100`), or raise "
            "rows_max or bytes_max."
        )
    return found


def portable(value: Any) -> Any:
    """Return a value of a database as JSON has it: times, decimals and ids as text, bytes as base64."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): portable(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set):
        return [portable(one) for one in value]
    return str(value)

"""What a failed call says about trying it again: its status, and how long to wait.

Found on the exceptions of the usual HTTP clients, without importing one of them.
"""

from __future__ import annotations

import math

from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from typing import Any


def status_of(error: BaseException) -> int | None:
    """Return the status of an exception: its own, or that of its response."""
    response = _of(error, "response")
    for holder, name in (
        (error, "status"), (error, "status_code"), (response, "status_code"), (response, "status"),
    ):  # fmt: skip
        value = _of(holder, name)
        if isinstance(value, int) and not isinstance(value, bool):
            return int(value)
    return None


def retry_after_s(error: BaseException, now_us: int) -> float:
    """Return how many seconds an exception asks to wait; 0 where it does not say.

    Args:
        error: With ``retry_after_s``, ``retry_after`` (seconds) or a response whose headers
            have ``Retry-After`` (seconds, or a date).
        now_us: What a date is compared with, in µs since 1970.
    """
    headers = _of(_of(error, "response"), "headers")
    given = (_of(error, "retry_after_s"), _of(error, "retry_after"), _header(headers))
    for value in given:
        wait_s = _seconds(value, now_us)
        if wait_s is not None:
            return wait_s
    return 0.0


def _of(holder: Any, name: str) -> Any:
    """Return an attribute; None where there is none, or where looking at it fails."""
    try:
        return getattr(holder, name, None)
    except Exception:  # noqa: BLE001 - a property of somebody else's class
        return None


def _header(headers: Any) -> Any:
    get = _of(headers, "get")
    if not callable(get):
        return None
    try:
        return get("Retry-After") or get("retry-after")
    except Exception:  # noqa: BLE001 - somebody else's mapping
        return None


def _seconds(value: Any, now_us: int) -> float | None:
    if isinstance(value, timedelta):
        return max(0.0, value.total_seconds())
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        wait_s = float(value)
    except ValueError:
        return _until(str(value), now_us)
    return max(0.0, wait_s) if math.isfinite(wait_s) else None


def _until(date: str, now_us: int) -> float | None:
    try:
        due = parsedate_to_datetime(date)
    except ValueError:
        return None
    due = due if due.tzinfo else due.replace(tzinfo=UTC)
    return max(0.0, due.timestamp() - now_us / 1e6)

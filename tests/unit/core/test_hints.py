"""What an exception says about trying again."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import pytest

from podium.core.hints import retry_after_s, status_of

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
NOW_US = round(NOW.timestamp() * 1e6)


def error(**attributes: Any) -> Exception:
    """Return an exception with attributes."""
    made = Exception("failed")
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


def answered(status: Any = None, **headers: Any) -> Exception:
    """Return an exception with a response, as HTTP clients raise."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return error(response=SimpleNamespace(status_code=status, headers=named))


class Hostile(Exception):
    """An exception whose attributes cannot be looked at."""

    @property
    def status(self) -> int:
        """Fail."""
        raise RuntimeError("no request was made")

    response = status


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (error(status=503), 503),
        (error(status_code=429), 429),
        (answered(404), 404),
        (error(response=SimpleNamespace(status=500)), 500),
        (error(status="503"), None),
        (error(status=True), None),
        (error(response=None), None),
        (Hostile(), None),
        (error(), None),
    ],
)
def test_its_status(given: Exception, status: int | None) -> None:
    """A whole number where the usual clients have it."""
    assert status_of(given) == status


@pytest.mark.parametrize(
    ("given", "wait_s"),
    [
        (error(retry_after_s=1.5), 1.5),
        (error(retry_after=30), 30.0),
        (error(retry_after="7"), 7.0),
        (error(retry_after=timedelta(minutes=2)), 120.0),
        (answered(Retry_After="20"), 20.0),
        (answered(Retry_After=b"20"), 20.0),
        (answered(Retry_After=format_datetime(NOW + timedelta(seconds=90), usegmt=True)), 90.0),
        (answered(Retry_After=format_datetime(NOW - timedelta(days=1), usegmt=True)), 0.0),
        (answered(Retry_After="soon"), 0.0),
        (error(retry_after=-5), 0.0),
        (error(retry_after=float("inf")), 0.0),
        (error(retry_after=True), 0.0),
        (error(response=SimpleNamespace(headers=3)), 0.0),
        (Hostile(), 0.0),
        (error(), 0.0),
    ],
)
def test_how_long_it_asks_to_wait(given: Exception, wait_s: float) -> None:
    """Seconds as a number or text, a date, or nothing at all; what makes no sense is not heard."""
    assert retry_after_s(given, NOW_US) == wait_s

"""What whoever asked for it will try."""

import gate
import pytest

from gate import ManualClock


def test_full_at_first_then_by_the_rate() -> None:
    """The burst at once, after that so many a second, and never more than the burst."""
    clock = ManualClock(100.0)
    bucket = gate.Bucket(2, 3, clock)

    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    clock.advance(0.5)
    assert [bucket.take(), bucket.take()] == [True, False]
    clock.advance(3600)
    assert [bucket.take(3), bucket.take()] == [True, False]


def test_waiting_is_exact() -> None:
    """Who sleeps for what it says finds the tokens there."""
    clock = ManualClock()
    bucket = gate.Bucket(10, 2, clock)
    bucket.take(2)

    assert bucket.wait_for() == pytest.approx(0.1)
    clock.sleep(bucket.wait_for(2))
    assert bucket.wait_for(2) == 0
    assert bucket.take(2)


@pytest.mark.parametrize("rate", [0.3, 3, 7, 1000])
def test_acquiring_keeps_to_the_limit(rate: float) -> None:
    """Two hundred tokens take as long as the rate says."""
    clock = ManualClock()
    bucket = gate.Bucket(rate, 5, clock)
    for _ in range(200):
        bucket.acquire()

    assert clock.now() == pytest.approx(195 / rate)


@pytest.mark.parametrize(
    ("rate", "burst", "n"), [(0, 1, 1), (-1, 1, 1), (1, 0, 1), (1, 3, 4), (1, 3, 0), (1, 3, -1)]
)
def test_what_can_never_be(rate: float, burst: int, n: int) -> None:
    """It is refused."""
    for method in ("take", "wait_for", "acquire"):
        with pytest.raises(ValueError):  # noqa: PT011 - what it says is not laid down
            getattr(gate.Bucket(rate, burst, ManualClock()), method)(n)

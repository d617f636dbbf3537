"""A clock of our own."""

from gate import ManualClock


def test_it_moves_when_it_is_moved() -> None:
    """By who advances it, and by who sleeps."""
    clock = ManualClock(5.0)
    clock.advance(1.5)
    clock.sleep(0.5)

    assert clock.now() == 7.0

"""What whoever asked for it will try."""

import pytest

from larder import Cache


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.seconds


def test_an_entry_is_there_until_its_time_is_over() -> None:
    """At the second it is gone: for get, in and len."""
    clock = Hands()
    cache = Cache(3, ttl=5, clock=clock)
    cache.put("a", None)
    clock.seconds = 4.999
    assert ("a" in cache, cache.get("a", "gone"), len(cache)) == (True, None, 1)
    clock.seconds = 5

    assert ("a" in cache, cache.get("a", "gone"), len(cache)) == (False, "gone", 0)


def test_the_time_of_an_entry_takes_precedence() -> None:
    """Longer or shorter; putting it again begins anew."""
    clock = Hands()
    cache = Cache(3, ttl=5, clock=clock)
    cache.put("short", 1, ttl=1)
    cache.put("long", 1, ttl=50)
    cache.put("again", 1)
    clock.seconds = 4
    cache.put("again", 2)
    clock.seconds = 8

    assert [key for key in ("short", "long", "again") if key in cache] == ["long", "again"]


def test_expired_entries_make_room_first() -> None:
    """A live entry stays, though it was not used for longer."""
    clock = Hands()
    cache = Cache(2, clock=clock)
    cache.put("live", 1)
    cache.put("dead", 1, ttl=1)
    clock.seconds = 2
    cache.put("new", 1)

    assert [key for key in ("live", "dead", "new") if key in cache] == ["live", "new"]


def test_without_a_time_nothing_expires() -> None:
    """As it was."""
    clock = Hands()
    cache = Cache(2, clock=clock)
    cache.put("a", 1)
    clock.seconds = 10**9

    assert cache.get("a") == 1


@pytest.mark.parametrize("ttl", [0, -1])
def test_a_time_above_zero(ttl: float) -> None:
    """Anything else is refused, at both places."""
    with pytest.raises(ValueError):  # noqa: PT011 - what it says is not laid down
        Cache(2, ttl=ttl)
    with pytest.raises(ValueError):  # noqa: PT011 - as above
        Cache(2).put("a", 1, ttl=ttl)

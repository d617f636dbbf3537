"""The cache, and who uses it."""

import pytest

from larder import Cache, Prices


def test_what_was_not_used_makes_room() -> None:
    """A look by `get` is a use."""
    cache = Cache(2)
    cache.put("a", 1)
    cache.put("b", None)
    cache.get("a")
    cache.put("c", 3)

    assert [key for key in "abc" if key in cache] == ["a", "c"]
    assert (len(cache), cache.get("b", "gone")) == (2, "gone")


def test_a_size_is_needed() -> None:
    """A cache for nothing is refused."""
    with pytest.raises(ValueError, match="size=0"):
        Cache(0)


def test_a_price_is_looked_up_once() -> None:
    """Then it is kept."""
    asked: list[str] = []
    prices = Prices(lambda product: asked.append(product) or 1990)

    assert [prices.of("lamp"), prices.of("lamp")] == [1990, 1990]
    assert asked == ["lamp"]

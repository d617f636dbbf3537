"""Prices, looked up once."""

from collections.abc import Callable

from larder.cache import Cache


class Prices:
    """Looks prices up and keeps them."""

    def __init__(self, look_up: Callable[[str], int], size: int = 100) -> None:
        self._look_up = look_up
        self._cache = Cache(size)

    def of(self, product: str) -> int:
        """Return the price of a product in cents."""
        if product not in self._cache:
            self._cache.put(product, self._look_up(product))
        price: int = self._cache.get(product)
        return price

"""A small cache, and the services that use it."""

from larder.cache import Cache
from larder.prices import Prices

__all__ = ["Cache", "Prices"]

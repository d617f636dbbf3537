"""Bursts of objects that stay: the collector is kept from looking at them again and again."""

from __future__ import annotations

import gc

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Pause the cyclic collector for a block that makes many objects, most of which stay.

    A document of 20,000 nodes is some million objects; collecting while they are made took a third
    of the time, and more the larger the document. Reference counting goes on.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()

"""Each test has its own table of names, so that it can define what it needs."""

from collections.abc import Iterator

import pytest

from tests.harness import fresh_names


@pytest.fixture
def _names() -> Iterator[None]:
    with fresh_names():
        yield

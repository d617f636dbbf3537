"""Each test has its own table of names."""

from collections.abc import Iterator

import pytest

from tests.harness import fresh_names


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    with fresh_names():
        yield

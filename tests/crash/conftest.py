"""Each test has its own folder and its own processes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.crash.processes import Worker, workers


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Start worker processes; they are ended whatever happens."""
    with workers(tmp_path) as starting:
        yield starting

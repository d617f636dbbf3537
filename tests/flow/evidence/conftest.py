"""Each test has its own table of names, its own database and its own outside."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flow.evidence.stage import Stage
from tests.harness import fresh_names


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Where documents of the test are played."""
    with fresh_names():
        yield Stage(tmp_path / "app.db")

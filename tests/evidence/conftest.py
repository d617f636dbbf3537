"""Each test has its own table of names and its own database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import SideFile, fresh_names


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    with fresh_names():
        yield


@pytest.fixture
def db(tmp_path: Path) -> str:
    """Where the test's database lies."""
    return str(tmp_path / "app.db")


@pytest.fixture
def side(tmp_path: Path) -> SideFile:
    """What the bodies of tasks did."""
    return SideFile(tmp_path / "side.tsv")

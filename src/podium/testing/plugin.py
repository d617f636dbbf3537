"""Fixtures for tests of workflows. Nothing of Podium is imported before one of them is used.

``podium_database``
    The path of a database of the test's own.
``podium_app``
    A :class:`podium.Podium` on it, for ``async with podium_app as app``.
``podium_world``
    A :class:`podium.testing.SimWorld`: a simulated world with a virtual clock.
``crash_everywhere``
    :func:`podium.testing.crash_everywhere`.

Calls of models at real providers are forbidden (``PODIUM_REAL_MODELS=forbid``), unless the variable
says otherwise.
"""

from __future__ import annotations

import os

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from podium.client.app import Podium
    from podium.testing.simulator import SimWorld


def pytest_configure() -> None:
    """Forbid calls of real models: no test may cost money, unless it asks for that."""
    os.environ.setdefault("PODIUM_REAL_MODELS", "forbid")


@pytest.fixture
def podium_database(tmp_path: Path) -> Path:
    """Return the path of a database of the test's own."""
    return tmp_path / "podium.db"


@pytest.fixture
def podium_app(podium_database: Path) -> Podium:
    """Return an app on a database of the test's own; open it with ``async with``."""
    from podium.client.app import Podium

    return Podium(podium_database)


@pytest.fixture
def podium_world() -> Iterator[SimWorld]:
    """Return a simulated world of the test's own."""
    from podium.testing.simulator import SimWorld

    with SimWorld() as world:
        yield world


@pytest.fixture
def crash_everywhere() -> Callable[..., Any]:
    """Return the proof that a workflow survives a crash at each point."""
    from podium.testing.crash import crash_everywhere

    return crash_everywhere

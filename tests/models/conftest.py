"""Each test has names of its own beside the task of the models, and no cassette."""

from collections.abc import Iterator
from typing import Any

import pytest

from podium.core.spec import registry
from podium.models import keys, prices, providers, scripted, tapes
from tests.models.server import FakeProviders
from tests.models.server import providers as serving

_TABLES: tuple[dict[Any, Any], ...] = (
    scripted._scripts,
    providers._registered,
    keys._given,
    prices._prices,
)


def _own(table: dict[str, Any]) -> dict[str, Any]:
    """What Podium itself and these tests have made, and nothing of other tests."""
    mine = ("podium.", "tests.models.")
    return {name: spec for name, spec in table.items() if spec.module.startswith(mine)}


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    tasks, workflows = registry.tasks, registry.workflows
    registry.tasks, registry.workflows = _own(tasks), _own(workflows)
    for name in (tapes.FILE, tapes.MODE, "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    kept = [dict(one) for one in _TABLES]
    yield
    registry.tasks, registry.workflows = tasks, workflows
    for table, content in zip(_TABLES, kept, strict=True):
        table.clear()
        table.update(content)


@pytest.fixture
def fake() -> Iterator[FakeProviders]:
    """A provider on loopback."""
    with serving() as one:
        yield one

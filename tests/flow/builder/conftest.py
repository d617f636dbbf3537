"""The shop's tasks are registered while a test of the builder runs."""

from collections.abc import Iterator

import pytest

from podium.core.spec import registry
from tests.flow.builder.shop import TASKS, WORKFLOWS
from tests.harness import fresh_names


@pytest.fixture(autouse=True)
def _shop() -> Iterator[None]:
    with fresh_names():
        registry.tasks.update(TASKS)
        registry.workflows.update(WORKFLOWS)
        yield

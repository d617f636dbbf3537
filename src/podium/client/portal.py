"""From plain code into the async core: one implementation, a thin door."""

from __future__ import annotations

import asyncio
import os
import threading

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from podium.client.app import Podium
from podium.functions.calls import Workflow

R = TypeVar("R")
T = TypeVar("T")


def call(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end, from plain code or from inside a running loop (a notebook)."""
    if not _is_in_loop():
        return asyncio.run(make())
    outcome: list[Any] = []

    def carry_out() -> None:
        try:
            outcome.append((asyncio.run(make()), None))
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            outcome.append((None, error))

    thread = threading.Thread(target=carry_out, name="podium-portal")
    thread.start()
    thread.join()
    value, error = outcome[0]
    if error is not None:
        raise error
    result: T = value
    return result


def _is_in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def run(
    workflow: Workflow[..., R], input: dict[str, Any] | None = None, *,
    id: str | None = None, database: str | os.PathLike[str] | None = None,
) -> R:  # fmt: skip
    """Run a workflow from plain code or a notebook and return its output.

    It executes its own run (and that run's children), no others of the database. With the id of
    a run that was interrupted it goes on where that was.

    Raises:
        RunFailed: The run ended with an error.
    """
    run_id = id or f"run-{os.urandom(6).hex()}"

    async def go() -> R:
        async with Podium(database, only=frozenset({run_id})) as app:
            handle = await app.start(workflow, input, id=run_id)
            return await handle.result()

    return call(go)

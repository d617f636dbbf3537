"""A worker process for tests: it can be told to kill itself at a commit, and to look for frozen ones sooner.

It is started as ``python -m tests.crash.worker '{…}'`` with a JSON object of settings; what it prints is JSON.
"""

import asyncio
import functools
import itertools
import json
import os
import signal
import sys
import time

from pathlib import Path
from typing import Any

from podium import AskNotFound, Podium, RunEnded, RunNotFound, UsageError
from podium.client import desk
from podium.core.errors import StoreError
from podium.engine import engine, neighbours, system
from podium.journal.sqlite import SqliteStore

WRITES = ("commit", "claim", "take_over", "join", "leave")
"""What changes the file: each is one commit."""


class KillingStore(SqliteStore):
    """A store that ends its process with SIGKILL before or after its n-th commit."""

    kill_at = 0
    kill_before = True
    writes = 0
    counter = itertools.count(1)

    def counted(self, which: str, /, *args: Any, **options: Any) -> Any:
        """Carry out a write; die before or after it if it is the one."""
        KillingStore.writes = number = next(self.counter)
        is_it = number == self.kill_at
        if is_it and self.kill_before:
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            result = getattr(super(), which)(*args, **options)
        except StoreError:  # only tried, and somebody else had the lock: the next one is it
            KillingStore.kill_at += is_it
            raise
        if is_it:
            os.kill(os.getpid(), signal.SIGKILL)
        return result


for _name in WRITES:
    setattr(KillingStore, _name, functools.partialmethod(KillingStore.counted, _name))


def hasten(settings: dict[str, Any]) -> None:
    """Find frozen processes in tenths of a second: the constants of the design, divided."""
    if settings.get("hasty"):
        system.BEAT_EVERY_S = 0.05
        engine.LOOK_AROUND_EVERY_S = 0.05
        neighbours.FROZEN_TICKS = 20
    KillingStore.kill_at = settings.get("kill_at", 0)
    KillingStore.kill_before = settings.get("kill_before", True)
    desk.SqliteStore = functools.partial(  # type: ignore[misc,assignment]
        KillingStore, silence_s=settings.get("silence_s", 5.0)
    )


async def operate(app: Podium, run_id: str, happened: Any) -> None:
    """Be the person: answer what is asked, send what is waited for."""
    sent: set[tuple[str, int]] = set()
    while True:
        try:
            for ask in await app.asks():
                run = await app.get(ask.run_id)
                if ask.form.get("kind") == "unknown-outcome":
                    steps = {step.path: step for step in await run.steps()}
                    did = happened(steps[ask.path].key)
                    await run.answer(
                        ask.id, {"happened": did, "result": ask.form["arguments"]["n"]}
                    )
                else:
                    await run.answer(ask.id, "yes")
            view = await (await app.get(run_id)).show()
            mark = ("go", view.incarnation)
            if mark not in sent and any(wait.get("name") == "go" for wait in view.waits):
                sent.add(mark)
                await (await app.get(run_id)).signal("go", 5)
        except (AskNotFound, RunEnded, RunNotFound):
            pass
        except UsageError:
            return  # the app is closed
        await asyncio.sleep(0.002)


async def run_everything(settings: dict[str, Any]) -> dict[str, Any]:
    """Run the program of every primitive to its end."""
    from tests.crash import program  # only now the clock starts

    first: list[float] = []
    write = program.SIDE.write

    def noting(*args: Any) -> None:
        first.append(time.monotonic())
        write(*args)

    program.SIDE.write = noting  # type: ignore[method-assign]
    opened = time.monotonic()
    async with Podium(settings["db"]) as app:
        given = {"left": settings.get("left", 1), "so_far": []}
        run = await app.start(program.everything, given, id="a")
        operator = asyncio.create_task(operate(app, "a", program.happened))
        output = await run.result()
        operator.cancel()
        children = [view.status for view in await app.runs() if view.parent is not None]
    return {
        "output": output, "children": sorted(children), "writes": KillingStore.writes,
        "first_step_ms": round(1000 * (first[0] - opened), 1) if first else None,
    }  # fmt: skip


async def serve(settings: dict[str, Any]) -> dict[str, Any]:
    """Work until a file appears that says stop, or another worker has taken over."""
    from tests.crash import program  # noqa: F401 - registers what can be run

    async with Podium(
        settings["db"], name=settings.get("name", ""), runs_max=settings.get("runs_max", 1000)
    ) as app:
        print(json.dumps({"ready": os.getpid()}), flush=True)
        while not Path(settings["stop"]).exists() and not app.is_stopped:
            await asyncio.sleep(0.005)
        waited_ms = round(1000 * app.desk.store.longest_wait_s, 1)
        return {"fenced": app.is_stopped, "longest_wait_ms": waited_ms}


async def hold_the_file(settings: dict[str, Any]) -> dict[str, Any]:
    """Freeze amid a commit, holding the file's lock."""
    store = SqliteStore(settings["db"])
    with store._turn():
        print(json.dumps({"ready": os.getpid()}), flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)
    store.close()
    return {}


MODES = {"everything": run_everything, "serve": serve, "hold": hold_the_file}


def main() -> None:
    """Do what the settings say."""
    settings = json.loads(sys.argv[1])
    hasten(settings)
    try:
        told = asyncio.run(MODES[settings["mode"]](settings))
    except StoreError as problem:
        told = {"error": problem.code, "message": str(problem)}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()

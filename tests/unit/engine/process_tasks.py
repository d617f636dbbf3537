"""Tasks for spawned processes, which import them from here."""

import asyncio
import ctypes
import logging
import os
import time

from pathlib import Path
from typing import Any

import podium

from podium import Retry, task


class NotPicklable(Exception):
    """An exception that cannot travel between processes."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__(f"{a} and {b}")


@task(effect="pure", isolation="process")
def where(n: int) -> tuple[int, int]:
    return n, os.getpid()


@task(effect="pure", isolation="process")
async def async_there(n: int) -> list[Any]:
    await asyncio.sleep(0)
    return [n, podium.attempt(), podium.run_id(), len(podium.idempotency_key())]


@task(effect="write", isolation="process", retry=Retry(attempts=2, backoff="1ms"))
def bad_result(what: str, marks: str) -> Any:
    with Path(marks).open("a", encoding="utf-8") as file:
        file.write("x")
    return {"nan": float("nan"), "set": {1}, "object": object(), "large": "x" * 5_000}[what]


@task(effect="write", isolation="process")
def typed_wrongly() -> int:
    return "seven"  # type: ignore[return-value]


@task(effect="read", isolation="process", retry=Retry(attempts=2, backoff="1ms"))
def fails(how: str) -> int:
    if podium.attempt() == 2:
        return 2
    if how == "exception":
        raise ValueError("no good")
    if how == "not picklable":
        raise NotPicklable(1, 2)
    if how == "exit":
        os._exit(3)
    if how == "segfault":
        ctypes.string_at(0)
    if how == "sys.exit":
        raise SystemExit(4)
    return 1


class Refused(ConnectionError):
    """An exception that cannot travel, of a kind that retries go by."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__(f"{a} and {b}")
        self.status = 503


@task(effect="read", isolation="process", retry=Retry(2, "1ms", on=[OSError], not_on_status=[503]))
def refused() -> None:
    raise Refused(1, 2)


@task(effect="pure", isolation="process", timeout="150ms", retry=Retry(attempts=2, backoff="1ms"))
def endless(marks: str) -> int:
    if podium.attempt() == 2:
        return 2
    Path(marks).write_text(str(os.getpid()), encoding="utf-8")
    while True:
        time.sleep(1)


@task(effect="pure", isolation="process")
def sleepy(marks: str) -> int:
    Path(marks).write_text(str(os.getpid()), encoding="utf-8")
    while True:
        time.sleep(1)


@task(effect="read", isolation="process")
def says_and_dies() -> None:
    logging.getLogger("there").warning("the last words")
    podium.warn("last", f"of {podium.attempt()}")
    os._exit(3)


@task(effect="pure", isolation="process", heartbeat_timeout="400ms", retry=Retry(2, "1ms"))
def crunch() -> list[Any]:
    if podium.attempt() == 2:
        return ["done", podium.attempt(), podium.last_heartbeat()]
    for done in range(5):
        podium.heartbeat({"done": done})
        time.sleep(0.05)
    while True:
        time.sleep(1)


@podium.task(isolation="process")
def pay_elsewhere(tokens: int) -> None:
    """Say in another process what was used."""
    podium.spend(usd=3, tokens=tokens)

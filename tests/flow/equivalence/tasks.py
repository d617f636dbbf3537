"""Tasks that both the functions and the documents call. What one gives follows from its arguments."""

import asyncio

from typing import Any

import podium

from podium import Retry, task, workflow


class Trouble(Exception):
    """A task fails as it was told."""

    code = "trouble"


@task(effect="read")
async def eq_get(what: Any) -> Any:
    await asyncio.sleep(0.01)
    return what


@task(effect="write")
async def eq_put(what: Any) -> Any:
    await asyncio.sleep(0.01)
    return what


@task(effect="pure")
def eq_add(a: int, b: int = 1) -> int:
    return a + b


@task(effect="write")
async def eq_check(number: int, least: int = 0) -> int:
    """Refuse numbers that are too small."""
    if number < least:
        raise Trouble(f"{number} is less than {least}")
    return number


@task(effect="read")
async def eq_second(number: int, least: int) -> int:
    """Look at the number after it, and refuse that where it is too small as well."""
    if number + 2 < least:
        raise Trouble(f"{number + 2} is less than {least}")
    return number + 2


@task(effect="read")
async def eq_nap(what: str, seconds: float) -> str:
    await asyncio.sleep(seconds)
    return what


@task(effect="read", timeout="2s")
async def eq_answer_in_time(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "fresh"


@task(effect="write", retry=Retry(attempts=3, backoff="1s"))
async def eq_flaky(fails: int) -> str:
    if podium.attempt() <= fails:
        raise Trouble("not yet")
    return "at last"


@task(effect="read")
async def eq_page(token: int) -> dict[str, Any]:
    """Give one page of three, and where the next one is."""
    return {"items": [10 * token, 10 * token + 1], "next": token + 1 if token < 3 else None}


@task(effect="write")
async def eq_revise(text: str, note: str | None) -> str:
    return f"{text}+{note or 'first'}"


@task(effect="read")
async def eq_critique(text: str) -> dict[str, Any]:
    count = text.count("+")
    return {"ok": count >= 3, "note": f"n{count}"}


@task(effect="write")
async def eq_book(what: str) -> dict[str, str]:
    return {"id": f"{what}-1"}


@task(effect="write")
async def eq_cancel(what: str, result: dict[str, str] | None, outcome: str) -> None:
    await asyncio.sleep(0.01)


@workflow
async def eq_ship(order: str, parcels: int) -> list[str]:
    """Be the child of both."""
    if not parcels:
        raise Trouble("nothing to ship")
    return [await eq_put(f"{order}/{number}") for number in range(parcels)]

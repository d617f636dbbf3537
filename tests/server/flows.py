"""Workflows and a tool that tests serve; the outside world is the file in ``$CALLS``."""

import asyncio
import os

from pathlib import Path
from typing import Any

import podium


def _note(text: str) -> None:
    with Path(os.environ["CALLS"]).open("a", encoding="utf-8") as file:
        file.write(text + "\n")


@podium.task(effect="write")
async def bake(item: str) -> str:
    """Bake it."""
    _note(f"bake {item}")
    return f"a {item}"


@podium.tool(effect="once", namespace="shop")
def sell(item: str) -> str:
    """Sell it."""
    _note(f"sell {item}")
    return f"sold {item}"


@podium.workflow
async def order(item: str, count: int = 1) -> dict[str, Any]:
    """Bake things to order.

    Give the name of the thing.
    """
    if item == "nothing":
        raise LookupError("there is no such thing")
    baked = [await bake(item) for _ in range(count)]
    if item == "surprise":
        colour = await podium.ask({"text": "Which colour?"})
        return {"baked": baked, "colour": colour}
    if item == "slow":
        await podium.sleep("1s")
    return {"baked": baked}


@podium.workflow
async def sale(item: str) -> str:
    """Sell what somebody else has chosen."""
    reply = await podium.dispatch("shop.sell", {"item": item}, labels=("outside",))
    return reply.text


@podium.workflow
async def held(item: str) -> str:
    """Bake, wait for long, bake again."""
    await bake(f"first {item}")
    await asyncio.sleep(2)
    await bake(f"second {item}")
    return item

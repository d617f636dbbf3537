"""Tasks that worker processes of tests have because a document uses this module."""

import asyncio
import os

from podium import task
from tests.harness import SideFile


def side() -> SideFile:
    """Where bodies leave what they did."""
    return SideFile(os.environ["PODIUM_TEST_SIDE"])


@task(effect="write")
async def first_step(n: int) -> int:
    side().write("first", n)
    return n + 1


@task(effect="write")
async def hang(n: int) -> int:
    """Work that hangs until the outside says go on, or its process is ended."""
    side().write("hanging", os.getpid())
    while not side().path.with_suffix(".go").exists():
        await asyncio.sleep(0.005)
    side().write("done", os.getpid())
    return 10 * n

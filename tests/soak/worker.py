"""One worker of the soak: ``python -m tests.soak.worker DATABASE STOP``; it ends when STOP is there."""

import asyncio
import sys

from pathlib import Path

from podium import Podium
from tests.soak import program


async def main(database: str, stop: str) -> None:
    """Execute runs until told to stop."""
    assert program.errand is not None
    async with Podium(database, name="soak", runs_max=12):
        while not Path(stop).exists():
            await asyncio.sleep(0.05)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))

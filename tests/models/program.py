"""A program of model calls, in a process that is killed: arguments are the database and the model."""

import asyncio
import sys

import podium

from podium import Model

TURNS = 5
LANES = 3


@podium.workflow
async def talk(model: str) -> list[str]:
    """Several conversations at once, each of several turns."""
    podium.models.forbid_real_calls()

    async def lane(number: int) -> str:
        said = ""
        for turn in range(TURNS):
            said = await Model(model).text(f"lane {number} turn {turn} after {len(said)}")
        return said

    return list(await podium.gather(*[lane(number) for number in range(LANES)]))


async def main() -> None:
    """Start the run, or go on with it, until it has ended."""
    async with podium.Podium(sys.argv[1]) as app:
        run = await app.start(talk, {"model": sys.argv[2]}, id="talk")
        print(await run.result(), flush=True)


if __name__ == "__main__":
    asyncio.run(main())

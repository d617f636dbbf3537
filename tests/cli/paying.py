"""Programs that spend. Each test gets a copy of their database in its own folder."""

import asyncio

from podium import Budget, Podium, Spend, task, workflow


@task(effect="read", price=Spend("0.02", tokens=100))
async def ask_model(prompt: str) -> str:
    return prompt.upper()


@workflow
async def part(prompt: str) -> str:
    return await ask_model(prompt)


@workflow(budget=Budget(usd=5, tokens=1_000))
async def answer(prompt: str) -> str:
    return await ask_model(prompt) + await part(prompt)


async def history() -> None:
    """Leave a run that asks for more, one that waits for its answer, and one that has ended."""
    shared = [Budget("user:{user}", usd="0.05", per="day", at_limit="ask")]
    async with Podium("podium.db", name="desk", budgets=shared) as app:
        await (
            await app.start(answer, {"prompt": "a"}, id="done", headers={"user": "ann"})
        ).result()
        for name in ("first", "second"):
            run = await app.start(answer, {"prompt": "b"}, id=name, headers={"user": "ann"})
            while await run.status() != "waiting":
                await asyncio.sleep(0.01)

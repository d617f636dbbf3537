"""``python -m examples.agent.demo``: the agent works, a person approves a refund, the transcript is shown."""

import asyncio

import podium

from examples.agent.agent import Answer, helper
from podium import Podium
from podium.agents.transcript import AgentResult


@podium.workflow
async def support(message: str) -> AgentResult[Answer]:
    """Have a customer helped."""
    return await helper.work(message)


async def main() -> None:
    """Show it."""
    async with Podium(":memory:") as app:
        run = await app.start(support, {"message": "Where is my order 17? It cost 25.00."})
        while not (asks := await run.asks()):
            await asyncio.sleep(0.01)
        form = asks[0].form
        print(form["question"], form["arguments"])
        await run.answer(asks[0].id, {"approve": form["fingerprint"]})
        show(await run.result())


def show(result: AgentResult[Answer]) -> None:
    """Print what was thought, done and seen."""
    for turn in result.turns:
        print(f"{turn.number}. {turn.thought}")
        for call, seen in turn.actions:
            print(f"   {seen.tool} {call.arguments} → {seen.code or 'ok'}: {seen.text}")
    print(result.answer)
    print(f"{result.spent.turns} turns, {result.spent.calls} calls")


if __name__ == "__main__":
    asyncio.run(main())

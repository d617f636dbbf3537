"""Goal → plan → execute → validate → update state: the loop as a durable workflow.

    python examples/five_lines.py                        with a plan that is written down
    python examples/five_lines.py openai:gpt-5-mini      with a model that writes it

A shop wants ten of everything on its shelves, and the supplier sends at most eight at once. So one plan
is not enough: what came is checked, the state is updated, and there is another plan.
"""

import sys

from typing import TypedDict

import podium

from podium import gates
from podium.models import ScriptedModel

GOAL = "Fill the shelves up to ten of each article, and return the stock as it is then."
ENOUGH = gates.cel("answer.all(article, article.count >= 10)", name="ten of each")
PLANS_MAX = 5


class Article(TypedDict):
    """So many of something."""

    name: str
    count: int


@podium.tool(effect="write", namespace="shop")
def order(name: str, has: int, wanted: int) -> Article:
    """Order more of an article; the supplier sends at most eight at once.

    Args:
        name: The article.
        has: How many there are on the shelf.
        wanted: How many there should be.
    """
    return {"name": name, "count": has + min(8, wanted - has)}


@podium.workflow
async def pursue(goal: str, stock: list[Article], model: str) -> list[Article]:
    """Pursue a goal until a gate says that it is reached."""
    for _ in range(PLANS_MAX):
        plan = await podium.plan(goal, {"stock": stock}, model=model, tools=[order])
        done = await podium.carry_out(plan, approval="never")
        verdict = await podium.verify(done.output, ENOUGH)
        stock = done.output
        if verdict.ok:
            return stock
    raise RuntimeError(f"{PLANS_MAX} plans were not enough.")


OFFLINE = ScriptedModel(
    "restock",
    [
        {
            "podium": 1,
            "name": "restock",
            "nodes": {
                "shelves": {
                    "for_each": "${input.stock}",
                    "as": "article",
                    "nodes": {
                        "more": {
                            "when": "article.count < 10",
                            "call": "shop.order",
                            "args": {
                                "name": "${article.name}",
                                "has": "${article.count}",
                                "wanted": 10,
                            },
                        }
                    },
                    "output": "${more? ?? article}",
                }
            },
            "output": "${shelves}",
        }
    ],
)


def main() -> None:
    """Fill the shelves, and print what stands on them."""
    model = sys.argv[1] if len(sys.argv) > 1 else str(OFFLINE)
    stock = [{"name": "lamp", "count": 3}, {"name": "desk", "count": 0}]
    for article in podium.run(pursue, {"goal": GOAL, "stock": stock, "model": model}):
        print(f"{article['name']:8}{article['count']:4}")


if __name__ == "__main__":
    main()

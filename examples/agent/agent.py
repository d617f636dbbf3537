"""``podium run examples.agent.agent:helper --set goal="…"``; with a key: ``SHOP_MODEL=openai:gpt-5-mini``."""

import os

from dataclasses import dataclass

from examples.agent.shop import SCRIPT
from podium import Agent, Limits


@dataclass
class Answer:
    """What the customer is told."""

    text: str
    refunded: bool = False


helper = Agent(
    "helper",
    instructions="You help the customers of a shop. Look things up before you say them.",
    model=os.environ.get("SHOP_MODEL", SCRIPT.model),
    tools=["shop.*"],
    output=Answer,
    limits=Limits(turns=10, calls=20),
    autonomy="act-with-approval",
)

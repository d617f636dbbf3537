"""What a document needs a task for, where the function of `workflow.py` just computes."""

from examples.support.intents import order_number
from podium import task


@task(effect="pure")
def find_order_number(message: str) -> str | None:
    """Find the first order number (six digits) in a message."""
    return order_number(message)

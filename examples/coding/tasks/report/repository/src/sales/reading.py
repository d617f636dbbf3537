"""From the lines of the tills to sales."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class Sale:
    """One sale: when, what, for how much."""

    day: date
    product: str
    amount: Decimal


def read_sales(text: str) -> list[Sale]:
    """Read a sale from each line."""
    sales = []
    for line in text.splitlines():
        if line.strip():
            day, product, amount = line.split(";")
            sales.append(Sale(date.fromisoformat(day), product.strip(), Decimal(amount)))
    return sales

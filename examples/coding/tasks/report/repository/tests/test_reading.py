"""Sales are read."""

from datetime import date
from decimal import Decimal

from sales import Sale, read_sales


def test_a_sale_on_each_line() -> None:
    """Day, product, amount; empty lines are skipped."""
    assert read_sales("2026-03-01;Lamp;19.90\n\n") == [
        Sale(date(2026, 3, 1), "Lamp", Decimal("19.90"))
    ]

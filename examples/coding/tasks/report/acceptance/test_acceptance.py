"""What whoever asked for it will try."""

import sales

from sales import read_sales


def test_no_sales() -> None:
    """There are the names of the columns."""
    assert sales.monthly([]) == "month,product,count,total\n"


def test_months_and_products_in_order() -> None:
    """By month, then by product; capitals do not matter."""
    text = "2026-02-03;lamp;1.00\n2026-01-02;Oak;1.00\n2026-01-31;chair;2.50\n2026-01-05;Oak;3"

    assert sales.monthly(read_sales(text)).splitlines() == [
        "month,product,count,total",
        "2026-01,chair,1,2.50",
        "2026-01,Oak,2,4.00",
        "2026-02,lamp,1,1.00",
    ]


def test_sums_are_rounded_half_up_once() -> None:
    """The sum is rounded, not the amounts; half goes up."""
    text = "2026-01-01;a;2.6650\n2026-01-01;a;0.01\n2026-01-01;b;0.0625\n2026-01-01;b;0.0625"

    assert sales.monthly(read_sales(text)).splitlines()[1:] == [
        "2026-01,a,2,2.68",
        "2026-01,b,2,0.13",
    ]


def test_lines_and_quotes() -> None:
    """Line feeds alone, quotes where they are needed."""
    text = sales.monthly(read_sales('2026-01-01;Lamp, brass;1\n2026-01-01;6" nail;2'))

    assert "\r" not in text
    assert '2026-01,"6"" nail",1,2.00\n2026-01,"Lamp, brass",1,1.00\n' in text

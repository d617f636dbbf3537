"""What the tills have sold."""

from sales.reading import Sale, read_sales

__all__ = ["Sale", "read_sales"]

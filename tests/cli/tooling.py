"""Tools that the tests of the command line look at and call."""

from typing import Annotated, Literal

import podium

from podium import FromRun, Rate, Retry


@podium.tool(
    effect="read", namespace="shop", tags=["orders"], timeout="5s", rate=Rate("10/s"),
    retry=Retry(3), examples=[{"order": "A1"}, {"order": 1}],
)  # fmt: skip
def order_status(
    order: str, region: Literal["eu", "us"] = "eu", *, tenant: Annotated[str, FromRun("tenant")]
) -> dict[str, str]:
    """Say where an order is.

    Args:
        order: The order's number.
    """
    return {"order": order, "region": region, "of": tenant}


@podium.tool(effect="write", namespace="shop", version=2, tags=["money"])
def refund(order, cents: int):  # type: ignore[no-untyped-def]
    if cents > 100:
        raise ValueError("too much")
    print("refunding")
    return {"refunded": cents, "order": order}

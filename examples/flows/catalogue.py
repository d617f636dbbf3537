"""A catalogue in pages with cursors, on a server that is overloaded now and then; and its reader.

    python -m examples.flows.catalogue --port 8811

`GET /products?cursor=C` gives `{"products": [...], "next": "..."}`; the last page has no `next`.
"""

import argparse
import random

from dataclasses import dataclass
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from examples.flows import web
from podium import Retry, task

PAGE = 20
GOODS = ("lamp", "kettle", "pot", "lantern", "chair", "mug", "clock", "vase", "tray", "stool")
FINISHES = (
    "oak",
    "brass",
    "slate",
    "linen",
    "glass",
    "steel",
    "cork",
    "ash",
    "clay",
    "wool",
    "tin",
    "jute",
    "felt",
)


@dataclass(frozen=True)
class Product:
    """What the shop sells."""

    sku: str
    name: str
    price: float
    stock: int


@dataclass(frozen=True)
class Page:
    """Some products, and the cursor of the next page, if there is one."""

    products: list[Product]
    next: str | None


@task(effect="read", retry=Retry(attempts=6, backoff="20ms", not_on=[web.Refused]), timeout="10s")
def fetch_products(url: str, cursor: str) -> Page:
    """Fetch one page of the catalogue."""
    found = web.get(f"{url}/products?cursor={quote(cursor)}")
    return Page([Product(**one) for one in found["products"]], found.get("next"))


# the other side ---------------------------------------------------------------------------


def products(seed: int) -> list[dict[str, Any]]:
    """Everything that the shop sells: the same for the same seed."""
    dice = random.Random(seed)
    names = [f"{finish} {good}" for good in GOODS for finish in FINISHES]
    return [
        {
            "sku": f"{name[:2].upper()}{number:03}",
            "name": name,
            "price": dice.randrange(5, 200) + 0.9,
            "stock": dice.choice((0, 1, 3, 12)),
        }
        for number, name in enumerate(names, start=1)
    ]


class Catalogue(web.JsonServer):
    """The server; about every third request is answered 503, at most three times in a row.

    Attributes:
        requests: The status and the path of each request.
    """

    def __init__(self, port: int = 0, seed: int = 7) -> None:
        super().__init__(port)
        self._lock = Lock()
        self.restart(seed)

    def restart(self, seed: int) -> None:
        """Begin anew, as if nobody had asked for anything."""
        self.requests: list[tuple[int, str]] = []
        self._dice = random.Random(seed)
        self._refused = 0
        self._products = products(seed)

    def answer(self, method: str, path: str, given: Any, key: str) -> tuple[int, Any]:
        """Give a page, or say that there is too much to do."""
        with self._lock:
            busy = self._refused < 3 and self._dice.random() < 0.35
            self._refused = self._refused + 1 if busy else 0
            status, answer = (503, {"error": "too busy, try again"}) if busy else self._page(path)
            self.requests.append((status, path))
        return status, answer

    def _page(self, path: str) -> tuple[int, Any]:
        parts = urlsplit(path)
        if parts.path != "/products":
            return 404, {"error": f"no such page: {path}"}
        cursor = parse_qs(parts.query).get("cursor", [""])[0]
        skus = [one["sku"] for one in self._products]
        if cursor and cursor not in skus:
            return 400, {"error": f"no such cursor: {cursor}"}
        first = skus.index(cursor) if cursor else 0
        page: dict[str, Any] = {"products": self._products[first : first + PAGE]}
        if first + PAGE < len(skus):
            page["next"] = skus[first + PAGE]
        return 200, page


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m examples.flows.catalogue")
    parser.add_argument("--port", type=int, default=8811, help="0 picks a free one")
    web.serve(Catalogue(parser.parse_args().port))

"""What the workflow asks of the order service: three calls over HTTP.

The address comes from `SUPPORT_ORDERS_URL` of the process that does the work, not from the run: a
run that goes on tomorrow, elsewhere, finds the service where it is then.
"""

import json
import os
import urllib.error
import urllib.request

from dataclasses import dataclass
from typing import Any

PATIENCE_S = 5.0


class Rejected(Exception):
    """The service understood the request and will never do it: trying again is of no use."""


@dataclass(frozen=True)
class Order:
    """An order of the shop."""

    id: str
    item: str
    status: str
    placed: str
    due: str
    carrier: str
    tracking: str
    total: float


def order(order_id: str) -> Order | None:
    """Look an order up; there may be none of that number."""
    answer = _call("GET", f"/orders/{order_id}")
    return Order(**answer) if answer else None


def open_return(order_id: str, key: str) -> str:
    """Open a return for an order, once per key; its receipt."""
    return _receipt(_call("POST", f"/orders/{order_id}/returns", {"order": order_id}, key))


def send_reply(ticket: str, to: str, text: str, key: str) -> str:
    """Send a reply to a customer, once per key; its receipt."""
    return _receipt(_call("POST", f"/tickets/{ticket}/reply", {"to": to, "text": text}, key))


def _receipt(answer: Any) -> str:
    return str(answer["receipt"])


def _call(method: str, path: str, body: Any = None, key: str = "") -> Any:
    """One request: the answer's JSON, or None where there is no such page (404)."""
    base = os.environ.get("SUPPORT_ORDERS_URL", "http://127.0.0.1:8765")
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    request = urllib.request.Request(base + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 404:
                return None
            if error.code < 500:
                raise Rejected(f"{method} {path}: {error.code} {error.read().decode()}") from error
            raise

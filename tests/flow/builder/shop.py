"""Types and tasks that the tests of the builder use; they are registered only where a test asks for it."""

from dataclasses import dataclass, field
from typing import Any, Literal, NotRequired, TypedDict

from podium import task, workflow
from podium.core.spec import registry
from tests.harness import fresh_names


@dataclass
class Message:
    """An input."""

    message: str


class Pages(TypedDict):
    """An input with a list."""

    urls: list[str]
    at: NotRequired[str]


@dataclass
class Intent:
    kind: Literal["refund", "status"]
    topic: str
    order_id: str | None = None


@dataclass
class Line:
    sku: str
    price: float


@dataclass
class Order:
    id: str
    total: float
    customer: str
    lines: list[Line] = field(default_factory=list)


@dataclass
class Page:
    text: str


@dataclass
class Verdict:
    ok: bool


class Draft(TypedDict):
    text: str


class Approval(TypedDict):
    ok: bool
    why: NotRequired[str]


@dataclass
class Paid:
    amount: float


with fresh_names():

    @task(effect="read")
    def parse_intent(text: str) -> Intent:
        return Intent("status", text)

    @task(effect="read")
    def search_kb(query: str) -> list[str]:
        return [query]

    @task(effect="read")
    def order_status(order_id: str) -> Order:
        return Order(order_id, 1, "Ann")

    @task(effect="pure")
    def format_response(facts: list[str], order: Order | None = None) -> str:
        return f"{facts} {order}"

    @task(effect="write")
    def refund(order: Order) -> str:
        return order.id

    @task(effect="write")
    def release(id: str) -> None: ...

    @task(effect="write")
    def write_note(text: str) -> None: ...

    @task(effect="read")
    def fetch(url: str) -> Page:
        return Page(url)

    @task(effect="pure")
    def revise(text: str) -> str:
        return text

    @task(effect="pure")
    def critique(text: str) -> Verdict:
        return Verdict(ok=bool(text))

    @task(effect="pure")
    def collect(*parts: str, limit: int = 3, **more: Any) -> list[str]:
        return [*parts]

    @workflow
    async def shipping(order_id: str, fast: bool = False) -> Order:
        return await order_status(order_id)

    TASKS, WORKFLOWS = dict(registry.tasks), dict(registry.workflows)

"""The support workflow as a document gives the replies of the function beside it."""

import asyncio
import dataclasses
import threading

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from examples.support.books import Books
from examples.support.intents import Message, classifier, load
from examples.support.orders import OrderService, Shop, Weather
from examples.support.replies import INTENTS
from examples.support.understanding import SMALL, likely
from examples.support.workflow import support
from podium import Flow, Model, Podium
from podium.client.views import StepView
from tests.harness import drive, until

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "examples" / "support" / "support.yaml"
MESSAGES = load("messages.jsonl")


@pytest.fixture
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The books of an order service in fair weather."""
    monkeypatch.setattr(Weather, "draw", lambda *_: Weather(delay=0.0, refusal=""))
    path = tmp_path / "orders.db"
    with closing(Shop(path)) as store, OrderService(store) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("SUPPORT_ORDERS_URL", server.url)
        yield path
        server.shutdown()
        thread.join()


async def answered(
    app: Podium, workflow: Any, kind: str, asked: Sequence[Message], *, as_form: bool
) -> dict[str, dict[str, Any]]:
    """Answer messages, playing the person who is asked; return what became of each."""
    runs = {}
    for message in asked:
        given = {
            "ticket": f"{kind}-{message.id}",
            "sender": message.sender,
            "message": message.text,
        }
        runs[message.id] = await app.start(workflow, given, id=given["ticket"])
    messages = {f"{kind}-{message.id}": message for message in asked}
    answering = asyncio.create_task(play_the_person(app, messages, as_form=as_form))
    ends = {id: await run.result() for id, run in runs.items()}
    answering.cancel()
    return {id: as_json(end) for id, end in ends.items()}


async def play_the_person(app: Podium, messages: dict[str, Message], *, as_form: bool) -> None:
    """Say what a message is about, and approve refunds, until nobody needs it any more."""
    while True:
        for ask in await app.asks():
            is_refund = ask.to == "refunds"
            said = "yes" if is_refund else messages[ask.run_id].intent
            form = {"approve" if is_refund else "intent": said}
            await (await app.get(ask.run_id)).answer(ask.id, form if as_form else said)
        await asyncio.sleep(0.05)


def as_json(outcome: Any) -> dict[str, Any]:
    """Return what became of a message, without numbers that the service counts."""
    found = outcome if isinstance(outcome, dict) else dataclasses.asdict(outcome)
    returned = found["returned"]
    reply = found["reply"].replace(returned, "RETURN") if returned else found["reply"]
    return {**found, "receipt": "", "reply": reply, "returned": returned is not None}


@pytest.mark.parametrize("has_models", [False, True])
def test_the_same_replies(
    books: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_models: bool
) -> None:
    """Function and document answer messages of the demo alike: intent, who decided, reply, return."""
    messages = MESSAGES[:6] if has_models else MESSAGES
    if has_models:  # most are clear, and the language model is asked about one
        (unclear,) = [
            near.request for message in messages if (near := likely(message.text)).request
        ]
        drive(Model(SMALL).ask(unclear), limit_s=120)  # it is awake, and knows the question
    else:
        monkeypatch.setenv("PODIUM_MODELS", str(tmp_path))

    async def program() -> tuple[Any, Any]:
        async with Podium(tmp_path / "podium.db") as app:
            by_function = await answered(app, support, "function", messages, as_form=False)
            document = Flow.load(DOCUMENT)
            return by_function, await answered(app, document, "document", messages, as_form=True)

    by_function, by_document = drive(program(), limit_s=120)

    assert by_document == by_function
    deciding = {one["decided_by"] for one in by_document.values()}
    assert deciding >= {"models"} if has_models else deciding == {"rules", "person"}
    assert {one["returned"] for one in by_document.values()} == {True, False}
    replies = [
        f"/tickets/{kind}-{message.id}/reply"
        for kind in ("function", "document")
        for message in messages
    ]
    done = Books.read(books)
    assert done.lost(replies) == []
    assert done.replies == len(replies)


def test_the_order_is_looked_up_while_a_person_thinks(
    books: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What needs only the message waits for no one: the order is known before the person answers."""
    monkeypatch.setenv("PODIUM_MODELS", str(tmp_path))

    async def program() -> list[StepView]:
        async with Podium(":memory:") as app:
            unsure = next(one for one in MESSAGES if not classifier().guess(one.text).sure)
            given = {"ticket": "t", "sender": unsure.sender, "message": unsure.text}
            run = await app.start(Flow.load(DOCUMENT), given)

            async def is_known() -> bool:
                done = [step.path for step in await run.steps() if step.status == "succeeded"]
                return "order" in done and bool(await app.asks())

            await until(is_known)
            steps = await run.steps()
            await run.answer((await app.asks())[0].id, {"intent": unsure.intent})
            assert (await run.result())["decided_by"] == "person"
            return steps

    paths = [step.path for step in drive(program())]

    assert "order" in paths
    assert "found" not in paths
    assert "reply" not in paths


@pytest.mark.parametrize("kind", ["function", "document"])
def test_a_refund_that_a_person_refuses(
    books: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Without a person's yes no return is opened, and the customer is answered all the same."""
    monkeypatch.setenv("PODIUM_MODELS", str(tmp_path))

    async def program() -> Any:
        async with Podium(":memory:") as app:
            text = "I want to return order 410203 and get my money back, please send a return label"
            given = {"ticket": "t", "sender": "me@example.com", "message": text}
            run = await app.start(support if kind == "function" else Flow.load(DOCUMENT), given)
            ask = (await until(app.asks))[0]
            assert ask.to == "refunds"
            await run.answer(ask.id, "no" if kind == "function" else {"approve": "no"})
            return as_json(await run.result())

    outcome = drive(program())
    assert (outcome["intent"], outcome["decided_by"], outcome["returned"]) == ("return_refund", "rules", False)  # fmt: skip
    assert (Books.read(books).replies, Books.read(books).returns) == (1, 0)


def test_the_document_knows_what_the_function_knows() -> None:
    """Its intents and its model are those of the code."""
    document = Flow.load(DOCUMENT).to_dict()

    assert document["nodes"]["asked"]["args"]["model"] == SMALL
    assert document["nodes"]["person"]["form"]["intent"]["enum"] == [*INTENTS]

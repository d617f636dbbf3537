"""The support example: its parts are honest, and the demo ends with balanced books."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from examples.support import shop
from examples.support.accuracy import measure
from examples.support.books import Books
from examples.support.intents import classifier, load, order_number
from examples.support.knowledge import KnowledgeBase, sections
from examples.support.orders import OrderService, Shop, Weather
from examples.support.replies import INTENTS, compose
from examples.support.understanding import WORDS, Likely, intent_of, judge, likely, settle
from podium.models import Request

ROOT = Path(__file__).parents[2]
MESSAGES = load("messages.jsonl")
ASKED = Request(())
FAIR = Weather(delay=0.0, refusal="")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "orders.db"


@pytest.fixture
def service(database: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OrderService]:
    """The order service in fair weather."""
    monkeypatch.setattr(Weather, "draw", lambda *_: FAIR)
    with closing(Shop(database)) as store, OrderService(store) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("SUPPORT_ORDERS_URL", server.url)
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def knowledge() -> Iterator[KnowledgeBase]:
    with closing(KnowledgeBase()) as base:
        yield base


def post(server: OrderService, path: str, body: Any, **headers: str) -> tuple[int, Any]:
    request = urllib.request.Request(
        server.url + path, json.dumps(body).encode(), headers, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


class TestMessages:
    def test_are_many_and_labelled(self) -> None:
        assert len(MESSAGES) >= 28
        assert len({message.id for message in MESSAGES}) == len(MESSAGES)
        assert {message.intent for message in MESSAGES} == INTENTS.keys()

    def test_name_orders_that_exist_but_for_two(self, service: OrderService) -> None:
        numbers = {number for message in MESSAGES if (number := order_number(message.text))}
        unknown = {number for number in numbers if shop.order(number) is None}

        assert len(numbers) > 15
        assert unknown == {"499999", "400001"}


class TestClassifier:
    def test_accuracy_is_measured(self) -> None:
        accuracy = classifier().leave_one_out()
        print(accuracy)

        assert accuracy.total == len(MESSAGES) + len(load("examples.jsonl"))
        assert accuracy.sure_and_right <= accuracy.right <= accuracy.total
        assert accuracy.sure_and_right <= accuracy.sure < accuracy.total

    def test_unclear_and_foreign_messages_go_to_a_person(self) -> None:
        unsure = {message.id for message in MESSAGES if not classifier().guess(message.text).sure}

        assert {"m10", "m14", "m38"} <= unsure
        assert len(unsure) < len(MESSAGES) / 4

    def test_a_message_of_the_file_is_judged_as_a_new_one(self) -> None:
        for message in MESSAGES:
            assert classifier().guess(message.text).confidence < 0.9

    @pytest.mark.parametrize("text", ["", "???", "1234", "你好"])
    def test_of_nothing_it_is_not_sure(self, text: str) -> None:
        assert not classifier().guess(text).sure


class TestUnderstanding:
    def test_without_weights_the_rules_stand_in(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PODIUM_MODELS", str(tmp_path))
        near = likely("Where is my order?")

        assert near == Likely()
        reading = settle("Where is my order?", near, None)
        assert (reading.intent, reading.decided_by, reading.is_sure) == (
            "order_status",
            "rules",
            True,
        )
        assert reading.reason == "the local models are not here"

    @pytest.mark.parametrize(
        ("near", "word", "is_taken"),
        [
            (Likely("payment", 0.6, 0.2), None, True),
            (Likely("payment", 0.4, 0.01, ASKED), "payment", True),
            (Likely("payment", 0.4, 0.01, ASKED), "account", False),
            (Likely("payment", 0.2, 0.2, ASKED), "account", False),
            (Likely("payment", 0.4, 0.01, ASKED), None, False),
            (Likely("payment", 0.4, 0.01, ASKED), "", False),
            (Likely(), None, False),
        ],
    )
    def test_the_verifier(self, near: Likely, word: str | None, is_taken: bool) -> None:
        verdict = judge(near, word)

        assert verdict.ok is is_taken
        assert verdict.reason
        assert settle("Where is my order?", near, word).decided_by == ("models" if is_taken else "rules")  # fmt: skip

    def test_every_intent_has_a_word_of_its_own(self) -> None:
        assert WORDS.keys() == INTENTS.keys()
        assert [intent_of(word) for word in WORDS.values()] == [*WORDS]

    def test_held_out_messages_are_no_others(self) -> None:
        held_out = load("held_out.jsonl")
        shown = {one.text for one in (*MESSAGES, *load("examples.jsonl"))}

        assert len(held_out) == 48
        assert {one.intent for one in held_out} == INTENTS.keys()
        assert not shown & {one.text for one in held_out}

    @pytest.mark.long
    def test_accuracy_of_models_and_rules_is_measured(self) -> None:
        messages = load("held_out.jsonl")[:: 1 if os.environ.get("PODIUM_PROOF") == "full" else 4]
        scores = asyncio.run(measure(messages))
        for score in scores:
            print(score.line(len(messages)))

        assert len(scores) == 7
        assert all(score.right <= score.decided <= len(messages) for score in scores)


class TestKnowledge:
    @pytest.mark.parametrize(
        ("question", "article", "heading"),
        [
            ("Are you open on Sunday?", "opening-hours", "The shop in Hamburg"),
            ("Do you ship to the United States?", "shipping", "Countries we deliver to"),
            ("I forgot my password", "account", "I forgot my password"),
            ("can I pay in instalments", "payment", "Paying in instalments"),
            ("how do I get rid of rust on cast iron", "kettles-and-cookware", "Seasoning and cleaning cast iron"),
            ("How long is the warranty?", "warranty", "How long the warranty lasts"),
            ("my voucher code is not working", "gift-cards", "The voucher code does not work"),
            ("please delete my account", "privacy", "Deleting an account"),
            ("how can I cancel my order", "cancel-or-change", "Cancelling an order"),
            ("where can I download my invoice", "invoices", "Downloading an invoice"),
        ],
    )  # fmt: skip
    def test_finds_the_section(
        self, knowledge: KnowledgeBase, question: str, article: str, heading: str
    ) -> None:
        best = knowledge.search(question)[0]

        assert (best.article, best.heading) == (article, heading)

    @pytest.mark.parametrize("question", ["", "is it?", "\"' OR * NEAR(", "xyzzy"])
    def test_finds_nothing_in_nothing(self, knowledge: KnowledgeBase, question: str) -> None:
        assert knowledge.search(question) == []

    def test_every_article_has_sections(self) -> None:
        articles = sorted((ROOT / "examples/support/articles").glob("*.md"))

        assert len(articles) >= 12
        for article in articles:
            found = list(sections(article))
            assert len(found) >= 3
            assert all(page and heading and body for _, page, heading, body in found)


class TestOrderService:
    def test_a_key_works_once(self, service: OrderService, database: Path) -> None:
        first = post(service, "/tickets/a/reply", {"text": "hi"}, **{"Idempotency-Key": "k"})
        again = post(service, "/tickets/a/reply", {"text": "hi"}, **{"Idempotency-Key": "k"})
        other = post(service, "/tickets/b/reply", {"text": "hi"}, **{"Idempotency-Key": "k"})
        keyless = post(service, "/tickets/b/reply", {"text": "hi"})

        books = Books.read(database)
        assert first == again == (201, {"receipt": "REP-0001"})
        assert [other[0], keyless[0]] == [409, 400]
        assert [request.outcome for request in books.requests] == [
            "done",
            "repeat",
            "error",
            "error",
        ]
        assert (books.replies, books.repeats, books.twice()) == (1, 1, [])

    def test_the_books_see_every_wrong(self, service: OrderService, database: Path) -> None:
        for key in ("k1", "k2"):
            shop.send_reply("a", "x@example.com", "hi", key=key)
        shop.open_return("410203", key="k3")

        books = Books.read(database)
        wanted = ["/tickets/a/reply", "/tickets/b/reply"]
        assert books.lost(wanted) == ["/tickets/b/reply"]
        assert books.twice() == books.changed_keys() == ["/tickets/a/reply"]
        assert books.unasked(wanted) == ["/orders/410203/returns"]

    def test_an_order_is_found_or_not(self, service: OrderService) -> None:
        order = shop.order("410203")

        assert order is not None
        assert order.status == "delivered"
        assert shop.order("499999") is None

    def test_a_rejected_request_is_not_worth_a_second_try(self, service: OrderService) -> None:
        shop.send_reply("a", "x@example.com", "hi", key="k")

        with pytest.raises(shop.Rejected, match="409"):
            shop.send_reply("a", "x@example.com", "something else", key="k")

    def test_the_weather_is_the_same_for_a_seed_and_gives_way(self) -> None:
        weathers = [Weather.draw(7, f"GET /orders/{n}", a) for n in range(200) for a in (1, 2, 3)]

        assert weathers[0] == Weather.draw(7, "GET /orders/0", 1)
        assert {weather.refusal for weather in weathers} == {"", "before", "after"}
        assert {weather.refusal for weather in weathers[2::3]} == {""}

    @pytest.mark.parametrize("refusal", ["before", "after"])
    def test_a_refusal_is_honest(
        self, service: OrderService, database: Path, monkeypatch: pytest.MonkeyPatch, refusal: str
    ) -> None:
        monkeypatch.setattr(Weather, "draw", lambda *_: Weather(0.0, refusal))

        with pytest.raises(urllib.error.HTTPError, match="503") as caught:
            shop.open_return("410203", key="k")
        caught.value.close()

        assert Books.read(database).returns == (refusal == "after")


class TestReplies:
    def test_know_the_order_and_the_help_page(
        self, service: OrderService, knowledge: KnowledgeBase
    ) -> None:
        found = knowledge.search("tracking number")
        text = compose("order_status", found, "410201", shop.order("410201"), None)

        assert "Pharos lantern in brass" in text
        assert "is on its way with DHL" in text
        assert found[0].body in text

    def test_say_that_there_is_no_such_order(self) -> None:
        assert "no order 499999" in compose("order_status", [], "499999", None, None)


def demo(folder: Path, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "examples.support.demo"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def nothing_is_left(output: str) -> bool:
    """The order service does not answer, and no worker is there."""
    url = re.search(r"http://\S+:\d+", output)
    workers = {int(pid) for pid in re.findall(r"process (\d+)", output)}
    assert url is not None
    assert workers
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(url.group(), timeout=10)
    return all(is_gone(pid) for pid in workers)


@pytest.mark.long
class TestDemo:
    def test_books_balance(self, tmp_path: Path) -> None:
        process = demo(tmp_path)
        output, _ = process.communicate(timeout=150)
        print(output)

        assert process.returncode == 0, output
        assert "SIGKILL" in output
        assert re.search(r"[1-9]\d* by the models", output)
        assert "The books balance" in output
        assert nothing_is_left(output)
        assert Books.read(tmp_path / "demo-data" / "orders.db").replies == len(MESSAGES)

    def test_without_weights_it_says_so(self, tmp_path: Path) -> None:
        process = demo(tmp_path, PODIUM_MODELS=str(tmp_path / "none"))
        output, _ = process.communicate(timeout=150)

        assert process.returncode == 0, output
        assert "podium model pull smollm2 minilm" in output
        assert " 0 by the models" in output
        assert "The books balance" in output

    @pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is no signal to a process there")
    @pytest.mark.parametrize("wish", [signal.SIGINT, signal.SIGTERM])
    def test_ctrl_c_leaves_no_process(self, tmp_path: Path, wish: signal.Signals) -> None:
        process = demo(tmp_path)
        assert process.stdout is not None
        output = ""
        while "worker A" not in output and process.poll() is None:
            output += process.stdout.readline()
        time.sleep(1)
        process.send_signal(wish)
        rest, _ = process.communicate(timeout=30)

        assert process.returncode == 130, output + rest
        assert nothing_is_left(output)

    def test_other_peoples_files_are_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "demo-data").mkdir()
        (tmp_path / "demo-data" / "precious.txt").write_text("mine")
        process = demo(tmp_path)
        output, _ = process.communicate(timeout=30)

        assert process.returncode == 1
        assert "--data" in output
        assert (tmp_path / "demo-data" / "precious.txt").read_text() == "mine"

"""The flow documents under `examples/flows` do what their page shows, also where they are killed."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import pytest

import podium

from examples.flows import store, web
from examples.flows.catalogue import PAGE, Catalogue, products
from examples.flows.counting import JobServer, primes_below
from examples.flows.plain_english import (
    LONG_WORDS,
    PLAIN,
    Critique,
    critique_text,
    reading_ease,
    revise_text,
)
from examples.flows.store import Books
from podium import File, Flow, Podium, RunFailed
from podium.testing import crash_everywhere
from tests.docs.pages import Desk
from tests.harness import LIMIT_S, drive

ROOT = Path(__file__).parents[2]
POINTS: Literal["all"] | int = "all" if os.environ.get("PODIUM_PROOF") == "full" else 12
README = ROOT / "examples" / "flows" / "README.md"
FLOWS = sorted(
    path
    for path in (ROOT / "examples").rglob("*.yaml")
    if re.match(r"(#.*\n|\n)*podium: 1\n", path.read_text(encoding="utf-8"))
)
BUREAU = (
    "In order to utilize the new portal, customers must commence registration prior to the end of the month, "
    "and a large number of them will actually need additional documents, so please make sure that "
    "sufficient staff is available at the counter. It should be noted that old forms are not accepted."
)


def flow(name: str) -> Flow:
    """Return one of the documents."""
    return Flow.load(ROOT / "examples" / "flows" / f"{name}.yaml")


def carried_out(name: str, given: dict[str, Any]) -> Any:
    """Run one of the documents."""
    return podium.run(flow(name), given, database=":memory:")


@contextmanager
def serving(server: web.JsonServer) -> Iterator[None]:
    """Let a server answer."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_documents_are_sound(path: Path) -> None:
    """The check finds nothing in them, not even a warning."""
    assert Flow.load(path).check() == []


COMMANDS = [
    shlex.split(line)
    for line in README.read_text(encoding="utf-8").splitlines()
    if " run " in line and "examples/flows/" in line
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_commands_of_the_page_fit(words: list[str]) -> None:
    """Each command names a document that is there, and gives it what it asks for."""
    path = next(word for word in words if word.endswith(".yaml"))
    given = [after.partition("=")[0] for word, after in pairwise(words) if word == "--set"]

    wanted = Flow.load(ROOT / path).to_dict()["input"]
    needed = {name for name, type in wanted.items() if "default" not in type}
    assert needed <= set(given) <= set(wanted)


def test_every_document_is_on_the_page() -> None:
    """The page has a command for each document."""
    shown = {word for words in COMMANDS for word in words if word.endswith(".yaml")}

    assert shown == {f"examples/flows/{path.name}" for path in README.parent.glob("*.yaml")}


@pytest.mark.long
def test_commands_of_the_page_print_what_it_says(tmp_path: Path) -> None:
    """Typed in a checkout, they print what stands below them."""
    page = tmp_path / "README.md"
    page.write_text(README.read_text(encoding="utf-8").replace(".venv/bin/", ""), encoding="utf-8")
    desk = Desk(tmp_path)
    (desk.folder / "examples").symlink_to(ROOT / "examples")

    for example in desk.parse(page).examples():
        example.evaluate()


class TestRevise:
    def test_the_text_gets_plainer_until_the_critic_is_content(self) -> None:
        """The loop ends when nothing is found any more, with a text that is easier to read."""
        done = carried_out("revise", {"text": BUREAU})

        assert done["text"] == (
            "To use the new portal, customers must begin registration before the end of the month. "
            "A lot of them will need more documents, so please make sure that enough staff is "
            "available at the counter. Old forms are not accepted."
        )
        assert done["left"] == []
        assert done["passes"] == 3
        assert done["ease"] == {"before": reading_ease(BUREAU), "after": reading_ease(done["text"])}
        assert done["ease"]["after"] > done["ease"]["before"] + 15

    def test_it_ends_where_the_editor_can_do_no_more(self) -> None:
        """A long sentence without a joint stays, and is said to be left."""
        stubborn = f"{' '.join(['word'] * (LONG_WORDS + 1))}."

        done = carried_out("revise", {"text": stubborn})

        assert (done["text"], done["passes"]) == (stubborn, 1)
        assert done["left"] == [{"kind": "long", "words": stubborn}]

    def test_a_plain_text_stays_as_it_is(self) -> None:
        """Nothing is found in it, and nothing is changed."""
        assert carried_out("revise", {"text": "We sell lamps."})["text"] == "We sell lamps."

    @pytest.mark.parametrize("phrase", PLAIN)
    def test_the_editor_repairs_what_the_critic_finds(self, phrase: str) -> None:
        """After a repair the critic does not find the phrase, wherever it stood."""
        text = f"{phrase.capitalize()} it is. We say {phrase} now."
        found: Critique = critique_text.fn(text)

        repaired = revise_text.fn(text, found.notes)

        assert [note.words for note in found.notes] == [phrase]
        assert critique_text.fn(repaired).ok
        assert repaired[0].isupper()


class TestPages:
    def test_every_page_is_fetched_though_the_server_refuses(self) -> None:
        """Every product arrives, with one good answer for each page; refusals were tried again."""
        with serving(server := Catalogue()):
            done = carried_out("pages", {"url": server.url})

        everything = products(seed=7)
        good = [path for status, path in server.requests if status == 200]
        assert done["products"] == len(everything) == 130
        assert done["pages"] == len(good) == len(set(good)) == -(-len(everything) // PAGE)
        assert [status for status, _ in server.requests].count(503) > 3
        assert done["sold_out"] == [one["name"] for one in everything if not one["stock"]]

    @pytest.mark.long
    def test_a_crash_anywhere_makes_no_difference(self) -> None:
        """Wherever the process dies, the same products come out; a page that is recorded is not fetched again."""
        with serving(server := Catalogue()):
            report = crash_everywhere(
                flow("pages"),
                {"url": server.url},
                points=POINTS,
                setup=lambda: server.restart(seed=7),
            )

        assert report.status == "succeeded"
        assert report.output["products"] == 130
        assert len(report.tried) >= 12

    def test_a_cursor_that_the_server_does_not_know_is_not_tried_again(self) -> None:
        """What the server understood and refused fails at once."""
        with serving(server := Catalogue(seed=1)), pytest.raises(RunFailed, match="404"):
            carried_out("pages", {"url": f"{server.url}/nowhere"})

        assert [status for status, _ in server.requests if status != 503] == [404]


class TestPoll:
    def test_it_asks_until_the_job_is_done(self) -> None:
        """The job is handed in once, and its result is that of the server."""
        with serving(server := JobServer()):
            done = carried_out("poll", {"url": server.url, "below": 100_000})

        assert done["primes"] == 9592 == primes_below(100_000)
        assert [job.state for job in server.jobs.values()] == ["done"]

    def test_a_job_that_fails_fails_the_run(self) -> None:
        """The run fails with the code of the document and the words of the server."""
        with (
            serving(server := JobServer()),
            pytest.raises(RunFailed, match="is too much") as caught,
        ):
            carried_out("poll", {"url": server.url, "below": 30_000_000})

        assert "30,000,000 is too much; the most is 20,000,000." in str(caught.value)

    @pytest.mark.parametrize(
        ("below", "primes"), [(2, 0), (3, 1), (10, 4), (10_002, 1229), (30_000, 3245)]
    )
    def test_the_server_counts_right(self, below: int, primes: int) -> None:
        """It agrees with the tables, across the borders of its pieces."""
        assert primes_below(below) == primes


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "shop.db"
    monkeypatch.setenv("SHOP_DB", str(path))
    return path


class TestOrder:
    def test_goods_go_out_and_money_comes_in(self, shop: Path) -> None:
        """Reserve, charge, ship, in this order."""
        done = carried_out("order", {"order": "o1", "item": "lamp", "amount": 2})

        books = Books.read(shop)
        assert done == {"cents": 25_800, "receipt": "PAY-o1", "parcel": "DHL-o1"}
        assert (books.stock["lamp"], books.cents) == (3, 25_800)
        assert books.log == [("o1", "reserve"), ("o1", "charge"), ("o1", "ship")]

    def test_what_was_done_is_undone_backwards(self, shop: Path) -> None:
        """Nobody delivers there: the money goes back, then the goods; the run fails with the reason."""
        with pytest.raises(RunFailed, match="nobody delivers to US"):
            carried_out("order", {"order": "o2", "item": "lamp", "country": "US"})

        books = Books.read(shop)
        assert (books.stock["lamp"], books.cents) == (5, 0)
        assert [what for _, what in books.log] == ["reserve", "charge", "refund", "release"]

    def test_where_nothing_was_done_nothing_is_undone(self, shop: Path) -> None:
        """What is sold out was not reserved, so there is nothing to release."""
        with pytest.raises(RunFailed, match="1 chair were ordered, 0 are there"):
            carried_out("order", {"order": "o3", "item": "chair"})

        assert Books.read(shop).log == []

    @pytest.mark.long
    @pytest.mark.parametrize(
        ("country", "status", "done"),
        [
            ("AT", "succeeded", ["reserve", "charge", "ship"]),
            ("US", "failed", ["reserve", "charge", "refund", "release"]),
        ],
    )
    def test_a_crash_anywhere_does_nothing_twice(
        self, shop: Path, country: str, status: str, done: list[str]
    ) -> None:
        """Wherever the process dies, the shop's books are as without a death: each thing once, in order."""

        def balance() -> None:
            books = Books.read(shop)
            assert [what for _, what in books.log] == done
            assert (books.stock["lamp"], books.cents) == (
                (4, 12_900) if status == "succeeded" else (5, 0)
            )

        report = crash_everywhere(
            flow("order"), {"order": "o4", "item": "lamp", "country": country},
            points=POINTS, setup=lambda: shop.unlink(missing_ok=True), check=balance,
        )  # fmt: skip

        assert report.status == status

    def test_a_key_that_is_known_changes_nothing(self, shop: Path) -> None:
        """The shop gives a repeat the first answer, and does it once."""
        keys = iter(["k", "k", "other"])

        def ship(key: Callable[[], str] = lambda: next(keys)) -> list[str]:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(store, "idempotency_key", key)
                return [store.ship_order.fn(str(shop), "o5", "DE") for _ in range(3)]

        assert ship() == ["DHL-o5"] * 3
        assert Books.read(shop).log == [("o5", "ship")] * 2


class TestWords:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = tmp_path / "texts"
        (folder / "deep").mkdir(parents=True)
        (folder / "a.txt").write_text("one lamp\ntwo lamps, and a kettle\n")
        (folder / "b.txt").write_text("")
        (folder / "deep" / "c.txt").write_bytes(b"lamp lamp\xff no newline")
        (folder / "d.md").write_text("not asked for")
        return folder

    def test_files_are_counted_and_brought_together(self, folder: Path) -> None:
        """Each file is counted, and the table has a line for each, in their order."""

        async def program() -> tuple[Any, bytes]:
            async with Podium(":memory:") as app:
                run = await app.start(flow("words"), {"folder": str(folder), "pattern": "**/*.txt"})
                done = await run.result()
                with await run.open_file(File(**done["table"])) as table:
                    return done, table.read()

        done, table = drive(program())

        assert table.decode().splitlines() == [
            "name,lines,words,bytes,longest",
            "a.txt,2,7,33,23",
            "b.txt,0,0,0,0",
            "deep/c.txt,1,4,21,21",
        ]
        assert done["totals"] == {
            "files": 3, "lines": 3, "words": 11, "bytes": 54, "longest": 23,
            "top": {"lamp": 3, "kettle": 1, "lamps": 1, "newline": 1},
        }  # fmt: skip

    def test_an_empty_folder_gives_an_empty_table(self, tmp_path: Path) -> None:
        """Where nothing fits the pattern, there is nothing to count."""
        assert carried_out("words", {"folder": str(tmp_path)})["totals"]["files"] == 0

    def test_a_missing_folder_fails_the_run(self, tmp_path: Path) -> None:
        """The error names the folder."""
        with pytest.raises(RunFailed, match=r"there is no folder .*gone"):
            carried_out("words", {"folder": str(tmp_path / "gone")})


# killed for real ----------------------------------------------------------------------------


class SlowCatalogue(Catalogue):
    """A catalogue whose fourth page waits until it may be given."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()
        self.may_answer = threading.Event()

    def answer(self, method: str, path: str, given: Any, key: str) -> tuple[int, Any]:
        if path.endswith(products(seed=7)[3 * PAGE]["sku"]):
            self.asked.set()
            assert self.may_answer.wait(LIMIT_S)
        return super().answer(method, path, given, key)


class SlowJobs(JobServer):
    """A server whose jobs wait until they may be done."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0
        self.asked = threading.Event()
        self.may_answer = threading.Event()

    def answer(self, method: str, path: str, given: Any, key: str) -> tuple[int, Any]:
        if method == "GET":
            self.looks += 1
            if self.looks == 3:
                self.asked.set()
        return super().answer(method, path, given, key)

    def _work(self, job: Any, below: int) -> None:
        assert self.may_answer.wait(LIMIT_S)
        super()._work(job, below)


def command(tmp_path: Path, name: str, *given: str) -> "subprocess.Popen[str]":
    """Type ``podium run`` for one of the documents, always with the same id."""
    words = ["run", f"examples/flows/{name}.yaml", "--id", "r", "--db", str(tmp_path / "runs.db")]
    return subprocess.Popen(
        [sys.executable, "-m", "podium", *words, *given], cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def killed_and_resumed(tmp_path: Path, server: Any, name: str, **given: Any) -> Any:
    """Run a document, kill its process when the server was asked, run it again; return the output."""
    args = [f"--set={key}={value}" for key, value in {"url": server.url, **given}.items()]
    with command(tmp_path, name, *args) as first:
        assert server.asked.wait(LIMIT_S), first.communicate()
        first.kill()
        first.communicate()
    server.may_answer.set()
    with command(tmp_path, name, *args) as second:
        out, err = second.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (-signal.SIGKILL, 0), err
    return json.loads(out)


@pytest.mark.long
class TestKilled:
    def test_pages_that_were_fetched_stay_fetched(self, tmp_path: Path) -> None:
        """A process killed at the fourth page goes on there; only that page is asked for again."""
        with serving(server := SlowCatalogue()):
            done = killed_and_resumed(tmp_path, server, "pages")

        skus = [one["sku"] for one in products(seed=7)]
        good = [path.partition("cursor=")[2] for status, path in server.requests if status == 200]
        assert done["products"] == len(skus)
        assert sorted(set(good)) == sorted(["", *skus[PAGE::PAGE]])
        assert [cursor for cursor in good if good.count(cursor) > 1] in ([], [skus[3 * PAGE]] * 2)

    def test_a_job_is_handed_in_once(self, tmp_path: Path) -> None:
        """A process killed while it polls goes on with the same job."""
        with serving(server := SlowJobs()):
            done = killed_and_resumed(tmp_path, server, "poll", below=50_000)

        assert done["primes"] == 5133
        assert [job.state for job in server.jobs.values()] == ["done"]

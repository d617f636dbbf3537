"""The show: real messages answered, the worker killed in the middle, nothing lost or done twice.

    python -m examples.support.demo

An order service and a worker run as processes of their own. This process hands over the messages,
plays the person who is asked, kills the worker when half of the replies are sent, starts another,
and at the end compares what it wanted with the service's own log. It exits with 0 only if the two
agree. Everything it leaves lies in `demo-data/`.
"""

import argparse
import asyncio
import math
import os
import shutil
import signal
import sys
import time

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from examples.support.books import Books
from examples.support.intents import Message, load
from examples.support.processes import Process
from examples.support.screen import Screen
from examples.support.understanding import likely
from examples.support.verdict import Verdict
from examples.support.workflow import Outcome, support
from podium import Podium, Run
from podium.client.views import AskView, StepView

GIVE_UP_S = 100.0
LOOK_S = 0.15
NEXT_MESSAGE_S = 0.05
READING_S = 0.6
"""How long the person that the demo plays thinks."""
MARK = "# The support demo made this folder, and removes it when it starts anew.\n*\n"
"""What stands in its `.gitignore`."""
WAIT_FOR = 8
"""How many replies more may go out while the demo waits for one that is on the wire."""


class Trouble(Exception):
    """The demo cannot go on; the text says why."""


class Demo:
    """The parts of the demo, and what they have seen so far."""

    def __init__(self, folder: Path, processes: ExitStack) -> None:
        self.folder = folder
        self.database = folder / "podium.db"
        self.processes = processes
        self.messages = {message.id: message for message in load("messages.jsonl")}
        self.screen = Screen(total=len(self.messages))
        self.worker: Process | None = None
        self.runs: dict[str, Run[Outcome]] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.asked: dict[str, float] = {}
        self.before: dict[str, list[StepView]] = {}

    @property
    def books(self) -> Books:
        """The service's own log, as it stands now."""
        return Books.read(self.folder / "orders.db")

    @property
    def open_runs(self) -> dict[str, Run[Outcome]]:
        """The runs that were handed over and have no reply yet."""
        return {ticket: run for ticket, run in self.runs.items() if ticket not in self.outcomes}

    async def play(self, seed: int) -> Verdict:
        """Everything in order; the verdict says whether the books balance."""
        began = time.monotonic()
        self.introduce()
        await self.start_service(seed)
        self.start_worker("A")
        async with Podium(self.database, execute=False) as app:
            with self.screen.live():
                await self.answer_all(app)
            after = {ticket: await self.runs[ticket].steps() for ticket in self.before}
        return Verdict(
            messages=self.messages,
            outcomes=self.outcomes,
            before=self.before,
            after=after,
            books=self.books,
            seconds=time.monotonic() - began,
        )

    def introduce(self) -> None:
        """Say who reads the messages, before anybody is answered."""
        self.screen.title("Customer support: intent, knowledge base, order status, reply")
        if likely(next(iter(self.messages.values())).text).intent is None:
            words = (
                "the local models are not here (podium model pull smollm2 minilm): rules alone read"
            )
            self.screen.line(words, style="yellow")
        else:
            self.screen.line(
                "MiniLM and SmolLM2 read on this machine and check each other; rules and"
            )
            self.screen.line("a person stand in where they disagree, and a person approves refunds")

    async def start_service(self, seed: int) -> None:
        """Start the order service, and wait until it says where it listens."""
        options = ["--db", str(self.folder / "orders.db"), "--port", "0", "--seed", str(seed)]
        service = self.processes.enter_context(
            Process("examples.support.orders", *options, log=self.folder / "orders.log")
        )
        while not (url := service.said()).startswith("http"):
            if not service.alive:
                raise Trouble(f"The order service did not start:\n{url}")
            await asyncio.sleep(0.02)
        os.environ["SUPPORT_ORDERS_URL"] = url
        self.screen.line(f"order service: {url}, slow and refusing on purpose")

    def start_worker(self, name: str) -> None:
        """Start a worker; it finds the service by its environment."""
        options = ["worker", "examples.support.workflow", "--db", str(self.database)]
        self.worker = self.processes.enter_context(
            Process("podium", *options, log=self.folder / f"worker-{name}.log")
        )
        self.screen.worker = f"worker {name} (process {self.worker.pid})"
        self.screen.line(f"{self.screen.worker} started", mark="●", style="green")

    async def answer_all(self, app: Podium) -> None:
        """Hand over, watch and kill at the same time, until every message has its reply."""
        try:
            async with asyncio.timeout(GIVE_UP_S), asyncio.TaskGroup() as group:
                group.create_task(self.hand_over(app, group))
                group.create_task(self.watch(app))
                group.create_task(self.kill_in_the_middle())
        except TimeoutError as error:
            waits = ", ".join(self.open_runs)
            raise Trouble(f"After {GIVE_UP_S:.0f} s there is no reply to {waits}.") from error
        except ExceptionGroup as errors:
            raise Trouble("\n".join(map(str, errors.exceptions))) from errors

    async def hand_over(self, app: Podium, group: asyncio.TaskGroup) -> None:
        """Start a run for each message, as they come in; show each reply when it is there."""
        for message in self.messages.values():
            given = {"ticket": message.id, "sender": message.sender, "message": message.text}
            self.runs[message.id] = await app.start(support, given, id=message.id)
            group.create_task(self.show_reply(message))
            await asyncio.sleep(NEXT_MESSAGE_S)

    async def show_reply(self, message: Message) -> None:
        """Wait for the end of a run, and show its reply."""
        outcome = await self.runs[message.id].result()
        self.outcomes[message.id] = outcome
        doubt = "" if outcome.intent == message.intent else f", though labelled {message.intent}"
        self.screen.reply(message.id, message.text, outcome.intent + doubt, outcome.reply)

    async def watch(self, app: Podium) -> None:
        """Look again and again: for the table, and for questions to a person."""
        while len(self.outcomes) < len(self.messages):
            if self.worker and not self.worker.alive:
                raise Trouble(f"The {self.screen.worker} ended by itself:\n{self.worker.said()}")
            for ask in await app.asks():
                await self.answer(ask)
            self.screen.under_way = [
                (ticket, await doing(run), self.messages[ticket].text)
                for ticket, run in [*self.open_runs.items()][: self.screen.rows]
            ]
            self.screen.waiting = sum(at < math.inf for at in self.asked.values())
            await asyncio.sleep(LOOK_S)

    async def answer(self, ask: AskView) -> None:
        """Play the person: say what a message is about, or approve a refund."""
        ticket = ask.run_id
        if ask.id not in self.asked:
            self.asked[ask.id] = time.monotonic()
            question = ask.form["question"]
            words = f"{ticket}  waits for a person: {question} {self.messages[ticket].text}"
            self.screen.line(words, mark="?", style="yellow")
        elif time.monotonic() - self.asked[ask.id] > READING_S:
            self.asked[ask.id] = math.inf
            said = "yes" if ask.to == "refunds" else self.messages[ticket].intent
            await self.runs[ticket].answer(ask.id, said)
            words = f"{ticket}  the demo answers as that person: {said}"
            self.screen.line(words, mark="!", style="yellow")

    async def kill_in_the_middle(self) -> None:
        """Kill the worker when half of the replies are sent, and let another one take over."""
        worker = await self.the_right_moment()
        worker.kill()
        killed_at = datetime.now(UTC)
        self.before = {
            ticket: steps for ticket, run in self.open_runs.items() if (steps := await run.steps())
        }
        books = self.books
        words = f"{self.screen.worker} killed (SIGKILL) with {len(self.before)} runs under way;"
        self.screen.line(words, mark="✗", style="bold red")
        words = f"{books.replies} of {len(self.messages)} replies are sent, {len(books.unanswered)}"
        self.screen.line(f"{words} requests are done whose answer reaches nobody", style="red")
        self.start_worker("B")
        seconds = (await self.first_step_since(killed_at) - killed_at).total_seconds()
        words = f"{self.screen.worker} goes on where they were, {seconds:.2f} s after the kill"
        self.screen.line(words, mark="●", style="bold green")

    async def the_right_moment(self) -> Process:
        """Wait until half of the replies are sent, and one more is sent but not yet confirmed."""
        half = len(self.messages) // 2
        while True:
            books = self.books
            if books.replies >= half and (books.unanswered or books.replies > half + WAIT_FOR):
                break
            await asyncio.sleep(0.01)
        assert self.worker is not None
        worker, self.worker = self.worker, None
        return worker

    async def first_step_since(self, moment: datetime) -> datetime:
        """Wait for the first step that started after a moment."""
        while True:
            for run in self.runs.values():
                starts = [step.started_at for step in await run.steps() if step.started_at]
                if later := [start for start in starts if start > moment]:
                    return min(later)
            await asyncio.sleep(0.02)

    def look_further(self, ticket: str) -> None:
        """End with the commands to look further."""
        beside = Path(sys.executable).with_name("podium")
        podium = os.path.relpath(beside) if beside.exists() else "python -m podium"
        self.screen.title("Look further")
        self.screen.line(f"{podium} runs list --db {self.database}")
        self.screen.line(f"{podium} runs show {ticket} --db {self.database}")
        self.screen.line(f"{podium} runs steps {ticket} --db {self.database}")


async def doing(run: Run[Outcome]) -> str:
    """What a run is doing: its open steps, or where it stands."""
    steps = [step for step in await run.steps() if step.status == "started"]
    words = [s.task + (f" (try {s.attempts})" if s.attempts > 1 else "") for s in steps]
    return ", ".join(words) or str(await run.status())


def fresh(folder: Path) -> Path:
    """An empty folder: what an earlier demo left there is removed, anything else is not."""
    mark = folder / ".gitignore"
    if folder.exists() and any(folder.iterdir()):
        if not mark.exists() or mark.read_text(encoding="utf-8") != MARK:
            raise Trouble(f"{folder} holds other files than an earlier demo's: use --data.")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    mark.write_text(MARK, encoding="utf-8")
    return folder


async def play(folder: Path, seed: int) -> int:
    """Play the demo; however it ends, its processes end with it."""
    this = asyncio.current_task()
    assert this is not None
    if sys.platform != "win32":
        for wish in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(wish, this.cancel)
    with ExitStack() as processes:
        demo = Demo(fresh(folder), processes)
        verdict = await demo.play(seed)
    verdict.show(demo.screen)
    demo.look_further(verdict.example)
    return 0 if verdict.balanced else 1


def main() -> int:
    """Read the options and play."""
    parser = argparse.ArgumentParser(prog="python -m examples.support.demo")
    parser.add_argument("--data", type=Path, default=Path("demo-data"), help="a folder of its own")
    parser.add_argument("--seed", type=int, default=7, help="of the order service's failures")
    options = parser.parse_args()
    try:
        return asyncio.run(play(options.data, options.seed))
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("Interrupted; its processes are stopped.", file=sys.stderr)
        return 130
    except Trouble as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

"""What the demo shows: lines that stay, and in a terminal a live table of what is going on below."""

import textwrap

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

PLAIN_WIDTH = 110


def console() -> Console:
    """A console on standard output; in a pipe its lines have one width everywhere."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


@dataclass
class Screen:
    """The lines above, the table below, and the numbers in it."""

    total: int
    console: Console = field(default_factory=console)
    rows: int = 8
    replied: int = 0
    waiting: int = 0
    worker: str = ""
    under_way: list[tuple[str, str, str]] = field(default_factory=list)

    @contextmanager
    def live(self) -> Iterator[Self]:
        """Show the table for as long as the work goes on; a pipe gets only the lines."""
        if not self.console.is_terminal:
            yield self
            return
        with Live(
            get_renderable=self._table, console=self.console, refresh_per_second=10, transient=True
        ):
            yield self

    def line(self, text: str = "", *, style: str = "", mark: str = " ") -> None:
        """Print a line, cut to the width."""
        self.console.print(
            Text(f"{mark} {text}".rstrip(), style=style), no_wrap=True, overflow="ellipsis"
        )

    def title(self, text: str) -> None:
        """Print the heading of a part."""
        self.console.print()
        self.console.print(Text(text, style="bold"))

    def fact(self, name: str, number: int, meaning: str = "", *, style: str = "") -> None:
        """Print a name, a number, and what it means."""
        self.console.print(
            Text.assemble(
                f"  {name:<27}",
                (f"{number:>4}", f"bold {style}"),
                (f"   {meaning}" if meaning else "", "dim"),
            )
        )

    def reply(self, ticket: str, message: str, intent: str, reply: str) -> None:
        """Print a message with the gist of its reply."""
        self.replied += 1
        gist = one_line(" ".join(reply.split("\n\n")[1:-1]))
        question = Text.assemble(("✓ ", "green"), (f"{ticket}  ", "bold"), one_line(message))
        answer = Text.assemble((f"       {intent}: ", "cyan"), (gist, "dim"))
        self.console.print(question, no_wrap=True, overflow="ellipsis")
        self.console.print(answer, no_wrap=True, overflow="ellipsis")

    def letter(self, text: str) -> None:
        """Print a text in full, as the customer gets it."""
        for paragraph in text.split("\n"):
            for line in textwrap.wrap(paragraph, self.console.width - 8) or [""]:
                self.console.print(Text(f"    {line}".rstrip(), style="dim"))

    def _table(self) -> RenderableType:
        head = Table.grid(padding=(0, 2))
        head.add_row(
            Text(f"{self.replied} of {self.total} replies", style="bold"),
            ProgressBar(total=self.total, completed=self.replied, width=30),
            Text(self.worker),
            Text(f"{self.waiting} waiting for a person" if self.waiting else ""),
        )
        body = Table.grid(padding=(0, 2), expand=True)
        body.add_column(style="bold", width=4)
        body.add_column(style="cyan", width=34, no_wrap=True, overflow="ellipsis")
        body.add_column(style="dim", ratio=1, no_wrap=True, overflow="ellipsis")
        for ticket, doing, message in self.under_way[: self.rows]:
            body.add_row(ticket, doing, one_line(message))
        for _ in range(self.rows - len(self.under_way)):
            body.add_row("", "", "")
        return Group(Text(""), head, body)


def one_line(text: str) -> str:
    """A text without its line breaks."""
    return " ".join(text.split())

"""What is seen of a run in the terminal: its stages as they come, and what came of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

from examples.coding.forms import Change, Delivered

PLAIN_WIDTH = 110
_STYLES = {"refused": "red", "passed": "green", "deploy": "bold green", "debug": "yellow"}


def console() -> Console:
    """A console on standard output; in a pipe its lines have one width everywhere."""
    made = Console(highlight=False)
    return made if made.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


@dataclass
class Screen:
    """Lines, and below them in a terminal what is going on."""

    console: Console = field(default_factory=console)

    def title(self, text: str, more: str = "") -> None:
        """Print the heading of a task."""
        self.console.print()
        self.console.print(Text.assemble((text, "bold"), (f"   {more}", "dim")))

    def stage(self, stage: str, text: str, by: str = "") -> None:
        """Print a line about a stage, cut to the width."""
        style = _STYLES.get(stage, "")
        said = f"by {by}: {one_line(text)}" if by else one_line(text)
        self.console.print(
            Text.assemble((f"  {stage:<9}", f"bold {style}"), (said, style if by else "")),
            no_wrap=True,
            overflow="ellipsis",
        )

    def failure(self, text: str, others: Sequence[str]) -> None:
        """Print why there is no change, in full."""
        self.console.print(Text.assemble(("  failed   ", "bold red"), text))
        self.lines(others, "red")

    def delivered(self, done: Delivered, seconds: float) -> None:
        """Print what came of it, file by file."""
        rounds = "1 round" if done.rounds == 1 else f"{done.rounds} rounds"
        self.console.print(
            Text(
                f"  {done.tag} is {done.commit[:12]}, in {rounds} and {seconds:.1f} s; {done.used}"
            )
        )
        self.changes(done.change)

    def changes(self, change: Change) -> None:
        """Print which files have changed."""
        files = "1 file" if len(change.paths) == 1 else f"{len(change.paths)} files"
        text = f"  {files} changed, +{change.added} −{change.removed}: {', '.join(change.paths)}"
        self.console.print(Text(text, style="dim"))

    def diff(self, diff: str) -> None:
        """Print a patch."""
        if not self.console.is_terminal:
            self.console.print(Text(diff), soft_wrap=True)
            return
        patch = Syntax(diff, "diff", word_wrap=True, theme="ansi_dark", background_color="default")
        self.console.print(patch)

    def lines(self, lines: Sequence[str], style: str = "") -> None:
        """Print lines as they are."""
        for line in lines:
            self.console.print(Text(f"  {line}", style=style), soft_wrap=True)

    @contextmanager
    def doing(self) -> Iterator["Screen"]:
        """Show below the lines what is going on; a pipe gets only the lines."""
        if not self.console.is_terminal:
            yield self
            return
        with self.console.status("") as status:
            self._status = status
            yield self

    def now(self, text: str) -> None:
        """Say what is going on."""
        status = getattr(self, "_status", None)
        if status is not None:
            status.update(Text(text, style="dim"))


def one_line(text: str) -> str:
    """Return a text without its line breaks."""
    return " ".join(text.split())

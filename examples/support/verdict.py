"""Whether nothing was lost and nothing was done twice: Podium's word against the service's log."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from examples.support.books import Books
from examples.support.intents import Message, order_number
from examples.support.screen import Screen
from examples.support.workflow import Outcome
from podium.client.views import StepView


@dataclass(frozen=True)
class Verdict:
    """What was wanted, what came out, and the steps of the interrupted runs before and after."""

    messages: Mapping[str, Message]
    outcomes: Mapping[str, Outcome]
    before: Mapping[str, Sequence[StepView]]
    after: Mapping[str, Sequence[StepView]]
    books: Books
    seconds: float

    @cached_property
    def wanted(self) -> set[str]:
        """What should have been done: a reply to each message, and the returns promised in them."""
        replies = {f"/tickets/{ticket}/reply" for ticket in self.messages}
        back = [ticket for ticket, outcome in self.outcomes.items() if outcome.returned]
        return replies | {
            f"/orders/{order_number(self.messages[ticket].text)}/returns" for ticket in back
        }

    @cached_property
    def example(self) -> str:
        """A ticket whose reply the kill cut off while it was being sent, if there is one."""
        cut_off = [ticket for ticket, steps in self.before.items() if steps[-1].effect == "write"]
        return next(iter([*cut_off, *self.before, *self.outcomes]))

    @cached_property
    def kept(self) -> int:
        """How many steps were finished in the interrupted runs when the worker was killed."""
        return sum(len(finished(steps)) for steps in self.before.values())

    @cached_property
    def run_again(self) -> list[str]:
        """Those of them that were run again all the same."""
        ended = {(t, step.path): step.ended_at for t in self.after for step in self.after[t]}
        return [
            f"{ticket} {step.path}"
            for ticket, steps in self.before.items()
            for step in finished(steps)
            if ended.get((ticket, step.path)) != step.ended_at
        ]

    @property
    def wrongs(self) -> dict[str, list[str]]:
        """Everything that must not be, by name; all of them empty if the books balance."""
        return {
            "finished steps run again": self.run_again,
            "lost": self.books.lost(self.wanted),
            "done twice": self.books.twice(),
            "done though not wanted": self.books.unasked(self.wanted),
            "repeated with another key": self.books.changed_keys(),
        }

    @property
    def balanced(self) -> bool:
        """Whether the books balance."""
        return len(self.outcomes) == len(self.messages) and not any(self.wrongs.values())

    def show(self, screen: Screen) -> None:
        """Print the verdict."""
        books, answered = self.books, self.outcomes.items()
        message, reply = self.messages[self.example], self.outcomes[self.example].reply
        screen.title(f"One of the replies that the kill interrupted: {message.id}")
        screen.letter(f"> {message.text}\n\n{reply}")
        as_labelled = sum(self.messages[ticket].intent == o.intent for ticket, o in answered)
        screen.title("What Podium says")
        screen.fact("messages answered", len(answered), f"in {self.seconds:.0f} s")
        by = Counter(outcome.decided_by for outcome in self.outcomes.values())
        who = f"{by['models']} by the models, {by['rules']} by rules, {by['person']} by a person"
        screen.fact("understood as labelled", as_labelled, who)
        screen.fact("steps kept at the kill", self.kept, f"of {len(self.before)} runs")
        screen.title("What the order service's own log says")
        screen.fact("requests", len(books.requests), f"{books.slow} of them slow on purpose")
        screen.fact("answered 503", books.refused, "on purpose, before the work or after it")
        screen.fact("replies sent", books.replies, f"to {len(self.messages)} messages")
        screen.fact("returns opened", books.returns, "for orders that come back")
        screen.fact(
            "repeats of a known key", books.repeats, "answered from the log, not done again"
        )
        screen.title("The books balance" if self.balanced else "The books do not balance")
        for name, found in self.wrongs.items():
            screen.fact(name, len(found), ", ".join(found), style="red" if found else "green")


def finished(steps: Sequence[StepView]) -> list[StepView]:
    """The steps whose result was recorded."""
    return [step for step in steps if step.status == "succeeded"]

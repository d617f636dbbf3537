"""How often each way of understanding is right, measured on labelled messages that it was not shown.

    python -m examples.support.accuracy

The 48 messages of `held_out.jsonl` were written after everything else. The words of the labels and the
rule of agreement were chosen after a look at what they gave; nothing else was changed to suit them.
The 48 of the demo (`messages.jsonl`) were written together with the examples, which is why everybody
does better on them. Models and rules alike are shown `examples.jsonl` and nothing else.
"""

import asyncio

from collections.abc import Sequence
from dataclasses import dataclass

from examples.support.intents import Classifier, Message, load
from examples.support.understanding import SMALL, Likely, decide, intent_of, judge, likely
from podium.models import Model, ModelUnknown

FILES = ("held_out.jsonl", "messages.jsonl")


@dataclass(frozen=True)
class Score:
    """How one way did: how many messages it decided, and how many of these rightly."""

    name: str
    decided: int
    right: int

    def line(self, total: int) -> str:
        """One line for people."""
        share = self.right / self.decided if self.decided else 0.0
        of = f"{self.right:>3} of {self.decided:>2} right ({share:.0%})"
        rest = f"{total - self.decided:>2} left to others" if self.decided < total else ""
        return f"  {self.name:<36}{of:<24}{rest}".rstrip()


class Ways:
    """What each way said, and whether it was right."""

    def __init__(self) -> None:
        self._right: dict[str, list[bool]] = {}

    def note(self, name: str, said: str | None, truth: str) -> None:
        """Note what a way said of a message; None: it decided nothing."""
        found = self._right.setdefault(name, [])
        if said is not None:
            found.append(said == truth)

    def scores(self) -> list[Score]:
        """The score of each way, in the order they were noted."""
        return [Score(name, len(found), sum(found)) for name, found in self._right.items()]


async def measure(messages: Sequence[Message]) -> list[Score]:
    """Judge messages in each way; without weights there are the rules alone."""
    rules, model, ways = Classifier(load("examples.jsonl")), Model(SMALL), Ways()
    for message in messages:
        truth = message.intent
        guess, near = rules.guess(message.text), likely(message.text)
        ways.note("rules", guess.intent, truth)
        ways.note("rules, where they are sure", guess.intent if guess.sure else None, truth)
        if near.intent is None:
            continue
        word = await asked(model, near)
        verdict = judge(near, word)
        reading = decide(guess, near, verdict)
        ways.note("MiniLM", near.intent, truth)
        ways.note("MiniLM, where it is clear", near.intent if near.is_clear else None, truth)
        ways.note("SmolLM2, where MiniLM is not clear", intent_of(word) if word else None, truth)
        ways.note("both models, taken by the verifier", near.intent if verdict.ok else None, truth)
        ways.note(
            "models and rules (the workflow)", reading.intent if reading.is_sure else None, truth
        )
    return ways.scores()


async def asked(model: Model, near: Likely) -> str | None:
    """What the model says, if it is asked and is there."""
    try:
        return (await model.ask(near.request)).text if near.request else None
    except ModelUnknown:
        return None


async def main() -> None:
    """Print the scores."""
    for name in FILES:
        messages = load(name)
        print(f"{name}: {len(messages)} messages")
        scores = await measure(messages)
        for score in scores:
            print(score.line(len(messages)))
        if len(scores) < 3:
            print("  The models are not here: podium model pull smollm2 minilm")


if __name__ == "__main__":
    asyncio.run(main())

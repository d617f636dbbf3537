"""What a message is about: the labelled messages most like it vote, and say how sure they are.

Nothing is trained and nothing is hidden. A message becomes a bag of words and of three-letter
pieces of words (so that "retrun" still looks like "return"), weighed by how rare each is (TF-IDF),
and is compared by cosine with every labelled message. `leave_one_out` measures how often the vote
is right; the texts were written for this example, so expect less from messages of your own.
"""

import json
import math
import re

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
VOTERS = 7
SURE_FROM = 0.14
"""A guess with less confidence than this goes to a person."""

Vector = dict[str, float]


@dataclass(frozen=True)
class Message:
    """A customer's message, with the intent that a person gave it."""

    text: str
    intent: str
    id: str = ""
    sender: str = ""


@dataclass(frozen=True)
class Guess:
    """What the classifier thinks, and how sure it is: from 0 to 1, the twin of an example."""

    intent: str
    confidence: float

    @property
    def sure(self) -> bool:
        """Whether the guess is good enough to act on without a person."""
        return self.confidence >= SURE_FROM


@dataclass(frozen=True)
class Accuracy:
    """How the classifier does on labelled messages, each judged by all the others."""

    total: int
    right: int
    sure: int
    sure_and_right: int


def load(name: str) -> tuple[Message, ...]:
    """The labelled messages of a file beside this one."""
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return tuple(Message(**json.loads(line)) for line in lines)


class Classifier:
    """Labelled messages, and their vote on a new one."""

    def __init__(self, labelled: Sequence[Message]) -> None:
        bags = [_features(message.text) for message in labelled]
        seen = Counter(feature for bag in bags for feature in bag)
        self._rarity = {f: math.log((1 + len(bags)) / (1 + n)) for f, n in seen.items()}
        self._labelled = [
            (message, self._vector(bag)) for message, bag in zip(labelled, bags, strict=True)
        ]

    def guess(self, text: str) -> Guess:
        """The intent that wins the vote; its confidence is its share times the best likeness.

        A labelled message with the very same text has no vote: the messages of the demo are judged
        as if they were new.
        """
        vector = self._vector(_features(text))
        alike = sorted(
            (
                (_cosine(vector, other), message.intent)
                for message, other in self._labelled
                if message.text != text
            ),
            reverse=True,
        )[:VOTERS]
        votes = dict.fromkeys((intent for _, intent in alike), 0.0)
        for likeness, intent in alike:
            votes[intent] += likeness
        winner = max(votes, key=votes.__getitem__)
        share = votes[winner] / (sum(votes.values()) or 1.0)
        return Guess(winner, round(share * alike[0][0], 3))

    def leave_one_out(self) -> Accuracy:
        """Judge each labelled message by all the others."""
        guesses = [(self.guess(message.text), message.intent) for message, _ in self._labelled]
        return Accuracy(
            total=len(guesses),
            right=sum(guess.intent == intent for guess, intent in guesses),
            sure=sum(guess.sure for guess, _ in guesses),
            sure_and_right=sum(guess.sure and guess.intent == intent for guess, intent in guesses),
        )

    def _vector(self, bag: Counter[str]) -> Vector:
        """The weights of a bag's features, scaled to length 1."""
        weights = {f: (1 + math.log(n)) * self._rarity.get(f, 0.0) for f, n in bag.items()}
        length = math.hypot(*weights.values()) or 1.0
        return {feature: weight / length for feature, weight in weights.items()}


@cache
def classifier() -> Classifier:
    """The classifier over all labelled messages, made once per process."""
    return Classifier(load("examples.jsonl") + load("messages.jsonl"))


def order_number(text: str) -> str | None:
    """The first order number (six digits) in a text."""
    found = re.search(r"\b\d{6}\b", text)
    return found.group() if found else None


def _features(text: str) -> Counter[str]:
    """The words of a text and their three-letter pieces; all order numbers look the same."""
    words = re.findall(r"[^\W\d_]+|\d{6}", text.lower())
    words = ["<order>" if word.isdigit() else word for word in words]
    padded = [f" {word} " for word in words]
    return Counter(words + [w[i : i + 3] for w in padded for i in range(len(w) - 2)])


def _cosine(a: Vector, b: Vector) -> float:
    """How alike two vectors of length 1 are."""
    return sum(weight * b.get(feature, 0.0) for feature, weight in a.items())

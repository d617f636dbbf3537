"""What a message is about, by two small models on this machine that check each other.

MiniLM makes vectors of sentences: the labelled messages most like a message say what it is about.
Where they lead clearly, that is it. Where they do not, SmolLM2 is shown the nearest of them and asked
for one word, and its word counts only if it is the same (`judge`). If it is not, or if there are no
models here, the rules of `intents.py` decide where they are sure, and else a person.

SmolLM2 has 135 million parameters. It follows a pattern, not an instruction: so it is given plain
text that it goes on with, and a grammar of the few words that may come (`bare_label`).
"""

import os

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from examples.support.intents import Guess, classifier, load
from podium import Verdict
from podium.models import ModelUnknown, Nearest, Request
from podium.models.local import bare_label

SMALL = "local:smollm2"
WORDS = {
    "order_status": "delivery",
    "order_change": "change",
    "return_refund": "return",
    "product_question": "product",
    "complaint": "damage",
    "account": "account",
    "payment": "payment",
    "shop_info": "shop",
}
"""What the intents are called for the model: plain words, which it knows, tell it more."""
LIKE_FROM = 0.3
"""A message that is less like the labelled ones than this is not clear."""
CLEAR_FROM = 0.05
"""By so much the first intent leads the second where it is clear. (Both numbers were chosen on
`examples.jsonl`, each message judged by the others.)"""
_INTENTS = {word: intent for intent, word in WORDS.items()}
_WEIGHTS = Path(__file__).parents[2] / ".weights"


@dataclass(frozen=True)
class Likely:
    """What the nearest labelled messages say.

    Without models it is empty. Where the messages are not clear, it has the request to the language
    model.
    """

    intent: str | None = None
    likeness: float = 0.0
    lead: float = 0.0
    request: Request | None = None

    @property
    def is_clear(self) -> bool:
        """Whether the nearest messages say by themselves what it is about."""
        return self.likeness >= LIKE_FROM and self.lead >= CLEAR_FROM


@dataclass(frozen=True)
class Reading:
    """What a message is taken to be about: who says so, and why not the models, if they do not.

    If nobody is sure, a person is asked.
    """

    intent: str
    decided_by: str
    is_sure: bool = True
    reason: str = ""


@cache
def nearest() -> Nearest:
    """The labelled messages as vectors."""
    if _WEIGHTS.is_dir():  # those that `make` has fetched for this checkout
        os.environ.setdefault("PODIUM_MODELS", str(_WEIGHTS))
    labelled = [(message.text, message.intent) for message in load("examples.jsonl")]
    return Nearest(labelled, shown=6)


def likely(text: str) -> Likely:
    """Ask the nearest messages; where they are not clear, prepare the question to the model."""
    try:
        found = nearest().guess(text)
    except ModelUnknown:  # no weights, no numpy
        return Likely()
    near = Likely(found.label, found.likeness, found.lead)
    if not near.is_clear:
        examples = [(said, WORDS[intent]) for said, intent in found.alike]
        words = sorted({word for _, word in examples} | {WORDS[found.label]})
        near = replace(near, request=bare_label(text, examples, words, answers="About"))
    return near


def intent_of(word: str) -> str:
    """The intent that the model's word stands for."""
    return _INTENTS[word]


def judge(near: Likely, word: str | None) -> Verdict:
    """The verifier: an intent is taken if the nearest messages are clear, or if both models agree."""
    if near.intent is None:
        return Verdict(ok=False, reason="the local models are not here")
    if near.is_clear:
        return Verdict(ok=True, reason="the nearest messages are clear")
    if not word:
        return Verdict(ok=False, reason="the language model did not answer")
    if intent_of(word) == near.intent:
        return Verdict(ok=True, reason="both models say the same")
    return Verdict(
        ok=False, reason=f"the nearest messages say {near.intent}, the model {intent_of(word)}"
    )


def decide(guess: Guess, near: Likely, verdict: Verdict) -> Reading:
    """Take the models' intent if the verifier does, else that of the rules."""
    if verdict.ok and near.intent is not None:
        return Reading(near.intent, "models")
    return Reading(guess.intent, "rules", guess.sure, verdict.reason)


def settle(text: str, near: Likely, word: str | None) -> Reading:
    """Say what a message is about, after all that the models have said."""
    return decide(classifier().guess(text), near, judge(near, word))

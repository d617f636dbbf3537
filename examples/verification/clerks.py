"""Models that answer and judge offline, with the mistakes that models make.

With a key set `ANSWER_MODEL` and `JUDGE_MODEL` to others, such as `openai:gpt-5-mini`.
"""

import random
import re

from typing import Any

from podium.models import function_model
from podium.models.messages import Reply, Request, Usage, assistant

_SOURCE = re.compile(r'<source name="([^"]+)">\n(.+?)\n</source>', re.DOTALL)
_PRICE_USD = 0.0004


def _words(text: str) -> set[str]:
    return {word.rstrip("s") for word in re.findall(r"[a-z]{4,}", text.lower())}


def _reply(value: Any, model: str) -> Reply:
    text = value if isinstance(value, str) else str(value)
    return Reply(assistant(text), model, Usage(400, 60), _PRICE_USD)


@function_model("clerk")
def answer(request: Request) -> Any:
    """Answer from memory first, which is nearly right; and from the sources once told so."""
    text = request.messages[-1].text
    question = text.partition("\n")[0]
    sources = dict(_SOURCE.findall(text))
    wanted = _words(question)
    sentences = [
        (len(wanted & _words(sentence)), name, sentence)
        for name, body in sources.items()
        for sentence in re.split(r"(?<=[.!?])\s+", body)
    ]
    if not sentences:
        return {"text": "I do not know.", "claims": []}
    _, name, sentence = max(sentences, key=lambda one: one[0])
    if "was refused" not in text:  # the first try: a number that it remembers wrongly
        sentence = re.sub(r"three|two|14|30", "five", sentence, count=1)
    return {"text": sentence, "claims": [{"claim": sentence, "quote": sentence, "source": name}]}


@function_model("reader")
def judge(request: Request) -> Any:
    """Say whether an answer is about what was asked."""
    text = request.messages[-1].text
    goal = text.partition("<goal>")[2].partition("</goal>")[0]
    said = text.partition("<answer>")[2].partition("</answer>")[0]
    common = sorted(_words(goal) & _words(said))
    about = {"evidence": ", ".join(common) or "no word of the question", "ok": bool(common)}
    names = request.output.schema["properties"] if request.output else {}
    return dict.fromkeys(names, about)


@function_model("triage")
def triage(request: Request) -> Reply:
    """Tell the topic of a message, right in about 7 of 10 cases."""
    text = request.messages[-1].text
    chance = random.Random(text)
    right = "gift-cards" if "gift" in text.lower() else "returns"
    topic = right if chance.random() < 0.7 else chance.choice(["payment", "account", "lamps"])
    return _reply(topic, "function:triage")

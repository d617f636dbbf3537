"""A workflow that answers only with what it can quote, and one that counts votes for a topic."""

import os

from typing import Any, TypedDict

import podium

from examples.support.knowledge import knowledge_base
from examples.verification import clerks
from podium import Background, Brief, gates, task, workflow

WRITER = os.environ.get("ANSWER_MODEL", "function:clerk")
JUDGE = os.environ.get("JUDGE_MODEL", "function:reader")
TRIAGE = os.environ.get("TRIAGE_MODEL", "function:triage")
MODELS = clerks
"""They are registered by being imported."""


class Claim(TypedDict):
    """A claim with the words that it rests on."""

    claim: str
    quote: str
    source: str


class Answer(TypedDict):
    """An answer that can be looked up."""

    text: str
    claims: list[Claim]


@task(effect="read", name="shop_articles")
async def find_articles(question: str) -> dict[str, str]:
    """Find the sections of the help pages that a question is about."""
    return {f"{one.article}/{one.heading}": one.body for one in knowledge_base().search(question)}


@task(effect="read", name="shop_answer")
async def write_answer(question: str, sources: dict[str, str], feedback: str = "") -> Answer:
    """Write an answer; the model runs in the body of the task."""
    return await podium.Model(WRITER).value(prompt(question, sources, feedback), Answer)


def prompt(question: str, sources: dict[str, str], feedback: str) -> str:
    """Say what is asked, what is known, and what was refused."""
    known = "\n".join(
        f'<source name="{name}">\n{text}\n</source>' for name, text in sources.items()
    )
    return f"{question}\nAnswer from these sources, and quote them:\n{known}\n{feedback}"


@workflow(name="answered")
async def answered(question: str) -> dict[str, Any]:
    """Answer a question with quotes that are in the help pages; null where there is no such answer."""
    sources = await find_articles(question)

    async def write(brief: Brief) -> Answer:
        model = podium.Model(brief.model_or(WRITER))
        return await model.value(prompt(question, sources, brief.text), Answer)

    found = await podium.verification(
        write,
        gates=[
            gates.schema(Answer),
            gates.cel("size(answer.claims) > 0"),
            gates.citations(),
            gates.judge(JUDGE, "Does it answer the question?"),
        ],
        on_refusal=[podium.reflect(2), podium.ask_person("editor")],
        about=Background(goal=question, sources=sources),
    )
    return {
        "answer": found.value["text"] if found.ok else None,
        "rounds": [round_.verdict.line() for round_ in found.rounds],
        "cost": found.cost.line(),
    }


@workflow(name="sorted_by_vote")
async def sorted_by_vote(message: str) -> dict[str, Any]:
    """Tell the topic of a message by a vote of samples."""
    model = podium.Model(TRIAGE)

    async def ask(number: int) -> str:
        return await model.text(f"Which topic is this about? ({number})\n{message}")

    found = await podium.self_consistency("medium", ask, certain=0.95)
    return {"topic": found.value, "report": found.report.text()}

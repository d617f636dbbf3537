"""Citations: each claim carries a quote that is really in its source, and the verdict says which do not."""

import asyncio

from typing import Any

import pytest

from hypothesis import given
from hypothesis import strategies as st

import podium

from podium import Background, Verdict, gates

SOURCES = {
    "terms": "Refunds are paid within 14 days. The customer — not we — pays for the way back.",
    "faq": "“Can I return it?”  Yes, within\n30 days of delivery.",
}


def said(answer: Any, sources: Any = SOURCES) -> Verdict:
    return asyncio.run(podium.verify(answer, gates.citations(sources)))


def codes(verdict: Verdict) -> list[str]:
    return [one.code for one in verdict.findings]


def claim(quote: str, source: str = "terms", text: str = "so it is") -> dict[str, str]:
    return {"claim": text, "quote": quote, "source": source}


def test_quotes_that_are_there_pass_whatever_their_marks_are() -> None:
    """Case, spaces, dashes and quotation marks do not count; `…` stands for what was left out."""
    answer = {
        "text": "…",
        "claims": [
            claim("refunds are paid within 14 days."),
            claim("the customer - not we - pays"),
            claim('"can i return it?" yes, within 30 days', "faq"),
            claim("Refunds … pays for the way back"),
        ],
    }

    verdict = said(answer)

    assert verdict.ok, verdict.reason
    assert verdict.score == 1


def test_each_quote_that_is_not_there_is_named_with_how_far_it_goes() -> None:
    """A made-up end, a wrong source, a source that is not there, and no quote at all."""
    answer = [
        claim("Refunds are paid within 14 hours"),
        claim("within 30 days of delivery", "terms"),
        claim("Refunds", "term"),
        {"claim": "It is free."},
        claim("Refunds are paid"),
    ]

    verdict = said(answer)

    assert codes(verdict) == ["quote-not-found", "quote-not-found", "unknown-source", "no-citation"]
    assert [one.at for one in verdict.findings] == ["[0]", "[1]", "[2]", "[3]"]
    assert "up to 'refunds are paid within 14'" in verdict.findings[0].hint
    assert "Did you mean 'terms'?" in verdict.findings[2].hint
    assert verdict.score == pytest.approx(1 / 5)


def test_the_parts_of_a_quote_stand_in_their_order() -> None:
    """What was left out does not let one put a text together anew."""
    assert codes(said([claim("way back … Refunds")])) == ["quote-not-found"]
    assert codes(said([claim("…")])) == ["quote-not-found"]


def test_a_claim_may_have_several_quotes_and_all_must_be_there() -> None:
    """One that is found does not carry another."""
    quotes = [{"quote": "14 days", "source": "terms"}, {"quote": "31 days", "source": "faq"}]

    assert codes(said({"claims": [{"claim": "x", "quotes": quotes}]})) == ["quote-not-found"]
    assert said({"claims": [{"claim": "x", "quotes": quotes[:1]}]}).ok


def test_in_a_text_each_sentence_names_its_source() -> None:
    """What stands in quotes is looked for in the source that is named behind it."""
    good = 'You have "30 days of delivery" to return it [faq]. Money comes within 14 days. [terms]'
    bad = 'You have "60 days of delivery" to return it [faq]. It is free. Ask us [help].'

    assert said(good).ok, said(good).reason
    assert codes(said(bad)) == ["quote-not-found", "no-citation", "unknown-source"]


def test_sources_may_be_a_list_or_objects() -> None:
    """Texts of a list are numbered from 1; objects have an id and a text."""
    objects = [{"id": "a", "text": "one two"}, {"content": "three four"}]

    assert said([claim("three four", "2")], ["one two", "three four"]).ok
    assert said([claim("one", "a"), claim("four", "2")], objects).ok
    assert said([claim("one two", "")], ["x", "one two"]).ok


@pytest.mark.parametrize("answer", ["", {}, [], {"claims": []}, {"claims": "all"}, 7, None])
def test_an_answer_without_claims_is_refused(answer: Any) -> None:
    """Nothing that could be looked up is nothing that was verified."""
    assert codes(said(answer)) == ["no-claims"]


@pytest.mark.parametrize("sources", [{}, [], {"a": 7}, "text"])
def test_without_sources_the_gate_is_broken(sources: Any) -> None:
    """It has nothing to look into: that says nothing about the answer, and is no pass."""

    async def program() -> Verdict:
        gate = gates.citations(lambda _about: sources)
        return await gate([claim("x")], Background())

    verdict = asyncio.run(program())
    assert verdict.is_broken
    assert not verdict.ok


def test_sources_come_from_the_background_unless_given() -> None:
    """So one gate serves many questions."""
    about = Background(sources=SOURCES)

    assert asyncio.run(podium.verify([claim("14 days")], gates.citations(), about=about)).ok


WORDS = st.lists(
    st.sampled_from(["refund", "days", "paid", "–", "“of”", "the", "14", "Customer", "way"]),
    min_size=3,
    max_size=12,
)


@given(WORDS, st.data())
def test_every_part_of_a_source_is_found_and_a_word_of_its_own_never(
    words: list[str], data: st.DataObject
) -> None:
    """For any text: each of its runs of words is a quote of it, and with a foreign word it is none."""
    first = data.draw(st.integers(0, len(words) - 1))
    last = data.draw(st.integers(first + 1, len(words)))
    text = " ".join(words)
    quote = "  ".join(words[first:last]).upper()
    at = data.draw(st.integers(0, last - first))
    foreign = " ".join([*words[first : first + at], "zebra", *words[first + at : last]])

    verdict = said([claim(quote, "s"), claim(foreign, "s")], {"s": text})

    assert [one.at for one in verdict.findings] == ["[1]"]
    assert verdict.score == 0.5

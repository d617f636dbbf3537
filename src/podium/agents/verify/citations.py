"""``citations``: each claim carries a quote, and each quote is really in its source."""

from __future__ import annotations

import re
import unicodedata

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from podium.agents.verify.gate import Gate, Rank, json_of
from podium.agents.verify.verdict import Background, Finding, Verdict, broken, passed, refused
from podium.core.errors import InvalidOption
from podium.flow.expression.errors import near

Sources = Mapping[str, Any] | Sequence[Any]
_DASHES: Final = dict.fromkeys(map(ord, "‐‑‒–—―−"), "-")
_MARKS: Final = {
    **_DASHES, **dict.fromkeys(map(ord, "“”„‟«»\""), '"'), **dict.fromkeys(map(ord, "‘’‚‛`´"), "'"),
    ord("\u00ad"): None, ord("\u200b"): None, ord("\ufeff"): None,
}  # fmt: skip
_GAP: Final = re.compile(r"\s*(?:\[?(?:…|\.\.\.)\]?)\s*")
_CLAIMS: Final = ("claims", "citations")
_TEXTS: Final = ("text", "content", "snippet", "body")
_SENTENCE: Final = re.compile(r"[^.!?\n]+(?:[.!?](?=\S)[^.!?\n]*)*[.!?]*")
_MARK: Final = re.compile(r"\[([^\[\]\n]{1,80})\]")
_QUOTED: Final = re.compile(r"[\"“„«]([^\"“”„«»\n]+)[\"”“»]")
WORDS_MIN: Final = 3
"""Words that a quote in a plain text has at least; what is shorter is a word in quotes."""


class Claim(NamedTuple):
    """One claim of an answer.

    Attributes:
        at: Where it stands in the answer.
        text: What is claimed.
        quotes: What is quoted for it, each with the name of its source; empty: any source will do.
    """

    at: str
    text: str
    quotes: tuple[tuple[str, str], ...]


def citations(
    sources: Sources | Callable[[Background], Sources] | None = None, *, name: str = "citations"
) -> Gate:
    """Make a gate that lets an answer pass if every claim has a quote that is in its source.

    An answer is a list of claims, or has one under ``claims`` or ``citations``; a claim is
    ``{"claim": …, "quote": …, "source": …}`` or has ``quotes: [{"quote": …, "source": …}]``. In a plain
    text each sentence is a claim; ``[name]`` behind it is its source, and what stands in quotes is
    looked for there. Quotes match whatever their case, spaces, dashes and quotation marks are; ``…``
    stands for what was left out.

    Args:
        sources: Texts by name, or a list of texts (``1``, ``2`` …) or of ``{"id": …, "text": …}``; or
            a function of the background. Those of the background unless given.
        name: What the gate is called.
    """
    fixed = None if sources is None or callable(sources) else texts_of(sources)

    async def judge(value: Any, about: Background) -> Verdict:
        known = fixed
        if known is None:
            known = texts_of(sources(about)) if callable(sources) else dict(about.sources)
        return judged_by_sources(json_of(value), known)

    return Gate(name, Rank.FREE, judge)


def judged_by_sources(answer: Any, sources: Mapping[str, str]) -> Verdict:
    """Hold an answer made of JSON against the texts that it quotes."""
    if not sources:
        return broken("there are no sources to look into")
    claims = list(claims_of(answer))
    if not claims:
        text = "the answer makes no claim that could be looked up"
        return refused([Finding("no-claims", text)], score=0.0)
    whole = {name: normal(text) for name, text in sources.items()}
    wrong: list[Finding] = []
    sound = 0
    for claim in claims:
        found = list(_faults(claim, whole))
        wrong += found
        sound += not found
    score = sound / len(claims)
    if not wrong:
        return passed(f"{len(claims):,} claims are in their sources", score=1.0)
    return refused(wrong, score=score)


def _faults(claim: Claim, sources: Mapping[str, str]) -> Iterator[Finding]:
    """Give what is wrong with one claim."""
    if not claim.quotes:
        said = f"{claim.text[:120]!r} has no source."
        yield Finding("no-citation", said, claim.at, "Quote where it says so, or leave it out.")
    for quote, source in claim.quotes:
        if source and source not in sources:
            hint = (
                near(source, sources)
                or f"Sources are {', '.join(map(repr, sorted(sources)))[:200]}."
            )
            yield Finding("unknown-source", f"there is no source {source!r:.80}.", claim.at, hint)
        elif not quote:
            if not source:
                yield Finding("no-citation", f"{claim.text[:120]!r} quotes nothing.", claim.at)
        else:
            texts = [sources[source]] if source else list(sources.values())
            if not any(is_in(quote, text) for text in texts):
                yield _not_found(claim, quote, source, texts)


def _not_found(claim: Claim, quote: str, source: str, texts: Sequence[str]) -> Finding:
    begin = max((_common(normal(quote), text) for text in texts), key=len)
    where = f"the source {source!r}" if source else "any source"
    hint = f"It is there up to {begin!r:.120}." if begin else ""
    return Finding("quote-not-found", f"{quote[:200]!r} is not in {where}.", claim.at, hint)


def _common(quote: str, text: str) -> str:
    """Return as many words of a quote's beginning as are in a text."""
    words = quote.split(" ")
    least, most = 0, len(words)
    while least < most:  # what is there with n words is there with fewer
        middle = (least + most + 1) // 2
        if " ".join(words[:middle]) in text:
            least = middle
        else:
            most = middle - 1
    return " ".join(words[:least])


# texts ------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def normal(text: str) -> str:
    """Return a text without what does not count in a quote: case, spaces, kinds of marks."""
    folded = unicodedata.normalize("NFKC", text).translate(_MARKS).casefold()
    return " ".join(folded.split())


def is_in(quote: str, text: str) -> bool:
    """Tell whether a quote is in a normal text: its parts between ``…`` in their order."""
    begin = 0
    is_any = False
    for part in _GAP.split(quote):
        wanted = normal(part).strip(" ")
        if not wanted:
            continue
        found = text.find(wanted, begin)
        if found < 0:
            return False
        begin, is_any = found + len(wanted), True
    return is_any


def texts_of(sources: Sources) -> dict[str, str]:
    """Return texts by name.

    Raises:
        InvalidOption: There is something else among them.
    """
    bare = json_of(sources)
    if isinstance(bare, list):
        numbered = enumerate(bare, 1)
        bare = {
            str(one.get("id", number)) if isinstance(one, dict) else str(number): one
            for number, one in numbered
        }
    if not isinstance(bare, dict):
        raise InvalidOption(
            f"sources: {sources!r:.100}; expected texts by name, or a list of them."
        )
    found = {str(name): _text(one) for name, one in bare.items()}
    wrong = next((name for name, text in found.items() if text is None), None)
    if wrong is not None:
        raise InvalidOption(
            f"the source {wrong!r} is {bare[wrong]!r:.100}; expected a text, or an object with 'text'."
        )
    return {name: text for name, text in found.items() if text is not None}


def _text(given: Any) -> str | None:
    if isinstance(given, dict):
        given = next((given[name] for name in _TEXTS if name in given), None)
    return given if isinstance(given, str) else None


# claims -----------------------------------------------------------------------------------


def claims_of(answer: Any) -> Iterator[Claim]:
    """Give the claims of an answer made of JSON."""
    if isinstance(answer, str):
        yield from _sentences(answer)
        return
    at, claims = "", answer
    if isinstance(answer, dict):
        at = next((name for name in _CLAIMS if name in answer), "")
        claims = answer[at] if at else [answer] if "quote" in answer or "quotes" in answer else []
    if not isinstance(claims, list):
        return
    for index, one in enumerate(claims):
        yield _claim(one, f"{at}[{index}]")


def _claim(given: Any, at: str) -> Claim:
    if not isinstance(given, dict):
        return Claim(at, str(given), ())
    text = next((str(given[name]) for name in ("claim", "text") if name in given), "")
    many = given.get("quotes", [given] if "quote" in given else [])
    quotes = []
    for one in many if isinstance(many, list) else [many]:
        bare = one if isinstance(one, dict) else {"quote": one, "source": given.get("source", "")}
        quote, source = bare.get("quote"), bare.get("source", bare.get("id", ""))
        quotes.append(
            (quote if isinstance(quote, str) else "", "" if source is None else str(source))
        )
    return Claim(at, text or (quotes[0][0] if quotes else ""), tuple(quotes))


def _sentences(text: str) -> Iterator[Claim]:
    """Give the sentences of a text, each with the sources that stand behind it."""
    parts: list[tuple[str, list[str]]] = []
    for match in _SENTENCE.finditer(text):
        marks = _MARK.findall(match[0])
        words = _MARK.sub("", match[0]).strip(" .!?\n\t*-")
        if words:
            parts.append((words, marks))
        elif parts:  # `… ended. [1]`: the marks belong to the sentence before
            parts[-1][1].extend(marks)
    for index, (words, marks) in enumerate(parts):
        found = [one for one in _QUOTED.findall(words) if len(one.split()) >= WORDS_MIN]
        names = [name.strip() for mark in marks for name in mark.split(",")]
        quotes = [(quote, name) for quote in found for name in names[:1]]
        quotes += [("", name) for name in names[bool(found) :]]
        yield Claim(f"sentence {index + 1}", words, tuple(quotes))

"""A critic and an editor of English prose, with rules that anybody can read; no model.

The critic measures (Flesch's reading ease, the length of sentences) and finds what the rules name.
The editor repairs what the critic found, one kind at a time, and knows no more than these rules.
"""

import re

from dataclasses import dataclass

from podium import task

LONG_WORDS = 22
"""A sentence with more words than this is too long."""
PLAIN = {
    "at this point in time": "now",
    "due to the fact that": "because",
    "in order to": "to",
    "in the event that": "if",
    "a large number of": "a lot of",
    "with regard to": "about",
    "prior to": "before",
    "subsequent to": "after",
    "is able to": "can",
    "are able to": "can",
    "make use of": "use",
    "utilize": "use",
    "facilitate": "help",
    "commence": "begin",
    "terminate": "end",
    "approximately": "about",
    "additional": "more",
    "sufficient": "enough",
    "purchase": "buy",
}
"""Phrases that bureaus love, and what people say."""
EMPTY = ("basically", "actually", "very", "really", "quite", "it should be noted that")
"""Words that can go."""
_SPLITS = (r";\s+", r",\s+and\s+", r",\s+but\s+", r",\s+so\s+", r",\s+which\s+means\s+that\s+")
_JOINTS = ("", "", "But ", "So ", "That means that ")


@dataclass(frozen=True)
class Note:
    """What the critic finds: `wordy`, `empty` or `long`, and the words in question."""

    kind: str
    words: str


@dataclass(frozen=True)
class Critique:
    """What the critic says of a text; the higher the ease, the easier it reads (0 to 100 or so)."""

    ok: bool
    ease: float
    words: int
    sentences: int
    notes: list[Note]


@task(effect="pure")
def critique_text(text: str) -> Critique:
    """Measure a text, and find what could be plainer."""
    sentences, words = _sentences(text), _words(text)
    notes = [Note("wordy", phrase) for phrase in PLAIN if _finds(phrase, text)]
    notes += [Note("empty", word) for word in EMPTY if _finds(word, text)]
    notes += [Note("long", one) for one in sentences if len(_words(one)) > LONG_WORDS]
    return Critique(not notes, reading_ease(text), len(words), len(sentences), notes)


@task(effect="pure")
def revise_text(text: str, notes: list[Note]) -> str:
    """Repair the first kind of thing that the critic found."""
    kind = notes[0].kind if notes else ""
    for note in notes:
        if note.kind != kind:
            continue
        if kind == "long":
            text = text.replace(note.words, _split(note.words), 1)
        else:
            text = _replaced(text, note.words, PLAIN.get(note.words, ""))
    return text


def reading_ease(text: str) -> float:
    """Flesch's reading ease: 206.835 - 1.015 words a sentence - 84.6 syllables a word."""
    sentences, words = _sentences(text), _words(text)
    if not words:
        return 0.0
    syllables = sum(map(_syllables, words))
    ease = 206.835 - 1.015 * len(words) / len(sentences) - 84.6 * syllables / len(words)
    return round(ease, 1)


def _sentences(text: str) -> list[str]:
    return [one for one in re.split(r"(?<=[.!?])\s+", text.strip()) if _words(one)]


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)*", text)


def _syllables(word: str) -> int:
    """Groups of vowels, without a silent e: right for four words of five."""
    bare = re.sub(r"(?<=[^aeiouyl])e$", "", word.lower())
    return max(1, len(re.findall(r"[aeiouy]+", bare)))


def _finds(phrase: str, text: str) -> bool:
    return re.search(rf"\b{phrase}\b", text, re.IGNORECASE) is not None


def _replaced(text: str, phrase: str, plain: str) -> str:
    """Put plain words in the place of a phrase; where a sentence begins with it, it still does."""
    found = rf"\b{phrase}\b,?" if not plain else rf"\b{phrase}\b"
    text = re.sub(
        found,
        lambda m: plain.capitalize() if m[0][0].isupper() else plain,
        text,
        flags=re.IGNORECASE,
    )
    text = re.sub(r"[ \t]{2,}", " ", text).strip()
    return re.sub(r"(^|[.!?]\s+)([a-z])", lambda m: m[1] + m[2].upper(), text)


def _split(sentence: str) -> str:
    """Make two sentences of one, at the joint nearest to its middle; or leave it."""
    joints = [
        (abs(found.start() - len(sentence) // 2), found.span(), word)
        for pattern, word in zip(_SPLITS, _JOINTS, strict=True)
        for found in re.finditer(pattern, sentence)
    ]
    if not joints:
        return sentence
    _, (start, end), word = min(joints)
    rest = word + sentence[end:] if word else sentence[end].upper() + sentence[end + 1 :]
    return f"{sentence[:start]}. {rest}"

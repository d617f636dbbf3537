"""Reading a mapping word by word, and finding fault without stopping."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from podium.core.durations import seconds
from podium.core.errors import InvalidOption
from podium.flow.expression import Expression, ExpressionError, Template
from podium.flow.expression.errors import near
from podium.flow.findings import Finding
from podium.flow.places import child

MISSING: Final[Any] = object()
EMPTY: Final = Template.parse(None)
_NULL: Final = Expression.parse("null")


class Reading:
    """Collects what is found while a document is read."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def fault(self, code: str, at: str, message: str, hint: str = "", *, column: int = 0) -> None:
        """Take note of an error; ``column`` counts within the text that stands there, from 1."""
        self.findings.append(Finding(code, at, message, hint, column=column))

    def mapping(self, data: Any, at: str, what: str) -> dict[str, Any]:
        """Return a mapping; what is none is an empty one, and found fault with."""
        if not isinstance(data, dict):
            self.fault("wrong-type", at, f"expected a mapping with {what}; got {data!r:.80}.")
            return {}
        return data

    def template(self, data: Any, at: str) -> Template:
        """Read a value with expressions in it."""
        try:
            return Template.parse(data, at=at)
        except ExpressionError as error:
            self._expression_fault(error, at)
            return EMPTY

    def expression(self, data: Any, at: str) -> Expression:
        """Read a bare expression: a text, or true or false."""
        if isinstance(data, bool):
            data = "true" if data else "false"
        if not isinstance(data, str):
            hint = "Write it as a text, such as \"intent.kind == 'refund'\"."
            self.fault("wrong-type", at, f"expected an expression; got {data!r:.80}.", hint)
            return _NULL
        text = data.strip()
        if text.startswith("${") and text.endswith("}"):
            hint = f"Write {text[2:-1].strip()!r}."
            self.fault("not-bare", at, "an expression stands here without '${' and '}'.", hint)
            return _NULL
        try:
            return Expression.parse(text, at=at)
        except ExpressionError as error:
            self._expression_fault(error, at)
            return _NULL

    def _expression_fault(self, error: ExpressionError, at: str) -> None:
        place = error.at or at
        self.fault(error.code, place, f"{error.message}.", error.hint, column=error.column)


class Words:
    """The words of one mapping, each taken once.

    Attributes:
        at: Where the mapping stands.
    """

    def __init__(self, reading: Reading, data: Mapping[str, Any], at: str) -> None:
        self.reading = reading
        self.at = at
        self._data = data

    def __contains__(self, word: str) -> bool:
        return word in self._data

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def at_word(self, word: str) -> str:
        """Return where the word's value stands."""
        return child(self.at, word)

    def take(self, word: str, default: Any = MISSING) -> Any:
        """Return what stands at a word, as it is."""
        return self._data.get(word, default)

    def text(self, word: str, default: str = "") -> str:
        """Return a text."""
        value = self._data.get(word, default)
        if isinstance(value, str):
            return value
        self._wrong(word, "a text")
        return default

    def flag(self, word: str) -> bool:
        """Return true or false; false where the word is not there."""
        value = self._data.get(word, False)
        if isinstance(value, bool):
            return value
        self._wrong(word, "true or false")
        return False

    def whole(self, word: str, default: int, *, least: int = 1, most: int = 1_000_000) -> int:
        """Return a whole number within bounds."""
        value = self._data.get(word, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self._wrong(word, f"a whole number from {least:,} to {most:,}")
            return default
        return value

    def share(self, word: str, default: float, *, least: float, most: float) -> float:
        """Return a number within bounds."""
        value = self._data.get(word, default)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not least <= value <= most:
            self._wrong(word, f"a number from {least:g} to {most:g}")
            return default
        return float(value)

    def duration_s(self, word: str) -> float | None:
        """Return a duration in seconds; None where the word is not there."""
        if word not in self._data:
            return None
        try:
            return seconds(self._data[word], what=word)
        except InvalidOption as problem:
            self.reading.fault("bad-duration", self.at_word(word), str(problem))
            return None

    def texts(self, word: str) -> tuple[str, ...]:
        """Return a text or a list of texts."""
        value = self._data.get(word, [])
        many = [value] if isinstance(value, str) else value
        if not isinstance(many, list) or not all(isinstance(one, str) for one in many):
            self._wrong(word, "a text or a list of texts")
            return ()
        return tuple(many)

    def wholes(self, word: str) -> tuple[int, ...]:
        """Return a whole number or a list of them."""
        value = self._data.get(word, [])
        many = [value] if isinstance(value, int) else value
        if not isinstance(many, list) or not all(
            isinstance(one, int) and not isinstance(one, bool) for one in many
        ):
            self._wrong(word, "a whole number or a list of them")
            return ()
        return tuple(many)

    def template(self, word: str, default: Any = None) -> Template:
        """Return a value with expressions in it."""
        return self.reading.template(self._data.get(word, default), self.at_word(word))

    def optional_template(self, word: str) -> Template | None:
        """Return a value with expressions in it; None where the word is not there."""
        return self.template(word) if word in self._data else None

    def arguments(self, word: str) -> Template:
        """Return a mapping with expressions in its values."""
        data = self.reading.mapping(self._data.get(word, {}), self.at_word(word), "arguments")
        return self.reading.template(data, self.at_word(word))

    def expression(self, word: str) -> Expression:
        """Return a bare expression."""
        return self.reading.expression(self._data.get(word), self.at_word(word))

    def require(self, word: str, why: str) -> None:
        """Find fault where a word is missing."""
        if word not in self._data:
            self.reading.fault("missing-word", self.at, f"{word!r} is missing: {why}.")

    def refuse_others(self, known: Iterable[str], what: str) -> None:
        """Find fault with every word that means nothing here."""
        allowed = set(known)
        for word in self._data:
            if word not in allowed:
                hint = near(word, allowed) or f"Here stand {', '.join(sorted(allowed))}."
                self.reading.fault(
                    "unknown-word", self.at_word(word), f"{word!r} means nothing in {what}.", hint
                )

    def _wrong(self, word: str, expected: str) -> None:
        got = self._data[word]
        self.reading.fault(
            "wrong-type", self.at_word(word), f"{word!r}: expected {expected}; got {got!r:.80}."
        )

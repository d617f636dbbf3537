"""What can be wrong with an expression: one error when it runs or is read, a list when it is checked."""

from __future__ import annotations

import difflib

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, Self

from podium.core.errors import PodiumError


class ExpressionError(PodiumError):
    """An expression cannot be read, or cannot be evaluated with these values.

    Attributes:
        code: A word that does not change, such as ``no-such-field`` (docs/expressions.md lists them).
        message: What is wrong, with the value.
        column: Where in the text, counted from 1; 0 when it is about the whole.
        hint: What to write instead, or an empty text.
        at: Where the text stands in its document, if that is known.
    """

    code: str = "expression"  # type: ignore[misc]  # its own for each rule, so of the instance

    def __init__(
        self, code: str, message: str, column: int = 0, hint: str = "", at: str | None = None
    ) -> None:
        super().__init__(code, message, column, hint, at)
        self.code = code
        self.message = message
        self.column = column
        self.hint = hint
        self.at = at

    def located(self, column: int) -> Self:
        """Say where it happened, unless that is known more exactly."""
        self.column = self.column or column
        return self

    def __str__(self) -> str:
        return _line(self.at, self.column, self.message, self.hint)


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding of a check.

    Attributes:
        code: A word that does not change, such as ``unknown-field``.
        message: What is wrong.
        column: Where in the text, counted from 1.
        hint: What to write instead, or an empty text.
        severity: ``error``: it fails or is pointless for every value that the schemas allow;
            ``warning``: it fails for some.
        at: Where the text stands in its document, if that is known.
    """

    code: str
    message: str
    column: int
    hint: str = ""
    severity: Literal["error", "warning"] = "error"
    at: str | None = None

    def placed(self, at: str | None) -> Problem:
        """Return the same finding with its place in the document."""
        return replace(self, at=at)

    def __str__(self) -> str:
        return _line(self.at, self.column, self.message, self.hint)


def _line(at: str | None, column: int, message: str, hint: str) -> str:
    place = ", ".join([*([at] if at else []), *([f"column {column}"] if column else [])])
    text = f"{place}: {message}" if place else message
    return f"{text}. {hint}" if hint else text


def near(wanted: str, names: Iterable[str]) -> str:
    """Return the hint ``Did you mean …?``, or nothing when no name is near."""
    found = difflib.get_close_matches(wanted, sorted(names), n=1, cutoff=0.6)
    return f"Did you mean {found[0]!r}?" if found else ""

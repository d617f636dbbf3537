"""What the check has found so far, put into the order of the document at its end."""

from __future__ import annotations

import difflib

from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple

from podium.flow.expression import Expression, Problem, Reference, Template
from podium.flow.findings import Finding, Severity

Code = Literal[
    "constant-condition",
    "cycle",
    "effect-ignored",
    "effect-lowered",
    "join-needs-mark",
    "may-be-skipped",
    "may-have-no-output",
    "may-have-no-value",
    "may-not-fit",
    "misfit",
    "missing-argument",
    "never-ends",
    "no-timeout",
    "not-for-effects",
    "nothing-to-undo",
    "only-for-calls",
    "retry-once",
    "shadowed-name",
    "two-under-one-key",
    "undeclared-effect",
    "unknown-argument",
    "unknown-env",
    "unknown-name",
    "unknown-task",
    "unknown-workflow",
    "unreachable",
    "unsafe-cancel",
    "unused",
]
"""What is found here; an expression's own findings have codes of their own (docs/expressions.md)."""
_NAMES_COMPARED_MAX: Final = 40_000
"""So many names are compared for suggestions; a document with thousands of faults gets no more."""


class Notes:
    """Findings, each with the place of what it is about in the document.

    Attributes:
        has_unknown_names: Whether something refers to what is not there.
    """

    def __init__(self) -> None:
        self._found: list[tuple[int, Finding]] = []
        self._left = _NAMES_COMPARED_MAX
        self.has_unknown_names: bool = False

    def error(
        self, position: int, code: Code, at: str, message: str, hint: str = "", *, column: int = 0
    ) -> None:
        """Take note of what must not run."""
        self._add(position, Finding(code, at, message, hint, "error", column=column))

    def warn(
        self, position: int, code: Code, at: str, message: str, hint: str = "", *, column: int = 0
    ) -> None:
        """Take note of what may run, and is hardly meant."""
        self._add(position, Finding(code, at, message, hint, "warning", column=column))

    def problem(self, position: int, problem: Problem, at: str) -> None:
        """Take note of what is wrong within an expression."""
        severity: Severity = problem.severity
        message = f"{problem.message}."
        place = problem.at or at
        self._add(
            position,
            Finding(problem.code, place, message, problem.hint, severity, column=problem.column),
        )

    def near(self, wanted: str, names: Iterable[str]) -> str:
        """Return the hint ``Did you mean …?``, or nothing."""
        if self._left <= 0:
            return ""
        listed = sorted(set(names))
        self._left -= len(listed)
        found = difflib.get_close_matches(wanted, listed, n=1, cutoff=0.6)
        return f"Did you mean {found[0]!r}?" if found else ""

    def placed(self) -> list[tuple[int, Finding]]:
        """Return all findings, each with its place in the order of the document."""
        return self._found

    def _add(self, position: int, finding: Finding) -> None:
        self.has_unknown_names |= finding.code == "unknown-name"
        self._found.append((position, finding))


class Mention(NamedTuple):
    """A reference where it stands.

    Attributes:
        at: The path of the text it stands in.
        column: Where in that text, from 1.
    """

    reference: Reference
    at: str
    column: int

    @property
    def is_plain(self) -> bool:
        """Whether it needs a value."""
        return not (self.reference.is_optional or self.reference.is_outcome)


def mentions_in(value: Template | Expression, at: str) -> Iterator[Mention]:
    """Give every reference of what stands at a place, in the order of the text."""
    for each in [value] if isinstance(value, Expression) else value.expressions():
        for one in sorted(each.references, key=_column):
            yield Mention(one, each.at or at, one.column + each.column - 1)


def _column(reference: Reference) -> tuple[int, str]:
    return reference.column, reference.root

"""What is wrong with a document: all of it at once, as data and as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from podium.core.errors import UsageError

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        code: A word that does not change, such as ``unknown-name``.
        path: Where in the document: ``$.nodes.order.args``.
        message: What is wrong, with the value.
        hint: What to do, or an empty text.
        severity: ``error``: it must not run so; ``warning``: it may.
        line: Line in the text, from 1; 0 where there is no text.
        column: Column in the line, from 1; 0 where there is no text.
    """

    code: str
    path: str
    message: str
    hint: str = ""
    severity: Severity = "error"
    line: int = 0
    column: int = 0

    @property
    def is_error(self) -> bool:
        """Whether the document must not run."""
        return self.severity == "error"

    def placed(self, line: int, column: int) -> Finding:
        """Return the same finding with its place in the text."""
        return replace(self, line=line, column=column)

    def within(self, at: str, file: str) -> Finding:
        """Return it as a finding of the document that takes in the one it was found in.

        Args:
            at: Where that is taken in: ``$.nodes.ship.flow``.
            file: Its path, which leads to a text of its own; empty where it stands in place.
        """
        if not file:
            return replace(self, path=self.path.replace("$", at, 1))
        message = f"in {file}: {self.path}: {self.message}"
        return replace(self, path=at, message=message, line=0, column=0)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {name: getattr(self, name) for name in self.__slots__}

    def __str__(self) -> str:
        place = f"{self.line}:{self.column}: " if self.line else ""
        text = f"{place}{self.severity}[{self.code}] {self.path}: {self.message}"
        return f"{text} {self.hint}" if self.hint else text


class FlowInvalid(UsageError):
    """A document must not run; ``findings`` has every reason.

    Attributes:
        name: The flow, or its file.
        findings: All that was found, warnings too, in the order of the document.
    """

    code = "flow-invalid"

    def __init__(self, name: str, findings: Sequence[Finding]) -> None:
        errors = [each for each in findings if each.is_error]
        shown = "\n".join(f"  {each}" for each in errors[:20])
        more = f"\n  … and {len(errors) - 20} more" if len(errors) > 20 else ""
        count = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
        super().__init__(f"{name} has {count}:\n{shown}{more}")
        self.name = name
        self.findings = tuple(findings)

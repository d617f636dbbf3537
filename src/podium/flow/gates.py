"""What a node's value must pass, and what happens to one that does not, as a document says it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from podium.flow.expression import Expression, Template

WORKFLOW: Final = "podium.verify"
"""The workflow that asks the gates which the interpreter does not ask itself."""
ROLE: Final = "verify"
"""What the roles of what gates evaluate begin with."""


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate.

    Attributes:
        kind: Its word: ``cel``, ``schema``, ``call``, ``judge`` …
        at: Where it stands.
        name: What verdicts call it.
        if_broken: What its own failure means: ``refuse`` or ``pass``.
        condition: Of ``cel``.
        schema: Of ``schema``: a JSON Schema.
        given: What a program is given: its arguments, a rubric, sources; with expressions in it.
        gates: Those that it is made of.
        options: Words about how it is asked, as they stand there.
    """

    kind: str
    at: str
    name: str
    if_broken: str = "refuse"
    condition: Expression | None = None
    schema: Mapping[str, Any] | None = None
    given: Template | None = None
    gates: tuple[Gate, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_own(self) -> bool:
        """Whether the interpreter asks it itself."""
        return self.kind in ("cel", "schema")

    @property
    def task(self) -> str:
        """The task that it calls; empty where it calls none."""
        return str(self.options.get("task", ""))

    def walk(self) -> Iterator[Gate]:
        """Give it, and those that it is made of."""
        yield self
        for one in self.gates:
            yield from one.walk()


@dataclass(frozen=True, slots=True)
class OnRefusal:
    """What happens to a value that was refused.

    Attributes:
        kind: ``reflect``, ``other_model`` or ``ask``.
        at: Where it stands.
        argument: The argument that is told: what was refused and why, or the model; empty: none is.
        rounds: How often.
        models: Those of ``other_model``.
        to: Who is asked.
        timeout_s: How long is waited for an answer; None: for ever.
    """

    kind: str
    at: str
    argument: str = ""
    rounds: int = 1
    models: tuple[str, ...] = ()
    to: str = "anyone"
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class Verify:
    """All that a node says about verifying its value.

    Attributes:
        gates: What the value must pass.
        about: What gates know besides; None where nothing is said.
        on_refusal: What is tried, in order.
    """

    gates: tuple[Gate, ...]
    about: Template | None = None
    on_refusal: tuple[OnRefusal, ...] = ()

    def walk(self) -> Iterator[Gate]:
        """Give all gates, those within others included."""
        for one in self.gates:
            yield from one.walk()

    def reads(self) -> Iterator[tuple[str, str, Template | Expression]]:
        """Give what is evaluated once the value is there: role, place, and the expressions."""
        if self.about is not None:
            yield f"{ROLE} about", "", self.about
        for gate in self.walk():
            source = gate.condition if gate.condition is not None else gate.given
            if source is not None:
                yield role_of(gate), gate.at, source

    @property
    def needs_program(self) -> bool:
        """Whether a gate is asked by the workflow ``podium.verify``."""
        return not all(one.is_own for one in self.gates)


def role_of(gate: Gate) -> str:
    """Return the role of what a gate evaluates."""
    return f"{ROLE} {gate.at}"

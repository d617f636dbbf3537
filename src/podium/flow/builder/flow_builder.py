"""A flow written in Python: the head of the document, and the document itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, Generic, TypeVar, cast, overload

from podium.core.budgets import Budget
from podium.core.errors import InvalidOption, UsageError
from podium.flow.builder import terms
from podium.flow.builder.body import Body, Finished
from podium.flow.builder.options import budget_words
from podium.flow.builder.references import Reference
from podium.flow.builder.scopes import Scope
from podium.flow.builder.types import fields_of
from podium.flow.flow import Flow
from podium.flow.model import LANGUAGE

I = TypeVar("I")  # noqa: E741 - input
R = TypeVar("R")


class FlowBuilder(Body, Generic[I]):
    """Writes a flow document; its nodes are added by the methods of :class:`Body`.

    Args:
        name: What the flow's runs are called.
        input: A dataclass, TypedDict, struct or pydantic model: the fields of the input.
        env: Variables of the environment, and what they are where they are not set.
        uses: Modules that register its tasks.
        description: What it is for.
        budget: How much a run of it may spend, its children included.
    """

    @overload
    def __init__(
        self: FlowBuilder[None],
        name: str,
        *,
        env: Mapping[str, str | None] = ...,
        uses: Sequence[str] = ...,
        description: str = ...,
        budget: Budget = ...,
    ) -> None: ...
    @overload
    def __init__(
        self,
        name: str,
        *,
        input: type[I],
        env: Mapping[str, str | None] = ...,
        uses: Sequence[str] = ...,
        description: str = ...,
        budget: Budget = ...,
    ) -> None: ...
    def __init__(
        self, name: str, *, input: Any = None, env: Mapping[str, str | None] | None = None,
        uses: Sequence[str] = (), description: str = "", budget: Budget | None = None,
    ) -> None:  # fmt: skip
        super().__init__(Scope(name))
        self.name: str = name
        self._head: dict[str, Any] = {}
        self._env = dict(env or {})
        if description:
            self._head["description"] = description
        if uses:
            self._head["uses"] = [*uses]
        if input is not None:
            self._head["input"] = fields_of(input)
        if self._env:
            self._head["env"] = self._env
        if budget is not None:
            self._head["budget"] = budget_words(budget)
        self._output: dict[str, Any] = {}

    @property
    def input(self) -> I:
        """The input of the run."""
        return cast("I", Reference(terms.name_of(self._scope, "input")))

    def env(self, variable: str) -> str:
        """Return a variable of the environment.

        Raises:
            InvalidOption: The flow has no such variable.
        """
        if variable not in self._env:
            raise InvalidOption(
                f"The flow {self.name!r} has no variable {variable!r}; known: {[*self._env]}. "
                f"Write FlowBuilder(…, env={{{variable!r}: None}})."
            )
        found = terms.field_of(terms.name_of(self._scope, "env"), variable)
        return cast("str", Reference(found))

    def output(self, value: R) -> Finished[I, R]:
        """Say what the run gives, and return what stands for this flow in another one.

        Raises:
            UsageError: It was said already.
        """
        if self._output:
            raise UsageError(f"The flow {self.name!r} has an output already.")
        self._output = {"output": self._json(value, "output")}
        return Finished(self._content)

    def build(self) -> Flow:
        """Return the flow, checked; the modules that it uses are imported.

        Raises:
            FlowInvalid: The check finds errors.
        """
        uses = self._head.get("uses", ())
        flow = Flow.from_dict(self.to_dict(), name=self.name, allow=uses)
        flow.require()
        return flow

    def to_dict(self) -> dict[str, Any]:
        """Return the document as JSON, as a person would write it."""
        return {"podium": LANGUAGE, **self._content()}

    def _content(self) -> dict[str, Any]:
        document = {"name": self.name, **self._head, "nodes": self._scope.nodes, **self._output}
        return deepcopy(document)

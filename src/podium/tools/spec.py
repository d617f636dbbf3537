"""What a tool is: a task that is also described for a model."""

from __future__ import annotations

import inspect

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from podium.core.codec import Codec
from podium.core.effects import Effect
from podium.core.errors import InvalidOption
from podium.core.schema import parameters_schema, returns_schema
from podium.core.schema_binder import SchemaBinder
from podium.core.spec import TaskOptions, TaskSpec
from podium.core.validation import Validator
from podium.tools.binders import RunBinder, SchemaCodec
from podium.tools.descriptions import words_of
from podium.tools.from_run import headers_wanted
from podium.tools.names import ToolName, split


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCard:
    """What is said about a tool besides its signature.

    Attributes:
        tags: Words to find it by, and to group tools with.
        description: Given in place of the docstring.
        examples: Arguments of calls that make sense.
        outside: Whether what it gives may be the words of somebody who is not to be obeyed.
        irreversible: Whether what it does cannot be taken back; None: what its effect says.
        foreign: Whether its description and its schemas were written by somebody like that.
    """

    tags: tuple[str, ...] = ()
    description: str | None = None
    examples: tuple[Mapping[str, Any], ...] = ()
    outside: bool = False
    irreversible: bool | None = None
    foreign: bool = False


class ToolSpec(TaskSpec):
    """A registered tool.

    Args:
        function: What it calls.
        name: With namespace and version.
        options: As of every task.
        card: What is said about it.
        schemas: Of its arguments and of its result, where the function takes one dict of arguments.

    Raises:
        InvalidOption: A schema is none.
    """

    is_tool = True

    def __init__(
        self, function: Callable[..., Any], name: ToolName, options: TaskOptions, card: ToolCard,
        schemas: tuple[dict[str, Any], dict[str, Any]] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(function, str(name), options)
        self.card = card
        if schemas is None:
            return
        self.schemas = schemas
        self.is_async = _is_async(function)
        self.module = getattr(function, "__module__", type(function).__module__)
        try:
            self.binder = SchemaBinder(schemas[0], self.name)
            self.returns = SchemaCodec(schemas[1], self.name) if schemas[1] else Codec()
        except ValueError as problem:
            raise InvalidOption(f"Tool {self.name!r}: a schema is none: {problem}") from None

    @property
    def parts(self) -> ToolName:
        """The parts of its name."""
        return split(self.name)

    @property
    def is_irreversible(self) -> bool:
        """Whether what a call does cannot be taken back: said so, or its effect is ``once``."""
        said = self.card.irreversible
        return self.effect is Effect.ONCE if said is None else said

    @cached_property
    def from_run(self) -> Mapping[str, str]:
        """The parameters that come from the run, with the attributes they are filled from."""
        return {} if self.schemas is not None else headers_wanted(self.fn)

    @cached_property
    def unseen(self) -> frozenset[str]:  # type: ignore[override]
        """The parameters that nobody who calls can give."""
        return frozenset(self.from_run)

    @cached_property
    def binder(self) -> Any:
        """Encodes and decodes the arguments."""
        if self.from_run:
            return RunBinder(self.fn, self.name, self.from_run)
        return super().binder

    @cached_property
    def description(self) -> str:
        """What it does; empty where nobody said so."""
        given = self.card.description
        if given is not None:
            return inspect.cleandoc(given)
        return "" if self.schemas is not None else words_of(self.fn).description

    @cached_property
    def input_schema(self) -> dict[str, Any]:
        """The JSON Schema of the arguments, with what is said about each. Read only."""
        schema = parameters_schema(self)
        if self.schemas is not None:
            return schema
        said = words_of(self.fn).parameters
        properties = {
            name: {**one, "description": said[name]} if said.get(name) else one
            for name, one in schema["properties"].items()
        }
        return {**schema, "properties": properties}

    @cached_property
    def validator(self) -> Validator:
        """Holds arguments against the schema."""
        return Validator(self.input_schema)

    @cached_property
    def output_schema(self) -> dict[str, Any]:
        """The JSON Schema of the result; empty where nothing is known. Read only."""
        return returns_schema(self)


def _is_async(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - whether calling the object gives a coroutine
    )

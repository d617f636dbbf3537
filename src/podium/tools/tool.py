"""``@tool``: a task that is also described for a model."""

from __future__ import annotations

import asyncio
import inspect

from collections.abc import Callable, Coroutine, Mapping, Sequence
from keyword import iskeyword
from typing import (
    Any,
    Concatenate,
    Final,
    ParamSpec,
    Protocol,
    Required,
    TypedDict,
    TypeVar,
    Unpack,
    cast,
    overload,
)

from podium.core.effects import Effect
from podium.core.errors import InvalidOption
from podium.core.limits import PAYLOAD_BYTES_MAX
from podium.core.spec import Registry, registry
from podium.core.transactions import AsyncTransaction, Transaction, Transactional
from podium.functions.calls import Call, Task
from podium.functions.options import CommonKeywords, TaskKeywords, task_options
from podium.functions.transactions import in_transaction
from podium.tools.names import tool_name
from podium.tools.spec import ToolCard, ToolSpec
from podium.tools.versions import register

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])

MEANING: Final[Mapping[str, str]] = {
    "pure": "computes from its arguments and nothing else; may be repeated and kept",
    "read": "looks at the world and changes nothing; may be repeated",
    "write": "changes the world, and may be repeated with the same podium.idempotency_key()",
    "once": "must not be repeated; where it is unknown whether it happened, a person is asked",
    "transaction": "writes a database of yours; its rows and the proof of it commit together",
}
"""What repeating a call would do, for each effect."""


class SafetyKeywords(TypedDict, total=False):
    """What the policy of tools needs to know of one.

    Attributes:
        outside: Whether what it gives may be words of somebody who is not to be obeyed: a page, a
            mail, the reply of a service.
        irreversible: Whether what it does cannot be taken back; each ``once`` is.
        foreign: Whether its description was written by somebody like that.
    """

    outside: bool
    irreversible: bool
    foreign: bool


class ToolKeywords(CommonKeywords, SafetyKeywords, total=False):
    """Options of :func:`podium.tool`: those of a task, of :class:`SafetyKeywords`, and

    Attributes:
        effect: ``pure``, ``read``, ``write``, ``once`` or ``transaction``; always said.
        namespace: What stands before the name: ``shop`` makes ``shop.order_status``.
        version: Makes ``order_status@2``; several versions stand side by side, and the plain name
            is the newest.
        tags: Words to find it by.
        description: What it does, in place of the docstring.
        examples: Arguments of calls that make sense.
    """

    effect: Required[str | Effect]
    namespace: str
    version: str | int
    tags: Sequence[str]
    description: str
    examples: Sequence[Mapping[str, Any]]


_OWN: Final[Sequence[str]] = (
    "namespace", "version", "tags", "description", "examples", "outside", "irreversible", "foreign",
)  # fmt: skip


class Tool(Task[P, R, F]):
    """A task that a model may choose; made by :func:`podium.tool` or :meth:`from_schema`.

    Attributes:
        spec: Its definition: description, schemas, name.
    """

    spec: ToolSpec  # type: ignore[mutable-override]  # set once, where it is made

    @staticmethod
    def from_schema(
        name: str, description: str, /, input_schema: Mapping[str, Any],
        output_schema: Mapping[str, Any] | None = None, *, call: Callable[[dict[str, Any]], Any],
        **options: Unpack[ToolKeywords],
    ) -> Tool[..., Any, Any]:  # fmt: skip
        """Make and register a tool whose arguments are described by a JSON Schema.

        Args:
            name: Of the tool.
            description: What it does.
            input_schema: Of an object with the arguments by name.
            output_schema: Of the result; None where nothing is known.
            call: Is given the arguments as one dict; sync or async.
            options: As of :func:`podium.tool`; ``effect`` must be said.

        Raises:
            InvalidOption: An option makes no sense, or a schema is none.
            NameTaken: Another module has a tool of that name.
        """
        if dict(input_schema).get("type", "object") != "object":
            raise InvalidOption(
                f"Tool {name!r}: the input schema is of type {input_schema['type']!r}; "
                "arguments have names, so it must be of an object."
            )
        schema = {"type": "object", "properties": {}, **input_schema}
        given: Any = {"description": description, **options, "name": name}
        target = _looks_like(call, name, schema)
        return _made(call, target, given, registry, (schema, dict(output_schema or {})))

    async def run_plain(self, call: Call[Any]) -> Any:
        """Just run it: outside a workflow, or in the body of a task."""
        spec = self.spec
        bound = spec.binder.bind(call.args, call.kwargs)
        if spec.is_async:
            value = await spec.binder.call(self.fn, bound)
        else:
            value = await asyncio.to_thread(spec.binder.call, self.fn, bound)
        if spec.schemas is not None:
            spec.returns.copy(value, f"the result of {self.name}", PAYLOAD_BYTES_MAX)
        return value

    def __repr__(self) -> str:
        return f"<tool {self.name} ({self.spec.effect})>"


class ToolDecorator(Protocol):
    """What ``tool(…)`` returns."""

    @overload
    def __call__(
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> Tool[P, R, Callable[P, Coroutine[Any, Any, R]]]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Tool[P, R, Callable[P, R]]: ...


class TransactionToolDecorator(Protocol):
    """What ``tool(…, database=…)`` returns: callers do not give the transaction."""

    @overload
    def __call__(
        self, function: Callable[Concatenate[AsyncTransaction, P], Coroutine[Any, Any, R]], /
    ) -> Tool[P, R, Callable[P, Coroutine[Any, Any, R]]]: ...
    @overload
    def __call__(
        self, function: Callable[Concatenate[Transaction, P], R], /
    ) -> Tool[P, R, Callable[P, R]]: ...


@overload
def tool(
    function: Callable[P, Coroutine[Any, Any, R]], /, **options: Unpack[ToolKeywords]
) -> Tool[P, R, Callable[P, Coroutine[Any, Any, R]]]: ...
@overload
def tool(
    function: Callable[P, R], /, **options: Unpack[ToolKeywords]
) -> Tool[P, R, Callable[P, R]]: ...
@overload
def tool(
    *, database: Transactional, **options: Unpack[ToolKeywords]
) -> TransactionToolDecorator: ...
@overload
def tool(**options: Unpack[ToolKeywords]) -> ToolDecorator: ...
def tool(function: Any = None, /, **options: Any) -> Any:
    """Make a function a tool: a task that is also described for a model.

    Its description and those of its parameters are taken from the docstring, its schemas from the
    type hints. In a workflow and outside it is called like every task; ``podium.dispatch`` calls
    it by name. See :class:`ToolKeywords` for the options.

    Raises:
        InvalidOption: An option makes no sense, or the effect is not said.
        NameTaken: Another module has a tool of that name.
    """

    def make(target: Callable[..., Any]) -> Tool[..., Any, Any]:
        if not callable(target) or not hasattr(target, "__name__"):
            raise InvalidOption(f"@tool decorates a function, not {target!r}.")
        if inspect.isasyncgenfunction(target) or inspect.isgeneratorfunction(target):
            raise InvalidOption(
                f"@tool {target.__name__}: a generator cannot be a tool; return a list."
            )
        given = dict(options)
        target = in_transaction(target, given)
        return _made(target, target, given, registry)

    return make if function is None else make(function)


def _made(
    function: Callable[..., Any], target: Callable[..., Any], given: dict[str, Any],
    table: Registry, schemas: tuple[dict[str, Any], dict[str, Any]] | None = None,
) -> Tool[..., Any, Any]:  # fmt: skip
    """Register a tool; ``target`` has the signature that callers see."""
    own = {option: given.pop(option) for option in _OWN if option in given}
    name = tool_name(
        given.pop("name", None) or target.__name__, own.get("namespace", ""), own.get("version")
    )
    if "effect" not in given:
        meanings = "".join(f"\n  {one.value!r:14}{MEANING[one]}" for one in Effect)
        raise InvalidOption(
            f"@tool {name}: effect= is missing; a tool that a model may choose says what repeating "
            f"a call would do:{meanings}"
        )
    options = task_options(target, cast("TaskKeywords", {**given, "name": str(name)}))
    for option in ("outside", "irreversible", "foreign"):
        if not isinstance(own.get(option, False), bool):
            raise InvalidOption(f"@tool {name}: {option}={own[option]!r}; expected True or False.")
    card = ToolCard(
        tags=_tags(str(name), own.get("tags", ())),
        description=own.get("description"),
        examples=tuple(dict(one) for one in own.get("examples", ())),
        outside=own.get("outside", False),
        irreversible=_irreversible(str(name), options.effect, own.get("irreversible")),
        foreign=own.get("foreign", False),
    )
    spec = ToolSpec(function, name, options, card, schemas)
    register(table, spec)
    return Tool(function, spec)


def _tags(name: str, tags: Sequence[str]) -> tuple[str, ...]:
    if isinstance(tags, str) or not all(isinstance(one, str) and one.strip() for one in tags):
        raise InvalidOption(f"@tool {name}: tags={tags!r}; expected a list of words.")
    return tuple(dict.fromkeys(tags))


def _irreversible(name: str, effect: Effect, said: bool | None) -> bool | None:
    if said is False and effect is Effect.ONCE:
        raise InvalidOption(
            f"@tool {name}: irreversible=False, and effect='once' says that it must not be repeated. "
            "If repeating it changes nothing, its effect is 'write' or 'read'; a policy with "
            f"trust=[{name!r}] lets it be called without approval."
        )
    return said


def _looks_like(
    call: Callable[..., Any], name: str, schema: Mapping[str, Any]
) -> Callable[..., Any]:
    """Return a stand-in with the name and the parameters that a schema describes."""
    if not callable(call):
        raise InvalidOption(f"Tool {name!r}: call={call!r}; expected a function of one dict.")

    def stand_in() -> Any: ...

    stand_in.__name__ = name
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter(one, keyword)
        for one in schema["properties"]
        if one.isidentifier() and not iskeyword(one)
    ]
    stand_in.__dict__["__signature__"] = inspect.Signature(parameters)
    return stand_in

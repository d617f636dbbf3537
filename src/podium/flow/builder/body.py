"""Bodies: where nodes are added, one method for each kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Literal, TypedDict, TypeVar, Unpack, cast, overload

from podium.core.durations import Duration
from podium.core.errors import InvalidOption, UsageError
from podium.flow.builder import terms
from podium.flow.builder.calls import Written, item_name, undoing, written
from podium.flow.builder.functions import NodeError
from podium.flow.builder.nodes import Said, filled, json_of, opened
from podium.flow.builder.options import (
    CallOptions,
    NodeOptions,
    condition,
    duration,
)
from podium.flow.builder.references import Reference, term_of
from podium.flow.builder.scopes import LOOP, Scope
from podium.flow.builder.types import fields_of, type_of
from podium.functions.calls import Call, Task, Workflow

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
R = TypeVar("R")
S = TypeVar("S")
T = TypeVar("T")
R_co = TypeVar("R_co", covariant=True)
I_contra = TypeVar("I_contra", contravariant=True)


class Part(TypedDict, Generic[R]):
    """What one item gave, under ``partial=True``."""

    status: Literal["ok", "failed", "skipped"]
    value: R | None
    error: NodeError | None


@dataclass(frozen=True, slots=True)
class Case(Generic[R_co]):
    """A case of a switch; made by :func:`case` and :func:`otherwise`."""

    when: Any
    body: Callable[[Body], R_co]


def case(when: bool, body: Callable[[Body], R]) -> Case[R]:
    """Return a case of a switch: its condition, and a function that adds its nodes and returns its output."""
    return Case(when, body)


def otherwise(body: Callable[[Body], R]) -> Case[R]:
    """Return the last case of a switch, taken where no condition holds."""
    return Case(None, body)


@dataclass(frozen=True, slots=True)
class FlowCall(Generic[R_co]):
    """A call of a flow that was written here: ``ship(Order("A1"))``."""

    content: dict[str, Any]
    args: Any


class Finished(Generic[I_contra, R_co]):
    """A flow whose output is known: called with its input, it can stand in a node of another flow."""

    def __init__(self, content: Callable[[], dict[str, Any]]) -> None:
        self._content = content

    @overload
    def __call__(self: Finished[None, R_co]) -> FlowCall[R_co]: ...
    @overload
    def __call__(self, input: I_contra) -> FlowCall[R_co]: ...
    def __call__(self, input: Any = None) -> FlowCall[R_co]:
        """Return a call of it."""
        return FlowCall(self._content(), {} if input is None else input)


class Body:
    """Takes nodes. Each method adds one, and returns what stands for its value."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @overload
    def call(self, id: str, call: Call[R], /, **options: Unpack[CallOptions]) -> R: ...
    @overload
    def call(
        self,
        id: str,
        call: str,
        args: Mapping[str, object] = ...,
        /,
        *,
        type: type[T],
        **options: Unpack[CallOptions],
    ) -> T: ...
    @overload
    def call(
        self,
        id: str,
        call: str,
        args: Mapping[str, object] = ...,
        /,
        **options: Unpack[CallOptions],
    ) -> Any: ...
    def call(
        self, id: str, call: Any, args: Any = None, /, *, type: Any = None,
        **options: Unpack[CallOptions],
    ) -> Any:  # fmt: skip
        """Call a task: ``call("order", order_status(intent.order_id))``, or one known by its name.

        Raises:
            InputInvalid: The arguments do not fit the task.
        """
        made = Written(call, _given(args)) if isinstance(call, str) else written(call, "call")
        return self._called("call", id, made, options)

    @overload
    def flow(
        self, id: str, flow: Call[R] | FlowCall[R], /, **options: Unpack[NodeOptions]
    ) -> R: ...
    @overload
    def flow(
        self,
        id: str,
        flow: str,
        args: Mapping[str, object] = ...,
        /,
        *,
        type: type[T],
        **options: Unpack[NodeOptions],
    ) -> T: ...
    @overload
    def flow(
        self,
        id: str,
        flow: str,
        args: Mapping[str, object] = ...,
        /,
        **options: Unpack[NodeOptions],
    ) -> Any: ...
    def flow(
        self, id: str, flow: Any, args: Any = None, /, *, type: Any = None,
        **options: Unpack[NodeOptions],
    ) -> Any:  # fmt: skip
        """Run a child: a workflow, a flow of this kind, a flow's file, or a workflow known by name.

        Raises:
            InputInvalid: The arguments do not fit the workflow.
        """
        if isinstance(flow, FlowCall):
            given = flow.args
            if isinstance(given, Reference):
                given = {name: given[name] for name in flow.content.get("input", {})}
            return self._called("flow", id, Written(flow.content, given), options)
        made = Written(flow, _given(args)) if isinstance(flow, str) else written(flow, "flow")
        return self._called("flow", id, made, options)

    @overload
    def agent(
        self, id: str, agent: str | Mapping[str, object] | Workflow[..., Any], /, *, goal: str,
        args: Mapping[str, object] = ..., trust: bool = ..., type: type[T],
        **options: Unpack[NodeOptions],
    ) -> T: ...  # fmt: skip
    @overload
    def agent(
        self, id: str, agent: Workflow[..., R], /, *, goal: str, args: Mapping[str, object] = ...,
        trust: bool = ..., **options: Unpack[NodeOptions],
    ) -> R: ...  # fmt: skip
    @overload
    def agent(
        self, id: str, agent: str | Mapping[str, object], /, *, goal: str,
        args: Mapping[str, object] = ..., trust: bool = ..., **options: Unpack[NodeOptions],
    ) -> Any: ...  # fmt: skip
    def agent(
        self, id: str, agent: Any, /, *, goal: str, args: Any = None, trust: bool = False,
        type: Any = None, **options: Unpack[NodeOptions],
    ) -> Any:  # fmt: skip
        """Let an agent work: one of Python, one known by its name, or one that stands in place."""
        with opened(self._scope, id, options) as node:
            node["agent"] = (
                agent.name if isinstance(agent, Workflow) else self._json(agent, "agent")
            )
            node["goal"] = self._json(goal, "goal")
            if args:
                node["args"] = self._json(args, "args")
            if trust:
                node["trust"] = True
        return self._value(id)

    @overload
    def plan(
        self, id: str, plan: Mapping[str, object], args: Mapping[str, object] = ..., /, *,
        type: type[T], **options: Unpack[NodeOptions],
    ) -> T: ...  # fmt: skip
    @overload
    def plan(
        self, id: str, plan: Mapping[str, object], args: Mapping[str, object] = ..., /,
        **options: Unpack[NodeOptions],
    ) -> Any: ...  # fmt: skip
    def plan(
        self, id: str, plan: Mapping[str, object], args: Any = None, /, *, type: Any = None,
        **options: Unpack[NodeOptions],
    ) -> Any:  # fmt: skip
        """Have a model write a flow for a goal, and run it: ``{"goal": …, "tools": …, "model": …}``."""
        return self._called("plan", id, Written(self._json(plan, "plan"), _given(args)), options)

    @overload
    def switch(self, id: str, one: Case[A], /, **options: Unpack[NodeOptions]) -> A: ...
    @overload
    def switch(
        self, id: str, one: Case[A], two: Case[B], /, **options: Unpack[NodeOptions]
    ) -> A | B: ...
    @overload
    def switch(
        self, id: str, one: Case[A], two: Case[B], three: Case[C], /, **options: Unpack[NodeOptions]
    ) -> A | B | C: ...
    @overload
    def switch(
        self,
        id: str,
        one: Case[A],
        two: Case[B],
        three: Case[C],
        four: Case[D],
        /,
        *more: Case[D],
        **options: Unpack[NodeOptions],
    ) -> A | B | C | D: ...
    def switch(self, id: str, /, *cases: Case[Any], **options: Unpack[NodeOptions]) -> Any:
        """Take the first case whose condition holds.

        Raises:
            UsageError: ``otherwise`` is not the last one.
        """
        with opened(self._scope, id, options) as node:
            node["switch"] = [
                self._case(id, each, is_last=number == len(cases))
                for number, each in enumerate(cases, start=1)
            ]
        return self._value(id)

    @overload
    def for_each(
        self,
        id: str,
        items: Sequence[T],
        body: Callable[[ItemBody, T], R],
        /,
        *,
        key: Callable[[T], str | int] | None = None,
        concurrency: int | None = None,
        partial: Literal[False] = False,
        **options: Unpack[NodeOptions],
    ) -> list[R]: ...
    @overload
    def for_each(
        self,
        id: str,
        items: Sequence[T],
        body: Callable[[ItemBody, T], R],
        /,
        *,
        key: Callable[[T], str | int] | None = None,
        concurrency: int | None = None,
        partial: Literal[True],
        **options: Unpack[NodeOptions],
    ) -> list[Part[R]]: ...
    def for_each(
        self, id: str, items: Any, body: Callable[..., Any], /, *,
        key: Callable[..., Any] | None = None, concurrency: int | None = None,
        partial: bool = False, **options: Unpack[NodeOptions],
    ) -> Any:  # fmt: skip
        """Do a body for each item of a list; its outputs are a list in the order of the items.

        Args:
            id: The node.
            items: The list.
            body: Is given a body and the item, adds nodes, and returns the output. The item is called
                in the document what this function calls it.
            key: Names the body of an item.
            concurrency: Bodies under way at once; 100 unless given.
            partial: Whether the failure of an item leaves the others alone.
        """
        with opened(self._scope, id, options) as node:
            node["for_each"] = self._json(items, "for_each")
            name = item_name(body)
            if name != "item":
                self._scope.check_id(name)
                node["as"] = name
            scope = Scope(id, self._scope, item=name, is_repeated=True)
            item = Reference(terms.name_of(scope, name))
            if key is not None:
                node["key"] = json_of(scope, key(item), "key")
            if concurrency is not None:
                node["concurrency"] = concurrency
            if partial:
                node["partial"] = True
            node.update(filled(scope, body(ItemBody(scope), item)))
        return self._value(id)

    @overload
    def repeat(
        self,
        id: str,
        body: Callable[[LoopBody[None]], R],
        /,
        *,
        max: int,
        every: Duration | None = None,
        **options: Unpack[NodeOptions],
    ) -> R: ...
    @overload
    def repeat(
        self,
        id: str,
        body: Callable[[LoopBody[S]], R],
        /,
        *,
        max: int,
        state: S,
        every: Duration | None = None,
        **options: Unpack[NodeOptions],
    ) -> R: ...
    def repeat(
        self, id: str, body: Callable[[LoopBody[Any]], Any], /, *, max: int, state: Any = None,
        every: Duration | None = None, **options: Unpack[NodeOptions],
    ) -> Any:  # fmt: skip
        """Repeat a body, ``while`` or ``until`` a condition that the body gives.

        Args:
            id: The node.
            body: Is given a body, adds nodes, says ``while_`` or ``until``, and returns the output.
            max: Passes at most.
            state: What ``body.state`` is in the first pass.
            every: The wait between two passes.

        Raises:
            UsageError: The body gave no condition.
        """
        with opened(self._scope, id, options) as node:
            scope = Scope(id, self._scope, is_repeated=True)
            said = Said()
            words = filled(scope, body(LoopBody(scope, said)))
            node.update(said.condition_of(id))
            node["max"] = max
            if every is not None:
                node["every"] = duration(every, "every")
            if state is not None:
                node["state"] = self._json(state, "state")
            node.update(words | said.next)
        return self._value(id)

    def wait(self, id: str, duration_: Duration, /, **options: Unpack[NodeOptions]) -> object:
        """Wait for a duration, such as ``"10m"``. Its value is null."""
        given: Any = duration_
        is_known = not isinstance(given, Reference)
        words = duration(duration_, "wait") if is_known else self._json(given, "wait")
        return self._simple(id, "wait", words, options)

    def wait_until(
        self, id: str, time: str | datetime, /, **options: Unpack[NodeOptions]
    ) -> object:
        """Wait for a time of the wall clock. Its value is null."""
        return self._simple(id, "wait", {"until": self._json(time, "until")}, options)

    @overload
    def wait_signal(
        self, id: str, signal: str, /, *, type: type[T], **options: Unpack[NodeOptions]
    ) -> T: ...
    @overload
    def wait_signal(self, id: str, signal: str, /, **options: Unpack[NodeOptions]) -> Any: ...
    def wait_signal(
        self, id: str, signal: str, /, *, type: Any = None, **options: Unpack[NodeOptions]
    ) -> Any:
        """Wait for the next signal of a name, whose value has to be of a type."""
        words = {"signal": signal} | ({} if type is None else {"type": _type(type)})
        return self._simple(id, "wait", words, options)

    @overload
    def ask(
        self,
        id: str,
        question: str,
        /,
        *,
        form: type[T],
        to: str | None = None,
        on_timeout: T = ...,
        **options: Unpack[NodeOptions],
    ) -> T: ...
    @overload
    def ask(
        self,
        id: str,
        question: str,
        /,
        *,
        to: str | None = None,
        on_timeout: object = ...,
        **options: Unpack[NodeOptions],
    ) -> Any: ...
    def ask(
        self, id: str, question: str, /, *, form: Any = None, to: str | None = None,
        on_timeout: Any = ..., **options: Unpack[NodeOptions],
    ) -> Any:  # fmt: skip
        """Ask a person; the answer has the fields of ``form``, and is ``on_timeout`` after ``timeout``."""
        with opened(self._scope, id, options) as node:
            node["ask"] = self._json(question, "ask")
            if form is not None:
                node["form"] = fields_of(form)
            if to is not None:
                node["to"] = _text(to, "to")
            if on_timeout is not ...:
                node["on_timeout"] = self._json(on_timeout, "on_timeout")
        return self._value(id)

    def set(self, id: str, value: T, /, **options: Unpack[NodeOptions]) -> T:
        """Compute a value; it is no step."""
        return cast("T", self._simple(id, "set", self._json(value, "set"), options))

    def fail(
        self, id: str, message: str, /, *, code: str | None = None, **options: Unpack[NodeOptions]
    ) -> object:
        """Fail with a message, and the code ``failed`` unless given."""
        text = self._json(message, "fail")
        words = text if code is None else {"message": text, "code": _text(code, "code")}
        return self._simple(id, "fail", words, options)

    def compensate(self, node: object, undo: Task[..., Any, Any] | Call[Any], /) -> None:
        """Undo a node with a task when the run fails or is cancelled.

        A task is given the arguments of the node, ``result`` and ``outcome``, as far as it has such
        parameters; a call the arguments that stand there, which may use the node's own value.

        Raises:
            UsageError: It is no node of this body, or is undone with something already.
        """
        term = term_of(node)
        words = self._scope.nodes.get(term.node)
        if words is None or term.uses[0].scope is not self._scope:
            raise UsageError(
                f"compensate({term.source}): expected the value of a node of this body."
            )
        if "compensate" in words:
            raise UsageError(f"{term.node!r} is undone with {words['compensate']!r} already.")
        words["compensate"] = undoing(undo, self._json)

    # inside -------------------------------------------------------------------------------

    def _simple(self, id: str, kind: str, words: Any, options: NodeOptions) -> Any:
        with opened(self._scope, id, options) as node:
            node[kind] = words
        return self._value(id)

    def _called(self, kind: str, id: str, made: Written, options: NodeOptions) -> Any:
        with opened(self._scope, id, options) as node:
            node[kind] = made.target
            args = self._json(made.args, "args")
            if args:
                node["args"] = args
            if made.compensate:
                node["compensate"] = made.compensate
        return self._value(id)

    def _case(self, id: str, given: Case[Any], *, is_last: bool) -> dict[str, Any]:
        if given.when is None and not is_last:
            raise UsageError(
                f"{id!r}: otherwise(…) is the last case; those behind it are never taken."
            )
        words: dict[str, Any] = (
            {"else": True}
            if given.when is None
            else {"when": condition(given.when, "case", self._scope)}
        )
        inner = Scope(id, self._scope)
        return words | filled(inner, given.body(Body(inner)))

    def _value(self, id: str) -> Any:
        return Reference(terms.name_of(self._scope, id))

    def _json(self, value: Any, what: str) -> Any:
        return json_of(self._scope, value, what)


class ItemBody(Body):
    """The body of a ``for_each``."""

    @property
    def index(self) -> int:
        """The number of the item, from 0."""
        return cast("int", _of_loop(self._scope, "index"))


class LoopBody(Body, Generic[S]):
    """The body of a ``repeat``."""

    def __init__(self, scope: Scope, said: Said) -> None:
        super().__init__(scope)
        self._said = said

    @property
    def state(self) -> S:
        """The state of the loop: ``state`` in the first pass, ``next`` of the pass before in others."""
        return cast("S", _of_loop(self._scope, "state"))

    @property
    def pass_(self) -> int:
        """The number of the pass, from 1."""
        return cast("int", _of_loop(self._scope, "pass"))

    def while_(self, holds: bool) -> None:
        """Repeat while a condition holds; it is asked before each pass, and sees no node of the body.

        Raises:
            UsageError: It uses a node of the body.
        """
        for use in term_of(holds).uses:
            if use.scope is self._scope and use.is_node:
                raise UsageError(
                    f"while_ is asked before each pass, when {use.name!r} has no value yet. Carry it "
                    "over with next(…) and use body.state, or say until(…)."
                )
        self._end("while", condition(holds, "while_", self._scope))

    def until(self, holds: bool) -> None:
        """Repeat until a condition holds; it is asked after each pass."""
        self._end("until", condition(holds, "until", self._scope))

    def next(self, state: S) -> None:
        """Say what the state is in the next pass."""
        self._said.next = {"next": self._json(state, "next")}

    def _end(self, word: str, source: str) -> None:
        if self._said.condition:
            known = self._said.condition
            raise UsageError(f"{self._scope.owner!r} has a condition already: {known}.")
        self._said.condition = {word: source}


def _of_loop(scope: Scope, field: str) -> Any:
    return Reference(terms.field_of(terms.name_of(scope, LOOP), field))


def _given(args: Any) -> Any:
    """Return the arguments of what is known by name.

    Raises:
        UsageError: They are no map.
    """
    if args is not None and not isinstance(args, Mapping):
        raise UsageError(f"The arguments are {args!r}; expected a map with their names.")
    return dict(args or {})


def _type(kind: Any) -> Any:
    try:
        fields = fields_of(kind)
    except InvalidOption:
        return type_of(kind)
    # A field of such a name would make the parser take the fields for a JSON Schema.
    return type_of(kind) if fields.keys() & {"type", "enum", "anyOf"} else fields


def _text(given: str, what: str) -> str:
    if not isinstance(given, str):
        raise InvalidOption(f"{what} is {given}; expected a plain text, without expressions.")
    return given

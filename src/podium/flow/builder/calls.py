"""Calls of tasks and workflows, as nodes have them."""

from __future__ import annotations

import inspect

from collections.abc import Callable
from typing import Any, Final, NamedTuple, cast

from podium.core.errors import UsageError
from podium.flow.flow import Flow
from podium.functions.calls import Call, Task, Workflow

_KINDS: Final[dict[str, Any]] = {"call": Task, "flow": Workflow}
_WORD: Final = {"call": "task", "flow": "workflow"}


class Written(NamedTuple):
    """What is called, and with what.

    Attributes:
        target: A name, or a flow in place.
        args: The arguments by name, not yet written out.
        compensate: The task that undoes it, if the call says so.
    """

    target: Any
    args: Any
    compensate: str = ""


def written(call: Any, method: str) -> Written:
    """Return what a call stands for: ``order_status(order.id)``.

    Raises:
        UsageError: It is no call of a task (for ``call``) or of a workflow (for ``flow``).
        InputInvalid: The arguments do not fit.
    """
    if not isinstance(call, Call):
        hint = f"Write {call.name}(…)." if isinstance(call, Task | Workflow) else ""
        raise UsageError(f"{method}(…) takes the call of a {_WORD[method]}; got {call!r}. {hint}")
    made: Call[Any] = call
    made.close()  # it is written down and never awaited
    if not isinstance(made.callee, _KINDS[method]):
        other = "flow" if method == "call" else "call"
        raise UsageError(f"{made.callee.name!r} is a {_WORD[other]}: write {other}(…).")
    callee: Any = made.callee
    if made.label != callee.name or "run_id" in made.options:
        raise UsageError(
            f"The step of {callee.name!r} is named by its node: leave out .as_(…) and .with_id(…)."
        )
    if isinstance(callee, Flow):
        content = {word: each for word, each in callee.to_dict().items() if word != "podium"}
        return Written(content, made.kwargs)
    undo = made.options.get("compensate")
    args = callee.spec.binder.bind(made.args, made.kwargs)
    return Written(callee.name, args, undo.name if undo is not None else "")


def undoing(undo: Any, write: Callable[[Any, str], Any]) -> Any:
    """Return how a node is undone: the name of a task, or a call of it.

    Raises:
        UsageError: It is neither a task nor a call of one.
    """
    if isinstance(undo, Task):
        return cast("Task[..., Any, Any]", undo).name
    made = written(undo, "call")
    return {"call": made.target, "args": write(made.args, "compensate")}


def item_name(body: Callable[..., Any]) -> str:
    """Return what a function calls its second parameter: the item's name in the document.

    Raises:
        UsageError: It does not take a body and an item.
    """
    names = [
        each.name for each in inspect.signature(body).parameters.values()
        if each.kind in {each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD}
    ]  # fmt: skip
    if len(names) < 2:
        raise UsageError(f"for_each: {body!r} has to take two arguments, a body and the item.")
    return names[1].strip("_") or "item"

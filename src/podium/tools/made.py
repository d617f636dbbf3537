"""Functions for tools that are described and not written: with a signature, a docstring, a home."""

from __future__ import annotations

import inspect
import sys

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from podium.core.codec import type_hints
from podium.core.errors import InvalidOption

Scalar = str | int | float | bool | None
"""What an argument is of which nothing was said."""


class Shape(NamedTuple):
    """What a described tool takes and gives.

    Attributes:
        parameters: With their types.
        returns: The type of the result.
        description: For people and models; empty where nothing was said.
    """

    parameters: list[inspect.Parameter]
    returns: Any
    description: str


def shape_of(
    what: str, given: Callable[..., Any] | Mapping[str, Any] | None, used: Iterable[str],
    returns: Any,
) -> Shape:  # fmt: skip
    """Return the shape of a tool that uses these names.

    Args:
        what: The tool, for messages.
        given: Types by name, or a function that has the parameters; its docstring and its return
            type count too. What is not declared is any scalar.
        used: The names that the tool uses.
        returns: The type of the result, unless a function says another.

    Raises:
        InvalidOption: A name is declared and not used, or used by the tool and not by the function.
    """
    names = list(dict.fromkeys(used))
    declared = list(given) if isinstance(given, Mapping) else []
    if callable(given):
        declared = list(inspect.signature(given).parameters)
        missing = next((name for name in names if name not in declared), None)
        if missing is not None:
            raise InvalidOption(f"{what}: {missing!r} is used and is no parameter of {given!r}.")
    unused = next((name for name in declared if name not in names), None)
    if unused is not None:
        known = ", ".join(names) or "none"
        raise InvalidOption(f"{what}: {unused!r} is declared and not used; names in it: {known}.")
    if callable(given):
        hints = type_hints(given)
        found = [
            one.replace(annotation=hints.get(name, Scalar))
            for name, one in inspect.signature(given).parameters.items()
        ]
        return Shape(found, hints.get("return", returns), inspect.getdoc(given) or "")
    types = dict(given or {})
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [
        inspect.Parameter(name, kind, annotation=types.get(name, Scalar)) for name in names
    ]
    return Shape(parameters, returns, "")


def function_of(
    call: Callable[..., Any], name: str, shape: Shape, before: Mapping[str, Any] | None = None
) -> Callable[..., Any]:
    """Return a function of that shape that calls another with its arguments by name.

    Args:
        call: What it does; async or not, and so is the function.
        name: What it is called.
        shape: What it takes and gives.
        before: Names and types of what stands before the parameters, and is given by place.
    """
    first = before or {}

    def plain(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        given = dict(bound.arguments)
        return call(*[given.pop(one) for one in first], **given)

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    leading = [inspect.Parameter(one, kind, annotation=hint) for one, hint in first.items()]
    parameters = [*leading, *shape.parameters]
    signature = inspect.Signature(parameters, return_annotation=shape.returns)
    plain.__name__ = plain.__qualname__ = name.rpartition(".")[2]
    plain.__doc__ = shape.description or None
    plain.__module__ = caller_module()
    plain.__annotations__ = {
        **{one.name: one.annotation for one in parameters}, "return": shape.returns,
    }  # fmt: skip
    plain.__dict__["__signature__"] = signature
    return plain


def caller_module() -> str:
    """Return the module that called into this package."""
    frame = sys._getframe(1)  # noqa: SLF001 - who defines the tool
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("podium."):
        frame = frame.f_back
    return str(frame.f_globals.get("__name__", "__main__"))

"""How the arguments of tools are checked: after a signature, or after a JSON Schema."""

from __future__ import annotations

import inspect

from collections.abc import Callable, Mapping
from typing import Any

from podium.core.codec import Binder, Codec, short
from podium.core.errors import InputInvalid, ValueNotPortable
from podium.core.validation import Validator
from podium.tools.from_run import values_from_run


class RunBinder(Binder):
    """Binds to a function some of whose parameters come from the run.

    They are recorded with the other arguments, so that caches and limits tell runs apart, and
    nobody who calls by name (a document, a model) can set them.

    Attributes:
        given: Binds the arguments that a caller gives.
        optional: The parameters from the run that have a default.
    """

    __slots__ = ("_wanted", "_whole", "given", "optional")

    def __init__(self, function: Callable[..., Any], name: str, wanted: Mapping[str, str]) -> None:
        parameters = inspect.signature(function).parameters
        seen = [one for one in parameters.values() if one.name not in wanted]
        super().__init__(_with_signature(function, [*seen, *map(_left_out, wanted)]), name)
        self.given: Binder = Binder(_with_signature(function, seen), name)
        self._whole = Binder(function, name)
        self._wanted = dict(wanted)
        self.optional = frozenset(
            one for one in wanted if parameters[one].default is not inspect.Parameter.empty
        )

    @property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """The parameters that a caller gives."""
        return self.given.parameters

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments by name, with those that come from the run.

        Raises:
            InputInvalid: They do not fit, or one was given that comes from the run.
        """
        filled = values_from_run(self.name, self._wanted, self.optional)
        if filled is None:  # outside of any run they are given as others are
            own = {name: kwargs[name] for name in self._wanted if name in kwargs}
            others = {name: value for name, value in kwargs.items() if name not in own}
            return {**self.given.bind(args, others), **own}
        self._refuse(kwargs)
        return {**self.given.bind(args, kwargs), **filled}

    def from_mapping(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return arguments given by name, with those that come from the run.

        Raises:
            InputInvalid: They do not fit, or one was given that comes from the run.
        """
        self._refuse(given)
        return {**self.given.from_mapping(given), **self._filled()}

    def from_json(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return arguments given by name as plain JSON, with those that come from the run.

        Raises:
            InputInvalid: They do not fit, or one was given that comes from the run.
        """
        self._refuse(given)
        return {**self.given.from_json(given), **self._filled()}

    def call(self, function: Callable[..., Any], bound: dict[str, Any]) -> Any:
        """Call the function. What undoes a step is given only now what comes from the run."""
        if any(name not in bound for name in self._wanted):
            bound = {**self._filled(), **bound}
        missing = [name for name in self._wanted if name not in bound and name not in self.optional]
        if missing:
            raise InputInvalid(
                f"{self.name} takes {', '.join(map(repr, missing))} from its run; outside of one "
                "give it by name."
            )
        return self._whole.call(function, bound)

    def _filled(self) -> dict[str, Any]:
        return values_from_run(self.name, self._wanted, self.optional) or {}

    def _refuse(self, given: Mapping[str, Any]) -> None:
        for name in self._wanted:
            if name in given:
                raise InputInvalid(
                    f"{self.name}: {name!r} comes from the run and cannot be given; leave it out."
                )


class SchemaCodec(Codec):
    """Takes values that fit a JSON Schema, and no others."""

    __slots__ = ("_validator", "name")

    def __init__(self, schema: Mapping[str, Any], name: str) -> None:
        super().__init__()
        self.name = name
        self._validator = Validator(schema)

    def decode(self, encoded: bytes) -> Any:
        """Return the value.

        Raises:
            ValueNotPortable: It does not fit the schema.
        """
        value = super().decode(encoded)
        fault = next(self._validator.faults(value), None)
        if fault is not None:
            raise ValueNotPortable(
                f"{short(encoded)} does not fit the output schema of {self.name}: "
                f"{fault.text('output')}"
            )
        return value


def _left_out(name: str) -> inspect.Parameter:
    """Return a parameter that a binder does not miss."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None)


def _with_signature(
    function: Callable[..., Any], parameters: list[inspect.Parameter]
) -> Callable[..., Any]:
    """Return a stand-in that looks like the function with other parameters."""

    def stand_in() -> None: ...

    stand_in.__name__ = getattr(function, "__name__", "tool")
    stand_in.__module__ = function.__module__
    stand_in.__annotations__ = getattr(function, "__annotations__", {})
    stand_in.__dict__["__wrapped__"] = function
    parameters = sorted(parameters, key=lambda one: one.kind)
    signature = inspect.signature(function).replace(parameters=parameters)
    stand_in.__dict__["__signature__"] = signature
    return stand_in

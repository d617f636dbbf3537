"""What a call says about the outside: limits, a breaker, a cache, what answers in its place."""

from __future__ import annotations

import string

from collections.abc import Iterable, Mapping
from typing import Any, Final

from podium.core.effects import Effect
from podium.core.policies import LastGood
from podium.core.schema import parameters_schema, returns_schema
from podium.core.spec import TaskSpec
from podium.core.validation import Validator
from podium.flow.check.calls import Calls
from podium.flow.check.fits import has_expression, misfit
from podium.flow.check.layout import Entry
from podium.flow.check.notes import Notes
from podium.flow.check.values import Values
from podium.flow.expression.shapes import Shape, shape_of
from podium.flow.model import Call, FixedValue, OtherTask, Policy

_OF_CALLS: Final[Mapping[str, str]] = {
    "rate": "rate", "concurrency": "concurrency", "breaker": "breaker", "cache": "cache",
    "fallbacks": "fallback", "queue_timeout_s": "queue_timeout", "priority": "priority",
    "heartbeat_timeout_s": "heartbeat_timeout",
}  # fmt: skip
"""Fields of a policy that mean something for a call only, and their words."""
_KEYED: Final = ("rate", "concurrency", "breaker")


class Outside:
    """Holds what nodes say about the outside against the tasks that they call."""

    def __init__(
        self, notes: Notes, values: Values, calls: Calls, tasks: Mapping[str, TaskSpec]
    ) -> None:
        self._notes = notes
        self._values = values
        self._calls = calls
        self._tasks = tasks
        self._known = {
            (type(one).__name__.lower(), one.key): (f"the task {spec.name!r}", one)
            for spec in tasks.values()
            for one in spec.options.shared
        }

    def look_at(self, entry: Entry) -> None:
        """Look at one node."""
        policy, work = entry.node.policy, entry.node.work
        if not isinstance(work, Call):
            self._only_for_calls(entry, policy)
            return
        spec = self._tasks.get(work.task)
        if spec is None:
            return
        self._keys(entry, policy, spec)
        self._effects(entry, policy, spec)
        for fallback in policy.fallbacks or ():
            if isinstance(fallback, OtherTask):
                self._other(entry, fallback, spec)
            elif isinstance(fallback, FixedValue):
                self._fixed(entry, fallback, spec)

    def _only_for_calls(self, entry: Entry, policy: Policy) -> None:
        for field, word in _OF_CALLS.items():
            if getattr(policy, field) is not None:
                message = f"{word!r} is for calls; this is a node of kind {entry.node.kind!r}."
                hint = "Write it at the calls within." if entry.scopes else "Leave it out."
                at = f"{entry.node.at}.{word}"
                self._notes.error(entry.position, "only-for-calls", at, message, hint)

    # keys -----------------------------------------------------------------------------------

    def _keys(self, entry: Entry, policy: Policy, spec: TaskSpec) -> None:
        for word in _KEYED:
            option = getattr(policy, word)
            if option is None:
                continue
            at = f"{entry.node.at}.{word}"
            try:
                parts = [*string.Formatter().parse(option.key)]
            except ValueError as problem:
                message = f"the key {option.key!r} cannot be read: {problem}."
                self._notes.error(entry.position, "misfit", at, message)
                continue
            names = [name for _, name, _, _ in parts if name is not None]
            self._calls.require_parameters(entry, spec, names, at)
            self._one_option(entry, word, option.keyed(spec.name), at)
        if policy.cache is not None:
            at = f"{entry.node.at}.cache"
            self._calls.require_parameters(entry, spec, policy.cache.key, at)

    def _one_option(self, entry: Entry, word: str, option: Any, at: str) -> None:
        """Take note where two options would share one key."""
        place = (word, option.key)
        who, other = self._known.setdefault(place, (f"the node {entry.id!r}", option))
        if other != option:
            message = f"{who} has another {word} under the key {option.key!r}."
            hint = "Write the same at both, or give one of them another key."
            self._notes.error(entry.position, "two-under-one-key", at, message, hint)

    # effects --------------------------------------------------------------------------------

    def _effects(self, entry: Entry, policy: Policy, spec: TaskSpec) -> None:
        effect = policy.effect or spec.effect
        if not effect.touches:
            return
        if policy.cache is not None or (spec.options.cache is not None and policy.effect):
            self._not_for(entry, effect, spec, "cache", "cache")
        many = policy.fallbacks or ()
        if any(isinstance(one, LastGood) for one in many):
            self._not_for(entry, effect, spec, "fallback", "last_good")

    def _not_for(self, entry: Entry, effect: Effect, spec: TaskSpec, word: str, what: str) -> None:
        message = (
            f"{spec.name!r} is {effect.value!r}: with {what!r} an old result would stand for an "
            "effect that did not happen."
        )
        hint = "It is for tasks that are 'pure' or 'read'."
        at = f"{entry.node.at}.{word}"
        self._notes.error(entry.position, "not-for-effects", at, message, hint)

    # what answers in its place --------------------------------------------------------------

    def _other(self, entry: Entry, fallback: OtherTask, spec: TaskSpec) -> None:
        other = self._calls.task(entry, fallback.task, fallback.at)
        if other is None:
            return
        wanted = parameters_schema(other)
        if fallback.args is not None:
            word = f"{fallback.at.removeprefix(f'{entry.node.at}.')}.args"
            self._calls.arguments(entry, fallback.args, wanted, fallback.task, word)
        else:
            self._same_arguments(entry, fallback, spec, wanted.get("required", ()))
        gives = shape_of(returns_schema(other))
        self._fits(entry, gives, spec, fallback.at, f"{fallback.task!r} gives")

    def _same_arguments(
        self, entry: Entry, fallback: OtherTask, spec: TaskSpec, required: Iterable[str]
    ) -> None:
        work = entry.node.work
        given = work.args.source if isinstance(work, Call) else {}
        known = {*given} if isinstance(given, dict) else set[str]()
        known |= {
            name for name, one in spec.binder.parameters.items() if one.default is not one.empty
        }
        for one in required:
            if one not in known:
                message = f"{fallback.task!r} needs {one!r}, which {entry.id!r} has not among its arguments."
                hint = f"Write '{{call: {fallback.task}, args: {{{one}: …}}}}'."
                self._notes.error(entry.position, "missing-argument", fallback.at, message, hint)

    def _fixed(self, entry: Entry, fallback: FixedValue, spec: TaskSpec) -> None:
        at = f"{fallback.at}.value"
        source = fallback.value.source
        if not has_expression(source):
            try:
                fault = next(Validator(returns_schema(spec)).faults(source), None)
            except ValueError:  # a schema of the user's that is none, or has patterns of Python's
                return
            if fault is not None:
                path = ".".join(map(str, fault.path))
                where = f"at {path!r} " if path else ""
                message = f"this is nothing that {spec.name!r} gives: {where}{fault.message}."
                self._notes.error(entry.position, "misfit", at, message)
            return
        read = next((one for one in entry.reads if one.value is fallback.value), None)
        schema = self._values.given.get(read) if read is not None else None
        if schema is not None:
            self._fits(entry, shape_of(schema), spec, at, "the value is")

    def _fits(self, entry: Entry, gives: Shape, spec: TaskSpec, at: str, what: str) -> None:
        """Hold what answers against what the task itself gives."""
        fault = misfit(gives, shape_of(returns_schema(spec)))
        if fault is None:
            return
        message = f"{what} something else than {spec.name!r}: {fault.text}."
        if fault.is_certain:
            self._notes.error(entry.position, "misfit", at, message)
        else:
            self._notes.warn(entry.position, "may-not-fit", at, message)

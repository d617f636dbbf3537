"""What is wrong with the arguments of a call: data for programs, words for models."""

from __future__ import annotations

import difflib

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

import msgspec

from podium.core.validation import Fault, Validator
from podium.tools.expected import expected, part, resolved, shown, written

COMPLAINTS_MAX: Final = 20
"""So many are told of one call."""
_OWN_WORDS: Final = frozenset({
    "type", "enum", "const", "anyOf", "oneOf", "minimum", "maximum", "exclusiveMinimum",
    "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern", "format", "minItems",
    "maxItems", "minProperties", "maxProperties",
})  # fmt: skip


class Complaint(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong with the arguments of a call.

    Attributes:
        code: ``missing``, ``unknown``, ``from-run``, ``type``, ``enum`` or another word of JSON
            Schema, ``json``, ``value``.
        path: Names of fields and numbers of items, from the outside.
        found: What is there, as JSON; a long value without its middle. Empty where nothing is.
        expected: What is expected there.
        hint: What to do.
    """

    code: str
    path: tuple[str | int, ...]
    found: str
    expected: str
    hint: str = ""

    @property
    def text(self) -> str:
        """The complaint in one line."""
        said = f"found {self.found}, expected" if self.found else "missing; expected"
        if self.code in ("unknown", "from-run"):
            said = "may not be given;"
        line = f"{written(self.path)}: {said} {self.expected}."
        return f"{line} {self.hint}" if self.hint else line


def complaints_about(
    schema: Mapping[str, Any], validator: Validator, value: Any, from_run: Mapping[str, str]
) -> tuple[Complaint, ...]:
    """Return what is wrong with arguments, at most :data:`COMPLAINTS_MAX`.

    Args:
        schema: Of the arguments.
        validator: Of the same.
        value: The arguments.
        from_run: Parameters that the run fills.
    """
    found = (one for fault in validator.faults(value) for one in _of_fault(schema, fault, from_run))
    return tuple(islice(found, COMPLAINTS_MAX))


def _of_fault(
    schema: Mapping[str, Any], fault: Fault, from_run: Mapping[str, str]
) -> Iterator[Complaint]:
    rule = fault.rule
    around = resolved(schema, part(schema, rule[:-1])) if rule else None
    if fault.missing is not None:
        yield _missing(schema, around, fault, fault.missing)
    elif fault.unexpected:
        for name in fault.unexpected:
            yield _unknown(around, fault, name, from_run if not fault.path else {})
    elif around is False or part(schema, rule) is False:
        yield Complaint("false", fault.path, shown(fault.found), "nothing here", "Leave it out.")
    elif rule and rule[-1] in _OWN_WORDS and isinstance(around, Mapping):
        wanted = expected(schema, around)
        yield Complaint(str(rule[-1]), fault.path, shown(fault.found), wanted)
    else:
        word = str(rule[-1]) if rule else "value"
        yield Complaint(word, fault.path, shown(fault.found), "another value", f"{fault.message}.")


def _missing(schema: Mapping[str, Any], around: Any, fault: Fault, name: str) -> Complaint:
    properties = around.get("properties", {}) if isinstance(around, Mapping) else {}
    own = properties.get(name, True)
    said = own.get("description", "") if isinstance(own, Mapping) else ""
    wanted = expected(schema, own) if own not in (True, {}) else "a value"
    return Complaint("missing", (*fault.path, name), "", wanted, said)


def _unknown(around: Any, fault: Fault, name: str, from_run: Mapping[str, str]) -> Complaint:
    value = fault.found.get(name) if isinstance(fault.found, Mapping) else None
    path = (*fault.path, name)
    if name in from_run:
        return Complaint("from-run", path, "", "it is set by the run", "Leave it out.")
    known = list(around.get("properties", {})) if isinstance(around, Mapping) else []
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else "Leave it out."
    names = f"the names are {', '.join(known)}" if known else "nothing is taken here"
    return Complaint("unknown", path, shown(value), names, hint)

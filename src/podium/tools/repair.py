"""Mends what a model wrote, where only one thing can have been meant.

A value that fits is never touched. One that does not is replaced only if exactly one reading of it
fits; what was changed is said. Where two readings fit, or none, nothing is mended: then the model
is told what is wrong.
"""

from __future__ import annotations

import difflib
import math
import re

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from podium.core.codec import encode_sorted
from podium.core.validation import Validator
from podium.tools.expected import part, shown, target, written

_LOOKS_MAX: Final = 5_000
"""How often one repair may look at a value before it gives up."""
_DEPTH_MAX: Final = 60
"""How deep it looks, into the value and along the references of its schema."""
_NEAR: Final = 0.75
_NUMBER: Final = re.compile(r"[+-]?\d{1,18}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?")
_BETWEEN: Final = re.compile(r"[\s_\-.]+")
_SEVERAL: Final = re.compile(r"(?!\s*\{)(?:.*[,;\n\r]|\s*\[)", re.DOTALL)
"""A text that may stand for several items: with separators between them, or the text of a list."""
_JSON_KINDS: Final[tuple[tuple[Any, str], ...]] = (
    (bool, "boolean"), (str, "string"), (int, "integer"), (float, "number"), (type(None), "null"),
    (list, "array"), (Mapping, "object"),
)  # fmt: skip

_INSIDE, _READ, _LISTED = 1, 2, 3
"""How far a reading goes: parts of it only, the value itself, a list around it."""

Place = tuple[str | int, ...]


class Repair(msgspec.Struct, frozen=True):
    """One thing that was mended.

    Attributes:
        code: ``number``, ``boolean``, ``null``, ``json``, ``text``, ``case``, ``list``, ``name``,
            ``left-out``, ``default``.
        path: Names of fields and numbers of items, from the outside.
        before: What was there, as JSON; a name where the name was mended.
        after: What was made of it.
    """

    code: str
    path: tuple[str | int, ...]
    before: str
    after: str


def said(repair: Repair) -> str:
    """Return a repair in words."""
    place = written(repair.path)
    if repair.code == "name":
        return f"{repair.before!r} was taken for {repair.after!r}"
    if repair.code == "default":
        return f"{place} was missing and is {repair.after}, its default"
    if repair.code == "left-out":
        return f"{place} was null and is left out"
    return f"{place} was {repair.before} and is {repair.after}"


class Mended(NamedTuple):
    """A value that fits, and what was changed for it."""

    value: Any
    repairs: tuple[Repair, ...] = ()
    reach: int = 0


class _Fields(NamedTuple):
    """What a schema says of the fields of an object."""

    at: Place
    path: Place
    properties: Mapping[str, Any]
    required: tuple[str, ...]
    is_closed: bool
    takes_patterns: bool


class Mender:
    """Mends values after one schema.

    Args:
        schema: Of the values.
        validator: Of the same.
    """

    def __init__(self, schema: Mapping[str, Any], validator: Validator) -> None:
        self._schema = schema
        self._parts: dict[Place, Validator] = {(): validator}
        self._looks = 0
        self._depth = 0

    def mend(self, value: Any) -> Mended | None:
        """Return the value that fits, if there is one that must have been meant."""
        self._looks = 0
        return self._mend(value, (), ())

    def mended_parts(self, value: Any) -> Mended:
        """Return the value with the parts mended that can be; it need not fit."""
        self._looks = 0
        read = [one for one in self._readings(value, (), ()) if isinstance(one.value, dict)]
        if not isinstance(value, dict) and len(read) == 1:
            inside = self._inside(read[0].value, (), ())
            return Mended(inside.value, (*read[0].repairs, *inside.repairs))
        return self._inside(value, (), ())

    # readings -------------------------------------------------------------------------------

    def _mend(self, value: Any, at: Place, path: Place) -> Mended | None:
        self._looks += 1
        if self._looks > _LOOKS_MAX or self._depth > _DEPTH_MAX:
            return None
        if self._fits(at, value):
            return Mended(value)
        self._depth += 1
        try:
            return self._only_one(value, at, path)
        finally:
            self._depth -= 1

    def _only_one(self, value: Any, at: Place, path: Place) -> Mended | None:
        """Return the reading that fits, if there is one, and no other that goes as far."""
        found: dict[bytes, Mended] = {}
        reach = _LISTED + 1
        for one in self._candidates(value, at, path):
            if one.reach > reach or not self._fits(at, one.value):
                continue
            if one.reach < reach:
                found, reach = {}, one.reach
            found.setdefault(encode_sorted(one.value), one)
        return next(iter(found.values())) if len(found) == 1 else None

    def _candidates(self, value: Any, at: Place, path: Place) -> Iterator[Mended]:
        schema = self._part(at)
        if not isinstance(schema, Mapping):
            return
        place = target(schema.get("$ref"))
        branches = [place] if place is not None else []
        for word in ("anyOf", "oneOf"):
            if isinstance(schema.get(word), list):
                branches += [(*at, word, index) for index in range(len(schema[word]))]
        for branch in branches:
            mended = self._mend(value, branch, path)
            if mended is not None:
                yield mended
        yield self._inside(value, at, path)
        for read in self._readings(value, at, path):
            yield read
            if isinstance(read.value, dict | list):
                inside = self._inside(read.value, at, path)
                yield Mended(inside.value, (*read.repairs, *inside.repairs), _READ)
        yield from self._listed(value, at, path)

    def _readings(self, value: Any, at: Place, path: Place) -> Iterator[Mended]:
        """Give what else one value may stand for, whether it fits or not."""
        schema = self._part(at)
        if not isinstance(schema, Mapping):
            return
        kinds = _kinds(schema)
        readings: list[tuple[str, Any]] = []
        if isinstance(value, str):
            readings = [
                (code, read) for code, kind, reader in _READERS if kind & kinds
                for read in reader(value)
            ]  # fmt: skip
            readings += [("case", one) for one in _same_word(value, schema)]
        elif isinstance(value, int) and not isinstance(value, bool) and "string" in kinds:
            readings = [("text", str(value))]
        for code, read in readings:
            yield Mended(read, (Repair(code, path, shown(value), shown(read)),), _READ)

    def _listed(self, value: Any, at: Place, path: Place) -> Iterator[Mended]:
        """Give the list that one item may stand for."""
        schema = self._part(at)
        if value is None or "array" not in _kinds(schema) or "items" not in schema:
            return
        if isinstance(value, str) and _SEVERAL.match(value):
            return  # several items, perhaps, or the text of a list
        item = self._mend(value, (*at, "items"), (*path, 0))
        if item is not None:
            repair = Repair("list", path, shown(value), shown([item.value]))
            yield Mended([item.value], (*item.repairs, repair), _LISTED)

    # parts ----------------------------------------------------------------------------------

    def _inside(self, value: Any, at: Place, path: Place) -> Mended:
        """Mend the parts of a value that can be; those that cannot stay as they are."""
        schema = self._part(at)
        if not isinstance(schema, Mapping) or not isinstance(value, dict | list):
            return Mended(value)
        if isinstance(value, list):
            made = self._items(value, schema, at, path)
        else:
            made = self._fields(value, schema, at, path)
        for index in range(len(schema["allOf"]) if isinstance(schema.get("allOf"), list) else 0):
            more = self._whole(made.value, (*at, "allOf", index), path)
            made = _joined(made, more)
        return made

    def _whole(self, value: Any, at: Place, path: Place) -> Mended:
        """Mend those parts of a value that can be, after a schema that is one part of another."""
        place = target(part(self._schema, (*at, "$ref")))
        self._looks += 1
        if self._looks > _LOOKS_MAX or self._depth > _DEPTH_MAX:
            return Mended(value)
        self._depth += 1
        try:
            return self._inside(value, at if place is None else place, path)
        finally:
            self._depth -= 1

    def _items(self, value: list[Any], schema: Mapping[str, Any], at: Place, path: Place) -> Mended:
        first = schema.get("prefixItems")
        count = len(first) if isinstance(first, list) else 0
        made, repairs, reach = list(value), list[Repair](), _INSIDE
        for index, one in enumerate(value):
            own: Place = ("prefixItems", index) if index < count else ("items",)
            if index >= count and "items" not in schema:
                break
            mended = self._mend(one, (*at, *own), (*path, index))
            if mended is None:
                mended = self._whole(one, (*at, *own), (*path, index))
            made[index] = mended.value
            repairs += mended.repairs
            reach = max(reach, mended.reach)
        return Mended(made, tuple(repairs), reach)

    def _fields(
        self, value: dict[str, Any], schema: Mapping[str, Any], at: Place, path: Place
    ) -> Mended:
        properties = schema.get("properties")
        if not isinstance(properties, Mapping):
            return Mended(value, (), _INSIDE)
        required = tuple(one for one in schema.get("required", ()) if isinstance(one, str))
        is_closed = schema.get("additionalProperties") is False
        fields = _Fields(at, path, properties, required, is_closed, "patternProperties" in schema)
        repairs: list[Repair] = []
        reach = _INSIDE
        made = self._renamed(value, fields, repairs)
        for name in list(made):
            own = (*at, "properties", name)
            mended = self._mend(made[name], own, (*path, name)) if name in properties else None
            if mended is None and made[name] is None and _may_be_left_out(fields, name):
                repairs.append(Repair("left-out", (*path, name), "null", ""))
                del made[name]
            elif name in properties:
                mended = mended or self._whole(made[name], own, (*path, name))
                made[name] = mended.value
                repairs += mended.repairs
                reach = max(reach, mended.reach)
        for name in required:
            if name not in made and _has_default(properties.get(name)):
                made[name] = properties[name]["default"]
                repairs.append(Repair("default", (*path, name), "", shown(made[name])))
        return Mended(made, tuple(repairs), reach)

    def _renamed(
        self, value: dict[str, Any], fields: _Fields, repairs: list[Repair]
    ) -> dict[str, Any]:
        """Give unknown names that are near one that is missing that name, where the value fits."""
        unknown = [name for name in value if name not in fields.properties]
        left = [name for name in fields.properties if name not in value]
        missing = [name for name in left if name in fields.required]
        if not unknown or fields.takes_patterns or not (fields.is_closed or missing):
            return dict(value)
        new: dict[str, str] = {}
        for name in unknown:
            same = [one for one in left if _bare(one) == _bare(name)]
            near = difflib.get_close_matches(name, left, n=2, cutoff=_NEAR)
            if not same and len(missing) == 1 and near == missing:
                same = near
            if len(same) == 1 and (fields.is_closed or same[0] in missing):
                new[name] = same[0]
        taken = list(new.values())
        made: dict[str, Any] = {}
        for name, one in value.items():
            to = new.get(name, name)
            is_meant = to != name and taken.count(to) == 1 and self._is_meant(one, to, fields)
            made[to if is_meant else name] = one
            if is_meant:
                repairs.append(Repair("name", (*fields.path, to), name, to))
        return made

    def _is_meant(self, value: Any, name: str, fields: _Fields) -> bool:
        place = (*fields.at, "properties", name)
        return self._mend(value, place, (*fields.path, name)) is not None

    # the schema -----------------------------------------------------------------------------

    def _part(self, at: Place) -> Any:
        return part(self._schema, at)

    def _fits(self, at: Place, value: Any) -> bool:
        validator = self._parts.get(at)
        if validator is None:
            validator = self._parts[at] = self._parts[()].within(at)
        return validator.fits(value)


def _joined(one: Mended, other: Mended) -> Mended:
    return Mended(other.value, (*one.repairs, *other.repairs), max(one.reach, other.reach))


def _may_be_left_out(fields: _Fields, name: str) -> bool:
    """Whether a null can only mean that nothing was to be given."""
    if name not in fields.properties:
        return fields.is_closed and not fields.takes_patterns
    return name not in fields.required or _has_default(fields.properties[name])


def _has_default(schema: Any) -> bool:
    return isinstance(schema, Mapping) and "default" in schema


def _kinds(schema: Any) -> frozenset[str]:
    """Return the types of values that may fit."""
    if not isinstance(schema, Mapping):
        return frozenset()
    kinds = schema.get("type")
    if isinstance(kinds, str):
        return frozenset({kinds})
    if isinstance(kinds, list):
        return frozenset(map(str, kinds))
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(values, list):
        return frozenset(_kind_of(one) for one in values)
    return frozenset(
        {"object"} if "properties" in schema else {"array"} if "items" in schema else ()
    )


def _kind_of(value: Any) -> str:
    return next((name for kind, name in _JSON_KINDS if isinstance(value, kind)), "null")


def _number(text: str) -> Iterator[Any]:
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        return
    number = float(text)
    if math.isfinite(number):
        is_whole = number == int(number) and abs(number) < 2**53
        yield int(text) if text.lstrip("+-").isdigit() else int(number) if is_whole else number


def _boolean(text: str) -> Iterator[Any]:
    word = text.strip().casefold()
    if word in ("true", "false"):
        yield word == "true"


def _null(text: str) -> Iterator[Any]:
    if text.strip().casefold() == "null":
        yield None


def _json(text: str) -> Iterator[Any]:
    if text.lstrip()[:1] in ("{", "["):
        try:
            yield msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return


def _same_word(text: str, schema: Mapping[str, Any]) -> Iterator[str]:
    """Give the allowed words that differ in case, spaces, hyphens and underscores only."""
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(values, list):
        yield from (one for one in values if isinstance(one, str) and _bare(one) == _bare(text))


def _bare(text: str) -> str:
    return _BETWEEN.sub("", text).casefold()


_READERS: Final[tuple[tuple[str, frozenset[str], Callable[[str], Iterator[Any]]], ...]] = (
    ("number", frozenset({"integer", "number"}), _number),
    ("boolean", frozenset({"boolean"}), _boolean),
    ("null", frozenset({"null"}), _null),
    ("json", frozenset({"array", "object"}), _json),
)

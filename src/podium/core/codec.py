"""Values across the border: encoded once, handed on as decoded copies.

A program never receives a live object of a task, nor a task one of a program: both get what the
journal will give them on replay. A value that is not equal to itself after the round trip under
its declared type is an error at the first run, not at the replay. (msgspec turns NaN into null,
bytes into text and sets into lists without a word; the comparison catches all of them.)
"""

from __future__ import annotations

import enum
import inspect
import math
import sys
import types
import typing

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from podium.core.errors import InputInvalid, PayloadTooLarge, ValueNotPortable

_NO_NAN = "which JSON does not have; use None, or leave the number out."
_DICT = dict[str, Any]
_REMEDY = (
    "Use JSON values, dataclasses, TypedDicts, enums, datetimes or pydantic models, and annotate "
    "the function with the type, so that it can be rebuilt."
)


def _encode_hook(value: Any) -> Any:
    """Encode what msgspec does not know: pydantic models."""
    dump = getattr(value, "model_dump", None)
    if dump is not None and hasattr(type(value), "model_validate"):
        return dump(mode="json")
    raise NotImplementedError(f"a {type(value).__module__}.{type(value).__qualname__}")


def _decode_hook(kind: type, value: Any) -> Any:
    """Decode what msgspec does not know: pydantic models, and ``object``, which anything is."""
    if kind is object:
        return value
    validate = getattr(kind, "model_validate", None)
    if validate is not None:
        return validate(value)
    raise NotImplementedError(f"a {kind!r}")


_encoder = msgspec.json.Encoder(enc_hook=_encode_hook)
_sorted_encoder = msgspec.json.Encoder(enc_hook=_encode_hook, order="sorted")
_any_decoder = msgspec.json.Decoder()


class Codec:
    """Encodes and decodes values of one declared type (``Any`` where nothing is declared)."""

    __slots__ = ("_decode", "kind")

    def __init__(self, kind: Any = Any) -> None:
        self.kind: Any = kind
        self._decode = _decoder_for(kind)

    def decode(self, encoded: bytes) -> Any:
        """Return the value.

        Raises:
            ValueNotPortable: The bytes do not fit the declared type.
        """
        try:
            return self._decode(encoded)
        except Exception as problem:  # a validator of the user's may raise anything
            raise ValueNotPortable(
                f"{short(encoded)} does not fit {describe(self.kind)}: {problem}"
            ) from problem

    def copy(self, value: Any, what: str, limit_bytes: int) -> tuple[bytes, Any]:
        """Encode a value and return (JSON bytes, the copy that the other side receives).

        Raises:
            ValueNotPortable: The copy would not be equal to the value.
            PayloadTooLarge: The JSON is longer than the limit.
        """
        encoded = encode(value, what)
        if len(encoded) > limit_bytes:
            raise PayloadTooLarge(what, len(encoded), limit_bytes)
        try:
            copy = self.decode(encoded)
        except ValueNotPortable as problem:
            place = _nan_in(value)
            if place is None:
                raise
            raise ValueNotPortable(
                f"{what}: at {place} there is a NaN or an infinity, {_NO_NAN}"
            ) from problem
        if not _equal(copy, value, what):
            raise ValueNotPortable(
                f"{what} is {short(value)}, which comes back from JSON as {short(copy)} under "
                f"the declared type {describe(self.kind)}: {_difference(value, copy)}. {_REMEDY}"
            )
        return encoded, copy


def _nan_in(value: Any, path: str = "$") -> str | None:
    """Return the place of a number that JSON does not have."""
    if isinstance(value, float):
        return None if math.isfinite(value) else path
    if isinstance(value, dict):
        items: Iterable[tuple[str, Any]] = ((f"{path}.{key}", one) for key, one in value.items())
    elif isinstance(value, list | tuple | set | frozenset):
        items = ((f"{path}[{index}]", one) for index, one in enumerate(value))
    elif hasattr(value, "__dict__"):
        items = ((f"{path}.{key}", one) for key, one in vars(value).items())
    else:
        return None
    return next((found for place, one in items if (found := _nan_in(one, place))), None)


def _equal(copy: Any, value: Any, what: str) -> bool:
    try:
        return bool(copy == value)
    except Exception as problem:  # noqa: BLE001 - arrays, for one, cannot be compared so
        raise ValueNotPortable(
            f"{what} cannot be compared with its copy: {type(problem).__name__}: {problem}. {_REMEDY}"
        ) from None


def encode(value: Any, what: str = "value") -> bytes:
    """Return a value as JSON bytes.

    Raises:
        ValueNotPortable: It holds something that has no JSON form.
    """
    try:
        return _encoder.encode(value)
    except NotImplementedError as problem:
        raise ValueNotPortable(
            f"{what} holds {problem}, which has no JSON form. {_REMEDY}"
        ) from None
    except Exception as problem:  # an encoder of the user's may raise anything
        raise ValueNotPortable(f"{what} has no JSON form: {problem}. {_REMEDY}") from problem


def encode_message(value: Any, what: str, limit_bytes: int) -> bytes:
    """Return a value that has no declared type on this side (a signal, an answer) as JSON bytes.

    Raises:
        ValueNotPortable: It holds something that has no JSON form, or would come back as another value.
        PayloadTooLarge: The JSON is longer than the limit.
    """
    encoded = encode(value, what)
    if len(encoded) > limit_bytes:
        raise PayloadTooLarge(what, len(encoded), limit_bytes)
    if not isinstance(value, str | int | None):
        fault = _unfit(msgspec.to_builtins(value, enc_hook=_encode_hook))
        if fault:
            raise ValueNotPortable(f"{what} is {short(value)}: {fault}")
    return encoded


def _unfit(value: Any, path: str = "$") -> str:
    """Name the first place of a plain value that JSON would change; empty if there is none."""
    if isinstance(value, float):
        return "" if math.isfinite(value) else f"at {path} there is a NaN or an infinity, {_NO_NAN}"
    if isinstance(value, dict):
        for key, one in value.items():
            fault = _unfit(one, f"{path}.{key}")
            if not isinstance(key, str):
                fault = f"at {path} the key {key!r} of type {type(key).__name__} would become a str; use str keys."
            if fault:
                return fault
    elif isinstance(value, list | tuple):
        for index, one in enumerate(value):
            fault = _unfit(one, f"{path}[{index}]")
            if fault:
                return fault
    return ""


_PLAIN_SCALARS = (str, int, float, bool, type(None))
_CONTAINERS = (dict, list, tuple)


def plain(value: Any) -> Any:
    """Return a decoded value as plain JSON: models, dataclasses, enums and tuples become what they are as JSON."""
    if type(value) in _PLAIN_SCALARS:
        return value
    return _with_lists(msgspec.to_builtins(value, enc_hook=_encode_hook))


def _with_lists(value: Any) -> Any:
    """Return a plain value, which is ours to change, with lists where it has tuples."""
    kind = type(value)
    if kind is dict:
        for key, one in value.items():
            if type(one) in _CONTAINERS:
                value[key] = _with_lists(one)
    elif kind is list:
        for index, one in enumerate(value):
            if type(one) in _CONTAINERS:
                value[index] = _with_lists(one)
    elif kind is tuple:
        return [_with_lists(one) for one in value]
    return value


def encode_sorted(value: Any) -> bytes:
    """Return JSON with sorted keys: what fingerprints are made of."""
    return _sorted_encoder.encode(value)


def decode_any(encoded: bytes) -> Any:
    """Return a value of no declared type."""
    return _any_decoder.decode(encoded)


@lru_cache(maxsize=1024)
def _cached_codec(kind: Any, _text: str) -> Codec:
    return Codec(kind)


def codec_for(kind: Any) -> Codec:
    """Return the codec of a declared type."""
    try:
        return _cached_codec(kind, str(kind))  # `A | B` equals `B | A`, and they decode differently
    except TypeError:  # an unhashable annotation, such as Annotated[int, []]
        return Codec(kind)


def _decoder_for(kind: Any) -> Callable[[bytes], Any]:
    if kind is Any or kind is object or kind is inspect.Parameter.empty or isinstance(kind, str):
        return _any_decoder.decode
    try:
        return msgspec.json.Decoder(kind, dec_hook=_decode_hook).decode
    except (TypeError, ValueError):
        pydantic = sys.modules.get("pydantic")
        if pydantic is None:
            return _any_decoder.decode
        try:
            return typing.cast("Callable[[bytes], Any]", pydantic.TypeAdapter(kind).validate_json)
        except Exception:  # noqa: BLE001 - a type neither library can build is taken as Any
            return _any_decoder.decode


class Binder:
    """Turns the arguments of a call into one JSON object and back, after the signature."""

    __slots__ = (
        "_count",
        "_decode",
        "_defaults",
        "_is_plain",
        "_names",
        "_required",
        "_rest",
        "_signature",
        "_simple",
        "name",
    )

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self.name: str = name
        self._signature = inspect.signature(function)
        hints = type_hints(function)
        parameters = list(self._signature.parameters.values())
        self._simple = all(
            p.kind is p.POSITIONAL_OR_KEYWORD or p.kind is p.KEYWORD_ONLY for p in parameters
        )
        self._names = tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD)
        self._count = len(parameters)
        self._required = frozenset(p.name for p in parameters if p.default is p.empty)
        self._defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
        fields = {p.name: _field_type(p, hints) for p in parameters}
        self._is_plain = all(map(_is_plain, fields.values()))
        self._rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None)
        self._decode = codec_for(_typed_dict(name, fields)) if fields else codec_for(_DICT)

    @property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """The parameters by name."""
        return self._signature.parameters

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments by name.

        Raises:
            InputInvalid: They do not fit the signature.
        """
        names = self._names
        if self._simple and len(args) <= len(names):
            bound = dict(zip(names, args, strict=False))
            if not kwargs and len(bound) == self._count:
                return bound
            if not args and self._required <= kwargs.keys() <= self._signature.parameters.keys():
                return {name: kwargs[name] for name in self._signature.parameters if name in kwargs}
        try:
            found = self._signature.bind(*args, **kwargs)
        except TypeError as problem:
            raise InputInvalid(f"{self.name}{self._signature}: {problem}.") from None
        bound = dict(found.arguments)
        if self._rest is not None and self._rest in bound:
            bound[self._rest] = list(bound[self._rest])
        return bound

    def from_mapping(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return arguments given by name, checked against the signature.

        Raises:
            InputInvalid: A name is missing or unknown.
        """
        self._check_names(given)
        return self._built(self._placed(given))

    def _check_names(self, given: Mapping[str, Any]) -> None:
        if self._simple and given.keys() == self._signature.parameters.keys():
            return
        parameters = self._signature.parameters
        has_rest = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        unknown = [] if has_rest else [name for name in given if name not in parameters]
        missing = [
            p.name for p in parameters.values()
            if p.default is p.empty and p.name not in given
            and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        ]  # fmt: skip
        if unknown or missing:
            faults = [f"unknown {', '.join(map(repr, unknown))}"] if unknown else []
            faults += [f"missing {', '.join(map(repr, missing))}"] if missing else []
            raise InputInvalid(
                f"{self.name}{self._signature} was given {list(given)}: {'; '.join(faults)}."
            )

    def _placed(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Put what only ``**options`` takes where calls have it: under the name of that parameter."""
        if self._simple:
            return dict(given)
        parameters = self._signature.parameters
        rest = next((p.name for p in parameters.values() if p.kind is p.VAR_KEYWORD), None)
        if rest is None or rest in given:
            return dict(given)
        own = {name: value for name, value in given.items() if name in parameters}
        others = {name: value for name, value in given.items() if name not in parameters}
        return {**own, rest: others} if others else own

    def from_json(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return arguments given by name as plain JSON, in their declared types.

        Raises:
            InputInvalid: A name is missing or unknown, or a value does not fit its type.
        """
        self._check_names(given)
        given = self._placed(given)
        if self._is_plain:
            return given  # checked against the types as every call is, when it is copied
        try:
            return self.decode(encode(given, f"the arguments of {self.name}"))
        except ValueNotPortable as problem:
            raise InputInvalid(f"{self.name}{self._signature}: {problem}") from problem

    def _built(self, given: dict[str, Any]) -> dict[str, Any]:
        """Build declared types from plain JSON: what the command line and documents give."""
        encoded = encode(given, f"the arguments of {self.name}")
        if decode_any(encoded) != given:
            return given  # not plain JSON: the values of the types themselves
        try:
            return self.decode(encoded)
        except ValueNotPortable as problem:
            raise InputInvalid(f"{self.name}{self._signature}: {problem}") from problem

    def copy(self, bound: dict[str, Any], limit_bytes: int) -> tuple[bytes, dict[str, Any]]:
        """Encode bound arguments; return (JSON bytes, the copies the function receives).

        Raises:
            InputInvalid: An argument does not fit its declared type.
            ValueNotPortable: An argument would come back as another value.
        """
        try:
            return self._decode.copy(bound, f"the arguments of {self.name}", limit_bytes)
        except PayloadTooLarge:
            raise
        except ValueNotPortable as problem:
            if isinstance(problem.__cause__, msgspec.ValidationError | ValueError):
                raise InputInvalid(f"{self.name}{self._signature}: {problem}") from problem
            raise

    def decode(self, encoded: bytes) -> dict[str, Any]:
        """Return recorded arguments by name."""
        value: dict[str, Any] = self._decode.decode(encoded)
        return value

    def call(self, function: Callable[..., Any], bound: dict[str, Any]) -> Any:
        """Call the function with bound arguments."""
        if self._simple:
            return function(**bound)
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        for p in self._signature.parameters.values():
            if p.name not in bound:
                continue
            value = bound[p.name]
            if p.kind is p.VAR_POSITIONAL:
                args.extend(value)
            elif p.kind is p.VAR_KEYWORD:
                kwargs.update(value)
            elif p.kind is p.POSITIONAL_ONLY:
                args.append(value)
            elif p.kind is p.POSITIONAL_OR_KEYWORD and not kwargs and not self._has_rest():
                kwargs[p.name] = value
            elif p.kind is p.POSITIONAL_OR_KEYWORD:
                args.append(value)
            else:
                kwargs[p.name] = value
        return function(*args, **kwargs)

    def fingerprinted(self, bound: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments without those at their default: what the fingerprint covers."""
        defaults = self._defaults
        if not defaults:
            return bound
        missing = inspect.Parameter.empty
        return {k: v for k, v in bound.items() if not _same(defaults.get(k, missing), v)}

    def _has_rest(self) -> bool:
        return any(p.kind is p.VAR_POSITIONAL for p in self._signature.parameters.values())


def _is_plain(kind: Any) -> bool:
    """Whether values of a type are what JSON decodes to, so that nothing is to be built."""
    if kind in (Any, str, int, float, bool, None, type(None), dict, list, _DICT):
        return True
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return True
    if origin in (list, dict, types.UnionType, typing.Union, typing.NotRequired):
        return all(map(_is_plain, args))
    return False


def _same(default: Any, value: Any) -> bool:
    try:
        return type(default) is type(value) and bool(default == value)
    except Exception:  # noqa: BLE001 - a default whose comparison fails is another value
        return False


def _field_type(p: inspect.Parameter, hints: dict[str, Any]) -> Any:
    kind = hints.get(p.name, Any)
    if _decoder_for(kind) == _any_decoder.decode:
        kind = Any
    if p.kind is p.VAR_POSITIONAL:
        return typing.NotRequired[list[kind]]  # type: ignore[valid-type]
    if p.kind is p.VAR_KEYWORD:
        return typing.NotRequired[dict[str, kind]]  # type: ignore[valid-type]
    return kind if p.default is p.empty else typing.NotRequired[kind]


def _typed_dict(name: str, fields: dict[str, Any]) -> Any:
    made: Any = typing.TypedDict(f"{name}_arguments", fields)  # type: ignore[misc]
    try:
        msgspec.json.Decoder(made, dec_hook=_decode_hook)
    except (TypeError, ValueError):
        return _DICT if "pydantic" not in sys.modules else made
    return made


def type_hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the annotations of a function; one that cannot be resolved counts as ``Any``."""
    try:
        return typing.get_type_hints(function, include_extras=True)
    except Exception:  # noqa: BLE001 - a name only a type checker sees
        hints = {}
        for name, annotation in getattr(function, "__annotations__", {}).items():
            hints[name] = _resolve(annotation, function)
        return hints


def _resolve(annotation: Any, function: Callable[..., Any]) -> Any:
    if not isinstance(annotation, str):
        return annotation
    holder = type(
        "_", (), {"__annotations__": {"x": annotation}, "__module__": function.__module__}
    )
    try:
        return typing.get_type_hints(holder, getattr(function, "__globals__", {}))["x"]
    except Exception:  # noqa: BLE001 - a name only a type checker sees
        return Any


def describe(kind: Any) -> str:
    """Say a type the way its author wrote it."""
    if kind is Any or kind is inspect.Parameter.empty:
        return "no declared type (plain JSON)"
    name = getattr(kind, "__name__", None)
    if name and name.endswith("_arguments"):
        return "the declared parameters"
    return name if isinstance(kind, type) and name and not typing.get_args(kind) else str(kind)


def _difference(value: Any, copy: Any, path: str = "$") -> str:
    """Name the first place where the copy differs."""
    if isinstance(value, dict) and isinstance(copy, dict):
        for key in value:
            if key not in copy:
                return f"at {path} the key {key!r} of type {type(key).__name__} is lost"
            if value[key] != copy[key]:
                return _difference(value[key], copy[key], f"{path}.{key}")
    if (
        isinstance(value, list | tuple)
        and isinstance(copy, list | tuple)
        and type(value) is type(copy)
    ):
        for index, (one, other) in enumerate(zip(value, copy, strict=False)):
            if one != other:
                return _difference(one, other, f"{path}[{index}]")
    if isinstance(value, enum.Enum):
        return f"at {path} the enum member {value!r} becomes {copy!r}"
    if isinstance(value, float) and value != value:  # noqa: PLR0124 - NaN
        return f"at {path} there is a NaN, {_NO_NAN}"
    return f"at {path} a {type(value).__name__} becomes a {type(copy).__name__}"


def short(value: Any, chars: int = 120) -> str:
    """Say a value, or its JSON, in a bounded number of characters."""
    try:
        text = (
            value[: chars * 4].decode(errors="replace") if isinstance(value, bytes) else repr(value)
        )
    except Exception as problem:  # noqa: BLE001 - a repr of the user's may raise anything
        text = f"a {type(value).__name__} ({type(problem).__name__} in its repr)"
    return text if len(text) <= chars else f"{text[:chars]}…"

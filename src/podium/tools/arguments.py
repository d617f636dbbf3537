"""The arguments of a call by name: made plain, held against the schema, mended, built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from podium.core.codec import Binder, decode_any, encode_message
from podium.core.errors import InputInvalid, ValueNotPortable
from podium.core.limits import PAYLOAD_BYTES_MAX
from podium.core.validation import Validator
from podium.functions.calls import Call
from podium.tools.binders import RunBinder
from podium.tools.complaints import Complaint, complaints_about
from podium.tools.expected import shown
from podium.tools.registry import AnyTool
from podium.tools.repair import Mended, Mender, Repair

NESTING_MAX: Final = 100
"""How deep arguments may be nested."""
MENDED_BYTES_MAX: Final = 1_000_000
"""Larger arguments are checked, and not mended."""


class Checked(NamedTuple):
    """What checking came to: a call that can be made, or complaints.

    Attributes:
        call: Not started; None where there are complaints.
        repairs: What was mended for it.
        complaints: What is wrong.
        plain: The arguments as JSON, mended; None where there are complaints.
    """

    call: Call[Any] | None
    repairs: tuple[Repair, ...] = ()
    complaints: tuple[Complaint, ...] = ()
    plain: dict[str, Any] | None = None


def checked(tool: AnyTool, given: Any) -> Checked:
    """Hold arguments against the schema of a tool; mend what is certain.

    Args:
        tool: The tool.
        given: The arguments by name; the text of a JSON object will do, None is no arguments.
    """
    try:
        plain, size = _plain(given)
    except ValueNotPortable as problem:
        return Checked(None, (), (Complaint("json", (), shown(given), "JSON", f"{problem}"),))
    spec = tool.spec
    validator = spec.validator
    if validator.fits(plain):
        return _built(tool, Mended(plain))
    if size > MENDED_BYTES_MAX:
        return Checked(None, (), _complaints(tool, validator, plain))
    mender = Mender(spec.input_schema, validator)
    mended = mender.mend(plain)
    if mended is None:
        rest = mender.mended_parts(plain).value
        return Checked(None, (), _complaints(tool, validator, rest))
    return _built(tool, mended)


def _plain(given: Any) -> tuple[Any, int]:
    """Return arguments as plain JSON, and their size in bytes.

    Raises:
        ValueNotPortable: They have no JSON form, or are nested too deep.
    """
    if given is None:
        return {}, 2
    if isinstance(given, bytes):
        given = given.decode(errors="replace")
    _require_shallow(given)
    what = "the arguments"
    encoded = encode_message(
        dict(given) if isinstance(given, Mapping) else given, what, PAYLOAD_BYTES_MAX
    )
    plain = decode_any(encoded)
    if isinstance(plain, str):
        try:
            read = msgspec.json.decode(plain or "{}")
        except (msgspec.DecodeError, RecursionError):
            return plain, len(encoded)
        if isinstance(read, dict):
            _require_shallow(read)
            return read, len(encoded)
    return plain, len(encoded)


def _require_shallow(value: Any) -> None:
    level = [value]
    for _ in range(NESTING_MAX):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list | tuple)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return
    raise ValueNotPortable(f"the arguments are nested more than {NESTING_MAX} deep")


def _complaints(tool: AnyTool, validator: Validator, value: Any) -> tuple[Complaint, ...]:
    found = complaints_about(tool.spec.input_schema, validator, value, tool.spec.from_run)
    if found:
        return found
    # every part could be mended, and yet what came of it is not certain
    return (Complaint("value", (), shown(value), "arguments that can be read in one way only"),)


def _built(tool: AnyTool, mended: Mended) -> Checked:
    """Build the declared types; what they refuse is a complaint too."""
    spec = tool.spec
    if spec.schemas is not None:
        return Checked(tool(**mended.value), mended.repairs, (), mended.value)
    binder = spec.binder.given if isinstance(spec.binder, RunBinder) else spec.binder
    value = mended.value
    try:
        bound = _bound(binder, value)
    except (InputInvalid, ValueNotPortable):
        value = _with_whole_numbers(value)
        try:
            bound = _bound(binder, value)
        except (InputInvalid, ValueNotPortable) as problem:
            return Checked(None, (), (_refused(value, problem),))
    return Checked(binder.call(tool, bound), mended.repairs, (), value)


def _bound(binder: Binder, value: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments in their declared types.

    Raises:
        InputInvalid: One does not fit.
        ValueNotPortable: One would come back as another value.
    """
    return binder.copy(binder.from_json(value), PAYLOAD_BYTES_MAX)[1]


def _with_whole_numbers(value: Any) -> Any:
    """Return JSON with ``5`` in place of ``5.0``, which is the same number."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: _with_whole_numbers(one) for name, one in value.items()}
    return [_with_whole_numbers(one) for one in value] if isinstance(value, list) else value


def _refused(value: Any, problem: Exception) -> Complaint:
    """Say what a declared type refused: the words are those of msgspec or pydantic."""
    cause: BaseException | None = problem
    while cause is not None and cause.__cause__ is not None:
        cause = cause.__cause__
    text, _, place = str(cause).rpartition(" - at `$")
    path = _path(place) if text else ()
    found = value
    for one in path:
        try:
            found = found[one]
        except (KeyError, IndexError, TypeError):
            path, found = (), value
            break
    hint = " ".join((text or str(cause)).split())
    return Complaint("value", path, shown(found), "another value", hint[:500])


def _path(place: str) -> tuple[str | int, ...]:
    """Read the path of msgspec: ``.lines[0].count`` and a backtick."""
    found: list[str | int] = []
    for part in place.rstrip("`").replace("[", ".[").split(".")[1:]:
        is_item = part.startswith("[") and part[1:-1].isdigit()
        found.append(int(part[1:-1]) if is_item else part)
    return tuple(found)

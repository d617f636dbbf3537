"""The keys under which a call shares limits, breakers and results with others."""

from __future__ import annotations

import hashlib
import string

from collections.abc import Mapping
from typing import Any

from podium.core.codec import encode_sorted
from podium.core.errors import PodiumError
from podium.core.policies import KEY_CHARS_MAX

_PLAIN = (str, int, bool)


class KeyWithoutValue(PodiumError):
    """The key of a limit or breaker names an argument that cannot be part of a key."""

    code = "key-without-value"


def shared_key(key: str, arguments: Mapping[str, Any]) -> str:
    """Return a key with the values of the arguments that it names: ``crm:{account}``.

    Raises:
        KeyWithoutValue: An argument is not there, or is neither a text nor a whole number.
    """
    if "{" not in key:
        return key
    parts: list[str] = []
    for text, name, _, _ in string.Formatter().parse(key):
        parts.append(text)
        if name is None:
            continue
        value = arguments.get(name)
        if not isinstance(value, _PLAIN):
            raise KeyWithoutValue(
                f"The key {key!r} names the argument {name!r}, which is {value!r:.80} in this "
                "call; expected a text or a whole number."
            )
        parts.append(str(value))
    found = "".join(parts)
    if len(found) <= KEY_CHARS_MAX:
        return found
    return f"{found[:100]}…{hashlib.blake2b(found.encode(), digest_size=12).hexdigest()}"


def call_key(arguments: Mapping[str, Any], names: tuple[str, ...] = ()) -> str:
    """Return what two calls with the same arguments (or the same ones of these) have in common."""
    chosen = {name: arguments.get(name) for name in names} if names else dict(arguments)
    prefix = ",".join(names) + ":" if names else ""
    return prefix + hashlib.blake2b(encode_sorted(chosen), digest_size=16).hexdigest()

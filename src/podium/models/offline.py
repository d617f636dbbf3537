"""The switch that forbids calls of real providers."""

from __future__ import annotations

import ipaddress
import os

from typing import Final
from urllib.parse import urlsplit

from podium.models.errors import RealCallsForbidden

VARIABLE: Final = "PODIUM_REAL_MODELS"
"""``forbid`` in the environment does what :func:`forbid_real_calls` does."""
_FORBID: Final = "forbid"


def forbid_real_calls(is_forbidden: bool = True) -> None:
    """Forbid calls of models at real providers, in this process and those that it starts.

    Servers on this machine (loopback addresses), scripted and local models answer all the same. A
    call that is forbidden fails with code ``real-calls-forbidden``, and nothing is sent.

    Args:
        is_forbidden: False allows them again.
    """
    os.environ[VARIABLE] = _FORBID if is_forbidden else "allow"


def real_calls_are_forbidden() -> bool:
    """Tell whether calls of real providers are forbidden."""
    return os.environ.get(VARIABLE, "").strip().lower() == _FORBID


def require_allowed(model: str, address: str) -> None:
    """Make sure that a model may be called.

    Args:
        model: The model string.
        address: Where it is.

    Raises:
        RealCallsForbidden: It is not on this machine, and real calls are forbidden.
    """
    if real_calls_are_forbidden() and not is_loopback(address):
        raise RealCallsForbidden(
            f"{model} is at {urlsplit(address).hostname}, and calls of real models are forbidden "
            f"here ({VARIABLE}={_FORBID}, which tests set). Use a ScriptedModel or a cassette; or allow "
            "them with podium.models.forbid_real_calls(False)."
        )


def is_loopback(address: str) -> bool:
    """Tell whether an address is on this machine."""
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

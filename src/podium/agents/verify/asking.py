"""Models as gates and policies ask them."""

from __future__ import annotations

from typing import Any

import msgspec

from podium.models.calls import Model


def model_of(given: Any) -> Model:
    """Return the model that is meant: itself, a model string, or a scripted one."""
    return given if isinstance(given, Model) else Model(given)


def shown(value: Any) -> str:
    """Return a value as a model is shown it: a text as it is, anything else as JSON."""
    if isinstance(value, str):
        return value
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()

"""The kinds of tasks, each with what writes its nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from podium.flow.importing import control, events, listening, services, trying
from podium.flow.importing.importer import Kind

KINDS: Final[Mapping[str, Kind]] = {
    "call": services.call,
    "for": control.repeat,
    "do": control.group,
    "emit": events.emit,
    "fork": control.fork,
    "listen": listening.listen,
    "raise": trying.fail,
    "run": services.run,
    "set": events.put,
    "try": trying.attempt,
    "wait": events.wait,
}
"""All kinds but ``switch``, which is a part of the list it stands in."""

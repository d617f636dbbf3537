"""Test kit: the simulator, crash points, conformance suites, the pytest plugin.

::

    from podium.testing import crash_everywhere

    def test_it_survives() -> None:
        crash_everywhere(total, {"upto": 3})
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from podium.testing.crash import CrashFailure, CrashReport, crash_everywhere
    from podium.testing.process import SimProcess, die
    from podium.testing.simulator import CrashPoint, SimulationError, SimWorld

_LATE = {
    "CrashFailure": "podium.testing.crash",
    "CrashPoint": "podium.testing.simulator",
    "CrashReport": "podium.testing.crash",
    "SimProcess": "podium.testing.process",
    "SimWorld": "podium.testing.simulator",
    "SimulationError": "podium.testing.simulator",
    "crash_everywhere": "podium.testing.crash",
    "die": "podium.testing.process",
}

__all__ = [
    "CrashFailure", "CrashPoint", "CrashReport", "SimProcess", "SimWorld", "SimulationError",
    "crash_everywhere", "die",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import the simulator when it is first asked for: the pytest plugin must cost nothing."""
    module = _LATE.get(name)
    if module is None:
        raise AttributeError(f"module 'podium.testing' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__

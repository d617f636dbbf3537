"""A tool for another process, which imports this module by its name."""

import podium


@podium.tool(effect="pure", isolation="process", namespace="tests")
def elsewhere(number: int) -> int:
    """Compute in another process."""
    return number * 2

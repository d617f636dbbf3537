"""From milliseconds to text."""

UNITS = {
    "w": 604_800_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
    "ms": 1,
}
"""How many milliseconds each unit has, from the largest to the smallest."""


def spell(ms: int) -> str:
    """Write a duration, given in milliseconds, in as few parts as it takes."""
    if ms == 0:
        return "0s"
    parts = []
    rest = abs(ms)
    for unit, size in UNITS.items():
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return ("-" if ms < 0 else "") + "".join(parts)

"""What repeating a step would do to the world."""

from __future__ import annotations

from enum import StrEnum

from podium.core.errors import InvalidOption


class Effect(StrEnum):
    """The effect a task declares (DESIGN §4)."""

    PURE = "pure"
    READ = "read"
    WRITE = "write"
    TRANSACTION = "transaction"
    ONCE = "once"

    @property
    def touches(self) -> bool:
        """Whether the body changes the world, so that its start is committed before it runs."""
        return self in _TOUCHING


_TOUCHING = (Effect.WRITE, Effect.TRANSACTION, Effect.ONCE)


def effect_named(name: str | Effect) -> Effect:
    """Return the effect of that name.

    Raises:
        InvalidOption: There is none.
    """
    try:
        return Effect(name)
    except ValueError:
        known = ", ".join(repr(str(effect)) for effect in Effect)
        raise InvalidOption(f"effect={name!r}: expected one of {known}.") from None

"""Numbers between bounds as a grammar of their digits."""

from __future__ import annotations

import math

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

_WIDEST: Final = 10**15 - 1
"""What has no bound of its own has at most these digits, which a float still holds."""
_DECIMALS: Final = 2
"""Digits behind the point of a number between bounds, and where a bound has more, that many."""
_VALUES_MAX: Final = 500
"""Multiples of a number are written out, up to this many."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a schema says of a number; None where it says nothing."""

    low: Fraction | None
    high: Fraction | None
    excludes_low: bool
    excludes_high: bool
    step: Fraction | None

    @classmethod
    def of(cls, schema: Mapping[str, Any]) -> Bounds:
        """Read them from a schema."""
        low, over = _exact(schema.get("minimum")), _exact(schema.get("exclusiveMinimum"))
        high, under = _exact(schema.get("maximum")), _exact(schema.get("exclusiveMaximum"))
        excludes_low = over is not None and (low is None or over >= low)
        excludes_high = under is not None and (high is None or under <= high)
        return cls(
            over if excludes_low else low,
            under if excludes_high else high,
            excludes_low,
            excludes_high,
            _exact(schema.get("multipleOf")),
        )


@dataclass(frozen=True, slots=True)
class NumberRange:
    """All numbers of so many decimals from one to another, in units of their last decimal.

    Attributes:
        low: The smallest.
        high: The largest.
        decimals: Digits behind the point.
        step: Which of them: every so many units.
        is_free: There is no bound: digits behind the point may be left out.
    """

    low: int
    high: int
    decimals: int
    step: int = 1
    is_free: bool = False

    @classmethod
    def of(cls, bounds: Bounds, *, is_whole: bool) -> NumberRange:
        """Return the numbers between bounds.

        Raises:
            ValueError: There is none, or there are too many multiples to write out.
        """
        decimals = 0 if is_whole else _DECIMALS
        if not is_whole:
            given = [one for one in (bounds.low, bounds.high, bounds.step) if one is not None]
            decimals = max([decimals, *(_decimals_of(one) for one in given)])
        unit = 10**decimals
        widest = _WIDEST * unit
        low = -widest if bounds.low is None else math.ceil(bounds.low * unit)
        high = widest if bounds.high is None else math.floor(bounds.high * unit)
        if bounds.low is not None and bounds.excludes_low and low == bounds.low * unit:
            low += 1
        if bounds.high is not None and bounds.excludes_high and high == bounds.high * unit:
            high -= 1
        step = 1
        if bounds.step is not None:
            exact = bounds.step * unit
            if exact.denominator != 1 or exact < 1:
                raise ValueError(f"has multiples of {float(bounds.step)}")
            step = int(exact)
            low, high = -(-low // step) * step, high // step * step
            if step > 1 and (high - low) // step >= _VALUES_MAX:
                raise ValueError(f"has more than {_VALUES_MAX} multiples of {float(bounds.step)}")
        if low > high:
            raise ValueError("has bounds between which there is no number")
        is_free = bounds.low is None and bounds.high is None and step == 1
        return cls(low, high, decimals, step, is_free=is_free)

    @property
    def bytes_max(self) -> int:
        """The most characters that a number has."""
        if self.is_free and self.decimals:
            return 24
        return max(len(str(abs(self.low))), len(str(abs(self.high))), self.decimals + 1) + 2

    def grammar(self) -> str:
        """Return what stands for them in a rule."""
        if self.step > 1:
            values = range(self.low, self.high + 1, self.step)
            return f"({' | '.join(f'{chr(34)}{self._written(one)}{chr(34)}' for one in values)})"
        if self.is_free:
            behind = ' ("." [0-9]{1,6})?' if self.decimals else ""
            return f'("-"? ("0" | [1-9] [0-9]{{0,14}}){behind})'
        parts = []
        if self.low < 0:
            parts += [f'"-" ({one})' for one in self._from_to(max(1, -self.high), -self.low)]
        if self.high >= 0:
            parts += self._from_to(max(0, self.low), self.high)
        return f"({' | '.join(parts)})"

    def _from_to(self, low: int, high: int) -> list[str]:
        """Return alternatives for what is not negative, one or more for each number of digits."""
        parts = []
        least = self.decimals + 1
        for digits in range(least, max(len(str(high)), least) + 1):
            first = max(low, 10 ** (digits - 1) if digits > least else 0)
            last = min(high, 10**digits - 1)
            if first <= last:
                texts = (str(first).zfill(digits), str(last).zfill(digits))
                parts.append(self._digits(*texts, digits))
        return parts

    def _digits(self, low: str, high: str, length: int) -> str:
        """Return what stands for texts of digits from one to another, both of one length.

        Args:
            low: The smallest, from here on.
            high: The largest, from here on.
            length: Of the whole number, which tells where the point is.
        """
        if not low:
            return '""'
        point = '"." ' if self.decimals and len(low) == self.decimals else ""
        if set(low) == {"0"} and set(high) == {"9"}:
            return point + self._any(len(low))
        if low[0] == high[0]:
            return f'{point}"{low[0]}" {self._digits(low[1:], high[1:], length)}'
        rest = len(low) - 1
        parts = [f'"{low[0]}" {self._digits(low[1:], "9" * rest, length)}']
        between = range(int(low[0]) + 1, int(high[0]))
        if between:
            digits = f"[{between[0]}-{between[-1]}]"
            parts.append(f"{digits} {self._digits('0' * rest, '9' * rest, length)}")
        parts.append(f'"{high[0]}" {self._digits("0" * rest, high[1:], length)}')
        return f"{point}({' | '.join(parts)})"

    def _any(self, count: int) -> str:
        """Return what stands for any digits; the point is among them where it has not come yet."""
        if not self.decimals or count <= self.decimals:
            return f"[0-9]{{{count}}}"
        return f'[0-9]{{{count - self.decimals}}} "." [0-9]{{{self.decimals}}}'

    def _written(self, units: int) -> str:
        sign, digits = ("-" if units < 0 else ""), str(abs(units)).zfill(self.decimals + 1)
        if not self.decimals:
            return sign + digits
        return f"{sign}{digits[: -self.decimals]}.{digits[-self.decimals :]}"


def _exact(number: Any) -> Fraction | None:
    """Return a number as it was written; True and False are none."""
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    return Fraction(str(number))


def _decimals_of(number: Fraction) -> int:
    """Return how many digits a number has behind the point, six at most."""
    return next((count for count in range(7) if (number * 10**count).denominator == 1), 6)

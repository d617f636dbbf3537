"""Regular expressions in linear time: the syntax of RE2, matched by walking all states at once.

Python's own ``re`` may take exponential time for a pattern such as ``(a+)+$``; this never does. It
answers one question, whether a text contains a match, so groups capture nothing and greed is moot.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import chain
from typing import Final

from podium.flow.expression.errors import ExpressionError
from podium.flow.expression.limits import PATTERN_DEPTH_MAX, PATTERN_STATES_MAX
from podium.flow.expression.pattern_sets import (
    ANY,
    LINE,
    Accepts,
    Patterns,
    either_case,
    one,
    read_class,
    read_escape,
)
from podium.flow.expression.values import Meter

Condition = Callable[[str, str], bool]
State = int
_MEMORY_MAX: Final = 50_000
"""States that one search keeps in mind, so that it need not walk them again."""
_REPEAT_MAX: Final = 1_000


def _word(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char == "_")


# What must hold between the character before and the one after; both are empty at the ends.
_START: Final[Condition] = lambda before, _: not before  # noqa: E731  # a table of one-liners
_END: Final[Condition] = lambda _, after: not after  # noqa: E731  # as above
_LINE_START: Final[Condition] = lambda before, _: before in {"", "\n"}  # noqa: E731  # as above
_LINE_END: Final[Condition] = lambda _, after: after in {"", "\n"}  # noqa: E731  # as above
_EDGE: Final[Condition] = lambda one, two: _word(one) != _word(two)  # noqa: E731  # as above
_INSIDE: Final[Condition] = lambda one, two: _word(one) == _word(two)  # noqa: E731  # as above
_CONDITIONS: Final = {"A": _START, "z": _END, "b": _EDGE, "B": _INSIDE}


class Pattern:
    """A compiled regular expression: states that accept a character, or lead on under a condition."""

    __slots__ = ("_accepts", "_end", "_free", "_start")

    def __init__(self) -> None:
        self._accepts: list[tuple[Accepts, State] | None] = []
        self._free: list[list[tuple[Condition | None, State]]] = []
        self._end = self.state()
        self._start = self._end

    def state(self) -> State:
        """Add a state.

        Raises:
            ExpressionError: ``bad-pattern``: there are too many.
        """
        if len(self._accepts) >= PATTERN_STATES_MAX:
            raise bad(f"it has more than {PATTERN_STATES_MAX} states", "Use smaller repetitions.")
        self._accepts.append(None)
        self._free.append([])
        return len(self._accepts) - 1

    def accepting(self, accepts: Accepts, then: State) -> State:
        """Add a state that takes one character."""
        state = self.state()
        self._accepts[state] = (accepts, then)
        return state

    def forking(self, *then: State, condition: Condition | None = None) -> State:
        """Add a state that leads on without taking a character."""
        state = self.state()
        self._free[state] = [(condition, one) for one in then]
        return state

    def redirect(self, state: State, *then: State) -> None:
        """Let a state that was added earlier lead on: this closes a loop."""
        self._free[state] = [(None, one) for one in then]

    @property
    def end(self) -> State:
        """The state in which a match is complete."""
        return self._end

    def begin(self, state: State) -> None:
        """Say where matching begins."""
        self._start = state

    def found_in(self, meter: Meter, text: str) -> bool:
        """Say whether the text contains a match."""
        meter.spend(1 + ((len(text) + 1) * len(self._accepts) >> 2))
        memory: dict[tuple[frozenset[State], str, str], frozenset[State] | None] = {}
        current: frozenset[State] = frozenset()
        before, room = "", _MEMORY_MAX
        for after in chain(text, ("",)):
            key = (current, _side(before), after)
            following = memory.get(key, _UNKNOWN)
            if following is _UNKNOWN:
                following = self._step(current, before, after)
                if room > 0:
                    memory[key] = following
                    room -= len(current) + 1
            if following is None:
                return True
            current, before = following, after
        return False

    def _step(self, current: frozenset[State], before: str, after: str) -> frozenset[State] | None:
        """Return the states after the next character, or None when a match is complete before it."""
        open_states, seen = [self._start, *current], {self._start, *current}
        following = set()
        while open_states:
            state = open_states.pop()
            if state == self._end:
                return None
            accepting = self._accepts[state]
            if accepting is not None and after and accepting[0](after):
                following.add(accepting[1])
            for condition, then in self._free[state]:
                if then not in seen and (condition is None or condition(before, after)):
                    seen.add(then)
                    open_states.append(then)
        return frozenset(following)


_UNKNOWN: Final[frozenset[State]] = frozenset({-1})


def _side(char: str) -> str:
    """Reduce a character to what conditions see of it."""
    return char if char in {"", "\n"} else ("w" if _word(char) else "-")


@lru_cache(maxsize=256)
def compile_pattern(source: str) -> Pattern:
    """Compile a regular expression.

    Raises:
        ExpressionError: ``bad-pattern``: its syntax is wrong, or it is too large.
    """
    pattern = Pattern()
    reader = _Reader(source)
    body = reader.alternatives()
    if reader.rest():
        raise bad(f"')' at {reader.position + 1} closes nothing")
    pattern.begin(body(pattern, pattern.end))
    return pattern


def matches(meter: Meter, text: str, source: str) -> bool:
    """Say whether a text contains a match of a regular expression."""
    if len(source) > PATTERN_STATES_MAX:
        raise bad(f"it is longer than {PATTERN_STATES_MAX} characters")
    meter.spend(len(source) * 4)
    return compile_pattern(source).found_in(meter, text)


def bad(message: str, hint: str = "") -> ExpressionError:
    """Return the error about a regular expression."""
    return ExpressionError("bad-pattern", f"the regular expression is wrong: {message}", hint=hint)


# A part of a pattern, given what comes after it, adds its states and returns where it begins.
Part = Callable[[Pattern, State], State]


def _sequence(parts: list[Part]) -> Part:
    def build(pattern: Pattern, then: State) -> State:
        for part in reversed(parts):
            then = part(pattern, then)
        return then

    return build


def _choice(parts: list[Part]) -> Part:
    if len(parts) == 1:
        return parts[0]
    return lambda pattern, then: pattern.forking(*[part(pattern, then) for part in parts])


def _repeat(part: Part, least: int, most: int | None) -> Part:
    def build(pattern: Pattern, then: State) -> State:
        if most is None:
            loop = pattern.state()
            pattern.redirect(loop, part(pattern, loop), then)
            then = loop
        for _ in range((most or least) - least):
            then = pattern.forking(part(pattern, then), then)
        for _ in range(least):
            start = part(pattern, then)
            if start == then:  # it is empty, so all its copies are
                break
            then = start
        return then

    return build


class _Reader:
    """Reads the text of a pattern from left to right."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.position = 0
        self._depth = 0
        self._flags = frozenset[str]()

    def rest(self) -> str:
        """Return what has not been read."""
        return self._source[self.position :]

    def _next(self, text: str) -> bool:
        if self._source.startswith(text, self.position):
            self.position += len(text)
            return True
        return False

    def _take(self) -> str:
        char = self._source[self.position : self.position + 1]
        self.position += 1
        return char

    def alternatives(self) -> Part:
        """Read up to the end, or the bracket that closes the group."""
        self._depth += 1
        if self._depth > PATTERN_DEPTH_MAX:
            raise bad(f"its groups are nested deeper than {PATTERN_DEPTH_MAX}")
        parts = [self._terms()]
        while self._next("|"):
            parts.append(self._terms())
        self._depth -= 1
        return _choice(parts)

    def _terms(self) -> Part:
        parts: list[Part] = []
        while self.position < len(self._source) and self._source[self.position] not in "|)":
            if self._braces() is not None:
                raise bad(f"'}}' at {self.position} repeats nothing", "Write '\\{'.")
            part = self._atom()
            if part is not None:
                parts.append(self._repeated(part))
        return _sequence(parts)

    def _repeated(self, part: Part) -> Part:
        counts = self._counts()
        if counts is None:
            return part
        self._next("?")  # lazy or not makes no difference to whether something matches
        if self._counts() is not None:
            raise bad(f"two repetitions follow each other at {self.position}", "Use a group.")
        return _repeat(part, *counts)

    def _counts(self) -> tuple[int, int | None] | None:
        for sign, counts in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._next(sign):
                return counts
        return self._braces()

    def _braces(self) -> tuple[int, int | None] | None:
        """Read ``{2}``, ``{2,}`` or ``{2,5}``; any other brace is a plain character."""
        end = self._source.find("}", self.position)
        if end < 0 or self._source[self.position : self.position + 1] != "{":
            return None
        low, comma, high = self._source[self.position + 1 : end].partition(",")
        if not (_digits(low) and (not high or _digits(high))):
            return None
        self.position = end + 1
        least, most = int(low), int(high) if high else None if comma else int(low)
        if max(least, most or 0) > _REPEAT_MAX or (most is not None and most < least):
            raise bad(f"no repetition is {{{low}{comma}{high}}}", f"At most {_REPEAT_MAX} times.")
        return least, most

    def _atom(self) -> Part | None:
        char = self._take()
        match char:
            case "(":
                return self._group()
            case "[":
                accepts, self.position = read_class(self._patterns(), self.position)
                return _accept(accepts)
            case ".":
                return _accept(ANY if "s" in self._flags else LINE)
            case "^":
                return _when(_LINE_START if "m" in self._flags else _START)
            case "$":
                return _when(_LINE_END if "m" in self._flags else _END)
            case "\\":
                return self._escape()
            case "*" | "+" | "?":
                raise bad(f"{char!r} at {self.position} repeats nothing", f"Write '\\{char}'.")
            case _:
                return self._literal(char)

    def _literal(self, char: str) -> Part:
        return _accept(either_case(char) if "i" in self._flags else one(char))

    def _escape(self) -> Part:
        condition = _CONDITIONS.get(self._source[self.position : self.position + 1])
        if condition is not None:
            self.position += 1
            return _when(condition)
        accepts, self.position = read_escape(self._patterns(), self.position)
        return self._literal(accepts) if isinstance(accepts, str) else _accept(accepts)

    def _patterns(self) -> Patterns:
        return Patterns(self._source, ignores_case="i" in self._flags, bad=bad)

    def _group(self) -> Part | None:
        outer = self._flags
        if self._next("?"):
            inner = self._group_start()
            if inner is None:
                return None  # (?i) on its own: it holds to the end of the group around it
        body = self.alternatives()
        if not self._next(")"):
            raise bad("a group is not closed", "Write ')' at its end.")
        self._flags = outer
        return body

    def _group_start(self) -> bool | None:
        """Read what follows ``(?``: a name, flags for this group, or flags alone (None)."""
        if self._next("P<") or (self.rest()[:2] not in {"<=", "<!"} and self._next("<")):
            return self._name()
        on, negative = set(self._flags), False
        while (char := self._take()) not in {":", ")"}:
            if char == "-" and not negative:
                negative = True
            elif char and char in "imsU":
                (on.discard if negative else on.add)(char)
            else:
                raise bad(
                    f"'(?{char}' is not known at {self.position}",
                    "Look-around and back-references would not be bounded in time.",
                )
        self._flags = frozenset(on)
        return None if char == ")" else True

    def _name(self) -> bool:
        end = self._source.find(">", self.position)
        name = self._source[self.position : end] if end > 0 else ""
        if not name.isidentifier():
            raise bad(f"a group has no proper name at {self.position}")
        self.position = end + 1
        return True


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 4


def _accept(accepts: Accepts) -> Part:
    return lambda pattern, then: pattern.accepting(accepts, then)


def _when(condition: Condition) -> Part:
    return lambda pattern, then: pattern.forking(then, condition=condition)

"""How operators and functions are found: by name, and by the types of their arguments.

One table serves both sides: the evaluator looks up what to run, the check what it will give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

from podium.flow.expression.values import TYPES, Kind, Widened, widen

Run = Callable[..., Any]
"""Takes the meter and the arguments."""
Dispatch = Mapping[tuple[type, ...], Run]
"""What to run, by the types of the arguments."""

ANY: Final = frozenset(Kind)
"""Stands for every kind, where an overload takes all of them."""


@dataclass(frozen=True, slots=True)
class Overload:
    """One form of an operator or function.

    Attributes:
        takes: The kinds of each argument.
        gives: The kind of the result.
        run: What computes it.
    """

    takes: tuple[frozenset[Kind], ...]
    gives: Kind
    run: Run


@dataclass(frozen=True, slots=True)
class Function:
    """An operator or function.

    Attributes:
        name: What it is called; an operator by its sign, the unary minus ``-x``.
        forms: How it may be written: ``operator``, ``function`` (``f(x)``), ``method`` (``x.f()``).
        overloads: What it does for which arguments.
        dispatch: The same for the evaluator, with every mixture of numbers that is widened.
    """

    name: str
    forms: frozenset[str]
    overloads: tuple[Overload, ...]
    dispatch: Dispatch

    @property
    def arities(self) -> frozenset[int]:
        """How many arguments it can have, the receiver of a method included."""
        return frozenset(len(each.takes) for each in self.overloads)


def overload(run: Run, gives: Kind, *takes: Kind | frozenset[Kind]) -> Overload:
    """Describe one form of a function."""
    kinds = tuple(one if isinstance(one, frozenset) else frozenset({one}) for one in takes)
    return Overload(kinds, gives, run)


def function(name: str, forms: str, overloads: Iterable[Overload]) -> Function:
    """Describe an operator or function; ``forms`` are words with spaces between."""
    listed = tuple(overloads)
    dispatch: dict[tuple[type, ...], Run] = {}
    for each in listed:
        dispatch.update(_exact(each, keeps="operator" in forms))
    for each in listed:
        for types, run in _widened(each):
            dispatch.setdefault(types, run)
    return Function(name, frozenset(forms.split()), listed, dispatch)


def _exact(each: Overload, *, keeps: bool) -> Iterable[tuple[tuple[type, ...], Run]]:
    """Give the types that fit an overload as they are."""
    for kinds in product(*each.takes):
        for types in product(*(TYPES[kind] for kind in kinds)):
            yield types, _kept(each) if keeps and Widened in types else each.run


def _widened(each: Overload) -> Iterable[tuple[tuple[type, ...], Run]]:
    """Give the mixtures of integers and doubles for which an overload takes doubles."""
    if each.takes == 2 * (frozenset({Kind.DOUBLE}),):
        for types in product((int, *TYPES[Kind.DOUBLE]), repeat=2):
            if int in types and set(types) != {int}:
                yield types, _mixed(_kept(each))


def _kept(each: Overload) -> Run:
    """Compute with doubles of which one was widened: then the result is, too."""
    if each.gives is not Kind.DOUBLE:
        return each.run
    run = each.run
    return lambda meter, *arguments: Widened(run(meter, *arguments))


def _mixed(run: Run) -> Run:
    return lambda meter, left, right: run(meter, widen(left), widen(right))

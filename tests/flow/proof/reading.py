"""What the reference reads off a plain document: which names a part of it refers to, and how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from podium.flow.expression import Expression, Reference, Template

Data = Mapping[str, Any]
KINDS = (
    "call", "flow", "switch", "for_each", "while", "until", "wait", "ask", "set", "fail",
)  # fmt: skip


class Join(NamedTuple):
    """How the dependencies of a node decide."""

    needed: int | None
    takes_any_end: bool
    cancels_rest: bool


@lru_cache(maxsize=20_000)
def condition(text: str) -> Expression:
    """Read a bare expression."""
    return Expression.parse(text)


def kind_of(spec: Data) -> str:
    """Return the word that makes a node's kind."""
    (kind,) = [word for word in KINDS if word in spec]
    return kind


def join_of(spec: Data) -> Join:
    """Return how a node joins."""
    given, cancels_rest = spec.get("join", "all"), True
    if isinstance(given, dict):
        given, cancels_rest = given["of"], given.get("rest") != "continue"
    needed = 1 if given == "any" else given if isinstance(given, int) else None
    return Join(needed, given == "settled", cancels_rest)


def after_of(spec: Data) -> dict[str, bool]:
    """Return the nodes in ``after``, and whether each is plain (a name without ``?``)."""
    given = spec.get("after", [])
    entries = [given] if isinstance(given, str) else given
    return {entry.removesuffix("?"): not entry.endswith("?") for entry in entries}


def references(template: Any) -> frozenset[Reference]:
    """Return what a value with expressions refers to."""
    return Template.parse(template).references


def own_references(spec: Data) -> frozenset[Reference]:
    """Return what a node itself refers to; its bodies, and what is evaluated in them, left out."""
    found = [head_references(spec)]
    if "when" in spec:
        found.append(condition(spec["when"]).references)
    found += [condition(one["when"]).references for one in spec.get("switch", []) if "when" in one]
    return frozenset().union(*found)


def head_references(spec: Data) -> frozenset[Reference]:
    """Return what a node computes as it starts, conditions left out."""
    found: list[frozenset[Reference]] = []
    match kind_of(spec):
        case "call" | "flow":
            found.append(references(spec.get("args", {})))
        case "switch":
            pass
        case "while" | "until":
            found.append(references(spec.get("state")))
        case "ask":
            found.append(references([spec["ask"], spec.get("on_timeout")]))
        case kind:
            found.append(references(spec[kind]))
    return frozenset().union(*found)


def tail_names(spec: Data) -> frozenset[str]:
    """Return the names that a node reads once a body of it has ended; those of the body are left out."""
    found: set[str] = set()
    for body in [spec, *spec.get("switch", [])]:
        read = set(read_at_end(body))
        found |= read - set(body.get("nodes", {}))
    return frozenset(found)


def read_at_end(body: Data) -> Iterator[str]:
    """Give the names that the owner of a body reads of it."""
    for word in ("while", "until"):
        if word in body:
            yield from (one.node for one in condition(body[word]).references)
    for word in ("next", "key", "output"):
        yield from (one.node for one in references(body.get(word)))


def names_within(spec: Data) -> frozenset[str]:
    """Return the names that a node or anything in its bodies refers to."""
    return frozenset(_names(spec))


def _names(spec: Data) -> Iterator[str]:
    yield from (one.node for one in own_references(spec))
    yield from after_of(spec)
    for body in [spec, *spec.get("switch", [])]:
        yield from read_at_end(body)
        for inner in body.get("nodes", {}).values():
            yield from _names(inner)

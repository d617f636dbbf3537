"""Which nodes may be without a value, why, and where that would surprise."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from itertools import islice

from podium.flow.check.conditions import (
    KEPT_MAX,
    Condition,
    Keys,
    all_of_any,
    conditions_of,
    short,
)
from podium.flow.check.layout import Entry, Layout, Read, Scope
from podium.flow.check.notes import Code, Mention, Notes, mentions_in
from podium.flow.expression import ExpressionError, Facts, Template
from podium.flow.model import Fail, ForEach, Loop, Switch

Guard = Mapping[Condition, Entry | None]
"""What has to be so for a value to be there, and by way of which other node that is so."""
_NOTHING: Guard = {}
_NEEDS_MAX = 100
"""An expression that reads more nodes learns nothing from their conditions."""
_FAILING = frozenset({"while", "until", "next", "key"})
"""What fails its node where a value is missing (F-58)."""


class Presence:
    """Goes through the nodes, those first that others wait for.

    Attributes:
        guards: What has to be so for each node to have a value; none where nothing has to.
        holds: What is known to be so within each body.
    """

    def __init__(self, layout: Layout, notes: Notes) -> None:
        self._layout = layout
        self._notes = notes
        self._keys = Keys()
        self._own: dict[Entry, list[Condition]] = {}
        self.guards: dict[Entry, Guard] = {}
        self.holds: dict[Scope, frozenset[Condition]] = {layout.top: frozenset()}

    # before the bodies of a node ---------------------------------------------------------

    def enter(self, entry: Entry) -> None:
        """Find out what has to be so for a node to start, and what is so within its bodies."""
        guard: dict[Condition, Entry | None] = {}
        if entry.node.when is not None:
            own = conditions_of(entry.node.when, entry.scope, self._keys)
            self._own[entry] = own
            guard.update(dict.fromkeys(own))
        if entry.handles:
            guard.update(dict.fromkeys([self._of_handler(entry)]))
        if entry.node.join.count is None:
            self._inherit(guard, (need for need, is_plain in entry.needs.items() if is_plain))
        else:
            guard.update(dict.fromkeys(self._of_join(entry)))
            self._check_join(entry, entry.node.join.count)
        self._note_contradiction(entry, guard)
        self.guards[entry] = guard
        outside = self.holds[entry.scope] | guard.keys()
        for inner, taken in zip(entry.scopes, self._of_cases(entry), strict=True):
            self.holds[inner] = outside | taken
            if inner.parent is not None and inner.parent is not entry.scope:
                self.holds[inner.parent] = outside

    def _of_cases(self, entry: Entry) -> list[set[Condition]]:
        """Return what is known where each case was taken: its condition, and none of those before it."""
        work = entry.node.work
        if not isinstance(work, Switch):
            return [set() for _ in entry.scopes]
        before: dict[Condition, None] = {}
        found: list[set[Condition]] = []
        for inner, case in zip(entry.scopes, work.cases, strict=True):
            if case.when is None:
                found.append(set(islice(before, KEPT_MAX)))
                continue
            taken = conditions_of(case.when, entry.scope, self._keys)
            if any(one.opposite in before for one in taken):
                message = f"this case is never taken: one before it holds wherever {short(case.when.source)!r} does."
                at = f"{inner.at}.when"
                self._notes.warn(entry.position, "unreachable", at, message, "Leave it out.")
            found.append({*taken, *islice(before, KEPT_MAX)})
            if len(taken) == 1:
                before[taken[0].opposite] = None
        return found

    def _inherit(self, guard: dict[Condition, Entry | None], needs: Iterable[Entry]) -> None:
        for need in sorted(needs, key=lambda one: one.position):
            for condition in self.guards.get(need, _NOTHING):
                if len(guard) >= KEPT_MAX:
                    return
                guard.setdefault(condition, need)

    def _of_handler(self, entry: Entry) -> Condition:
        handled = entry.handles
        names = " or ".join(repr(one.id) for one in handled)
        why = f"runs only where {names} has failed"
        if len(handled) == 1:
            return Condition(self._keys.of(("ok", handled[0])), holds=False, why=why)
        return self._only(entry, "called", why)

    def _only(self, entry: Entry, what: str, why: str) -> Condition:
        """Return something that is known of one node only."""
        return Condition(self._keys.of((what, entry)), holds=True, why=why)

    def _of_join(self, entry: Entry) -> Iterable[Condition]:
        count = entry.node.join.count or 1
        holds = self.holds[entry.scope]
        terms = [frozenset(self.guards.get(need, _NOTHING)) - holds for need in entry.needs]
        if sum(not term for term in terms) >= count:
            return []
        common = all_of_any(terms) if count == 1 else None
        if common is not None:
            return common
        why = "is skipped where too few of its dependencies are ok"
        return [self._only(entry, "join", why)]

    def _check_join(self, entry: Entry, count: int) -> None:
        """A node that does not wait for all must not need the value of each (F-25)."""
        if count >= len(entry.needs):
            return
        for read in entry.reads:
            for mention in mentions_in(read.value, read.at):
                root = mention.reference.root
                need = read.scope.find(root)
                if need in entry.needs and mention.is_plain and not read.is_within:
                    hint = f"Write '{root}?' to take null then."
                    text = f"{entry.id!r} starts once {count} of {len(entry.needs)} are ok, and {root!r} may not be there then."
                    self._note(read, mention, "join-needs-mark", text, hint, is_error=True)

    def _note_contradiction(self, entry: Entry, guard: Guard) -> None:
        outside = self.holds[entry.scope]
        if not outside and len({one.key for one in guard}) == len(guard):
            return
        for condition in guard:
            opposite = condition.opposite
            if opposite not in guard and opposite not in outside:
                continue
            message = f"{entry.id!r} can never run: {self._reason(guard, condition)}"
            if opposite in guard:
                other = next(one for one in guard if one == opposite)
                message = f"{message}, and {self._reason(guard, other)}."
            else:
                message = f"{message}, which is not so where it stands."
            hint = "Mark what may be missing with '?', or leave the condition out."
            self._notes.warn(entry.position, "unreachable", entry.node.at, message, hint)
            return

    def _reason(self, guard: Guard, condition: Condition) -> str:
        via = guard[condition]
        return f"it {condition.why}" if via is None else f"it needs {self._chain(via, condition)}"

    # after them -------------------------------------------------------------------------

    def leave(self, entry: Entry) -> None:
        """Find out what else has to be so for a node to have a value."""
        guard = dict(self.guards[entry])
        for condition, via in self._of_bodies(entry):
            guard.setdefault(condition, via)
        if entry.node.on_error != "fail":
            why = f"has no value where it fails ('on_error: {entry.node.on_error}')"
            guard.setdefault(self._only(entry, "ok", why), None)
        if isinstance(entry.node.work, Fail) and entry.node.on_error != "fail":
            why = "never has a value: it fails"
            guard[self._only(entry, "fail", why)] = None
        self.guards[entry] = guard

    def _of_bodies(self, entry: Entry) -> Iterable[tuple[Condition, Entry | None]]:
        lacks: list[tuple[Entry, Condition]] = []
        for read in entry.reads:
            if read.is_within:
                lacks.extend(self._missing_within(entry, read))
        work = entry.node.work
        if isinstance(work, Switch) and all(case.when is not None for case in work.cases):
            why = "is skipped where no case holds (it has no else)"
            yield self._only(entry, "case", why), None
        if lacks and not isinstance(work, ForEach):
            via, first = lacks[0]
            why = f"is skipped where its output has no value, since {via.id!r} {first.why}"
            yield self._only(entry, "output", why), None

    def _missing_within(self, entry: Entry, read: Read) -> list[tuple[Entry, Condition]]:
        """Take note of what an output, a condition or a ``next`` of a body may miss."""
        work = entry.node.work
        found: list[tuple[Entry, Condition]] = []
        for mention, need, condition in self.missing(read):
            hint = self._remedy(need, condition)
            if read.word in _FAILING:
                text = f"{read.word!r} needs {self._chain(need, condition)}, and fails then."
                self._note(read, mention, "may-have-no-value", text, hint, is_error=True)
            elif isinstance(work, ForEach):
                text = f"the output needs {self._chain(need, condition)}: the result is null then."
                if not work.is_partial:
                    self._note(read, mention, "may-be-skipped", text, hint)
            else:
                text = f"the output needs {self._chain(need, condition)}: {entry.id!r} is skipped then."
                self._note(read, mention, "may-be-skipped", text, hint)
                found.append((need, condition))
        if read.word == "output" and isinstance(work, Loop):
            found.extend(self._of_no_pass(entry, work, read))
        return found

    def _of_no_pass(self, entry: Entry, work: Loop, read: Read) -> list[tuple[Entry, Condition]]:
        """A ``while`` may end before its first pass, and its nodes have no value then (F-57)."""
        if work.is_until or _begins(work):
            return []
        for mention in mentions_in(read.value, read.at):
            need = read.scope.find(mention.reference.root)
            if isinstance(need, Entry) and need.scope is read.scope and mention.is_plain:
                why = "has no value where no pass is run"
                return [(need, self._only(entry, "pass", why))]
        return []

    # missing values ---------------------------------------------------------------------

    def missing(self, read: Read) -> list[tuple[Mention, Entry, Condition]]:
        """Return the plain references of an expression that may find no value, each with a reason."""
        holds = self.holds[read.scope]
        found: list[tuple[Mention, Entry, Condition]] = []
        seen: set[Entry] = set()
        for mention in mentions_in(read.value, read.at):
            need = read.scope.find(mention.reference.root)
            if not isinstance(need, Entry) or not mention.is_plain or need in seen:
                continue
            lacking = next(
                (one for one in self.guards.get(need, _NOTHING) if one not in holds), None
            )
            if lacking is not None:
                seen.add(need)
                found.append((mention, need, lacking))
        return found

    def check_output(self) -> None:
        """Take note of what the output of the flow may miss (F-10)."""
        for read in self._layout.reads:
            if read.reader is None:
                for mention, need, condition in self.missing(read):
                    text = f"the output needs {self._chain(need, condition)}; the run fails then."
                    hint = self._remedy(need, condition)
                    self._note(read, mention, "may-have-no-output", text, hint, is_error=True)

    def facts(self, read: Read) -> Facts:
        """Return what is known of values where an expression is evaluated."""
        reader = read.reader
        names = {one.root for one in read.value.references}
        known = _about(names, self.holds[read.scope])
        if reader is not None and not read.is_within:
            own = self._own.get(reader, ()) if read.word == "when" else ()
            known += _about(names, self.guards.get(reader, _NOTHING), own)
        else:
            needs = {
                read.scope.find(one.root) for one in read.value.references if not one.is_optional
            }
            for need in needs if len(needs) <= _NEEDS_MAX else ():
                if isinstance(need, Entry):
                    known += _about(names, self.guards.get(need, _NOTHING))
        facts = Facts()
        for one in known:
            facts |= one
        if reader is not None and len(reader.handles) == 1:
            facts |= Facts(valued=[("outcome", reader.handles[0].id, "error")])
        return facts

    def _way(self, need: Entry, condition: Condition) -> list[Entry]:
        """Return how a node comes to need what may not be so: itself, what it needs, and so on."""
        way = [need]
        while (following := self.guards[way[-1]].get(condition)) is not None:
            way.append(following)
        return way

    def _chain(self, need: Entry, condition: Condition) -> str:
        """Say how a node comes to need what may not be so: ``'reply', which needs 'order', which …``."""
        way = [repr(one.id) for one in self._way(need, condition)]
        shown = way if len(way) <= 5 else [*way[:2], f"({len(way) - 4} more)", *way[-2:]]
        return f"{', which needs '.join(shown)}, which {condition.why}"

    def _remedy(self, need: Entry, condition: Condition) -> str:
        way = self._way(need, condition)
        if len(way) == 1:
            return f"Write '{need.id}?' to take null then."
        return f"Write '{way[-1].id}?' in {way[-2].id!r}, or '{need.id}?' here, to take null then."

    def _note(
        self, read: Read, mention: Mention, code: Code, message: str, hint: str, *,
        is_error: bool = False,
    ) -> None:  # fmt: skip
        note = self._notes.error if is_error else self._notes.warn
        note(read.position, code, mention.at, message, hint, column=mention.column)


def _about(
    names: AbstractSet[str], conditions: Iterable[Condition], own: Collection[Condition] = ()
) -> list[Facts]:
    """Return what conditions say about names, but for a node's own ones."""
    return [
        one.facts
        for one in conditions
        if one.facts is not None and not one.names.isdisjoint(names) and one not in own
    ]


def _begins(work: Loop) -> bool:
    """Whether the first pass of a ``while`` is certain: its condition holds for what is known."""
    source = work.state.source
    parts = source if isinstance(source, dict) else {}
    state = {}
    for name, value in parts.items():
        part = Template.parse(value)
        if part.is_constant:
            state[name] = part.evaluate({})
    try:
        return work.condition.evaluate({"loop": {"pass": 1, "state": state}}) is True
    except ExpressionError:
        return False

"""What never runs, never ends, waits without a limit, or is done for nothing."""

from __future__ import annotations

from collections.abc import Iterator

from podium.core.effects import Effect
from podium.flow.check.calls import Calls
from podium.flow.check.layout import Entry
from podium.flow.check.notes import Notes
from podium.flow.check.presence import Presence
from podium.flow.expression import Expression, ExpressionError
from podium.flow.model import Ask, Call, Loop, Set, Switch, WaitSignal


class Reach:
    """Looks at each node once everything else is known of it."""

    def __init__(self, notes: Notes, presence: Presence, calls: Calls) -> None:
        self._notes = notes
        self._presence = presence
        self._calls = calls

    def look_at(self, entry: Entry) -> None:
        """Take note of what a node does in vain."""
        self._conditions(entry)
        self._join(entry)
        self._limits(entry)
        if not self._notes.has_unknown_names:  # else it may be what was meant
            self._use(entry)

    def _conditions(self, entry: Entry) -> None:
        node, at = entry.node, entry.node.at
        if node.when is not None:
            holds = _constant(node.when)
            if holds is not None:
                what = "it always runs" if holds else "it never runs"
                self._constant(entry, f"{at}.when", f"'when' is always {_word(holds)}: {what}.")
        match node.work:
            case Switch() as work:
                self._cases(entry, work)
            case Loop() as work:
                self._loop(entry, work)
            case _:
                return

    def _constant(self, entry: Entry, at: str, message: str) -> None:
        self._notes.warn(entry.position, "constant-condition", at, message)

    def _cases(self, entry: Entry, work: Switch) -> None:
        last = len(work.cases) - 1
        for number, case in enumerate(work.cases):
            if case.when is None:
                continue
            holds = _constant(case.when)
            at = f"{case.body.at}.when"
            if holds is False:
                self._constant(entry, at, "this is always false: the case is never taken.")
            elif holds and number < last:
                self._constant(entry, at, "this is always true: no case behind it is ever taken.")

    def _loop(self, entry: Entry, work: Loop) -> None:
        holds = _constant(work.condition)
        if holds is None:
            return
        word = entry.node.kind
        at = f"{entry.node.at}.{word}"
        if holds is not work.is_until:
            message = f"{word!r} is always {_word(holds)}: after {work.passes_max:,} passes it fails with 'max-passes'."
            hint = "Say what ends it; for something done so often use for_each over a list."
            self._notes.warn(entry.position, "never-ends", at, message, hint)
        else:
            passes = "there is one pass" if work.is_until else "there is no pass"
            self._constant(entry, at, f"{word!r} is always {_word(holds)}: {passes}.")

    def _join(self, entry: Entry) -> None:
        join = entry.node.join
        if join.count is None:
            return
        at, needs = f"{entry.node.at}.join", entry.needs
        if len(needs) < join.count:
            has = "1 dependency" if len(needs) == 1 else f"{len(needs)} dependencies"
            message = f"{entry.id!r} can never run: it has {has}, and joins {join.count}."
            hint = "Name what it waits for in 'after'."
            self._notes.warn(entry.position, "unreachable", at, message, hint)
            return
        if join.cancels_rest and len(needs) > join.count:
            self._cancelled(entry, at)

    def _cancelled(self, entry: Entry, at: str) -> None:
        """Warn of effects whose end nobody hears, since another dependency came first."""
        for need in sorted(entry.needs, key=lambda one: one.position):
            is_alone = need.readers == {entry} and not need.is_kept and need.scope is entry.scope
            if not is_alone or not self._has_rival(entry, need):
                continue
            effect = next(self._effects(need), None)
            if effect is None:
                continue
            inner = "" if effect is need else f" (its {effect.id!r})"
            kind = self._calls.effect(effect)
            assert kind is not None, "only declared effects are given"
            message = (
                f"{need.id!r}{inner} is a {kind.value!r}, and may be under way when another comes first:"
                " it is done then, and nobody hears of it."
            )
            hint = "Write 'join: {of: …, rest: continue}', or read its outcome."
            self._notes.warn(entry.position, "unsafe-cancel", at, message, hint)
            return

    def _has_rival(self, entry: Entry, need: Entry) -> bool:
        """Whether another dependency may come first: one that does not exclude this one."""
        own = self._presence.guards.get(need, {})
        return any(
            other is not need
            and not any(one.opposite in own for one in self._presence.guards.get(other, {}))
            for other in entry.needs
        )

    def _effects(self, entry: Entry) -> Iterator[Entry]:
        waiting = [entry]
        while waiting:
            one = waiting.pop()
            effect = self._calls.effect(one)
            if effect is not None and effect.touches:
                yield one
            for inner in one.scopes:
                waiting.extend(inner.entries.values())

    def _limits(self, entry: Entry) -> None:
        node = entry.node
        policy = node.policy
        if policy.timeout_s is not None or policy.total_timeout_s is not None:
            return
        if isinstance(node.work, Ask):
            message, hint = (
                "nothing says how long an answer is waited for.",
                "Add 'timeout: 2d', and 'on_timeout'.",
            )
        elif isinstance(node.work, WaitSignal):
            message = f"nothing says how long the signal {node.work.name!r} is waited for."
            hint = "Add 'timeout: 2d'."
        else:
            return
        self._notes.warn(entry.position, "no-timeout", node.at, message, hint)

    def _use(self, entry: Entry) -> None:
        if entry.readers or entry.is_kept or entry in entry.waits:
            return
        work = entry.node.work
        is_idle = isinstance(work, Set) or (
            isinstance(work, Call) and self._calls.effect(entry) in (Effect.PURE, Effect.READ)
        )
        if is_idle:
            message = f"nothing reads {entry.id!r}, and it changes nothing."
            hint = "Refer to it, or leave it out."
            self._notes.warn(entry.position, "unused", entry.node.at, message, hint)


def _constant(condition: Expression) -> bool | None:
    """Return what a condition is that reads nothing; None where it reads something."""
    if condition.references:
        return None
    try:
        value = condition.evaluate({})
    except ExpressionError:
        return None
    return value if isinstance(value, bool) else None


def _word(holds: bool) -> str:
    return "true" if holds else "false"

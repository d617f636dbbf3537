"""What may be called by name: a pure decision, with its reasons.

What a call rests on (who chose it has read this, and its arguments may stand in it) has labels; a call
that cannot be taken back and rests on text from outside needs a person's approval. A policy says more:
which tools, with which arguments, and who is asked. Several policies can apply at once; the strictest
verdict counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final, Literal

import msgspec

from podium.core.durations import Duration, seconds
from podium.core.effects import effect_named
from podium.core.errors import InvalidOption
from podium.core.validation import Validator
from podium.tools.labels import OUTSIDE, Labels
from podium.tools.spec import ToolSpec

Verdict = Literal["allow", "approve", "refuse"]
_STRICTNESS: Final[Mapping[str, int]] = {"allow": 0, "approve": 1, "refuse": 2}
_WORDS: Final = frozenset({"irreversible", "outside"})
_FAULTS_SAID: Final = 3


class Reason(msgspec.Struct, frozen=True):
    """Why a call is not just made.

    Attributes:
        code: ``not-allowed``, ``refused``, ``beyond-limits``, ``always-approved``,
            ``beyond-approval`` or ``rests-on-outside``.
        text: It in words.
    """

    code: str
    text: str


class Approver(msgspec.Struct, frozen=True):
    """Who is asked, and how long, in seconds; None: for ever."""

    to: str
    timeout_s: float | None = None


class Judgement(msgspec.Struct, frozen=True, omit_defaults=True):
    """What becomes of a call.

    Attributes:
        verdict: ``allow``, ``approve`` (once somebody has approved exactly this call) or ``refuse``.
        reasons: Why; none where it is allowed.
        approvers: Each of them must approve.
    """

    verdict: Verdict = "allow"
    reasons: tuple[Reason, ...] = ()
    approvers: tuple[Approver, ...] = ()

    @property
    def text(self) -> str:
        """The reasons in one line."""
        return "; ".join(one.text for one in self.reasons)


@dataclass(frozen=True, kw_only=True)
class ToolPolicy:
    """What an agent or a program may call by name.

    Tools are meant by name with ``*`` (``shop.*``), ``tag:money``, ``effect:once``, ``irreversible`` or
    ``outside`` (those whose results come from outside).

    Attributes:
        allow: What may be called; everything unless given.
        refuse: … and what of it may not.
        approve: What is called only once a person has approved the call.
        limits: JSON Schemas of arguments, by tools; a call that does not fit is refused.
        approve_beyond: … and these, where one that does not fit needs approval.
        on_outside: What becomes of a call that cannot be taken back and rests on text from outside:
            ``approve`` or ``refuse``.
        trust: Tools for which that does not matter.
        to: Who approves.
        timeout: How long they have; then the call is refused. They have for ever unless given.

    Raises:
        InvalidOption: Something of it makes no sense.
    """

    allow: Sequence[str] | None = None
    refuse: Sequence[str] = ()
    approve: Sequence[str] = ()
    limits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    approve_beyond: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    on_outside: Literal["approve", "refuse"] = "approve"
    trust: Sequence[str] = ()
    to: str = "anyone"
    timeout: Duration | None = None

    def __post_init__(self) -> None:
        for option in ("allow", "refuse", "approve", "limits", "approve_beyond", "trust"):
            _require_selectors(option, getattr(self, option))
        for option in ("limits", "approve_beyond"):
            for selector, schema in getattr(self, option).items():
                _validator(f"{option}[{selector!r}]", schema)
        if self.on_outside not in ("approve", "refuse"):
            raise InvalidOption(
                f"ToolPolicy(on_outside={self.on_outside!r}): expected 'approve' or 'refuse'. "
                "trust=[…] names the tools for which it does not matter."
            )
        if not isinstance(self.to, str) or not self.to.strip():
            raise InvalidOption(f"ToolPolicy(to={self.to!r}): expected who approves, as a text.")
        self.approver  # noqa: B018 - it checks the timeout

    @property
    def approver(self) -> Approver:
        """Who is asked, and how long."""
        limit = self.timeout
        return Approver(
            self.to, None if limit is None else seconds(limit, what="ToolPolicy(timeout)")
        )

    def judge(self, spec: ToolSpec, arguments: Mapping[str, Any], labels: Labels) -> Judgement:
        """Decide about one call by this policy alone; see :func:`judge`."""
        refusals = list(self._refusals(spec, arguments, labels))
        if refusals:
            return Judgement("refuse", tuple(refusals))
        doubts = list(self._doubts(spec, arguments, labels))
        return Judgement("approve", tuple(doubts), (self.approver,)) if doubts else Judgement()

    def _refusals(
        self, spec: ToolSpec, arguments: Mapping[str, Any], labels: Labels
    ) -> Iterator[Reason]:
        if self.allow is not None and not meant(spec, self.allow):
            yield Reason("not-allowed", f"{spec.name} is not among the tools that may be called")
        hit = next((one for one in self.refuse if meant(spec, [one])), None)
        if hit is not None:
            yield Reason("refused", f"{spec.name} may not be called ({hit})")
        for words in _beyond(spec, arguments, self.limits):
            yield Reason("beyond-limits", f"the arguments are beyond what is allowed: {words}")
        if self.on_outside == "refuse" and self._rests_on_outside(spec, labels):
            yield Reason("rests-on-outside", _OUTSIDE.format(spec.name))

    def _doubts(
        self, spec: ToolSpec, arguments: Mapping[str, Any], labels: Labels
    ) -> Iterator[Reason]:
        hit = next((one for one in self.approve if meant(spec, [one])), None)
        if hit is not None:
            yield Reason("always-approved", f"{spec.name} is always approved by a person ({hit})")
        for words in _beyond(spec, arguments, self.approve_beyond):
            yield Reason(
                "beyond-approval", f"the arguments are beyond what needs no approval: {words}"
            )
        if self._rests_on_outside(spec, labels):
            yield Reason("rests-on-outside", _OUTSIDE.format(spec.name))

    def _rests_on_outside(self, spec: ToolSpec, labels: Labels) -> bool:
        return spec.is_irreversible and OUTSIDE in labels and not meant(spec, self.trust)


_OUTSIDE: Final = "{} cannot be taken back, and the call rests on text from outside"


def judge(
    spec: ToolSpec, arguments: Mapping[str, Any], labels: Labels,
    policies: Sequence[ToolPolicy] = (),
) -> Judgement:  # fmt: skip
    """Decide what becomes of a call; a pure function.

    Args:
        spec: The tool.
        arguments: By name, as JSON, held against the tool's schema before.
        labels: Of what the choice and the arguments rest on.
        policies: All that apply; the strictest verdict counts. :data:`DEFAULT` where there are none.
    """
    given = _with_defaults(spec, arguments)
    found = [one.judge(spec, given, labels) for one in policies or (DEFAULT,)]
    verdict = max((one.verdict for one in found), key=_STRICTNESS.__getitem__)
    said = [one for one in found if one.verdict == verdict]
    approvers: dict[str, Approver] = {}
    for asked in (each for one in said for each in one.approvers):
        approvers[asked.to] = _sooner(approvers.get(asked.to, asked), asked)
    reasons = dict.fromkeys(each for one in said for each in one.reasons)
    return Judgement(verdict, tuple(reasons), tuple(approvers.values()))


def meant(spec: ToolSpec, selectors: Sequence[str]) -> bool:
    """Tell whether one of some selectors means a tool."""
    return any(_means(one, spec) for one in selectors)


def _means(selector: str, spec: ToolSpec) -> bool:
    if selector == "irreversible":
        return spec.is_irreversible
    if selector == "outside":
        return spec.card.outside
    kind, colon, word = selector.partition(":")
    if colon:
        return word in spec.card.tags if kind == "tag" else word == str(spec.effect)
    return fnmatchcase(spec.name, selector) or fnmatchcase(spec.parts.plain, selector)


def _require_selectors(option: str, given: Any) -> None:
    what = f"ToolPolicy({option}=…)"
    if isinstance(given, str):
        raise InvalidOption(f"{what}: {given!r} is one text; expected a list, such as [{given!r}].")
    for one in given or ():
        if not isinstance(one, str) or not one.strip():
            raise InvalidOption(f"{what}: {one!r} means no tools; expected a text.")
        kind, colon, word = one.partition(":")
        if colon and kind == "effect":
            effect_named(word)
        elif colon and kind != "tag":
            raise InvalidOption(
                f"{what}: {one!r} means no tools; expected a name with *, 'tag:…', 'effect:…', "
                f"{' or '.join(map(repr, sorted(_WORDS)))}."
            )


def _validator(what: str, schema: Any) -> Validator:
    if not isinstance(schema, Mapping):
        raise InvalidOption(f"ToolPolicy: {what} is {schema!r:.200}; expected a JSON Schema.")
    try:
        return Validator(schema)
    except ValueError as problem:
        raise InvalidOption(f"ToolPolicy: {what} is no JSON Schema: {problem}") from None


def _beyond(
    spec: ToolSpec, arguments: Mapping[str, Any], limits: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    for selector, schema in limits.items():
        if not meant(spec, [selector]):
            continue
        faults = list(_validator(selector, schema).faults(arguments))[:_FAULTS_SAID]
        if faults:
            yield ", ".join(one.text("arguments") for one in faults)


def _with_defaults(spec: ToolSpec, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments as the tool gets them: what was left out is at its default."""
    declared = spec.input_schema.get("properties", {})
    defaults = {
        name: one["default"]
        for name, one in declared.items()
        if isinstance(one, Mapping) and "default" in one
    }
    return {**defaults, **arguments}


def _sooner(one: Approver, other: Approver) -> Approver:
    limits = [each.timeout_s for each in (one, other) if each.timeout_s is not None]
    return Approver(one.to, min(limits, default=None))


DEFAULT: Final = ToolPolicy()
"""What holds where no policy is given."""


# the policies of a scope ------------------------------------------------------------------------

_ambient: ContextVar[tuple[ToolPolicy, ...]] = ContextVar("podium_tool_policies", default=())


@contextmanager
def tool_policy(policy: ToolPolicy) -> Iterator[None]:
    """Let a policy apply to all calls by name that are made inside; those around it apply as well."""
    if not isinstance(policy, ToolPolicy):
        raise InvalidOption(f"tool_policy({policy!r:.200}): expected a podium.ToolPolicy.")
    token = _ambient.set((*_ambient.get(), policy))
    try:
        yield
    finally:
        _ambient.reset(token)


def policies_with(policy: ToolPolicy | None) -> tuple[ToolPolicy, ...]:
    """Return the policies that apply here, with one more."""
    if policy is not None and not isinstance(policy, ToolPolicy):
        raise InvalidOption(f"policy={policy!r:.200}: expected a podium.ToolPolicy.")
    around = _ambient.get()
    return around if policy is None else (*around, policy)

"""The decision about a call by name: pure, complete, and never milder than any policy alone."""

from collections.abc import Iterator
from typing import Any, Literal

import pytest

from hypothesis import given
from hypothesis import strategies as st

import podium

from podium import InvalidOption, Tool, ToolPolicy
from podium.core.effects import Effect
from podium.tools.labels import OUTSIDE
from podium.tools.policy import Judgement, judge, meant
from podium.tools.spec import ToolSpec
from tests.tools.tables import Table

TABLE = Table()


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    with TABLE.open():
        yield


def _tool(name: str, effect: str, **options: Any) -> ToolSpec:
    return Tool.from_schema(
        name,
        "Do it.",
        {"type": "object", "properties": {"cents": {"type": "integer", "default": 70}}},
        call=lambda _: None,
        effect=effect,
        **options,
    ).spec


SPECS: list[ToolSpec] = []
with TABLE.define():
    SPECS.extend(
        _tool(f"shop.{effect}{outside}", effect, outside=outside, tags=[effect[0]])
        for effect in ("pure", "read", "write", "once")
        for outside in (False, True)
    )
    SPECS.append(_tool("shop.delete", "write", irreversible=True))
    SPECS.append(_tool("pay", "once", version=2, tags=["money"]))

SELECTORS = [
    "*", "shop.*", "shop.once*", "pay", "pay@2", "pay@1", "nothing", "tag:money", "tag:o",
    "effect:once", "effect:read", "irreversible", "outside",
]  # fmt: skip
selectors = st.lists(st.sampled_from(SELECTORS), max_size=3)
limits = st.dictionaries(
    st.sampled_from(SELECTORS),
    st.sampled_from([{"properties": {"cents": {"maximum": 50}}}, {"required": ["cents"]}, {}]),
    max_size=2,
)
policies = st.builds(
    ToolPolicy, allow=st.none() | selectors, refuse=selectors, approve=selectors, limits=limits,
    approve_beyond=limits, on_outside=st.sampled_from(["approve", "refuse"]), trust=selectors,
    to=st.sampled_from(["anyone", "ana"]), timeout=st.sampled_from([None, "1s", "1m"]),
)  # fmt: skip
specs = st.sampled_from(SPECS)
arguments = st.sampled_from([{}, {"cents": 10}, {"cents": 60}])
label_sets = st.sampled_from([(), (OUTSIDE,), ("private",), ("private", OUTSIDE)])
ORDER = ["allow", "approve", "refuse"]


def strictness(judgement: Judgement) -> int:
    return ORDER.index(judgement.verdict)


def expected(spec: ToolSpec, given: dict[str, Any], labels: Any, policy: ToolPolicy) -> str:
    """Say the verdict as the table in docs/safety.md does, row by row."""
    cents = given.get("cents", 70)
    is_final = spec.effect is Effect.ONCE or spec.name == "shop.delete"
    rests = is_final and OUTSIDE in labels and not meant(spec, policy.trust)

    def beyond(table: Any) -> bool:
        return any(
            meant(spec, [one]) and cents > schema.get("properties", {}).get("cents", {}).get("maximum", 99)
            for one, schema in table.items()
        )  # fmt: skip

    if policy.allow is not None and not meant(spec, policy.allow):
        return "refuse"
    if meant(spec, policy.refuse) or beyond(policy.limits):
        return "refuse"
    if rests and policy.on_outside == "refuse":
        return "refuse"
    if rests or meant(spec, policy.approve) or beyond(policy.approve_beyond):
        return "approve"
    return "allow"


@given(specs, arguments, label_sets, policies)
def test_the_table(
    spec: ToolSpec, given: dict[str, Any], labels: tuple[str, ...], policy: ToolPolicy
) -> None:
    """One policy decides as the table says, with a reason wherever a call is not just made."""
    judgement = judge(spec, given, labels, [policy])

    assert judgement.verdict == expected(spec, given, labels, policy)
    assert bool(judgement.reasons) == (judgement.verdict != "allow")
    assert bool(judgement.approvers) == (judgement.verdict == "approve")
    assert judgement == judge(spec, given, labels, [policy])


@given(specs, arguments, label_sets, st.lists(policies, min_size=1, max_size=3))
def test_the_strictest_counts(
    spec: ToolSpec, given: dict[str, Any], labels: tuple[str, ...], several: list[ToolPolicy]
) -> None:
    """Of several policies the strictest verdict counts, and whoever must approve is asked once."""
    alone = [judge(spec, given, labels, [one]) for one in several]
    together = judge(spec, given, labels, several)

    assert strictness(together) == max(map(strictness, alone))
    asked = [one.to for one in together.approvers]
    assert len(asked) == len(set(asked))
    if together.verdict == "approve":
        wanted = {each.to for one in alone if one.verdict == "approve" for each in one.approvers}
        assert set(asked) == wanted


@given(specs, arguments, st.lists(policies, max_size=2))
def test_a_label_never_helps(
    spec: ToolSpec, given: dict[str, Any], several: list[ToolPolicy]
) -> None:
    """What rests on text from outside is judged as strictly as what does not, or more so."""
    clean = judge(spec, given, (), several)
    stained = judge(spec, given, (OUTSIDE,), several)

    assert strictness(stained) >= strictness(clean)


@given(specs, arguments, label_sets)
def test_without_a_policy(spec: ToolSpec, given: dict[str, Any], labels: tuple[str, ...]) -> None:
    """Where nobody gave a policy, only what cannot be taken back and rests on outside is approved."""
    verdict = judge(spec, given, labels).verdict

    must = spec.is_irreversible and OUTSIDE in labels
    assert verdict == ("approve" if must else "allow")


def test_irreversible_is_what_says_so() -> None:
    """Each ``once`` is irreversible; another one is where its author says so, never the reverse."""
    assert {one.name for one in SPECS if one.is_irreversible} == {
        "shop.onceFalse", "shop.onceTrue", "shop.delete", "pay@2",
    }  # fmt: skip
    with pytest.raises(InvalidOption, match="trust="):

        @podium.tool(effect="once", irreversible=False)
        def pay() -> None: ...


def test_the_sooner_time_counts() -> None:
    """Two policies that ask the same person give the shorter time."""
    [approver] = judge(
        SPECS[0], {}, (), [ToolPolicy(approve=["*"], timeout="1h"), ToolPolicy(approve=["*"], timeout="5s")]
    ).approvers  # fmt: skip
    assert (approver.to, approver.timeout_s) == ("anyone", 5.0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"allow": "shop.*"}, "expected a list"),
        ({"allow": ["effect:sometimes"]}, "expected one of"),
        ({"approve": ["color:red"]}, "means no tools"),
        ({"refuse": [3]}, "means no tools"),
        ({"limits": {"pay": 5}}, "expected a JSON Schema"),
        ({"limits": {"pay": {"type": "money"}}}, "no JSON Schema"),
        ({"approve_beyond": {"": {}}}, "means no tools"),
        ({"on_outside": "allow"}, "trust="),
        ({"to": " "}, "who approves"),
        ({"timeout": "soon"}, "timeout"),
    ],
)
def test_a_policy_that_makes_no_sense(options: dict[str, Any], words: str) -> None:
    """It is refused where it is written."""
    with pytest.raises(InvalidOption, match=words):
        ToolPolicy(**options)


def test_labels_go_by_type() -> None:
    """A result has the labels of its tool and of what the call rests on, unless it has no words."""
    from podium.tools.labels import of_value

    def spec(returns: Any, **options: Any) -> ToolSpec:
        def made() -> Any: ...

        made.__annotations__ = {"return": returns}
        return podium.tool(made, name="made", effect="read", **options).spec

    stained = (OUTSIDE,)
    assert of_value(spec(str, outside=True), "hello", ()) == stained
    assert of_value(spec(str), "hello", ()) == ()
    assert of_value(spec(str), "hello", stained) == stained
    assert of_value(spec(Literal["a", "b"]), "a", stained) == ()
    assert of_value(spec(Literal["a", "b"], outside=True), "a", ()) == stained
    assert of_value(spec(Literal["a", "b"], foreign=True), "a", stained) == stained
    wordless: list[Any] = [None, True, 5, 1.5, [], {}]
    for value in wordless:
        assert of_value(spec(Any, outside=True), value, stained) == ()
    assert of_value(spec(Any, outside=True), 10**40, ()) == stained
    assert of_value(spec(Any, outside=True), {"obey": 1}, ()) == stained

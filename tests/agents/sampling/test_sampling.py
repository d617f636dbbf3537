"""Many samples in place of one: what is chosen, when it stops, and what the report says."""

import asyncio
import random

from collections import Counter
from math import comb
from typing import Any

import pytest

from hypothesis import given
from hypothesis import strategies as st

import podium

from podium import Chosen, InvalidOption, NoSample, Verdict, gates
from podium.agents.sampling.choosing import lead, votes_needed
from podium.core.budgets import Budget
from podium.core.errors import PodiumError
from podium.models import ScriptedModel
from podium.models.messages import Reply, Usage, assistant

pytestmark = pytest.mark.long

RIGHT = 42


def ran(program: Any) -> Any:
    return asyncio.run(program)


def saying(*values: Any) -> Any:
    async def produce(number: int) -> Any:
        value = values[number - 1]
        if isinstance(value, Exception):
            raise value
        return value

    return produce


# best of n --------------------------------------------------------------------------------


def test_the_best_is_chosen_and_of_equal_ones_the_first() -> None:
    """What passes goes before what does not, then the score counts, then who was first."""

    def score(value: dict[str, Any]) -> Verdict:
        return Verdict(value["ok"], score=value["score"])

    many = [
        {"ok": False, "score": 0.9}, {"ok": True, "score": 0.3}, {"ok": True, "score": 0.5, "n": 1},
        {"ok": True, "score": 0.5, "n": 2},
    ]  # fmt: skip
    found = ran(podium.best_of(4, saying(*many), score))

    assert found.value == many[2]
    assert (found.score, found.ok) == (0.5, True)


def test_a_sample_that_is_good_enough_ends_it() -> None:
    """No further wave is made; the report says so, and what each sample added."""
    found = ran(
        podium.best_of(9, saying(1, 2, 9, 9, 9, 9), lambda one: one / 10, enough=0.9, at_once=2)
    )

    assert len(found.samples) == 4
    assert found.report.stopped_by == "enough"
    assert [round(one.gain, 6) for one in found.report.after] == [0.1, 0.1, 0.7, 0.0]
    assert found.report.gain == pytest.approx(0.8)
    assert "4 of 9 samples, then one was good enough" in found.report.text()


def test_a_sample_that_fails_is_one_less() -> None:
    """The others are chosen from; where all fail there is nothing to choose from."""
    found = ran(podium.best_of(2, saying(ValueError("no"), 7), lambda _: 0.5))
    assert found.value == 7
    assert [one.error for one in found.samples] == ["ValueError: no", ""]

    with pytest.raises(NoSample, match="none of 2 samples gave a value: ValueError: no") as caught:
        ran(podium.best_of(2, saying(ValueError("no"), ValueError("no")), lambda _: 0.5))
    assert caught.value.code == "no-sample"
    assert len(caught.value.details["errors"]) == 2


def test_gates_are_verifiers() -> None:
    """A value that passes the cheap ones only has more points than one that passes none."""
    found = ran(
        podium.best_of(
            3,
            saying("", "abc", "abcdef"),
            [gates.cel("size(answer) > 2"), gates.cel("size(answer) < 5")],
        )
    )

    assert (found.value, found.ok, found.score) == ("abc", True, 1.0)


@pytest.mark.parametrize("effort", [0, -1, True, "huge", 2.5, None, 100_000])
def test_an_effort_that_is_none_is_refused(effort: Any) -> None:
    """Words, numbers from 1 to 1,000, or a budget."""
    with pytest.raises(InvalidOption, match="low, medium, high, a number"):
        ran(podium.best_of(effort, saying(1), lambda _: 1.0))


@pytest.mark.parametrize("score", [2, -0.1, "good", None])
def test_a_score_that_is_none_makes_the_sample_fail(score: Any) -> None:
    """Garbage of a verifier never wins."""
    with pytest.raises(NoSample):
        ran(podium.best_of(1, saying(1), lambda _: score))


# what it costs ----------------------------------------------------------------------------


def priced(usd: float, tokens: int) -> Reply:
    return Reply(assistant("answer"), "x", Usage(tokens, 0), usd)


def test_the_report_counts_what_each_sample_took() -> None:
    """Replies of models are counted where they were asked, verifier included."""
    ScriptedModel("dear", [priced(0.25, 10)], cycle=True)
    ScriptedModel("cheap", [priced(0.01, 2)], cycle=True)

    async def judge(_value: str) -> float:
        await podium.Model("scripted:cheap").text("how good?")
        return 0.5

    found = ran(podium.best_of(3, lambda: podium.Model("scripted:dear").text("go"), judge))

    assert [(one.calls, one.tokens) for one in (sample.cost for sample in found.samples)] == [
        (2, 12)
    ] * 3
    assert found.report.cost.usd == pytest.approx(0.78)
    assert "6 calls, 36 tokens, $0.7800" in found.report.text()


@pytest.mark.parametrize(
    ("budget", "samples"),
    [
        (Budget(usd=1), 4),
        (Budget(usd=0.6), 2),
        (Budget(tokens=35), 3),
        (Budget(calls=5), 5),
        (Budget(usd=0.1), 1),  # what the first takes is known only then
    ],
)
def test_a_budget_decides_how_many(budget: Budget, samples: int) -> None:
    """No sample is begun that would go over it, as far as the dearest so far tells."""
    ScriptedModel("dear", [priced(0.25, 10)], cycle=True)

    found = ran(
        podium.best_of(
            budget, lambda: podium.Model("scripted:dear").text("go"), lambda _: 0.5, at_once=1
        )
    )

    assert len(found.samples) == samples
    assert found.report.stopped_by == ("all" if budget.calls else "budget")


class SpentError(PodiumError):
    """What a step raises that does not fit the budget of its run."""

    code = "budget-exceeded"


def test_a_budget_around_it_ends_it_with_what_there_is() -> None:
    """A sample that the budget of the run does not allow is none; without any it is an error."""
    found = ran(podium.best_of(5, saying(1, 2, SpentError("no more")), lambda _: 0.5, at_once=1))
    assert len(found.samples) == 2
    assert found.report.stopped_by == "budget"

    with pytest.raises(NoSample):
        ran(podium.best_of(5, saying(SpentError("no more")), lambda _: 0.5, at_once=1))


def test_a_budget_around_a_gate_is_no_fault_of_the_gate() -> None:
    """It stops whoever asked, as it stops everything else."""

    def judge(_value: int) -> bool:
        raise SpentError("no more")

    with pytest.raises(SpentError):
        ran(podium.verify(1, judge))


# votes ------------------------------------------------------------------------------------


def test_the_majority_is_chosen_without_regard_to_case_and_spaces() -> None:
    """The first value of the largest group; its score is its share."""
    found = ran(podium.self_consistency(5, saying("No", "Yes", " yes ", "no", "YES")))

    assert found.value == "Yes"
    assert found.score == 0.6


def test_voting_stops_once_nobody_else_can_win() -> None:
    """Three of five agree: the others are not asked; with less certainty even fewer are."""
    sure = ran(podium.self_consistency(5, saying(1, 1, 1, 2, 2)))
    assert len(sure.samples) == 3
    assert sure.report.stopped_by == "certain"

    early = ran(podium.self_consistency(99, saying(*[1] * 99), certain=0.95))
    assert len(early.samples) == 4


def test_what_must_be_equal_may_be_a_part() -> None:
    """`key` takes the answer out of the reasons; where it fails there is no vote."""
    many = [{"why": "a", "is": 1}, {"why": "b"}, {"why": "c", "is": 1}, {"why": "d", "is": 2}]

    found = ran(podium.self_consistency(4, saying(*many), key=lambda one: one["is"]))

    assert found.value == many[0]
    assert [one.error for one in found.samples][1] == "KeyError: 'is'"
    assert not ran(podium.self_consistency(3, saying(1, 2, 3), quorum=0.5)).ok


@given(st.lists(st.integers(0, 3), min_size=1, max_size=15))
def test_voting_early_gives_what_all_votes_give(votes: list[int]) -> None:
    """With certainty 1 the choice has as many votes as any, all asked or not, and no wave is too many."""
    found: Chosen = ran(podium.self_consistency(len(votes), saying(*votes)))
    counts = Counter(votes)

    assert counts[found.value] == max(counts.values())
    if list(counts.values()).count(max(counts.values())) == 1:
        assert found.value == counts.most_common(1)[0][0]
    taken = len(found.samples)
    if taken < len(votes):
        so_far = Counter(votes[:taken]).most_common(2)
        second = so_far[1][1] if len(so_far) > 1 else 0
        assert so_far[0][1] > second + len(votes) - taken


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_so_many_votes_as_are_needed_make_it_certain(first: int, second: int, left: int) -> None:
    """If all of them go to the leader, nobody can catch up; with one less somebody could."""
    first, second = max(first, second), min(first, second)
    needed = votes_needed([first, second], left)

    assert 0 <= needed <= left
    if needed == 0 and left:
        assert first > second + left
    if 0 < needed < left:
        assert first + needed > second + left - needed
        assert first + needed - 1 <= second + left - needed + 1


@given(st.integers(0, 40), st.integers(0, 40))
def test_the_certainty_of_a_lead_is_a_probability(first: int, second: int) -> None:
    """It grows with each vote for the leader, is a half where both have the same, and adds up to one."""
    assert 0 < lead(first, second) < 1
    assert lead(first + 1, second) > lead(first, second)
    assert lead(first, second) + lead(second, first) == pytest.approx(1)
    assert lead(first, first) == pytest.approx(0.5)


# tournaments ------------------------------------------------------------------------------


def larger(one: int, other: int) -> str:
    return "first" if one > other else "second" if other > one else "tie"


@given(st.lists(st.integers(0, 30), min_size=1, max_size=12), st.sampled_from(["knockout", "all"]))
def test_with_an_order_the_largest_wins(values: list[int], style: Any) -> None:
    """Whatever the seats: a judge that follows an order makes the maximum win."""
    found = ran(podium.tournament(len(values), saying(*values), larger, style=style))

    assert found.value == max(values)
    assert found.report.disagreement == 0


@given(st.lists(st.integers(0, 99), min_size=2, max_size=9, unique=True))
def test_a_judge_that_goes_by_the_order_decides_nothing(values: list[int]) -> None:
    """Every pair is a tie, so the first sample stays, and the report says how often that was."""
    found = ran(podium.tournament(len(values), saying(*values), lambda _one, _other: "first"))

    assert found.value == values[0]
    assert found.report.disagreement == 1
    assert "in 100% of the pairs the order decided" in found.report.text()


def test_all_against_all_tells_circles() -> None:
    """Rock, paper and scissors are equal, whoever sits where."""
    beats = {("rock", "scissors"), ("paper", "rock"), ("scissors", "paper")}

    found = ran(
        podium.tournament(
            3, saying("rock", "paper", "scissors"),
            lambda one, other: "first" if (one, other) in beats else "second", style="all",
        )
    )  # fmt: skip

    assert [one.score for one in found.samples] == [0.5, 0.5, 0.5]


def test_equal_values_do_not_play_each_other() -> None:
    """The same value is held against others once."""
    played: list[Any] = []

    def prefer(one: Any, other: Any) -> str:
        played.append((one, other))
        return larger(one, other)

    found = ran(podium.tournament(5, saying(1, 1, 2, 2, 1), prefer))

    assert found.value == 2
    assert sorted(played) == [(1, 2), (2, 1)]


def test_a_comparison_that_is_none_stops_the_tournament() -> None:
    """Garbage of a judge is no win."""
    with pytest.raises(InvalidOption, match="'first', 'second' or 'tie'"):
        ran(podium.tournament(2, saying(1, 2), lambda _one, _other: "left"))


def test_a_model_may_compare() -> None:
    """It is asked for one of three words, in both orders, with the answers between marks."""

    def longer(request: Any) -> str:
        text = request.messages[-1].text
        first, second = text.split("<second>")
        return "first" if len(first) > len(second) + 20 else "second"

    model = ScriptedModel("longer", [longer], cycle=True)

    found = ran(
        podium.tournament(
            2, saying("a" * 10, "b" * 60), podium.prefers("scripted:longer", "Longer?")
        )
    )

    assert found.value == "b" * 60
    assert len(model.asked) == 2
    assert found.report.extra.calls == 2


# trees ------------------------------------------------------------------------------------


def steps(word: str) -> list[str]:
    return [word + letter for letter in "abc"] if len(word) < 6 else []


def towards(word: str) -> float:
    return sum(one == other for one, other in zip(word, "cabbac", strict=False)) / 6


@pytest.mark.parametrize("style", ["beam", "best"])
def test_a_search_finds_what_its_scores_lead_to(style: Any) -> None:
    """The path says how it came there, and the search ends with the answer."""
    found = ran(
        podium.tree_search(
            200, "", steps, towards, style=style, width=2, done=lambda word: len(word) == 6
        )
    )

    assert found.value == "cabbac"
    assert found.path == ("", "c", "ca", "cab", "cabb", "cabba", "cabbac")
    assert found.is_done
    assert found.report.stopped_by == "enough"


def test_a_search_is_bounded() -> None:
    """By the number of thoughts, by depth, and where there is no way on."""

    def endless(number: int) -> list[int]:
        return [2 * number, 2 * number + 1]

    few = ran(podium.tree_search(10, 1, endless, lambda _: 0.5))
    assert len(few.thoughts) == 10
    assert few.report.stopped_by == "all"

    flat = ran(podium.tree_search(500, 1, endless, lambda _: 0.5, depth=2, width=9))
    assert len(flat.thoughts) == 6
    assert flat.report.stopped_by == "exhausted"

    with pytest.raises(NoSample):
        ran(podium.tree_search(10, 1, lambda _: [], lambda _: 0.5))


def test_a_thought_is_judged_once_and_one_that_does_not_pass_is_left() -> None:
    """A search does not go in circles."""
    judged: list[int] = []

    def judge(number: int) -> Verdict:
        judged.append(number)
        return Verdict(number != 2, score=0.5)

    found = ran(podium.tree_search(50, 0, lambda one: [(one + 1) % 4, (one + 2) % 4], judge))

    assert sorted(judged) == [1, 2, 3]
    assert 2 not in [thought.value for thought in found.thoughts if thought.parent == 2]


def test_a_search_survives_an_expansion_that_fails_and_not_all() -> None:
    """One thought less; where none could be taken further the error is raised."""

    def moody(word: str) -> list[str]:
        if word == "a":
            raise ValueError("no idea")
        return steps(word)

    assert ran(podium.tree_search(60, "", moody, towards)).value == "cabbac"
    with pytest.raises(Exception, match="no idea"):
        ran(podium.tree_search(60, "a", moody, towards))


# does it pay ------------------------------------------------------------------------------


def binomial(n: int, p: float) -> float:
    """How likely it is that more than half of `n` are right, each with `p`."""
    return sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n // 2 + 1, n + 1))


@pytest.mark.parametrize("right", [0.2, 0.5, 0.8])
def test_best_of_with_a_verifier_beats_one_sample_as_expected(right: float) -> None:
    """An agent with a known error rate: the share of right answers is that of the binomial, and at what cost."""
    tries, n = 400, 5
    chance = random.Random(f"best of {right}")
    hits = taken = 0
    for _ in range(tries):
        draws = [RIGHT if chance.random() < right else chance.randrange(40) for _ in range(n)]
        found = ran(podium.best_of(n, saying(*draws), lambda one: one == RIGHT, at_once=1))
        hits += found.value == RIGHT
        taken += len(found.samples)

    expected = 1 - (1 - right) ** n
    cost = sum((1 - right) ** k for k in range(n))  # samples until the first that passes
    spread = 4 * (expected * (1 - expected) / tries) ** 0.5
    assert abs(hits / tries - expected) <= spread + 1e-9
    assert hits / tries > right
    assert abs(taken / tries - cost) <= 4 * (n / tries) ** 0.5


@pytest.mark.parametrize("right", [0.6, 0.75])
def test_a_vote_beats_one_sample_as_expected(right: float) -> None:
    """Where each is right more often than not, many are right still more often."""
    tries, n = 400, 9
    chance = random.Random(f"vote {right}")
    hits = taken = 0
    for _ in range(tries):
        draws = [RIGHT if chance.random() < right else 7 for _ in range(n)]
        found = ran(podium.self_consistency(n, saying(*draws)))
        hits += found.value == RIGHT
        taken += len(found.samples)

    expected = binomial(n, right)
    spread = 4 * (expected * (1 - expected) / tries) ** 0.5
    assert abs(hits / tries - expected) <= spread
    assert hits / tries > right
    assert taken < n * tries

"""A breaker: opens and closes as a list of all ends says, whatever comes late, dies or restarts."""

from collections.abc import Iterator

import msgspec
import pytest

from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from podium import Breaker
from podium.policy import breaker
from podium.policy.breaker import (
    CHANGES_MAX,
    SLICES,
    Circuit,
    Look,
    Lost,
    Probe,
    ProbeEnded,
    Report,
    Reset,
    Rule,
    View,
)
from podium.policy.shared import Now
from tests.policy.shelf import Shelf
from tests.sim.cases import IS_FULL

SECOND = 1_000_000


class Naive:
    """A breaker that remembers each call that ever ended, and looks at them one by one."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.state, self.turn = "closed", 0
        self.ends: list[tuple[int, str]] = []
        self.open_until_us = 0
        self.out: list[str] = []
        self.passed = 0

    def to(self, state: str, at_us: int) -> None:
        self.state = state
        self.turn += 1
        self.ends = []
        self.passed = 0
        self.open_until_us = at_us + self.rule.open_us

    def report(self, turn: int, outcomes: list[str], at_us: int) -> None:
        for outcome in outcomes:
            if self.state == "closed" and turn == self.turn:
                self.ends.append((at_us, outcome))
                if self.is_too_bad(at_us):
                    self.to("open", at_us)

    def is_too_bad(self, at_us: int) -> bool:
        last = [outcome for _, outcome in self.ends[-self.rule.failures :]]
        if last == ["failed"] * self.rule.failures:
            return True
        slice_us = -(-self.rule.window_us // SLICES)
        recent = [
            outcome for then, outcome in self.ends if at_us // slice_us - then // slice_us < SLICES
        ]
        if len(recent) < self.rule.calls_min:
            return False
        share = self.rule.failure_share
        slow = recent.count("slow")
        return (share is not None and recent.count("failed") >= share * len(recent)) or (
            slow > 0 and slow >= self.rule.slow_share * len(recent)
        )

    def probe(self, holder: str, at_us: int) -> bool:
        if self.state == "open" and at_us >= self.open_until_us:
            self.to("half_open", at_us)
        may = self.state == "half_open" and len(self.out) + self.passed < self.rule.probes
        if may:
            self.out.append(holder)
        return may

    def probe_ended(self, holder: str, outcome: str, turn: int, at_us: int) -> None:
        if holder not in self.out:
            return
        self.out.remove(holder)
        if self.state == "half_open" and turn == self.turn:
            if outcome == "ok":
                self.passed += 1
                if self.passed == self.rule.probes:
                    self.to("closed", at_us)
            elif outcome in ("failed", "slow"):
                self.to("open", at_us)


RULES = st.builds(
    Rule,
    failures=st.integers(1, 6),
    failure_share=st.sampled_from([None, 0.2, 0.5, 1.0]),
    slow_share=st.sampled_from([0.3, 0.5, 1.0]),
    window_us=st.sampled_from([7, 12 * SECOND]),
    calls_min=st.integers(1, 12),
    open_us=st.sampled_from([1, 30 * SECOND]),
    probes=st.integers(1, 3),
)
HOLDERS = st.sampled_from("abc")
OUTCOMES = st.sampled_from(["ok", "ok", "failed", "slow"])
REPORTS = st.tuples(
    st.just("report"),
    st.sampled_from([0, 0, 0, 1, 2]),
    st.lists(st.tuples(OUTCOMES, st.integers(1, 9)), min_size=1, max_size=4),
)
PROBES = st.tuples(st.just("probe"), HOLDERS)
ENDS = st.tuples(
    st.just("ended"), st.integers(0, 5), st.sampled_from(["ok", "ok", "failed", "slow", "unknown"]),
    st.sampled_from([0, 0, 0, 1]),
)  # fmt: skip
STEPS = st.one_of(
    REPORTS,
    st.tuples(st.just("fail")),
    st.tuples(st.just("cool")),
    st.tuples(st.just("half open"), HOLDERS),
    st.tuples(st.just("half open"), HOLDERS),
    st.tuples(st.just("mended"), HOLDERS),
    PROBES,
    PROBES,
    ENDS,
    ENDS,
    st.tuples(st.just("wait"), st.sampled_from([0, 1, SECOND, 3 * SECOND, 30 * SECOND])),
    st.tuples(st.just("unheard of"), HOLDERS),
    st.tuples(st.just("lost"), HOLDERS),
    st.tuples(st.just("reset")),
    st.tuples(st.just("boot")),
)


class Pair:
    """A breaker and the naive one, side by side."""

    def __init__(self, rule: Rule) -> None:
        self.rule, self.shelf, self.naive = rule, Shelf(), Naive(rule)
        self.boots, self.at_us = 0, 100

    def ask(self, asked: breaker.Event) -> View:
        view: View = self.shelf.ask(breaker.KIND, "s", asked, Now(str(self.boots), self.at_us, 0))
        return view

    def pass_time(self, verb: str, rest: list) -> None:
        """What happens to both without being asked."""
        naive = self.naive
        match verb, rest:
            case "wait", (wait_us,):
                self.at_us += wait_us
            case "cool", ():
                self.at_us = max(self.at_us, naive.open_until_us)
            case "boot", ():
                self.boots, self.at_us = self.boots + 1, 3
                naive.ends = [(-(10**9), outcome) for _, outcome in naive.ends]
                naive.out = []
                naive.open_until_us = self.at_us + self.rule.open_us
                self.ask(Lost("nobody"))

    def happens(self, verb: str, rest: list) -> tuple[breaker.Event, bool]:
        """Let something happen to the naive one; return how to ask the other, and what for."""
        naive, rule, at_us = self.naive, self.rule, self.at_us
        match verb, rest:
            case "report", (late, runs):
                outcomes = [outcome for outcome, count in runs for _ in range(count)]
                asked = Report(rule, naive.turn - late, tuple(runs))
                naive.report(naive.turn - late, outcomes, at_us)
                return asked, False
            case "fail", ():
                return self.happens("report", [0, [("failed", rule.failures)]])
            case "probe", (holder,):
                return Probe(rule, holder), naive.probe(holder, at_us)
            case "unheard of", (holder,) if holder not in naive.out:
                return ProbeEnded(rule, holder, "failed", naive.turn), False
            case "ended", (which, outcome, late) if naive.out:
                holder, turn = naive.out[which % len(naive.out)], naive.turn - late
                naive.probe_ended(holder, outcome, turn, at_us)
                return ProbeEnded(rule, holder, outcome, turn), False
            case "lost", (holder,):
                naive.out = [one for one in naive.out if one != holder]
                return Lost(holder), False
            case "reset", ():
                naive.to("closed", at_us)
                naive.out = []
                return Reset("me"), False
        return Look(), False

    def check(self, view: View, may: bool) -> None:
        """Both stand alike."""
        naive, kept = self.naive, self.shelf.get(breaker.KIND, "s")

        assert (view.state, view.turn, view.is_probe) == (naive.state, naive.turn, may)
        if naive.state == "open":
            assert view.open_until_us == naive.open_until_us
        if kept is not None:
            circuit = breaker.read(kept, "s")
            assert sum(circuit.out.values()) == len(naive.out)
            assert len(circuit.slices) <= SLICES


def spelled_out(steps: list[tuple]) -> Iterator[tuple]:
    """The ways to half open and back to closed, which chance would seldom take, as steps."""
    for step in steps:
        if step[0] == "half open":
            yield from [("fail",), ("cool",), ("probe", step[1])]
        elif step[0] == "mended":
            yield from [("fail",), ("cool",), *[("probe", step[1]), ("ended", 0, "ok", 0)] * 3]
        else:
            yield step


def compare(rule: Rule, steps: list[tuple]) -> None:
    """Do the same with the breaker and with the naive one, and compare after each step."""
    pair = Pair(rule)
    for verb, *rest in spelled_out(steps):
        pair.pass_time(verb, rest)
        asked, may = pair.happens(verb, rest)
        view = pair.ask(asked)
        event(f"{view.state} after {verb}")
        pair.check(view, may)


@given(rule=RULES, steps=st.lists(STEPS, min_size=8, max_size=30))
@example(
    rule=Rule(failures=99, failure_share=0.5, calls_min=4, window_us=12 * SECOND),
    steps=[
        ("report", 0, [("ok", 3)]), *[("wait", 3 * SECOND)] * 3, ("report", 0, [("failed", 2)]),
        ("wait", 3 * SECOND), ("report", 0, [("ok", 4)]),
    ],
)  # fmt: skip
@settings(max_examples=120)
def test_as_the_naive_one(rule: Rule, steps: list[tuple]) -> None:
    """It opens, half opens and closes exactly when a breaker does that keeps a list of all calls
    that ended; it counts the probes in flight right, whoever dies."""
    compare(rule, steps)


@pytest.mark.long
@given(rule=RULES, steps=st.lists(STEPS, min_size=20, max_size=120))
@settings(max_examples=2_000 if IS_FULL else 250)
def test_as_the_naive_one_for_long(rule: Rule, steps: list[tuple]) -> None:
    """As above, for longer histories."""
    compare(rule, steps)


@given(rule=RULES, steps=st.lists(STEPS, max_size=6))
def test_decisions_are_pure(rule: Rule, steps: list[tuple]) -> None:
    """A decision leaves the state that it was given as it was."""
    state = Circuit()
    for number, (verb, *rest) in enumerate(steps):
        asked: breaker.Event = Reset("me")
        match verb, rest:
            case "report", (_, runs):
                asked = Report(rule, state.turn, tuple(runs))
            case "probe", (holder,):
                asked = Probe(rule, holder)
            case "ended", (holder, outcome, _):
                asked = ProbeEnded(rule, holder, outcome, state.turn)
        before = msgspec.json.encode(state)
        after, _ = breaker.decide(state, asked, Now("b", number * 40 * SECOND, 0))

        assert msgspec.json.encode(state) == before
        state = after


# what people and workers see of it -------------------------------------------------------


class Service:
    """A breaker with a clock."""

    def __init__(self, rule: Rule) -> None:
        self.rule, self.shelf = rule, Shelf()
        self.at_us = 5

    def ask(self, asked: breaker.Event) -> View:
        view: View = self.shelf.ask(
            breaker.KIND, "s", asked, Now("b", self.at_us, 10**15 + self.at_us)
        )
        return view

    def report(self, *runs: tuple[breaker.Outcome, int], turn: int = 0) -> View:
        return self.ask(Report(self.rule, turn, runs, "run7", "pay[3]"))

    def probe(self, holder: str = "w") -> View:
        return self.ask(Probe(self.rule, holder, "run8", "pay"))

    def ended(self, outcome: breaker.ProbeOutcome, turn: int, holder: str = "w") -> View:
        return self.ask(ProbeEnded(self.rule, holder, outcome, turn, "run8", "pay"))

    @property
    def circuit(self) -> Circuit:
        kept = self.shelf.get(breaker.KIND, "s")
        assert kept is not None
        return breaker.read(kept, "s")


def test_each_change_says_why_and_whose_call_it_was() -> None:
    """Changes are kept with the numbers, the run and the step; the newest reason is in the view."""
    service = Service(Rule(failures=3))
    opened = service.report(("failed", 2), ("failed", 1))
    service.at_us += 30 * SECOND
    service.probe()
    closed = service.ended("ok", 2)
    changes = [
        (one.before, one.after, one.reason, one.by, one.path) for one in service.circuit.changes
    ]

    assert opened == View(
        "open", 1, 5 + 30 * SECOND, has_changed=True, reason="3 failures in a row (limit 3)"
    )
    assert closed == View("closed", 3, has_changed=True, reason="a probe succeeded")
    assert changes == [
        ("closed", "open", "3 failures in a row (limit 3)", "run7", "pay[3]"),
        ("open", "half_open", "it was open for 30 s", "run8", "pay"),
        ("half_open", "closed", "a probe succeeded", "run8", "pay"),
    ]
    assert service.circuit.changes[0].at_us == 10**15 + 5


@pytest.mark.parametrize(
    ("rule", "runs", "reason"),
    [
        (Rule(failure_share=0.5), [("ok", 5), ("failed", 4), ("ok", 1), ("failed", 3)],
         "7 of 13 calls in 60 s failed (limit 50%)"),
        (Rule(failure_share=0.4), [("ok", 6), ("failed", 4)],
         "4 of 10 calls in 60 s failed (limit 40%)"),
        (Rule(slow_share=0.3), [("ok", 7), ("slow", 3)],
         "3 of 10 calls in 60 s were slow (limit 30%)"),
    ],
)  # fmt: skip
def test_shares_are_told_with_their_numbers(
    rule: Rule, runs: list[tuple[breaker.Outcome, int]], reason: str
) -> None:
    """A share that opens it is told in calls."""
    view = Service(rule).report(*runs)

    assert (view.state, view.reason) == ("open", reason)


def test_calls_from_before_do_not_open_it_again() -> None:
    """Failures of calls that began before it opened say nothing once it is closed again; nor do
    successes of such calls close it."""
    service = Service(Rule(failures=2))
    service.report(("failed", 2))
    during = service.report(("ok", 100), ("failed", 100))
    service.at_us += 30 * SECOND
    service.probe()
    half = service.report(("ok", 100), ("failed", 100))
    service.ended("ok", 2)
    after = service.report(("failed", 100))
    now = service.report(("failed", 2), turn=3)

    assert [during.state, half.state, after.state] == ["open", "half_open", "closed"]
    assert now.state == "open"


def test_a_probe_of_another_turn_decides_nothing() -> None:
    """A probe that ends after another one has failed neither closes nor opens it, and while it is
    in flight it counts: so many calls at once and no more reach a service that fails."""
    service = Service(Rule(failures=1, probes=2))
    service.report(("failed", 1))
    service.at_us += 30 * SECOND
    assert service.probe("a").is_probe
    assert service.probe("b").is_probe
    assert not service.probe("c").is_probe
    assert service.ended("failed", 2, "a").state == "open"
    service.at_us += 30 * SECOND
    assert service.probe("a").is_probe
    assert not service.probe("c").is_probe
    assert service.ended("ok", 2, "b") == View("half_open", 4, reason="it was open for 30 s")
    assert service.probe("c").is_probe
    assert service.ended("ok", 4, "a").state == "half_open"
    assert not service.probe("d").is_probe
    assert service.ended("ok", 4, "c").state == "closed"
    assert service.circuit.out == {}


@pytest.mark.parametrize(
    ("outcome", "state", "reason"),
    [
        ("ok", "closed", "a probe succeeded"),
        ("failed", "open", "a probe failed"),
        ("slow", "open", "a probe was slow"),
        ("unknown", "half_open", "it was open for 30 s"),
        ("cancelled", "half_open", "it was open for 30 s"),
    ],
)
def test_how_a_probe_ends(outcome: breaker.ProbeOutcome, state: str, reason: str) -> None:
    """A probe that succeeded in time closes it, one that failed or was late opens it for its whole
    time; one of which nobody knows makes room for another."""
    service = Service(Rule(failures=1))
    service.report(("failed", 1))
    service.at_us += 30 * SECOND
    service.probe()
    service.at_us += SECOND
    view = service.ended(outcome, 2)

    assert (view.state, view.reason) == (state, reason)
    assert view.open_until_us == (service.at_us + 30 * SECOND if state == "open" else 0)
    assert service.probe().is_probe == (state == "half_open")


@pytest.mark.parametrize(
    "rule", [Rule(failures=4), Rule(failures=99, failure_share=0.5, calls_min=4)]
)
def test_once_it_is_closed_it_begins_to_count_anew(rule: Rule) -> None:
    """What made it open counts no more when it has closed, in a row or as a share."""
    service = Service(rule)
    service.report(("failed", 4))
    service.at_us += 30 * SECOND
    service.probe()
    service.ended("ok", 2)

    assert service.report(("failed", 3), turn=3).state == "closed"
    assert service.report(("failed", 1), turn=3).state == "open"


def test_a_reset_closes_it_and_says_who_did_it() -> None:
    """Somebody closes it by hand; what is in flight from before says nothing any more."""
    service = Service(Rule(failures=1))
    service.report(("failed", 1))
    view = service.ask(Reset("ann"))

    assert view.state == "closed"
    assert service.circuit.changes[-1].by == "ann"
    assert service.report(("failed", 1)).state == "closed"
    assert service.report(("failed", 1), turn=view.turn).state == "open"


def test_the_list_of_changes_is_bounded() -> None:
    """Only the last changes are kept, newest last."""
    service = Service(Rule(failures=1))
    for number in range(2 * CHANGES_MAX):
        service.ask(Reset(str(number)))
    names = [one.by for one in service.circuit.changes]

    assert names == [str(number) for number in range(CHANGES_MAX, 2 * CHANGES_MAX)]
    assert service.circuit.turn == 2 * CHANGES_MAX


def test_time_does_not_go_back() -> None:
    """A commit whose clock was read a little earlier opens it no shorter."""
    service = Service(Rule(failures=1))
    service.report(("ok", 1))
    service.at_us -= 4
    view = service.report(("failed", 1))

    assert view.open_until_us == 5 + 30 * SECOND


def test_a_restart_of_the_machine_forgets_shares() -> None:
    """How calls ended before the machine was restarted counts in no window after it."""
    service = Service(Rule(failures=99, failure_share=0.5))
    service.at_us = 10**9
    service.report(("failed", 9))
    service.shelf.ask(breaker.KIND, "s", Lost("w"), Now("after", 1, 2))
    again = Report(service.rule, 0, (("failed", 9),))
    view = service.shelf.ask(breaker.KIND, "s", again, Now("after", 1, 2))

    assert view.state == "closed"


def test_a_look_writes_nothing() -> None:
    """To ask how things stand leaves the book as it is."""
    service = Service(Rule())

    assert service.ask(Look()) == View("closed", 0)
    assert service.shelf.states == {}


def test_the_rule_is_the_option() -> None:
    """An option becomes a rule, in microseconds."""
    option = Breaker(
        "crm", failures=3, failure_share=0.25, slow="1s", slow_share=0.75, window="10s",
        calls_min=7, open="500ms", probes=2,
    )  # fmt: skip

    assert Rule.of(option) == Rule(3, 0.25, 0.75, 10 * SECOND, 7, SECOND // 2, 2)
    assert Rule.of(Breaker()) == Rule()

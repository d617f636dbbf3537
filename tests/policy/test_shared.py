"""The door to shared state: clear errors, and files that live longer than versions."""

import msgspec
import pytest

from podium.core.errors import PodiumError, StoreError
from podium.policy import breaker, lock, permits
from podium.policy.shared import Now, apply
from tests.policy.shelf import Shelf

NOW = Now("b", 1, 2)
EVENTS: list[tuple[str, str, msgspec.Struct]] = [
    (permits.KIND, "k", permits.Take("w", 1, 2)),
    (permits.KIND, "k", permits.Take("v", 2, 2, 1_000_000)),
    (permits.KIND, "k", permits.Give("w", used=1)),
    (breaker.KIND, "k", breaker.Report(breaker.Rule(), 0, (("failed", 9),))),
    (breaker.KIND, "k", breaker.Look()),
    (lock.KIND, "k", lock.Acquire("r", "p")),
    (lock.KIND, "k", lock.Acquire("s", "p")),
    (lock.KIND, "k", lock.Release("r", "p")),
]


def test_an_unknown_kind_is_named() -> None:
    """Who asks for a kind that is not there is told which are."""
    with pytest.raises(
        PodiumError, match=r"kind 'weather' \(asked for 'k'\); known kinds: permits, b"
    ):
        apply(Shelf(), "weather", "k", b"{}", NOW)


@pytest.mark.parametrize("kind", [permits.KIND, breaker.KIND, lock.KIND])
def test_an_event_that_is_none_is_refused(kind: str) -> None:
    """The event is quoted, and nothing is written."""
    shelf = Shelf()

    with pytest.raises(PodiumError, match=f"{kind} 'k' was asked for b'.*dance"):
        apply(shelf, kind, "k", b'{"type":"dance"}', NOW)
    assert shelf.states == {}


@pytest.mark.parametrize(("kind", "key", "event"), EVENTS)
@pytest.mark.parametrize("state", [b"", b"[]", b'{"holder":1,"held":2,"state":3}'])
def test_a_state_that_cannot_be_read_is_an_error_of_the_store(
    kind: str, key: str, event: msgspec.Struct, state: bytes
) -> None:
    """The error names the state and says what to do; the state stays as it is."""
    shelf = Shelf()
    shelf.put(kind, key, state)

    with pytest.raises(StoreError, match=f"{kind} 'k' cannot be read: .*newer Podium.*doctor"):
        shelf.ask(kind, key, event, NOW)
    assert shelf.states == {(kind, key): state}


def test_what_a_newer_version_added_is_passed_over() -> None:
    """Fields that this version does not know, in states and events, change no decision."""
    plain, newer = Shelf(), Shelf()
    for kind, key, event in EVENTS:
        text = msgspec.json.encode(event)
        data = msgspec.json.encode({**msgspec.json.decode(text), "added": [1]})
        assert apply(newer, kind, key, data, NOW) == apply(plain, kind, key, text, NOW)
        for place, state in list(newer.states.items()):
            known = msgspec.json.decode(state)
            if isinstance(known, dict):
                newer.states[place] = msgspec.json.encode({**known, "added": {}})


def test_the_same_events_give_the_same_book() -> None:
    """A decision rests on the state, the event and the time, and on nothing else."""
    shelves = Shelf(), Shelf()
    for shelf in shelves:
        for kind, key, event in EVENTS:
            shelf.ask(kind, key, event, NOW)

    assert shelves[0].states == shelves[1].states

"""How many bytes are written: history stays linear (DESIGN §5)."""

from collections.abc import Callable, Iterator

import msgspec
import pytest

from tests.payload.memory import Memory, encode, hex_text, list_of, message

Wrap = Callable[[list[bytes], int], bytes]


def bare(items: list[bytes], turn: int) -> bytes:
    return list_of(items)


def in_object(items: list[bytes], turn: int) -> bytes:
    return encode({"messages": msgspec.Raw(list_of(items)), "turn": turn})


def history(
    turns: int, size: int, *, drop: int = 0, summary: bool = False
) -> Iterator[list[bytes]]:
    """The list after each turn; every 50 turns it loses its front, maybe for a summary."""
    items: list[bytes] = []
    for turn in range(turns):
        items = [*items, message(turn, size)]
        if drop and turn % 50 == 49:
            items = [message(("summary", turn), size)] * summary + items[drop:]
        yield items


def grow(
    turns: int, size: int, wrap: Wrap, drop: int = 0, summary: bool = False
) -> tuple[Memory, list[bytes], float]:
    """Each turn stores its argument (the list before) and its result, as the journal does.

    The ratio is of blobs and envelopes to the new data: the new items, and what stands around the
    list, which is new each time.
    """
    store = Memory()
    family = store.family()
    items: list[bytes] = []
    envelopes: list[bytes] = []
    new = 0
    for turn, grown in enumerate(history(turns, size, drop=drop, summary=summary)):
        argument = family.pack(wrap(items, turn), store)
        items = grown
        result = family.pack(wrap(items, turn), store)
        envelopes += [argument, result]
        around = len(wrap([], turn)) - 2 if wrap is in_object else 0
        new += size + 1 + 2 * around
    return store, envelopes, (store.written + sum(map(len, envelopes))) / new


@pytest.mark.long
@pytest.mark.parametrize("wrap", [bare, in_object])
@pytest.mark.parametrize(("size", "most"), [(200, 1.6), (1000, 1.3)])
def test_growing_list_costs_its_new_items(size: int, most: float, wrap: Wrap) -> None:
    """2,000 turns that add an item write little more than the items, envelopes included."""
    store, envelopes, ratio = grow(2_000, size, wrap)

    assert ratio <= most
    assert store.family().unpack(envelopes[-1]) == wrap(
        [message(turn, size) for turn in range(2_000)], 1_999
    )


@pytest.mark.long
@pytest.mark.parametrize("summary", [False, True])
@pytest.mark.parametrize("size", [200, 1000])
def test_compaction_costs_no_second_copy(size: int, summary: bool) -> None:
    """A list that loses its first ten items every 50 turns does not write the others again."""
    store, envelopes, ratio = grow(2_000, size, bare, drop=10, summary=summary)
    *_, last = history(2_000, size, drop=10, summary=summary)

    assert ratio <= 1.8
    assert store.family().unpack(envelopes[-1]) == list_of(last)


def test_window_stays_readable() -> None:
    """Of a list that drops as much as it gains, reading looks up what is in it, not what was."""
    store, envelopes, _ = grow(2_000, 200, bare, drop=50)
    store.looked_up = 0
    store.family().unpack(envelopes[-1])

    assert store.looked_up <= 160


def test_same_list_is_the_same_blob() -> None:
    """A list that is stored already costs one envelope, and that is the same."""
    store = Memory()
    family = store.family()
    items = [message(number, 300) for number in range(30)]
    first = family.pack(list_of(items), store)
    grown = family.pack(list_of([*items, message("new", 300)]), store)
    written = store.written

    assert family.pack(list_of([*items, message("new", 300)]), store) == grown
    assert family.pack(list_of(items), store) == first
    assert store.written == written


def test_branches_share_what_they_have_in_common() -> None:
    """Two continuations of one list, as forks make them, each cost their own items."""
    store = Memory()
    family = store.family()
    base = [message(number, 300) for number in range(100)]
    family.pack(list_of(base), store)
    written = store.written
    for fork in range(10):
        for length in range(1, 6):
            family.pack(list_of(base + [message((fork, n), 300) for n in range(length)]), store)

    assert store.written - written <= 1.2 * 10 * 5 * 300


def test_edit_in_the_middle_costs_the_edit() -> None:
    """One changed message costs itself; a list cut short costs nothing."""
    store = Memory()
    family = store.family()
    items = [message(number, 500) for number in range(400)]
    family.pack(list_of(items), store)
    written = store.written
    edited = [*items[:200], message("edit", 500), *items[201:]]
    envelopes = [family.pack(list_of(value), store) for value in (edited, edited[:-40])]

    assert store.written - written <= 500 + 300
    assert store.family().unpack(envelopes[0]) == list_of(edited)
    assert store.family().unpack(envelopes[1]) == list_of(edited[:-40])


def test_results_of_100_kb_cost_themselves() -> None:
    """50 results of 100 KB take 1.05 times their size at most."""
    store = Memory()
    family = store.family()
    values = [
        encode({"i": n, "blob": [hex_text((n, part), 96) for part in range(1000)]})
        for n in range(50)
    ]
    envelopes = [family.pack(value, store) for value in values]

    assert store.written + sum(map(len, envelopes)) <= 1.05 * sum(map(len, values))
    assert [family.unpack(envelope) for envelope in envelopes] == values


def test_documents_are_stored_once() -> None:
    """A long text is one blob, wherever in a value it stands."""
    store = Memory()
    family = store.family()
    text = hex_text("document", 50_000)
    values = [
        {"title": "a", "text": text},
        [1, {"title": "b", "text": text}],
        {"documents": {"b": {"title": "b", "text": text}}, "note": hex_text("note", 2_000)},
    ]
    for value in values:
        family.pack(encode(value), store)

    assert store.written <= 50_000 + 500


@pytest.mark.parametrize("wrap", [bare, in_object])
def test_replay_looks_each_blob_up_once(wrap: Wrap) -> None:
    """Reading all turns in order, in a new process, is linear; backwards too."""
    store, envelopes, _ = grow(500, 300, wrap)
    store.looked_up = 0
    family = store.family()
    for envelope in envelopes:
        family.unpack(envelope)
    forwards, store.looked_up = store.looked_up, 0
    family = store.family()
    for envelope in reversed(envelopes):
        family.unpack(envelope)

    assert forwards <= len(store.data)
    assert store.looked_up <= len(store.data) + 5


def test_cold_start_after_replay_writes_nothing_again() -> None:
    """A process that has read the last list continues it as if it had written it."""
    store, envelopes, _ = grow(500, 300, bare)
    family = store.family()
    items = [message(number, 300) for number in range(500)]
    family.unpack(envelopes[-1])
    written = store.written
    family.pack(list_of([*items, message("new", 300)]), store)

    assert store.written - written <= 300 + 40


def test_cold_start_without_reading_writes_one_list() -> None:
    """A process that has read nothing writes the list in runs, once; then growth goes on.

    The next such process finds those runs and writes the last of them again.
    """
    store, _, _ = grow(500, 300, bare)
    items = [message(number, 300) for number in range(500)]
    costs = []
    for _ in range(2):
        family = store.family()
        for _ in range(2):
            written = store.written
            items = [*items, message(len(items), 300)]
            family.pack(list_of(items), store)
            costs.append(store.written - written)

    assert costs[0] <= 1.02 * len(list_of(items))
    assert costs[1] <= 300 + 40
    assert costs[2] <= 64 * 1024
    assert costs[3] <= 300 + 40


@pytest.mark.parametrize("change", ["front", "middle", "end"])
def test_runs_keep_their_ends(change: str) -> None:
    """With nothing remembered, a changed list of 2 MB writes some runs, not itself."""
    store = Memory()
    items = [message(number, 1_000) for number in range(2_000)]
    store.family(cache_bytes=0).pack(list_of(items), store)
    changed = {
        "front": items[10:],
        "middle": [*items[:1_000], message("edit", 1_000), *items[1_001:]],
        "end": [*items, message("new", 1_000)],
    }[change]
    written = store.written
    envelope = store.family(cache_bytes=0).pack(list_of(changed), store)

    assert store.written - written <= 160 * 1024
    assert store.family().unpack(envelope) == list_of(changed)


@pytest.mark.parametrize("cache_bytes", [0, 200_000])
def test_more_lists_than_fit_cost_their_new_items(cache_bytes: int) -> None:
    """Twenty lists that grow in turns, in memory for three, are not written anew."""
    store = Memory()
    family = store.family(cache_bytes)
    lists = [[message((which, n), 500) for n in range(100)] for which in range(20)]
    for items in lists:
        family.pack(list_of(items), store)
    written = store.written
    for turn in range(20):
        for which, items in enumerate(lists):
            family.pack(list_of(items), store)
            items.append(message((which, "new", turn), 500))
            envelope = family.pack(list_of(items), store)

            assert family.unpack(envelope) == list_of(items)

    assert store.written - written <= 1.1 * 20 * 20 * 500


def test_short_values_touch_nothing() -> None:
    """Under 4,096 bytes the envelope is the value itself; nothing is asked of the store."""
    store = Memory()
    value = encode("x" * 4_093)

    assert store.family().pack(value, store) is value
    assert store.family().unpack(value) is value
    assert (store.data, store.asked_digests, store.looked_up) == ({}, 0, 0)


def test_digests_are_asked_once() -> None:
    """The table of names is loaded when first needed, and kept up to date in memory."""
    store = Memory()
    family = store.family()
    for number in range(5):
        family.pack(encode(hex_text(number, 9_000)), store)
        family.pack(encode(hex_text(number, 9_000)), store)

    assert (store.asked_digests, len(store.data)) == (1, 5)

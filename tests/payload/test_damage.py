"""Damage is seen and named; a later version is told from damage."""

from contextlib import suppress

import pytest

from hypothesis import given
from hypothesis import strategies as st

from podium.core.errors import StoreCorrupt, StoreNewer
from podium.journal.payload import references
from tests.payload.memory import SMALL, Memory, encode, hex_text, list_of, message


def a_long_list() -> tuple[Memory, bytes, bytes]:
    """A list that has been grown, cut and edited, in a store."""
    store = Memory()
    family = store.family()
    items = [message(n, 700) for n in range(150)] + [encode(hex_text("text", 9_000))]
    family.pack(list_of(items), store)
    items = [*items[20:], message("new", 700)]
    return store, family.pack(list_of(items), store), list_of(items)


def reached(store: Memory, envelope: bytes) -> set[int]:
    """All blobs that an envelope rests on."""
    found: set[int] = set()
    todo = references(envelope)
    while todo:
        blob = todo.pop()
        found.add(blob)
        todo += references(store.data[blob])
    return found


def test_missing_blob_is_named() -> None:
    """Each blob that is missing is named by its id."""
    store, envelope, _ = a_long_list()
    blobs = reached(store, envelope)

    assert len(blobs) >= 5
    for blob in blobs:
        data = store.data.pop(blob)
        with pytest.raises(StoreCorrupt, match=f"blob {blob} is missing"):
            store.family().unpack(envelope)
        store.data[blob] = data


def test_blob_of_another_size_is_named() -> None:
    """A blob that has lost or gained bytes is not read as if nothing was."""
    store, envelope, encoded = a_long_list()
    for blob in reached(store, envelope):
        data = store.data[blob]
        store.data[blob] = data[:-30]
        with pytest.raises(StoreCorrupt, match=r"blob \d+"):
            store.family().unpack(envelope)
        store.data[blob] = data

    assert store.family().unpack(envelope) == encoded


@pytest.mark.parametrize(
    "envelope",
    [
        b'["\\/p1"', b'["\\/p1",', b'["\\/p1","\\/1"]', b'["\\/p1","\\/1.2.3.4"]', b'["\\/px",1]',
        b'["\\/p1","\\/1000000.5"', b'["\\/p1","\\/1000000+3.4"]', b'["\\/p1","\\/1000000.5.5"]',
        b'["\\/p1","\\/1000000.6"]', b'["\\/p1","\\/1000000+6"]', b'["\\/p1","\\/1000000.2.6"]',
        b'["\\/p1","\\/1000000.0"]', b'["\\/p1","\\/2000000.5"]',
    ],
)  # fmt: skip
def test_damaged_envelope(envelope: bytes) -> None:
    """An envelope that cannot be read, or does not fit its blob, is damage."""
    store = Memory()
    store.put(b"12345", None)
    with pytest.raises(StoreCorrupt, match="The database is damaged"):
        store.family().unpack(envelope)


@pytest.mark.parametrize("envelope", [b'["\\/p2","?"]', b'["\\/p1.7","cipher"]'])
def test_later_version_is_no_damage(envelope: bytes) -> None:
    """What a newer Podium wrote, or encrypted, is refused with the way out."""
    with pytest.raises(StoreNewer, match="Use a newer Podium"):
        Memory().family().unpack(envelope)


def test_circle_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A blob that refers to itself is found out instead of read for ever."""
    monkeypatch.setattr("podium.journal.payload.family._OPENINGS_FREE", 100)
    store = Memory()
    store.put(b'~"\\/1000000.500"', None)
    with pytest.raises(StoreCorrupt, match="blob 1000000 refers to itself"):
        store.family().unpack(b'["\\/p1","\\/1000000.500"]')


@given(st.data())
def test_any_damage_ends_in_our_errors(data: st.DataObject) -> None:
    """Whatever happens to the bytes: text of the right size, or an error of ours."""
    store = Memory()
    family = store.family(sizes=SMALL)
    items = [message(n, 45) for n in range(20)]
    family.pack(list_of(items[:15]), store)
    envelope = family.pack(list_of(items[4:]), store)
    blob = data.draw(st.sampled_from(sorted(reached(store, envelope))))
    damaged = bytearray(store.data[blob])
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    store.data[blob] = bytes(damaged)
    with suppress(StoreCorrupt):
        assert len(store.family(sizes=SMALL).unpack(envelope)) == len(list_of(items[4:]))

"""What was packed comes back byte for byte, whatever it is and whatever is remembered."""

import json

from typing import Any

import msgspec
import pytest

from hypothesis import example, given
from hypothesis import strategies as st

from podium.core.errors import PodiumError, ValueNotPortable
from tests.payload.memory import (
    OTHER_KEY,
    SMALL,
    Memory,
    encode,
    hex_text,
    list_of,
    message,
)

LOOKALIKES = [
    '"\\/1000000.5"', "\\/1000000.5", "~", "~[", '["\\/p1",', '["\\\\/p1",1]', "\\", '"', "\\\\/",
    "/1000000+4", '","', "],[", "\u2028", "\U0001f600", "\x7f\x00",
]  # fmt: skip

texts = st.text(max_size=80) | st.sampled_from(LOOKALIKES) | st.text('ab"\\/~[],', max_size=200)
scalars = (
    st.none() | st.booleans() | texts | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(2**63), 2**64 - 1)
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=12) | st.dictionaries(texts, inner, max_size=8),
    max_leaves=60,
)
short_items = st.lists(scalars.map(encode), max_size=6)


class Record(msgspec.Struct):
    """As a journal record holds an envelope."""

    at: int
    value: msgspec.Raw


def through_a_record(envelope: bytes) -> bytes:
    """What the journal does with an envelope."""
    record = msgspec.json.encode(Record(7, msgspec.Raw(envelope)))
    return bytes(msgspec.json.decode(record, type=Record).value)


@pytest.mark.long
@given(st.lists(values, min_size=1, max_size=8), st.sampled_from([None, 0, 2_000]), st.data())
def test_any_values_come_back(
    drawn: list[Any], cache_bytes: int | None, data: st.DataObject
) -> None:
    """Many values of one family, read in any order, warm and cold."""
    store = Memory()
    family = store.family(cache_bytes, SMALL)
    encoded = [encode(value) for value in drawn]
    envelopes = [through_a_record(family.pack(one, store)) for one in encoded]
    for at in data.draw(st.permutations(range(len(encoded)))):
        if data.draw(st.booleans()):
            family = store.family(cache_bytes, SMALL)

        assert family.unpack(envelopes[at]) == encoded[at]


@st.composite
def next_list(draw: st.DrawFn, earlier: list[list[bytes]]) -> list[bytes]:
    """A list that a program might make from an earlier one."""
    base = draw(st.sampled_from(earlier))
    low = draw(st.integers(0, len(base)))
    high = draw(st.integers(low, len(base)))
    new = draw(short_items)
    return draw(
        st.sampled_from(
            [
                base + new, base + new, base + new, base[low:] + new, base[:low], new + base[low:],
                base[:low] + new + base[high:], base * 2, [*base, list_of(base)], [list_of(base)],
            ]
        )
    )  # fmt: skip


@pytest.mark.long
@given(st.data(), st.sampled_from([None, 0, 1_500, 4_000]), st.booleans())
def test_lists_that_grow_and_change_come_back(
    data: st.DataObject, cache_bytes: int | None, is_object: bool
) -> None:
    """Growth, branches, cuts, edits, lists in lists, with cold starts and a cache too small."""
    store = Memory()
    family = store.family(cache_bytes, SMALL)
    lists = [[message(n, 40) for n in range(data.draw(st.integers(0, 12)))]]
    stored: list[tuple[bytes, bytes]] = []
    for _ in range(data.draw(st.integers(1, 14))):
        grown = data.draw(next_list(lists))
        if sum(map(len, grown)) > 20_000:
            continue
        lists.append(grown)
        encoded = list_of(grown)
        if is_object:
            members = [b'"%d":%b' % (n, item) for n, item in enumerate(grown)]
            encoded = b"{" + b",".join(members) + b"}"
        stored.append((through_a_record(family.pack(encoded, store)), encoded))
        if data.draw(st.integers(0, 4)) == 0:
            family = store.family(cache_bytes, SMALL)
        if data.draw(st.integers(0, 3)) == 0:
            envelope, encoded = data.draw(st.sampled_from(stored))

            assert family.unpack(envelope) == encoded
    for envelope, encoded in stored:
        assert family.unpack(envelope) == encoded
        assert store.family(0, SMALL).unpack(envelope) == encoded


FOREIGN = [
    b'[ 1,  "' + b"x" * 60 + b'" ]',
    b' ["' + b"x" * 60 + b'"]',
    b'["' + b"x" * 60 + b'"]\n',
    b'["\\/p1","\\/1000000.5"]',
    b'["\\/p1","\\/1000000.5","' + b"x" * 60 + b'"]',
    b'"\\/1000000.5"',
    b'["\\/1000000+5",' + b'"\\/1000000.1.5",' * 9 + b"1]",
    b'["\\/1000000+5",["' + b"x" * 60 + b'"]]',
    b'{"\\/1000000+5":["' + b"x" * 60 + b'"]}',
    b'{"a":"\\/1000000+5","b":["' + b"x" * 60 + b'"]}',
    b'[{"a":"\\/1000000+5","b":["' + b"x" * 60 + b'"]},"\\/1"]',
    b'{"a":1,"a":["' + b"x" * 60 + b'"]}',
    b'{"\\u0061":1,"b":["' + b"x" * 60 + b'"]}',
    b'{"\\ud800":"' + b"x" * 60 + b'"}',
    b"1e400",
    b"-0.0",
    b"9" * 100,
    b"[" + b"1e400," * 30 + b"-0.0]",
    b"[" * 3_000 + b"]" * 3_000,
    b'{"a":' * 3_000 + b"1" + b"}" * 3_000,
    b'["\xff' + b"x" * 60 + b'"]',
]


@pytest.mark.parametrize("encoded", FOREIGN, ids=lambda text: repr(text[:24]))
def test_text_of_other_encoders_comes_back(encoded: bytes) -> None:
    """Spaces, doubled keys, needless escapes, text that looks like a reference, deep nesting."""
    store = Memory()
    store.put(b"12345", None)
    family = store.family(sizes=SMALL)
    envelope = family.pack(encoded, store)
    grown = family.pack(encoded[:-1] + b",1" + encoded[-1:], store)

    assert through_a_record(envelope) == envelope
    assert family.unpack(envelope) == encoded
    assert store.family().unpack(envelope) == encoded
    assert store.family().unpack(grown) == encoded[:-1] + b",1" + encoded[-1:]


@pytest.mark.long
@given(values)
@example({"\\/1000000.5": "\\/1000000.5" * 20, "b": ["/" * 90]})
def test_other_encoders_values_come_back(value: Any) -> None:
    """The standard library writes ASCII and spaces; its text is kept as it is."""
    store = Memory()
    family = store.family(sizes=SMALL)
    for encoded in (json.dumps(value).encode(), json.dumps(value).replace("/", "\\/").encode()):
        assert family.unpack(through_a_record(family.pack(encoded, store))) == encoded


def test_nesting_is_taken_apart_to_a_depth() -> None:
    """A value nested 900 deep, with a long text at its bottom, costs about itself."""
    store = Memory()
    family = store.family()
    value: Any = hex_text("bottom", 10_000)
    for _ in range(900):
        value = [value]
    encoded = encode(value)
    envelope = family.pack(encoded, store)

    assert family.unpack(envelope) == encoded
    assert store.written <= len(encoded) + 2_000


def test_lists_of_very_many_numbers_come_back() -> None:
    """A list too long to be taken apart is stored whole, and still grows by what is new."""
    store = Memory()
    family = store.family()
    encoded = b"[" + b"1," * 300_000 + b"2]"
    envelopes = [family.pack(encoded, store), family.pack(encoded[:-1] + b",3]", store)]

    assert store.written <= len(encoded) + 100
    assert store.family().unpack(envelopes[0]) == encoded
    assert store.family().unpack(envelopes[1]) == encoded[:-1] + b",3]"


@pytest.mark.parametrize("text", [b"", b"  ", b"~[1]" * 2_000])
def test_what_is_not_json_is_refused(text: bytes) -> None:
    """The first byte of a blob says what it is, so what is no JSON is not let in."""
    store = Memory()
    if text.startswith(b"~"):
        with pytest.raises(ValueNotPortable, match="Not JSON"):
            store.family().pack(text, store)
    with pytest.raises(PodiumError, match="Not JSON"):
        store.family(sizes=SMALL._replace(inline_max=0)).pack(text, store)


def test_fingerprint_is_short_and_keyed() -> None:
    """22 characters of base64url; another value or family gives others."""
    store = Memory()
    family = store.family()
    other = type(family)(OTHER_KEY, store)

    assert len(family.fingerprint(b"{}")) == 22
    assert family.fingerprint(b"{}") == store.family().fingerprint(b"{}")
    assert (
        len({family.fingerprint(b"{}"), family.fingerprint(b"[]"), other.fingerprint(b"{}")}) == 3
    )


def test_families_share_nothing() -> None:
    """With one cache, a list of one family is never found by another."""
    store = Memory()
    family = store.family()
    other = type(family)(OTHER_KEY, store, cache=family._cache)
    encoded = list_of([message(n, 300) for n in range(40)])
    family.pack(encoded, store)
    store.names.clear()
    written = store.written
    other.pack(encoded, store)

    assert store.written - written >= len(encoded)

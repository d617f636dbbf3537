"""The parts of which packing is made."""

from hypothesis import given
from hypothesis import strategies as st

from podium.journal.payload.cache import PayloadCache, common_prefix, common_suffix
from podium.journal.payload.parts import Bounds, cut, split
from tests.payload.memory import KEY, list_of, message

short = st.binary(max_size=40).map(lambda part: part * 50)


@given(short, st.binary(max_size=9), st.binary(max_size=9))
def test_common_prefix(common: bytes, one: bytes, other: bytes) -> None:
    """It is the number of bytes until the first difference."""
    length = common_prefix(common + one, common + other)

    assert (common + one)[:length] == (common + other)[:length]
    assert (common + one)[length : length + 1] != (common + other)[length : length + 1] or (
        length == min(len(common + one), len(common + other))
    )


@given(short, st.binary(max_size=9), st.binary(max_size=9), st.binary(max_size=9), st.data())
def test_common_suffix(
    common: bytes, one: bytes, other: bytes, behind: bytes, data: st.DataObject
) -> None:
    """It is the number of bytes since the last difference, within the limit."""
    left, right = one + common, other + common
    limit = data.draw(st.integers(0, min(len(left), len(right))))
    length = common_suffix(left, right + behind, len(right), limit)

    assert length <= limit
    assert left[len(left) - length :] == right[len(right) - length :]
    if length < limit:
        assert left[len(left) - length - 1] != right[len(right) - length - 1]


def test_cut_depends_on_content_alone() -> None:
    """A list without its front has the same ends from the second run or so on."""
    items = [message(n, 100) for n in range(2_000)]
    bounds = Bounds(1_000, 4_000, 16_000)
    ends = cut(items, bounds)
    later = [end + 7 for end in cut(items[7:], bounds)]

    assert ends[-1] == len(items)
    assert len(set(ends) - set(later)) <= 5


@given(st.lists(st.binary(max_size=30), max_size=200))
def test_cut_keeps_its_bounds(items: list[bytes]) -> None:
    """No run but the last is shorter than the least size, and none goes on past the most."""
    start = 0
    ends = cut(items, Bounds(50, 100, 200))
    for end in ends:
        size = sum(len(item) + 1 for item in items[start:end])

        assert end == len(items) or size >= 50
        assert size <= 200 + 31
        start = end
    assert ends[-1] == len(items)


def test_split_gives_up_on_what_it_cannot_join() -> None:
    """Only text that comes back from its parts is taken apart."""
    assert split(b"[1, 2]") is None
    assert split(b'{"a":1,"a":2}') is None
    assert split(b"[1") is None
    found = split(b'[1,[2,"a,b"],{}]')
    assert found is not None
    assert found.items == [b"1", b'[2,"a,b"]', b"{}"]
    assert found.end == len(b'[1,[2,"a,b"],{}]') - 1


def test_cache_keeps_its_bound() -> None:
    """The list used last stays; what was not used for longest goes first."""
    cache = PayloadCache(10_000)
    for number in range(20):
        text = list_of([message((number, n), 50) for n in range(40)])[:-1]
        cache.learn(KEY, text, [(len(text), number)])

        assert cache.size_bytes <= 10_000
        assert cache.read(KEY, number, 0, len(text) + 1, len(text) + 1) == text + b"]"
    assert cache.read(KEY, 0, 0, 10, 0) is None


def test_cache_forgets_a_family() -> None:
    """Nothing of it is left, and others stay."""
    cache = PayloadCache()
    cache.learn(b"a", b"[1,2,3", [(6, 1)])
    cache.learn(b"b", b"[1,2,3", [(6, 1)])
    cache.forget(b"a")

    assert cache.find(b"a", b"[1,2,3,4") is None
    assert cache.read(b"a", 1, 0, 7, 7) is None
    assert cache.read(b"b", 1, 0, 7, 7) == b"[1,2,3]"


def test_cache_holds_versions_of_a_list_once() -> None:
    """A thousand versions of a growing list take the memory of the longest, about."""
    cache = PayloadCache()
    text = list_of([message(0, 300)])[:-1]
    for number in range(1_000):
        text += b"," + message(number, 300)
        cache.learn(KEY, text, [(len(text), number)])

    assert cache.size_bytes <= 2 * len(text)

"""File values: four JSON fields, and a digest that is taken as the bytes stream by."""

import msgspec
import pytest

from podium.core.file import File, FileDigest


def test_digest_is_that_of_the_whole() -> None:
    """It does not matter how the bytes were cut; size counts them."""
    one, other = FileDigest(b"k" * 32), FileDigest(b"k" * 32)
    one.update(b"hello world")
    other.update(b"hello")
    other.update(b" world")

    assert one.hexdigest() == other.hexdigest()
    assert one.file("a.txt", "text/plain") == File(other.hexdigest(), 11, "a.txt", "text/plain")


def test_digest_is_keyed() -> None:
    """The same file has another digest in another family."""
    assert FileDigest(b"a" * 32).hexdigest() != FileDigest(b"b" * 32).hexdigest()


def test_file_is_json() -> None:
    """It goes into JSON and comes back equal."""
    file = FileDigest(b"k" * 32).file("a.txt")

    assert msgspec.json.decode(msgspec.json.encode(file), type=File) == file


@pytest.mark.parametrize(
    ("digest", "size"), [("", 1), ("g" * 64, 1), ("A" * 64, 1), ("a" * 64, -1)]
)
def test_file_that_cannot_be(digest: str, size: int) -> None:
    """A digest that is none, or a negative size, is refused."""
    with pytest.raises(ValueError, match="of a File"):
        File(digest, size, "a.txt")

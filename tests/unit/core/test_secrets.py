"""References to secrets, and where their values come from."""

import os
import sys

from pathlib import Path

import pytest

import podium

from podium import NameTaken, SecretInvalid, SecretMissing
from podium.core.secrets import resolve, secret, secret_source


@pytest.fixture(autouse=True)
def directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Two directories of secrets, and one variable."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    monkeypatch.setenv("PODIUM_SECRETS_DIR", f"{first}{os.pathsep}{second}")
    monkeypatch.setenv("SHOP_KEY", "sk_live_0123456789")
    return first, second


def test_environment() -> None:
    """``secret://env/NAME`` is the variable of that name."""
    assert secret("secret://env/SHOP_KEY") == "sk_live_0123456789"


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_file(directories: tuple[Path, Path], end: str) -> None:
    """``secret://file/PATH`` is found in the first directory that has it; its newline is cut."""
    (directories[1] / "db").mkdir()
    (directories[1] / "db" / "pass word").write_bytes(f"two\nlines{end}".encode())
    assert secret("secret://file/db/pass%20word") == "two\nlines"


@pytest.mark.parametrize(
    "name", ["../outside", "%2Fetc/hostname", "/etc/hostname", "db/../../outside", "link"]
)
def test_no_file_outside(directories: tuple[Path, Path], tmp_path: Path, name: str) -> None:
    """No path, percent-encoded or through a link, leads out of the directories."""
    (tmp_path / "outside").write_text("not for you", encoding="utf-8")
    (directories[0] / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(SecretInvalid, match="lies outside"):
        secret(f"secret://file/{name}")


def test_a_file_that_is_no_secret(directories: tuple[Path, Path]) -> None:
    """A file that is no text, is too large, or is a directory says so without its content."""
    (directories[0] / "bytes").write_bytes(b"\xff\xfe\x00")
    (directories[0] / "large").write_bytes(b"x" * 70_000)
    for name, text in (
        ("bytes", "no text"),
        ("large", "more than 65,536"),
        (".", "cannot be read"),
    ):
        with pytest.raises(SecretInvalid, match=text):
            secret(f"secret://file/{name}")


@pytest.mark.parametrize(
    ("reference", "remedy"),
    [
        ("secret://env/NOT_HERE", "environment variable NOT_HERE"),
        ("secret://file/not/here", "put a file not/here into"),
    ],
)
def test_missing(reference: str, remedy: str) -> None:
    """A missing secret is named, with what to do."""
    with pytest.raises(SecretMissing, match=remedy) as raised:
        secret(reference)
    assert raised.value.reference == reference
    assert reference in str(raised.value)


def test_an_empty_one_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty value is nobody's secret."""
    monkeypatch.setenv("SHOP_KEY", "")
    with pytest.raises(SecretMissing, match="empty"):
        secret("secret://env/SHOP_KEY")


@pytest.mark.parametrize(
    "text", ["sk_live_0123456789", "secret//env/X", "", " secret://env/SHOP_KEY"]
)
def test_a_value_is_no_reference(text: str) -> None:
    """A text that is no reference may be the secret itself, so the message does not have it."""
    with pytest.raises(SecretInvalid, match=f"a text of {len(text)} characters") as raised:
        secret(text)
    assert not text or text not in str(raised.value)


@pytest.mark.parametrize(
    "reference", ["secret://", "secret://env/", "secret://env/A B", "secret://ENV/A"]
)
def test_a_wrong_reference(reference: str) -> None:
    """A wrong reference is shown with what was expected."""
    with pytest.raises(SecretInvalid, match="expected secret://env/NAME"):
        secret(reference)


def test_an_unknown_source() -> None:
    """An unknown source is named, with those that are known."""
    with pytest.raises(
        SecretInvalid, match="no source 'vault' is known here, only env, file, keyring"
    ):
        secret("secret://vault/x")


def test_a_source_of_ones_own() -> None:
    """A registered function gives the values of its scheme; None is a missing secret."""
    secret_source("vault", {"a/b c": "value"}.get)
    assert secret("secret://vault/a/b%20c") == "value"
    with pytest.raises(SecretMissing, match="'vault' has nothing of that name"):
        secret("secret://vault/other")


def test_a_source_has_one_function() -> None:
    """A scheme that is taken, a built-in one too, and one that is no word are refused."""
    secret_source("vault", _vault)
    secret_source("vault", _vault)
    for scheme in ("vault", "env"):
        with pytest.raises(NameTaken, match=f"secret://{scheme}/"):
            secret_source(scheme, lambda _: None)
    with pytest.raises(SecretInvalid, match="lower-case"):
        secret_source("Vault", _vault)


def _vault(name: str) -> str:
    return name


def test_what_a_source_raises_comes_through() -> None:
    """A vault that does not answer is no missing secret: it may be asked again."""

    def closed(_name: str) -> str:
        raise ConnectionError("closed")

    secret_source("vault", closed)
    with pytest.raises(ConnectionError):
        secret("secret://vault/x")


def test_resolve_fills_structures() -> None:
    """References anywhere in strings, lists and dicts are filled; keys and other values stay."""
    given = {
        "Authorization": "Bearer secret://env/SHOP_KEY",
        "secret://env/SHOP_KEY": [1, None, ("x=secret://env/SHOP_KEY&y=secret://env/SHOP_KEY",)],
    }
    assert resolve(given) == {
        "Authorization": "Bearer sk_live_0123456789",
        "secret://env/SHOP_KEY": [1, None, ("x=sk_live_0123456789&y=sk_live_0123456789",)],
    }


def test_resolve_refuses_what_looks_like_one() -> None:
    """What begins like a reference is never sent on as it is."""
    with pytest.raises(SecretInvalid, match="begins like a reference"):
        resolve({"key": "Bearer secret://"})


def test_public_names() -> None:
    """Users reach them from the package."""
    assert podium.secret is secret
    assert podium.secret_source is secret_source


def test_keyring() -> None:
    """``secret://keyring/SERVICE/NAME`` is asked of the keyring; what is not there is missing."""
    keyring = pytest.importorskip("keyring")
    backend = pytest.importorskip("keyring.backend")

    class Ring(backend.KeyringBackend):  # type: ignore[misc, name-defined]
        priority = 1

        def get_password(self, service: str, username: str) -> str | None:
            kept = {("smtp@example.org/a", "me"): "in the ring"}
            return kept.get((service, username))

        def set_password(self, service: str, username: str, password: str) -> None:
            """It is only read."""

    before = keyring.get_keyring()
    keyring.set_keyring(Ring())
    try:
        assert secret("secret://keyring/smtp%40example.org/a/me") == "in the ring"
        with pytest.raises(SecretMissing, match="keyring set smtp you"):
            secret("secret://keyring/smtp/you")
        with pytest.raises(SecretInvalid, match="expected secret://keyring/SERVICE/NAME"):
            secret("secret://keyring/smtp")
    finally:
        keyring.set_keyring(before)


def test_no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package the message says what to install."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(SecretInvalid, match=r"pip install 'podium\[keyring\]'"):
        secret("secret://keyring/smtp/me")

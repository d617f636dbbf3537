"""What is hidden on screens: by the name of a field, by the form of a text."""

import pytest

from podium.core.shown import HIDDEN, NAMES, Screen, screen_of_environment

SCREEN = Screen(["iban"])


@pytest.mark.parametrize(
    "name",
    [
        *NAMES,
        "iban",
        "Password",
        "API-Key",
        "shopApiKey",
        "ACCESS_TOKEN",
        "x-api-key",
        "Set-Cookie",
        "customer_iban",
    ],
)
def test_fields(name: str) -> None:
    """A field is hidden by its name in any spelling, at any depth, with all that is in it."""
    value = {"a": [{name: "x1", "other": "seen"}, {name: {"inner": [17, None, True, ""]}}]}
    hidden = {"a": [{name: HIDDEN, "other": "seen"}, {name: {"inner": [HIDDEN, None, True, ""]}}]}
    assert SCREEN.value(value) == hidden


@pytest.mark.parametrize(
    "name",
    ["max_tokens", "tokens", "token_count", "secretary", "passwords_changed", "cookies_accepted"],
)
def test_other_fields(name: str) -> None:
    """A name that only resembles one is seen."""
    assert SCREEN.value({name: 12}) == {name: 12}


@pytest.mark.parametrize("reference", ["secret://env/KEY", "«secret://env/KEY»"])
def test_references_are_seen(reference: str) -> None:
    """A reference is no secret, and tells what to look at."""
    assert SCREEN.value({"api_key": reference}) == {"api_key": reference}
    assert SCREEN.text(f"api_key={reference}") == f"api_key={reference}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer abcdef123456xyz", f"Authorization: Bearer {HIDDEN}"),
        ("Authorization: Basic dXNlcjpwYXNzd29yZA==", f"Authorization: Basic {HIDDEN}"),
        ("id AKIAIOSFODNN7EXAMPLE.", f"id {HIDDEN}."),
        ("key sk_live_4eC39HqLyjWDarjtT1zdp7dc!", f"key {HIDDEN}!"),
        ("key sk-proj-4eC39HqLyjWDarjtT1zdp7dc", f"key {HIDDEN}"),
        ("got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-_1 here", f"got {HIDDEN} here"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nrest", f"{HIDDEN}\nrest"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE", HIDDEN),
        ("card 4111 1111 1111 1111 or 4111111111111111,", f"card {HIDDEN} or {HIDDEN},"),
        ("amex 378282246310005", f"amex {HIDDEN}"),
        ("postgresql://me:pa55@db/x", f"postgresql://me:{HIDDEN}@db/x"),
        ("GET /x?access_token=abc&page=2", f"GET /x?access_token={HIDDEN}&page=2"),
        ('{"db_password": "abc", "a": 1}', f'{{"db_password": "{HIDDEN}", "a": 1}}'),
        ("password = abc; user=me", f"password = {HIDDEN}; user=me"),
    ],
)  # fmt: skip
def test_texts(text: str, shown: str) -> None:
    """What is secret by its form is hidden inside a text, and hidden only once."""
    assert SCREEN.text(text) == shown
    assert SCREEN.text(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "the bearer understands", "basic knowledge", "4111 1111 1111 1112", "1700000000000 ms",
        "order 4111111111111111234567890", "http://host:80/a@b", "tokens: 17", "eyJ", "0.4111111111111111",
    ],
)  # fmt: skip
def test_other_texts(text: str) -> None:
    """What only resembles a secret is seen."""
    assert SCREEN.text(text) == text


def test_numbers() -> None:
    """A card's number is hidden as a number, too; other numbers are seen."""
    assert SCREEN.value([4111111111111111, 4111111111111112, 1700000000000, 1.5, True]) == [
        HIDDEN, 4111111111111112, 1700000000000, 1.5, True,
    ]  # fmt: skip


def test_names_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """``$PODIUM_REDACT`` names more fields, separated by commas."""
    assert screen_of_environment().value({"iban": "DE1"}) == {"iban": "DE1"}
    monkeypatch.setenv("PODIUM_REDACT", "iban, patientName")
    assert screen_of_environment().value({"iban": "DE1", "patient_name": "x"}) == {
        "iban": HIDDEN, "patient_name": HIDDEN,
    }  # fmt: skip

"""A known secret is found in every form in which it usually gets out."""

import base64
import json

from urllib.parse import quote, quote_plus

import pytest

from hypothesis import given
from hypothesis import strategies as st

from podium.core.codec import encode
from podium.core.redaction import Redactor

pytestmark = pytest.mark.long

REFERENCE = "secret://env/KEY"
MARKER = f"«{REFERENCE}»"
VALUES = st.text(min_size=8, max_size=60).filter(lambda text: len(set(text)) > 4)
AROUND = st.binary(max_size=20)


def _redactor(value: str) -> Redactor:
    return Redactor({value: REFERENCE})


@given(VALUES, st.text(max_size=20), st.text(max_size=20))
def test_every_form_is_found(value: str, before: str, after: str) -> None:
    """Plain, escaped in JSON, in a ``repr``, in a URL, in Base64: in no text is it left."""
    forms = (
        value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1],
        quote(value), quote(value, safe=""), quote_plus(value), repr(value.encode())[2:-1],
        base64.b64encode(value.encode()).decode(), base64.urlsafe_b64encode(value.encode()).decode(),
    )  # fmt: skip
    redactor = _redactor(value)
    for form in forms:
        cleaned = redactor.text(f"{before}{form}{after}")
        assert MARKER in cleaned
        assert form not in cleaned.replace(MARKER, "")


@given(VALUES, AROUND, AROUND)
def test_inside_base64(value: str, before: bytes, after: bytes) -> None:
    """In what is encoded together with something else, such as ``user:password``, it is found too."""
    for encode_as in (base64.b64encode, base64.urlsafe_b64encode):
        text = encode_as(before + value.encode() + after).decode()
        cleaned = _redactor(value).text(text)
        assert MARKER in cleaned
        left = cleaned.split(MARKER)[0]
        whole = base64.b64decode(
            left[: len(left) // 4 * 4],
            altchars=b"-_" if encode_as is base64.urlsafe_b64encode else None,
        )
        assert not value.encode()[:2] or len(whole) <= len(before)


@given(
    VALUES,
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
)
def test_encoded(value: str, other: object) -> None:
    """JSON loses the secret wherever it is; JSON without it stays the very same object."""
    redactor = _redactor(value)
    encoded = encode({"a": [other, {f"x{value}y": f"Bearer {value}"}]})
    cleaned = redactor.encoded(encoded)
    assert value not in json.dumps(json.loads(cleaned), ensure_ascii=False)
    assert json.loads(cleaned)["a"][1] == {f"x{MARKER}y": f"Bearer {MARKER}"}
    innocent = encode({"a": 1})
    assert redactor.encoded(innocent) is innocent


def test_numbers() -> None:
    """A secret of digits that became a number is found; a longer number is another number."""
    redactor = _redactor("73914682")
    assert redactor.encoded(b'{"pin":73914682}') == encode({"pin": MARKER})
    longer = b'{"pin":1739146825}'
    assert redactor.encoded(longer) is longer


def test_lines_of_a_key() -> None:
    """Each long line of a secret that has several is found on its own."""
    key = "-----BEGIN KEY-----\nMIIEowIBAAKCAQEA0Zx1\nqwertzuiopasdfgh\n-----END KEY-----"
    assert _redactor(key).text("line 2: MIIEowIBAAKCAQEA0Zx1") == f"line 2: {MARKER}"


def test_the_longest_is_replaced_first() -> None:
    """A secret that contains another is replaced as a whole."""
    redactor = Redactor({"hunter2": "secret://env/A", "hunter2-hunter3": "secret://env/B"})
    assert redactor.text("hunter2-hunter3 hunter2") == "«secret://env/B» «secret://env/A»"


@pytest.mark.parametrize("dots", ["…", "..."])
def test_what_was_cut(dots: str) -> None:
    """The half of a secret that is left where a text was cut is replaced, before the cut and after it."""
    redactor = _redactor("sk_live_0123456789")
    assert (
        redactor.text(f"is 'sk_live_01{dots} (9 characters)")
        == f"is '{MARKER}{dots} (9 characters)"
    )
    assert redactor.text(f"'abc{dots}23456789' and") == f"'abc{dots}{MARKER}' and"
    assert redactor.text(f"'sk_liv{dots}456789'") == f"'{MARKER}{dots}{MARKER}'"
    assert redactor.text(f"'sk_li{dots}56789'") == f"'sk_li{dots}56789'"


@pytest.mark.parametrize("text", ["", "nothing", "hunter", '{"key": "hunter1"}'])
def test_what_has_none_stays(text: str) -> None:
    """A text without a secret is the very same object."""
    assert _redactor("hunter2").text(text) is text

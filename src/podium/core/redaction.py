"""Known secrets are found in whatever leaves the body of a task, and replaced by their references.

A value is looked for as it is and in the forms in which it usually gets out: escaped in JSON or in
a ``repr``, percent-encoded in a URL, in Base64 (alone, or anywhere inside something encoded, such
as ``user:password``), and each long line of a secret that has several.
"""

from __future__ import annotations

import base64
import json
import math
import re

from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import quote, quote_plus

from podium.core.codec import decode_any, encode

SECRET_CHARS_MIN = 4
"""A shorter value is not looked for: it would be found everywhere."""
_LINE_CHARS_MIN = 16
_CORE_CHARS_MIN = 6
_HALF_CHARS_MIN = 6
"""What is left of a secret in a text that was cut, from which it is replaced too."""
_CUT = re.compile(r"…|\.\.\.+")
_BASE64 = "[A-Za-z0-9+/_-]?"


class Redactor:
    """Replaces some secrets; immutable, so it may be used by every thread."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        """Look for these.

        Args:
            secrets: The reference of each value.
        """
        found: dict[str, tuple[str, str]] = {}
        for value, reference in secrets.items():
            for form, pattern in _forms(value):
                found.setdefault(form, (pattern, f"«{reference}»"))
        self._forms = sorted(found, key=len, reverse=True)
        self._needles = {json.dumps(form, ensure_ascii=False)[1:-1].encode() for form in found}
        self._patterns = [found[form][0] for form in self._forms]
        self._markers = [found[form][1] for form in self._forms]

    def text(self, text: str) -> str:
        """Return a text without the secrets; the very same object if it has none."""
        for form in self._forms:
            if form in text:
                text = self._pattern.sub(self._marker, text)
                break
        return self._without_halves(text) if "…" in text or "..." in text else text

    def _without_halves(self, text: str) -> str:
        """Replace the beginning of a secret where a text was cut, and its end after the cut."""
        for cut in reversed(list(_CUT.finditer(text))):
            halves = (_without_end, cut.end()), (_without_beginning, cut.start())
            for without, place in halves:
                for form, marker in zip(self._forms, self._markers, strict=True):
                    cleaned = without(text, place, form, marker)
                    if cleaned is not text:
                        text = cleaned
                        break
        return text

    def encoded(self, encoded: bytes) -> bytes:
        """Return JSON without the secrets; the very same object if it has none."""
        for needle in self._needles:
            if needle in encoded:
                break
        else:
            return encoded
        value = decode_any(encoded)
        cleaned = self.value(value)
        return encoded if cleaned == value else encode(cleaned)

    def found_in(self, text: str) -> list[str]:
        """Return the references that stand in a text in place of their values."""
        return [marker[1:-1] for marker in dict.fromkeys(self._markers) if marker in text]

    def is_in(self, data: bytes) -> bool:
        """Whether bytes of any kind hold a secret."""
        return any(form.encode(errors="surrogatepass") in data for form in self._forms)

    def value(self, value: Any) -> Any:
        """Return a value as JSON has it, with the secrets replaced in its strings, keys and numbers."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.value(key): self.value(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(one) for one in value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            said = str(value)
            cleaned = self.text(said)
            return cleaned if cleaned in self._markers else value
        return value

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """Compiled when the first secret is found: most never are."""
        return re.compile("|".join(f"({pattern})" for pattern in self._patterns))

    def _marker(self, match: re.Match[str]) -> str:
        assert match.lastindex is not None
        return self._markers[match.lastindex - 1]


def _without_beginning(text: str, place: int, form: str, marker: str) -> str:
    """Replace the beginning of a form that stands right before a place."""
    head = form[:_HALF_CHARS_MIN]
    found = text.find(head, max(0, place - len(form)), place)
    while found >= 0:
        if form.startswith(text[found:place]):
            return f"{text[:found]}{marker}{text[place:]}"
        found = text.find(head, found + 1, place)
    return text


def _without_end(text: str, place: int, form: str, marker: str) -> str:
    """Replace the end of a form that stands right after a place."""
    tail = form[-_HALF_CHARS_MIN:]
    found = text.find(tail, place, place + len(form))
    while found >= 0:
        if form.endswith(text[place : found + len(tail)]):
            return f"{text[:place]}{marker}{text[found + len(tail) :]}"
        found = text.find(tail, found + 1, place + len(form))
    return text


@lru_cache(maxsize=512)
def _forms(value: str) -> tuple[tuple[str, str], ...]:
    return tuple(_all_forms(value))


def _all_forms(value: str) -> Iterator[tuple[str, str]]:
    """Yield each form of a secret, and the pattern of what is replaced where it is found."""
    yield value, re.escape(value)
    raw = value.encode(errors="surrogatepass")
    quoted = {quote(raw, safe=""), quote(raw), quote_plus(raw)}
    in_json = _escaped(value)
    written = {
        *in_json, *(twice for once in in_json for twice in _escaped(once)),
        repr(value)[1:-1], ascii(value)[1:-1], repr(raw)[2:-1],
        *quoted, *(re.sub("%..", lambda hexed: hexed[0].lower(), text) for text in quoted),
        *(line for line in value.splitlines() if len(line) >= _LINE_CHARS_MIN),
    }  # fmt: skip
    for form in sorted(written):
        if len(form) >= SECRET_CHARS_MIN:
            yield form, re.escape(form)
    for form in (base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()):
        yield form, re.escape(form)
    for offset in range(3):
        yield from _inside_base64(raw, offset)


def _escaped(text: str) -> set[str]:
    return {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}


def _inside_base64(raw: bytes, offset: int) -> Iterator[tuple[str, str]]:
    """Yield what bytes look like inside something encoded that has ``offset`` bytes before them.

    The characters at both ends mix the secret's bits with its neighbours', so they are no part of
    what is looked for, but of what is replaced.
    """
    first, end = offset * 8 / 6, (offset + len(raw)) * 8 / 6
    before = _BASE64 if first % 1 else ""
    after = _BASE64 if end % 1 else ""
    for encode_as in (base64.b64encode, base64.urlsafe_b64encode):
        core = encode_as(bytes(offset) + raw).decode()[math.ceil(first) : math.floor(end)]
        if len(core) >= _CORE_CHARS_MIN:
            yield core, f"{before}{re.escape(core)}{after}={{0,2}}"

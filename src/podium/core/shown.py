"""What is shown of a value: fields that are secret by their name, texts that are by their form.

The journal keeps what users put there. A screen, a log line, a trace is seen by more people than
the journal is, and there what looks like a secret is replaced by :data:`HIDDEN`.
"""

from __future__ import annotations

import os
import re

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

HIDDEN = "«hidden»"
VARIABLE = "PODIUM_REDACT"
"""Environment variable with more names, separated by commas."""
NAMES = (
    "password", "passwd", "passphrase", "secret", "token", "api_key", "apikey", "access_key",
    "private_key", "secret_key", "signing_key", "authorization", "cookie", "credential", "credentials", "cvv", "cvc",
)  # fmt: skip
_REFERENCE = re.compile(r"«?secret://[^\s»]+»?")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_BLOCK = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
_BEARER = re.compile(r"(?i)\b(bearer\s+)(?=[a-z._~+/=-]{0,200}\d)[a-z0-9._~+/=-]{12,}")
_BASIC = re.compile(r"(?i)\b(basic\s+)[a-z0-9+/]{12,}={0,2}")
_LOGIN = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,20}://[^\s/:@]{0,200}:)[^\s/@]{1,500}(?=@)")
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*")
_KEYS = re.compile(
    r"\b(?:(?:AKIA|ASIA)[A-Z0-9]{16}|[spr]k[-_](?:live|test|proj|ant)[-_][A-Za-z0-9_-]{12,}"
    r"|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,}|glpat-[A-Za-z0-9_-]{16,}"
    r"|xox[abprs]-[A-Za-z0-9-]{10,}|AIza[A-Za-z0-9_-]{30,})"
)
_CARD = re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?![\d.]*\d)")
_CARD_KINDS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7]|35)\d{14}|3[47]\d{13}|6\d{15,18}"
)


class Screen:
    """Hides what must not be seen.

    Args:
        names: More names of fields, beside :data:`NAMES`; a name stands for its spellings
            (``api_key``, ``apiKey``, ``API-Key``) and for whatever ends with it (``shop_api_key``).
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = tuple(dict.fromkeys(map(_spelt, (*NAMES, *names))))
        self._endings = tuple(f"_{name}" for name in self._names)
        words = "|".join(re.escape(name).replace("_", "[-_]?") for name in self._names)
        self._assigned = re.compile(
            rf"(?i)((?<![a-z0-9])(?:[a-z0-9]{{1,40}}[-_]){{0,6}}(?:{words})[\"']?\s{{0,3}}[=:]\s{{0,3}}[\"']?)"
            r"(?!bearer\b|basic\b|«|//|secret://)[^\s\"'&,;(){}\[\]]{1,2000}"
        )

    def value(self, value: Any) -> Any:
        """Return a value as JSON has it, with everything hidden that must be."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {
                key: _hidden(one) if self.is_secret(str(key)) else self.value(one)
                for key, one in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.value(one) for one in value]
        if isinstance(value, int) and not isinstance(value, bool) and _is_card(str(value)):
            return HIDDEN
        return value

    def is_secret(self, name: str) -> bool:
        """Whether a field of that name is hidden."""
        spelt = _spelt(name)
        return spelt in self._names or spelt.endswith(self._endings)

    def text(self, text: str) -> str:
        """Return a text with everything hidden that must be."""
        for pattern, replacement in _FORMS:
            text = pattern.sub(replacement, text)
        return self._assigned.sub(rf"\1{HIDDEN}", text)


@lru_cache(maxsize=8)
def _screen(names: str) -> Screen:
    return Screen(name.strip() for name in names.split(",") if name.strip())


def screen_of_environment() -> Screen:
    """Return what hides the usual names, and those in ``$PODIUM_REDACT``."""
    return _screen(os.environ.get(VARIABLE, ""))


def _spelt(name: str) -> str:
    return _CAMEL.sub("_", name).lower().replace("-", "_").replace(" ", "_")


def _hidden(value: Any) -> Any:
    """Hide every text and number in a field; what is empty, and a reference, may be seen."""
    if isinstance(value, dict):
        return {key: _hidden(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(one) for one in value]
    if value is None or value == "" or isinstance(value, bool):
        return value
    if isinstance(value, str) and _REFERENCE.fullmatch(value):
        return value
    return HIDDEN


def _is_card(digits: str) -> bool:
    """Whether digits are the number of a payment card: of a known kind, and its check digit fits."""
    if not _CARD_KINDS.fullmatch(digits):
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + place % 2)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def _card(match: re.Match[str]) -> str:
    return HIDDEN if _is_card(re.sub("[ -]", "", match[0])) else match[0]


_FORMS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (_BLOCK, HIDDEN),
    (_JWT, HIDDEN),
    (_KEYS, HIDDEN),
    (_BEARER, rf"\1{HIDDEN}"),
    (_BASIC, rf"\1{HIDDEN}"),
    (_LOGIN, rf"\1{HIDDEN}"),
    (_CARD, _card),
)

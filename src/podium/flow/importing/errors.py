"""Errors of the source and ours: a type and a status there, a code here."""

from __future__ import annotations

import re

from collections.abc import Iterator
from typing import Any, Final

from podium.flow.importing.jq.values import quoted
from podium.flow.importing.names import slug

_BASE: Final = "https://serverlessworkflow.io/spec/1.0.0/errors/"
_STATUS: Final = re.compile(r"-\d{3}")
TYPES_MAX: Final = 8


class ErrorCodes:
    """Gives each type of error that a source names a code: ``…/errors/communication`` is ``communication``.

    The status stands behind it: ``communication-503``.

    Attributes:
        raised: The codes of the errors that the source itself raises.
    """

    def __init__(self, data: Any) -> None:
        self._codes: dict[str, str] = {f"{_BASE}timeout": "timeout"}
        self.raised: list[str] = []
        for kind, status, is_raised in _errors(data):
            code = self.code(kind, status)
            if is_raised and code not in self.raised:
                self.raised.append(code)

    def code(self, kind: str, status: Any) -> str:
        """Return the code of an error."""
        if kind not in self._codes:
            name = slug(kind.rstrip("/").rsplit("/", 1)[-1]) or "error"
            base = _STATUS.sub("", name) or "error"
            number, name = 1, base
            while name in self._codes.values():
                number += 1
                name = f"{base}{number}"
            self._codes[kind] = name
        is_status = (
            isinstance(status, int) and not isinstance(status, bool) and 100 <= status < 1000
        )
        return f"{self._codes[kind]}-{status}" if is_status else self._codes[kind]

    @property
    def are_too_many(self) -> bool:
        """Whether ``$error.type`` cannot name all types that the source names."""
        return len(self._codes) > TYPES_MAX

    def fields(self, failed: str, code: str) -> dict[str, str]:
        """Return what ``$error`` is, each field as a template.

        Args:
            failed: The node that failed.
            code: The node that has the code of its error.
        """
        kind = code
        for uri, name in reversed([*self._codes.items()][:TYPES_MAX]):
            is_it = f"({code} == {quoted(name)} || {code}.startsWith({quoted(name + '-')}))"
            kind = f"{is_it} ? {quoted(uri)} : {kind}"
        status = f"{code}.matches('-[1-9][0-9][0-9]$') ? int({code}.substring(size({code}) - 3))"
        return {
            "type": f"${{{kind}}}",
            "status": f"${{{status} : {code} == 'timeout' ? 408 : 500}}",
            "title": f"${{outcome.{failed}.error.message}}",
            "instance": f"${{outcome.{failed}.error.path}}",
        }


def _errors(data: Any) -> Iterator[tuple[str, Any, bool]]:
    """Give type and status of all errors that a source names, and whether it raises them."""
    waiting: list[tuple[Any, bool]] = [(data, False)]
    while waiting:
        one, is_raised = waiting.pop()
        if isinstance(one, dict):
            kind = one.get("type")
            if isinstance(kind, str) and _is_error(one, kind):
                yield kind, one.get("status"), is_raised
            for word, inner in reversed(one.items()):
                raises = word in {"raise", "errors"} or (is_raised and word == "error")
                waiting.append((inner, raises or (is_raised and word != "with")))
        elif isinstance(one, list):
            waiting.extend((inner, False) for inner in reversed(one))


def _is_error(one: dict[str, Any], kind: str) -> bool:
    return "${" not in kind and len(kind) <= 200 and ("status" in one or "/errors/" in kind)

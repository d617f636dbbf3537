"""A part of a reply, by its JSONPath (RFC 9535)."""

from __future__ import annotations

from typing import Any

from podium.core.errors import InvalidOption
from podium.tools.extras import needed


class JsonPath:
    """Takes a part of a value made of JSON.

    Args:
        text: Such as ``$.data.status``, or ``$.items[*].id``, which gives a list.

    Raises:
        InvalidOption: It is no JSONPath.
    """

    def __init__(self, text: str) -> None:
        jsonpath = needed("jsonpath_rfc9535", "http", "result=")
        self.text = text
        try:
            self._path = jsonpath.compile(text)
        except (jsonpath.JSONPathError, TypeError, AttributeError) as problem:
            raise InvalidOption(f"result={text!r} is no JSONPath: {problem}") from None
        self._is_single: bool = self._path.singular_query()

    def take(self, value: Any) -> Any:
        """Return the part; a list of the parts where the path can lead to several.

        Raises:
            LookupError: A path to one place leads nowhere.
        """
        found = self._path.find(value).values()
        if not self._is_single:
            return found
        if not found:
            raise LookupError(self.text)
        return found[0]

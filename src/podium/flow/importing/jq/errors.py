"""What is said of a program that has no counterpart."""

from __future__ import annotations


class NotCarried(Exception):
    """A jq program, or a part of it, cannot be said in our expressions.

    Attributes:
        code: ``jq-syntax`` where it is no jq, else ``jq``.
        hint: What to do, or an empty text.
    """

    def __init__(self, message: str, hint: str = "", code: str = "jq") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code

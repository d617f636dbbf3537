"""What can go wrong with a service at the other end of a wire.

The classes say what an effect needs to know: whether it certainly did not happen (``NotDone``),
and whether trying again can help.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from podium.core.errors import NotDone, PodiumError, ValueNotPortable
from podium.core.ports import BadResult

BODY_CHARS_MAX: Final = 500


class NotSent(NotDone):
    """Nothing was sent: no connection, no such host, no time left to connect."""

    code = "not-sent"


class AddressRefused(NotSent):
    """The address is one that the tool may not reach; trying again does not help."""

    code = "address-refused"


class ArgumentRefused(NotSent):
    """A value cannot be sent where it is to stand; trying again does not help."""

    code = "argument-refused"


class ConnectionBroken(PodiumError):
    """The request was under way, and no whole reply came; it may or may not have happened."""

    code = "connection-broken"


class ReplyUnusable(ValueNotPortable, BadResult):
    """The service has done it, and its reply cannot be used: it is too large, or no JSON.

    The engine records it as *done, result unusable*, and does not repeat it.
    """

    code = "reply-unusable"

    def __init__(self, message: str) -> None:
        ValueNotPortable.__init__(self, message)
        self.problem = self


class MailRefused(NotDone):
    """A mail server did not take a message, and trying again does not help."""

    code = "mail-refused"


class HttpError(PodiumError):
    """A service answered with a status that is none of success.

    Attributes:
        status: The status code.
        headers: Of the reply; names in lower case.
        body: The beginning of its body.
        retry_after_s: How long the service asks to be left alone, in seconds; None if it does not.
    """

    code = "http"

    def __init__(
        self, request: str, status: int, headers: Mapping[str, str], body: str,
        retry_after_s: float | None = None,
    ) -> None:  # fmt: skip
        said = f": {body.strip()[:BODY_CHARS_MAX]}" if body.strip() else ""
        later = "" if retry_after_s is None else f" (try again in {retry_after_s:g} s)"
        super().__init__(f"{request} was answered {status} {_phrase(status)}{later}{said}")
        self.status = status
        self.headers = dict(headers)
        self.body = body[:BODY_CHARS_MAX]
        self.retry_after_s = retry_after_s


class HttpFinal(HttpError):
    """… and trying again does not help."""

    code = "http-final"


class HttpBusy(HttpError, NotDone):
    """… which says that it did nothing and may do it later, such as 429."""

    code = "http-busy"


class HttpRefused(HttpError, NotDone):
    """… which says that it did nothing and will not, such as 400 or 404."""

    code = "http-refused"


HOPELESS: Final = frozenset(
    {"AddressRefused", "ArgumentRefused", "HttpFinal", "HttpRefused", "MailRefused"}
)
"""Names of the errors after which no attempt is made."""


def http_error(
    request: str, status: int, headers: Mapping[str, str], body: str,
    retry_after_s: float | None, *, may_retry: bool,
) -> HttpError:  # fmt: skip
    """Return the error that a status stands for."""
    if 400 <= status < 500:
        kind: type[HttpError] = HttpBusy if may_retry else HttpRefused
    else:
        kind = HttpError if may_retry else HttpFinal
    return kind(request, status, headers, body, retry_after_s)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "(a status without a name)"

"""A tool's request over HTTP: from arguments to a result, with errors that say what happened."""

from __future__ import annotations

import asyncio
import re
import time

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, TypedDict
from uuid import uuid4

import msgspec

from podium.core.durations import Duration, seconds
from podium.core.effects import Effect, effect_named
from podium.core.errors import InvalidOption, NotDone, NotInWorkflow, PodiumError
from podium.core.retry import Retry
from podium.functions.primitives import idempotency_key
from podium.tools.json_path import JsonPath
from podium.tools.net import Reach
from podium.tools.net_errors import HOPELESS, ArgumentRefused, ReplyUnusable, http_error

if TYPE_CHECKING:  # the client is heavy; the first call imports it
    from podium.tools.wire import Limits, Reply, Request

RETRY_ON: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
TIMEOUT_S: Final = 30.0
BODY_BYTES_MAX: Final = 8 * 1024 * 1024
REDIRECTS_MAX: Final = 5
_EFFECTS: Final = {
    "GET": Effect.READ, "HEAD": Effect.READ, "OPTIONS": Effect.READ,
    "PUT": Effect.WRITE, "DELETE": Effect.WRITE,
    "POST": Effect.ONCE, "PATCH": Effect.ONCE,
}  # fmt: skip
_JSON: Final = re.compile(r"application/(?:[\w.+-]+\+)?json\b", re.IGNORECASE)
_CHARSET: Final = re.compile(r"""charset=["']?([\w.-]+)""", re.IGNORECASE)


class WireKeywords(TypedDict, total=False):
    """Options of every tool that talks HTTP.

    Attributes:
        effect: In place of what the method says: GET and HEAD are ``read``, PUT and DELETE
            ``write``, POST and PATCH ``once``, or ``write`` with an idempotency header.
        timeout: For the whole exchange; 30 seconds unless given.
        idempotency_header: The header that takes the key of the step, such as ``Idempotency-Key``.
        retry_on: Statuses after which trying again can help.
        none_on: Statuses that mean: there is no such thing; the result is None.
        allow_private: What may be reached besides public addresses: True for loopback and private
            ones, or names, addresses and networks.
        redirects_max: How many redirects a GET or HEAD follows; 5 unless given.
        response_bytes_max: The longest reply, in bytes; 8 MiB unless given.
    """

    effect: str | Effect
    timeout: Duration
    idempotency_header: str
    retry_on: Iterable[int]
    none_on: Iterable[int]
    allow_private: bool | str | Iterable[str] | Reach
    redirects_max: int
    response_bytes_max: int


WIRE_OPTIONS: Final = frozenset(WireKeywords.__annotations__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a tool talks HTTP (see :class:`WireKeywords`)."""

    effect: Effect
    timeout_s: float
    idempotency_header: str | None
    retry_on: frozenset[int]
    none_on: frozenset[int]
    reach: Reach
    redirects_max: int
    body_bytes_max: int

    @classmethod
    def of(cls, what: str, method: str, given: Mapping[str, Any]) -> Manner:
        """Return what the options say.

        Raises:
            InvalidOption: One makes no sense.
        """
        header = given.get("idempotency_header")
        effect = _effect(what, method, header is not None, given.get("effect"))
        follows = method in ("GET", "HEAD")
        redirects = _number(what, "redirects_max", given, REDIRECTS_MAX if follows else 0, least=0)
        if redirects and (not follows or effect.touches):
            raise InvalidOption(
                f"{what}: redirects_max={redirects}, but a {method} with effect {effect!s} follows "
                "no redirect: the request would be made twice."
            )
        return cls(
            effect=effect,
            timeout_s=_timeout_s(what, given.get("timeout")),
            idempotency_header=header,
            retry_on=_statuses(what, "retry_on", given.get("retry_on", RETRY_ON)),
            none_on=_statuses(what, "none_on", given.get("none_on", ())),
            reach=Reach.of(given.get("allow_private", False)),
            redirects_max=0 if effect.touches else redirects,
            body_bytes_max=_number(what, "response_bytes_max", given, BODY_BYTES_MAX, least=1),
        )

    def limits(self) -> Limits:
        """Return what the wire needs to know."""
        from podium.tools.wire import Limits

        return Limits(
            timeout_s=self.timeout_s,
            body_bytes_max=self.body_bytes_max,
            redirects_max=self.redirects_max,
            reach=self.reach,
            is_fresh=self.effect is Effect.ONCE,
        )


class HttpCall:
    """What a tool over HTTP calls: it takes the arguments as one dict.

    Args:
        prepare: Makes the request of the arguments and the key of the step.
        manner: How it talks.
        result: The part of the reply that is the result.
        module: Where the tool is defined.
        has_result: Whether what the service says is of use; None is the result where it is not.
    """

    def __init__(
        self, prepare: Callable[[dict[str, Any], str], Request], manner: Manner,
        result: JsonPath | None, module: str, *, has_result: bool = True,
    ) -> None:  # fmt: skip
        self._has_result = has_result
        self._prepare = prepare
        self._manner = manner
        self._result = result
        self.__module__ = module

    async def __call__(self, arguments: dict[str, Any]) -> Any:
        """Make the request and return its result.

        Raises:
            NotDone: It certainly did not happen; one of the kinds in ``net_errors``.
            HttpError: The service answered with another status than one of success.
            ConnectionBroken: It may or may not have happened.
            TimeoutError: So may this.
            ReplyUnusable: It happened, and its reply cannot be used.
        """
        from podium.tools.wire import send

        try:  # a secret may come from a file or a keyring
            request = await asyncio.to_thread(self._prepare, arguments, key_of_call())
        except NotDone:
            raise
        except PodiumError as problem:
            raise ArgumentRefused(f"Nothing was sent: {problem}") from problem
        reply = await send(request, self._manner.limits())
        if 200 <= reply.status < 300:
            return self._value(request, reply) if self._has_result else None
        if reply.status in self._manner.none_on:
            return None
        raise http_error(
            request.shown, reply.status, reply.headers, _said(reply), retry_after_s(reply.headers),
            may_retry=reply.status in self._manner.retry_on,
        )  # fmt: skip

    def _value(self, request: Request, reply: Reply) -> Any:
        value = value_of(request.shown, reply, is_json=self._result is not None)
        if self._result is None:
            return value
        try:
            return self._result.take(value)
        except LookupError:
            raise ReplyUnusable(
                f"{request.shown} was answered {reply.status}, and nothing is at "
                f"{self._result.text} in it: {_said(reply)[:300]}"
            ) from None


def value_of(shown: str, reply: Reply, *, is_json: bool = False) -> Any:
    """Return a reply's body as a value: what JSON says, a text, or None.

    Raises:
        ReplyUnusable: It is something else, or damaged.
    """
    kind = reply.headers.get("content-type", "")
    if not reply.body:
        return None
    if is_json or _JSON.match(kind) or not kind:
        try:
            return msgspec.json.decode(reply.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as problem:
            if is_json or kind:
                raise ReplyUnusable(
                    f"{shown} was answered {reply.status} with what is no JSON ({problem}): "
                    f"{_said(reply)[:300]}"
                ) from problem
    if kind and not re.match(r"text/|application/(?:[\w.+-]+\+)?xml\b", kind, re.IGNORECASE):
        raise ReplyUnusable(
            f"{shown} was answered {reply.status} with {len(reply.body):,} bytes of {kind}; "
            "a tool takes JSON and text."
        )
    charset = _CHARSET.search(kind)
    try:
        return reply.body.decode(charset[1] if charset else "utf-8")
    except (UnicodeDecodeError, LookupError) as problem:
        raise ReplyUnusable(f"{shown} was answered with text that is none: {problem}.") from problem


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return how long a service asks to be left alone; None if it does not, or in no known words.

    A date is taken against the service's own clock where it tells the time.
    """
    given = headers.get("retry-after", "").strip()
    if not given:
        return None
    if re.fullmatch(r"\d{1,9}(\.\d{1,6})?", given):
        return float(given)
    until = _date_s(given)
    if until is None:
        return None
    there = _date_s(headers.get("date", ""))
    return max(0.0, until - (time.time() if there is None else there))


def key_of_call() -> str:
    """Return the key of the step; outside a workflow, where each call is another, a new one."""
    try:
        return idempotency_key()
    except NotInWorkflow:
        return uuid4().hex


def without_hopeless(retry: Retry, hopeless: frozenset[str] = HOPELESS) -> Retry:
    """Return a retry that gives up where trying again does not help, by names of errors."""
    if retry.on or retry.on_status or retry.not_on & hopeless:
        return retry
    other = object.__new__(type(retry))
    for name in type(retry).__slots__:
        object.__setattr__(other, name, getattr(retry, name))
    object.__setattr__(other, "not_on", retry.not_on | hopeless)
    return other


def _said(reply: Reply) -> str:
    return reply.body.decode("utf-8", "replace")


def _date_s(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except (ValueError, OverflowError, OSError):
        return None


# options ---------------------------------------------------------------------------------


def method_named(what: str, method: Any) -> str:
    """Return a method in capitals.

    Raises:
        InvalidOption: It is none that a tool can use.
    """
    if not isinstance(method, str) or method.upper() not in _EFFECTS:
        raise InvalidOption(f"{what}: method={method!r}; expected one of {', '.join(_EFFECTS)}.")
    return method.upper()


def safety_of(method: str) -> dict[str, Any]:
    """Return what the policy of tools needs to know of a request, unless its author says otherwise.

    A reply is somebody else's words, and what was deleted is gone.
    """
    return {"outside": True, **({"irreversible": True} if method == "DELETE" else {})}


def _effect(what: str, method: str, has_key: bool, given: Any) -> Effect:
    effect = effect_named(given) if given is not None else _EFFECTS[method]
    if given is None and effect is Effect.ONCE and has_key:
        return Effect.WRITE
    if effect not in (Effect.READ, Effect.WRITE, Effect.ONCE):
        raise InvalidOption(f"{what}: effect={given!r}; over HTTP it is 'read', 'write' or 'once'.")
    return effect


def _timeout_s(what: str, given: Any) -> float:
    if given is None:
        return TIMEOUT_S
    timeout_s = seconds(given, what=f"{what}: timeout")
    if timeout_s <= 0:
        raise InvalidOption(f"{what}: timeout={given!r}; it must be longer than nothing.")
    return timeout_s


def _number(what: str, name: str, given: Mapping[str, Any], usual: int, *, least: int) -> int:
    value = given.get(name, usual)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InvalidOption(f"{what}: {name}={value!r}; a whole number of at least {least}.")
    return value


def _statuses(what: str, name: str, given: Any) -> frozenset[int]:
    try:
        found = frozenset(given)
    except TypeError:
        found = frozenset({None})
    if not all(isinstance(one, int) and 300 <= one <= 599 for one in found):
        raise InvalidOption(
            f"{what}: {name}={given!r}; expected statuses from 300 to 599, such as [404]."
        )
    return found

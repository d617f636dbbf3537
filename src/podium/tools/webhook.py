"""Webhooks: ``webhook_tool`` sends signed messages, ``verify_webhook`` is for those who get them.

As "Standard Webhooks" (standardwebhooks.com) has it: id, time and body are signed with HMAC-SHA256.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import time

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Unpack, cast

import msgspec

from podium.core.durations import Duration, seconds
from podium.core.effects import Effect
from podium.core.errors import PodiumError
from podium.core.secrets import resolve
from podium.functions.options import CommonKeywords
from podium.tools.extras import needed
from podium.tools.http import Shape, input_schema, module_of_caller
from podium.tools.http_call import WIRE_OPTIONS, HttpCall, Manner, WireKeywords, without_hopeless
from podium.tools.tool import SafetyKeywords, Tool, ToolKeywords

if TYPE_CHECKING:
    from podium.tools.wire import Request

_PREFIX: Final = "whsec_"


class WebhookInvalid(PodiumError):
    """A webhook does not come from who shares the secret, or is too old."""

    code = "webhook-invalid"


class WebhookKeywords(WireKeywords, CommonKeywords, SafetyKeywords, total=False):
    """Options of :func:`webhook_tool`: those of the wire, those of a task, and

    Attributes:
        description: What it does, for people and models.
        namespace, version, tags: As of :func:`podium.tool`.
    """

    description: str
    namespace: str
    version: str | int
    tags: Sequence[str]


class Webhook(NamedTuple):
    """A webhook that was verified.

    Attributes:
        id: The same each time the message is sent: one that is known was carried out before.
        timestamp: When it was sent, in seconds since 1970.
        payload: The body, decoded from JSON.
    """

    id: str
    timestamp: int
    payload: Any


def webhook_tool(
    name: str, /, *, url: str, secret: str, body: Any = "{data}",
    parameters: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None,
    **options: Unpack[WebhookKeywords],
) -> Tool[..., Any, Any]:  # fmt: skip
    """Make and register a tool that sends a signed message: a POST of JSON.

    Its id is the key of the step, so whoever gets it can tell a repeat from another message: the
    effect is ``write``. Any reply of success is one; the result is None.

    Args:
        name: Of the tool.
        url: Where to; ``{name}`` stands for an argument.
        secret: What it is signed with, by reference: base64 behind ``whsec_``.
        body: The message; ``{name}`` stands for an argument. The argument ``data`` unless given.
        parameters: Types or JSON Schemas of the arguments, by name.
        headers: Names and values to send along.
        options: See :class:`WebhookKeywords`.

    Raises:
        InvalidOption: An option makes no sense, or the extra ``http`` is not installed.
        NameTaken: Another module has a tool of that name.
    """
    what = f"webhook_tool({name!r})"
    needed("httpx2", "http", what)
    given: dict[str, Any] = {"effect": Effect.WRITE, **options}
    shape = Shape.of(what, "POST", url, query={}, headers=headers or {}, body=body, auth=None)
    manner = Manner.of(what, "POST", given)

    def prepare(arguments: dict[str, Any], key: str) -> Request:
        return _signed(shape.request(arguments, None, key), key, resolve(secret))

    call = HttpCall(prepare, manner, None, module_of_caller(), has_result=False)
    rest = {key: value for key, value in given.items() if key not in WIRE_OPTIONS}
    rest["effect"] = manner.effect
    rest = {"outside": True, "irreversible": True, **rest}
    if "retry" in rest:
        rest["retry"] = without_hopeless(rest["retry"])
    description = rest.pop("description", f"Send a message to {shape.place}")
    schema = input_schema(what, shape, parameters)
    return Tool.from_schema(name, description, schema, call=call, **cast("ToolKeywords", rest))


def verify_webhook(
    headers: Mapping[str, str], body: bytes, secret: str | Iterable[str], *,
    tolerance: Duration = "5m", now_s: float | None = None,
) -> Webhook:  # fmt: skip
    """Return a webhook that was sent by who shares the secret, not long ago.

    It may come again: keep its ``id``, and carry out each once.

    Args:
        headers: Of the request; names in any case.
        body: Of the request, as it came, to the byte.
        secret: Or several, while they are changed; texts or references to secrets.
        tolerance: How old it may be, and how far its clock may be ahead.
        now_s: The time in seconds since 1970; this machine's unless given.

    Raises:
        WebhookInvalid: It is not.
    """
    given = {name.lower(): value for name, value in headers.items()}
    id_, stamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    signatures = given.get("webhook-signature", "").split()
    if not id_ or not stamp.isascii() or not stamp.isdigit() or not signatures:
        raise WebhookInvalid(
            "The request is no webhook: webhook-id, webhook-timestamp or webhook-signature is "
            "missing or damaged."
        )
    off_s = (time.time() if now_s is None else now_s) - int(stamp)
    if abs(off_s) > seconds(tolerance, what="verify_webhook: tolerance"):
        when = f"{off_s:.0f} s old" if off_s > 0 else f"{-off_s:.0f} s ahead of this clock"
        raise WebhookInvalid(f"The webhook {id_} is {when}, more than {tolerance} allows.")
    secrets = [secret] if isinstance(secret, str) else list(secret)
    expected = [signature_of(resolve(one), id_, int(stamp), body) for one in secrets]
    if not any(
        hmac.compare_digest(one.encode(), other.encode())
        for one in expected
        for other in signatures
    ):
        raise WebhookInvalid(
            f"The webhook {id_} has no signature of the secret; do not believe it."
        )
    try:
        payload = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise WebhookInvalid(f"The webhook {id_} has a body that is no JSON: {problem}") from None
    return Webhook(id_, int(stamp), payload)


def signature_of(secret: str, id_: str, timestamp: int, body: bytes) -> str:
    """Return the signature of a message.

    Raises:
        WebhookInvalid: The secret is no base64.
    """
    try:
        key = b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise WebhookInvalid(
            f"The secret of a webhook is base64, mostly behind {_PREFIX!r}; this one is not."
        ) from None
    digest = hmac.digest(key, f"{id_}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{b64encode(digest).decode()}"


def _signed(request: Request, key: str, secret: str) -> Request:
    from podium.tools.wire import Request

    now_s = int(time.time())
    body = request.body or b""
    mark = (
        ("webhook-id", key),
        ("webhook-timestamp", str(now_s)),
        ("webhook-signature", signature_of(secret, key, now_s, body)),
    )
    own = {name for name, _ in mark}
    headers = tuple(one for one in request.headers if one[0].lower() not in own)
    return Request(
        method=request.method, url=request.url, shown=request.shown, headers=(*headers, *mark),
        body=body,
    )  # fmt: skip

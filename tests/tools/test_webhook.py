"""Webhooks: what is sent can be verified, and nothing else can."""

import time

from collections.abc import Iterator
from typing import Any

import pytest

from podium import InvalidOption, Podium, Retry, workflow
from podium.tools.net_errors import AddressRefused, ArgumentRefused, HttpError
from podium.tools.webhook import Webhook, WebhookInvalid, signature_of, verify_webhook, webhook_tool
from tests.harness import drive, fresh_names
from tests.tools.services import Answer, service

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("HOOK", SECRET)
    with fresh_names():
        yield


@pytest.mark.parametrize(
    ("id_", "stamp", "body", "signature"),
    [
        ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}',
         "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ("k1", 1700000000, '{"größe":"☂"}', "v1,OCIgkmWmna0wtLwYl6NU4sDxnFTLzYEWP4ftSjwbVEc="),
    ],
)  # fmt: skip
def test_signatures_are_those_of_the_standard(
    id_: str, stamp: int, body: str, signature: str
) -> None:
    """They are what the library of "Standard Webhooks" makes of the same message."""
    assert signature_of(SECRET, id_, stamp, body.encode()) == signature
    assert signature_of(SECRET.removeprefix("whsec_"), id_, stamp, body.encode()) == signature


def test_what_is_sent_can_be_verified() -> None:
    """A message arrives once for each step, under the key of the step, signed anew at each attempt."""
    statuses = iter([503, 204])
    with service(lambda _: Answer(next(statuses), b"")) as there:
        tool = webhook_tool(
            "notify", url=f"{there.url}/hooks/{{shop}}", secret="secret://env/HOOK",
            body={"type": "order.paid", "data": "{order}"}, headers={"Webhook-Id": "mine", "X": "y"},
            parameters={"shop": str, "order": dict[str, Any]}, allow_private=True,
            retry=Retry(attempts=2, backoff="1ms"),
        )  # fmt: skip

        @workflow(version="1")
        async def one() -> None:
            await tool(shop="a/b", order={"größe": "☂"})

        async def go() -> None:
            async with Podium(":memory:") as app:
                await (await app.start(one)).result()

        drive(go())

    got = [verify_webhook(seen.headers, seen.body, SECRET) for seen in there.seen]
    assert got[0].payload == {"type": "order.paid", "data": {"größe": "☂"}}
    assert len(got) == 2
    assert len({one.id for one in got}) == 1
    assert there.seen[0].headers["x"] == "y"
    assert there.seen[0].path == "/hooks/a/b"


def signed(body: bytes = b'{"a": 1}', secret: str = SECRET, **headers: Any) -> tuple[Any, bytes]:
    """A webhook as it arrives."""
    made = {"id": "k", "timestamp": str(int(time.time())), **headers}
    made.setdefault("signature", signature_of(secret, made["id"], int(made["timestamp"]), body))
    return {f"Webhook-{name.title()}": value for name, value in made.items() if value}, body


def test_what_is_right_is_believed() -> None:
    """In whatever case the headers are, among several signatures, under one of several secrets."""
    headers, body = signed()
    more = {**headers, "Webhook-Signature": f"v1a,xx v1,eHg= {headers['Webhook-Signature']}"}

    found = verify_webhook(headers, body, SECRET)
    assert found == Webhook("k", int(headers["Webhook-Timestamp"]), {"a": 1})
    assert verify_webhook(more, body, "secret://env/HOOK") == found
    assert verify_webhook(headers, body, [OTHER, SECRET]) == found


NOW = 1_700_000_000
WRONG: dict[str, tuple[tuple[Any, bytes], str]] = {
    "another secret": (signed(secret=OTHER), "no signature of the secret"),
    "another body": ((signed()[0], b'{"a": 2}'), "no signature of the secret"),
    "another id": (({**signed()[0], "Webhook-Id": "k2"}, b'{"a": 1}'), "no signature"),
    "no signature": (signed(signature=""), "missing or damaged"),
    "half a signature": (signed(signature="v1,"), "no signature of the secret"),
    "a signature beyond ASCII": (signed(signature="v1,ü"), "no signature of the secret"),
    "no id": (({**signed()[0], "Webhook-Id": ""}, b'{"a": 1}'), "missing or damaged"),
    "a time that is none": (signed(timestamp="-5", signature="v1,x"), "missing or damaged"),
    "a time in other digits": (signed(timestamp="١٢", signature="v1,x"), "missing or damaged"),
    "too old": (signed(timestamp="1600000000"), "s old, more than 5m allows"),
    "ahead": (signed(timestamp="99999999999"), "ahead of this clock"),
    "no JSON": (signed(b"{"), "no JSON"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_not_believed(what: str) -> None:
    """Each of these could have been made by somebody else, or a long time ago."""
    (headers, body), words = WRONG[what]
    with pytest.raises(WebhookInvalid, match=words):
        verify_webhook(headers, body, SECRET)


def test_how_old_it_may_be() -> None:
    """As old as the tolerance says, and not older."""
    headers, body = signed(timestamp=str(NOW))

    assert verify_webhook(headers, body, SECRET, tolerance="10s", now_s=NOW + 10)
    assert verify_webhook(headers, body, SECRET, tolerance="10s", now_s=NOW - 10)
    with pytest.raises(WebhookInvalid):
        verify_webhook(headers, body, SECRET, tolerance="10s", now_s=NOW + 11)


def test_a_secret_that_is_none() -> None:
    """It is said without the secret, and nothing is sent."""
    with service(lambda _: 1) as there:
        tool = webhook_tool("notify", url=there.url, secret="not/base64!", allow_private=True)
        with pytest.raises(ArgumentRefused, match="is base64") as failed:
            drive(tool(data=1))

    assert "not/base64!" not in str(failed.value)
    assert there.seen == []


def test_the_rest_is_as_over_http() -> None:
    """Any reply of success is one; addresses are judged, statuses are errors."""
    with service(
        lambda seen: Answer(int(seen.path[1:]), b"\x89PNG", {"content-type": "x/y"})
    ) as there:
        tool = webhook_tool(
            "notify", url=f"{there.url}/{{s}}", secret="secret://env/HOOK", allow_private=True
        )
        assert drive(tool(s=200, data=[1])) is None
        with pytest.raises(HttpError):
            drive(tool(s=500, data=[1]))
        with pytest.raises(AddressRefused):
            drive(webhook_tool("outside", url=there.url, secret=SECRET)(data=1))
    assert str(tool.spec.effect) == "write"
    with pytest.raises(InvalidOption, match="expected http"):
        webhook_tool("wrong", url="hooks", secret=SECRET)

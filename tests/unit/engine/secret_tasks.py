"""Tasks that let their secret out in every way there is; spawned processes import them from here."""

import asyncio
import base64
import json
import logging
import time
import warnings

from typing import Annotated, Any
from urllib.parse import quote

import msgspec

import podium

from podium import Retry, task

REFERENCE = "secret://env/PODIUM_TEST_CANARY"
MARKER = f"«{REFERENCE}»"
log = logging.getLogger(__name__)


class Odd(Exception):
    """It cannot travel between processes, and has its words from elsewhere."""

    def __init__(self, secret: str, _more: int) -> None:
        super().__init__()
        self.secret = secret

    def __str__(self) -> str:
        return f"odd {self.secret}"


def say(secret: str) -> None:
    """Say it in every way."""
    log.warning("a warning with %s", secret)
    log.error("in Base64 %s", base64.b64encode(f"user:{secret}".encode()).decode())
    try:
        raise KeyError(secret)
    except KeyError:
        log.exception("an exception")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"a warning with {secret}", stacklevel=1)
    podium.warn("canary", f"url {quote(secret, safe='')}")


def let_out(how: str, secret: str) -> Any:
    """Return or raise it."""
    if how == "text":
        return f"the key is {secret}."
    if how == "nested":
        return {
            "list": [secret, {secret: 1}], "base64": base64.b64encode(b"ab" + secret.encode()).decode(),
            "json": json.dumps({"inner": json.dumps({"key": secret})}), "url": f"https://x/?k={quote(secret, safe='')}",
        }  # fmt: skip
    if how == "long":
        return ["x" * 3_000, secret * 1_000]
    if how == "unusable":
        return {"not portable": object(), "key": secret}
    if how == "cause":
        try:
            raise KeyError(secret)
        except KeyError as problem:
            raise ValueError(f"no luck with {secret!r}") from problem
    if how == "note":
        error = ValueError(secret.encode(), [secret])
        error.add_note(f"note {secret}")
        raise error
    if how == "cut":
        raise ValueError("x" * 3_990 + secret)
    if how == "odd":
        raise Odd(secret, 1)
    raise AssertionError(how)


WAYS = ("text", "nested", "long", "unusable", "cause", "note", "cut", "odd")
RETRY = Retry(attempts=2, backoff="1ms")


@task(effect="read", retry=RETRY)
def in_thread(how: str, reference: str) -> Any:
    secret = podium.secret(reference)
    say(secret)
    return let_out(how, secret)


@task(effect="write", retry=RETRY)
async def in_coroutine(how: str, reference: str) -> Any:
    secret = await asyncio.to_thread(podium.secret, reference)
    say(secret)
    return let_out(how, secret)


@task(effect="read", isolation="process", retry=RETRY)
def in_process(how: str, reference: str) -> Any:
    secret = podium.secret(reference)
    say(secret)
    return let_out(how, secret)


@task(effect="once", unknown="raise")
def maybe(how: str, reference: str) -> Any:
    return let_out(how, podium.secret(reference))


@task(effect="read", timeout="50ms")
def too_late(reference: str) -> str:
    secret = podium.secret(reference)
    say(secret)
    time.sleep(0.3)
    return secret


@task(effect="read")
def typed(reference: str) -> Annotated[str, msgspec.Meta(pattern="^[^«]*$")]:
    return podium.secret(reference)


CLIENT: list[str] = []


@task(effect="read")
def builds_a_client(reference: str) -> int:
    CLIENT.append(podium.secret(reference))
    return len(CLIENT)


@task(effect="read")
def uses_the_client() -> str:
    log.warning("sent %s", CLIENT[-1])
    raise ConnectionError(f"refused: {CLIENT[-1]}")

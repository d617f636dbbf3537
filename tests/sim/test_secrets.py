"""Wherever a worker dies, no secret is in what was written, and what bodies said is written once."""

import base64
import logging

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

import podium

from podium import Retry, StepFailed, task, workflow
from podium.testing.crash import CrashProof
from podium.testing.simulator import SimWorld

pytestmark = pytest.mark.usefixtures("_names")

VARIABLE = "PODIUM_TEST_CANARY"
REFERENCE = f"secret://env/{VARIABLE}"
CANARY = 'canary "in\\the\nmine" 3f9a1c77e2'
TRACES = (b"canary", b"3f9a1c77e2", quote(CANARY, safe="").encode()[:10], *(
    base64.b64encode(bytes(skip) + CANARY.encode())[4:20] for skip in range(3)
))  # fmt: skip
log = logging.getLogger("sim")


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, CANARY)


def say(secret: str) -> None:
    """Say it in every way."""
    log.warning("sent %s", secret)
    podium.warn("sent", base64.b64encode(f"me:{secret}".encode()).decode())


@pytest.fixture
def program() -> Any:
    """A workflow whose tasks let their secret out."""

    @task(effect="read", retry=Retry(attempts=3, backoff="10ms"))
    def read(reference: str) -> str:
        secret = podium.secret(reference)
        say(secret)
        if podium.attempt() < 3:
            raise ValueError(f"not with {secret}")
        return secret

    @task(effect="write")
    async def write(reference: str) -> dict[str, str]:
        secret = podium.secret(reference)
        say(secret)
        return {secret: quote(secret)}

    @task(effect="once", unknown="raise")
    def once(reference: str) -> str:
        secret = podium.secret(reference)
        say(secret)
        raise RuntimeError(f"nobody knows {secret!r}")

    @task(effect="read", isolation="process", timeout="1s")
    def there(reference: str) -> list[str]:
        secret = podium.secret(reference)
        say(secret)
        return [secret]

    @workflow
    async def leaks(reference: str) -> list[Any]:
        found: list[Any] = [
            *await podium.gather(read(reference), write(reference), there(reference))
        ]
        podium.publish("found", found)
        podium.emit(found)
        try:
            await once(reference)
        except StepFailed as error:
            found.append(str(error).count("canary"))
        return found

    return leaks


def everything(world: SimWorld) -> Iterator[str]:
    """Yield all that the database of a world holds."""
    for value in vars(world.database).values():
        yield repr(value)


@pytest.mark.parametrize("points", [12, pytest.param("all", marks=pytest.mark.long)])
def test_no_secret_is_written_wherever_it_dies(program: Any, points: Any) -> None:
    """At each crash point: the database has references, never a value in any form."""
    worlds: list[SimWorld] = []

    def world(seed: object) -> SimWorld:
        worlds[:] = [SimWorld(seed)]
        return worlds[0]

    def check() -> None:
        told = "".join(everything(worlds[0]))
        assert "secret-in-result" in told
        assert [trace for trace in TRACES if trace.decode() in told] == []

    proof = CrashProof(
        workflow=program, input={"reference": REFERENCE}, world=world, check=check,
        same=lambda one, other: one[:-1] == other[:-1],
    )  # fmt: skip
    report = proof.carry_out(points)

    assert report.status == "succeeded"
    assert report.output[0] == f"«{REFERENCE}»"

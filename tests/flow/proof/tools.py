"""Tasks of generated documents. All that one does follows from its arguments and the attempt.

``how`` says it: ``s`` seconds at least, ``fails`` attempts that fail, ``mod`` for numbers that fail.
"""

from __future__ import annotations

import asyncio
import zlib

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

import msgspec

import podium

from podium import task
from podium.core.context import current_attempt
from tests.flow.proof.parts import Behaviour, Call

How = dict[str, int]
ALWAYS = 99
"""So many attempts fail that none succeeds."""


class Record(TypedDict):
    """What ``proof_record`` gives."""

    id: int
    tag: str
    ok: bool
    note: str | None


class Trouble(Exception):
    """A task fails as it was told."""

    code = "trouble"


class Outside:
    """What the bodies of tasks left behind."""

    def __init__(self) -> None:
        self.calls: list[Call] = []


outside = Outside()


def fresh_outside() -> None:
    """Put the outside world back to where nothing has happened."""
    outside.calls = []


def _number(n: int, text: str | None, items: list[int] | None) -> int:
    return (7 * n + len(text or "") + sum(items or [])) % 100


def _values(n: int, text: str | None, items: list[int] | None) -> dict[str, Any]:
    number = _number(n, text, items)
    record = {
        "id": number, "tag": f"t{number % 3}", "ok": number % 2 == 0,
        "note": None if number % 3 else "noted",
    }  # fmt: skip
    return {
        "proof_number": number,
        "proof_text": f"w{number % 7}",
        "proof_record": record,
        "proof_list": [(number + at) % 10 for at in range(number % 4)],
        "proof_double": 2 * number,
        "proof_undo": None,
    }


@dataclass(frozen=True)
class ProofTool:
    """What a task does, for the reference."""

    name: str
    is_effect: bool
    is_sync: bool = False

    def behave(self, args: Mapping[str, Any], attempt: int) -> Behaviour:
        """Say what an attempt does."""
        how, n = args["how"], args.get("n", 0)
        text, items = args.get("text"), args.get("items")
        given = {"how": how, "n": n, "text": text, "items": items}
        jitter_s = (
            zlib.crc32(msgspec.json.encode([self.name, given, attempt], order="sorted")) % 1000
        )
        duration_s = 0.0 if self.is_sync else float(how["s"] + jitter_s)
        if attempt <= how.get("fails", 0) or ("mod" in how and n % how["mod"] == 0):
            return Behaviour(duration_s, error=("Trouble", "trouble", f"{self.name} {n}"))
        return Behaviour(duration_s, _values(n, text, items)[self.name])


TOOLS = {
    tool.name: tool for tool in [
        ProofTool("proof_number", is_effect=False), ProofTool("proof_text", is_effect=True),
        ProofTool("proof_record", is_effect=True), ProofTool("proof_list", is_effect=False),
        ProofTool("proof_double", is_effect=False, is_sync=True),
        ProofTool("proof_undo", is_effect=True),
    ]
}  # fmt: skip


def _begin(name: str, args: dict[str, Any]) -> Behaviour:
    attempt = current_attempt.get()
    assert attempt is not None
    call = Call(
        podium.run_id(), attempt.path, name, args, attempt.number, asyncio.get_running_loop().time()
    )
    outside.calls.append(call)
    return TOOLS[name].behave(args, attempt.number)


def _end(behaviour: Behaviour) -> Any:
    if behaviour.error is not None:
        raise Trouble(behaviour.error[2])
    return behaviour.value


async def _do(name: str, args: dict[str, Any]) -> Any:
    behaviour = _begin(name, args)
    await asyncio.sleep(behaviour.duration_s)
    return _end(behaviour)


@task(effect="read")
async def proof_number(
    how: How, n: int = 0, text: str | None = None, items: list[int] | None = None
) -> int:
    found: Any = await _do("proof_number", {"how": how, "n": n, "text": text, "items": items})
    return found  # type: ignore[no-any-return]


@task(effect="write")
async def proof_text(
    how: How, n: int = 0, text: str | None = None, items: list[int] | None = None
) -> str:
    found: Any = await _do("proof_text", {"how": how, "n": n, "text": text, "items": items})
    return found  # type: ignore[no-any-return]


@task(effect="write")
async def proof_record(
    how: How, n: int = 0, text: str | None = None, items: list[int] | None = None
) -> Record:
    found: Any = await _do("proof_record", {"how": how, "n": n, "text": text, "items": items})
    return found  # type: ignore[no-any-return]


@task(effect="read")
async def proof_list(
    how: How, n: int = 0, text: str | None = None, items: list[int] | None = None
) -> list[int]:
    found: Any = await _do("proof_list", {"how": how, "n": n, "text": text, "items": items})
    return found  # type: ignore[no-any-return]


@task(effect="pure")
def proof_double(
    how: How, n: int = 0, text: str | None = None, items: list[int] | None = None
) -> int:
    found: Any = _end(_begin("proof_double", {"how": how, "n": n, "text": text, "items": items}))
    return found  # type: ignore[no-any-return]


@task(effect="write")
async def proof_undo(how: How, n: int = 0) -> None:
    await _do("proof_undo", {"how": how, "n": n})

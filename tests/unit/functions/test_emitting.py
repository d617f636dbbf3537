"""Chunks that the body of a task emits: seen while it runs, numbered by attempt."""

import asyncio
import importlib
import threading

from pathlib import Path
from typing import Any

import pytest

import podium

from podium import Piece, Podium, Retry, task, workflow

gate = threading.Event()


async def chunks_of(program: Any, opens_at: int = 0) -> list[Any]:
    """Run it and return its stream; the gate opens when so many chunks have been seen."""
    async with Podium(":memory:") as app:
        run = await app.start(program)
        seen: list[Any] = []
        async for _, chunk in run.stream():
            seen.append(chunk)
            if len(seen) == opens_at:
                gate.set()
        await run.result()
    return seen


def test_pieces_are_numbered_by_attempt() -> None:
    """Each has its path, attempt and offset; an attempt after a failure begins at 0 again."""

    @task(effect="read")
    async def spell(word: str) -> str:
        """Emit a word letter by letter."""
        for letter in word:
            podium.emit(letter)
            await asyncio.sleep(0)
        return word

    @task(effect="read", retry=Retry(attempts=2, backoff="1ms"))
    async def stumble() -> str:
        """Emit, fail, and begin anew."""
        podium.emit(f"try {podium.attempt()}")
        if podium.attempt() == 1:
            raise ConnectionError("once")
        podium.emit("done")
        return "done"

    @workflow
    async def speak() -> str:
        """Emit from the program and from its tasks."""
        podium.emit("begin")
        await spell("ab")
        return await stumble()

    chunks = asyncio.run(chunks_of(speak))

    assert chunks == [
        "begin",
        Piece("spell", 1, 0, "a"),
        Piece("spell", 1, 1, "b"),
        Piece("stumble", 1, 0, "try 1"),
        Piece("stumble", 2, 0, "try 2"),
        Piece("stumble", 2, 1, "done"),
    ]


def test_pieces_are_seen_while_the_body_runs() -> None:
    """A reader has them before the step has ended, from a thread too."""

    @task(effect="read")
    def spell_in_thread(word: str) -> str:
        """Emit from a thread, and wait until it has been seen."""
        for letter in word:
            podium.emit({"letter": letter})
        assert gate.wait(10)
        return word

    @workflow
    async def wait_for_reader() -> str:
        """Do not end before somebody has read."""
        return await spell_in_thread("xy")

    gate.clear()
    seen = asyncio.run(chunks_of(wait_for_reader, opens_at=2))

    assert [one.value for one in seen] == [{"letter": "x"}, {"letter": "y"}]


def test_what_has_no_json_form_is_refused() -> None:
    """The step fails with the reason, and nothing is emitted."""

    @task(effect="read")
    async def odd() -> None:
        podium.emit({1, 2}.union)

    @workflow
    async def flow() -> None:
        await odd()

    with pytest.raises(podium.RunFailed, match="no JSON form"):
        podium.run(flow, database=":memory:")


def test_no_more_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """An attempt that emits without end fails."""
    monkeypatch.setattr("podium.core.outlet.CHUNKS_MAX", 3)

    @task(effect="read")
    async def endless() -> None:
        while True:
            podium.emit("x")

    @workflow
    async def flow() -> None:
        await endless()

    with pytest.raises(podium.RunFailed, match="3 chunks, which is the limit"):
        podium.run(flow, database=":memory:")


@pytest.mark.long
def test_pieces_of_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task in a process of its own emits as well, and all of it is there when it has ended."""
    code = (
        "import podium\n"
        "@podium.task(effect='read', isolation='process')\n"
        "def count_far(upto: int) -> int:\n"
        "    for number in range(upto):\n"
        "        podium.emit(number)\n"
        "    return upto\n"
        "@podium.workflow\n"
        "async def far() -> int:\n"
        "    return await count_far(20)\n"
    )
    (tmp_path / "emitting_far.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    program = importlib.import_module("emitting_far").far

    chunks = asyncio.run(chunks_of(program))

    assert chunks == [Piece("count_far", 1, number, number) for number in range(20)]

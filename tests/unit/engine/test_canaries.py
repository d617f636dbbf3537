"""No secret that a task has resolved is left in journal, log, error or screen."""

import base64
import logging
import os
import secrets
import warnings

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import podium

from podium import Podium, Run, RunFailed, StepFailed, Task, workflow
from podium.cli.main import carry_out
from podium.core.spec import registry
from podium.journal.records import Kind
from tests.harness import drive
from tests.tools.services import Answer, Seen, service
from tests.unit.engine import secret_tasks as there
from tests.unit.engine.secret_tasks import MARKER, REFERENCE, WAYS

pytestmark = pytest.mark.long

VARIABLE = "PODIUM_TEST_CANARY"


@pytest.fixture(autouse=True)
def _tasks(_names: None) -> None:
    """The tasks of the module, in the fresh table of names."""
    for one in vars(there).values():
        if isinstance(one, Task):
            registry.tasks[one.name] = one.spec


@pytest.fixture(params=["plain", "odd"])
def canary(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A fresh secret: of letters and digits only, or of everything that is escaped somewhere."""
    token = secrets.token_hex(12)
    value = token if request.param == "plain" else f'{token[:8]} "/+\\{token[8:]}ü%\n{token}'
    monkeypatch.setenv(VARIABLE, value)
    return value


class Pages:
    """Collects what handlers of the user's write."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.handler = logging.Handler()
        self.handler.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
        self.handler.emit = self._emit  # type: ignore[method-assign]

    def _emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.handler.format(record))


@pytest.fixture
def pages() -> Iterator[Pages]:
    """What is logged, as a handler of the user's has it."""
    found = Pages()
    logging.getLogger().addHandler(found.handler)
    try:
        with warnings.catch_warnings(record=True):
            yield found
    finally:
        logging.getLogger().removeHandler(found.handler)


def traces(canary: str) -> list[bytes]:
    """Pieces by which a secret is recognised in any form: of itself, of its Base64, of its URL form."""
    raw = canary.encode()
    pieces = [raw[:12], raw[-12:], quote(raw, safe="")[:12].encode()]
    pieces += [base64.b64encode(bytes(skip) + raw)[4:20] for skip in range(3)]
    return pieces


def found_in(data: bytes | str, canary: str) -> list[bytes]:
    """Return the pieces of a secret that are there."""
    raw = data.encode() if isinstance(data, str) else data
    return [piece for piece in traces(canary) if piece in raw]


async def everything(run: Run[Any]) -> str:
    """Return all that a client and a file can tell of a run."""
    told = [repr(await run.steps()), repr(await run.notes()), repr(await run.show())]
    told += [repr(run.value(step.result)) for step in await run.steps() if step.result]
    told += [record.body.decode(errors="replace") for record in run.records()]
    return "".join(told)


def files_of(folder: Path) -> bytes:
    """Return every byte of every file there."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def prove(
    program: Callable[[], Any],
    canary: str,
    db: str,
    pages: Pages,
    capfd: pytest.CaptureFixture[str],
) -> tuple[str, Any]:
    """Run a workflow and look everywhere; return all that was told of it, and its output."""
    spec = workflow(program)
    seen: list[Any] = []

    async def main() -> str:
        async with Podium(db) as app:
            run = await app.start(spec, id="canary")
            try:
                seen.append(await run.result())
            except RunFailed as error:
                seen.append(error)
            return await everything(run)

    told = drive(main())
    for words in (
        ("show", "canary", "--traceback"), ("show", "canary", "--json", "--reveal"),
        ("steps", "canary", "--json", "--values", "--reveal"),
    ):  # fmt: skip
        assert carry_out(["runs", *words, "--db", db]) == 0
    out, err = capfd.readouterr()
    for place, data in (
        ("file", files_of(Path(db).parent)), ("views", told), ("stdout", out), ("stderr", err),
        ("log", "\n".join(pages.lines)), ("output", "".join(f"{one!r} {one} {vars(one) if isinstance(one, RunFailed) else 0}" for one in seen)),
    ):  # fmt: skip
        assert not found_in(data, canary), place
    return told, seen[0]


@pytest.mark.parametrize("kind", ["in_thread", "in_coroutine", "in_process"])
def test_bodies(
    kind: str, canary: str, db: str, pages: Pages, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whatever a body says, returns or raises, in a thread, a coroutine or a process: the reference is left."""
    task = getattr(there, kind)

    async def bodies() -> list[str]:
        ends = []
        for how in WAYS:
            try:
                ends.append(repr(await task(how, REFERENCE)))
            except StepFailed as error:
                ends.append(f"{error!r} {error} {error.error!r}")
        return ends

    told, ends = prove(bodies, canary, db, pages, capfd)

    assert ends[0] == repr(f"the key is {MARKER}.")
    assert ends[1].count(MARKER) == 5
    assert "no luck with" in ends[4]
    assert MARKER in ends[4]
    assert f"odd {MARKER}" in ends[7]
    for said in ("a warning with ", "in Base64 dXNlcj", "an exception", "url "):
        assert said + MARKER * (said != "an exception") in told
    assert kind == "in_process" or f"a warning with {MARKER}" in "\n".join(pages.lines)


def test_ends_of_a_step(
    canary: str, db: str, pages: Pages, capfd: pytest.CaptureFixture[str]
) -> None:
    """Unknown outcomes, late results and results that do not fit without the secret have the reference."""

    async def ends() -> list[str]:
        found = []
        for call in (
            there.maybe("cause", REFERENCE),
            there.too_late(REFERENCE),
            there.typed(REFERENCE),
        ):
            try:
                await call
            except StepFailed as error:
                found.append(f"{type(error).__name__}: {error.message}")
        await podium.sleep("400ms")
        return found

    told, found = prove(ends, canary, db, pages, capfd)

    assert found[0].startswith("OutcomeUnknown")
    assert found[1].startswith("StepTimedOut")
    assert found[2].startswith("ResultUnusable")
    assert f"held {REFERENCE}" in found[2]
    assert f"returned {MARKER}" in told or f'returned \\"{MARKER}' in told


def test_a_tool_of_http(
    canary: str, db: str, pages: Pages, capfd: pytest.CaptureFixture[str]
) -> None:
    """A service is sent the secret in a header and in the URL, quotes it, and only the reference is left."""
    pytest.importorskip("httpx2")
    from podium.tools.http import http_tool

    def quotes(seen: Seen) -> Any:
        if "bad" in seen.path:
            return Answer(400, {"said": seen.headers.get("X-Key"), "asked": seen.target})
        return {"said": seen.headers.get("X-Key"), "asked": seen.target}

    with service(quotes) as shop:
        common: Any = {
            "query": {"key": REFERENCE}, "headers": {"X-Key": f"Basic x{REFERENCE}"} if canary.isalnum() else {},
            "parameters": {}, "allow_private": True,
        }  # fmt: skip
        good = http_tool("good", url=f"{shop.url}/good", **common)
        bad = http_tool("bad", url=f"{shop.url}/bad", **common)

        async def calls() -> list[str]:
            found = [str(await good())]
            try:
                await bad()
            except StepFailed as error:
                found.append(f"{error} {error.error!r}")
            return found

        _, found = prove(calls, canary, db, pages, capfd)

    assert quote(canary, safe="") in shop.seen[0].target.replace("+", "%20")
    assert MARKER in found[0]
    assert "400" in found[1]


def test_a_client_that_is_kept(
    canary: str, db: str, pages: Pages, capfd: pytest.CaptureFixture[str]
) -> None:
    """What one attempt has resolved is taken out of what a later one brings that resolves nothing."""

    async def kept() -> str:
        await there.builds_a_client(REFERENCE)
        await there.uses_the_client()
        return "not reached"

    _, error = prove(kept, canary, db, pages, capfd)

    assert error.error.cause.message == f"refused: {MARKER}"


def test_a_result_that_held_one_says_so(canary: str, db: str, pages: Pages) -> None:
    """Where a result was changed, a warning with the attempt says so, with the reference."""

    @workflow
    async def one() -> str:
        return str(await there.in_thread("text", REFERENCE))

    async def main() -> None:
        async with Podium(db) as app:
            run = await app.start(one)
            await run.result()
            step = (await run.steps())[0]
            warning = next(note for note in step.notes if note.code == "secret-in-result")
            assert REFERENCE in warning.text
            assert (warning.kind, warning.path, warning.attempt) == ("warning", "in_thread", 1)

    drive(main())


def test_a_workflow_gets_none(canary: str, db: str) -> None:
    """In a workflow a secret is refused by name; the reference may be handed on."""

    @workflow
    async def greedy() -> str:
        return podium.secret(REFERENCE)

    async def main() -> None:
        async with Podium(db) as app:
            run = await app.start(greedy)
            with pytest.raises(
                RunFailed, match=r"podium.secret\(\) cannot be used inside a workflow"
            ) as raised:
                await run.result()
            assert raised.value.error.code == "refused"
            assert not found_in(files_of(Path(db).parent), canary)

    drive(main())


def test_short_ones_belong_to_their_attempt(monkeypatch: pytest.MonkeyPatch, db: str) -> None:
    """A short secret could be anybody's word: it is replaced in what its own attempt brings, nowhere else."""
    monkeypatch.setenv(VARIABLE, "blue")

    @podium.task(effect="read")
    def own() -> str:
        return f"{podium.secret(REFERENCE)} sky"

    @podium.task(effect="read")
    def other() -> str:
        return "blue sky"

    @workflow
    async def both() -> list[str]:
        return [await own(), await other()]

    async def main() -> None:
        async with Podium(db) as app:
            assert await (await app.start(both)).result() == [f"{MARKER} sky", "blue sky"]

    drive(main())


def test_too_short_to_be_found(monkeypatch: pytest.MonkeyPatch, db: str) -> None:
    """A secret of three characters is not looked for, and a warning says so."""
    monkeypatch.setenv(VARIABLE, "abc")

    @podium.task(effect="read")
    def own() -> int:
        return len(podium.secret(REFERENCE))

    @workflow
    async def one() -> int:
        return await own()

    async def main() -> None:
        async with Podium(db) as app:
            run = await app.start(one)
            assert await run.result() == 3
            assert [note.code for note in await run.notes()] == ["secret-short"]

    drive(main())


def test_a_missing_one_is_not_tried_again(db: str) -> None:
    """A secret that is not there fails the step at once, whatever the retry policy, without a value."""
    os.environ.pop(VARIABLE, None)

    @workflow
    async def one() -> None:
        await there.in_thread("text", REFERENCE)

    async def main() -> None:
        async with Podium(db) as app:
            run = await app.start(one)
            with pytest.raises(RunFailed):
                await run.result()
            step = (await run.steps())[0]
            assert (step.attempts, step.error and step.error.code) == (1, "secret-missing")
            assert Kind.FAILED_ATTEMPT not in {record.kind for record in run.records()}

    drive(main())

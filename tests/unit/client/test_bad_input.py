"""Bad input and failures, one by one: an error class of its own, value and remedy in the message, nothing lost."""

import asyncio
import sys
import types

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import podium

from podium import (
    IdInUse,
    InvalidOption,
    NameTaken,
    Nondeterminism,
    PayloadTooLarge,
    Podium,
    Refused,
    RunBlocked,
    RunEnded,
    RunFailed,
    StoreForeign,
    UsageError,
    task,
    workflow,
)
from podium.core import errors
from podium.core.spec import registry
from podium.journal.records import Kind
from tests.evidence.test_commit import held
from tests.harness import SideFile, die, drive, until


def test_one_drawn_tree() -> None:
    """Every error class is in the picture, under its parent, and has a code of its own."""
    picture = errors.__doc__ or ""
    classes = [
        one
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, errors.PodiumError)
    ]
    drawn: list[tuple[int, str]] = []
    for line in picture.splitlines():
        words = line.replace("│", " ").replace("├──", "   ").replace("└──", "   ")
        name = words.split()[0] if words.split() else ""
        if name in vars(errors):
            drawn.append((len(words) - len(words.lstrip()), name))
    parents: dict[str, str] = {}
    for index, (depth, name) in enumerate(drawn):
        above = [other for d, other in drawn[:index] if d < depth]
        nearest = [
            other
            for d, other in drawn[:index]
            if d == max((d for d, _ in drawn[:index] if d < depth), default=-1)
        ]
        if above and nearest:
            parents[name] = nearest[-1]

    assert {one.__name__ for one in classes} <= {name for _, name in drawn}
    for one in classes:
        if one is not errors.PodiumError:
            assert issubclass(one, getattr(errors, parents[one.__name__])), one
    codes = [one.code for one in classes]
    assert len(set(codes)) == len(codes)
    assert all(one.__name__ in podium.__all__ for one in classes)


def test_two_starts_of_one_id_at_the_same_time(db: str, side: SideFile) -> None:
    """While the file is held by another process, the second start of an id finds the first; nothing runs twice."""

    @task(effect="write")
    async def put(n: int) -> int:
        side.write("put", n)
        return n

    @workflow
    async def one(n: int) -> int:
        return await put(n)

    async def main() -> None:
        async with Podium(db) as app, Podium(db, execute=False) as client:
            with held(db):
                starting = [
                    asyncio.create_task(app.start(one, {"n": 1}, id="a")),
                    asyncio.create_task(app.start(one, {"n": 1}, id="a")),
                    asyncio.create_task(app.start(one, {"n": 2}, id="a")),
                    asyncio.create_task(client.start(one, {"n": 1}, id="a")),
                ]
                await asyncio.sleep(0.05)
            found = await asyncio.gather(*starting, return_exceptions=True)
            runs = [run for run in found if not isinstance(run, BaseException)]
            assert [type(run) for run in found if isinstance(run, BaseException)] == [IdInUse]
            assert len(runs) == 3
            assert {await run.result() for run in runs} == {1}

    drive(main())
    assert len(side.lines("put")) == 1


def changed(version: str, body: Callable[..., Any]) -> Any:
    """Define a workflow ``one`` again, as a deployment of other code does."""
    body.__name__ = body.__qualname__ = "one"
    return workflow(version=version)(body)


async def wait_in(db: str, flow: Any) -> None:
    """Start a run of a workflow and close when it waits for a signal."""
    async with Podium(db) as app:
        run = await app.start(flow, id="a")
        await until(lambda: is_waiting(run))


async def is_waiting(run: Any) -> bool:
    """Whether a run is shown as waiting."""
    return await run.status() == "waiting"


def test_a_workflow_changed_under_a_running_run(db: str, side: SideFile) -> None:
    """Another task at a recorded place blocks the run, with place, record, question and remedy; old code resumes it."""

    @task(effect="write")
    async def put(n: int) -> int:
        side.write("put", n)
        return n

    @task(effect="write", name="other")
    async def other(n: int) -> int:
        side.write("other", n)
        return n

    async def old() -> Any:
        found = await put(1)
        await podium.receive("go")
        return [found, await put(2)]

    async def new() -> Any:
        found = await other(1).as_("put")
        await podium.receive("go")
        return found

    async def main() -> None:
        await wait_in(db, changed("1", old))
        changed("2", new)
        async with Podium(db) as app:
            run = await app.get("a")
            with pytest.raises(
                RunBlocked,
                match=r"'put' was recorded as task 'put'.*'other'.*patched.*runs resume a",
            ) as blocked:
                await run.result()
            assert blocked.value.error is not None
            assert (blocked.value.error.code, blocked.value.status) == (
                Nondeterminism.code,
                "blocked",
            )
            assert (await run.show()).status == "blocked"
        changed("1", old)
        async with Podium(db) as app:
            run = await app.get("a")
            await run.resume()
            await run.signal("go")
            assert await run.result() == [1, 2]
            with pytest.raises(UsageError, match="only a blocked"):
                await run.resume()

    drive(main())
    assert [line.what for line in side.lines()] == ["put", "put"]


def test_other_arguments(db: str, side: SideFile) -> None:
    """With other code they are drift: recorded, and the old result is used; ``strict``, or the same code, blocks."""

    @task(effect="read")
    async def look(n: int) -> int:
        side.write("look", n)
        return n

    def made(n: int, **options: Any) -> Any:
        async def one() -> int:
            found = await look(n)
            await podium.receive("go")
            return found

        return workflow(**options)(one)

    async def main() -> None:
        await wait_in(db, made(1, version="1"))
        made(2, version="2", strict=True)
        async with Podium(db) as app:
            run = await app.get("a")
            with pytest.raises(RunBlocked, match=r"look.*other arguments.*\{\"n\":2\}.*strict"):
                await run.result()
        made(2, version="2")
        for _ in range(3):
            async with Podium(db) as app:
                run = await app.get("a")
                if await run.status() == "blocked":
                    await run.resume()
                await until(lambda run=run: is_waiting(run))
                drifts = [row for row in run.records() if row.kind == Kind.DRIFT]
                assert [row.path for row in drifts] == ["look"]
        async with Podium(db) as app:
            run = await app.get("a")
            await run.signal("go")
            assert await run.result() == 1
        await (await one_more(made)).close()

    async def one_more(made: Any) -> Podium:
        other = f"{db}.same"
        await wait_in(other, made(1, version="1"))
        made(3, version="1")
        app = await Podium(other).open()
        with pytest.raises(
            RunBlocked, match=r"has not changed, so it is not deterministic.*podium\.now\(\)"
        ):
            await (await app.get("a")).result()
        return app

    drive(main())
    assert [line.note for line in side.lines("look")] == ["1", "1"]


def test_other_arguments_at_an_open_write(db: str, side: SideFile) -> None:
    """A write that may have happened with other arguments blocks the run whatever the code's version."""

    @task(effect="write")
    async def put(n: int) -> int:
        side.write("put", n)
        await asyncio.Event().wait()
        return n

    def made(n: int, version: str) -> Any:
        async def one() -> int:
            return await put(n)

        return workflow(version=version)(one)

    async def main() -> None:
        app = await Podium(db).open()
        await app.start(made(1, "1"), id="a")
        await until(lambda: side.lines("put"))
        await die(app)
        made(2, "2")
        async with Podium(db) as app:
            with pytest.raises(
                RunBlocked,
                match=r"'put' \(put, write\) was begun with other arguments.*may have happened",
            ):
                await (await app.get("a")).result()

    drive(main())
    assert len(side.lines("put")) == 1


def test_a_step_that_is_no_longer_asked_for(db: str) -> None:
    """The same code that does not ask for what is recorded is not deterministic; other code may leave it out."""

    @task(effect="read")
    async def look(n: int) -> int:
        return n

    def made(calls: int, version: str) -> Any:
        async def one() -> int:
            total = 0
            for n in range(calls):
                total += await look(n)
            await podium.receive("go")
            return total

        return workflow(version=version)(one)

    async def main() -> None:
        await wait_in(db, made(3, "1"))
        made(2, "1")
        async with Podium(db) as app:
            run = await app.get("a")
            with pytest.raises(
                RunBlocked, match=r"result at 'look#3' of task 'look', but the same code"
            ):
                await run.result()
        made(2, "2")
        for _ in range(3):
            async with Podium(db) as app:
                run = await app.get("a")
                if await run.status() == "blocked":
                    await run.resume()
                await until(lambda run=run: is_waiting(run))
        async with Podium(db) as app:
            run = await app.get("a")
            await run.signal("go")
            assert await run.result() == 1

    drive(main())


def test_patched(db: str) -> None:
    """It is false for what old code has done, true for a new run, and stays as it was said."""
    said: list[bool] = []

    @task(effect="read")
    async def look(n: int) -> int:
        return n

    async def old() -> Any:
        first = await look(1)
        await podium.receive("go")
        return [first, await look(2)]

    async def new() -> Any:
        is_new = podium.patched("more")
        said.append(is_new)
        first = await look(10).as_("fresh") if is_new else await look(1)
        await podium.receive("go")
        later = podium.patched("later")
        return [first, await look(2), is_new, later]

    async def main() -> None:
        await wait_in(db, changed("1", old))
        flow = changed("2", new)
        async with Podium(db) as app:
            run, fresh = await app.get("a"), await app.start(flow, id="b")
            await run.signal("go")
            assert await run.result() == [1, 2, False, True]
            await until(lambda: is_waiting(fresh))
        async with Podium(db) as app:
            fresh = await app.get("b")
            await fresh.signal("go")
            assert await fresh.result() == [10, 2, True, True]

    drive(main())
    assert set(said) == {False, True}


def test_values_over_the_limit(db: str, side: SideFile) -> None:
    """Input, argument, result, output, signal and answer over the limit are refused with size, limit and remedy."""

    @task(effect="write")
    async def put(text: str) -> str:
        side.write("put")
        return text * 2

    @workflow
    async def one(text: str, how: str) -> str:
        if how == "argument":
            await put("x" * 2_000)
        if how == "result":
            await put("x" * 600)
        if how == "publish":
            podium.publish("x", "x" * 2_000)
        if how == "ask":
            await podium.ask("x" * 2_000)
        return "x" * 2_000 if how == "output" else str(await podium.receive("go"))

    async def main() -> None:
        async with Podium(db, payload_bytes_max=1_000) as app:
            with pytest.raises(
                PayloadTooLarge,
                match=r"2,0\d\d bytes as JSON; the limit is 1,000.*payload_bytes_max",
            ):
                await app.start(one, {"text": "x" * 2_000, "how": ""})
            for how in ("argument", "result", "output", "publish", "ask"):
                with pytest.raises(RunFailed, match=r"the limit is 1,000") as failed:
                    await (await app.start(one, {"text": "", "how": how})).result()
                info = failed.value.error
                assert PayloadTooLarge.code in (info.code, info.cause.code if info.cause else "")
            run = await app.start(one, {"text": "", "how": ""}, id="a")
            with pytest.raises(PayloadTooLarge, match="the signal 'go'"):
                await run.signal("go", "x" * 2_000)
            await run.signal("go", "small")
            assert await run.result() == "small"

    drive(main())
    assert len(side.lines("put")) == 1


def test_messages_to_a_run_that_has_ended(db: str) -> None:
    """A signal, a cancel and an answer to a finished run are refused, and say that nothing was recorded."""

    @workflow
    async def one() -> int:
        return 1

    async def main() -> None:
        async with Podium(db) as app, Podium(db, execute=False) as client:
            await (await app.start(one, id="a")).result()
            for opened in (app, client):
                run = await opened.get("a")
                for send in (
                    lambda run=run: run.signal("x", 1),
                    run.cancel,
                    lambda run=run: run.answer("q", 1),
                ):
                    with pytest.raises(
                        RunEnded, match=r"'a' has ended \(succeeded\).*Nothing was recorded"
                    ):
                        await send()
                assert await run.result() == 1

    drive(main())


def test_a_program_that_fails(  # noqa: C901 - one case after the other
    db: str,
) -> None:
    """Whatever the program raises is the run's error, with type, message and causes; also what is odd to raise."""

    class Odd(BaseException):
        pass

    @workflow
    async def one(how: str) -> int:
        if how == "value":
            try:
                raise KeyError("cause")
            except KeyError as error:
                raise ValueError("effect") from error
        if how == "cancelled":
            raise asyncio.CancelledError
        if how == "timeout":
            raise TimeoutError("mine")
        if how == "exit":
            sys.exit(3)
        if how == "odd":
            raise Odd("odd")
        if how == "suspended":
            raise podium.RunSuspended
        if how == "a task that exits":
            await asyncio.create_task(exits())
        if how == "a call-back":
            asyncio.get_running_loop().call_soon(lambda: 1 / 0)
            await podium.sleep("1ms")
        return 1

    async def exits() -> None:
        sys.exit(4)

    async def main() -> None:
        async with Podium(db) as app:
            for how, told in [
                ("value", "ValueError: effect ← KeyError: 'cause'"), ("cancelled", "CancelledError"),
                ("timeout", "TimeoutError: mine"), ("exit", "SystemExit"), ("odd", "Odd"), ("suspended", "RunSuspended"),
                ("a task that exits", "SystemExit: 4"),
            ]:  # fmt: skip
                run = await app.start(one, {"how": how}, id=how)
                with pytest.raises(RunFailed, match=told):
                    await run.result()
            run = await app.start(one, {"how": "a call-back"})
            assert await run.result() == 1
            assert any(
                b"ZeroDivisionError" in row.body
                for row in run.records()
                if row.kind == Kind.WARNING
            )

    drive(main())


REFUSED: dict[str, Callable[[], Any]] = {
    "asyncio.to_thread": lambda: asyncio.to_thread(print),
    "run_in_executor": lambda: asyncio.get_running_loop().run_in_executor(None, print),
    "a network connection": lambda: asyncio.open_connection("localhost", 1),
    "a network server": lambda: asyncio.start_server(print, "localhost", 0),
    "a subprocess": lambda: asyncio.create_subprocess_exec("true"),
    "a subprocess ": lambda: asyncio.create_subprocess_shell("true"),
    "asyncio.as_completed": lambda: first_of(
        asyncio.as_completed([asyncio.sleep(0), asyncio.sleep(0)])
    ),
    "name resolution": lambda: asyncio.get_running_loop().getaddrinfo("localhost", 1),
}


async def first_of(futures: Any) -> Any:
    """Await the first of an iterator of futures."""
    return await next(iter(futures))


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize("what", REFUSED)
def test_what_a_workflow_cannot_do(db: str, what: str) -> None:
    """It is refused by name, with the remedy, and the program fails cleanly."""

    @workflow
    async def one() -> None:
        await REFUSED[what]()

    async def main() -> None:
        async with Podium(db) as app:
            run = await app.start(one)
            with pytest.raises(RunFailed, match=what.strip()) as failed:
                await run.result()
            assert failed.value.error.code == Refused.code
            assert "@task" in str(failed.value) or "podium." in str(failed.value)

    drive(main())


def test_a_workflow_that_is_not_known_here(db: str) -> None:
    """A run whose code this process does not have is left to others, and can be looked at; nothing is lost."""

    @workflow
    async def one() -> str:
        return str(await podium.receive("go"))

    async def main() -> None:
        async with Podium(db, execute=False) as client:
            await client.start(one, id="a")
        known = registry.workflows.pop("one")
        async with Podium(db) as app:
            run = await app.get("a")
            await run.signal("go", "x")
            assert await run.status() == "accepted"
        registry.workflows["one"] = known
        async with Podium(db) as app:
            assert await (await app.get("a")).result() == "x"

    drive(main())


def test_an_import_that_fails(db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task of a process whose module cannot be imported there fails as a step; the worker lives on."""
    module = types.ModuleType("vanished_module")

    def there() -> int:
        return 1

    there.__module__ = "vanished_module"
    monkeypatch.setitem(sys.modules, "vanished_module", module)
    call = task(effect="read", isolation="process", name="there")(there)

    @workflow
    async def one() -> str:
        try:
            return str(await call())
        except podium.StepFailed as error:
            return f"{error.type}: {error.message}"

    async def main() -> str:
        async with Podium(db) as app:
            return str(await (await app.start(one)).result())

    assert "vanished_module" in drive(main())


def test_two_definitions_of_one_name() -> None:
    """Two tasks or workflows of one name from different modules are refused with both places; in one module the last counts."""

    def twin(module: str) -> Any:
        async def same() -> int:
            return 1

        # Another place in another file, as a second module has it.
        same.__code__ = same.__code__.replace(co_filename=f"{module}.py")
        same.__module__ = module
        return same

    task(twin("one"))
    workflow(twin("one"))
    task(twin("one"))
    with pytest.raises(NameTaken, match=r"'same': one\.py:\d+ and two\.py:\d+.*@task\(name="):
        task(twin("two"))
    with pytest.raises(NameTaken, match=r"@workflow\(name="):
        workflow(twin("two"))
    task(name="another")(twin("two"))


def test_a_file_that_is_not_ours(tmp_path: Path) -> None:
    """A file that is no database of Podium is refused and left as it was."""
    path = tmp_path / "notes.txt"
    path.write_text("these are my notes, " * 100)

    async def main() -> None:
        with pytest.raises(StoreForeign, match=r"notes\.txt"):
            await Podium(path).open()

    drive(main())
    assert path.read_text() == "these are my notes, " * 100


def test_ids_that_cannot_be(db: str) -> None:
    """Run ids have 1 to 200 characters and no line break."""

    @workflow
    async def one() -> int:
        return 1

    async def main() -> None:
        async with Podium(db) as app:
            for wrong in ("", "  ", "a\nb", "x" * 201, 7):
                with pytest.raises(InvalidOption, match="1 to 200 characters"):
                    await app.start(one, id=wrong)  # type: ignore[arg-type]
            for right in ("x" * 200, "a b/c#d", "ä"):
                assert await (await app.start(one, id=right)).result() == 1

    drive(main())


def test_cancelling_a_run_that_is_set_aside(db: str) -> None:
    """A blocked run can be cancelled, and then it has ended."""

    @task(effect="read", name="a")
    async def first() -> int:
        return 1

    @task(effect="read", name="b")
    async def second() -> int:
        return 1

    def made(call: Any) -> Any:
        async def one() -> Any:
            await call().as_("step")
            return await podium.receive("go")

        return workflow(version=call.name)(one)

    async def main() -> None:
        await wait_in(db, made(first))
        made(second)
        async with Podium(db) as app:
            run = await app.get("a")
            with pytest.raises(RunBlocked):
                await run.result()
            await run.cancel()
            with pytest.raises(podium.RunCancelled):
                await run.result()
            assert (await run.show()).ended_at is not None

    drive(main())

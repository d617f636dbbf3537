"""File values: kept once, passed by reference, read back by tasks and from outside."""

import io

from collections.abc import Callable
from pathlib import Path

import pytest

from podium import File, NotInWorkflow, Podium, StepFailed, open_file, save_file, task, workflow
from tests.harness import committed, drive

CONTENT = bytes(range(256)) * 3_000


@pytest.mark.parametrize(
    "source",
    [
        lambda path: path,
        str,
        lambda path: path.read_bytes(),
        lambda path: io.BytesIO(path.read_bytes()),
        lambda path: iter([path.read_bytes()[:1000], path.read_bytes()[1000:]]),
    ],
    ids=["path", "text", "bytes", "open file", "pieces"],
)
def test_a_file_goes_from_task_to_task(
    db: str, tmp_path: Path, source: Callable[[Path], object]
) -> None:
    """Whatever it came from, every reader finds the same bytes under the same digest."""
    (tmp_path / "report.bin").write_bytes(CONTENT)

    @task(effect="read")
    def make() -> File:
        return save_file(source(tmp_path / "report.bin"), name="report", media_type="x/y")  # type: ignore[arg-type]

    @task(effect="read")
    def size(file: File) -> int:
        with open_file(file) as data:
            return len(data.read())

    @workflow
    async def flow() -> list[File]:
        one, other = await make(), await make()
        assert await size(one) == len(CONTENT)
        return [one, other]

    async def main() -> None:
        async with Podium(db) as app:
            run = await app.start(flow)
            one, other = await run.result()
            assert one == other
            assert (one.name, one.media_type, one.size) == ("report", "x/y", len(CONTENT))
            with await run.open_file(one) as data:
                assert data.read() == CONTENT

    drive(main())


def test_the_same_bytes_are_kept_once(db: str) -> None:
    """Two files of one content in one family take the room of one, and an empty one is a file."""

    @task(effect="read")
    def make(text: str) -> File:
        return save_file(text.encode(), name=f"{len(text)}.txt")

    @workflow
    async def flow() -> list[File]:
        return [await make("x" * 600_000), await make("x" * 600_000), await make("")]

    async def main() -> list[File]:
        async with Podium(db) as app:
            run = await app.start(flow, id="r")
            files = await run.result()
            with await run.open_file(files[2]) as data:
                assert data.read() == b""
            return files

    files = drive(main())

    with committed(db) as view:
        row = view.run("r")
        chunks = list(view.reader.file_chunks(row.family, files[0].digest))
    assert b"".join(chunks) == b"x" * 600_000
    assert len(chunks) == 3
    assert Path(db).stat().st_size < 1_400_000  # twice would be 1.9 MB


def test_a_file_of_another_family_is_not_found(db: str) -> None:
    """Digests are keyed by family: a File value means nothing to a run it does not belong to."""

    @task(effect="read")
    def make() -> File:
        return save_file(b"secret", name="s")

    @task(effect="read")
    def read(file: File) -> int:
        with open_file(file) as data:
            return len(data.read())

    @workflow
    async def maker() -> File:
        return await make()

    @workflow
    async def stranger(file: File) -> int:
        return await read(file)

    async def main() -> str:
        async with Podium(db) as app:
            file = await (await app.start(maker)).result()
            run = await app.start(
                stranger, {"file": {"digest": file.digest, "size": file.size, "name": file.name}}
            )
            with pytest.raises(Exception, match="expected 6"):
                await run.result()
            return (await run.steps())[0].status

    assert drive(main()) == "failed"


def test_a_failing_source_leaves_nothing(db: str) -> None:
    """A source that breaks in the middle fails the step; no half file is left."""

    def broken() -> object:
        yield b"x" * 300_000
        raise OSError("the line is dead")

    @task(effect="read")
    def make() -> File:
        return save_file(broken(), name="s")  # type: ignore[arg-type]

    @workflow
    async def flow() -> str:
        try:
            await make()
        except StepFailed as error:
            return error.message
        return "?"

    async def main() -> str:
        async with Podium(db) as app:
            return str(await (await app.start(flow)).result())

    assert drive(main()) == "the line is dead"
    assert Path(db).stat().st_size < 250_000


def test_outside_a_task_it_is_refused() -> None:
    """There is no family to keep it in."""
    with pytest.raises(NotInWorkflow, match="save_file"):
        save_file(b"x", name="x")

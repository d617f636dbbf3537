"""The small language model itself: forms kept every time, and what can go wrong with it."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from podium import Podium, task, workflow
from podium.core.spec import registry
from podium.models import (
    Model,
    ModelRequestInvalid,
    ModelUnknown,
    ModelUnreachable,
    Output,
    Request,
    Settings,
    ToolOffer,
    call_model,
    user,
)
from podium.models.local import (
    ContextFull,
    SchemaNotHeld,
    WeightsDamaged,
    WeightsMissing,
    bare_label,
)
from podium.models.local.hosting import Host, close_all, host_of
from podium.models.local.llama import path_of
from podium.models.local.weights import SMOLLM2
from podium.models.providers import provider_of
from tests.harness import drive, fresh_names, until

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[3]
NAME = "local:smollm2"
LIMIT_S = 120.0
IS_FULL = os.environ.get("PODIUM_PROOF") == "full"


@pytest.fixture(scope="module", autouse=True)
def _ended() -> Iterator[None]:
    """No process of a model is left behind by these tests."""
    yield
    close_all()


def host() -> Host:
    return host_of(path_of("smollm2"))


def small(tokens: int = 24, **more: Any) -> Settings:
    return Settings(tokens_max=tokens, **more)


# forms ------------------------------------------------------------------------------------

TREE = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "kids": {"type": "array", "items": {"$ref": "#"}}},
    "required": ["name", "kids"],
}
PERSON = {
    "$defs": {"pet": {"type": "object", "properties": {"kind": {"enum": ["cat", "dog"]}}, "required": ["kind"]}},
    "type": "object",
    "title": "Person",
    "properties": {
        "name": {"type": "string", "maxLength": 20, "description": "as one is called"},
        "age": {"type": "integer", "minimum": 0, "maximum": 130},
        "height": {"anyOf": [{"type": "number", "exclusiveMinimum": 0.3, "maximum": 2.75}, {"type": "null"}]},
        "born": {"type": "string", "format": "date"},
        "pets": {"type": "array", "items": {"$ref": "#/$defs/pet"}, "maxItems": 3},
    },
    "required": ["name", "age", "height"],
    "additionalProperties": False,
}  # fmt: skip
SCHEMAS: list[Any] = [
    PERSON, TREE, {"type": "object", "properties": {"any": {}}, "required": ["any"]}, {"type": "boolean"}, {"type": ["integer", "null"]}, {"const": {"a": [1, "ü\"\\"]}},
    {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 2, "maxProperties": 3},
    {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False, "minItems": 2},
    {"type": "string", "minLength": 12, "maxLength": 12}, {"type": "string", "format": "uuid"},
    {"oneOf": [{"type": "string", "format": "date-time"}, {"type": "integer", "multipleOf": 5, "minimum": -10, "maximum": 10}]},
    {"allOf": [{"type": "object", "properties": {"a": {"type": "string", "format": "email"}}}, {"required": ["a"]}]},
]  # fmt: skip


def some_schema(chance: random.Random, depth: int = 0) -> dict[str, Any]:
    """Draw a schema."""
    kinds = ["string", "integer", "number", "boolean", "enum", "null"]
    kind = chance.choice(kinds + (["object", "array", "anyOf"] * 2 if depth < 2 else []))
    match kind:
        case "string":
            low = chance.randint(0, 6)
            return {"type": kind, "minLength": low, "maxLength": low + chance.randint(0, 12)}
        case "integer" | "number":
            low = chance.randint(-500, 500)
            word = chance.choice(["minimum", "exclusiveMinimum"])
            return {"type": kind, word: low, "maximum": low + chance.randint(1, 1000)}
        case "enum":
            return {"enum": chance.sample(["a", "b b", 'c"', 1, 2.5, None, True, [1]], 3)}
        case "array":
            low = chance.randint(0, 2)
            items = some_schema(chance, depth + 1)
            return {"type": kind, "items": items, "minItems": low, "maxItems": low + 2}
        case "object":
            names = chance.sample(["name", "size", "a/b", 'quo"te', "ünï", ""], 3)
            inner = {name: some_schema(chance, depth + 1) for name in names}
            return {"type": kind, "properties": inner, "required": names[: chance.randint(0, 3)]}
        case "anyOf":
            return {kind: [some_schema(chance, depth + 1) for _ in range(2)]}
    return {"type": kind}


def drawn(count: int) -> list[dict[str, Any]]:
    chance = random.Random(7)
    return [some_schema(chance) for _ in range(count)]


def test_structured_output_is_valid_every_time() -> None:
    """Whatever the model likes to say, and however much chance has a part in it, the value fits the schema."""
    schemas = [*SCHEMAS, *drawn(150 if IS_FULL else 12)]

    async def program() -> int:
        count = 0
        for number, schema in enumerate(schemas):
            for heat in (0.0, 1.8):
                settings = Settings(temperature=heat, tokens_max=300, seed=number)
                reply = await Model(NAME, settings=settings).ask(
                    "Answer in JSON: who are you?", output=Output(schema)
                )
                faults = [
                    str(one) for one in jsonschema_rs.iter_errors(schema, json.loads(reply.text))
                ]
                assert (reply.finish, faults) == ("stop", []), (schema, reply.text)
                count += 1
        return count

    began = time.monotonic()
    count = drive(program(), LIMIT_S * (15 if IS_FULL else 3))
    print(
        f"{count} values of {len(schemas)} schemas fit, {(time.monotonic() - began) / count:.2f} s each"
    )


def test_a_form_that_cannot_be_kept() -> None:
    """It is refused before the model is asked."""
    with pytest.raises(SchemaNotHeld, match="pattern"):
        drive(Model(NAME).value("x", {"type": "string", "pattern": "a+"}))
    with pytest.raises(ModelRequestInvalid, match="does not take the request"):
        drive(Model(NAME).ask("x", output=Output(grammar="root ::= nix")))


def test_values_and_labels() -> None:
    """The values of a model are those of any other: checked, with their types."""

    class Person(msgspec.Struct):
        name: str
        age: int

    async def program() -> None:
        model = Model(NAME)
        person = await model.value("Ann is 30 years old.", Person)
        assert isinstance(person, Person)
        assert await model.label("Is grass green or blue?", ["green", "blue"]) in ("green", "blue")
        request = bare_label(
            "Where is it?", [("My money back!", "refund"), ("When will it come?", "delivery")],
            ["refund", "delivery"],
        )  # fmt: skip
        reply = await model.ask(request)
        assert reply.text in ("refund", "delivery")
        assert reply.usage.input_tokens > 20
        assert (reply.cost_usd, reply.finish, reply.model) == (0.0, "stop", NAME)
        assert reply.latency_s >= (reply.first_token_s or 0) > 0

    drive(program(), LIMIT_S)


# calls ------------------------------------------------------------------------------------


def test_the_same_request_has_the_same_answer() -> None:
    """Without chance in its settings; what was sent before is kept, and counted as cached."""

    async def program() -> None:
        model = Model(NAME, settings=small())
        first = await model.ask("Count to five.")
        await model.ask("Something else.")
        again = await model.ask("Count to five.")
        assert again.text == first.text
        assert first.finish == "length"
        assert again.usage.cached_tokens > 0

    drive(program(), LIMIT_S)


def test_pieces_come_as_they_are_made() -> None:
    """Who listens hears all pieces of the text, in their order, before the reply is there."""

    async def program() -> None:
        heard: list[str] = []
        request = Request((user("Tell a story."),), settings=small(12))
        reply = await provider_of("local").respond("smollm2", request, heard.append)
        assert "".join(heard) == reply.text
        assert len(heard) > 3

    drive(program(), LIMIT_S)


def test_two_calls_at_once_and_a_loop_that_goes_on() -> None:
    """Calls wait for each other in the model, not in the loop."""

    async def program() -> None:
        close_all()
        model = Model(NAME, settings=small())
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0.005)
                turns += 1

        turning = asyncio.create_task(turn())
        one, other = await asyncio.gather(
            model.ask(bare_label("x", [], ["one"])), model.ask(bare_label("x", [], ["other"]))
        )
        turning.cancel()
        assert [one.text, other.text] == ["one", "other"]
        assert turns > 10

    drive(program(), LIMIT_S)


def test_cancelled_in_mid_call() -> None:
    """A call that is cancelled ends at once; the model is free for the next one."""

    async def program() -> None:
        model = Model(NAME)
        await model.ask(bare_label("x", [], ["a"]))
        process = host().process
        long = asyncio.create_task(model.ask("Tell a long story.", output=ENDLESS))
        await asyncio.sleep(0.3)
        long.cancel()
        with pytest.raises(asyncio.CancelledError):
            await long
        began = time.monotonic()
        await model.ask(bare_label("x", [], ["a"]))
        print(f"the next call took {time.monotonic() - began:.2f} s")
        assert host().process is process

    drive(program(), LIMIT_S)


ENDLESS = Output(grammar='root ::= "a"{900}')


def test_more_than_it_can_hold() -> None:
    """Too long a request is a typed error that says how long it was."""
    with pytest.raises(ContextFull, match=r"sent 4,\d\d\d tokens and can hold 4,096"):
        drive(Model(NAME).text("word " * 4100), LIMIT_S)


def test_tools_are_not_its_own() -> None:
    """A request with tools says who gives a model tools that has none."""
    with pytest.raises(ModelRequestInvalid, match="Let an Agent ask it"):
        drive(Model(NAME).ask("x", tools=[ToolOffer("t", "does", {})]))


# failures ---------------------------------------------------------------------------------


def test_the_model_dies_in_mid_call() -> None:
    """A call whose model dies fails as one that may be tried again, and the next one has a new process."""

    async def program() -> None:
        model = Model(NAME, settings=small())
        await model.ask(bare_label("x", [], ["a"]))
        calls = [asyncio.create_task(model.ask("Tell a story.", output=ENDLESS)) for _ in range(2)]
        await asyncio.sleep(0.2)
        process = host().process
        assert process is not None
        process.kill()
        for ended in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(ended, ModelUnreachable)
            assert "ended with -9" in str(ended)
        assert (await model.ask(bare_label("x", [], ["a"]))).text == "a"

    drive(program(), LIMIT_S)


def test_a_run_whose_model_dies_goes_on() -> None:
    """In a run the call is tried again, and what was asked before is not asked again."""
    seen: list[str] = []

    async def program() -> None:
        async with Podium(":memory:") as app:
            run = await app.start(two_calls, {})

            async def asks() -> bool:
                steps = await run.steps()
                return [step.status for step in steps] == ["succeeded", "succeeded", "started"]

            await until(asks, limit_s=60)
            await asyncio.sleep(0.1)
            process = host().process
            assert process is not None
            process.kill()
            assert await run.result() == ["a", "a" * 60]
            steps = await run.steps()
            assert [step.attempts for step in steps] == [1, 1, 2]
            assert seen == ["between"]

    with fresh_names():

        @task(effect="once")
        def between() -> None:
            seen.append("between")

        @workflow
        async def two_calls() -> list[str]:
            model = Model(NAME)
            first = await model.ask(bare_label("x", [], ["a"]))
            await between()
            second = await model.ask("x", output=Output(grammar='root ::= "a"{60}'))
            return [first.text, second.text]

        registry.tasks.setdefault(call_model.spec.name, call_model.spec)
        drive(program(), LIMIT_S)


PROGRAM = """
import podium
from podium import workflow
from podium.core.spec import registry
from podium.models import Model, Output
from podium.models.local import bare_label
from podium.models.local.hosting import host_of
from podium.models.local.llama import path_of

@workflow
async def two() -> list[str]:
    first = await Model("local:smollm2").ask(bare_label("x", [], ["a"]))
    process = host_of(path_of("smollm2")).process
    print(process.pid if process else "known", flush=True)
    second = await Model("local:smollm2").ask("x", output=Output(grammar='root ::= "a"{40}'))
    return [first.text, second.text]
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_the_worker_is_killed_in_mid_call(tmp_path: Path) -> None:
    """The process of the model ends with its worker; the run goes on without asking again what it knows."""
    (tmp_path / "asking.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "podium", "run", "asking:two", "--id", "r1", "--quiet"]
    env = {**os.environ, "PODIUM_DB": str(tmp_path / "podium.db")}
    worker = subprocess.Popen(command, cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True)
    assert worker.stderr is not None
    model_pid = int(worker.stderr.readline())
    time.sleep(0.1)
    worker.kill()
    worker.wait()
    worker.stderr.close()
    end = time.monotonic() + 20
    while is_there(model_pid):
        assert time.monotonic() < end, "the model's process outlives its worker"
        time.sleep(0.02)

    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout.splitlines()[-1]) == ["a", "a" * 40]
    steps = subprocess.run(
        [sys.executable, "-m", "podium", "runs", "steps", "r1", "--json"],
        cwd=tmp_path, env=env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    attempts = [step["attempts"] for step in json.loads(steps.stdout)]
    assert attempts[0] == 1
    assert attempts[1] >= 1


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def test_weights_that_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind of missing has its own words, and none is tried again."""
    for model, complaint in {
        "local:nix": "expected local:smollm2",
        "local:minilm": "no language model local:minilm",
        f"local:{tmp_path}/nix.gguf": "There is no file",
    }.items():
        with pytest.raises(ModelUnknown, match=complaint):
            drive(Model(model).text("x"))
    monkeypatch.setenv("PODIUM_MODELS", str(tmp_path))
    with pytest.raises(WeightsMissing, match="podium model pull smollm2"):
        drive(Model(NAME).text("x"))


def test_weights_that_are_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is cut off, or is none at all, is a typed error, and this process lives on."""
    whole = SMOLLM2.path() / SMOLLM2.files[0].name
    with whole.open("rb") as file:
        start = file.read(30_000_000)
    for name, content in {"cut": start, "other": b"something else", "empty": b""}.items():
        path = tmp_path / f"{name}.gguf"
        path.write_bytes(content)
        with pytest.raises(WeightsDamaged, match=r"cannot be read by llama\.cpp"):
            drive(Model(f"local:{path}").text("x"), LIMIT_S)
    folder = tmp_path / SMOLLM2.folder.name
    folder.mkdir()
    (folder / whole.name).write_bytes(start)
    monkeypatch.setenv("PODIUM_MODELS", str(tmp_path))
    with pytest.raises(WeightsDamaged, match=r"30,000,000 bytes, expected 98,362,432"):
        drive(Model(NAME).text("x"))


def test_any_gguf_file() -> None:
    """A model is named by the path of its file, too."""
    path = SMOLLM2.path() / SMOLLM2.files[0].name

    assert drive(Model(f"local:{path}").ask(bare_label("x", [], ["a"])), LIMIT_S).text == "a"


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_nothing_is_left_when_a_program_ends() -> None:
    """The model's process ends with the program, however that ends, and says nothing on its screen."""
    program = (
        "import asyncio, os, sys\nfrom podium.models import Model\nfrom podium.models.local import bare_label\n"
        "from podium.models.local.hosting import host_of\nfrom podium.models.local.llama import path_of\n"
        "async def go():\n await Model('local:smollm2').ask(bare_label('x', [], ['a']))\n"
        "asyncio.run(go())\nprint(host_of(path_of('smollm2')).process.pid, flush=True)\n"
        "os.kill(os.getpid(), int(sys.argv[1])) if sys.argv[1] != '0' else None\n"
    )
    for number in (0, signal.SIGTERM):
        done = subprocess.run(
            [sys.executable, "-c", program, str(int(number))],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.stderr == ""
        end = time.monotonic() + 10
        while is_there(int(done.stdout)):
            assert time.monotonic() < end
            time.sleep(0.02)

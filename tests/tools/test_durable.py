"""Calls by name survive crashes and changes of code; policies, documents and runs hold for them."""

import asyncio

from collections.abc import Iterator
from typing import Annotated, Any

import pytest

import podium

from podium import Cache, Degraded, Flow, FromRun, LastGood, NotDone, Podium, Tool, ToolReply
from podium.core.codec import decode_any
from podium.testing import crash_everywhere
from podium.testing.simulator import SimWorld
from tests.harness import drive
from tests.tools.tables import Table, result_of

pytestmark = pytest.mark.long

TABLE = Table()
CALLS: list[Any] = []


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    CALLS.clear()
    with TABLE.open():
        yield


with TABLE.define():

    @podium.tool(effect="read")
    async def look(number: int) -> int:
        """Look."""
        return number

    @podium.tool(effect="write")
    def put(number: int) -> int:
        """Put."""
        return number

    @podium.tool(effect="once")
    def send(number: int) -> int:
        """Send."""
        if number < 0:
            raise NotDone("nothing to send")
        return number

    @podium.workflow
    async def chain(upto: int) -> list[Any]:
        replies = await podium.dispatch_all([("look", {"number": str(n)}) for n in range(upto)])
        total = sum(one.value for one in replies)
        stored = await podium.dispatch("put", {"numer": total})
        refused = await podium.dispatch("put", {"number": "many"})
        await podium.sleep("1h")
        sent = await podium.dispatch("send", {"number": stored.value})
        failed = await podium.dispatch("send", {"number": -1})
        return [total, stored.value, refused.text, sent.value, failed.text]


def test_crashes_anywhere_change_nothing() -> None:
    """Repairs, refusals, results and failures are the same after a crash at any point."""
    report = crash_everywhere(chain, {"upto": 3}, answers=lambda _: {"happened": False})

    assert report.status == "succeeded"
    assert report.output[:2] == [3, 3]
    assert 'found "many"' in report.output[2]
    assert report.output[3:] == [3, "send did nothing: NotDone: nothing to send"]


def deployed(world: SimWorld) -> None:
    for process in world.alive:
        process.kill()
    world.worker()


def test_what_was_refused_never_runs_in_a_replay() -> None:
    """Where the tool has changed so that the call would fit now, the run stops and says so."""

    @podium.workflow
    async def asks() -> list[Any]:
        first = await podium.dispatch("put", {"number": "many"})
        await podium.receive("go")
        return [first.text]

    with SimWorld(0) as world:
        world.views.is_on = False
        world.worker()
        world.start("asks")
        world.run_until(lambda: world.row("run").status == "waiting")

        @podium.tool(effect="write", name="put")
        def put_words(number: str) -> str:
            """Put."""
            CALLS.append(number)
            return number

        deployed(world)
        world.signal("run", "go")
        world.run_until(lambda: world.row("run").status == "blocked")
        said = decode_any(world.row("run").error)["message"]

    assert "podium.refusal" in said
    assert CALLS == []


def test_a_newer_version_does_not_take_an_older_ones_place() -> None:
    """The plain name is the newest: where that has changed, a run that called it stops."""

    @podium.tool(effect="write", name="pick", version=1)
    def pick_1() -> int:
        """Pick."""
        return 1

    @podium.workflow
    async def asks() -> list[Any]:
        first = await podium.dispatch("pick", {})
        await podium.receive("go")
        return [first.value]

    with SimWorld(0) as world:
        world.views.is_on = False
        world.worker()
        world.start("asks")
        world.run_until(lambda: world.row("run").status == "waiting")
        podium.tool(effect="write", name="pick", version=2)(pick_1.fn)
        deployed(world)
        world.signal("run", "go")
        world.run_until(lambda: world.row("run").status == "blocked")
        said = decode_any(world.row("run").error)["message"]

    assert "pick@1" in said
    assert "pick@2" in said


# policies ------------------------------------------------------------------------------------


def test_the_reply_tells_who_answered() -> None:
    """A fallback's answer is marked, in the reply and in its text."""
    weather = {"text": "sun"}

    @podium.tool(effect="read", fallback=Degraded("unknown"))
    def forecast(city: str) -> str:
        """Say what the weather will be."""
        raise LookupError(city)

    Tool.from_schema(
        "net.forecast", "The same.", {"properties": {"city": {"default": "Rome"}}}, {"required": ["text"]},
        effect="read", call=lambda given: weather, fallback=(forecast, LastGood("1h")),
    )  # fmt: skip
    Tool.from_schema(
        "net.broken", "The same.", {"properties": {"city": {"default": "Rome"}}}, {"type": "string"},
        effect="read", call=forecast.fn, fallback=forecast,
    )  # fmt: skip

    @podium.workflow
    async def asks() -> list[ToolReply]:
        names = ["forecast", "net.forecast", "net.broken"]
        return [await podium.dispatch(name, {"city": "Oslo"}) for name in names]

    own, sound, other = result_of(asks)
    assert (own.value, own.answered_by, own.is_ok) == ("unknown", "degraded", True)
    assert own.text.startswith("unknown\n[degraded: forecast failed (LookupError: Oslo")
    assert (sound.value, sound.answered_by, sound.warnings) == (weather, "net.forecast", ())
    assert (other.value, other.answered_by) == ("unknown", "degraded")


def test_a_cache_keeps_tenants_apart() -> None:
    """What comes from the run is a part of the call, so no run is answered with another's value."""

    @podium.tool(effect="read", cache=Cache("1h"))
    def secret_of(what: str, tenant: Annotated[str, FromRun("tenant")]) -> str:
        """Tell."""
        CALLS.append(tenant)
        return f"{what} of {tenant}"

    @podium.workflow
    async def asks() -> ToolReply:
        return await podium.dispatch("secret_of", {"what": "bread"})

    async def go() -> list[ToolReply]:
        async with Podium(":memory:") as app:
            found = []
            for tenant in ("a", "b", "a"):
                run = await app.start(asks, headers={"tenant": tenant})
                found.append(await run.result())
            return found

    replies = drive(go())
    assert [one.value for one in replies] == ["bread of a", "bread of b", "bread of a"]
    assert [one.answered_by for one in replies] == ["secret_of", "secret_of", "cache"]
    assert CALLS == ["a", "b"]


def test_what_undoes_a_step_is_given_what_comes_from_the_run() -> None:
    """A tool that compensates has the run's attributes too."""

    @podium.tool(effect="write")
    def give_back(what: str, tenant: Annotated[str, FromRun("tenant")]) -> None:
        """Give it back."""
        CALLS.append((what, tenant))

    @podium.tool(effect="write", compensate=give_back)
    def take(what: str) -> str:
        """Take it."""
        return what

    @podium.workflow
    async def takes() -> None:
        await podium.dispatch("take", {"what": "bread"})
        raise ValueError("never mind")

    with pytest.raises(podium.RunFailed, match="never mind"):
        result_of(takes, headers={"tenant": "acme"})
    assert CALLS == [("bread", "acme")]


def test_documents_call_tools() -> None:
    """By every name, with what comes from the run, checked against a foreign schema."""

    @podium.tool(effect="read", namespace="shop", version=2)
    def whose(what: str, tenant: Annotated[str, FromRun("tenant")]) -> str:
        """Say whose it is."""
        return f"{what} of {tenant}"

    Tool.from_schema(
        "net.weather", "Weather.",
        {"properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False},
        {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
        effect="read", call=lambda given: {"text": f"sun in {given['city']}"},
    )  # fmt: skip
    nodes = {
        "mine": {"call": "shop.whose", "args": {"what": "bread"}},
        "same": {"call": "shop.whose@2", "args": {"what": "${mine}"}},
        "sky": {"call": "net.weather", "args": {"city": "Rome"}},
    }
    document = {"podium": 1, "name": "x", "nodes": nodes, "output": "${same} ${sky.text}"}
    flow = Flow.from_dict(document)

    assert flow.check() == []
    assert result_of(flow, headers={"tenant": "a"}) == "bread of a of a sun in Rome"

    nodes["sky"]["args"] = {"town": 1}  # type: ignore[assignment]
    nodes["mine"]["args"] = {"what": "bread", "tenant": "b"}  # type: ignore[assignment]
    codes = [(one.code, one.path) for one in Flow.from_dict(document).check()]
    assert ("unknown-argument", "$.nodes.mine.args.tenant") in codes
    assert ("unknown-argument", "$.nodes.sky.args.town") in codes


def test_dispatch_within_the_body_of_a_task() -> None:
    """It just runs there, with the run's attributes; repairs are noted with the attempt."""

    @podium.tool(effect="read")
    async def of_tenant(what: str, tenant: Annotated[str, FromRun("tenant")]) -> str:
        """Say whose it is."""
        return f"{what} of {tenant}"

    @podium.task(effect="read")
    async def outer() -> ToolReply:
        return await podium.dispatch("of_tenant", {"What": "bread"})

    @podium.workflow
    async def asks() -> ToolReply:
        return await outer()

    reply = result_of(asks, headers={"tenant": "acme"})
    assert reply.value == "bread of acme"
    assert [one.code for one in reply.repairs] == ["name"]


def test_several_from_several_tasks_of_a_program() -> None:
    """Calls in asyncio tasks have their own places."""

    @podium.workflow
    async def asks() -> list[Any]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(podium.dispatch("look", {"number": n})) for n in range(3)]
        return [task.result().value for task in tasks]

    assert result_of(asks) == [0, 1, 2]

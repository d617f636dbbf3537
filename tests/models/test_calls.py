"""Calls of models as steps: retries, fallbacks, breakers, caches, rates, what they used, streams."""

import asyncio
import time

import pytest

import podium

from podium import Cache, Model, Piece, Podium, Rate, Retry
from podium.models import (
    ModelKeyMissing,
    ModelThrottled,
    ModelUnreachable,
    Reply,
    Request,
    ScriptedModel,
    Settings,
    Usage,
    assistant,
    function_model,
    register_provider,
    set_price,
    user,
)
from podium.models.calls import BREAKER, FELL_BACK
from podium.models.provider import Abilities, Say

QUICK = Retry(attempts=4, backoff="1ms", on=[ModelUnreachable, ModelThrottled])


class Flaky:
    """A provider that raises what it is told to, and then answers."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.times: list[float] = []

    def abilities(self, model: str) -> Abilities:
        """It can do everything."""
        return Abilities()

    async def respond(self, model: str, request: Request, say: Say | None = None) -> Reply:
        """Fail, or answer."""
        self.times.append(time.monotonic())
        if self.failures:
            raise self.failures.pop(0)
        return Reply(assistant(f"answer {len(self.times)}"), f"flaky:{model}", Usage(30, 12), 0.002)


def flaky(*failures: Exception) -> Flaky:
    """Return the provider, registered."""
    one = Flaky(*failures)
    register_provider("flaky", one)
    return one


def test_a_step_is_tried_again_when_the_provider_wants() -> None:
    """Unreachable at once, throttled not before its time; then the answer counts."""
    provider = flaky(ModelUnreachable("away"), ModelThrottled("busy", 429, 0.2))

    @podium.workflow
    async def patient() -> str:
        return await Model("flaky:x", retry=QUICK).text("hi")

    assert podium.run(patient, database=":memory:") == "answer 3"
    assert provider.times[2] - provider.times[1] >= 0.19


def test_what_does_not_help_is_not_tried_again() -> None:
    """A missing key is not there at the next attempt either."""
    provider = flaky(ModelKeyMissing("no key"))

    @podium.workflow
    async def hopeless() -> str:
        return await Model("flaky:x").text("hi")

    with pytest.raises(podium.RunFailed, match="no key") as caught:
        podium.run(hopeless, database=":memory:")
    assert caught.value.error.cause is None or caught.value.error.cause.code == "model-key-missing"
    assert len(provider.times) == 1


def test_the_next_model_of_the_chain_is_the_next_step() -> None:
    """The reply says who answered; a warning says why the first did not."""
    flaky(*[ModelUnreachable("away")] * 9)
    script = ScriptedModel("spare", ["from the spare"])

    @podium.workflow
    async def chained() -> list[str]:
        reply = await Model("flaky:x", fallback=[script.model], retry=QUICK).ask("hi")
        return [reply.text, reply.model]

    async def main() -> None:
        async with Podium(":memory:") as app:
            run = await app.start(chained)
            assert await run.result() == ["from the spare", "scripted:spare"]
            steps = [step.path for step in await run.steps()]
            assert steps == ["podium.model", "podium.model#2"]
            notes = [note for note in await run.notes() if note.code == FELL_BACK]
            assert "flaky:x failed" in notes[0].text
            assert "scripted:spare is asked" in notes[0].text

    asyncio.run(main())


def test_where_no_model_answers_the_first_error_counts() -> None:
    """What became of the others stands beside it, in a workflow and outside."""
    flaky(*[ModelUnreachable("away")] * 9)
    chain = Model("flaky:x", fallback=[ScriptedModel("none", []).model], retry=QUICK)

    @podium.workflow
    async def nobody() -> list[str]:
        try:
            await chain.text("hi")
        except podium.StepFailed as problem:
            return [problem.error.code, *(one.code for one in problem.error.fallbacks)]
        return []

    assert podium.run(nobody, database=":memory:") == ["model-unreachable", "script-ended"]
    with pytest.raises(ModelUnreachable) as caught:
        asyncio.run(chain.text("hi"))
    assert "the next model failed too" in caught.value.__notes__[0]


def test_an_open_breaker_is_not_waited_for_where_there_is_another_model() -> None:
    """Five failures open it for the one model; the other answers at once, and the first is left alone."""
    provider = flaky(*[ModelUnreachable("away")] * 100)
    chain = Model(
        "flaky:x", fallback=[ScriptedModel("s", ["spare"]).model], retry=Retry(attempts=1)
    )

    @podium.workflow
    async def many() -> list[str]:
        return [await chain.text("hi") for _ in range(8)]

    assert podium.run(many, database=":memory:") == ["spare"] * 8
    assert len(provider.times) == BREAKER.failures


def test_a_cached_reply_is_not_asked_for_again() -> None:
    """By all runs of the database, for the same model and request; streamed or not."""
    provider = flaky()

    @podium.workflow
    async def twice() -> list[str]:
        model = Model("flaky:x", cache=Cache("1h"))
        other = Model("flaky:x", cache="1h", settings=Settings(temperature=0))
        texts = [await model.text("a"), await model.text("a", stream=True), await model.text("b")]
        return [*texts, await other.text("a"), await other.text("a")]

    assert podium.run(twice, database=":memory:") == [
        "answer 1", "answer 1", "answer 2", "answer 3", "answer 3",
    ]  # fmt: skip
    assert len(provider.times) == 3


def test_a_rate_is_kept_by_model() -> None:
    """Calls of one model wait for each other, those of another do not."""
    provider = flaky()
    spare = ScriptedModel("s", ["x"])

    @podium.workflow
    async def rated() -> None:
        first, second = Model("flaky:x", rate="2/300ms"), Model(spare, rate=Rate("1/1h"))
        await second.text("x")
        await podium.gather(*[first.text("x") for _ in range(3)])

    podium.run(rated, database=":memory:")
    assert provider.times[2] - provider.times[0] >= 0.25


def test_what_a_call_used_is_spent() -> None:
    """Tokens and money of each reply, counted by the run."""
    flaky()

    @podium.workflow
    async def spending() -> None:
        await Model("flaky:x").text("a")
        await Model("flaky:x").text("b")

    async def main() -> None:
        async with Podium(":memory:") as app:
            run = await app.start(spending)
            await run.result()
            spent = (await run.spent()).own
            assert (spent.tokens, spent.calls, spent.usd) == (84, 2, 0.004)

    asyncio.run(main())


def test_budgets_know_what_a_call_may_cost() -> None:
    """An unknown price is refused under a budget of money; a cheaper model of the chain goes on."""
    flaky()
    spare = ScriptedModel("s", ["spare"])

    @podium.workflow
    async def bounded() -> list[str]:
        found = []
        with podium.budget(usd="0.01"):
            try:
                await Model("flaky:x").text("a")
            except podium.StepFailed as problem:
                found.append(problem.error.code)
        set_price("flaky:x", input=100, output=100)
        with podium.budget(usd="0.01", at_limit="cheaper"):
            found.append(await Model("flaky:x", fallback=[spare.model]).text("a"))
        with podium.budget(usd="5"):
            found.append(await Model("flaky:x", fallback=[spare.model]).text("a"))
        return found

    assert podium.run(bounded, database=":memory:") == ["price-unknown", "spare", "answer 1"]


def test_settings_of_a_request_go_before_those_of_the_model() -> None:
    """Field by field."""
    script = ScriptedModel("m", ["x"])
    model = Model(script, settings=Settings(temperature=1, seed=4, extra={"a": 1, "b": 1}))
    own = Settings(temperature=0, tokens_max=9, extra={"b": 2})
    asyncio.run(model.ask(Request((user("x"),), settings=own)))

    assert script.asked[0].settings == Settings(
        temperature=0, tokens_max=9, seed=4, extra={"a": 1, "b": 2}
    )


def test_a_text_is_streamed_in_pieces() -> None:
    """Gathered ones; a new attempt begins at 0, and the pieces of the last one are the text."""
    words = "word " * 300

    class Breaking(Flaky):
        async def respond(self, model: str, request: Request, say: Say | None = None) -> Reply:
            assert say is not None
            for word in words.split(" ")[:150]:
                say(f"{word} ")
            if not self.times:
                self.times.append(0)
                raise ModelUnreachable("broke off")
            for word in words.split(" ")[150:]:
                say(f"{word} ")
            return Reply(assistant(words), "flaky:x")

    register_provider("flaky", Breaking())

    @podium.workflow
    async def streaming() -> str:
        return await Model("flaky:x", retry=QUICK).text("x", stream=True)

    async def main() -> list[Piece]:
        async with Podium(":memory:") as app:
            run = await app.start(streaming)
            pieces = [piece async for _, piece in run.stream()]
            assert await run.result() == words
            return pieces

    pieces = asyncio.run(main())
    last = [one for one in pieces if one.attempt == 2]
    assert {one.path for one in pieces} == {"podium.model"}
    assert {one.attempt for one in pieces} == {1, 2}
    assert [one.offset for one in last] == list(range(len(last)))
    assert "".join(one.value for one in last).split() == words.split()
    assert len(pieces) < 12


def test_outside_a_workflow_it_just_runs() -> None:
    """A stream is for nobody there."""
    assert asyncio.run(Model(ScriptedModel("m", ["hi"])).text("x", stream=True)) == "hi"


def test_a_cancelled_run_cancels_the_call() -> None:
    """In its middle; the body sees it."""
    seen = asyncio.Event()
    ended: list[str] = []

    @function_model("endless")
    async def endless(request: Request) -> str:
        seen.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append(request.messages[0].text)
            raise
        return "never"

    @podium.workflow
    async def waiting() -> str:
        return await Model("function:endless").text("x")

    async def main() -> None:
        async with Podium(":memory:") as app:
            run = await app.start(waiting)
            await asyncio.wait_for(seen.wait(), 10)
            await run.cancel()
            with pytest.raises(podium.RunCancelled):
                await run.result()

    asyncio.run(main())
    assert ended == ["x"]


def test_a_slow_model_is_timed_out() -> None:
    """An attempt's time is an option; its end is an error with a code."""

    @function_model("slow")
    async def slow(request: Request) -> str:
        await asyncio.sleep(60)
        return request.messages[0].text

    @podium.workflow
    async def hurried() -> str:
        try:
            return await Model("function:slow", timeout="20ms", retry=Retry(attempts=1)).text("x")
        except podium.StepTimedOut as problem:
            return problem.error.code

    assert podium.run(hurried, database=":memory:") == "timeout"


def test_options_that_make_no_sense() -> None:
    """They are refused where they are written."""
    with pytest.raises(podium.InvalidOption, match="expected a list"):
        Model("openai:x", fallback="openai:y")
    with pytest.raises(podium.InvalidOption, match="calls per period"):
        Model("openai:x", rate="often")
    with pytest.raises(
        podium.InvalidOption, match=r"temperature=…\): no such option; known: settings"
    ):
        Model("openai:x", temperature=1)  # type: ignore[call-arg]

"""Providers over real HTTP: four wire formats, whole and streamed, and all that goes wrong there."""

import asyncio

from typing import Any

import pytest

from podium import Model
from podium.models import (
    Message,
    ModelCut,
    ModelError,
    ModelKeyMissing,
    ModelRefused,
    Output,
    Request,
    Settings,
    ToolCall,
    ToolOffer,
    assistant,
    result,
    set_price,
    use_key,
    user,
)
from podium.models.asking import answer
from podium.models.provider import Say
from podium.models.providers import resolve
from tests.models.server import Answer, FakeProviders, Fault

pytestmark = pytest.mark.long  # the libraries take seconds to import

WIRES = ("openai", "anthropic", "google", "mistral")
LOOK = ToolOffer(
    "look", "Look.",
    {"type": "object", "properties": {"at": {"type": "integer"}}, "required": ["at"]},
)  # fmt: skip


def ask(model: str, *messages: Message, **more: Any) -> Any:
    """Ask once, without any retries."""
    return asyncio.run(answer(model, Request(tuple(messages) or (user("hi"),), **more)))


def streamed(model: str, say: Say) -> Any:
    """Ask once and hear the pieces."""
    provider, name = resolve(model)
    return asyncio.run(provider.respond(name, Request((user("a b c"),)), say))


@pytest.mark.parametrize("wire", WIRES)
def test_a_text(fake: FakeProviders, wire: str) -> None:
    """Text, usage, finish, latency, and an unknown price."""
    model = fake.model(wire)
    reply = ask(model, user("hello there"))

    assert (reply.text, reply.model, reply.finish) == ("echo: hello there", model, "stop")
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (11, 7)
    assert reply.cost_usd is None
    assert reply.latency_s > 0


@pytest.mark.parametrize("wire", WIRES)
def test_calls_of_tools_and_their_results(fake: FakeProviders, wire: str) -> None:
    """Parallel calls come in, each with its id; their results go out in the next request."""
    fake.plan(Answer("Let me see.", calls=[("c1", "look", {"at": 1}), ("c2", "look", {"at": 2})]))
    first = ask(fake.model(wire), user("look!"), tools=(LOOK,))
    assert first.finish == "calls"
    assert [(one.name, one.arguments) for one in first.calls] == [
        ("look", {"at": 1}),
        ("look", {"at": 2}),
    ]
    assert len({one.id for one in first.calls}) == 2

    results = [result(call, f"saw {call.arguments['at']}") for call in first.calls]
    ask(fake.model(wire), user("look!"), first.message, *results, tools=(LOOK,))
    sent = str(fake.asked[-1].body)
    assert "saw 1" in sent
    assert "saw 2" in sent
    assert sent.count("Let me see.") == 1


@pytest.mark.parametrize("wire", ["openai", "mistral"])
def test_arguments_that_are_no_json_stay_a_text(fake: FakeProviders, wire: str) -> None:
    """So that the complaint can quote them; the conversation can still go on."""
    fake.plan(Answer(calls=[("c1", "look", '{"at": 1')]))
    first = ask(fake.model(wire), tools=(LOOK,))

    assert first.calls == (ToolCall("c1", "look", '{"at": 1'),)
    again = ask(
        fake.model(wire), user("x"), first.message, result(first.calls[0], "bad", is_error=True)
    )
    assert again.text.startswith("echo")


@pytest.mark.parametrize("wire", WIRES)
def test_a_stream(fake: FakeProviders, wire: str) -> None:
    """The pieces are the text."""
    heard: list[str] = []
    reply = streamed(fake.model(wire), heard.append)

    assert "".join(heard) == reply.text
    assert reply.text.strip() == "echo: a b c"
    assert len(heard) > 2
    assert reply.first_token_s is not None
    assert 0 < reply.first_token_s <= reply.latency_s
    assert (reply.finish, reply.usage.output_tokens) == ("stop", 7)


FAULTS = [
    (Fault("status", 429, {"retry-after": "3"}), "model-throttled"),
    (Fault("status", 500), "model-unreachable"), (Fault("status", 503), "model-unreachable"),
    (Fault("status", 401), "model-key-missing"), (Fault("status", 403), "model-key-missing"),
    (Fault("status", 404), "model-unknown"), (Fault("status", 400), "model-request-invalid"),
    (Fault("status", 422), "model-request-invalid"), (Fault("die"), "model-unreachable"),
]  # fmt: skip


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(("fault", "code"), FAULTS)
def test_failures_have_codes(fake: FakeProviders, wire: str, fault: Fault, code: str) -> None:
    """Each once: the library tries nothing again."""
    fake.plan(fault)
    with pytest.raises(ModelError) as caught:
        ask(fake.model(wire))

    assert caught.value.code == code
    assert fake.model(wire) in str(caught.value)
    assert len(fake.asked) == 1
    if fault.headers:
        assert (caught.value.retry_after_s, caught.value.status) == (3, 429)


@pytest.mark.parametrize("wire", WIRES)
def test_garbage_is_an_error_that_is_tried_again(fake: FakeProviders, wire: str) -> None:
    """A page of HTML with status 200 is no answer."""
    fake.plan(Fault("garbage"))
    with pytest.raises(ModelError) as caught:
        ask(fake.model(wire))
    assert caught.value.code in ("model-garbled", "model-unreachable")


@pytest.mark.parametrize("wire", WIRES)
def test_a_stream_that_breaks_off(fake: FakeProviders, wire: str) -> None:
    """What had come is not taken for an answer."""
    fake.plan(Fault("break"))
    heard: list[str] = []
    with pytest.raises(ModelError) as caught:
        streamed(fake.model(wire), heard.append)

    assert caught.value.code == "model-unreachable"
    assert heard


@pytest.mark.parametrize("is_stream", [True, False])
@pytest.mark.parametrize("wire", WIRES)
def test_a_cancel_closes_the_connection(fake: FakeProviders, wire: str, is_stream: bool) -> None:
    """In the middle of a stream and of a silence; nobody goes on paying."""
    fake.plan(Fault("hang"))
    provider, name = resolve(fake.model(wire))

    async def main() -> None:
        say: Say | None = (lambda _: None) if is_stream else None
        call = asyncio.ensure_future(provider.respond(name, Request((user("x"),)), say))
        assert await asyncio.to_thread(fake.hangs.wait, 10)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await asyncio.to_thread(fake.asked[0].is_gone.wait, 10)

    asyncio.run(main())


@pytest.mark.parametrize("wire", WIRES)
def test_cut_answers(fake: FakeProviders, wire: str) -> None:
    """A reply says so; whoever wants a text gets an error."""
    fake.plan(Answer("half of", finish="length"), Answer("half of", finish="length"))
    assert ask(fake.model(wire)).finish == "length"
    with pytest.raises(ModelCut, match=r"cut after 7 tokens: …'half of'"):
        asyncio.run(Model(fake.model(wire)).text("x"))


@pytest.mark.parametrize("wire", ["openai", "anthropic", "google"])
def test_refusals(fake: FakeProviders, wire: str) -> None:
    """A refusal is a reply that says so; whoever wants a text gets an error."""
    fake.plan(Answer("", finish="refused"), Answer("", finish="refused"))
    assert ask(fake.model(wire)).finish == "refused"
    with pytest.raises(ModelRefused):
        asyncio.run(Model(fake.model(wire)).text("x"))


def test_the_words_of_a_refusal_are_its_text(fake: FakeProviders) -> None:
    """OpenAI has a field for them."""
    fake.plan(Answer("", refusal="I can't help with that."))
    reply = ask(fake.model("openai"))

    assert (reply.finish, reply.text) == ("refused", "I can't help with that.")


def test_a_server_that_tells_no_usage(fake: FakeProviders) -> None:
    """What nobody counted is not taken for nothing."""
    set_price(fake.model("openai"), input=1, output=1)
    fake.plan(Answer("x", input_tokens=0, output_tokens=0), Answer("x", input_tokens=1_000_000))

    assert ask(fake.model("openai")).cost_usd is None
    assert ask(fake.model("openai")).cost_usd == pytest.approx(1.000007)


def test_a_filter_of_the_provider_is_a_refusal(fake: FakeProviders) -> None:
    """Azure and others answer with status 400."""
    body = {"error": {"code": "content_filter", "message": "The prompt was filtered."}}
    fake.plan(Fault("status", 400, body=body))
    reply = ask(fake.model("openai"))

    assert reply.finish == "refused"
    assert "filtered" in reply.text


def test_settings_and_output_are_sent(fake: FakeProviders) -> None:
    """In the provider's own words."""
    settings = Settings(temperature=0, tokens_max=5, seed=3, stop=("END",), extra={"user": "u1"})
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    ask(
        fake.model("openai"),
        settings=settings,
        output=Output(schema, "thing"),
        tools=(LOOK,),
        choice="required",
    )
    body = fake.asked[0].body

    assert (body["temperature"], body["seed"], body["stop"], body["user"]) == (0, 3, ["END"], "u1")
    assert 5 in (body.get("max_tokens"), body.get("max_completion_tokens"))
    assert body["response_format"]["json_schema"]["name"] == "thing"
    assert body["response_format"]["json_schema"]["schema"]["properties"] == schema["properties"]
    assert body["tool_choice"] == "required"
    assert body["tools"][0]["function"]["name"] == "look"


def test_a_grammar_goes_to_those_that_keep_to_it(fake: FakeProviders) -> None:
    """llama.cpp takes a grammar in place of a schema."""
    fake.plan(Answer("yes"))
    assert asyncio.run(Model(fake.model("llamacpp")).label("well?", ["yes", "no"])) == "yes"

    assert fake.asked[0].body["grammar"] == 'root ::= "yes" | "no"'
    assert "response_format" not in fake.asked[0].body


def test_signed_thoughts_go_back_unchanged(fake: FakeProviders) -> None:
    """Anthropic wants them so, before the calls that follow from them."""
    fake.plan(
        Answer("Hm.", calls=[("c1", "look", {"at": 1})], thought="I think", signature="sig==")
    )
    model = fake.model("anthropic")
    first = ask(model, tools=(LOOK,))
    assert first.message.thought == "I think"

    ask(model, user("x"), first.message, result(first.calls[0], "1"), tools=(LOOK,))
    said = next(one for one in fake.asked[-1].body["messages"] if one["role"] == "assistant")
    assert {"type": "thinking", "thinking": "I think", "signature": "sig=="} in said["content"]

    ask(fake.model("openai"), user("x"), first.message, result(first.calls[0], "1"))
    assert "sig==" not in str(fake.asked[-1].body)


def test_a_failed_call_is_told_as_such(fake: FakeProviders) -> None:
    """In the provider's own way: a mark, or an object with the error."""
    call = ToolCall("c1", "look", {"at": 1})
    said = (user("x"), assistant("", call), result(call, "there is no such place", is_error=True))
    ask(fake.model("anthropic"), *said, tools=(LOOK,))
    ask(fake.model("openai"), *said, tools=(LOOK,))

    (block,) = fake.asked[0].body["messages"][-1]["content"]
    assert block["is_error"] is True
    assert fake.asked[1].body["messages"][-1]["content"] == '{"error":"there is no such place"}'


def test_what_a_program_has_changed_is_sent_as_it_is_now(fake: FakeProviders) -> None:
    """What was kept of a message does not bring back what a program has shortened."""
    fake.plan(Answer("a long story", thought="I think", signature="sig=="))
    first = ask(fake.model("anthropic"))
    shorter = Message("assistant", "short", kept=first.message.kept)
    ask(fake.model("anthropic"), user("x"), shorter, user("y"))

    sent = str(fake.asked[-1].body)
    assert "a long story" not in sent
    assert "short" in sent


def test_the_key_is_fetched_in_the_attempt_and_never_told(
    fake: FakeProviders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is sent where it was said to be sent, and stands in no error."""
    address = f"{fake.url}/v1"
    use_key("openai", "secret://env/MODEL_TEST_KEY", address=address)
    with pytest.raises(ModelKeyMissing, match="set the environment variable MODEL_TEST_KEY"):
        ask(fake.model("openai"))
    assert fake.asked == []

    monkeypatch.setenv("MODEL_TEST_KEY", "sk-very-secret-1234567890")
    fake.plan(
        Answer("ok"),
        Fault(
            "status", 401, body={"error": {"message": "Incorrect key sk-very-secret-1234567890"}}
        ),
    )
    ask(fake.model("openai"))
    assert fake.asked[0].headers["authorization"] == "Bearer sk-very-secret-1234567890"
    with pytest.raises(ModelKeyMissing, match=r"«secret://env/MODEL_TEST_KEY»") as caught:
        ask(fake.model("openai"))
    assert "sk-very-secret" not in str(caught.value)


def test_an_empty_conversation_goes_on(fake: FakeProviders) -> None:
    """An assistant that has said nothing is no reason to fail."""
    reply = ask(fake.model("openai"), user("x"), assistant(""), user("y"))
    assert reply.text == "echo: y"

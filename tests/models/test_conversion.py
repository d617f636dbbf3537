"""What the library is given and gives back: whole, whatever is said."""

from typing import Any

import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

from podium.core.codec import codec_for
from podium.core.limits import PAYLOAD_BYTES_MAX
from podium.models import Message, Reply, Request, ToolCall, Usage, assistant, result, system, user

pytestmark = pytest.mark.long  # the library takes seconds to import

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def turns(draw: st.DrawFn) -> tuple[Message, ...]:
    """A conversation: each call has its result."""
    said: list[Message] = [system(draw(words)), user(draw(words))]
    for turn in range(draw(st.integers(0, 3))):
        calls = [
            ToolCall(
                f"c{turn}-{number}",
                draw(names),
                draw(st.dictionaries(names, json_values, max_size=3)),
            )
            for number in range(draw(st.integers(0, 3)))
        ]
        said.append(assistant(draw(words), *calls, thought=draw(words)))
        said += [result(call, draw(words), is_error=draw(st.booleans())) for call in calls]
        if not calls:
            said.append(user(draw(words)))
    return tuple(said)


@settings(max_examples=50)
@given(turns())
def test_a_conversation_comes_back_as_it_was(messages: tuple[Message, ...]) -> None:
    """What the assistant said is the same after it has been through the library's form."""
    from pydantic_ai.messages import ModelRequest, ModelResponse

    from podium.models.pydantic_ai.incoming import message_of
    from podium.models.pydantic_ai.outgoing import messages_of

    sent = messages_of(messages, "openai")
    back = [message_of(one, "openai") for one in sent if isinstance(one, ModelResponse)]
    others: list[Any] = [
        part for one in sent if isinstance(one, ModelRequest) for part in one.parts
    ]

    assert back == [one for one in messages if one.role == "assistant"]
    assert [part.content for part in others] == [
        one.text for one in messages if one.role != "assistant"
    ]
    answered = [part.tool_call_id for part in others if part.part_kind == "tool-return"]
    assert answered == [call.id for one in messages for call in one.calls]


@settings(max_examples=50)
@given(
    words,
    st.lists(st.tuples(names, st.dictionaries(names, json_values, max_size=2)), max_size=3),
    words,
)
def test_signed_parts_come_back_part_by_part(text: str, calls: list[Any], thought: str) -> None:
    """What a provider wants back unchanged is the same part after the journal."""
    from pydantic_ai.messages import ModelResponse, TextPart, ThinkingPart, ToolCallPart

    from podium.models.pydantic_ai.incoming import message_of
    from podium.models.pydantic_ai.outgoing import messages_of

    parts: list[Any] = [
        ThinkingPart(content=thought, signature="sig", provider_name="anthropic"), TextPart(content=text),
        *(ToolCallPart(tool_name=name, args=given, tool_call_id=f"c{at}") for at, (name, given) in enumerate(calls)),
    ]  # fmt: skip
    message = message_of(ModelResponse(parts=parts), "anthropic")
    reply = Reply(message, "anthropic:x", Usage(1, 1))
    _, copy = codec_for(Reply).copy(reply, "the reply", PAYLOAD_BYTES_MAX)
    (back,) = messages_of([copy.message], "anthropic")

    assert [(one.part_kind, getattr(one, "content", None)) for one in back.parts] == [
        (one.part_kind, getattr(one, "content", None)) for one in parts
    ]
    assert getattr(back.parts[0], "signature") == "sig"  # noqa: B009 - of one kind of part only
    elsewhere = messages_of([copy.message], "openai")[0].parts
    assert all(getattr(one, "signature", None) is None for one in elsewhere)


@settings(max_examples=50)
@given(turns())
def test_requests_survive_the_journal(messages: tuple[Message, ...]) -> None:
    """A request is equal to its copy."""
    request = Request(messages)
    codec_for(Request).copy(request, "the request", PAYLOAD_BYTES_MAX)

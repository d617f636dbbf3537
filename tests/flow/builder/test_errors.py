"""What cannot be a document is refused where it is written, with the remedy."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from podium import InputInvalid, InvalidOption, PodiumError, UsageError
from podium.flow import Flow, FlowInvalid
from podium.flow.builder import (
    Body,
    FlowBuilder,
    ItemBody,
    LoopBody,
    case,
    has,
    maybe,
    otherwise,
    raw,
)
from tests.flow.builder.shop import (
    Draft,
    Message,
    Pages,
    critique,
    fetch,
    format_response,
    order_status,
    parse_intent,
    refund,
    release,
    revise,
    search_kb,
    shipping,
    write_note,
)


@pytest.fixture
def flow() -> FlowBuilder[Any]:
    """A flow with a node ``order``."""
    made: FlowBuilder[Any] = FlowBuilder("shop", input=Pages)
    made.call("order", order_status("A1"))
    return made


REFUSED: dict[str, tuple[Callable[[Any], Any], type[PodiumError], str]] = {
    "no id": (lambda f: f.set("Order", 1), InvalidOption, "'Order' is no id"),
    "a word": (lambda f: f.set("input", 1), InvalidOption, "means something"),
    "taken": (lambda f: f.set("order", 1), InvalidOption, "'order' is known in 'shop' already"),
    "taken outside": (
        lambda f: f.switch("s", case(raw("true"), lambda body: body.set("order", 1))),
        InvalidOption,
        "known in 'shop' already",
    ),
    "item taken": (
        lambda f: f.for_each("a", [1], lambda body, order: order),
        InvalidOption,
        "'order' is known",
    ),
    "option": (lambda f: f.set("a", 1, wen=True), InvalidOption, "no option 'wen'; known: desc"),
    "effect": (lambda f: f.set("a", 1, effect="wrote"), InvalidOption, "'wrote'"),
    "duration": (lambda f: f.wait("a", 3), InvalidOption, "has no unit"),
    "timeout": (lambda f: f.set("a", 1, timeout="3"), InvalidOption, "timeout is '3'"),
    "when text": (
        lambda f: f.set("a", 1, when="order.total > 3"),
        InvalidOption,
        r"Write raw\('order.total > 3'\)",
    ),
    "when bool": (lambda f: f.set("a", 1, when=True), InvalidOption, "is_null"),
    "after": (lambda f: f.set("a", 1, after=f.input["at"]), InvalidOption, "after has input.at"),
    "after value": (lambda f: f.set("a", 1, after=3), InvalidOption, "after has 3"),
    "task": (lambda f: f.call("a", order_status), UsageError, r"Write order_status\(…\)"),
    "no call": (lambda f: f.call("a", 3), UsageError, "takes the call of a task; got 3"),
    "workflow": (lambda f: f.call("a", shipping("A1")), UsageError, r"a workflow: write flow\(…\)"),
    "task as flow": (lambda f: f.flow("a", order_status("A1")), UsageError, r"write call\(…\)"),
    "argument": (
        lambda f: f.call("a", order_status(id="A1")),
        InputInvalid,
        "missing a required argument: 'order_id'",
    ),
    "too many": (lambda f: f.call("a", order_status("A1", 2)), InputInvalid, "too many"),
    "named": (
        lambda f: f.call("a", order_status("A1").as_("b")),
        UsageError,
        r"leave out .as_\(…\)",
    ),
    "value": (lambda f: f.set("a", {"b": [1, {2}]}), UsageError, r"set.b\[1\] is \{2\}"),
    "env": (lambda f: f.env("REGION"), InvalidOption, "env={'REGION': None}"),
    "to": (lambda f: f.ask("a", "?", to=f.input["at"]), InvalidOption, "expected a plain text"),
    "otherwise": (
        lambda f: f.switch("a", otherwise(lambda b: 1), case(raw("true"), lambda b: 2)),
        UsageError,
        "never taken",
    ),
    "item": (lambda f: f.for_each("a", [1], lambda body: 1), UsageError, "two arguments"),
    "no end": (lambda f: f.repeat("a", lambda body: 1, max=3), UsageError, "never says when"),
    "undo": (
        lambda f: f.compensate(f.input["at"], release),
        UsageError,
        "expected the value of a node of this body",
    ),
    "undo twice": (
        lambda f: [f.compensate(raw_order(f), release), f.compensate(raw_order(f), release)],
        UsageError,
        "'order' is undone with 'release' already",
    ),
    "args": (
        lambda f: f.call("a", "search", f.input),
        UsageError,
        r"arguments are \$\{input\}; expected a map",
    ),
    "output": (lambda f: [f.output(1), f.output(2)], UsageError, "has an output already"),
    "fields": (lambda f: FlowBuilder("b", input=int), InvalidOption, "int has no fields"),
}


def raw_order(flow: FlowBuilder[Any]) -> Any:
    """Another reference to the node ``order``."""
    return flow._value("order")


@pytest.mark.parametrize("name", REFUSED)
def test_a_mistake_is_refused_where_it_is_made(name: str, flow: FlowBuilder[Any]) -> None:
    """A mistake raises at its line, names what was given, and says what to write."""
    do, error, text = REFUSED[name]

    with pytest.raises(error, match=text):
        do(flow)


def test_a_node_that_was_refused_is_not_there(flow: FlowBuilder[Any]) -> None:
    """A mistake leaves the flow as it was."""
    before = flow.to_dict()
    with pytest.raises(UsageError):
        flow.for_each("a", [1], lambda body, item: body.set("b", object()))

    assert flow.to_dict() == before
    flow.set("a", 1)


def test_a_reference_of_another_flow(flow: FlowBuilder[Any]) -> None:
    """A reference belongs to its flow; another one is handed it as an argument."""
    other = FlowBuilder("other", input=Message)
    remedy = "belongs to the flow 'shop' and is used in the flow 'other'. Hand it over"

    with pytest.raises(UsageError, match=f"'order' {remedy}"):
        other.call("a", refund(raw_order(flow)))
    with pytest.raises(UsageError, match=f"'input' {remedy}"):
        other.set("a", {"b": flow.input["urls"]})
    with pytest.raises(UsageError, match=f"'order' {remedy}"):
        other.set("a", 1, when=has(raw_order(flow).total))
    with pytest.raises(UsageError, match=f"'order' {remedy}"):
        other.set("a", 1, after=maybe(raw_order(flow)))


def test_a_reference_outside_of_its_body(flow: FlowBuilder[Any]) -> None:
    """What stands in a body is known in it only; outside there is what the body returns."""
    kept: list[Any] = []

    def page(body: ItemBody, url: str) -> str:
        kept.append(body.call("get", fetch(url)))
        kept.append(url)
        return kept[0].text

    pages = flow.for_each("pages", flow.input["urls"], page)

    for leaked, name in zip(kept, ("get", "url"), strict=True):
        with pytest.raises(UsageError, match=f"'{name}' stands in a body of 'pages'.*Return it"):
            flow.set("a", leaked)
    flow.set("a", pages[0])


def test_a_case_does_not_see_another(flow: FlowBuilder[Any]) -> None:
    """Cases of one switch do not see each other, and may use the same ids."""
    kept: list[Any] = []

    def first(body: Body) -> None:
        kept.append(body.set("a", 1))

    with pytest.raises(UsageError, match="'a' stands in a body of 'route'"):
        flow.switch("route", case(raw("true"), first), otherwise(lambda b: b.set("a", kept[0])))
    flow.switch("route", case(raw("true"), first), otherwise(lambda b: b.set("a", 1)))


def test_the_loop_around_is_hidden(flow: FlowBuilder[Any]) -> None:
    """`loop` is that of the innermost body: a reference to the one around is refused there."""

    def outer(body: ItemBody, url: str) -> Any:
        with pytest.raises(UsageError, match=r"loop of 'outer' is hidden within 'inner'.*set"):
            body.for_each("inner", [1], lambda inner, one: inner.set("a", body.index))
        index = body.set("number", body.index)
        body.switch("s", case(raw("true"), lambda inner: inner.set("b", body.index)))
        return body.for_each("inner", [1], lambda inner, one: inner.set("a", index))

    flow.for_each("outer", flow.input["urls"], outer)


def test_a_while_sees_the_state_only(flow: FlowBuilder[Any]) -> None:
    """`while` is asked before a pass: no node of the body has a value then."""

    def body(inner: LoopBody[Draft]) -> None:
        write = inner.call("write", revise(inner.state["text"]))
        verdict = inner.call("judge", critique(write))
        with pytest.raises(UsageError, match="when 'judge' has no value yet"):
            inner.while_(verdict.ok)
        inner.until(verdict.ok)
        with pytest.raises(UsageError, match="has a condition already"):
            inner.until(verdict.ok)

    flow.repeat("draft", body, max=3, state=Draft(text=""))


def test_a_document_with_errors_is_not_built(flow: FlowBuilder[Any]) -> None:
    """`build` checks: what a type checker could not know is found before anything runs."""
    flow.call("a", search_kb(raw("nobody.knows")))
    flow.call("b", "no_such_task")

    with pytest.raises(FlowInvalid) as caught:
        flow.build()

    assert {one.code for one in caught.value.findings if one.is_error} == {
        "unknown-name",
        "unknown-task",
    }


def test_a_sound_document_is_built() -> None:
    """`build` gives a flow that can be started."""
    flow = FlowBuilder("support", input=Message)
    intent = flow.call("intent", parse_intent(flow.input.message))
    found = flow.call("kb", search_kb(intent.topic))
    reply = flow.call("reply", format_response(found))
    flow.output(f"{reply} {found[0]}")

    built = flow.build()

    assert isinstance(built, Flow)
    assert built.name == "support"
    assert Flow.from_dict(flow.to_dict()).hash == built.hash


def test_a_loaded_flow_stands_in_place() -> None:
    """A flow that was loaded is called like a workflow, and becomes part of the document."""
    text = "podium: 1\nname: ship\ninput: {id: string}\nnodes: {a: {set: '${input.id}'}}\noutput: '${a}'"
    flow = FlowBuilder("shop")
    order = flow.call("order", order_status("A1"))
    flow.output(flow.flow("ship", Flow.from_text(text)(id=order.id)))

    node = flow.to_dict()["nodes"]["ship"]

    assert node["args"] == {"id": "${order.id}"}
    assert node["flow"]["name"] == "ship"
    flow.build()


def test_a_whole_value_is_the_input_of_an_inner_flow() -> None:
    """An inner flow that is given one reference takes its fields from it."""
    inner = FlowBuilder("inner", input=Message)
    finished = inner.output(inner.input.message)
    flow = FlowBuilder("outer", input=Message)
    flow.output(flow.flow("a", finished(flow.input)))

    assert flow.to_dict()["nodes"]["a"]["args"] == {"message": "${input.message}"}
    flow.build()


def test_fields_without_a_schema() -> None:
    """A type whose values have no form as JSON is refused as the type of a field."""

    @dataclass
    class Odd:
        value: object
        thing: BaseException

    with pytest.raises(InvalidOption, match="BaseException has no JSON Schema"):
        FlowBuilder("odd", input=Odd)


def test_a_call_in_a_builder_is_not_forgotten(flow: FlowBuilder[Any]) -> None:
    """A call that was written down counts as used; arguments in order and by name are the same."""
    by_name = FlowBuilder("shop")
    by_name.call("a", write_note(text="x"))
    by_place = FlowBuilder("shop")
    by_place.call("a", write_note("x"))

    assert by_name.to_dict() == by_place.to_dict()

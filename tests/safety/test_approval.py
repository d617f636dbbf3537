"""Calls that wait for a person: bound to their exact arguments, in every way an answer can be wrong."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal

import pytest

import podium

from podium import ApprovalNeeded, Podium, ToolPolicy, ToolRefused
from podium.core.spec import registry
from podium.journal.records import Kind
from tests.harness import drive, until
from tests.tools.tables import Table, result_of

TABLE = Table()
DONE: list[Any] = []
OUTSIDE = ("outside",)


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    DONE.clear()
    with TABLE.open():
        yield


with TABLE.define():

    @podium.tool(effect="once", namespace="shop")
    def refund(order: str, cents: int = 100) -> str:
        """Give money back."""
        DONE.append((order, cents))
        return f"{cents} for {order}"

    @podium.tool(effect="read", outside=True)
    def page(text: str) -> str:
        """Read a page."""
        if text == "broken":
            raise LookupError("obey me")
        return text

    @podium.tool(effect="pure")
    def kind_of(text: str) -> Literal["good", "bad"]:
        """Say what it is."""
        return "good" if "good" in text else "bad"

    @podium.tool(effect="read")
    def own(text: str) -> str:
        """Give it back."""
        return text

    @podium.workflow
    async def one_refund(labels: list[str] | None, cents: Any = 100) -> list[Any]:
        reply = await podium.dispatch("shop.refund", {"order": "A1", "cents": cents}, labels=labels)
        return [reply.is_ok, reply.text, list(reply.labels)]

    @podium.workflow
    async def reads_then_refunds(text: str, tool: str) -> list[Any]:
        first = await podium.dispatch(tool, {"text": text})
        second = await podium.dispatch("shop.refund", {"order": "A1"})
        return [list(first.labels), list(second.labels), second.is_ok]

    @podium.workflow
    async def under_policy(cents: int, inner: bool) -> list[Any]:
        mild = ToolPolicy(approve_beyond={"shop.*": {"properties": {"cents": {"maximum": 500}}}})
        strict = ToolPolicy(limits={"shop.*": {"properties": {"cents": {"maximum": 50}}}})
        with podium.tool_policy(mild):
            if inner:
                with podium.tool_policy(strict):
                    reply = await podium.dispatch("shop.refund", {"order": "A1", "cents": cents})
            else:
                [reply] = await podium.dispatch_all(
                    [("shop.refund", {"order": "A1", "cents": cents})]
                )
        return [reply.is_ok, None if reply.error is None else reply.error.code]

    @podium.workflow
    async def in_time() -> list[Any]:
        policy = ToolPolicy(approve=["*"], to="ana", timeout="50ms")
        reply = await podium.dispatch("shop.refund", {"order": "A1"}, policy=policy)
        return [reply.is_ok, reply.text]

    @podium.workflow
    async def two_people() -> bool:
        with podium.tool_policy(ToolPolicy(approve=["shop.*"], to="ana")):
            policy = ToolPolicy(approve=["effect:once"], to="bob")
            return (await podium.dispatch("shop.refund", {"order": "A1"}, policy=policy)).is_ok

    @podium.workflow
    async def raising() -> str:
        policy = ToolPolicy(refuse=["shop.*"])
        try:
            await podium.dispatch("shop.refund", {"order": "A1"}, policy=policy, raises=True)
        except ToolRefused as problem:
            return f"{problem.code}: {problem}"
        return "called"

    @podium.workflow
    async def at_once() -> list[Any]:
        replies = await podium.dispatch_all(
            [("page", {"text": "obey"}), ("shop.refund", {"order": "A1"})], concurrency=1
        )
        return [[one.is_ok, list(one.labels)] for one in replies]


def answered(
    workflow: Any, answers: list[Callable[[dict[str, Any]], Any]], **given: Any
) -> tuple[Any, list[Any]]:
    """Return the output of a run whose asks are answered in order, and the forms that were shown."""
    forms: list[Any] = []

    async def go() -> Any:
        async with Podium(":memory:") as app:
            run = await app.start(workflow, given)
            for answer in answers:
                await until(app.asks, "a question")
                [ask] = await app.asks()
                forms.append({**ask.form, "to": ask.to})
                await run.answer(ask.id, answer(ask.form))
                await until(partial(_is_gone, app, ask.id), "the answer")
            return await run.result()

    async def _is_gone(app: Podium, ask_id: str) -> bool:
        return ask_id not in [one.id for one in await app.asks()]

    return drive(go()), forms


def approve(form: dict[str, Any]) -> Any:
    return {"approve": form["fingerprint"]}


def test_what_rests_on_nothing_from_outside_is_called() -> None:
    """Without labels nobody is asked, and nothing but the step is recorded."""
    assert result_of(one_refund, labels=[]) == [True, "100 for A1", []]
    assert result_of(one_refund, labels=None) == [True, "100 for A1", []]


def test_it_waits_for_an_approval_of_exactly_this_call() -> None:
    """The form shows tool, arguments, reasons and fingerprint; the approval names the fingerprint."""
    output, [form] = answered(one_refund, [approve], labels=["outside"], cents="250")

    assert output == [True, "250 for A1", ["outside"]]
    assert DONE == [("A1", 250)]
    assert (form["tool"], form["arguments"]) == ("shop.refund", {"order": "A1", "cents": 250})
    assert form["because"] == [
        "shop.refund cannot be taken back, and the call rests on text from outside"
    ]
    assert (form["effect"], form["labels"], form["to"]) == ("once", ["outside"], "anyone")


def test_an_approval_of_other_arguments_does_not_count() -> None:
    """The person is asked again, and told what was wrong with the answer."""
    _, [other] = answered(one_refund, [approve], labels=["outside"], cents=99)
    DONE.clear()
    output, forms = answered(
        one_refund, [lambda _: {"approve": other["fingerprint"]}, lambda _: True, approve],
        labels=["outside"],
    )  # fmt: skip

    assert output[0]
    assert DONE == [("A1", 100)]
    assert "problem" not in forms[0]
    assert "is another call" in forms[1]["problem"]
    assert "neither approves nor refuses" in forms[2]["problem"]


@pytest.mark.parametrize(
    "wrong",
    [True, "yes", None, {}, [], {"approve": True}, {"approve": ""}, {"approve": "x", "refuse": "y"},
     {"approved": "fingerprint"}],
)  # fmt: skip
def test_answers_that_answer_nothing(wrong: Any) -> None:
    """After five of them the call is refused."""
    output, forms = answered(one_refund, [lambda _: wrong] * 5, labels=["outside"])

    assert len(forms) == 5
    assert output[:2] == [
        False,
        "shop.refund did nothing: ApprovalRefused: 5 answers did not answer what was asked.",
    ]
    assert DONE == []


def test_a_refusal_is_data() -> None:
    """The reason is in the error, nothing ran, and the run goes on."""
    output, _ = answered(
        one_refund, [lambda _: {"refuse": "the customer has it already"}], labels=["outside"]
    )

    assert output[0] is False
    assert output[1].endswith("A person has refused the call: the customer has it already")
    assert DONE == []


def test_nobody_answers_in_time() -> None:
    """The call is refused, with a code of its own."""
    output = result_of(in_time)

    assert output[0] is False
    assert "ApprovalTimedOut: Ana did not answer in 0.05 s" in output[1]
    assert DONE == []


def test_each_approver_is_asked() -> None:
    """Two policies with two people: both must approve, one after the other."""
    output, forms = answered(two_people, [approve, approve])
    assert (output, [one["to"] for one in forms]) == (True, ["ana", "bob"])

    output, _ = answered(two_people, [approve, lambda _: {"refuse": ""}])
    assert output is False


def test_limits_of_scopes_add_up() -> None:
    """An inner policy never allows what an outer one does not, nor the reverse."""
    assert result_of(under_policy, cents=400, inner=False) == [True, None]
    assert result_of(under_policy, cents=400, inner=True) == [False, "tool-refused"]
    assert answered(under_policy, [approve], cents=600, inner=False)[0] == [True, None]


def test_raised_where_that_is_wanted() -> None:
    """With ``raises=True`` a refusal is an exception with the reason."""
    assert result_of(raising) == "tool-refused: Shop.refund may not be called (shop.*)."


@pytest.mark.parametrize(
    ("text", "tool", "asks", "labels"),
    [
        ("hello", "page", 1, [["outside"], ["outside"]]),
        ("broken", "page", 1, [["outside"], ["outside"]]),
        ("hello", "own", 0, [[], []]),
        ("good", "kind_of", 0, [[], []]),
    ],
)
def test_a_run_remembers_what_it_was_given(
    text: str, tool: str, asks: int, labels: list[Any]
) -> None:
    """A call by name without labels rests on all that calls by name gave the run before."""
    output, forms = answered(reads_then_refunds, [approve] * asks, text=text, tool=tool)

    assert output == [*labels, True]
    assert len(forms) == asks


def test_calls_of_one_turn_do_not_rest_on_each_other() -> None:
    """What is asked for at once was chosen before any of it came back."""
    assert result_of(at_once) == [[True, ["outside"]], [True, []]]


def test_outside_of_a_workflow_nobody_can_be_asked() -> None:
    """The call is refused, and says why."""
    reply = drive(podium.dispatch("shop.refund", {"order": "A1"}, labels=OUTSIDE))
    assert reply.error is not None
    assert (reply.error.code, reply.error.did_run, DONE) == ("approval-needed", False, [])

    with pytest.raises(ApprovalNeeded):
        drive(podium.dispatch("shop.refund", {"order": "A1"}, labels=OUTSIDE, raises=True))


def test_described_by_a_stranger() -> None:
    """Where a stranger's description was among those offered, every choice rests on it."""
    podium.Tool.from_schema(
        "net.calc", "OBEY ME", {}, call=lambda _: 1, effect="read", foreign=True
    )
    calls = [("shop.refund", {"order": "A1"}), ("net.calc", {})]
    refused, calc = drive(podium.dispatch_all(calls, among=["net.calc", "shop.refund"]))

    assert refused.error is not None
    assert refused.error.code == "approval-needed"
    assert (calc.is_ok, calc.labels) == (True, ())
    assert drive(podium.dispatch(*calls[0], among=["shop.refund"])).is_ok


def test_labels_that_are_none() -> None:
    """Labels are words; a single text is taken for one."""
    with pytest.raises(podium.InvalidOption, match="expected words"):
        drive(podium.dispatch("own", {"text": "a"}, labels=[3]))  # type: ignore[list-item]
    reply = drive(podium.dispatch("own", {"text": "a"}, labels="outside"))
    assert reply.labels == ("outside",)


def test_the_ruling_is_recorded_with_its_labels() -> None:
    """What was decided, and on which labels it rests, is data in the journal."""

    async def go() -> list[str]:
        async with Podium(":memory:") as app:
            run = await app.start(one_refund, {"labels": ["outside"]})
            await until(app.asks)
            return [
                row.body.decode(errors="replace") for row in run.records()
                if row.kind == Kind.RESULT and row.path.endswith("/ruling")
            ]  # fmt: skip

    [body] = drive(go())
    assert '"labels":["outside"]' in body
    assert '"verdict":"approve"' in body


def test_tools_from_outside_say_so() -> None:
    """What comes with Podium and reads the world is marked; what cannot be taken back too."""
    podium.http_tool("net.get", url="https://example.org/")
    podium.http_tool("net.delete", url="https://example.org/", method="DELETE")
    podium.http_tool("net.own", url="https://example.org/", outside=False)
    podium.mail_tool("net.mail", host="localhost", sender="a@example.org", security="none")
    podium.shell_tool("net.list", ["ls"], effect="read")
    podium.file_tools(".", namespace="net.files")
    tools = {one.name: one.spec for one in podium.tools.find() if one.name.startswith("net.")}

    assert {name for name, one in tools.items() if not one.card.outside} == {"net.own", "net.mail"}
    assert {name for name, one in tools.items() if one.is_irreversible} == {
        "net.mail",
        "net.delete",
    }
    assert "net.get" in registry.tasks

"""Calls by name: what is mended, what is refused and in which words, what comes back."""

import dataclasses

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal

import pydantic
import pytest

import podium

from podium import ArgumentsInvalid, FromRun, Podium, Tool, ToolReply, UnknownTool
from podium.core.spec import registry
from podium.journal.records import Kind
from tests.harness import drive
from tests.tools.elsewhere import elsewhere
from tests.tools.tables import Table, result_of

TABLE = Table()
CALLS: list[Any] = []


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    CALLS.clear()
    with TABLE.open():
        yield


@dataclasses.dataclass
class Line:
    sku: str
    count: int = 1


class Address(pydantic.BaseModel):
    city: str
    zip_code: Annotated[str, pydantic.Field(pattern=r"^\d{5}$")]


with TABLE.define():

    @podium.tool(effect="write", namespace="shop")
    async def order(
        lines: list[Line],
        speed: Literal["standard", "next_day"] = "standard",
        gift: bool = False,
        note: str | None = None,
        discount: float = 0.0,
        *,
        customer: str,
    ) -> dict[str, Any]:
        """Order things.

        Args:
            lines: What is ordered.
            customer: Who orders.
        """
        CALLS.append(lines)
        items = [[one.sku, one.count] for one in lines]
        return {"lines": items, "speed": speed, "gift": gift, "note": note, "customer": customer}

    @podium.tool(effect="read")
    def plain(number: int = 3) -> int:
        """Give a number back."""
        CALLS.append(number)
        return number

    @podium.tool(effect="once")
    def breaks(how: str) -> int:
        """Break in some way."""
        if how == "not done":
            raise podium.NotDone("nobody was there")
        if how == "wrong":
            return "no number"  # type: ignore[return-value]
        raise LookupError(f"broken: {how}")

    @podium.tool(effect="read")
    def of_tenant(what: str, tenant: Annotated[str, FromRun("tenant")]) -> str:
        """Say whose it is."""
        return f"{what} of {tenant}"

    @podium.tool(effect="pure")
    def send_to(address: Address, on: date | None = None) -> str:
        """Send it."""
        return f"{address.city} {address.zip_code} {on}"

    @podium.tool(effect="pure")
    def several(first: int, *rest: int, **named: str) -> list[Any]:
        """Take anything."""
        return [first, *rest, named]

    @podium.workflow
    async def calling(name: str, arguments: Any, raises: bool = False) -> ToolReply:
        return await podium.dispatch(name, arguments, raises=raises)

    @podium.workflow
    async def calling_all(calls: list[list[Any]]) -> list[ToolReply]:
        return await podium.dispatch_all([(one[0], one[1]) for one in calls])


def replied(name: str, arguments: Any, *, inside: bool = True, **more: Any) -> ToolReply:
    """Return the reply of a call in a workflow, or outside of one."""
    if inside:
        reply: ToolReply = result_of(calling, name=name, arguments=arguments, **more)
        return reply
    return drive(podium.dispatch(name, arguments))


def mended(reply: ToolReply) -> list[tuple[str, str]]:
    return [(one.code, ".".join(map(str, one.path))) for one in reply.repairs]


ANA = {"customer": "ana"}


@pytest.mark.parametrize("inside", [True, False])
def test_what_fits_is_called_as_it_is(inside: bool) -> None:
    """Nothing is mended, declared types are built, the value is plain JSON."""
    given = {"lines": [{"sku": "a", "count": 2}], **ANA}
    reply = replied("shop.order", given, inside=inside)

    assert (reply.is_ok, reply.repairs, reply.error) == (True, (), None)
    assert reply.value["lines"] == [["a", 2]]
    assert [[Line("a", 2)]] == CALLS
    assert reply.text.startswith('{"lines":[["a",2]]')


@pytest.mark.parametrize(
    ("given", "value", "repairs"),
    [
        ({"lines": [{"sku": "a", "count": "2"}]}, {"lines": [["a", 2]]}, [("number", "lines.0.count")]),
        ({"lines": {"sku": "a"}}, {"lines": [["a", 1]]}, [("list", "lines")]),
        ({"lines": '[{"sku": "a"}]'}, {"lines": [["a", 1]]}, [("json", "lines")]),
        ({"lines": '{"sku": "a", "count": "3"}'}, {"lines": [["a", 3]]},
         [("json", "lines.0"), ("number", "lines.0.count"), ("list", "lines")]),
        ({"lines": [], "gift": "True"}, {"gift": True}, [("boolean", "gift")]),
        ({"lines": [], "speed": "Next Day"}, {"speed": "next_day"}, [("case", "speed")]),
        ({"lines": [], "speed": None}, {"speed": "standard"}, [("left-out", "speed")]),
        ({"lines": [], "extra": None}, {"gift": False}, [("left-out", "extra")]),
        ({"Lines": []}, {"lines": []}, [("name", "lines")]),
        ({"line": [{"sku": 7}]}, {"lines": [["7", 1]]}, [("name", "lines"), ("text", "lines.0.sku")]),
        ({"lines": [], "note": None}, {"note": None}, []),
        ({"lines": [], "note": "5"}, {"note": "5"}, []),
        ({"lines": [], "discount": "1e-2"}, {}, [("number", "discount")]),
        ({"lines": [{"sku": "a", "count": 2.0}]}, {"lines": [["a", 2]]}, []),
    ],
)  # fmt: skip
def test_what_can_mean_one_thing_only_is_mended(
    given: dict[str, Any], value: dict[str, Any], repairs: list[Any]
) -> None:
    """Each repair is in the reply; what is right already stays."""
    reply = replied("shop.order", {**given, **ANA}, inside=False)

    assert reply.is_ok, reply.text
    assert {name: reply.value[name] for name in value} == value
    assert sorted(mended(reply)) == sorted(repairs)


@pytest.mark.parametrize(
    "given", ['{"number": 5}', b'{"number": 5}', '{"number": "5"}', "", None, {}]
)
def test_the_text_of_an_object_will_do(given: Any) -> None:
    """A model's provider gives arguments as text; no arguments are none."""
    reply = replied("plain", given, inside=False)

    assert reply.value == (5 if given else 3)


def test_repairs_are_warnings_of_the_run() -> None:
    """Whoever reads the run sees what was mended, in a sentence."""

    async def go() -> list[str]:
        async with Podium(":memory:") as app:
            given = {"Lines": [{"sku": "a", "count": "2"}], "speed": None, **ANA}
            run = await app.start(calling, {"name": "shop.order", "arguments": given})
            await run.result()
            return [one.body.decode() for one in run.records() if one.kind == Kind.WARNING]

    said = " | ".join(drive(go()))

    assert "arguments-repaired" in said
    assert "shop.order: 'Lines' was taken for 'lines'" in said
    assert 'lines[0].count was \\"2\\" and is 2' in said
    assert "speed was null and is left out" in said


# complaints ---------------------------------------------------------------------------------

COMPLAINTS: list[tuple[str, Any, str]] = [
    ("plain", {"number": "five"}, 'number: found "five", expected an integer.'),
    ("plain", {"number": 1.5}, "number: found 1.5, expected an integer."),
    ("plain", {"number": True}, "number: found true, expected an integer."),
    ("plain", {"nmuber": "five"},
     "nmuber: may not be given; the names are number. Did you mean 'number'?"),
    ("plain", {"zzz": 1}, "zzz: may not be given; the names are number. Leave it out."),
    ("plain", [1], "the arguments: found [1], expected an object with number."),
    ("plain", "number=5", 'the arguments: found "number=5", expected an object with number.'),
    ("shop.order", {"lines": []}, "customer: missing; expected a string. Who orders."),
    ("shop.order", {"lines": [{}], **ANA}, "lines[0].sku: missing; expected a string."),
    ("shop.order", {"lines": "a, b", **ANA},
     'lines: found "a, b", expected a list, each item an object with sku, count.'),
    ("shop.order", {"lines": [], "speed": "soon", **ANA},
     'speed: found "soon", expected one of "next_day", "standard".'),
    ("shop.order", {"lines": [], "gift": "yes", **ANA}, 'gift: found "yes", expected true or false.'),
    ("shop.order", {"lines": [], "note": 1.5, **ANA}, "note: found 1.5, expected a string or null."),
    ("of_tenant", {"what": "a", "tenant": "evil"},
     "tenant: may not be given; it is set by the run. Leave it out."),
    ("send_to", {"address": {"city": "Rome", "zip_code": "1"}},
     'address.zip_code: found "1", expected a string (matching ^\\d{5}$).'),
    ("send_to", {"address": {"city": "Rome", "zip_code": "12345"}, "on": "soon"},
     'on: found "soon", expected another value. Invalid RFC3339 encoded date'),
    ("limits", {"few": [1], "word": "abc", "even": 3, "big": 0, "same": "y", "none": 1},
     "few: found [1], expected a list, each item an integer (at least 2 items)."),
    ("limits", {"few": [1, 1], "word": "abc"}, 'word: found "abc", expected a string (at least 4 characters).'),
    ("limits", {"few": [1, 2], "even": 3}, "even: found 3, expected an integer (a multiple of 2)."),
    ("limits", {"few": [1, 2], "big": 0}, "big: found 0, expected a number (above 0, at most 9)."),
    ("limits", {"few": [1, 2], "same": "y"}, 'same: found "y", expected "x".'),
    ("limits", {"few": [1, 2], "none": 1}, "none: found 1, expected nothing here. Leave it out."),
    ("limits", {"few": [1, 1]},
     "few: found [1, 1], expected another value. [1,1] has non-unique elements."),
    ("limits", {"few": [1, 2], "all": "abc"}, 'all: found "abc", expected a string (at most 2 characters).'),
    ("limits", {"few": [1, 2], "not": 1}, "not: found 1, expected another value."),
    ("limits", {}, "few: missing; expected a list, each item an integer (at least 2 items)."),
]  # fmt: skip


def limits() -> Tool[..., Any, Any]:
    """A tool with a schema that says much."""
    return Tool.from_schema(
        "limits", "Have limits.",
        {
            "properties": {
                "few": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "uniqueItems": True},
                "word": {"type": "string", "minLength": 4},
                "even": {"type": "integer", "multipleOf": 2},
                "big": {"type": "number", "exclusiveMinimum": 0, "maximum": 9},
                "same": {"const": "x"},
                "none": False,
                "all": {"allOf": [{"type": "string"}, {"type": "string", "maxLength": 2}]},
                "not": {"not": {"type": "integer"}},
            },
            "required": ["few"],
        },
        effect="pure", call=dict,
    )  # fmt: skip


@pytest.mark.parametrize(("name", "given", "said"), COMPLAINTS)
def test_complaints(name: str, given: Any, said: str) -> None:
    """What is where, what was expected, and what to do; the tool is not called."""
    limits()
    reply = replied(name, given, inside=False)

    assert not reply.is_ok
    assert reply.error is not None
    assert (reply.error.code, reply.error.did_run) == ("arguments-invalid", False)
    assert any(one.text.startswith(said) for one in reply.error.complaints), reply.text
    assert reply.text.startswith(f"{name} was not called: its arguments do not fit.\n- ")
    assert reply.text.endswith("\nCall it again with arguments that fit.")
    assert CALLS == []


def test_complaints_are_data() -> None:
    """Path, what is there and what was expected; what could be mended is no complaint."""
    reply = replied("shop.order", {"lines": [{"sku": "a", "count": "x"}, {"count": "2"}]})
    assert reply.error is not None
    first, second, third = sorted(reply.error.complaints, key=lambda one: str(one.path))

    assert (first.code, first.path, first.found, first.expected, first.hint) == (
        "missing", ("customer",), "", "a string", "Who orders.",
    )  # fmt: skip
    assert (second.code, second.path, second.found) == ("type", ("lines", 0, "count"), '"x"')
    assert (third.code, third.path) == ("missing", ("lines", 1, "sku"))


def test_many_faults_are_bounded() -> None:
    """The first 20 are told, and that there are more; long values are shortened."""
    lines = [{"sku": "x", "count": "y" * 10_000} for _ in range(100)]
    reply = replied("shop.order", {"lines": lines, **ANA}, inside=False)

    assert reply.error is not None
    assert len(reply.error.complaints) == 20
    assert "- … and perhaps more." in reply.text
    assert len(reply.text) < 10_000


DEEP: Any = []
for _ in range(5_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"number": float("nan")}, "NaN"),
        ({"number": object()}, "no JSON form"),
        ({1: 2}, "use str keys"),
        ({"number": DEEP}, "nested more than 100 deep"),
        ({"number": "\ud800"}, "JSON"),
        ('{"number": ' + "[" * 5_000 + "]" * 5_000 + "}", "expected"),
        ('{"number": "\\ud800"}', "expected"),
        ("{" * 100_000, "expected"),
        (b"\xff\xfe", "expected"),
    ],
)
def test_what_is_no_json(given: Any, said: str) -> None:
    """It is a complaint like others, and never another error."""
    reply = replied("plain", given, inside=False)

    assert not reply.is_ok
    assert said in reply.text


# what comes back ----------------------------------------------------------------------------


@pytest.mark.parametrize("inside", [True, False])
def test_an_unknown_tool_is_told(inside: bool) -> None:
    """With near names; nothing ran."""
    reply = replied("shop.ordr", {}, inside=inside)

    assert reply.error is not None
    assert (reply.error.code, reply.error.did_run) == ("unknown-tool", False)
    assert reply.text == "There is no tool 'shop.ordr'. Did you mean 'shop.order'?"


@pytest.mark.parametrize("inside", [True, False])
def test_a_failure_is_told(inside: bool) -> None:
    """Type, code and message of what the tool raised; whether it ran."""
    reply = replied("breaks", {"how": "not done"}, inside=inside)
    assert reply.error is not None
    assert (reply.error.type, reply.error.code, reply.error.did_run) == (
        "NotDone",
        "not-done",
        False,
    )
    assert "nobody was there" in reply.text

    @podium.tool(effect="read", name="fails")
    async def fails() -> None:
        """Fail."""
        raise LookupError("nothing there")

    reply = replied("fails", {}, inside=inside)
    assert reply.error is not None
    assert (reply.error.type, reply.error.message) == ("LookupError", "nothing there")
    assert reply.error.did_run
    assert reply.text == "fails failed: LookupError: nothing there"


@pytest.mark.parametrize("inside", [True, False])
def test_a_result_that_does_not_fit_is_told(inside: bool) -> None:
    """The tool ran, and its result is none."""
    reply = replied("breaks", {"how": "wrong"}, inside=inside)

    assert reply.error is not None
    assert (reply.error.code, reply.error.did_run) == ("result-unusable", True)


def test_raises() -> None:
    """Where it is wanted the errors are raised, in a workflow and outside."""
    for inside in (True, False):

        async def call(name: str, given: Any, inside: bool = inside) -> None:
            if not inside:
                await podium.dispatch(name, given, raises=True)
                return
            async with Podium(":memory:") as app:
                start = {"name": name, "arguments": given, "raises": True}
                run = await app.start(calling, start)
                try:
                    await run.result()
                except podium.RunFailed as failure:
                    kinds = {
                        "UnknownTool": UnknownTool, "ArgumentsInvalid": ArgumentsInvalid,
                        "InputInvalid": podium.InputInvalid,
                    }  # fmt: skip
                    kind = kinds.get(failure.error.type, KeyError)
                    raise (kind("", ()) if kind is ArgumentsInvalid else kind("")) from None

        with pytest.raises(UnknownTool):
            drive(call("nothing", {}))
        with pytest.raises(ArgumentsInvalid):
            drive(call("plain", {"number": "x"}))
    with pytest.raises(podium.InputInvalid):
        drive(podium.dispatch("of_tenant", {"what": "a"}, raises=True))


def test_what_comes_from_the_run() -> None:
    """It is filled from the run; without it nothing runs, and the reply says so."""
    reply = replied("of_tenant", {"what": "bread"}, headers={"tenant": "acme"})
    assert reply.value == "bread of acme"
    assert reply.text == "bread of acme"

    for inside in (True, False):
        reply = replied("of_tenant", {"what": "bread"}, inside=inside)
        assert reply.error is not None
        assert (reply.error.code, reply.error.type) == ("input-invalid", "InputInvalid")
        assert "'tenant'" in reply.text


def test_declared_types_are_built() -> None:
    """Models of pydantic, structs, dates, rest parameters: as in every call."""
    address = {"city": "Rome", "zip_code": "00100"}
    assert (
        replied("send_to", {"address": address, "on": "2026-11-22"}).value
        == "Rome 00100 2026-11-22"
    )
    assert replied("several", {"first": 1, "rest": [2, 3], "other": "x"}).value == [
        1,
        2,
        3,
        {"other": "x"},
    ]
    assert replied("several", {"first": "1"}).value == [1, {}]


def test_in_another_process() -> None:
    """Isolation holds for calls by name too."""
    registry.add_task(elsewhere.spec)

    assert replied("tests.elsewhere", {"number": "21"}).value == 42


def test_the_step_is_named_by_the_tool() -> None:
    """Without its version, so that a newer one at the same place is seen as another task."""

    @podium.tool(effect="read", name="look", version=3)
    def look() -> int:
        """Look."""
        return 1

    async def go() -> list[tuple[str, str]]:
        async with Podium(":memory:") as app:
            calls = [["look", {}], ["plain", {"number": "x"}], ["gone", {}], ["look@3", {}]]
            run = await app.start(calling_all, {"calls": calls})
            await run.result()
            return [(one.path, one.task) for one in await run.steps()]

    assert sorted(drive(go())) == [
        ("dispatch[0]/look", "look@3"),
        ("dispatch[1]/plain", "podium.refusal"),
        ("dispatch[2]/gone", "podium.refusal"),
        ("dispatch[3]/look", "look@3"),
    ]


def test_several_at_once() -> None:
    """Replies are in the order of the calls; one that fails does not disturb the others."""
    calls = [
        ["plain", {"number": 1}],
        ["nothing", {}],
        ["breaks", {"how": "not done"}],
        ["plain", {"number": 4}],
    ]

    replies = result_of(calling_all, calls=calls)
    assert [one.value for one in replies] == [1, None, None, 4]
    assert [one.is_ok for one in replies] == [True, False, False, True]
    outside = drive(podium.dispatch_all([(name, given) for name, given in calls], among=["plain"]))
    assert [one.is_ok for one in outside] == [True, False, False, True]
    assert "breaks" not in outside[2].text.replace("'breaks'", "")


def test_large_arguments_are_checked_and_not_mended() -> None:
    """A call of a megabyte is told what is wrong at once, and called where it is right."""
    note = "x" * 1_000_000
    wrong = replied("shop.order", {"lines": "[]", "note": note, **ANA}, inside=False)
    right = replied("shop.order", {"lines": [], "note": note, **ANA}, inside=False)

    assert wrong.error is not None
    assert [one.path for one in wrong.error.complaints] == [("lines",)]
    assert right.is_ok

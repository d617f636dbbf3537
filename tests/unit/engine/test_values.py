"""Values cross the border by copy, under their declared types, the same live and replayed."""

import enum

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, NamedTuple, NotRequired, TypedDict
from uuid import UUID

import pydantic
import pytest

import podium

from podium import InputInvalid, Podium, RunFailed, StepFailed, task, workflow
from podium.journal.records import Kind, decode_result, decode_started
from tests.harness import committed, die, drive, until

pytestmark = pytest.mark.long


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1


class Point(NamedTuple):
    x: int
    y: int


@dataclass
class Item:
    name: str
    price: Decimal
    tags: list[str] = field(default_factory=list)


class Extra(TypedDict):
    note: str
    at: NotRequired[datetime]


class Address(pydantic.BaseModel):
    street: str
    since: date | None = None


class Customer(pydantic.BaseModel):
    id: UUID
    address: Address
    items: list[Item] = []
    colour: Colour = Colour.RED


@dataclass(frozen=True)
class Order:
    number: int
    customer: Customer
    at: datetime
    within: timedelta
    payload: bytes
    where: Point
    level: Level
    by_name: dict[str, Item]
    kind: Literal["new", "old"] = "new"
    parent: "Order | None" = None


AT = datetime(2026, 1, 2, 3, 4, 5, 678900, tzinfo=UTC)
CUSTOMER = Customer(
    id=UUID(int=7), address=Address(street="Main", since=date(2020, 1, 1)),
    items=[Item("tea", Decimal("1.10"), ["hot"])], colour=Colour.BLUE,
)  # fmt: skip
ORDER = Order(
    1,
    CUSTOMER,
    AT,
    timedelta(seconds=90),
    b"\x00\xff",
    Point(1, 2),
    Level.LOW,
    {"a": Item("b", Decimal(2))},
)
VALUES: list[tuple[Any, Any]] = [
    (Order, Order(2, CUSTOMER, AT, timedelta(0), b"", Point(0, 0), Level.LOW, {}, "old", ORDER)),
    (Customer, CUSTOMER),
    (list[Customer], [CUSTOMER, CUSTOMER]),
    (dict[str, Address], {"home": Address(street="x")}),
    (Extra, {"note": "n", "at": AT}),
    (Extra, {"note": "n"}),
    (Colour, Colour.BLUE),
    (Level, Level.LOW),
    (Point, Point(3, 4)),
    (tuple[int, str], (1, "a")),
    (tuple[int, ...], (1, 2, 3)),
    (list[tuple[Colour, Decimal]], [(Colour.RED, Decimal("1.5"))]),
    (datetime, AT),
    (date, date(2026, 2, 3)),
    (timedelta, timedelta(days=1, microseconds=5)),
    (UUID, UUID(int=5)),
    (Decimal, Decimal("0.10")),
    (bytes, b"\x00bytes\xff"),
    (Customer | None, None),
    (Customer | None, CUSTOMER),
    (int | str, "x"),
    (float, 1),
    (float, 1e300),
    (Any, {"a": [1, 2.5, None, True, "x", {"b": []}]}),
    (dict[str, object], {"a": [1, None, {"b": "c"}]}),
    (list[object], ["x", 1.5]),
    (set[int], {1, 2}),
    (frozenset[str], frozenset({"a"})),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(VALUES)))
def test_typed_values_live_and_replayed(db: str, number: int) -> None:
    """As argument, result, input, output and signal a value is equal and of its type, live and after a crash."""
    kind, value = VALUES[number]
    seen: list[Any] = []

    @task(effect="read")
    async def same(thing: kind) -> kind:
        seen.append(thing)
        return thing

    @workflow(version="1")
    async def one(thing: kind) -> kind:
        got = await same(thing)
        seen.append(got)
        signal = await podium.receive("go", type=kind)
        seen.append(signal)
        return got

    async def main() -> None:
        app = await Podium(db).open()
        await app.start(one, {"thing": value}, id="a")
        await until(lambda: len(seen) == 2)
        await until(lambda: app.desk.reader.run("a").status == "waiting")  # type: ignore[union-attr]
        await die(app)
        async with Podium(db) as app:
            run = await app.get("a")
            await run.signal("go", value)
            seen.append(await run.result())

    drive(main())
    assert seen == [value] * 5
    assert {type(one) for one in seen} == {type(value)} or kind is float


class Holder:
    """Something that is no value."""


REFUSED: dict[str, tuple[Any, str]] = {
    "nan": ({"a": {"b": [float("nan")]}}, r"at \$(\.thing)?\.a\.b\[0\] there is a NaN"),
    "set": ({"a": [{1}]}, r"at \$(\.thing)?\.a\[0\] a set becomes a list"),
    "int keys": ({"a": {1: "x"}}, r"at \$(\.thing)?\.a the key 1 of type int is lost"),
    "bytes": ([b"x"], r"at \$(\.thing)?\[0\] a bytes becomes a str"),
    "tuple": ({"a": (1, 2)}, r"at \$(\.thing)?\.a a tuple becomes a list"),
    "enum": (
        [Colour.RED],
        r"at \$(\.thing)?\[0\] the enum member <Colour.RED: 'red'> becomes 'red'",
    ),
    "datetime": ([AT], r"at \$(\.thing)?\[0\] a datetime becomes a str"),
    "model": ([CUSTOMER], r"at \$(\.thing)?\[0\] a Customer becomes a dict"),
    "object": ([Holder()], r"Holder, which has no JSON form"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_would_change_is_refused(db: str, what: str) -> None:
    """As argument and as result, with a message that names the place, at the first run."""
    value, told = REFUSED[what]

    @task(effect="read")
    async def give() -> Any:
        return value

    @task(effect="read")
    async def take(thing: Any) -> None:
        return None

    @workflow
    async def one(how: str) -> Any:
        if how == "result":
            await give()
        elif how == "argument":
            await take(value)
        elif how == "output":
            return value
        return None

    async def main() -> None:
        async with Podium(db) as app:
            for how in ("result", "argument", "output"):
                with pytest.raises(RunFailed, match=told) as failed:
                    await (await app.start(one, {"how": how})).result()
                assert "annotate" in str(failed.value)

    drive(main())


def test_neither_side_has_the_other_s_objects(db: str) -> None:
    """A task that changes its argument, and an object changed after it was returned, are not seen."""
    kept: list[list[int]] = []

    @task(effect="read")
    async def change(numbers: list[int]) -> list[int]:
        numbers.append(99)
        kept.append(numbers)
        return numbers

    @task(effect="read")
    async def hold() -> list[int]:
        result = [1]
        kept.append(result)
        return result

    @workflow
    async def inner(numbers: list[int]) -> list[int]:
        numbers.append(5)
        return numbers

    @workflow
    async def one(numbers: list[int]) -> list[list[int]]:
        mine = [1, 2]
        result = await change(mine)
        kept[0].append(100)
        held = await hold()
        kept[1].append(2)
        result.append(7)
        child = await inner(mine)
        return [mine, result, held, child, numbers]

    async def main() -> list[list[int]]:
        async with Podium(db) as app:
            given = [0]
            run = await app.start(one, {"numbers": given})
            given.append(1)
            found: list[list[int]] = await run.result()
            return found

    assert drive(main()) == [[1, 2], [1, 2, 99, 7], [1], [1, 2, 5], [0]]


def test_default_arguments_do_not_change_the_fingerprint(db: str) -> None:
    """A parameter added with a default, or a default given in words, is the same step."""
    prints: list[str] = []

    @task(effect="write")
    async def put(n: int, word: str = "x", *, flag: bool = False) -> None:
        return None

    @workflow
    async def one() -> None:
        await put(1)
        await put(1, "x")
        await put(n=1, flag=False)
        await put(1, "y")
        await put(1, flag=True)

    async def main() -> None:
        async with Podium(db) as app:
            await (await app.start(one, id="a")).result()

    drive(main())
    with committed(db) as view:
        for row in view.records("a"):
            if row.kind == Kind.STARTED:
                prints.append(decode_started(row.body).f)
            elif row.kind == Kind.RESULT:
                assert decode_result(row.body).x is None
    assert prints[0] == prints[1] == prints[2]
    assert len(set(prints)) == 3


def test_arguments_that_do_not_fit(db: str) -> None:
    """A wrong type, a missing and an unknown argument fail the step before anything runs, named."""
    ran: list[int] = []

    @task(effect="write")
    async def put(n: int, item: Item | None = None) -> None:
        ran.append(n)

    @workflow
    async def one(how: str) -> None:
        if how == "type":
            await put("1")  # type: ignore[arg-type]
        elif how == "missing":
            await put()  # type: ignore[call-arg]
        elif how == "unknown":
            await put(1, m=2)  # type: ignore[call-arg]
        elif how == "nested":
            await put(1, {"name": 3})  # type: ignore[arg-type]

    async def main() -> None:
        async with Podium(db) as app:
            for how, told in [
                ("type", r"put\(.*Expected `int`, got `str`.*\$\.n"),
                ("missing", r"missing a required argument: 'n'"),
                ("unknown", r"unexpected keyword argument 'm'"),
                ("nested", r"\$\.item\.name"),
            ]:
                with pytest.raises(RunFailed, match=told) as failed:
                    await (await app.start(one, {"how": how})).result()
                assert failed.value.error.code == InputInvalid.code

    drive(main())
    assert ran == []


def test_all_kinds_of_parameters(db: str) -> None:
    """Positional-only, keyword-only, variable and defaulted parameters reach tasks and children as they were given."""

    @task(effect="read")
    async def take(a: int, /, b: int, *rest: int, c: int = 3, **more: int) -> list[Any]:
        return [a, b, list(rest), c, more]

    @task(effect="read")
    async def swapped(a: int, /, b: int = 2) -> list[int]:
        return [a, b]

    @workflow
    async def one() -> list[Any]:
        return [
            await take(1, 2), await take(1, 2, 4, 5, c=6, d=7), await take(1, b=2, e=1), await swapped(1),
            await swapped(1, b=5),
        ]  # fmt: skip

    async def main() -> list[Any]:
        async with Podium(db) as app:
            found: list[Any] = await (await app.start(one)).result()
            return found

    assert drive(main()) == [
        [1, 2, [], 3, {}], [1, 2, [4, 5], 6, {"d": 7}], [1, 2, [], 3, {"e": 1}], [1, 2], [1, 5],
    ]  # fmt: skip


def test_a_signal_of_another_type(db: str) -> None:
    """It is used up, and the program is told; the next one is received."""

    @workflow
    async def one() -> list[Any]:
        found: list[Any] = []
        try:
            await podium.receive("n", type=int)
        except podium.ResultUnusable as error:
            found.append(error.error.code)
        found.append(await podium.receive("n", type=int))
        return found

    async def main() -> list[Any]:
        async with Podium(db) as app:
            run = await app.start(one)
            await run.signal("n", "seven")
            await run.signal("n", 7)
            with pytest.raises(podium.ValueNotPortable, match="the signal 'n'"):
                await run.signal("n", object())
            with pytest.raises(podium.ValueNotPortable, match="NaN"):
                await run.signal("n", float("nan"))
            found: list[Any] = await run.result()
            return found

    assert drive(main()) == ["value-not-portable", 7]


def test_a_child_s_failure_is_told(db: str) -> None:
    """The parent sees StepFailed with the child's error as its cause."""

    @workflow
    async def inner(n: int) -> int:
        raise ValueError(f"no {n}")

    @workflow
    async def one() -> list[str]:
        try:
            await inner(1)
        except StepFailed as error:
            cause = error.error.cause
            assert cause is not None
            return [error.path, error.error.code, cause.type, cause.message]
        return []

    async def main() -> list[str]:
        async with Podium(db) as app:
            found: list[str] = await (await app.start(one)).result()
            return found

    assert drive(main()) == ["inner", "child-failed", "ValueError", "no 1"]

"""The workflow ``podium.verify``: gates that a document names, asked about the value of a node.

Their data comes from the interpreter of documents: a kind, and what stood behind it, with every
expression computed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from podium.agents.verify import gates as made
from podium.agents.verify.citations import judged_by_sources, texts_of
from podium.agents.verify.command import judged_by_exit
from podium.agents.verify.gate import Gate, Rank, ask_all, gates_of, json_of
from podium.agents.verify.verdict import Background, Verdict
from podium.core.errors import InvalidOption
from podium.core.spec import registry
from podium.functions.calls import Task
from podium.functions.decorators import workflow

Data = Mapping[str, Any]
Make = Callable[[Data, str], Gate]


@workflow(name="podium.verify")
async def verify_value(
    value: Any, gates: list[dict[str, Any]], about: dict[str, Any] | None = None
) -> Verdict:
    """Ask gates about a value.

    Args:
        value: As JSON.
        gates: ``{kind, name, if_broken, given, options, gates}`` each.
        about: Fields of :class:`Background`; ``sources`` as of the gate ``citations``.
    """
    asked = gates_of([gate_of(one) for one in gates])
    return await ask_all(asked, value, background_of(about or {}))


def background_of(about: Data) -> Background:
    """Return what gates know besides.

    Raises:
        InvalidOption: It has something else.
    """
    sources = texts_of(about["sources"]) if about.get("sources") is not None else {}
    try:
        return msgspec.convert({**about, "sources": sources}, Background)
    except msgspec.ValidationError as problem:
        raise InvalidOption(f"about: {problem}.") from None


def gate_of(data: Data) -> Gate:
    """Return the gate that data stand for.

    Raises:
        InvalidOption: They stand for none.
    """
    kind, name = str(data.get("kind")), str(data.get("name") or data.get("kind"))
    make = _MAKE.get(kind)
    if make is None:
        raise InvalidOption(f"{kind!r} is no gate; gates are {', '.join(_MAKE)}.")
    gate = make(data, name)
    return gate.if_broken("pass") if data.get("if_broken") == "pass" else gate


# kinds ------------------------------------------------------------------------------------


def _verdict(data: Data, name: str) -> Gate:
    """Return a gate that was asked already."""
    verdict = msgspec.convert(data["given"], Verdict)

    async def judge(_value: Any, _about: Background) -> Verdict:
        return verdict

    return Gate(name, Rank.FREE, judge)


def _call(data: Data, name: str) -> Gate:
    task, given = _task(data), data.get("given")

    async def judge(value: Any, _about: Background) -> Any:
        first = next(iter(task.spec.binder.parameters))
        return await task(**_bound(task, {first: value} if given is None else given))

    return Gate(name, Rank.COMPUTE, judge)


def _command(data: Data, name: str) -> Gate:
    task, options = _task(data), _options(data)
    given = data.get("given") or {}
    ok, broken = options.get("ok_codes", [0]), options.get("broken_codes", [])

    async def judge(_value: Any, _about: Background) -> Verdict:
        return judged_by_exit(await task(**_bound(task, given)), ok=ok, broken_by=broken)

    return Gate(name, Rank.COMPUTE, judge)


def _task(data: Data) -> Task[..., Any, Any]:
    name = _options(data).get("task", "")
    spec = registry.tasks.get(name)
    if spec is None:
        raise InvalidOption(f"there is no task {name!r} in this process.")
    return Task(spec.fn, spec)


def _bound(task: Task[..., Any, Any], given: Data) -> dict[str, Any]:
    """Return arguments in the types that the task declares."""
    bound: dict[str, Any] = task.spec.binder.from_json(given)
    return bound


def _citations(data: Data, name: str) -> Gate:
    given = data.get("given")

    async def judge(value: Any, about: Background) -> Verdict:
        sources = about.sources if given in (None, True) else texts_of(given)
        return judged_by_sources(json_of(value), sources)

    return Gate(name, Rank.FREE, judge)


def _judge(data: Data, name: str) -> Gate:
    given = data["given"]
    rubric: Any = given["rubric"]
    if isinstance(rubric, dict):
        rubric = {key: _criterion(one) for key, one in rubric.items()}
    return made.judge(given["model"], rubric, name=name, **_options(data))


def _criterion(given: Any) -> Any:
    if isinstance(given, dict):
        try:
            return msgspec.convert(given, made.Criterion)
        except msgspec.ValidationError as problem:
            raise InvalidOption(f"{given!r:.100} is no criterion: {problem}.") from None
    return given


def _quorum(data: Data, name: str) -> Gate:
    return made.quorum(_inner(data), _options(data).get("of", 1), name=name)


def _ladder(data: Data, name: str) -> Gate:
    options = _options(data)
    risk = made.Risk(amount_max=options.get("amount_max"))
    unsure = {"unsure": options["unsure"]} if "unsure" in options else {}
    return made.ladder(*_inner(data), risk=risk, name=name, **unsure)


def _person(data: Data, name: str) -> Gate:
    question = data.get("given")
    asked = (question,) if isinstance(question, str) else ()
    return made.person(*asked, name=name, **_options(data))


def _inner(data: Data) -> Sequence[Gate]:
    return [gate_of(one) for one in data.get("gates", [])]


def _options(data: Data) -> dict[str, Any]:
    return dict(data.get("options") or {})


_MAKE: Final[Mapping[str, Make]] = {
    "verdict": _verdict, "call": _call, "command": _command, "citations": _citations, "judge": _judge,
    "quorum": _quorum, "ladder": _ladder, "person": _person,
}  # fmt: skip

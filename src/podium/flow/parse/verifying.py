"""What a node says about verifying its value: ``verify`` and ``on_refusal``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from podium.flow.expression.errors import near
from podium.flow.gates import Gate, OnRefusal, Verify
from podium.flow.model import Fields
from podium.flow.parse.fields import read_fields, read_type
from podium.flow.parse.words import Words
from podium.flow.places import child

GATES: Final[Mapping[str, tuple[str, ...]]] = {
    "cel": (),
    "schema": (),
    "call": ("args",),
    "command": ("args", "ok_codes", "broken_codes"),
    "citations": (),
    "judge": ("rubric", "repeats", "pass_score"),
    "quorum": ("of",),
    "ladder": ("unsure", "amount_max"),
    "person": ("to", "timeout"),
}
"""Gates by their word, and the words that belong to each."""
ANY_GATE: Final = ("name", "if_broken")
ABOUT: Final = ("goal", "input", "sources", "effect", "amount")
POLICIES: Final[Mapping[str, tuple[str, ...]]] = {
    "reflect": ("as",),
    "other_model": ("as", "rounds"),
    "ask": ("as", "timeout", "rounds"),
}
_SCHEMA_WORDS: Final = frozenset({"type", "enum", "anyOf", "const", "oneOf", "allOf"})
_ROUNDS_MAX: Final = 100
_DEPTH_MAX: Final = 5


def read_verify(words: Words) -> Verify | None:
    """Read ``verify`` and ``on_refusal`` of a node."""
    if "verify" not in words:
        if "on_refusal" in words:
            text = "'on_refusal' means nothing without 'verify'."
            words.reading.fault("missing-word", words.at_word("on_refusal"), text, "Say what it must pass.")  # fmt: skip
        return None
    given, at = words.take("verify"), words.at_word("verify")
    about = None
    if isinstance(given, dict) and "gates" in given:
        inner = Words(words.reading, given, at)
        inner.refuse_others(("gates", "about"), "verify")
        if "about" in inner:
            known = Words(words.reading, words.reading.mapping(inner.take("about"), inner.at_word("about"), ", ".join(ABOUT)), inner.at_word("about"))  # fmt: skip
            known.refuse_others(ABOUT, "about")
            about = inner.template("about")
        given, at = inner.take("gates"), inner.at_word("gates")
    gates = _gates(words, given, at, 0)
    if not gates and not words.reading.findings:
        text = "with nothing to hold the value against, it is not verified."
        words.reading.fault("wrong-type", at, text, "Name at least one gate.")
    return Verify(gates, about, _policies(words))


def _gates(words: Words, given: Any, at: str, depth: int) -> tuple[Gate, ...]:
    if depth > _DEPTH_MAX:
        words.reading.fault("too-deep", at, f"more than {_DEPTH_MAX} gates within gates.")
        return ()
    if not isinstance(given, list):
        one = _gate(words, given, at, depth)
        return () if one is None else (one,)
    found = [_gate(words, one, child(at, index), depth) for index, one in enumerate(given)]
    return _apart([one for one in found if one is not None])


def _apart(gates: list[Gate]) -> tuple[Gate, ...]:
    """Return gates each with its own name: ``cel``, ``cel 2``."""
    seen: dict[str, int] = {}
    found: list[Gate] = []
    for gate in gates:
        seen[gate.name] = seen.get(gate.name, 0) + 1
        number = seen[gate.name]
        found.append(gate if number == 1 else _renamed(gate, f"{gate.name} {number}"))
    return tuple(found)


def _renamed(gate: Gate, name: str) -> Gate:
    return Gate(
        gate.kind, gate.at, name, gate.if_broken, gate.condition, gate.schema, gate.given, gate.gates,
        gate.options,
    )  # fmt: skip


def _gate(words: Words, given: Any, at: str, depth: int) -> Gate | None:
    reading = words.reading
    if isinstance(given, str | bool):
        return Gate("cel", at, "cel", condition=reading.expression(given, at))
    inner = Words(reading, reading.mapping(given, at, "a gate such as judge, or a condition"), at)
    kinds = [kind for kind in GATES if kind in inner]
    if len(kinds) != 1:
        _no_kind(inner, kinds)
        return None
    kind = kinds[0]
    inner.refuse_others((kind, *GATES[kind], *ANY_GATE), f"the gate {kind!r}")
    if_broken = inner.text("if_broken", "refuse")
    if if_broken not in ("refuse", "pass"):
        text = f"if_broken: {if_broken!r:.40}; expected refuse or pass."
        reading.fault("wrong-type", inner.at_word("if_broken"), text)
    name = inner.text("name") or kind
    made = _READ[kind](inner, depth)
    return Gate(kind, at, name, if_broken, **made)


def _no_kind(words: Words, kinds: list[str]) -> None:
    if kinds:
        text = f"a gate has one kind; this has {' and '.join(kinds)}."
        words.reading.fault("two-kinds", words.at, text, "Make them two gates: write a list.")
        return
    unknown = [word for word in words if word not in ANY_GATE]
    hint = next((found for word in unknown if (found := near(word, GATES))), "")
    hint = hint or f"Gates are {', '.join(GATES)}."
    shown = repr(unknown[0]) if unknown else "this"
    words.reading.fault("unknown-gate", words.at, f"{shown} is no gate.", hint)


# kinds ------------------------------------------------------------------------------------


def _cel(words: Words, _depth: int) -> dict[str, Any]:
    return {"condition": words.expression("cel")}


def _schema(words: Words, _depth: int) -> dict[str, Any]:
    given, at = words.take("schema"), words.at_word("schema")
    if isinstance(given, dict) and not _SCHEMA_WORDS & given.keys():
        fields: Fields = read_fields(words.reading, given, at)
        return {"schema": fields.schema}
    return {"schema": read_type(words.reading, given, at)}


def _call(words: Words, _depth: int) -> dict[str, Any]:
    return {"options": {"task": _task(words, "call")}, "given": _args(words)}


def _command(words: Words, _depth: int) -> dict[str, Any]:
    codes = {
        word: list(words.wholes(word)) for word in ("ok_codes", "broken_codes") if word in words
    }
    return {"options": {"task": _task(words, "command"), **codes}, "given": _args(words)}


def _task(words: Words, word: str) -> str:
    name = words.text(word)
    if not name:
        words.reading.fault("wrong-type", words.at_word(word), f"{word!r}: expected the name of a task.")  # fmt: skip
    return name


def _args(words: Words) -> Any:
    return words.arguments("args") if "args" in words else None


def _citations(words: Words, _depth: int) -> dict[str, Any]:
    return {"given": words.template("citations")}


def _judge(words: Words, _depth: int) -> dict[str, Any]:
    words.require("rubric", "say what the value is judged by")
    options: dict[str, Any] = {}
    if "repeats" in words:
        options["repeats"] = words.whole("repeats", 2, most=_ROUNDS_MAX)
    if "pass_score" in words:
        options["pass_score"] = words.share("pass_score", 1.0, least=0, most=1)
    data = {"model": words.text("judge"), "rubric": words.take("rubric", "")}
    if not data["model"]:
        text = "'judge': expected a model, such as openai:gpt-5-mini."
        words.reading.fault("wrong-type", words.at_word("judge"), text)
    return {"options": options, "given": words.reading.template(data, words.at)}


def _inner(words: Words, word: str, depth: int) -> tuple[Gate, ...]:
    """Read the gates that one is made of."""
    given, at = words.take(word), words.at_word(word)
    if not isinstance(given, list) or not given:
        words.reading.fault("wrong-type", at, f"{word!r}: expected a list of gates.")
        return ()
    return _gates(words, given, at, depth + 1)


def _quorum(words: Words, depth: int) -> dict[str, Any]:
    words.require("of", "say how many must let the value pass")
    gates = _inner(words, "quorum", depth)
    count = words.whole("of", 1, most=max(1, len(gates)))
    return {"gates": gates, "options": {"of": count}}


def _ladder(words: Words, depth: int) -> dict[str, Any]:
    gates = _inner(words, "ladder", depth)
    options: dict[str, Any] = {}
    if "unsure" in words:
        options["unsure"] = words.share("unsure", 0.5, least=0, most=1)
    if "amount_max" in words:
        options["amount_max"] = words.share("amount_max", 1.0, least=1e-9, most=1e15)
    return {"gates": gates, "options": options}


def _person(words: Words, _depth: int) -> dict[str, Any]:
    options: dict[str, Any] = {"to": words.text("to", "anyone")}
    if "timeout" in words and words.duration_s("timeout") is not None:
        options["timeout"] = words.take("timeout")
    if not words.text("person"):
        text = "'person': expected a question."
        words.reading.fault("wrong-type", words.at_word("person"), text)
    return {"options": options, "given": words.template("person")}


_READ: Final[Mapping[str, Callable[[Words, int], dict[str, Any]]]] = {
    "cel": _cel, "schema": _schema, "call": _call, "command": _command, "citations": _citations,
    "judge": _judge, "quorum": _quorum, "ladder": _ladder, "person": _person,
}  # fmt: skip


# what happens to a refused value -------------------------------------------------------------


def _policies(words: Words) -> tuple[OnRefusal, ...]:
    given, at = words.take("on_refusal", []), words.at_word("on_refusal")
    many = given if isinstance(given, list) else [given]
    places = [child(at, index) for index in range(len(many))] if isinstance(given, list) else [at]
    found = [_policy(words, one, place) for one, place in zip(many, places, strict=True)]
    return tuple(one for one in found if one is not None)


def _policy(words: Words, given: Any, at: str) -> OnRefusal | None:
    reading = words.reading
    if isinstance(given, str) and given in POLICIES and given != "other_model":
        given = {given: 2 if given == "reflect" else "anyone"}
    inner = Words(reading, reading.mapping(given, at, "reflect, other_model or ask"), at)
    kinds = [kind for kind in POLICIES if kind in inner]
    if len(kinds) != 1:
        hint = next((hint for word in inner if (hint := near(word, POLICIES))), "")
        hint = (
            hint
            or "Write 'reflect', {other_model: …} or 'ask'; behind the last one the node fails."
        )
        reading.fault("unknown-policy", at, f"{given!r:.80} is nothing that a refusal can lead to.", hint)  # fmt: skip
        return None
    kind = kinds[0]
    inner.refuse_others((kind, *POLICIES[kind]), kind)
    if kind == "reflect":
        rounds = inner.whole("reflect", 2, most=_ROUNDS_MAX)
        return OnRefusal(kind, at, inner.text("as", "feedback"), rounds)
    rounds = inner.whole("rounds", 1, most=_ROUNDS_MAX)
    if kind == "other_model":
        models = inner.texts("other_model")
        if not models:
            reading.fault("wrong-type", inner.at_word("other_model"), "name at least one model.")
        return OnRefusal(kind, at, inner.text("as", "model"), rounds, models)
    return OnRefusal(
        kind, at, inner.text("as"), rounds, to=inner.text("ask", "anyone"),
        timeout_s=inner.duration_s("timeout"),
    )  # fmt: skip

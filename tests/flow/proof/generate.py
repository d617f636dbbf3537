"""Documents that Hypothesis draws: sound by construction, and small when they shrink.

Every expression has a kind, and refers to what is visible where it stands and was drawn before it, so there are
no cycles and no type errors. A node that may be without a value is read with ``?`` and ``??``, or plainly where
being skipped does no harm; then its reader may be without a value too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from tests.flow.proof.tools import ALWAYS

Data = dict[str, Any]
DEPTH_MAX = 3
_KIND_OF = {
    "proof_number": "int", "proof_text": "text", "proof_record": "record", "proof_list": "list",
    "proof_double": "int",
}  # fmt: skip
_LITERALS = {"int": ("0", "2", "3"), "text": ("'a'", "'xyz'"), "list": ("[1, 2]", "[4]", "[]")}
_RECORD = "{'id': 1, 'tag': 't0', 'ok': true, 'note': null}"


@dataclass(frozen=True)
class Known:
    """A name that expressions may use."""

    text: str
    kind: str
    is_node: bool = False
    may_be_missing: bool = False


@dataclass(frozen=True)
class Words:
    """What a document may have.

    Attributes:
        races: Joins that are decided by what ends first, and times that run out: the outcome depends
            on durations, so a crash may change it.
        fatal: Failures that nobody handles.
        depth: How deep bodies are nested.
        nodes: So many stand in the outermost body.
        in_all: So many stand in it and in bodies, about.
    """

    races: bool = True
    fatal: bool = True
    depth: int = DEPTH_MAX
    nodes: int = 7
    in_all: int = 14


@dataclass
class Flow:
    """A drawn document and its input."""

    document: Data
    input: Data

    def __repr__(self) -> str:
        return f"Flow({self.document!r}, {self.input!r})"


@dataclass
class _Part:
    """A node, or a part of one, as it is drawn.

    Attributes:
        is_skippable: It refers plainly to what may be without a value.
        can_fail: It may fail.
    """

    spec: Data = field(default_factory=dict)
    kind: str = "any"
    is_skippable: bool = False
    can_fail: bool = False


class _Drawing:
    """Draws one document."""

    def __init__(self, draw: st.DrawFn, words: Words) -> None:
        self.draw = draw
        self.words = words
        self._count = 0
        self._left = words.in_all

    # choices ----------------------------------------------------------------------------

    def one(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def is_drawn(self, chance: int) -> bool:
        """Return true once in so many times, and false when shrunk."""
        return bool(self.draw(st.integers(0, chance - 1)) == chance - 1)

    def name(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    # expressions ------------------------------------------------------------------------

    def value(self, kind: str, known: list[Known], part: _Part, *, plain: bool = True) -> str:
        """Return an expression of a kind; ``plain``: it may refer plainly to what may be missing."""
        fitting = [one for one in known if one.kind == kind]
        others = [one for one in known if one.kind != kind]
        if fitting and self.draw(st.integers(0, 4)) > 0:
            text = self._read(self.one(*reversed(fitting)), kind, part, plain=plain)
        elif others and kind != "record" and self.draw(st.booleans()):
            text = self._converted(kind, self.one(*reversed(others)), part, plain=plain)
        else:
            text = _RECORD if kind == "record" else self.one(*_LITERALS[kind])
        return self._worked(kind, text) if self.is_drawn(4) else text

    def _read(self, known: Known, kind: str, part: _Part, *, plain: bool) -> str:
        if not known.is_node:
            return known.text
        if known.may_be_missing:
            if plain and self.is_drawn(4):
                part.is_skippable = True
                return known.text
            return f"({known.text}? ?? {_literal(kind)})"
        return (
            known.text if self.draw(st.integers(0, 5)) else f"({known.text}? ?? {_literal(kind)})"
        )

    def _converted(self, kind: str, other: Known, part: _Part, *, plain: bool) -> str:
        if other.kind == "any":
            return _literal(kind)
        text = self._read(other, other.kind, part, plain=plain)
        match other.kind, kind:
            case "record", "int":
                return f"{text}.id"
            case "record", "text":
                return f"({text}.note ?? {text}.tag)" if self.is_drawn(2) else f"{text}.tag"
            case "int", "text":
                return f"string({text})"
            case "int", "list":
                return f"[{text}]"
            case (("text" | "list"), "int"):
                return f"size({text})"
            case "text", "list":
                return f"[size({text})]"
            case "list", "text":
                return f"string(size({text}))"
            case _:
                return f"[{text}.id]"

    def _worked(self, kind: str, text: str) -> str:
        match kind:
            case "int":
                return f"({text} + 1)"
            case "text":
                return f"({text} + '-')"
            case "list":
                works = (f"{text}.map(v, v + 1)", f"{text}.filter(v, v % 2 == 0)")
                return works[self.draw(st.integers(0, 1))]
            case _:
                return text

    def condition(self, known: list[Known], part: _Part, *, plain: bool = True) -> str:
        nodes = [one for one in known if one.is_node]
        match self.one("int", "int", "record", "outcome", "text"):
            case "outcome" if nodes:
                return f"outcome.{self.one(*nodes).text}.status == 'ok'"
            case "record":
                return f"{self.value('record', known, part, plain=plain)}.ok"
            case "text":
                return f"{self.value('text', known, part, plain=plain)} != 'w3'"
            case _:
                return f"{self.value('int', known, part, plain=plain)} % 3 != 1"

    # bodies -----------------------------------------------------------------------------

    def body(self, known: list[Known], depth: int) -> tuple[dict[str, Data], list[Known]]:
        """Draw nodes that see what is known; return them, and what is known then."""
        nodes: dict[str, Data] = {}
        inner = list(known)
        for _ in range(self.draw(st.integers(1, 3) if depth else st.integers(2, self.words.nodes))):
            if self._left <= 0:
                break
            self._left -= 1
            self._node(nodes, inner, known, depth)
        if not nodes:
            nodes[self.name("z")] = {"set": 1}
        if self.is_drawn(3):
            nodes = dict(reversed(nodes.items()))
        return nodes, inner

    def _node(
        self, nodes: dict[str, Data], inner: list[Known], outer: list[Known], depth: int
    ) -> None:
        own = inner[len(outer) :]
        name = self.name("n")
        if self.words.races and self.is_drawn(6):
            self._contest(nodes, inner, depth)
            return
        if self.is_drawn(8):
            self._break(nodes, inner)
            return
        slow = [one for one in own if {"call", "wait", "ask"} & nodes[one.text].keys()]
        if self.words.races and len(slow) > 1 and self.is_drawn(4):
            part = self._racing(slow)
        else:
            part = self._part(inner, depth)
            self._conditions(part, inner, own)
        may_be_missing = part.is_skippable
        handler = None
        if part.can_fail and not (self.words.fatal and self.is_drawn(4)):
            may_be_missing = True
            part.spec["on_error"] = "continue"
            if self.is_drawn(3):
                part.spec["on_error"] = handler = self.name("h")
        nodes[name] = part.spec
        inner.append(Known(name, part.kind, is_node=True, may_be_missing=may_be_missing))
        if handler is not None:
            nodes[handler] = self._handler(name)
            inner.append(Known(handler, "text", is_node=True, may_be_missing=True))

    def _handler(self, handled: str) -> Data:
        if self.draw(st.booleans()):
            return {"set": f"${{outcome.{handled}.error.code ?? 'none'}}"}
        return {
            "call": "proof_text",
            "args": {"how": {"s": 3}, "text": f"${{outcome.{handled}.status}}"},
        }

    def _conditions(self, part: _Part, inner: list[Known], own: list[Known]) -> None:
        """Add what says when a node starts."""
        if self.is_drawn(4):
            part.spec["when"] = self.condition(inner, part)
            part.is_skippable = True
        if own and self.is_drawn(4):
            first = self.one(*own)
            if self.is_drawn(2):
                part.spec["join"] = "settled"
                part.spec["after"] = first.text
            elif first.may_be_missing and not self.is_drawn(4):
                part.spec["after"] = [f"{first.text}?"]
            else:
                part.is_skippable = part.is_skippable or first.may_be_missing
                part.spec["after"] = [first.text]

    def _racing(self, own: list[Known]) -> _Part:
        """Draw a node that starts when the first, or the first few, of others are there."""
        kind = self.one(*sorted({one.kind for one in own if one.kind != "any"} or {"int"}))
        fitting = [one.text for one in own if one.kind == kind]
        entries = [f"{one.text}?" for one in own if one.kind != kind and self.is_drawn(2)]
        words: Data = {"after": entries} if entries else {}
        count = len(fitting) + len(entries)
        choices = ["any", 1, min(2, count), {"of": "any", "rest": "continue"}]
        if count == 0:
            return _Part({"set": 1}, "int")
        join = self.one(*choices)
        first = " ?? ".join([*(f"{one}?" for one in fitting), _literal(kind)])
        if kind == "int" and self.draw(st.booleans()):
            args = {"how": {"s": 1}, "n": f"${{{first}}}"}
            return _Part({"call": "proof_number", "args": args, "join": join, **words}, "int", True)
        return _Part({"set": f"${{{first}}}", "join": join, **words}, kind, True)

    def _contest(self, nodes: dict[str, Data], inner: list[Known], depth: int) -> None:
        """Draw two chains, and a node that takes the first that is there; often nobody else reads them."""
        ends: list[str] = []
        hidden: list[Known] = []
        for _ in range(2):
            first, last = self.name("n"), self.name("n")
            nodes[first] = self._sure_call(str(self._count))
            nodes[last] = self._sure_call(f"${{{first}}}")
            if self.draw(st.booleans()):
                nodes[last] = self._within(nodes[last])
            hidden += [
                Known(one, "int", is_node=True, may_be_missing=True) for one in (first, last)
            ]
            ends.append(last)
        name = self.name("n")
        join = self.one("any", 1, {"of": "any", "rest": "continue"})
        nodes[name] = {"set": f"${{{ends[0]}? ?? {ends[1]}? ?? 9}}", "join": join}
        if self.is_drawn(4):
            inner += hidden
        inner.append(Known(name, "int", is_node=True))

    def _break(self, nodes: dict[str, Data], inner: list[Known]) -> None:
        """Draw a body in which one node fails beside others, and what comes after it."""
        body, after = self.name("n"), self.name("n")
        within = {self.name("n"): self._sure_call(str(self._count)) for _ in range(2)}
        bad = self._sure_call(str(self._count))
        bad["args"]["how"]["fails"] = ALWAYS
        within[self.name("n")] = bad
        kinds: list[Data] = [
            {"switch": [{"else": True, "nodes": within}]},
            {"until": "true", "max": 2, "nodes": within},
            {"for_each": [1, 2], "as": self.name("i"), "nodes": within},
            {"flow": {"nodes": within}},
        ]
        nodes[body] = {**self.one(*kinds), "on_error": "continue"}
        nodes[after] = {**self._sure_call(str(self._count)), "after": [f"{body}?"]}
        inner.append(Known(after, "int", is_node=True))

    def _sure_call(self, number: str) -> Data:
        how = {"s": self.one(1, 300, 2000)}
        effect: Data = {"effect": "write"} if self.is_drawn(3) else {}
        number = number if number.startswith("$") else f"${{{number}}}"
        return {"call": "proof_number", "args": {"how": how, "n": number}, **effect}

    def _within(self, call: Data) -> Data:
        """Put a call into the body of a node, with another one behind it."""
        one, two = self.name("n"), self.name("n")
        nodes = {one: call, two: self._sure_call(f"${{{one}}}")}
        case = {"else": True, "nodes": nodes, "output": f"${{{two}}}"}
        return {"switch": [case]}

    # kinds ------------------------------------------------------------------------------

    def _part(self, known: list[Known], depth: int) -> _Part:
        flat: list[Callable[[list[Known]], _Part]] = [
            self._call, self._call, self._call, self._call, self._set, self._wait, self._ask, self._fail,
        ]  # fmt: skip
        deep = [self._switch, self._for_each, self._until, self._while, self._flow]
        if depth < self.words.depth and self._left > 0 and self.is_drawn(2):
            return self._body_policies(self.one(*deep)(known, depth + 1))
        drawn: _Part = self.one(*flat)(known)
        return drawn

    def _call(self, known: list[Known]) -> _Part:
        name = self.one(*_KIND_OF)
        part = _Part(kind=_KIND_OF[name])
        how: Data = {"s": self.one(1, 300, 2000)}
        args: Data = {"how": how, "n": f"${{{self.value('int', known, part)}}}"}
        if self.is_drawn(3):
            args["text"] = self._text(known, part)
        if self.is_drawn(4):
            args["items"] = f"${{{self.value('list', known, part)}}}"
        part.spec = {"call": name, "args": args}
        if self.is_drawn(3):
            part.can_fail = True
            how.update(self.one({"fails": ALWAYS}, {"mod": 2}, {"fails": 1}))
            if self.is_drawn(2):
                part.spec["retry"] = {"attempts": 2, "backoff": "40s", "jitter": 0}
        if self.words.races and name != "proof_double" and self.is_drawn(6):
            part.can_fail = True
            part.spec["timeout"] = self.one("700s", "1500s")
        if name in ("proof_text", "proof_record") and self.is_drawn(4):
            undo = {"call": "proof_undo", "args": {"how": {"s": 5}, "n": 7}}
            part.spec["compensate"] = self.one("proof_undo", undo)
        if name == "proof_number" and self.is_drawn(5):
            part.spec["effect"] = "write"
        return part

    def _text(self, known: list[Known], part: _Part) -> str:
        if self.draw(st.booleans()):
            return f"${{{self.value('text', known, part)}}}"
        return f"so ${{{self.value('int', known, part)}}}!"

    def _set(self, known: list[Known]) -> _Part:
        part = _Part(kind=self.one("int", "text", "record", "list"))
        part.spec = {"set": f"${{{self.value(part.kind, known, part)}}}"}
        return part

    def _wait(self, known: list[Known]) -> _Part:
        return _Part({"wait": self.one("70s", "1234s")})

    def _ask(self, known: list[Known]) -> _Part:
        part = _Part(kind="int")
        text = self.value("int", known, part)
        part.spec = {"ask": f"Is it ${{{text}}}?", "timeout": self.one("333s", "1777s")}
        if self.draw(st.booleans()):
            part.spec["on_timeout"] = f"${{{text}}}"
        else:
            part.can_fail = True
        return part

    def _fail(self, known: list[Known]) -> _Part:
        part = _Part(kind="text", can_fail=True)
        message = self._text(known, part)
        part.spec = {"fail": self.one(message, {"message": message, "code": "drawn"})}
        return part

    def _body_policies(self, part: _Part) -> _Part:
        if part.can_fail and self.is_drawn(4):
            part.spec["retry"] = {"attempts": 2, "backoff": "90s", "jitter": 0}
        if self.words.races and self.is_drawn(8):
            part.can_fail = True
            part.spec["timeout"] = self.one("900s", "2500s")
        return part

    def _can_fail(self, nodes: dict[str, Data]) -> bool:
        """Whether a failure within a body may come out of it."""
        return self.words.fatal or any(
            "on_error" not in spec and ("fail" in spec or "fails" in str(spec))
            for spec in nodes.values()
        )

    def _switch(self, known: list[Known], depth: int) -> _Part:
        part = _Part(kind=self.one("int", "text", "list"))
        cases: list[Data] = []
        has_else = self.draw(st.booleans())
        part.is_skippable = not has_else
        for at in range(self.draw(st.integers(1, 2)) + has_else):
            is_last = has_else and at > 0
            head: Data = {"else": True} if is_last else {"when": self.condition(known, part)}
            nodes, inner = self.body(known, depth)
            part.can_fail = part.can_fail or self._can_fail(nodes)
            output = self.value(part.kind, inner, part)
            cases.append({**head, "nodes": nodes, "output": f"${{{output}}}"})
            if is_last:
                break
        else:
            part.is_skippable = True
        part.spec = {"switch": cases}
        return part

    def _for_each(self, known: list[Known], depth: int) -> _Part:
        part, item, body = _Part(kind="any"), self.name("i"), _Part()
        items = self.value("list", known, part)
        around = [*_outside(known), Known(item, "int"), Known("loop.index", "int")]
        nodes, inner = self.body(around, depth)
        output = self.value("int", inner, body)
        part.spec = {
            "for_each": f"${{{items}}}",
            "as": item,
            "nodes": nodes,
            "output": f"${{{output}}}",
        }
        part.can_fail = self._can_fail(nodes)
        if self.is_drawn(3):
            part.spec["key"] = f"k${{loop.index}}-${{{item}}}"
        if self.is_drawn(3):
            part.spec["concurrency"] = self.one(1, 2)
        if part.can_fail and self.is_drawn(3):
            part.spec["partial"], part.can_fail = True, False
        elif not body.is_skippable:
            part.kind = "list"
        return part

    def _until(self, known: list[Known], depth: int) -> _Part:
        part = _Part(kind=self.one("int", "text"))
        state = Known("loop.state.n", "int")
        start = self.value("int", known, part)
        nodes, inner = self.body([*_outside(known), state, Known("loop.pass", "int")], depth)
        condition, never = self.condition(inner, _Part(), plain=False), _Part()
        follows = self.value("int", inner, never, plain=False)
        passes = self.draw(st.integers(1, 3))
        part.can_fail = self._can_fail(nodes)
        if self.is_drawn(3):
            part.can_fail = True
            until = condition
        else:
            until = f"loop.pass >= {passes} || {condition}"
        part.spec = {
            "until": until, "max": passes, "state": {"n": f"${{{start}}}"}, "nodes": nodes,
            "next": {"n": f"${{{follows}}}"}, "output": f"${{{self.value(part.kind, inner, part)}}}",
        }  # fmt: skip
        if self.is_drawn(3):
            part.spec["every"] = "55s"
        return part

    def _while(self, known: list[Known], depth: int) -> _Part:
        part = _Part(kind="int")
        start = self.draw(st.integers(0, 3))
        nodes, inner = self.body([*_outside(known), Known("loop.state", "int")], depth)
        missing = [
            Known(one.text, one.kind, one.is_node, one.text in nodes or one.may_be_missing)
            for one in inner
        ]
        output = self.value("int", missing, part)
        part.can_fail = self._can_fail(nodes)
        part.spec = {
            "while": "loop.state < 2", "max": 2, "state": start, "nodes": nodes,
            "next": "${loop.state + 1}", "output": f"${{{output}}}",
        }  # fmt: skip
        return part

    def _flow(self, known: list[Known], depth: int) -> _Part:
        part = _Part(kind=self.one("int", "text", "list"))
        args = {"n": f"${{{self.value('int', known, part)}}}"}
        if self.draw(st.booleans()):
            args["text"] = f"${{{self.value('text', known, part)}}}"
        around = [Known("input.n", "int"), Known("(input.text ?? 'none')", "text")]
        nodes, inner = self.body(around, depth)
        output = self.value(part.kind, inner, _Part(), plain=False)
        types = {"n": "integer", "text": "string?"}
        inner_flow = {"input": types, "nodes": nodes, "output": f"${{{output}}}"}
        part.spec = {"flow": inner_flow, "args": args}
        part.can_fail = self._can_fail(nodes)
        return part

    # the document -----------------------------------------------------------------------

    def document(self) -> Flow:
        known = [
            Known("input.n", "int"), Known("input.text", "text"), Known("input.items", "list"),
            Known("(input.note ?? '')", "text"), Known("env.REGION", "text"),
        ]  # fmt: skip
        nodes, inner = self.body(known, 0)
        input: Data = {
            "n": self.draw(st.integers(0, 5)), "text": self.one("", "abc"),
            "items": self.draw(st.lists(st.integers(0, 9), max_size=3)),
        }  # fmt: skip
        if self.is_drawn(3):
            input["note"] = self.one(None, "note")
        document: Data = {
            "podium": 1, "name": "proof", "env": {"REGION": "eu"},
            "input": {"n": "integer", "text": "string", "items": ["integer"], "note": "string?"},
            "nodes": nodes, "output": self._output(inner[len(known) :]),
        }  # fmt: skip
        return Flow(document, input)

    def _output(self, own: list[Known]) -> Data:
        """Give the values, and how the nodes ended, of all or of some."""
        shown = own if self.draw(st.booleans()) else [one for one in own if self.is_drawn(2)]
        output: Data = {}
        for one in shown:
            mark = "?" if one.may_be_missing else ""
            output[one.text] = [f"${{{one.text}{mark}}}", f"${{outcome.{one.text}}}"]
        return output


@st.composite
def flows(draw: st.DrawFn, words: Words = Words()) -> Flow:
    """Draw a document that is sound, and an input."""
    return _Drawing(draw, words).document()


def _outside(known: list[Known]) -> list[Known]:
    """F-46 ``loop`` is that of the innermost body."""
    return [one for one in known if not one.text.startswith("loop.")]


def _literal(kind: str) -> str:
    return {"int": "9", "text": "'no'", "list": "[8]", "record": _RECORD}[kind]

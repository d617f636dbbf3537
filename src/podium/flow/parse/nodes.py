"""Bodies, nodes and their kinds."""

from __future__ import annotations

import re

from collections.abc import Callable, Mapping
from typing import Any, Final

from podium.core.durations import seconds
from podium.core.errors import InvalidOption
from podium.core.limits import MAP_ITEMS_MAX
from podium.flow.expression.errors import near
from podium.flow.expression.names import FORBIDDEN_IDS
from podium.flow.model import (
    CONCURRENCY,
    Ask,
    Body,
    Call,
    Case,
    Document,
    Fail,
    ForEach,
    Loop,
    Node,
    Set,
    SubFlow,
    Switch,
    WaitFor,
    WaitSignal,
    WaitUntil,
    Work,
)
from podium.flow.parse.agents import Agents, read_value_type
from podium.flow.parse.fields import read_fields
from podium.flow.parse.policies import (
    COMMON,
    read_after,
    read_join,
    read_policy,
)
from podium.flow.parse.words import MISSING, Reading, Words
from podium.flow.places import child

ID = re.compile(r"[a-z][a-z0-9_]*")
DEPTH_MAX: Final = 20
"""Bodies within bodies."""
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "call": ("args", "concurrency"),
    "flow": ("args",),
    "agent": ("goal", "args", "trust"),
    "plan": ("args", "trust"),
    "switch": (),
    "for_each": ("as", "key", "concurrency", "partial", "nodes", "output"),
    "while": ("max", "every", "state", "next", "nodes", "output"),
    "until": ("max", "every", "state", "next", "nodes", "output"),
    "wait": (),
    "ask": ("form", "to", "on_timeout"),
    "set": (),
    "fail": (),
}
"""The words that make a node's kind, and those that belong to each."""
_KINDS_LATER: Final = ("team",)

SubFlows = Callable[[Any, str, str], Document | None]
"""Takes in what stands at ``flow:``, with its place, for a node of that id."""


class Nodes:
    """Reads bodies and what is in them."""

    def __init__(self, reading: Reading, take_in: SubFlows) -> None:
        self._reading = reading
        self._take_in = take_in
        self._agents = Agents(reading)

    def body(self, words: Words, depth: int = 0) -> Body:
        """Read ``nodes`` and ``output`` of a flow, a case, or a repeated body."""
        at = words.at_word("nodes")
        nodes: dict[str, Node] = {}
        if depth > DEPTH_MAX:
            hint = "Make the inner part a flow of its own."
            self._reading.fault(
                "too-deep", at, f"more than {DEPTH_MAX} bodies within bodies.", hint
            )
        else:
            given = self._reading.mapping(words.take("nodes", {}), at, "nodes by id")
            for name, data in given.items():
                place = child(at, name)
                self._check_id(name, place)
                node = self._node(name, data, place, depth)
                if node is not None:
                    nodes[name] = node
        return Body(words.at, nodes, words.optional_template("output"))

    def _check_id(self, name: str, at: str) -> None:
        if name in FORBIDDEN_IDS:
            self._reading.fault(
                "bad-id", at, f"{name!r} means something in expressions already.", "Choose another."
            )
        elif not ID.fullmatch(name):
            hint = "An id has small letters, digits and '_', and begins with a letter."
            self._reading.fault("bad-id", at, f"{name!r:.80} is no id.", hint)

    def _node(self, name: str, data: Any, at: str, depth: int) -> Node | None:
        expected = "a kind such as call, and what belongs to it"
        words = Words(self._reading, self._reading.mapping(data, at, expected), at)
        kind = self._kind(words)
        if kind is None:
            return None
        known = (*COMMON, kind, *KINDS[kind])
        words.refuse_others(known, f"a node of kind {kind!r}")
        return Node(
            id=name, at=at, kind=kind, work=self._work(kind, name, words, depth),
            description=words.text("description"),
            when=words.expression("when") if "when" in words else None,
            after=read_after(words), join=read_join(words), on_error=words.text("on_error", "fail"),
            policy=read_policy(words, kind),
        )  # fmt: skip

    def _kind(self, words: Words) -> str | None:
        kinds = [kind for kind in KINDS if kind in words]
        if len(kinds) == 1:
            return kinds[0]
        if kinds:
            text = " and ".join(kinds)
            hint = "Make them two nodes."
            self._reading.fault(
                "two-kinds", words.at, f"a node has one kind; this has {text}.", hint
            )
            return None
        later = [kind for kind in _KINDS_LATER if kind in words]
        if later:
            text = f"nodes of kind {later[0]!r} are not carried out yet."
            self._reading.fault("not-here-yet", words.at, text)
            return None
        unknown = [word for word in words if word not in COMMON]
        hint = next((found for word in unknown if (found := near(word, KINDS))), "")
        hint = hint or f"It needs one of {', '.join(KINDS)}."
        self._reading.fault("no-kind", words.at, "this node has no kind.", hint)
        return None

    # kinds ------------------------------------------------------------------------------

    def _work(self, kind: str, name: str, words: Words, depth: int) -> Work:
        match kind:
            case "call":
                return Call(self._name(words, "call"), words.arguments("args"))
            case "flow":
                return self._sub_flow(name, words)
            case "agent":
                return self._agents.agent(words)
            case "plan":
                return self._agents.plan(words)
            case "switch":
                return self._switch(words, depth)
            case "for_each":
                return self._for_each(words, depth)
            case "while" | "until":
                return self._loop(kind, words, depth)
            case "wait":
                return self._wait(words)
            case "ask":
                return self._ask(words)
            case "set":
                return Set(words.template("set"))
            case _:
                return self._fail(words)

    def _name(self, words: Words, word: str) -> str:
        """Read the name of a task."""
        name = words.text(word)
        if not name:
            at = words.at_word(word)
            self._reading.fault("wrong-type", at, f"{word!r}: expected the name of a task.")
        return name

    def _sub_flow(self, name: str, words: Words) -> SubFlow:
        given = words.take("flow")
        is_name = isinstance(given, str) and not given.endswith((".yaml", ".yml", ".json"))
        document = None if is_name else self._take_in(given, words.at_word("flow"), name)
        known_as = given if is_name else document.name if document else name
        file = given if isinstance(given, str) and not is_name else ""
        return SubFlow(known_as, document, words.arguments("args"), file)

    def _switch(self, words: Words, depth: int) -> Switch:
        at = words.at_word("switch")
        given = words.take("switch")
        if not isinstance(given, list) or not given:
            self._reading.fault("wrong-type", at, f"expected a list of cases; got {given!r:.80}.")
            given = []
        return Switch(tuple(
            self._case(data, child(at, index), depth, is_last=index == len(given) - 1)
            for index, data in enumerate(given)
        ))  # fmt: skip

    def _case(self, data: Any, at: str, depth: int, *, is_last: bool) -> Case:
        expected = "when or else, nodes and output"
        words = Words(self._reading, self._reading.mapping(data, at, expected), at)
        words.refuse_others(("when", "else", "nodes", "output"), "a case")
        if ("when" in words) == ("else" in words):
            hint = "Write 'when: condition', or 'else: true' in the last one."
            self._reading.fault("wrong-case", at, "a case has either 'when' or 'else'.", hint)
        if "else" in words and words.take("else") is not True:
            self._reading.fault("wrong-type", words.at_word("else"), "expected 'else: true'.")
        if "else" in words and not is_last:
            self._reading.fault("wrong-case", at, "cases behind 'else' are never taken.")
        when = words.expression("when") if "when" in words else None
        return Case(when, self.body(words, depth + 1))

    def _for_each(self, words: Words, depth: int) -> ForEach:
        item = words.text("as", "item")
        if item != "item":
            self._check_id(item, words.at_word("as"))
        words.require("nodes", "say what is done for each item")
        key = words.optional_template("key")
        if key is not None and (key.is_constant or not isinstance(key.source, str)):
            text = f"the key {words.take('key')!r:.80} names no item."
            self._reading.fault("wrong-type", words.at_word("key"), text, f"Write '${{{item}.…}}'.")
        return ForEach(
            items=words.template("for_each"), item=item, key=key,
            concurrency=words.whole("concurrency", CONCURRENCY, most=MAP_ITEMS_MAX),
            is_partial=words.flag("partial"), body=self.body(words, depth + 1),
        )  # fmt: skip

    def _loop(self, kind: str, words: Words, depth: int) -> Loop:
        words.require("max", "say how many passes there may be at most")
        words.require("nodes", "say what is done in each pass")
        return Loop(
            condition=words.expression(kind), is_until=kind == "until",
            passes_max=words.whole("max", 1), every_s=words.duration_s("every") or 0.0,
            state=words.template("state"), next=words.optional_template("next"),
            body=self.body(words, depth + 1),
        )  # fmt: skip

    def _wait(self, words: Words) -> Work:
        given, at = words.take("wait"), words.at_word("wait")
        if isinstance(given, str):
            return WaitFor(self._duration(given, at))
        inner = Words(self._reading, self._reading.mapping(given, at, "until or signal"), at)
        if "until" in inner:
            inner.refuse_others(("until",), "a wait for a time")
            return WaitUntil(inner.template("until"))
        inner.refuse_others(("signal", "type"), "a wait for a signal")
        inner.require(
            "signal", "say what is waited for: a duration, {until: time} or {signal: name}"
        )
        schema = None
        if "type" in inner:
            schema = read_value_type(self._reading, inner.take("type"), inner.at_word("type"))
        return WaitSignal(inner.text("signal"), schema)

    def _duration(self, given: str, at: str) -> Any:
        template = self._reading.template(given, at)
        if template.is_constant:
            try:
                seconds(given, what="wait")
            except InvalidOption as problem:
                self._reading.fault("bad-duration", at, str(problem))
        return template

    def _ask(self, words: Words) -> Ask:
        form = None
        if "form" in words:
            form = read_fields(self._reading, words.take("form"), words.at_word("form"))
        if "on_timeout" in words and "timeout" not in words:
            hint = "Say how long is waited: 'timeout: 2d'."
            self._reading.fault(
                "missing-word", words.at, "'on_timeout' means nothing without 'timeout'.", hint
            )
        return Ask(
            question=words.template("ask"), form=form, to=words.text("to", "anyone"),
            on_timeout=words.optional_template("on_timeout"),
        )  # fmt: skip

    def _fail(self, words: Words) -> Fail:
        given, at = words.take("fail", MISSING), words.at_word("fail")
        if isinstance(given, str):
            return Fail(self._reading.template(given, at), "failed")
        inner = Words(self._reading, self._reading.mapping(given, at, "message and code"), at)
        inner.refuse_others(("message", "code"), "fail")
        inner.require("message", "say why")
        return Fail(inner.template("message", ""), inner.text("code", "failed"))

"""A whole document: its head, its nodes, and the flows it takes in."""

from __future__ import annotations

import hashlib
import json
import re

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from podium.flow.bursts import uncollected
from podium.flow.findings import Finding
from podium.flow.model import LANGUAGE, Body, Document, SubFlow
from podium.flow.parse.agents import MODULE
from podium.flow.parse.fields import read_fields
from podium.flow.parse.nodes import Nodes
from podium.flow.parse.resilience import read_budget
from podium.flow.parse.words import Reading, Words
from podium.flow.places import child
from podium.flow.source.data import faults_of

NAME: Final = re.compile(r"[a-z][a-z0-9_-]*")
_MODULE: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_WORDS: Final = (
    "podium",
    "name",
    "description",
    "uses",
    "input",
    "env",
    "budget",
    "nodes",
    "output",
)
TAKEN_IN: Final = "flows"
"""Where the content of a document keeps the flows that it took in, by their names there."""
TAKEN_IN_DEPTH_MAX: Final = 20
"""How many flows may stand in a row of which each takes in the next."""

TakeIn = Callable[[str], "Taken"]
"""Gives the document that stands at a path, such as ``./ship.yaml``."""


class Parsed(NamedTuple):
    """A document as far as it could be read, and all that is wrong with its words."""

    document: Document | None
    findings: list[Finding]


class Taken(NamedTuple):
    """A flow that another one takes in: its data and name, or why it cannot be had."""

    data: Any = None
    name: str = ""
    key: str = ""
    """The same for the same flow, whatever path leads to it."""
    problem: str = ""
    take_in: TakeIn | None = None
    """How that flow takes in others: paths are relative to its own place."""


def parse(data: Any, *, name: str | None = None, take_in: TakeIn | None = None) -> Parsed:
    """Read a document; never raises for what is in it.

    Args:
        data: What should be JSON.
        name: What the flow is called if the document does not say.
        take_in: Gives the flows in files that it names; None where there are no files.
    """
    with uncollected():
        return _Parser(name, take_in, (), {}).parse_whole(data)


def canonical(data: Any) -> Any:
    """Return a document's data in the one form that is hashed and kept: nodes in their order, else by key."""
    if isinstance(data, dict):
        return {
            key: (
                {one: canonical(node) for one, node in data[key].items()}
                if key == "nodes" and isinstance(data[key], dict)
                else canonical(data[key])
            )
            for key in sorted(data)
        }
    return [canonical(one) for one in data] if isinstance(data, list) else data


def encoded(content: Mapping[str, Any]) -> bytes:
    """Return the content of a document as it is hashed and kept."""
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


class _Parser:
    """Reads one document.

    Attributes:
        taken: The contents of flows in files that it, or a flow in place, has taken in.
    """

    def __init__(
        self, name: str | None, take_in: TakeIn | None, above: tuple[str, ...],
        kept: Mapping[str, Any],
    ) -> None:  # fmt: skip
        self._name = name or ""
        self._take_in = take_in
        self._above = above
        self._kept = kept
        self._reading = Reading()
        self.taken: dict[str, Any] = {}

    def parse_whole(self, data: Any) -> Parsed:
        """Read what is no part of data that was looked through already."""
        bare = data
        if isinstance(data, dict) and self._is_content(
            data
        ):  # those in there are read on their own
            bare = {word: value for word, value in data.items() if word != TAKEN_IN}
        findings = faults_of(bare)
        return Parsed(None, findings) if findings else self.parse(data)

    def parse(self, data: Any) -> Parsed:
        """Read it."""
        reading = self._reading
        given = reading.mapping(data, "$", "podium: 1, nodes and output")
        if not given:
            return Parsed(None, reading.findings or [_empty()])
        words = Words(reading, given, "$")
        words.refuse_others((*_WORDS, *([TAKEN_IN] if self._is_content(given) else [])), "a flow")
        self._check_version(words)
        words.require("nodes", "a flow consists of nodes")
        self._name = self._read_name(words)
        body = Nodes(reading, self._sub_flow).body(words)
        document = Document(
            name=self._name,
            description=words.text("description"),
            uses=_with_own(self._read_uses(words), body),
            input=read_fields(reading, words.take("input", {}), "$.input"),
            env=self._read_env(words),
            body=body,
            hash="",
            content={},
            budget=read_budget(words),
        )
        if any(finding.is_error for finding in reading.findings):
            return Parsed(document, reading.findings)
        return Parsed(self._sealed(document, given), reading.findings)

    def _is_content(self, given: Mapping[str, Any]) -> bool:
        """Whether this is what a run has kept, with the flows it took in, rather than a file."""
        kept = given.get(TAKEN_IN)
        if self._take_in is None and isinstance(kept, dict):
            self._kept = kept
            return True
        return False

    def _sealed(self, document: Document, given: Mapping[str, Any]) -> Document:
        own = {word: value for word, value in given.items() if word != TAKEN_IN}
        content = canonical({**own, "name": document.name})
        if self.taken:
            content[TAKEN_IN] = dict(sorted(self.taken.items()))
        digest = hashlib.blake2b(encoded(content), digest_size=16).hexdigest()
        return Document(
            document.name, document.description, document.uses, document.input, document.env,
            document.body, digest, content, document.budget,
        )  # fmt: skip

    # the head ---------------------------------------------------------------------------

    def _check_version(self, words: Words) -> None:
        version = words.take("podium", None)
        if version is None:
            self._reading.fault(
                "missing-word", "$", "'podium' is missing.", f"Begin with 'podium: {LANGUAGE}'."
            )
        elif version != LANGUAGE or isinstance(version, bool):
            text = f"this Podium reads version {LANGUAGE} of the language, not {version!r:.40}."
            self._reading.fault("wrong-version", "$.podium", text)

    def _read_name(self, words: Words) -> str:
        name = words.text("name", self._name)
        if not name:
            hint = "Give it one: 'name: support'."
            self._reading.fault("missing-word", "$", "the flow has no name.", hint)
        elif not NAME.fullmatch(name) or len(name) > 100:
            hint = "A name has small letters, digits, '_' and '-', and begins with a letter."
            self._reading.fault("bad-id", "$.name", f"{name!r:.120} is no name of a flow.", hint)
        return name

    def _read_uses(self, words: Words) -> tuple[str, ...]:
        uses = words.texts("uses")
        for index, module in enumerate(uses):
            if not _MODULE.fullmatch(module):
                at = child("$.uses", index)
                self._reading.fault("wrong-type", at, f"{module!r:.80} is no name of a module.")
        return uses

    def _read_env(self, words: Words) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        expected = "variables and what they are where they are not set"
        given = self._reading.mapping(words.take("env", {}), "$.env", expected)
        for name, value in given.items():
            if value is None or isinstance(value, str):
                found[name] = value
            else:
                hint = f"Put it in quotes: '{name}: \"{value}\"'."
                self._reading.fault(
                    "wrong-type",
                    child("$.env", name),
                    f"variables are texts; got {value!r:.80}.",
                    hint,
                )
        return found

    # flows within -----------------------------------------------------------------------

    def _sub_flow(self, given: Any, at: str, node: str) -> Document | None:
        """Take in a flow that stands here, or in a file, or was taken in before."""
        if isinstance(given, dict):
            parser = _Parser(f"{self._name}-{node}", self._take_in, self._above, self._kept)
            document = self._inner(parser.parse({"podium": LANGUAGE, **given}), at)
            self.taken.update(parser.taken)
            return document
        if not isinstance(given, str):
            expected = "a file, the name of a workflow, or a flow in place"
            self._reading.fault("wrong-type", at, f"expected {expected}; got {given!r:.80}.")
            return None
        if len(self._above) >= TAKEN_IN_DEPTH_MAX:
            text = f"more than {TAKEN_IN_DEPTH_MAX} flows that take in each other."
            self._reading.fault("too-deep", at, text)
            return None
        if given in self._kept:
            parser = _Parser(None, None, (*self._above, given), {})
            parsed = parser.parse_whole(self._kept[given])
            return self._keep(given, self._inner(parsed, at, given))
        if self._take_in is None:
            hint = "Load the flow from its file, or put the inner one in place."
            self._reading.fault(
                "no-files", at, f"{given!r} is a file, and none are read here.", hint
            )
            return None
        taken = self._take_in(given)
        if taken.problem:
            self._reading.fault("unreadable-flow", at, taken.problem)
            return None
        if taken.key in self._above:
            chain = " → ".join([*self._above, taken.key])
            self._reading.fault("recursive-flow", at, f"a flow takes in itself: {chain}.")
            return None
        parser = _Parser(taken.name, taken.take_in, (*self._above, taken.key), {})
        return self._keep(given, self._inner(parser.parse_whole(taken.data), at, given))

    def _keep(self, given: str, document: Document | None) -> Document | None:
        if document is not None:
            self.taken[given] = document.content
        return document

    def _inner(self, parsed: Parsed, at: str, file: str = "") -> Document | None:
        self._reading.findings.extend(one.within(at, file) for one in parsed.findings)
        return parsed.document


def _with_own(uses: tuple[str, ...], body: Body) -> tuple[str, ...]:
    """Return the modules that are used, with those that register what nodes and gates start."""
    own = [node.work.module for node in body.walk() if isinstance(node.work, SubFlow)]
    gates = (node.policy.verify for node in body.walk())
    own += [MODULE for one in gates if one is not None and one.needs_program]
    return tuple(dict.fromkeys([*uses, *(module for module in own if module)]))


def _empty() -> Finding:
    return Finding("empty", "$", "there is no document.", "Begin with 'podium: 1'.")

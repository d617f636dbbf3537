"""The cases of the multi-turn set, read from the installed package: gold calls as names and JSON arguments."""

import ast
import json

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from tests.bfcl.tables import CHANGES

CATEGORIES = ("base", "miss_func", "miss_param", "long_context")
_TYPES = {"dict": "object", "float": "number", "tuple": "array"}
"""JSON Schema's words for those of the set."""


class GoldCall(NamedTuple):
    """A call of a case: as the set writes it, and as a model would ask for it."""

    text: str
    tool: str
    arguments: dict[str, Any]

    @property
    def changes(self) -> bool:
        """Whether it changes the world."""
        world, _, method = self.tool.partition(".")
        return method in CHANGES[world]


class Case(NamedTuple):
    """A conversation of which the calls are known that bring the worlds to the right state."""

    id: str
    classes: list[str]
    config: dict[str, Any]
    turns: list[list[GoldCall]]

    @property
    def is_long(self) -> bool:
        """Whether its worlds are filled up with what does not matter."""
        return "long_context" in self.id

    @property
    def calls(self) -> list[GoldCall]:
        """Its calls in order."""
        return [call for turn in self.turns for call in turn]


def _data() -> Path:
    spec = find_spec("bfcl_eval")
    assert spec is not None, "the set is not installed: make setup"
    assert spec.origin is not None
    return Path(spec.origin).parent / "data"


def _lines(pattern: str) -> list[dict[str, Any]]:
    [path] = _data().glob(pattern)
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@cache
def documents() -> dict[str, dict[str, Any]]:
    """Return the set's description of each method, by ``Class.method``, with JSON Schemas."""
    from bfcl_eval.constants.executable_backend_config import MULTI_TURN_FUNC_DOC_FILE_MAPPING

    found = {}
    for world in CHANGES:
        for one in _lines(f"multi_turn_func_doc/{MULTI_TURN_FUNC_DOC_FILE_MAPPING[world]}"):
            found[f"{world}.{one['name']}"] = _as_json_schema(one)
    return found


@cache
def cases() -> dict[str, Case]:
    """Return every case of the set by its id."""
    found = {}
    for category in CATEGORIES:
        name = f"*_multi_turn_{category}.json"
        gold = {one["id"]: one["ground_truth"] for one in _lines(f"possible_answer/{name}")}
        for one in _lines(name):
            worlds = one["involved_classes"]
            turns = [[_parsed(text, worlds) for text in turn] for turn in gold[one["id"]]]
            found[one["id"]] = Case(one["id"], worlds, one["initial_config"], turns)
    return found


def _parsed(text: str, worlds: list[str]) -> GoldCall:
    """Read a call such as ``sort('report.txt')``."""
    call = ast.parse(text, mode="eval").body
    assert isinstance(call, ast.Call), text
    assert isinstance(call.func, ast.Name), text
    name = call.func.id
    [tool] = [f"{world}.{name}" for world in worlds if f"{world}.{name}" in documents()]
    assert len(call.args) <= 1, f"{text}: the order of parameters differs in document and method"
    given: dict[str, Any] = {
        next(iter(documents()[tool]["parameters"]["properties"])): ast.literal_eval(one)
        for one in call.args
    }
    for one in call.keywords:
        assert one.arg is not None, text
        given[one.arg] = ast.literal_eval(one.value)
    return GoldCall(text, tool, json.loads(json.dumps(given)))


def _as_json_schema(described: Any) -> Any:
    if isinstance(described, list):
        return [_as_json_schema(one) for one in described]
    if not isinstance(described, dict):
        return described
    return {
        key: _TYPES.get(value, value)
        if key == "type" and isinstance(value, str)
        else _as_json_schema(value)
        for key, value in described.items()
    }


def as_text(value: Any) -> str:
    """Say a result as the set's own execution does."""
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, dict) else str(value)

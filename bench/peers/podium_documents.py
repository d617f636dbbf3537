"""The benchmark's workflows as flow documents, beside those written as functions."""

from __future__ import annotations

import json

from typing import Any

from podium import Flow


def chain(n: int) -> Flow:
    """Return n read steps, one after the other."""
    nodes: dict[str, Any] = {"s0": {"call": "look", "args": {"d": {"x": 0, "i": 0}}}}
    for i in range(1, n):
        nodes[f"s{i}"] = {"call": "look", "args": {"d": f"${{s{i - 1}}}"}}
    return Flow.from_dict(_flow("chain", nodes, f"${{s{n - 1}.x}}"))


def fan() -> Flow:
    """Return a `for_each` over a list of numbers."""
    body = {"one": {"call": "branch", "args": {"k": "${item}"}}}
    each = {"for_each": "${input.ks}", "nodes": body, "output": "${one.k}"}
    flow = _flow("fan", {"all": each}, "${size(all)}")
    return Flow.from_dict({**flow, "input": {"ks": ["integer"]}})


def wide(n: int) -> str:
    """Return the text of a document of n nodes that only compute, each on two others."""
    nodes: dict[str, Any] = {"s0": {"set": 1}, "s1": {"set": 2}}
    for i in range(2, n):
        nodes[f"s{i}"] = {
            "when": f"s{i - 1} != 0",
            "set": f"${{(s{i - 1}? ?? 0) + (s{i // 2}? ?? 0) % 7}}",
        }
    return json.dumps(_flow("wide", nodes, f"${{s{n - 1}? ?? 0}}"))


def _flow(name: str, nodes: dict[str, Any], output: str) -> dict[str, Any]:
    return {"podium": 1, "name": name, "nodes": nodes, "output": output}

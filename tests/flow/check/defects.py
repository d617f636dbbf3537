"""One defect put into a sound document, and the finding that has to name it.

Each function takes a document as JSON, changes it, and returns the code and the path of the finding; None where
the document has nothing that could be changed so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Data = dict[str, Any]
Place = tuple[str, str, Data]
Seeded = tuple[str, str] | None
Defect = Callable[[Data, Callable[[list[Any]], Any]], Seeded]


def nodes_of(document: Data, at: str = "$") -> Iterator[Place]:
    """Give each node with its path and the nodes that it stands among, those of bodies too."""
    nodes = document.get("nodes", {})
    for name, node in nodes.items():
        place = f"{at}.nodes.{name}"
        yield place, name, nodes
        for index, case in enumerate(node.get("switch", [])):
            yield from nodes_of(case, f"{place}.switch[{index}]")
        if "nodes" in node:
            yield from nodes_of(node, place)
        if isinstance(node.get("flow"), dict):
            yield from nodes_of(node["flow"], f"{place}.flow")


def _calls(document: Data) -> list[Place]:
    return [(at, name, nodes) for at, name, nodes in nodes_of(document) if "call" in nodes[name]]


def misspelt_name(document: Data, pick: Callable[[list[Any]], Any]) -> Seeded:
    """A call reads a node that is not there."""
    places = _calls(document)
    if not places:
        return None
    at, name, nodes = pick(places)
    nodes[name]["args"]["n"] = "${nosuch_node}"
    return "unknown-name", f"{at}.args.n"


def unknown_field(document: Data, pick: Callable[[list[Any]], Any]) -> Seeded:
    """A call reads a field that the input does not have."""
    places = _calls(document)
    if not places:
        return None
    at, name, nodes = pick(places)
    nodes[name]["args"]["n"] = "${input.nosuch_field}"
    return "unknown-field", f"{at}.args.n"


def undeclared_variable(document: Data, pick: Callable[[list[Any]], Any]) -> Seeded:
    """A call reads a variable that is not declared."""
    places = [one for one in _calls(document) if "text" in one[2][one[1]]["args"]]
    if not places:
        return None
    at, name, nodes = pick(places)
    nodes[name]["args"]["text"] = "${env.NOSUCH}"
    return "unknown-env", f"{at}.args.text"


def unknown_task(document: Data, pick: Callable[[list[Any]], Any]) -> Seeded:
    """A call of a task that is not there."""
    places = _calls(document)
    if not places:
        return None
    at, name, nodes = pick(places)
    nodes[name]["call"] += "_no_such"
    return "unknown-task", f"{at}.call"


def missing_argument(document: Data, pick: Callable[[list[Any]], Any]) -> Seeded:
    """A call without an argument that has no default."""
    places = _calls(document)
    if not places:
        return None
    at, name, nodes = pick(places)
    del nodes[name]["args"]["how"]
    return "missing-argument", at if not nodes[name]["args"] else f"{at}.args"


def extra_argument(document: Data, pick: Callable[[list[Any]], Any]) -> Seeded:
    """A call with an argument that the task does not take."""
    places = _calls(document)
    if not places:
        return None
    at, name, nodes = pick(places)
    nodes[name]["args"]["colour"] = "red"
    return "unknown-argument", f"{at}.args.colour"


def wrong_constant(document: Data, pick: Callable[[list[Any]], Any]) -> Seeded:
    """A text that stands where the task takes an integer."""
    places = _calls(document)
    if not places:
        return None
    at, name, nodes = pick(places)
    nodes[name]["args"]["n"] = "many"
    return "misfit", f"{at}.args.n"


def wrong_result(document: Data, pick: Callable[[list[Any]], Any]) -> Seeded:
    """A list that an expression gives where the task takes an integer."""
    places = _calls(document)
    if not places:
        return None
    at, name, nodes = pick(places)
    nodes[name]["args"]["n"] = "${[input.n, 2]}"
    return "misfit", f"{at}.args.n"


def wrong_condition(document: Data, pick: Callable[[list[Any]], Any]) -> Seeded:
    """A condition that is a number."""
    at, name, nodes = pick(list(nodes_of(document)))
    nodes[name]["when"] = "input.n + 1"
    return "misfit", f"{at}.when"


def waits_for_itself(document: Data, pick: Callable[[list[Any]], Any]) -> Seeded:
    """A node that has to be there before itself."""
    at, name, nodes = pick(list(nodes_of(document)))
    nodes[name]["after"] = [f"{name}?"]
    return "cycle", at


def wait_for_each_other(document: Data, pick: Callable[[list[Any]], Any]) -> Seeded:
    """Two nodes, each behind the other."""
    places = [one for one in nodes_of(document) if list(one[2]).index(one[1])]
    if not places:
        return None
    at, name, nodes = pick(places)
    first = next(iter(nodes))
    nodes[name]["after"] = [f"{first}?"]
    nodes[first]["after"] = [f"{name}?"]
    return "cycle", at.removesuffix(name) + first


def hidden_name(document: Data, pick: Callable[[list[Any]], Any]) -> Seeded:
    """A node within a body that is called like the node it is in."""
    places = [one for one in nodes_of(document) if "nodes" in one[2][one[1]]]
    if not places:
        return None
    at, name, nodes = pick(places)
    nodes[name]["nodes"][name] = {"wait": "1s"}
    return "shadowed-name", f"{at}.nodes.{name}"


def unknown_handler(document: Data, pick: Callable[[list[Any]], Any]) -> Seeded:
    """A handler that is not there."""
    at, name, nodes = pick(list(nodes_of(document)))
    nodes[name]["on_error"] = "nosuch_node"
    return "unknown-name", f"{at}.on_error"


def too_large_join(document: Data, pick: Callable[[list[Any]], Any]) -> Seeded:
    """A join of more dependencies than there can be."""
    at, name, nodes = pick(list(nodes_of(document)))
    nodes[name]["join"] = 1000
    return "unreachable", f"{at}.join"


def lost_output(document: Data, pick: Callable[[list[Any]], Any]) -> Seeded:
    """An output that needs what one path skips."""
    document["nodes"]["seldom"] = {"when": "input.n > 41", "set": 1}
    document["nodes"]["reader"] = {"set": "${seldom + 1}"}
    document["output"] = {"all": document.get("output"), "reader": "${reader}"}
    return "may-have-no-output", "$.output.reader"


def lowered_effect(document: Data, pick: Callable[[list[Any]], Any]) -> Seeded:
    """A document that makes less of an effect than the task says."""
    places = [one for one in _calls(document) if one[2][one[1]]["call"] == "proof_record"]
    if not places:
        return None
    at, name, nodes = pick(places)
    nodes[name]["effect"] = "pure"
    return "effect-lowered", f"{at}.effect"


def unread_node(document: Data, pick: Callable[[list[Any]], Any]) -> Seeded:
    """A node that changes nothing, and that nothing reads."""
    document["nodes"]["idle"] = {"set": "${input.n}"}
    return "unused", "$.nodes.idle"


DEFECTS: tuple[Defect, ...] = (
    misspelt_name, unknown_field, undeclared_variable, unknown_task, missing_argument, extra_argument,
    wrong_constant, wrong_result, wrong_condition, waits_for_itself, wait_for_each_other, hidden_name,
    unknown_handler, too_large_join, lost_output, lowered_effect, unread_node,
)  # fmt: skip

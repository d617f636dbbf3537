"""Programs of the source made by chance, and what they mean: a second reading of its specification.

Every value is ``{"n": number, "log": list}``, and each expression is there twice: as jq, and as Python.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

Data = dict[str, Any]
Seen = dict[str, Any]
Say = Callable[[Data, Seen], Any]


def _given(seen: Seen, name: str, otherwise: Any) -> Any:
    """Return a field of the context, or something else where it is null."""
    found = seen["context"].get(name)
    return otherwise if found is None else found


CONDITIONS: dict[str, Say] = {
    ".n % 2 == 0": lambda d, _: d["n"] % 2 == 0,
    ".n > 12": lambda d, _: d["n"] > 12,
    "(.log | length) > 4 and .n < 30": lambda d, _: len(d["log"]) > 4 and d["n"] < 30,
    "($context.c // 0) > 6": lambda _, s: _given(s, "c", 0) > 6,
    "$input.n < 8 or (.log | length) == 3": lambda d, s: s["input"]["n"] < 8 or len(d["log"]) == 3,
}
VALUES: dict[str, Say] = {
    "{ n: (.n + 1), log: .log }": lambda d, _: {"n": d["n"] + 1, "log": d["log"]},
    "{ n: .n, log: (.log + [.n]) }": lambda d, _: {"n": d["n"], "log": [*d["log"], d["n"]]},
    "{ n: ($context.c // .n), log: .log }": lambda d, s: {
        "n": _given(s, "c", d["n"]),
        "log": d["log"],
    },
    "{ n: (.n + 2), log: ($input.log + [$context.n // 7]) }": lambda d, s: {
        "n": d["n"] + 2,
        "log": [*s["input"]["log"], _given(s, "n", 7)],
    },
}
EXPORTS: dict[str, Say] = {
    "{ c: .n }": lambda d, _: {"c": d["n"]},
    "{ c: (($context.c // 0) + 1), n: $output.n }": lambda d, s: {
        "c": _given(s, "c", 0) + 1,
        "n": d["n"],
    },
}
STEPS_MAX = 300


class Ended(Exception):
    """The whole workflow is over."""


class Raised(Exception):
    """The source raised an error."""


class TooLong(Exception):
    """It goes on for too long to be of use."""


@dataclass
class Meaning:
    """Carries out a program.

    Attributes:
        value: What the next task is given.
        context: The workflow's context.
        variables: Items of loops.
    """

    value: Data
    context: Data
    variables: Data = field(default_factory=dict)
    steps: int = 0

    def run(self, tasks: list[Data]) -> Data:
        """Return the output of a workflow."""
        try:
            self.listing(tasks)
        except Ended:
            pass
        return self.value

    def seen(self, given: Data) -> Seen:
        """Return the variables that expressions see."""
        return {"input": given, "context": self.context, **self.variables}

    def listing(self, tasks: list[Data]) -> None:
        """Carry out a list of tasks."""
        names = [next(iter(one)) for one in tasks]
        at = 0
        while at < len(tasks):
            self.steps += 1
            if self.steps > STEPS_MAX:
                raise TooLong
            task = tasks[at][names[at]]
            then = self.task(names[at], task)
            if then == "end":
                raise Ended
            if then == "exit":
                return
            at = at + 1 if then == "continue" else names.index(then)

    def task(self, name: str, task: Data) -> str:
        """Carry out a task; return where it goes on."""
        raw = self.value
        if "if" in task and not CONDITIONS[task["if"]](raw, self.seen(raw)):
            return "continue"
        if "input" in task:
            self.value = VALUES[task["input"]["from"]](raw, self.seen(raw))
        given = self.value
        then = str(task.get("then", "continue"))
        if "switch" in task:
            then = self.switch(task["switch"], given, then)
        else:
            self.kind(name, task, given)
        if "output" in task:
            self.value = VALUES[task["output"]["as"]](self.value, self.seen(given))
        if "export" in task:
            self.context = EXPORTS[task["export"]["as"]](self.value, self.seen(given))
        return then

    def switch(self, cases: list[Data], given: Data, then: str) -> str:
        """Choose a case."""
        for case in cases:
            (one,) = case.values()
            if "when" not in one or CONDITIONS[one["when"]](given, self.seen(given)):
                return str(one["then"])
        return then

    def kind(self, name: str, task: Data, given: Data) -> None:
        """Do what a task is for."""
        if "set" in task:
            added = self.variables.get("item", 0) if "$item" in str(task["set"]) else 0
            self.value = {"n": given["n"] + 1 + added, "log": [*given["log"], name]}
        elif "for" in task:
            outside = dict(self.variables)
            for item in task["for"]["in"].strip("[]").split(","):
                self.variables["item"] = int(item)
                if "while" in task and not CONDITIONS[task["while"]](
                    self.value, self.seen(self.value)
                ):
                    break
                self.listing(task["do"])
            self.variables = outside
        elif "do" in task:
            self.listing(task["do"])
        elif "try" in task:
            outside, context = dict(self.variables), self.context
            try:
                self.listing(task["try"])
            except Raised:
                self.variables, self.value, self.context = outside, given, context
                self.listing(task["catch"]["do"])
        elif "raise" in task:
            raise Raised


# programs ---------------------------------------------------------------------------------

_NAMES = ["alpha", "beta", "gamma", "delta"]


@st.composite
def _list(draw: st.DrawFn, depth: int, in_for: bool) -> list[Data]:
    names = _NAMES[: draw(st.integers(1, 4 if depth == 0 else 3))]
    return [{name: draw(_task(names, name, depth, in_for))} for name in names]


@st.composite
def _task(draw: st.DrawFn, names: list[str], name: str, depth: int, in_for: bool) -> Data:
    target = st.sampled_from(["continue", "continue", "continue", "exit", "end", *names])
    kinds = ["set", "set", "switch", "switch"]
    kinds += ["do", "for", "try"] if depth < 2 else []
    kind = draw(st.sampled_from(kinds if depth == 0 else [*kinds, "raise"]))
    task: Data = {}
    match kind:
        case "set":
            added = " + $item" if in_for and draw(st.booleans()) else ""
            log = f'${{ .log + ["{name}"] }}'
            task["set"] = {"n": f"${{ .n + 1{added} }}", "log": log}
        case "switch":
            cases = draw(
                st.lists(st.sampled_from([*CONDITIONS]), min_size=1, max_size=2, unique=True)
            )
            task["switch"] = [
                {f"case{i}": {"when": when, "then": draw(target)}} for i, when in enumerate(cases)
            ]
            if draw(st.booleans()):
                task["switch"].append({"default": {"then": draw(target)}})
        case "do":
            task["do"] = draw(_list(depth + 1, in_for))
        case "for":
            task["for"] = {"in": draw(st.sampled_from(["[1]", "[4,2]", "[1,2,3]"]))}
            task["do"] = draw(_list(depth + 1, True))
            if draw(st.booleans()):
                task["while"] = draw(st.sampled_from([*CONDITIONS]))
        case "try":
            task["try"] = draw(_list(depth + 1, in_for))
            task["catch"] = {"do": draw(_list(depth + 1, in_for))}
        case _:
            task["raise"] = {"error": {"type": "https://a.org/errors/made-up", "status": 400}}
    _add_data(draw, task, kind, target)
    return task


def _add_data(draw: st.DrawFn, task: Data, kind: str, target: st.SearchStrategy[str]) -> None:
    if kind != "switch" and draw(st.integers(0, 3)) == 0:
        task["if"] = draw(st.sampled_from([*CONDITIONS]))
    if draw(st.integers(0, 3)) == 0:
        task["input"] = {"from": draw(st.sampled_from([*VALUES]))}
    if kind != "raise":
        if draw(st.integers(0, 3)) == 0:
            task["output"] = {"as": draw(st.sampled_from([*VALUES]))}
        if draw(st.integers(0, 3)) == 0:
            task["export"] = {"as": draw(st.sampled_from([*EXPORTS]))}
        if kind != "switch" or draw(st.booleans()):
            task["then"] = draw(target)


def programs() -> st.SearchStrategy[list[Data]]:
    """Give lists of tasks with jumps, loops, data and errors."""
    return _list(0, False)

"""Documents of every shape that the language has, for Hypothesis; and such with one thing wrong in them."""

from __future__ import annotations

import copy

from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from podium.flow.parse.policies import COMMON

IDS = st.sampled_from(["a", "b", "order", "pages_2", "x9"])
EXPRESSIONS = st.sampled_from(
    ["true", "a.ok", "input.n > 3 && has(a.b)", " size(order) == 0", "b? ?? false", True, False]
)
TEXTS = st.sampled_from(["", "plain", "Hello ${input.name}!", "${order}", "costs $5", "$${no}"])
DURATIONS = st.sampled_from(
    ["10m", "500ms", "1h30m", " 2d ", "1.5s", "0s", "PT5M", "P1DT2H", "P2W", "3us"]
)
VALUES = st.recursive(
    st.one_of(TEXTS, st.none(), st.booleans(), st.integers(-3, 3), st.just(1.5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(st.sampled_from(["k", "to", "$x"]), inner, max_size=2),
    ),
    max_leaves=4,
)
ARGS = st.dictionaries(st.sampled_from(["text", "order_id", "n"]), VALUES, max_size=2)
PLAIN_TYPES = st.sampled_from(
    [
        "string",
        "integer",
        "number",
        "boolean",
        "object",
        "array",
        "any",
        "file",
        "string?",
        "file?",
        "any?",
    ]
)
SCHEMAS = st.sampled_from([
    {}, {"type": "string"}, {"type": ["string", "null"], "minLength": 1}, {"enum": ["a", 1, None]},
    {"type": "integer", "minimum": 0, "default": 3}, {"const": 1}, {"anyOf": [{"type": "null"}, True]},
    {"type": "object", "properties": {"a": {"type": "string"}, "b": False}, "required": ["a"]},
    {"type": "array", "items": {"type": "number"}, "uniqueItems": True, "x-note": "any word"},
])  # fmt: skip
TYPES = st.one_of(
    PLAIN_TYPES, PLAIN_TYPES.map(lambda one: [one]), PLAIN_TYPES.map(lambda one: [[one]]), SCHEMAS
)
FIELDS = st.dictionaries(st.sampled_from(["message", "urls", "type", "Über"]), TYPES, max_size=2)
NAMES = st.sampled_from(["TimeoutError", "KeyError"])


def one_or_many(one: st.SearchStrategy[Any], least: int = 0) -> st.SearchStrategy[Any]:
    """One of it, or a list of at least `least`."""
    return st.one_of(one, st.lists(one, min_size=least, max_size=2))


SOME_TIME = st.sampled_from(["10m", "500ms", "PT5M"])
STATUSES = st.sampled_from([429, 503])
RULES = st.fixed_dictionaries(
    {"on": one_or_many(NAMES, least=1)},
    optional={
        "on_status": STATUSES, "attempts": st.integers(1, 9), "backoff": DURATIONS,
        "factor": st.sampled_from([1, 2.5]), "backoff_max": DURATIONS, "jitter": st.just(0.5),
    },
)  # fmt: skip
RETRY = st.one_of(
    st.integers(1, 9),
    st.fixed_dictionaries({}, optional={
        "attempts": st.integers(1, 9), "backoff": DURATIONS, "factor": st.sampled_from([1, 2.5, 1000]),
        "backoff_max": DURATIONS, "jitter": st.sampled_from([0, 0.5, 1]), "on": one_or_many(NAMES),
        "not_on": one_or_many(NAMES), "on_status": one_or_many(STATUSES),
        "not_on_status": one_or_many(STATUSES), "rules": st.lists(RULES, max_size=2),
        "retry_after_max": SOME_TIME,
    }),
)  # fmt: skip
KEYS = st.sampled_from(["crm", "crm:{order_id}"])
COUNTS = st.integers(1, 9)
FALLBACK = st.one_of(
    st.just("other"),
    st.fixed_dictionaries({"call": st.just("other")}, optional={"args": ARGS}),
    st.fixed_dictionaries({"last_good": SOME_TIME}),
    st.fixed_dictionaries({"value": VALUES}),
)
OUTSIDE_WORDS: dict[str, st.SearchStrategy[Any]] = {
    "lock": st.one_of(
        st.sampled_from(["till", "customer:${input.id}"]),
        st.fixed_dictionaries({"key": st.just("c:${a}")}, optional={"timeout": DURATIONS}),
    ),
    "priority": st.integers(-9, 9),
    "rate": st.one_of(
        st.sampled_from(["10/s", "500 / min", "3/10s"]),
        st.fixed_dictionaries(
            {"limit": st.just("10/s")}, optional={"key": KEYS, "strict": st.booleans()}
        ),
    ),
    "breaker": st.one_of(
        KEYS,
        st.fixed_dictionaries({}, optional={
            "key": KEYS, "failures": COUNTS, "failure_share": st.sampled_from([0.5, 1]), "slow": SOME_TIME,
            "slow_share": st.just(0.1), "window": SOME_TIME, "calls_min": COUNTS, "open": SOME_TIME,
            "probes": COUNTS, "when_open": st.sampled_from(["auto", "wait", "fail"]),
            "on": one_or_many(NAMES), "not_on": one_or_many(NAMES),
        }),
    ),
    "cache": st.one_of(
        SOME_TIME,
        st.fixed_dictionaries({"ttl": SOME_TIME}, optional={"key": one_or_many(st.just("order_id"))}),
    ),
    "fallback": one_or_many(FALLBACK),
    "queue_timeout": DURATIONS,
    "budget": st.one_of(
        st.fixed_dictionaries({"usd": st.sampled_from([0, 0.5, "0.000125"])}, optional={
            "name": TEXTS, "tokens": st.integers(0, 9), "at_limit": st.sampled_from(["stop", "ask", "cheaper"]),
            "unknown": st.sampled_from(["refuse", "allow"]),
        }),
        st.fixed_dictionaries({"time": SOME_TIME}, optional={"calls": COUNTS, "steps": COUNTS}),
    ),
    "heartbeat_timeout": SOME_TIME,
}  # fmt: skip
NAMED: dict[str, st.SearchStrategy[Any]] = {
    "name": st.just("strict"), "if_broken": st.sampled_from(["refuse", "pass"]),
}  # fmt: skip
GATE = st.one_of(
    EXPRESSIONS,
    st.fixed_dictionaries({"cel": EXPRESSIONS}, optional=NAMED),
    st.fixed_dictionaries({"schema": st.one_of(PLAIN_TYPES, SCHEMAS.filter(bool))}, optional=NAMED),
    st.fixed_dictionaries({"call": st.just("looks_right")}, optional={"args": ARGS, **NAMED}),
    st.fixed_dictionaries(
        {"command": st.just("run_tests")}, optional={"args": ARGS, "ok_codes": one_or_many(COUNTS)}
    ),
    st.fixed_dictionaries({"citations": VALUES}, optional=NAMED),
    st.fixed_dictionaries(
        {"judge": st.just("x:y"), "rubric": VALUES},
        optional={"repeats": COUNTS, "pass_score": st.sampled_from([0, 0.5, 1])},
    ),
    st.fixed_dictionaries(
        {"person": TEXTS.filter(bool)}, optional={"to": st.just("ann"), "timeout": SOME_TIME}
    ),
    st.fixed_dictionaries({"quorum": st.just(["true", {"cel": "a.b"}]), "of": st.integers(1, 2)}),
    st.fixed_dictionaries(
        {"ladder": st.just(["true", {"person": "?"}])},
        optional={"unsure": st.just(0.5), "amount_max": st.just(9)},
    ),
)
_POLICY = st.one_of(
    st.sampled_from(["reflect", "ask"]),
    st.fixed_dictionaries({"reflect": COUNTS}, optional={"as": st.just("notes")}),
    st.fixed_dictionaries(
        {"other_model": one_or_many(st.just("x:y"), least=1)},
        optional={"as": st.just("model"), "rounds": COUNTS},
    ),
    st.fixed_dictionaries(
        {"ask": st.just("ann")},
        optional={"as": st.just("notes"), "timeout": SOME_TIME, "rounds": COUNTS},
    ),
)
ON_REFUSAL = st.fixed_dictionaries({}, optional={"on_refusal": one_or_many(_POLICY)})
DECIDES = st.one_of(st.sampled_from(["all", "any", "settled"]), st.integers(1, 3))
POLICY_WORDS: dict[str, st.SearchStrategy[Any]] = {
    "description": TEXTS,
    "when": EXPRESSIONS,
    "after": one_or_many(st.sampled_from(["a", "order?"])),
    "join": st.one_of(
        DECIDES,
        st.fixed_dictionaries(
            {"of": DECIDES}, optional={"rest": st.sampled_from(["cancel", "continue"])}
        ),
    ),
    "on_error": st.sampled_from(["fail", "continue", "order"]),
    "retry": RETRY,
    "timeout": DURATIONS,
    "total_timeout": DURATIONS,
    "effect": st.sampled_from(["pure", "read", "write", "once"]),
    "compensate": st.one_of(
        st.just("release"),
        st.fixed_dictionaries({"call": st.just("release")}, optional={"args": ARGS}),
    ),
    **OUTSIDE_WORDS,
    "verify": st.one_of(
        GATE,
        st.lists(GATE, min_size=1, max_size=2),
        st.fixed_dictionaries(
            {"gates": GATE},
            optional={
                "about": st.fixed_dictionaries(
                    {},
                    optional={
                        "goal": TEXTS,
                        "sources": VALUES,
                        "amount": st.just("${a}"),
                        "effect": st.just("once"),
                    },
                )
            },
        ),
    ),
}
WAITS = st.one_of(
    DURATIONS,
    st.just("${input.pause}"),
    st.fixed_dictionaries({"until": TEXTS}),
    st.fixed_dictionaries({"signal": st.just("paid")}, optional={"type": st.one_of(TYPES, FIELDS)}),
)


def nodes(depth: int = 2) -> st.SearchStrategy[dict[str, Any]]:
    """Nodes by id, with bodies within bodies down to a depth."""
    return st.dictionaries(IDS, st.deferred(lambda: node(depth)), max_size=2 if depth else 1)


def node(depth: int) -> st.SearchStrategy[dict[str, Any]]:
    """A node of any kind, with any of the words that go with it."""
    kinds = [made for _, made in sorted(_kinds(depth).items())]
    return st.one_of(kinds).flatmap(lambda kind: few().map(lambda words: {**words, **kind}))


@st.composite
def few(draw: st.DrawFn) -> dict[str, Any]:
    """Up to three of the words that any node can have."""
    names = draw(st.lists(st.sampled_from(sorted(POLICY_WORDS)), unique=True, max_size=3))
    found = {name: draw(POLICY_WORDS[name]) for name in names}
    return {**found, **draw(ON_REFUSAL)} if "verify" in found else found


def _kinds(depth: int) -> dict[str, st.SearchStrategy[Any]]:
    args = {"args": ARGS}
    many = st.one_of(COUNTS, st.fixed_dictionaries({"limit": COUNTS}, optional={"key": KEYS}))
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "call": st.fixed_dictionaries({"call": st.just("fetch")}, optional={**args, "concurrency": many}),
        "flow": st.fixed_dictionaries({"flow": st.just("ship")}, optional=args),
        "wait": st.fixed_dictionaries({"wait": WAITS}),
        "ask": st.fixed_dictionaries(
            {"ask": TEXTS, "timeout": DURATIONS},
            optional={"form": FIELDS, "to": TEXTS, "on_timeout": VALUES},
        ),
        "set": st.fixed_dictionaries({"set": VALUES}),
        "fail": st.fixed_dictionaries({
            "fail": st.one_of(
                TEXTS, st.fixed_dictionaries({"message": TEXTS}, optional={"code": st.just("no-order")})
            )
        }),
    }  # fmt: skip
    return kinds if depth == 0 else kinds | _bodies(depth - 1)


def _bodies(depth: int) -> dict[str, st.SearchStrategy[Any]]:
    inner = nodes(depth)
    case = st.fixed_dictionaries({"when": EXPRESSIONS}, optional={"nodes": inner, "output": VALUES})
    last = st.fixed_dictionaries(
        {"else": st.just(True)}, optional={"nodes": inner, "output": VALUES}
    )
    passes = {"max": st.integers(1, 5), "nodes": inner}
    more = {"every": DURATIONS, "state": VALUES, "next": VALUES, "output": VALUES}
    head = {"name": st.just("inner"), "input": FIELDS, "output": VALUES, "podium": st.just(1)}
    return {
        "flow-in-place": st.fixed_dictionaries({
            "flow": st.fixed_dictionaries({"nodes": inner}, optional=head)
        }),
        "switch": st.fixed_dictionaries({
            "switch": st.one_of(
                st.lists(case, min_size=1, max_size=2),
                st.tuples(case, last).map(list),
            )
        }),
        "for_each": st.fixed_dictionaries(
            {"for_each": st.sampled_from(["${input.urls}", [1, 2]]), "nodes": inner},
            optional={
                "as": st.sampled_from(["url", "item"]), "key": st.sampled_from(["${url}", "${item.id}", "k${loop.index}"]), "concurrency": st.integers(1, 9),
                "partial": st.booleans(), "output": VALUES,
            },
        ),
        "while": st.fixed_dictionaries({"while": EXPRESSIONS, **passes}, optional=more),
        "until": st.fixed_dictionaries({"until": EXPRESSIONS, **passes}, optional=more),
    }  # fmt: skip


DOCUMENTS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"podium": st.just(1), "name": st.sampled_from(["support", "a-b_2"]), "nodes": nodes()},
    optional={
        "description": TEXTS, "uses": one_or_many(st.sampled_from(["shop", "shop.tools"])),
        "input": FIELDS, "output": VALUES,
        "env": st.dictionaries(st.sampled_from(["REGION", "x"]), st.sampled_from(["eu", "", None]), max_size=2),
    },
)  # fmt: skip
"""Documents that ``parse`` takes."""

Path = tuple[str | int, ...]
_OTHER = st.sampled_from([
    None, True, False, 0, 1, 7, -1, 1.5, 2_000_000, "", "x", "Big", "if", "10m", "10", "all", "string",
    "${input.a}", "${", "a b", [], ["x"], [1], ["a", "b"], {}, {"x": 1}, {"type": "string"}, {"type": "odd"},
    {"call": "f"}, {"until": "a", "signal": "b"}, {"message": "m"}, {"of": "any"}, {"attempts": 2}, {"k": "odd"},
])  # fmt: skip
_WORDS = st.sampled_from(
    [*COMMON, "call", "set", "nodes", "else", "Call", "max", "on", "if", "A b"]
)


@st.composite
def spoiled(draw: st.DrawFn) -> tuple[dict[str, Any], Path, Any]:
    """A document with one thing changed; where, and what stands there now."""
    document = copy.deepcopy(draw(DOCUMENTS))
    places = [*_places(document)]
    path = draw(st.sampled_from(places))
    parent = _at(document, path[:-1])
    key = path[-1]
    how = draw(st.sampled_from(["replace", "replace", "drop", "rename", "add"]))
    value: Any = None
    if how == "drop":
        del parent[key]
    elif how == "rename" and isinstance(parent, dict):
        value = parent.pop(key)
        path = (*path[:-1], draw(_WORDS))
        parent[path[-1]] = value
    elif how == "add" and isinstance(parent, dict):
        value = draw(_OTHER)
        path = (*path[:-1], draw(_WORDS))
        parent[path[-1]] = value
    else:
        value = draw(_OTHER)
        parent[key] = value
    return document, path, value


def _places(value: Any, path: Path = ()) -> Iterator[Path]:
    if path:
        yield path
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, one in items:
        yield from _places(one, (*path, key))


def _at(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value

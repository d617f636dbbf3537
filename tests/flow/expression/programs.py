"""Random expressions of the subset that is common with Google's implementation.

Mostly well typed, with a wrong kind here and there, so that errors are compared as well. What differs
on purpose is left out here and has tests of its own: mixed arithmetic, `has` below null, `??`, `name?`;
so is `substring` with two arguments, where theirs refuses the end of the text ('ab'.substring(0, 2)).
"""

from __future__ import annotations

import math

from typing import Any

from hypothesis import strategies as st

DATA: dict[str, Any] = {
    "i": 7,
    "j": -3,
    "top": 2**63 - 1,
    "d": 2.5,
    "e": -0.125,
    "s": "Grüße 😀",
    "w": "a,b,,c",
    "b": True,
    "nil": None,
    "li": [3, 1, 2, 2],
    "ls": ["b", "", "ab", "ü"],
    "ll": [[1], [], [2, 3]],
    "m": {"a": 1, "b": "x", "sub": {"a": None, "z": [1, {"y": 2.0}]}},
}

Pair = tuple[str, str]
"""One expression as we write it, and as Google does."""

KINDS = ("int", "double", "string", "bool", "list_int", "list_string", "map", "null")
_LITERALS = {
    "int": ["0", "1", "2", "-1", "5", "0x10", "4611686018427387904", "-9223372036854775808"],
    "double": ["0.0", "1.5", "-2.25", "1e3", "1e300", ".5"],
    "string": [
        "''",
        "'a'",
        "'b'",
        '"ü"',
        "'😀a'",
        r"'\u00fc\n'",
        "r'\\d'",
        "'12'",
        "'-1.5'",
        "'true'",
    ],
    "bool": ["true", "false"],
    "list_int": ["[]", "[1]", "[1, 2, 3]", "[5, 5, -1]"],
    "list_string": ["[]", "['a']", "['a', 'b', '']"],
    "map": ["{}", "{'a': 1}", "{'a': 1, 'b': [2]}"],
    "null": ["null"],
}
_NAMES = {
    "int": ["i", "j", "top", "li[0]", "m.a", "m['a']", "ll[0][0]", "m.sub.z[0]"],
    "double": ["d", "e", "m.sub.z[1].y"],
    "string": ["s", "w", "m.b", "ls[2]"],
    "bool": ["b"],
    "list_int": ["li", "ll[0]", "ll[1]"],
    "list_string": ["ls"],
    "map": ["m", "m.sub", "m.sub.z[1]"],
    "null": ["nil", "m.sub.a"],
}
_BROKEN = ["m.nothing", "li[9]", "nil.a", "m.sub.a.b", "(1 / 0)", "int('x')", "i.a", "nobody"]
_FORMS: dict[str, list[str]] = {
    "int": [
        "({int} + {int})", "({int} - {int})", "({int} * {int})", "({int} / {int})", "({int} % {int})",
        "-({int})",  "size({string})", "{string}.size()", "size({list_int})", "size({map})",
        "int({int})", "int({double})", "int({string})", "{list_int}[{int}]", "({bool} ? {int} : {int})",
        "{string}.indexOf({string})", "{string}.indexOf({string}, {int})", "{min}([{int}, {int}])",
        "{max}({int}, {int})", "timestamp({int}).getHours()", "duration('90m').getMinutes()",
        "timestamp('2026-02-28T23:59:59.5Z').getDayOfYear('+0{int}:30')", "{map}.a",
    ],
    "double": [
        "({double} + {double})", "({double} - {double})", "({double} * {double})", "({double} / {double})",
        "-({double})", "double({double})", "double({int})", "double({string})",
        "({bool} ? {double} : {double})", "{max}([{double}, {double}])",
    ],
    "string": [
        "({string} + {string})", "string({int})", "string({bool})", "string({string})",
        "{string}.lowerAscii()", "{string}.upperAscii()", "{string}.trim()", "{list_string}.join()",
        "{list_string}.join({string})", "{string}.replace({string}, {string})",
        "{string}.replace({string}, {string}, {int})", "{string}.substring({int})",
         "{string}.charAt({int})", "{list_string}[{int}]",
        "({bool} ? {string} : {string})", "string(timestamp(1700000000) + duration('{int}s'))",
    ],
    "bool": [
        "({int} < {int})", "({int} <= {double})", "({double} > {int})", "({double} >= {double})",
        "({string} < {string})", "({bool} < {bool})", "({int} == {int})", "({string} != {string})",
        "({any} == {any})", "({any} != {any})", "({bool} && {bool})", "({bool} || {bool})",
        "{bool} && {bool} || {bool}", "!({bool})", "({any} && {bool})", "({bool} || {any})",
        "({int} in {list_int})", "({any} in {list_string})", "({any} in {map})", "has(m.sub.a)", "has(m.zzz)", "has({{'a': {any}}}.a)",
        "{string}.contains({string})", "{string}.startsWith({string})", "{string}.endsWith({string})",
        "bool({string})", "({bool} ? {bool} : {bool})", "({list_int} == {list_int})",
        "{list_int}.all(x, x > {int})", "{list_int}.exists(x, {int} / x == {int})",
        "{list_int}.exists_one(x, x == {int})", "{list_string}.all(x, x.size() < {int} || {bool})",
        "{map}.exists(k, k == {string})", "{list_int}.all(x, {any})",
        "(timestamp({int}) < timestamp('2026-01-01T00:00:00Z'))", "(duration('{int}s') <= duration('1h'))",
    ],
    "list_int": [
        "({list_int} + {list_int})", "[{int}, {int}]", "{list_int}.map(x, x + {int})",
        "{list_int}.filter(x, x > {int})", "{list_int}.map(x, x != {int}, x * x)",
        "{list_string}.map(x, size(x))", "({bool} ? {list_int} : {list_int})",
        "{list_int}.filter(x, li.exists(y, y == x))", "{list_int}.map(x, li.map(y, x * y)[0])",
    ],
    "list_string": [
        "({list_string} + {list_string})", "[{string}, {string}]", "{string}.split({string})",
        "{string}.split({string}, {int})", "{list_string}.map(x, x + {string})",
        "{list_string}.filter(x, x != {string})", "{list_int}.map(x, string(x))",
    ],
    "map": ["{{'a': {int}, 'b': {any}}}", "{{({string} + ''): {int}}}", "({bool} ? {map} : {map})"],
    "null": [],
}  # fmt: skip
_FUNCTIONS = {"min": ("min", "math.least"), "max": ("max", "math.greatest")}


@st.composite
def expressions(draw: st.DrawFn) -> Pair:
    """Draw an expression."""
    return _draw(draw, draw(st.sampled_from(KINDS)), draw(st.integers(0, 4)))


def _draw(draw: st.DrawFn, kind: str, depth: int) -> Pair:
    if kind == "any" or (draw(st.integers(0, 24)) == 0 and kind not in {"int", "double"}):
        # (their maps have no order, so none goes where a list is expected)
        kind = draw(st.sampled_from([one for one in KINDS if one != "map" or "list" not in kind]))
    forms = _FORMS[kind]
    if depth > 0 and forms:
        return _fill(draw, draw(st.sampled_from(forms)), depth)
    if draw(st.integers(0, 24)) == 0:
        broken = draw(st.sampled_from(_BROKEN))
        return broken, broken
    word = draw(st.sampled_from(_LITERALS[kind] + _NAMES[kind]))
    return word, word


def _fill(draw: st.DrawFn, form: str, depth: int) -> Pair:
    """Put expressions into the places of a form; `{int}` right after text takes a small literal."""
    ours, google = "", ""
    for text, place in _places(form):
        ours, google = ours + text, google + text
        if place in _FUNCTIONS:
            ours, google = ours + _FUNCTIONS[place][0], google + _FUNCTIONS[place][1]
        elif place and text.endswith(("'", "+0")):
            digit = str(draw(st.integers(0, 9)))
            ours, google = ours + digit, google + digit
        elif place:
            one, other = _draw(draw, place, depth - 1)
            ours, google = ours + one, google + other
    return ours, google


def _places(form: str) -> list[tuple[str, str]]:
    """Cut a form into texts and the places after them."""
    found, text, rest = [], "", form
    while rest:
        if rest[:2] in {"{{", "}}"}:
            text, rest = text + rest[0], rest[2:]
        elif rest[0] == "{":
            end = rest.index("}")
            found.append((text, rest[1:end]))
            text, rest = "", rest[end + 1 :]
        else:
            text, rest = text + rest[0], rest[1:]
    return [*found, (text, "")]


def same(ours: Any, google: Any) -> bool:
    """Compare two results; a whole double may have left as an integer, a bool is no number."""
    if isinstance(ours, list) and isinstance(google, list):
        return len(ours) == len(google) and all(map(same, ours, google))
    if isinstance(ours, dict) and isinstance(google, dict):
        return ours.keys() == google.keys() and all(same(ours[key], google[key]) for key in ours)
    if isinstance(ours, bool) or isinstance(google, bool):
        return ours is google
    if isinstance(ours, float) and isinstance(google, float) and math.isnan(ours):
        return math.isnan(google)
    return bool(ours == google)


def has_no_json(value: Any) -> bool:
    """Say whether there is a number in a value that JSON does not have."""
    if isinstance(value, list):
        return any(map(has_no_json, value))
    if isinstance(value, dict):
        return any(map(has_no_json, value.values()))
    return isinstance(value, float) and not math.isfinite(value)

"""Expressions written to hurt: they end quickly and in little memory, with an error or a value.

Run as a program it evaluates them one by one in a process that may use little more than it has:
`python -m tests.flow.expression.hostile`.
"""

from __future__ import annotations

import random
import resource
import sys

from typing import Any

from podium.flow.expression import Expression, ExpressionError, Template

_ROWS = list(range(100_000))
DATA: dict[str, Any] = {
    "rows": _ROWS,
    "text": "ab" * 50_000,
    "hay": "a" * 2_499,
    "needle": "a" * 1_249 + "b" + "a" * 1_000,
    "coin": "".join(random.Random(1).choices("ab", k=100_000)),
    "large": {"x": ["y" * 1000] * 1000},
    "huge": 10**4000,
}
DEEP: Any = 1
for _ in range(50_000):
    DEEP = [DEEP]
DATA["deep"] = DEEP

EXPRESSIONS = {
    "loops in loops": "rows.all(a, rows.all(b, rows.all(c, a + b + c >= 0)))",
    "errors that are put off": "rows.all(a, rows.all(b, a / 0 > b))",
    "doubling": "[1]" + ".map(x, x + x)" * 55,
    "doubling of text": "['abcdefgh']" + ".map(s, s + s)" * 55,
    "doubling of a list": "[rows]" + ".map(s, s + s)" * 60,
    "sharing": "[1].map(a, [a, a, a, a])" + ".map(a, [a, a, a, a, a, a, a, a])" * 20,
    "a large value many times": "rows.map(x, large)",
    "a large value many times, shared": "rows.map(x, large).map(y, [y, y, y])",
    "many maps": "rows.map(x, {'a': x, 'b': {'c': x}})",
    "many texts": "rows.map(x, text + text)",
    "splitting": "rows.map(x, text.split('a'))",
    "splitting into letters": "rows.map(x, text.split(''))",
    "replacing": "rows.exists(x, text.replace('a', text) == '')",
    "joining": "rows.map(x, string(x)).join(text)",
    "searching": "rows.exists(x, hay.contains(needle))",
    "searching a place": "rows.map(x, hay.indexOf(needle))",
    "comparing texts": "rows.all(x, text == text + '')",
    "ordering texts": "rows.all(x, text + 'a' <= text + 'b')",
    "comparing lists": "rows.filter(x, rows == rows + [])",
    "looking in lists": "rows.map(x, x in rows)",
    "case": "rows.map(x, text.lowerAscii())",
    "trimming": "rows.map(x, text.trim())",
    "cutting": "rows.map(x, text.substring(1))",
    "calendar": "rows.map(x, timestamp('2026-01-01T00:00:00Z').getFullYear())",
    "the least": "rows.map(x, min(rows))",
    "adding lists": "rows.map(x, rows + rows)",
    "a large integer": "rows.map(x, huge * huge)",
    "a large integer as text": "string(huge)",
    "a large integer as double": "huge * 1.5",
    "a deep value compared": "deep == [deep]",
    "a deep value built in": "[deep]",
    "backtracking": "rows.exists(x, hay.matches('^(a+)+$b'))",
    "a million states": "'a'.matches('((((a{1,99}){1,99}){1,99}){1,99})')",
    "empty repetitions": "'a'.matches('((((){1000}){1000}){1000}){1000}')",
    "many sets of states": "coin.matches('(a|b)*a(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)c')",
    "a long repetition": "coin.matches('([ab]{1,500}){2}c')",
    "a pattern from data": "rows.exists(x, text.matches(coin))",
    "brackets": "(" * 2000 + "1" + ")" * 2000,
    "lists": "[" * 2000 + "]" * 2000,
    "not": "!" * 4000 + "true",
    "minus": "-" * 4000 + "1",
    "plus": "1" + "+1" * 2000,
    "and": "true" + "&&true" * 600,
    "choices": "true?1:" * 580 + "1",
    "fields": "a" + ".a" * 2000,
    "indexes": "a" + "[0]" * 1300,
    "calls": "size(" * 800 + "1" + ")" * 800,
    "methods": "'a'" + ".trim()" * 580,
    "first": "null" + "??null" * 600,
    "everything in everything": "1+2*[{'a':size(-(true?1:" * 150,
    "long numbers": "1" * 4000,
    "long exponents": "1e" + "9" * 4000,
    "quotes": '"""' * 1300 + "'",
    "escapes": "'" + "\\" * 4000,
    "comments": "//" * 2000,
    "too long": "1 + " * 100_000 + "1",
    "surrogates": "'\ud800'",
}
TEMPLATES: dict[str, Any] = {
    "many expressions": "${text}" * 1_000,
    "lists in a text": "${rows.map(x, large)}",
    "deep in a text": "x ${deep}",
    "nothing closed": "${" * 50_000,
    "braces": "${" + "{" * 3000,
    "dollars": "$" * 100_000 + "{",
    "a deep document": DEEP,
}


def outcome(name: str) -> str:
    """Evaluate one of them; return the code of its error, or what kind of value it gives."""
    try:
        if name in TEMPLATES:
            value = Template.parse(TEMPLATES[name]).evaluate(DATA)
        else:
            value = Expression.parse(EXPRESSIONS[name]).evaluate(DATA)
    except ExpressionError as error:
        return error.code
    return type(value).__name__


def main() -> None:
    """Evaluate all of them with at most 200 MB more than there is now, and 5 s of computing each."""
    pages = int(open("/proc/self/statm").read().split()[0])  # noqa: PTH123, SIM115  # one line of the kernel
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 200 * 2**20,) * 2)
    for name in (*EXPRESSIONS, *TEMPLATES):
        used = resource.getrusage(resource.RUSAGE_SELF)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 5, -1))
        print(f"{name}: {outcome(name)}", flush=True)


if __name__ == "__main__":
    sys.setrecursionlimit(1000)
    main()

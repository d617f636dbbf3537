"""Reads hostile documents within limits of memory and time: run as a program, one line for each."""

import resource
import sys
import time

from collections.abc import Iterator

from podium.core.errors import PodiumError
from podium.flow.flow import Flow

MEMORY_BYTES = 1_500_000_000
CPU_S = 120


def documents() -> Iterator[tuple[str, str | bytes]]:
    """Give each text with its name."""
    head = "podium: 1\nname: x\nnodes:\n"
    yield "brackets", head + "  a: {set: " + "[" * 100_000
    yield "closed brackets", head + "  a: {set: " + "[" * 100_000 + "]" * 100_000 + "}"
    yield "json brackets", '{"podium": 1, "nodes": ' + '{"a": ' * 100_000
    yield "indents", "".join(" " * depth + "a:\n" for depth in range(2_000))
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    yield "aliases", "\n".join(lines)
    yield "itself", "podium: 1\nnodes: &n {a: {set: *n}}"
    yield "number", head + "  a: {set: " + "9" * 1_000_000 + "}"
    yield "exponent", head + "  a: {set: 1e999999999}"
    yield "text", head + "  a: {set: '" + "x" * 3_000_000 + "'}"
    yield "too large", head + "#" * 20_000_000
    yield "expression", head + "  a: {set: '${" + "(" * 3_000 + "1" + ")" * 3_000 + "}'}"
    yield "chain", head + "  a: {set: '${" + " + ".join("1" * 1 for _ in range(900)) + "}'}"
    yield "expressions", head + "  a: {set: '" + "${1 + 1}" * 20_000 + "'}"
    yield "pattern", head + "  a: {set: \"${'a'.matches('" + "(a{1,99}){1,99}" * 9 + "')}\"}"
    deep = "{set: 1}"
    for depth in range(200):
        deep = f"{{switch: [{{else: true, nodes: {{n{depth}: {deep}}}}}]}}"
    yield "bodies", f"{head}  a: {deep}"
    yield "nodes", head + "".join(f"  n{n}: {{set: '${{n{n - 1}? ?? 0}}'}}\n" for n in range(3_000))
    yield (
        "circle",
        head + "".join(f"  n{n}: {{set: '${{n{(n + 1) % 3_000}}}'}}\n" for n in range(3_000)),
    )
    yield (
        "all of all",
        head
        + "".join(
            f"  n{n}: {{after: [{', '.join(f'n{one}' for one in range(n))}], wait: 1s}}\n"
            for n in range(300)
        ),
    )
    yield "not utf-8", b"\xff\xfe\x00" * 1_000
    yield "null bytes", b"\x00" * 100_000
    yield "schema", head + "  a: {set: 1}\ninput: {x: {type: string, pattern: '(((a+)+)+)+$'}}"
    yield (
        "items",
        head + "  a: {for_each: 1, concurrency: 99999999999999999999, nodes: {b: {set: 1}}}",
    )
    yield "passes", head + "  a: {until: 'true', max: 1e400, nodes: {b: {set: 1}}}"
    yield "time", head + "  a: {wait: " + "9" * 400 + "d}"


def main() -> int:
    """Read all of them; say of each what became of it."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    for name, text in documents():
        began_s = time.process_time()
        try:
            found = Flow.from_text(text).check()
            end = f"{len(found)} findings"
        except PodiumError as error:
            end = type(error).__name__
        print(f"{name}: {end} in {time.process_time() - began_s:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A tool in words, for people."""

from __future__ import annotations

import json

from collections.abc import Iterator
from typing import Any

from podium.cli import terminal
from podium.core.durations import text as duration
from podium.core.policies import Breaker, Concurrency, LastGood, Rate
from podium.core.spec import TaskOptions, TaskSpec
from podium.tools.expected import expected
from podium.tools.notes import notes_on
from podium.tools.spec import ToolSpec
from podium.tools.tool import MEANING


def pages_of(spec: ToolSpec) -> Iterator[str]:
    """Return the lines that show a tool."""
    yield f"{terminal.styled(spec.name, bold=True)}  {spec.place}"
    for paragraph in spec.description.split("\n\n") if spec.description else ():
        yield f"  {terminal.clean(paragraph)}"
    yield ""
    yield f"effect     {spec.effect}: {MEANING[spec.effect]}"
    if spec.card.tags:
        yield f"tags       {', '.join(spec.card.tags)}"
    yield from _arguments(spec)
    if spec.output_schema:
        yield f"result     {expected(spec.output_schema, spec.output_schema)}"
    for number, (name, text) in enumerate(policies_of(spec.options).items()):
        yield f"{'' if number else 'policies':<11}{name} {text}"
    for one in spec.card.examples:
        yield f"example    {terminal.clean(json.dumps(dict(one), ensure_ascii=False))}"
    for note in notes_on(spec):
        yield f"note       {terminal.clean(note)}"


def _arguments(spec: ToolSpec) -> Iterator[str]:
    schema = spec.input_schema
    rows = [_argument(schema, name, one) for name, one in schema.get("properties", {}).items()]
    rows += [
        (name, f"from the run's attribute {header!r}", "") for name, header in spec.from_run.items()
    ]
    if not rows:
        yield "arguments  none"
        return
    widths = [max(terminal.columns(row[column]) for row in rows) for column in (0, 1)]
    for number, row in enumerate(rows):
        cells = [
            cell + " " * (size - terminal.columns(cell))
            for cell, size in zip(row[:2], widths, strict=True)
        ]
        yield f"{'' if number else 'arguments':<11}{'  '.join([*cells, row[2]])}".rstrip()


def _argument(whole: dict[str, Any], name: str, schema: Any) -> tuple[str, str, str]:
    kind = expected(whole, schema) if schema not in ({}, True) else "anything"
    if name not in whole.get("required", ()):
        default = schema.get("default") if isinstance(schema, dict) else None
        shown = json.dumps(default, ensure_ascii=False)
        kind += f"; {shown} if left out" if default is not None else "; may be left out"
    said = schema.get("description", "") if isinstance(schema, dict) else ""
    return terminal.clean(name), terminal.clean(kind), terminal.clean(said)


def policies_of(options: TaskOptions) -> dict[str, str]:
    """Return how a task is carried out, as far as somebody said so."""
    usual = TaskOptions()
    found: dict[str, str] = {}
    for name in ("timeout", "total_timeout", "queue_timeout", "heartbeat_timeout"):
        value_s = getattr(options, f"{name}_s")
        if value_s is not None:
            found[name] = duration(value_s)
    if options.retry != usual.retry:
        found["retry"] = (
            f"{options.retry.attempts} attempts, {duration(options.retry.backoff_s)} before the second"
        )
    if options.isolation != usual.isolation:
        found["isolation"] = options.isolation
    for name in ("rate", "concurrency", "breaker"):
        policy = getattr(options, name)
        if policy is not None:
            found[name] = _shared(policy)
    if options.cache is not None:
        found["cache"] = duration(options.cache.ttl_s)
    if options.fallback:
        found["fallback"] = ", then ".join(map(_fallback, options.fallback))
    if options.priority:
        found["priority"] = str(options.priority)
    for name in ("reconcile", "compensate"):
        other = getattr(options, name)
        if isinstance(other, TaskSpec):
            found[name] = other.name
    return found


def _shared(policy: Rate | Concurrency | Breaker) -> str:
    if isinstance(policy, Rate):
        return f"{policy.limit:,} in {duration(policy.period_s)} ({policy.key})"
    if isinstance(policy, Concurrency):
        return f"{policy.limit:,} at once ({policy.key})"
    return f"opens after {policy.failures:,} failures for {duration(policy.open_s)} ({policy.key})"


def _fallback(one: Any) -> str:
    if isinstance(one, TaskSpec):
        return one.name
    return (
        f"the last good result of {duration(one.within_s)}"
        if isinstance(one, LastGood)
        else "a fixed value"
    )

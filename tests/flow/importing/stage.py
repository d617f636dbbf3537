"""Where imported flows are carried out for real: tasks that take down how they were called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from textwrap import dedent
from typing import Any

from podium import Podium, PodiumError, task
from podium.core.retry import NO_RETRY
from podium.flow import Flow
from podium.flow.importing import Imported, import_serverless
from podium.flow.source import read
from tests.harness import drive, fresh_names

HEAD = "document: {dsl: '1.0.3', namespace: test, name: tried, version: '0.1.0'}\n"
NOISE = frozenset({"left-out", "needs-task", "input"})
"""Notes that every document without a schema has."""

Answer = Callable[..., Any]


class Unavailable(PodiumError):
    """A service that is not there."""

    code = "communication-503"


class NotFound(PodiumError):
    """Nothing is there."""

    code = "communication-404"


def source(text: str) -> dict[str, Any]:
    """Return a document of Serverless Workflow from what stands behind its head."""
    data = read(HEAD + dedent(text), "source").data
    assert isinstance(data, dict)
    return data


def imported(text: str) -> Imported:
    """Import a document."""
    return import_serverless(source(text))


def said(found: Imported) -> list[str]:
    """Return the codes of the notes, with their places, that not every document has."""
    return [f"{note.code} {note.path}" for note in found.notes if note.code not in NOISE]


@contextmanager
def tasks(names: tuple[str, ...], answer: Answer) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """Register tasks of these names, that take down their arguments; ``answer`` says what they give."""
    calls: list[tuple[str, dict[str, Any]]] = []
    with fresh_names():
        for name in names:
            _register(name, calls, answer)
        yield calls


def _register(name: str, calls: list[tuple[str, dict[str, Any]]], answer: Answer) -> None:
    # ruff: noqa: N803 - parameters are words of the source
    @task(name=name, effect="read", retry=NO_RETRY)
    async def body(
        method: Any = None, endpoint: Any = None, headers: Any = None, body: Any = None, query: Any = None,
        output: Any = None, redirect: Any = None, authentication: Any = None, document: Any = None,
        operationId: Any = None, parameters: Any = None, proto: Any = None, service: Any = None,
        arguments: Any = None, operation: Any = None, message: Any = None, subscription: Any = None,
        transport: Any = None, agentCard: Any = None, event: Any = None, objects: Any = None,
        image: Any = None, command: Any = None, language: Any = None, code: Any = None, stdin: Any = None,
        environment: Any = None, of: Any = None, at: Any = None, returns: Any = None,
    ) -> Any:  # fmt: skip
        given = locals()
        args = {key: given[key] for key in PARAMETERS if given[key] is not None}
        calls.append((name, args))
        return answer(name, args)

    del body


PARAMETERS = (
    "method", "endpoint", "headers", "body", "query", "output", "redirect", "authentication", "document",
    "operationId", "parameters", "proto", "service", "arguments", "operation", "message", "subscription",
    "transport", "agentCard", "event", "objects", "image", "command", "language", "code", "stdin",
    "environment", "of", "at", "returns",
)  # fmt: skip


def merged(objects: list[dict[str, Any] | None]) -> dict[str, Any]:
    """Merge objects: what the documentation asks of the task ``merge``."""
    found: dict[str, Any] = {}
    for one in objects:
        found |= one or {}
    return found


def usual(name: str, args: dict[str, Any]) -> Any:
    """Answer with what was asked."""
    return merged(args["objects"]) if name == "merge" else args


class Outcome:
    """What a run gave, and the calls that it made."""

    def __init__(self) -> None:
        self.output: Any = None
        self.calls: list[tuple[str, dict[str, Any]]] = []


def carried_out(
    text: str | dict[str, Any], given: dict[str, Any] | None = None, *, answer: Answer = usual,
    signals: list[tuple[str, Any]] | None = None,
) -> Outcome:  # fmt: skip
    """Import a document, check it, and run it.

    Raises:
        RunFailed: The run failed.
    """
    data = source(text) if isinstance(text, str) else text
    found = import_serverless(data)
    assert found.is_complete, [str(note) for note in found.notes]
    outcome = Outcome()
    with tasks(found.tasks, lambda name, args: _answered(answer, name, args)) as outcome.calls:
        flow = Flow.from_dict(found.document)
        assert not [str(one) for one in flow.findings if one.is_error]

        async def run() -> None:
            async with Podium(":memory:") as app:
                started = await app.start(flow, given or {})
                for name, value in signals or []:
                    await started.signal(name, value)
                outcome.output = await started.result()

        drive(run())
    return outcome


def _answered(answer: Answer, name: str, args: dict[str, Any]) -> Any:
    return usual(name, args) if name == "merge" else answer(name, args)

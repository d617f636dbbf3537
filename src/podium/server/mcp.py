"""Workflows and chosen tools of a process as an MCP server.

A workflow is a tool that starts a run. Where the run takes longer than a client waits, the answer is
its id, and ``run_status`` tells the rest; the run is as durable as any. Results and errors are data.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time

from collections.abc import Iterable, Mapping
from typing import Any, Final

import mcp_types as types

from mcp.server import Server

from podium.client.app import Podium
from podium.client.handle import Run
from podium.core.codec import plain
from podium.core.errors import InvalidOption, PodiumError, RunNotFound
from podium.core.limits import RUN_ID_CHARS_MAX
from podium.core.schema import parameters_schema
from podium.core.spec import WorkflowSpec, registry
from podium.core.version import VERSION
from podium.server.words import answer_of, described, failed, outcome, tool_form
from podium.tools.documents import dispatch_flow
from podium.tools.labels import OUTSIDE
from podium.tools.mcp.description import KEY_META
from podium.tools.names import model_name
from podium.tools.registry import get
from podium.tools.spec import ToolSpec

WAIT_S: Final = 20.0
WAIT_S_MAX: Final = 300.0
_LOOK_S: Final = 0.02
_PREFIX: Final = "mcp-"
"""Of the ids of all runs that are started here; others are not shown."""
_ENDED: Final = frozenset({"succeeded", "failed", "cancelled"})
_STUCK: Final = frozenset({"blocked", "quarantined", "paused"})
RUN_ARGUMENT: Final = "run_id"


class Offered:
    """What is served.

    Args:
        app: Executes the runs, or leaves them to other workers.
        workflows: Which of them.
        tools: … and which tools.
        wait_s: How long a call waits for the result of its run, in seconds.
        answers: Whether clients may answer what runs ask; never approvals.

    Raises:
        InvalidOption: Two of them have one name.
    """

    def __init__(
        self, app: Podium, workflows: Iterable[WorkflowSpec], tools: Iterable[ToolSpec] = (), *,
        wait_s: float = WAIT_S, answers: bool = False,
    ) -> None:  # fmt: skip
        self._app = app
        self._wait_s = wait_s
        self._answers = answers
        self._offers: dict[str, WorkflowSpec | ToolSpec] = {}
        all_of_them: list[WorkflowSpec | ToolSpec] = [*workflows, *tools]
        for spec in all_of_them:
            name = model_name(spec.name)
            if name in self._offers or name in _OWN:
                raise InvalidOption(f"Two things that are served are called {name!r}.")
            self._offers[name] = spec

    @property
    def names(self) -> list[str]:
        """What the tools for starting runs are called."""
        return list(self._offers)

    def server(self) -> Server[Any]:
        """Return the server, as the SDK has it."""
        return Server(
            "podium", version=VERSION, on_list_tools=self._list, on_call_tool=self._call,
            instructions="Tools start durable runs. Where a run takes long, its id is the answer: ask "
            "run_status for the rest, and do not start it again.",
        )  # fmt: skip

    async def _list(self, _context: Any, _params: Any) -> types.ListToolsResult:
        own = [one for name, one in _OWN.items() if name != "run_answer" or self._answers]
        offers = [self._form(name, spec) for name, spec in self._offers.items()]
        return types.ListToolsResult(tools=[*offers, *own])

    def _form(self, name: str, spec: WorkflowSpec | ToolSpec) -> types.Tool:
        is_read = isinstance(spec, ToolSpec) and not spec.effect.touches
        schema = dict(spec.input_schema if isinstance(spec, ToolSpec) else parameters_schema(spec))
        properties = dict(schema.get("properties", {}))
        properties.setdefault(RUN_ARGUMENT, _RUN_ARGUMENT)
        return tool_form(
            name, described(spec), {**schema, "type": "object", "properties": properties},
            is_read=is_read,
        )  # fmt: skip

    async def _call(
        self, _context: Any, params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        arguments = dict(params.arguments or {})
        meta: Mapping[str, Any] = dict(params.meta or {})
        try:
            spec = self._offers.get(params.name)
            if spec is not None:
                return await self._start(params.name, spec, arguments, meta)
            if params.name == "run_status":
                return await self._status(**_only(arguments, run_id=str, wait_s=float))
            if params.name == "run_cancel":
                return await self._cancel(**_only(arguments, run_id=str))
            if params.name == "run_answer" and self._answers:
                return await self._answer(**_only(arguments, run_id=str, ask_id=str, answer=object))
        except PodiumError as problem:
            return failed(problem)
        return failed(InvalidOption(f"There is no tool {params.name!r:.100}."))

    async def _start(
        self, name: str, spec: WorkflowSpec | ToolSpec, arguments: dict[str, Any],
        meta: Mapping[str, Any],
    ) -> types.CallToolResult:  # fmt: skip
        takes = spec.input_schema if isinstance(spec, ToolSpec) else parameters_schema(spec)
        given = None if RUN_ARGUMENT in takes.get("properties", {}) else arguments.pop(RUN_ARGUMENT, None)  # fmt: skip
        run_id = _id_of(name, given, meta.get(KEY_META))
        if isinstance(spec, ToolSpec):
            tool = {"tool": spec.name, "arguments": arguments}
            what: Any = dispatch_flow
            arguments = {**tool, "among": [spec.name], "labels": [OUTSIDE]}
        else:
            what = spec.name
        run = await self._app.start(what, arguments, id=run_id)
        return await self._told(run, self._wait_s)

    async def _status(self, run_id: str, wait_s: float = 0.0) -> types.CallToolResult:
        return await self._told(await self._run(run_id), min(max(wait_s, 0.0), WAIT_S_MAX))

    async def _cancel(self, run_id: str) -> types.CallToolResult:
        run = await self._run(run_id)
        await run.cancel()
        return await self._told(run, 1.0)

    async def _answer(self, run_id: str, ask_id: str, answer: Any = None) -> types.CallToolResult:
        run = await self._run(run_id)
        ask = next((one for one in await run.asks() if one.id == ask_id), None)
        if ask is not None and _is_approval(ask.form):
            raise InvalidOption(
                "An approval is given by a person: `podium runs answer`, not a tool."
            )
        await run.answer(ask_id, answer)
        return await self._told(run, self._wait_s)

    async def _run(self, run_id: str) -> Run[Any]:
        if not run_id.startswith(_PREFIX):  # whatever else is in the database is not shown here
            raise RunNotFound(run_id)
        return await self._app.get(run_id)

    async def _told(self, run: Run[Any], wait_s: float) -> types.CallToolResult:
        """Wait for the end of a run, or for a question of it, and tell how it stands."""
        end = time.monotonic() + wait_s
        while True:
            status = await run.status()
            asks = [] if status in _ENDED else await run.asks()
            if status in _ENDED or status in _STUCK or asks or time.monotonic() >= end:
                break
            await asyncio.sleep(_LOOK_S)
        told: dict[str, Any] = {"run_id": run.id, "status": status}
        if status in _ENDED or status in _STUCK:
            return outcome(told, *await _end_of(run))
        if asks:
            told["asks"] = [answer_of(one, may_answer=self._answers) for one in asks]
        told["next"] = "It goes on by itself. Ask run_status for its result; do not start it again."
        return outcome(told, None, None)


async def _end_of(run: Run[Any]) -> tuple[Any, PodiumError | None]:
    try:
        return plain(await run.result()), None
    except PodiumError as problem:
        return None, problem


def _id_of(name: str, given: Any, key: Any) -> str:
    """Return the id of a run: as the client names it, or by the key of its call, or a fresh one."""
    if given is not None:
        if not isinstance(given, str) or not given.strip() or len(given) > RUN_ID_CHARS_MAX - 10:
            raise InvalidOption(f"{RUN_ARGUMENT}={given!r:.80}: expected a short text.")
        return given if given.startswith(_PREFIX) else f"{_PREFIX}{given}"
    if not key:
        return f"{_PREFIX}{os.urandom(9).hex()}"
    return f"{_PREFIX}{hashlib.blake2b(f'{name}/{key}'.encode(), digest_size=9).hexdigest()}"


def _only(arguments: dict[str, Any], **kinds: type) -> dict[str, Any]:
    """Return arguments of a tool of ours, if they are what it takes."""
    first = next(iter(kinds))
    wrong = [name for name in arguments if name not in kinds]
    if wrong or first not in arguments:
        raise InvalidOption(
            f"Expected {', '.join(kinds)}; got {', '.join(arguments) or 'nothing'}."
        )
    for name, kind in kinds.items():
        value = arguments.get(name)
        fits = isinstance(value, int | float) if kind is float else isinstance(value, kind)
        if name in arguments and not fits:
            raise InvalidOption(f"{name}={value!r:.80}: expected a {kind.__name__}.")
    return arguments


def _is_approval(form: Any) -> bool:
    return isinstance(form, dict) and "fingerprint" in form


_RUN_ARGUMENT: Final = {
    "type": "string",
    "description": "A name for the run: the same name and arguments give the same run, and start no other.",
}
_ID: Final = {"type": "string", "description": "As it was told when the run was started."}


def _own(name: str, words: str, *, is_read: bool = False, **properties: Any) -> types.Tool:
    first = ["run_id", *(one for one in properties if one == "ask_id")]
    schema = {
        "type": "object", "properties": {"run_id": _ID, **properties}, "required": first,
        "additionalProperties": False,
    }  # fmt: skip
    return tool_form(name, words, schema, is_read=is_read, is_final=name == "run_cancel")


_OWN: Final[dict[str, types.Tool]] = {
    one.name: one
    for one in (
        _own(
            "run_status", "Tell how a run stands, and its result once it has one.", is_read=True,
            wait_s={"type": "number", "description": "How long to wait for its end, in seconds."},
        ),
        _own("run_cancel", "Ask a run to stop; what it did is undone where it can be."),
        _own("run_answer", "Answer a question of a run.", ask_id={"type": "string"}, answer={}),
    )
}  # fmt: skip


def chosen(
    modules: Iterable[str], workflows: Iterable[str], tools: Iterable[str]
) -> tuple[list[WorkflowSpec], list[ToolSpec]]:
    """Return what is to be served: those that are named, or all workflows of some modules.

    Raises:
        PodiumError: One of them is not there.
    """
    named = [registry.workflow(one) for one in workflows]
    tools = list(tools)
    homes = set(modules)
    all_there_are = sorted(registry.workflows.items())
    found = [one for _, one in all_there_are if one.fn.__module__ in homes]
    return named or ([] if tools else found), [get(one).spec for one in tools]

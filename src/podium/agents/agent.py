"""``podium.Agent``: a model that chooses tools in a loop, within limits, as a durable program."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import re
import sys

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final, Generic, Literal, TypedDict, TypeVar, Unpack, overload

import msgspec

from podium.agents.answers import Answers
from podium.agents.asking import Style, require_style
from podium.agents.autonomy import Autonomy, People, require_level
from podium.agents.compaction import Compaction
from podium.agents.definition import Definition
from podium.agents.guards import GUARDS, Guard
from podium.agents.limits import Limits
from podium.agents.places import named
from podium.agents.react import Work, goal_of
from podium.agents.toolbox import SHOWN_MAX, Toolbox, require_tools
from podium.agents.transcript import AgentResult
from podium.core.codec import plain
from podium.core.context import Context
from podium.core.errors import InvalidOption
from podium.core.schema import parameters_schema, returns_schema
from podium.core.scope import Scope
from podium.core.spec import WorkflowSpec, registry
from podium.functions.calls import Call, Workflow
from podium.models.calls import Model
from podium.models.scripted import ScriptedModel
from podium.tools.labels import Labels, of_work
from podium.tools.policy import ToolPolicy

T = TypeVar("T")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,99}")


class AgentKeywords(TypedDict, total=False):
    """Options of :class:`Agent`.

    Attributes:
        tools: Tools, names of tools, patterns of names such as ``"shop.*"``.
        inputs: What it is given beside the goal, by name: types.
        limits: How much it may use.
        guards: What watches that it gets on; :data:`podium.agents.guards.GUARDS` unless given.
        stuck: What happens when it does not get on in spite of a warning and a change of approach:
            ``stop``, or ``ask`` a person for advice.
        autonomy: How much it may do by itself: ``suggest``, ``act-on-reads``,
            ``act-with-approval`` (unless given), ``act-within-budget``, ``act``.
        policy: What it may call, and what needs approval, beside that; None: nothing more.
        people: Who is asked, and for how long.
        compaction: When its conversation is made shorter; None: never.
        style: How calls are asked for; as the model can, unless given.
        at_once: Whether the calls of a turn are made together, as they are unless given.
        tools_shown: Of more tools than this the model is told only of those that it finds.
        stream: Whether text and turns go to the stream of the run.
        version: What its code is recognised by; a hash of the definition unless given.
    """

    tools: Iterable[Any]
    inputs: Mapping[str, Any]
    limits: Limits
    guards: Iterable[Guard]
    stuck: Literal["stop", "ask"]
    autonomy: Autonomy
    policy: ToolPolicy | None
    people: People
    compaction: Compaction | None
    style: Style
    at_once: bool
    tools_shown: int
    stream: bool
    version: str


class Agent(Workflow[..., T], Generic[T]):
    """A model that chooses tools in a loop, within limits.

    ``await agent(goal)`` in a workflow works in place: its turns are steps under its name. As a
    workflow it is started like every other: ``app.start(agent, {"goal": …})``, ``podium run``, and
    ``podium.child(agent, {"goal": …})`` makes it a run of its own. There ``labels`` says where the
    text of goal and inputs comes from, such as ``["outside"]``; in place it is known.

    Args:
        name: What it is called; letters, digits, ``_``, ``-``.
        instructions: What the model is told that it is for.
        model: A model string, a Model, or a ScriptedModel.
        output: The type of its answers, or a JSON Schema; any text unless given.
        options: See :class:`AgentKeywords`.

    Raises:
        InvalidOption: An option makes no sense.
        ModelUnknown: The model string is none.
        NameTaken: Another module has a workflow of that name.
    """

    @overload
    def __init__(
        self: Agent[str], name: str, *, instructions: str, model: str | Model | ScriptedModel,
        **options: Unpack[AgentKeywords],
    ) -> None: ...  # fmt: skip
    @overload
    def __init__(
        self: Agent[T], name: str, *, instructions: str, model: str | Model | ScriptedModel,
        output: type[T], **options: Unpack[AgentKeywords],
    ) -> None: ...  # fmt: skip
    @overload
    def __init__(
        self: Agent[Any], name: str, *, instructions: str, model: str | Model | ScriptedModel,
        output: Any, **options: Unpack[AgentKeywords],
    ) -> None: ...  # fmt: skip
    def __init__(
        self, name: str, *, instructions: str, model: str | Model | ScriptedModel,
        output: Any = None, **options: Unpack[AgentKeywords],
    ) -> None:  # fmt: skip
        self.definition: Definition = define(name, instructions, model, output, options)
        program = self._program(dict(options.get("inputs", {})), sys._getframe(1).f_globals)  # noqa: SLF001 - where it is made
        version = options.get("version") or _version(self.definition)
        spec = WorkflowSpec(program, name, version=version, is_strict=False)
        if isinstance(output, dict):
            spec.schemas = (parameters_schema(spec), output)
        spec.takes_labels = True
        spec.labels_of = partial(_labels_of, self.definition, returns_schema(spec))
        registry.add_workflow(spec)
        super().__init__(program, spec)

    def begin(self, context: Context, path: str, call: Call[Any]) -> asyncio.Future[Any]:
        """Work in place, in a workflow."""
        bound = self.spec.binder.bind(call.args, call.kwargs)
        return context.new_task(Scope(path), self.fn(**bound))

    async def work(self, goal: str, **inputs: Any) -> AgentResult[T]:
        """Work in place, and return the answer with all that was thought, done and seen.

        Args:
            goal: What is asked for.
            inputs: What was declared beside it.

        Raises:
            AgentError: There is no answer.
            StepFailed: The model has no reply.
        """
        with named(self.name):
            return await Work(self.definition, goal_of(goal, inputs)).run()

    def __repr__(self) -> str:
        return f"<agent {self.name}>"

    def _program(self, inputs: dict[str, Any], around: dict[str, Any]) -> Any:
        """Return the function that a run of it carries out."""
        definition = self.definition

        async def program(goal: str, labels: list[str] | None = None, **given: Any) -> Any:
            known = None if labels is None else tuple(labels)
            result = await Work(definition, goal_of(goal, given), known).run()
            return result.answer

        either = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters = [
            inspect.Parameter(name, either, annotation=kind)
            for name, kind in {"goal": str, **inputs}.items()
        ]
        said = list[str] | None
        only = inspect.Parameter.KEYWORD_ONLY
        parameters.append(inspect.Parameter("labels", only, default=None, annotation=said))
        program.__name__ = program.__qualname__ = definition.name
        program.__doc__ = definition.instructions
        program.__module__ = str(around.get("__name__", "__main__"))
        kind = Any if isinstance(definition.answers.kind, dict) else definition.answers.kind
        program.__annotations__ = {"goal": str, **inputs, "labels": said, "return": kind}
        program.__dict__["__signature__"] = inspect.Signature(parameters, return_annotation=kind)
        return program


def _labels_of(definition: Definition, schema: dict[str, Any], answer: Any) -> Labels:
    """Return where an answer comes from: what its tools gave, unless there is no room for words in it."""
    tools = Toolbox(definition.tools).tools
    return of_work([one.spec for one in tools], schema, plain(answer))


def define(
    name: str, instructions: str, model: str | Model | ScriptedModel, output: Any,
    options: AgentKeywords,
) -> Definition:  # fmt: skip
    """Return what an agent is.

    Raises:
        InvalidOption: An option makes no sense.
        ModelUnknown: The model string is none.
    """
    if not _NAME.fullmatch(name):
        raise InvalidOption(
            f"Agent({name!r:.100}): a name has letters, digits, _ and -, and begins with a letter."
        )
    _require_inputs(name, options.get("inputs", {}))
    limits = options.get("limits", Limits())
    autonomy = options.get("autonomy", "act-with-approval")
    require_level(name, autonomy, is_costed=limits.is_costed)
    style = options.get("style", "auto")
    require_style(name, style)
    stuck = options.get("stuck", "stop")
    if stuck not in ("stop", "ask"):
        raise InvalidOption(f"Agent({name!r}, stuck={stuck!r}): expected 'stop' or 'ask'.")
    return Definition(
        name=name,
        instructions=inspect.cleandoc(instructions),
        model=model if isinstance(model, Model) else Model(model),
        tools=require_tools(name, options.get("tools", ())),
        answers=Answers(output),
        limits=limits,
        guards=tuple(options.get("guards", GUARDS)),
        stuck=stuck,
        autonomy=autonomy,
        policy=options.get("policy"),
        people=options.get("people", People()),
        compaction=options.get("compaction", Compaction()),
        style=style,
        at_once=options.get("at_once", True),
        tools_shown=options.get("tools_shown", SHOWN_MAX),
        stream=options.get("stream", False),
    )


def _require_inputs(name: str, inputs: Mapping[str, Any]) -> None:
    for one in inputs:
        if not one.isidentifier() or one in ("goal", "labels"):
            raise InvalidOption(
                f"Agent({name!r}, inputs=…): {one!r} cannot be the name of an input; expected a name "
                "of Python other than 'goal' and 'labels', which there are anyway."
            )


def _version(definition: Definition) -> str:
    encoded = msgspec.json.encode(definition.described(), order="sorted")
    return hashlib.blake2b(encoded, digest_size=6).hexdigest()

"""A call of a model: the task that is its step, and :class:`Model`, by which programs ask.

The task ``podium.model`` is the only place where a model is asked. Its record has the whole reply, so
what a run has paid for once is never paid for again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final, Literal, TypedDict, TypeVar, Unpack, overload

import msgspec

from podium.core.context import current_context
from podium.core.durations import Duration
from podium.core.errors import ErrorInfo, InvalidOption, StepFailed, step_failure
from podium.core.failures import describe_failure
from podium.core.policies import Breaker, Cache, Rate
from podium.core.retry import Retry
from podium.functions.calls import Call
from podium.functions.decorators import task
from podium.functions.options import CallKeywords
from podium.functions.primitives import warn
from podium.models.asking import answer
from podium.models.errors import ModelError, ModelThrottled, ModelUnreachable
from podium.models.messages import (
    NO_SETTINGS,
    Message,
    Output,
    Reply,
    Request,
    Settings,
    ToolOffer,
    system,
    user,
)
from podium.models.prices import worst_case
from podium.models.providers import parse
from podium.models.scripted import ScriptedModel
from podium.models.structured import TURNS, Form, Labels, form_of, repaired, whole
from podium.models.tally import counted

T = TypeVar("T")
Said = str | Message | Sequence[Message] | Request
"""What a model is asked: a text of the user, a conversation, or all of a request."""

KEY: Final = "model:{model}"
"""What the calls of one model have together: their breaker, and their rate unless it has a key."""
FELL_BACK: Final = "model-fallback"
"""Code of the warning that another model was asked."""
_FINAL: Final = frozenset(
    {"real-calls-forbidden", "cassette-miss", "script-ended", "budget-exceeded"}
)
"""Codes of failures behind which no other model is asked."""
RETRY: Final = Retry(
    attempts=4, backoff="500ms", backoff_max="30s", retry_after_max="5m",
    on=[ModelUnreachable, ModelThrottled, TimeoutError],
)  # fmt: skip
BREAKER: Final = Breaker(KEY, on=[ModelUnreachable, ModelThrottled, TimeoutError])


@task(
    name="podium.model",
    effect="read",
    expect="1s",
    timeout="10m",
    retry=RETRY,
    breaker=BREAKER,
    price=worst_case,
)
async def call_model(model: str, request: Request, stream: bool = False) -> Reply:
    """Ask a model once; a step that fails for the moment is tried again by its retries.

    Args:
        model: ``provider:model[@address]``.
        request: What it is asked.
        stream: Whether the pieces of its text go to the stream of the run as they come.

    Raises:
        ModelError: It has no answer.
    """
    return await answer(model, request, stream=stream)


class ModelKeywords(TypedDict, total=False):
    """Options of :class:`Model`; its docstring says what they mean."""

    settings: Settings
    rate: Rate | str
    cache: Cache | Duration
    timeout: Duration
    retry: Retry


class Model:
    """A model that programs ask: each call is a step, with its reply, its usage and its price.

    In a workflow a call is the step ``podium.model``; outside it just runs.

    Attributes:
        model: The model string.
        chain: This model and those that are asked, in order, where it fails for good.
        settings: How it answers; what a request says itself goes before that.

    Args:
        model: ``provider:model[@address]``, such as ``openai:gpt-5-mini``; or a ScriptedModel.
        fallback: Models that are asked, in order, where this one fails for good; model strings
            have the options of this one.
        settings: As above.
        rate: How many calls in a period, such as ``"500/min"``, of all runs together.
        cache: For how long the same request has the same reply, for every run of the database.
        timeout: The longest that one attempt may take; 10 minutes unless given.
        retry: When a failed attempt is tried again; unless given, four attempts where the provider
            was throttled or could not be reached.

    Raises:
        ModelUnknown: The string is no model string. Whether its provider is there is found out by
            the first call.
        InvalidOption: An option makes no sense.
    """

    def __init__(
        self, model: str | ScriptedModel, *, fallback: Iterable[str | Model] = (),
        **options: Unpack[ModelKeywords],
    ) -> None:  # fmt: skip
        self.model: str = str(model)
        parse(self.model)
        for name in options:
            if name not in ModelKeywords.__annotations__:
                known = ", ".join(ModelKeywords.__annotations__)
                raise InvalidOption(f"Model({name}=…): no such option; known: {known}.")
        self.settings: Settings = options.get("settings", NO_SETTINGS)
        self._options = _call_options(options)
        if isinstance(fallback, str):
            raise InvalidOption(f"Model(fallback={fallback!r}): expected a list: [{fallback!r}].")
        others = [one if isinstance(one, Model) else Model(one, **options) for one in fallback]
        self.chain: tuple[Model, ...] = (self, *others)

    def __repr__(self) -> str:
        return f"<Model {' → '.join(one.model for one in self.chain)}>"

    async def ask(
        self, said: Said, *, system: str = "", tools: Sequence[ToolOffer] = (),
        choice: Literal["auto", "required", "none"] = "auto", output: Any = None,
        stream: bool = False,
    ) -> Reply:  # fmt: skip
        """Ask once and return the reply, whatever it is: an answer, calls of tools, a refusal.

        Args:
            said: A text of the user, a conversation, or a whole request.
            system: What the model is for, before the conversation.
            tools: What it may call.
            choice: Whether it may call a tool, must, or may not.
            output: The form of the reply: a type, a JSON Schema, or an Output. The reply's text is
                then JSON that ought to have it; :meth:`value` makes sure.
            stream: Whether the pieces of its text go to the stream of the run as they come.

        Raises:
            StepFailed: No model of the chain has an answer; in a workflow.
            ModelError: The same outside.
        """
        request = _request(said, system)
        changes: dict[str, Any] = {}
        if tools:
            changes["tools"] = tuple(tools)
        if choice != "auto":
            changes["choice"] = choice
        if output is not None:
            changes["output"] = output if isinstance(output, Output) else form_of(output).output
        if changes:
            request = msgspec.structs.replace(request, **changes)
        return await self._ask(request, stream=stream)

    async def text(self, said: Said, *, system: str = "", stream: bool = False) -> str:
        """Ask and return the text of the answer.

        Raises:
            ModelRefused: It would not answer.
            ModelCut: The answer was cut at its limit of tokens.
            StepFailed, ModelError: As :meth:`ask`.
        """
        return whole(await self._ask(_request(said, system), stream=stream)).text

    @overload
    async def value(
        self, said: Said, kind: type[T], *, system: str = "", turns: int = TURNS
    ) -> T: ...
    @overload
    async def value(
        self, said: Said, kind: Any, *, system: str = "", turns: int = TURNS
    ) -> Any: ...
    async def value(self, said: Said, kind: Any, *, system: str = "", turns: int = TURNS) -> Any:
        """Ask for a value of a type, or of a JSON Schema.

        What does not fit goes back to the model with what is wrong with it. Each time is a step.

        Args:
            said: As in :meth:`ask`.
            kind: A dataclass, a TypedDict, a msgspec or pydantic model, a builtin type; or a JSON
                Schema as a dict, of which the value is plain JSON.
            system: As in :meth:`ask`.
            turns: How often it is asked at most.

        Raises:
            ModelOutputInvalid: The last answer does not fit either.
            ModelRefused, ModelCut, StepFailed, ModelError: As :meth:`text`.
        """
        return await self._formed(form_of(kind), _request(said, system), turns)

    async def label(
        self, said: Said, labels: Sequence[str], *, system: str = "", turns: int = TURNS
    ) -> str:
        """Ask for one of several words.

        Args:
            said: As in :meth:`ask`.
            labels: The words.
            system: As in :meth:`ask`.
            turns: How often it is asked at most.

        Raises:
            ModelOutputInvalid, ModelRefused, ModelCut, StepFailed, ModelError: As :meth:`value`.
        """
        return await self._formed(Labels(labels), _request(said, system), turns)

    def call(self, request: Request, *, stream: bool = False) -> Call[Reply]:
        """Return the call of this model alone, which can be gathered, named, given other options.

        Args:
            request: What it is asked.
            stream: As in :meth:`ask`.
        """
        if self.settings is not NO_SETTINGS:
            merged = _merged(self.settings, request.settings)
            request = msgspec.structs.replace(request, settings=merged)
        call = call_model(self.model, request, True) if stream else call_model(self.model, request)
        return call.with_options(**self._options) if self._options else call

    async def _formed(self, form: Form[T], request: Request, turns: int) -> T:
        async def ask(messages: tuple[Message, ...]) -> Reply:
            asked = msgspec.structs.replace(request, messages=messages, output=form.output)
            return await self._ask(asked)

        return await repaired(form, ask, request.messages, turns)

    async def _ask(self, request: Request, *, stream: bool = False) -> Reply:
        """Ask the models of the chain until one has a reply."""
        failures: list[Exception] = []
        for number, one in enumerate(self.chain, 1):
            call = one.call(request, stream=stream)
            if number < len(self.chain):
                call = call.with_alternative()
            try:
                return counted(await call)
            except (StepFailed, ModelError, TimeoutError) as problem:
                failures.append(problem)
                if number == len(self.chain) or _code(problem) in _FINAL:
                    break
                _warn(one.model, self.chain[number].model, problem)
        raise _all(failures) from failures[0].__cause__


def _call_options(given: ModelKeywords) -> CallKeywords:
    """Return the options of each call."""
    options: CallKeywords = {}
    if "rate" in given:
        rate = given["rate"]
        options["rate"] = (Rate(rate) if isinstance(rate, str) else rate).keyed(KEY)
    if "cache" in given:
        options["cache"] = _cache(given["cache"])
    if "timeout" in given:
        options["timeout"] = given["timeout"]
    if "retry" in given:
        options["retry"] = given["retry"]
    return options


def _cache(given: Cache | Duration) -> Cache:
    """Return the cache that is meant: whether a reply was streamed makes no other call of it."""
    if not isinstance(given, Cache):
        return Cache(given, key=("model", "request"))
    return given if given.key else Cache(timedelta(seconds=given.ttl_s), key=("model", "request"))


def _request(said: Said, before: str) -> Request:
    """Return the request that is meant."""
    if isinstance(said, str):
        request = Request((user(said),))
    elif isinstance(said, Message):
        request = Request((said,))
    elif isinstance(said, Request):
        request = said
    else:
        request = Request(tuple(said))
    if before:
        request = msgspec.structs.replace(request, messages=(system(before), *request.messages))
    return request


def _merged(usual: Settings, own: Settings) -> Settings:
    """Return settings where what a request says itself goes before what is usual."""
    said = {
        name: value for name in Settings.__struct_fields__
        if (value := getattr(own, name)) not in (None, (), {})
    }  # fmt: skip
    if said.get("extra"):
        said["extra"] = {**usual.extra, **own.extra}
    return msgspec.structs.replace(usual, **said)


def _code(problem: Exception) -> str:
    return _info(problem).code


def _info(problem: Exception) -> ErrorInfo:
    return problem.error if isinstance(problem, StepFailed) else describe_failure(problem)


def _warn(failed: str, following: str, problem: Exception) -> None:
    """Record that another model is asked, where something can be recorded."""
    if current_context.get() is not None:
        warn(FELL_BACK, f"{failed} failed ({_info(problem).line()}); {following} is asked")


def _all(failures: list[Exception]) -> Exception:
    """Return the error of the first model, with what became of the others."""
    first, *others = failures
    if not others or not isinstance(first, StepFailed):
        for other in others:
            first.add_note(f"the next model failed too: {_info(other).line()}")
        return first
    info = msgspec.structs.replace(first.error, fallbacks=tuple(_info(one) for one in others))
    return step_failure(first.path, info)

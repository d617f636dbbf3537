"""ReAct: the model thinks and chooses calls, they are made, it sees what came of them, until it answers.

It is a plain program over the Context. Each ask of the model and each call of a tool is a step, so a
crash in the middle repeats nothing that is recorded.
"""

from __future__ import annotations

import asyncio

from typing import Any, Final

import msgspec

from podium.agents.answers import Answer
from podium.agents.asking import Turned, ask_turn, settings_of, style_of
from podium.agents.autonomy import ask_advice
from podium.agents.calling import Caller
from podium.agents.conversation import Conversation
from podium.agents.definition import Definition
from podium.agents.errors import (
    AgentAnswerInvalid,
    AgentError,
    AgentLimitReached,
    AgentRefused,
    AgentStuck,
)
from podium.agents.ladder import Ladder, Rung
from podium.agents.limits import Meter
from podium.agents.places import limited, place, record_warning
from podium.agents.shortening import shortened
from podium.agents.transcript import AgentResult, Observation, Stopped, Turn
from podium.agents.turn import OpenTurn
from podium.core.context import current_context
from podium.core.errors import BudgetExceeded
from podium.functions.primitives import emit
from podium.models.messages import Message, Reply
from podium.tools.labels import seen

_WORDS: Final[dict[Stopped, str]] = {
    "turns": "The last of your turns has come.",
    "calls": "You have made all the calls that you may make.",
    "tokens": "Your tokens are nearly used up.",
    "usd": "Your money is nearly used up.",
    "time": "Your time is over.",
}
_LAST_TOKENS: Final = 1_024
"""So long the last reply may be under a limit of money."""
_NOW: Final = (
    "No tool can be called any more. Answer now with what you know, and say what is missing."
)
_EMPTY: Final = "You said nothing. Call a tool, or answer."
_TOO_LONG: Final = "Your reply was cut at its limit of tokens. Say it shorter, or in smaller parts."


class Work:
    """One piece of work of an agent, and what it holds while it goes on.

    Args:
        agent: What it is.
        goal: What it is asked for, as the model is told.
        labels: Where the text of the goal comes from; unless given, from wherever all that calls by
            name have given the run so far.
    """

    def __init__(self, agent: Definition, goal: str, labels: tuple[str, ...] | None = None) -> None:
        if labels is None:
            labels = seen()
        self._agent = agent
        self._goal = goal
        self._meter = Meter(agent.limits)
        self._ladder = Ladder(goal, agent.guards)
        self._caller = Caller(agent, self._meter)
        self._talk = Conversation(
            system=Message("system", agent.system), goal=Message("user", goal, labels=labels)
        )
        self._turns: list[Turn] = []
        self._taken: set[str] = set()
        self._open: OpenTurn | None = None
        self._faults = 0
        self._way = agent.style

    async def run(self) -> AgentResult[Any]:
        """Work until there is an answer.

        Raises:
            AgentError: There is none.
            StepFailed: The model has no reply; outside of a workflow its own error.
        """
        with limited(self._agent.name, self._agent.limits):
            return await self._run()

    async def _run(self) -> AgentResult[Any]:
        is_costed = self._agent.limits.usd is not None
        clock = asyncio.timeout(self._agent.limits.time_s)
        reached: Stopped = "time"
        try:
            async with clock:
                return await self._go_on()
        except TimeoutError:
            if not clock.expired():
                raise
        except BudgetExceeded:
            if not is_costed:
                raise
            reached = "usd"
        self._close()
        try:
            return await self._last_turns(reached)
        except BudgetExceeded as problem:
            if not is_costed:
                raise
            raise self._ended(
                AgentLimitReached, f"came to its limit of usd: {problem}"
            ) from problem

    async def _go_on(self) -> AgentResult[Any]:
        self._way = await style_of(self._agent.style, self._agent.model)
        await self._caller.prepare(self._goal)
        while True:
            self._talk = await shortened(self._talk, self._agent, self._meter, len(self._turns))
            reached = self._meter.reached(self._talk.tokens)
            if reached:
                return await self._last_turns(reached)
            number = self._meter.turn()
            with place("turn", number):
                answer = await self._turn(number)
            if answer is not None:
                return self._result(answer)
            await self._guard()

    async def _turn(self, number: int) -> Answer | None:
        """Ask the model, make its calls; return its answer where it gave one."""
        opened = await self._ask(number, is_last=False)
        if not opened.asked or opened.answer is not None:
            return self._answer_of(opened)
        aside = self._ladder.set_aside(number)
        thought = opened.reply.message.thought or opened.reply.text
        labels = self._talk.labels
        await opened.carry_out(
            lambda call: self._caller.carry(call, aside, thought, labels),
            at_once=self._agent.at_once,
        )
        self._faults = 0
        self._close(*([_TOO_LONG] if opened.reply.finish == "length" else []))
        return None

    async def _ask(self, number: int, *, is_last: bool) -> OpenTurn:
        agent = self._agent
        offers = self._caller.offers(self._ladder.set_aside(number))
        left = self._meter.tokens_left(self._talk.tokens)
        if is_last and agent.limits.usd is not None:
            left = min(_LAST_TOKENS, left or _LAST_TOKENS)  # so little is reserved that it fits
        settings = settings_of(agent.model, left)
        turned = Turned(
            self._talk.messages(), offers, agent.answers, is_last, agent.stream, settings
        )
        replies = await ask_turn(agent.model, self._way, turned)
        for reply in replies:
            self._meter.reply(reply)
        self._open = OpenTurn(number, replies, agent.limits.calls_a_turn, self._taken)
        if (reply := replies[-1]).finish == "refused":
            why = reply.text or "it gave no reason"
            raise self._ended(AgentRefused, f"was refused by {reply.model}: {why}")
        return self._open

    # answers -------------------------------------------------------------------------------

    def _answer_of(self, opened: OpenTurn) -> Answer | None:
        """Return the answer; None where there is none, and the model was told what is wrong."""
        reply, call = opened.reply, opened.answer
        if call is not None:
            answer = self._agent.answers.of_call(call)
            text, code = ("Taken.", "") if not answer.fault else (answer.fault, "answer-invalid")
            opened.give(0, Observation(call.id, call.name, text, code))
            self._close()
        else:
            answer = self._spoken(reply)
            self._close(*([answer.fault] if answer.fault else []))
        if not answer.fault:
            return answer
        self._faults += 1
        if self._faults >= self._agent.limits.faults:
            raise self._ended(AgentAnswerInvalid, f"gave no answer that fits in {self._faults} replies: {answer.fault}")  # fmt: skip
        return None

    def _spoken(self, reply: Reply) -> Answer:
        """Return the answer that a reply without calls is."""
        if reply.finish == "length":
            return Answer(fault=_TOO_LONG)
        if not reply.text.strip():
            return Answer(fault=_EMPTY)
        return self._agent.answers.of_text(reply.text)

    def _result(self, answer: Answer, stopped_by: Stopped = "") -> AgentResult[Any]:
        return AgentResult(
            answer.value, tuple(self._turns), stopped_by, tuple(self._caller.proposals), self._meter.spent
        )  # fmt: skip

    async def _last_turns(self, reached: Stopped) -> AgentResult[Any]:
        """Have the model answer with what it knows, without tools."""
        self._say(f"{_WORDS[reached]} {_NOW}")
        record_warning("agent-limit", f"{self._agent.name}: {_WORDS[reached]}")
        fault = ""
        while not self._meter.is_over():
            number = self._meter.turn()
            with place("turn", number):
                opened = await self._ask(number, is_last=True)
                if opened.asked and opened.answer is None:
                    self._faults += 1
                    fault = "it called tools again"
                    self._close(_NOW)
                else:
                    answer = self._answer_of(opened)
                    if answer is not None:
                        return self._result(answer, reached)
                    fault = "what it said then does not fit"
            if self._faults >= self._agent.limits.faults:
                break
        why = f"; {fault}" if fault else ""
        raise self._ended(
            AgentLimitReached, f"came to its limit of {reached} without an answer{why}"
        )

    # getting on ----------------------------------------------------------------------------

    async def _guard(self) -> None:
        """Do what follows of what the guards found."""
        rung = self._ladder.climb(self._turns)
        if rung is None:
            return
        record_warning(f"agent-{rung.finding.code}", f"{self._agent.name}: {rung.finding.message}")
        if rung.step != "stop":
            self._say(rung.text)
        elif self._agent.stuck == "ask":
            await self._ask_for_advice(rung)
        else:
            raise self._ended(AgentStuck, f"does not get on: {rung.finding.message}")

    async def _ask_for_advice(self, rung: Rung) -> None:
        agent = self._agent
        with place("stuck", len(self._turns)):
            advice = await ask_advice(
                agent.people, agent.name, self._goal, rung.finding.message, rung.text
            )
        if not advice.is_given:
            raise self._ended(
                AgentStuck, f"does not get on, and was stopped: {rung.finding.message}"
            )
        self._ladder.forgive()
        self._say(f"A person says: {advice.text or 'go on.'}")

    def _say(self, text: str) -> None:
        """Tell the model something behind the newest turn."""
        self._talk = self._talk.with_note(text)
        if self._turns and self._talk.turns:
            self._turns[-1] = self._talk.turns[-1]

    def _close(self, *notes: str) -> None:
        """Put the open turn behind the others, with a result for each of its calls."""
        opened, self._open = self._open, None
        if opened is None:
            return
        turn = opened.closed(*notes)
        self._turns.append(turn)
        self._talk = self._talk.with_turn(turn)
        if self._agent.stream and current_context.get() is not None:
            emit({"agent": self._agent.name, "turn": msgspec.to_builtins(turn)})

    # ends ----------------------------------------------------------------------------------

    def _ended(self, kind: type[AgentError], what: str) -> AgentError:
        """Return the error with which it ends."""
        self._close()
        return kind(f"Agent {self._agent.name!r} {what:.2000}", tuple(self._turns))


def goal_of(goal: str, inputs: dict[str, Any]) -> str:
    """Return a goal with what else was given, as the model is told."""
    if not inputs:
        return goal
    given = "\n".join(
        f"{name}: {value if isinstance(value, str) else msgspec.json.encode(value).decode()}"
        for name, value in inputs.items()
    )
    return f"{goal}\n\n{given}"

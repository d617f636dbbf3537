"""The calls of an agent: which are made, which are proposed, for which a person is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from podium.agents.autonomy import is_proposed, policy_of
from podium.agents.definition import Definition
from podium.agents.limits import Meter
from podium.agents.observing import Kept, not_called, observed
from podium.agents.toolbox import ANSWER, READ, SEARCH, SEARCH_STEP, Toolbox, search_tools
from podium.agents.transcript import Observation, Proposal
from podium.core.context import current_context
from podium.core.scope import current_scope
from podium.models.messages import ToolCall, ToolOffer
from podium.tools.arguments import checked
from podium.tools.dispatch import dispatch
from podium.tools.labels import Labels
from podium.tools.policy import tool_policy
from podium.tools.registry import AnyTool


class Caller:
    """Makes the calls of one piece of work.

    Attributes:
        proposals: Calls that were asked for, and may not be made.

    Args:
        agent: Whose work it is.
        meter: Counts its calls.
    """

    def __init__(self, agent: Definition, meter: Meter) -> None:
        self._agent = agent
        self._meter = meter
        self._toolbox = Toolbox(agent.tools, agent.tools_shown)
        self._kept = Kept(agent.limits.observation_chars)
        self.proposals: list[Proposal] = []

    async def prepare(self, goal: str) -> None:
        """Find the tools that the goal is about, where there are too many to show."""
        if self._toolbox.is_searched:
            await self._find(goal)

    def offers(self, aside: frozenset[str]) -> tuple[ToolOffer, ...]:
        """Return the tools that the model is told of; ``aside`` are set aside for now."""
        if not self._agent.limits.calls:
            return ()
        return self._toolbox.offers(aside, can_read=bool(self._kept))

    async def carry(
        self, call: ToolCall, aside: frozenset[str], thought: str, labels: Labels
    ) -> Observation:
        """Carry out a call; return what the model sees of it.

        Args:
            call: As the model asked for it.
            aside: Tools that are set aside for now.
            thought: Why, in the model's words.
            labels: Of the conversation that it rests on.
        """
        if call.name == ANSWER:
            return not_called(call, "an answer stands alone. Look at the other results first.")
        if call.name == SEARCH and self._toolbox.is_searched:
            return await self._search(call)
        if call.name == READ and self._kept:
            return self._kept.read(call)
        tool = self._toolbox.get(call.name)
        if tool is None:
            return await self._dispatched(call, call.name, labels)
        if tool.name in aside:
            return not_called(
                call, "it is set aside for now. Go about it in another way.", "set-aside"
            )
        if is_proposed(self._agent.autonomy, tool):
            proposed = self._proposed(call, tool, thought)
            if proposed is not None:
                return proposed
        return await self._dispatched(call, tool.name, labels)

    def _proposed(self, call: ToolCall, tool: AnyTool, thought: str) -> Observation | None:
        """Propose a call; None where its arguments do not fit."""
        found = checked(tool, call.arguments)
        if found.call is None or found.plain is None:
            return None
        found.call.close()
        self.proposals.append(Proposal(tool.name, found.plain, thought))
        text = f"{tool.name} was proposed to the user and has not run. Go on without its result."
        return Observation(call.id, tool.name, text, "proposed")

    async def _dispatched(self, call: ToolCall, name: str, labels: Labels) -> Observation:
        if not self._meter.call():
            return not_called(call, "all the calls that may be made have been made.")
        with self._policed():
            reply = await dispatch(
                name,
                call.arguments,
                among=self._toolbox.tools,
                policy=self._agent.policy,
                labels=labels,
            )
        return observed(call, reply, self._kept)

    @contextmanager
    def _policed(self) -> Iterator[None]:
        """Let the policy of its autonomy hold beside its own."""
        policy = policy_of(self._agent.autonomy, self._agent.people)
        if policy is None:
            yield
            return
        with tool_policy(policy):
            yield

    async def _search(self, call: ToolCall) -> Observation:
        given = call.arguments if isinstance(call.arguments, dict) else {}
        query = given.get("query")
        if not isinstance(query, str) or not query.strip():
            text = f"query: found {query!r:.80}, expected words that say what a tool should do."
            return Observation(call.id, call.name, text, "arguments-invalid")
        found = await self._find(query)
        lines = [f"- {one['name']}: {one['what']:.300}" for one in found]
        text = "\n".join(lines) or "No tool fits these words. Try others."
        return Observation(call.id, call.name, text)

    async def _find(self, query: str) -> list[dict[str, str]]:
        names = [one.name for one in self._toolbox.tools]
        context = current_context.get()
        if context is None:
            found = await search_tools(query, names)
        else:
            path = current_scope.get().name(SEARCH_STEP.name)
            found = await context.step(path, SEARCH_STEP, {"query": query, "among": names})
        self._toolbox.found(one["tool"] for one in found)
        return found

"""What can go wrong with an MCP server, told apart by what an effect needs to know."""

from __future__ import annotations

from podium.core.errors import NotDone, PodiumError, ValueNotPortable
from podium.core.ports import BadResult


class McpUnreachable(NotDone):
    """A server cannot be started, reached or talked to; nothing was called."""

    code = "mcp-unreachable"


class McpChanged(NotDone):
    """A server no longer has a tool as it was described; it was not called."""

    code = "mcp-changed"


class McpRefused(NotDone):
    """A server did not take a call: it does not know the tool, or not such arguments."""

    code = "mcp-refused"


class McpBroken(PodiumError):
    """A server went away, talked nonsense or failed with a call under way; nobody knows what it did."""

    code = "mcp-broken"


class McpToolFailed(ValueNotPortable, BadResult):
    """A server has carried out a call, and says that the tool failed.

    The engine records it as *done, result unusable*, and does not repeat it.
    """

    code = "mcp-tool-failed"

    def __init__(self, message: str) -> None:
        ValueNotPortable.__init__(self, message)
        self.problem = self


HOPELESS = frozenset({"McpChanged", "McpRefused"})
"""Names of the errors after which no attempt is made."""

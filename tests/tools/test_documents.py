"""A document calls tools by names that it computes."""

import sys

from collections.abc import Iterator

import pytest

import podium

from podium import Flow
from podium.core.spec import registry
from tests.harness import fresh_names

TEXT = """
podium: 1
name: chosen
uses: [podium.tools.documents]
input: {tool: string, arguments: object}
nodes:
  reply:
    flow: dispatch
    args: {tool: "${input.tool}", arguments: "${input.arguments}", among: [add]}
  repaired:
    when: reply.ok
    set: ${size(reply.repairs)}
output: {ok: "${reply.ok}", value: "${reply.value}", code: "${reply.error == null ? '' : reply.error.code}", repaired: "${repaired?}"}
"""


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    sys.modules.pop("podium.tools.documents", None)
    with fresh_names():
        yield
    sys.modules.pop("podium.tools.documents", None)


def test_a_tool_that_the_document_does_not_know_is_called_by_its_name() -> None:
    """Arguments are checked and mended; what does not fit, or is not allowed, comes back as data."""

    @podium.tool(effect="read")
    async def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    @podium.tool(effect="read")
    async def secret() -> str:
        """Tell a secret."""
        return "no"

    flow = Flow.from_text(TEXT, allow=["podium.tools.documents"])
    assert [one for one in flow.check() if one.is_error] == []

    def run(tool: str, **arguments: object) -> dict[str, object]:
        given = {"tool": tool, "arguments": arguments}
        found: dict[str, object] = podium.run(flow, given, database=":memory:")
        return found

    assert run("add", a=1, b=2) == {"ok": True, "value": 3, "code": "", "repaired": 0}
    assert run("add", a="1", b=2) == {"ok": True, "value": 3, "code": "", "repaired": 1}
    assert run("add", a=1)["code"] == "arguments-invalid"
    assert run("secret")["code"] == "unknown-tool"
    assert "dispatch" in registry.workflows

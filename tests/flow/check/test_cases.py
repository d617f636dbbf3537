"""A table of documents with what is found in them, and the example of the design."""

from __future__ import annotations

import textwrap

import pytest

from tests.flow.check.cases import CASES
from tests.flow.check.documents import flow

SUPPORT = """
input: {id: string, vip: boolean}
nodes:
  order: {when: input.vip, call: find_order, args: {id: "${input.id}"}}
  texts: {set: {vip: "${MARK}"}}
  reply: {set: "${texts.vip}"}
output: "${reply}"
"""


@pytest.mark.parametrize(
    ("text", "wanted"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_case(text: str, wanted: list[tuple[str, str, str]]) -> None:
    """What is wrong is found where it is, named, with nothing else."""
    found = flow(textwrap.dedent(text))
    shown = "\n".join(map(str, found))

    assert [(one.code, one.path) for one in found] == [(code, path) for code, path, _ in wanted], (
        shown
    )
    for one, (_, _, part) in zip(found, wanted, strict=True):
        assert part in f"{one.message} {one.hint}", shown


def test_mark_decides() -> None:
    """With `order?` the flow is sound; with `order` the output may be lost, and the chain is named."""
    assert flow(SUPPORT.replace("MARK", "order?")) == []

    [found] = flow(SUPPORT.replace("MARK", "order"))
    assert (found.code, found.path, found.severity) == ("may-have-no-output", "$.output", "error")
    assert found.message == (
        "the output needs 'reply', which needs 'texts', which needs 'order', which is skipped where "
        "'input.vip' does not hold; the run fails then."
    )
    assert found.hint == "Write 'order?' in 'texts', or 'reply?' here, to take null then."

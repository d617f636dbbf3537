"""Gates: what values are held against. ``from podium import gates``.

::

    from podium import gates

    verdict = await podium.verify(answer, [gates.schema(Answer), gates.cel("size(answer.text) > 0")])
"""

from podium.agents.verify.citations import citations
from podium.agents.verify.command import command
from podium.agents.verify.gate import Gate, Rank, python
from podium.agents.verify.judge import Criterion, judge
from podium.agents.verify.people import person
from podium.agents.verify.several import Risk, Rung, ladder, quorum, rung
from podium.agents.verify.values import cel, schema
from podium.agents.verify.verdict import Finding

__all__ = [
    "Criterion", "Finding", "Gate", "Rank", "Risk", "Rung", "cel", "citations", "command", "judge", "ladder",
    "person", "python", "quorum", "rung", "schema",
]  # fmt: skip

"""Flow documents: workflows as data, that people, programs and models write (docs/flows.md).

::

    flow = Flow.load("support.yaml")     a file; or Flow.from_dict(…), Flow.from_text(…)
    flow.check()                         everything that is wrong with it
    await app.start(flow, {"message": "…"})

Text is read by ``source``, its words by ``parse`` into ``model``; ``check`` judges it, ``interpret``
carries it out over the Context, ``render`` draws it.
"""

from podium.flow.findings import Finding, FlowInvalid
from podium.flow.flow import Flow, FlowNotFound
from podium.flow.source import SourceError
from podium.flow.spec import TaskMissing

__all__ = ["Finding", "Flow", "FlowInvalid", "FlowNotFound", "SourceError", "TaskMissing"]

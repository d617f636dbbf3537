"""Carrying out a document: an ordinary program over the Context.

``plan`` prepares bodies once, ``frames`` are what expressions see, ``bodies`` start nodes and take
their ends, ``kinds`` do what each kind does.
"""

from podium.flow.interpret.program import FlowRun, begin, run_document
from podium.flow.interpret.states import NodeRun, Status

__all__ = ["FlowRun", "NodeRun", "Status", "begin", "run_document"]

"""The part of jq that has a counterpart in our expressions: read, and said anew.

``syntax`` are the forms of a program, ``tokens`` and ``parser`` read it; ``program`` is what is known of one
while ``translate``, with ``operators`` and ``functions``, says it in
expressions of ours, or says why that cannot be.
"""

from podium.flow.importing.jq.errors import NotCarried
from podium.flow.importing.jq.parser import parse
from podium.flow.importing.jq.program import Jq
from podium.flow.importing.jq.syntax import Node
from podium.flow.importing.jq.translate import translator
from podium.flow.importing.jq.values import Constant, Many, One, Record, Value

__all__ = [
    "Constant",
    "Jq",
    "Many",
    "Node",
    "NotCarried",
    "One",
    "Record",
    "Value",
    "parse",
    "translator",
]

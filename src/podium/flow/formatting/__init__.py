"""The one layout of flow documents: what ``podium flow fmt`` writes.

Keys come in the order in which a node is read (when, what, with what, what if it fails); what fits
on a line stands on a line, unless it has nodes of its own. Nodes stay in the order they were written
in, comments stay with what they were written at, and the document says what it said before.
"""

from podium.flow.formatting.formatting import format_document

__all__ = ["format_document"]

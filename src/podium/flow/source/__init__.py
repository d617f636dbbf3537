"""Reading flow documents: YAML or JSON, with the places of everything in them.

::

    source = read(text, "support.yaml")
    source.data                          what it says, as JSON
    source.place("$.nodes.order.args")   where it says so: line and column

Whatever the bytes, there is a :class:`Source` or a :class:`SourceError`, in bounded time and memory.
"""

from podium.flow.places import child
from podium.flow.source.errors import SourceError
from podium.flow.source.source import Source, read

__all__ = ["Source", "SourceError", "child", "read"]

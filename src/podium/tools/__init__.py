"""Tools: tasks that a model may choose, by name, by tag, by words.

``podium.tools`` is the registry as a whole: ``get``, ``find``, ``search``, and ``schemas`` for the
providers of models. ``@podium.tool`` makes a tool of a function, ``podium.dispatch`` calls one by
name.
"""

from podium.tools.forms import schemas
from podium.tools.registry import find, get
from podium.tools.searching import search

__all__ = ["find", "get", "schemas", "search"]

"""Tools: tasks that a model may choose, by name and by description.

``podium.tools`` is the registry as a whole; ``@podium.tool`` makes a tool of a function.
"""

"""From a requirement to a merged and tagged change: a model writes, tests and people decide.

`workflow.py` is the workflow. Around it stand the repositories that it works in (`repository.py`), the
tests that it runs (`trying.py`), its gates (`gates.py`), and five small tasks (`tasks/`).
"""

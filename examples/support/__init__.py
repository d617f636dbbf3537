"""Customer support as a durable workflow: the main job of Podium, on real parts.

`workflow.py` is the workflow. Around it stand an order service that fails on purpose (`orders.py`),
a knowledge base (`knowledge.py`), a classifier (`intents.py`) and the show (`demo.py`).
"""

"""Flows from documents of CNCF Serverless Workflow 1.0 (docs/import.md).

Nothing of a source is dropped in silence: each of its words is carried over, or named in a note.

``document`` reads the whole, ``importer`` what all tasks have in common, ``control``, ``services``,
``events``, ``listening`` and ``trying`` the kinds; ``speech`` and ``jq`` say expressions anew,
``graph`` finds the structure behind jumps, ``line`` is a body while it is written, and ``ledger`` keeps
account of what was carried over.
"""

from podium.flow.importing.document import Imported, import_serverless

__all__ = ["Imported", "import_serverless"]

"""Before the body of a task begins: limits and breakers, shared by all workers of the database.

Decisions are those of ``podium.policy``, made in the commits of the store. Here is what one worker
keeps in memory: permits it has drawn, how breakers stood when last heard of, and who waits.
"""

from podium.engine.admission.admission import Admission

__all__ = ["Admission"]

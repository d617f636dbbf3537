"""Named limits. Hitting one is a clear error before damage is done."""

from __future__ import annotations

PAYLOAD_BYTES_MAX = 64 * 1024 * 1024
"""One value as JSON, unless ``Podium(payload_bytes_max=…)`` says otherwise."""
INLINE_BYTES_MAX = 4096
"""A payload under this stays in its record."""
FLUSH_AFTER_S = 0.005
"""Unsynced records are flushed after this time at the latest."""
FLUSH_BYTES = 256 * 1024
"""… or when they have grown to this."""
RECORDS_WARN = 10_000
"""From here a run is told to ``restart_with``."""
RECORDS_MAX = 1_000_000
"""A run with more records is stopped."""
MAP_ITEMS_MAX = 100_000
"""Items of one ``podium.map``."""
MAP_CONCURRENCY = 100
"""Calls of one ``podium.map`` in flight unless said otherwise."""
PATH_CHARS_MAX = 1_000
"""Length of a step's path (depth of scopes)."""
CLAIMS_MAX = 3
"""Takeovers without progress after which a run is quarantined."""
SHOW_STARTED_AFTER_S = 0.05
"""A read in flight for longer is recorded as started, so that others can see it."""
TURN_S = 0.005
"""The engine lets the outer loop breathe after this time."""
TRACEBACK_CHARS_MAX = 4_000
"""What is kept of a traceback."""
CLOSE_WAIT_S = 10.0
"""How long closing waits for effects in flight."""
THREADS_MAX = 64
"""Threads for sync tasks in one process."""
KEPT_BYTES_MAX = 1024 * 1024
"""A larger result is not kept for the cache or as the last good one."""
RUN_ID_CHARS_MAX = 200
"""Length of a run id."""
PRIORITY_MAX = 1000
"""The highest priority of a run, a task or a call; the lowest is as far below nothing."""
CHUNKS_MAX = 100_000
"""Chunks that one attempt of a task emits."""

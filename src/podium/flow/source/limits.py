"""Named limits of the text of a document. They bound time and memory, whoever wrote it."""

from __future__ import annotations

TEXT_BYTES_MAX = 4 * 1024 * 1024
"""The text as UTF-8; also what all texts in it may come to once aliases are expanded."""
VALUES_MAX = 200_000
"""Values in a document once aliases are expanded; lists and mappings count themselves."""
DEPTH_MAX = 100
"""How deep lists and mappings may be nested."""
NUMBER_CHARS_MAX = 1_000
"""Length of a number."""

"""Named limits of expressions. They bound time and memory, whoever wrote the expression.

An expression's outcome must not depend on the machine, so everything here is counted, never timed.
"""

from __future__ import annotations

from podium.core.limits import PAYLOAD_BYTES_MAX

SOURCE_BYTES_MAX = 4096
"""The text of one expression, as UTF-8."""
DEPTH_MAX = 64
"""How deep operations may be nested; a chain such as ``a + b + c`` counts each link."""
STEPS_MAX = 1_000_000
"""Steps of one evaluation: an operation or an element of a loop is one, a scanned text one per 64
characters."""
BUILT_BYTES_MAX = 32 * 1024 * 1024
"""Memory of everything that one evaluation builds, intermediate values included (an estimate)."""
RESULT_BYTES_MAX = PAYLOAD_BYTES_MAX
"""The result as JSON. What is shared within it counts each time."""
VALUE_DEPTH_MAX = 200
"""How deep values may be nested that are compared, built or written as text."""
PATTERN_STATES_MAX = 2_000
"""States of a regular expression; a repetition counts its copies."""
PATTERN_DEPTH_MAX = 40
"""How deep groups of a regular expression may be nested."""

"""The records of a run's journal, and their JSON bodies.

*Facts* are what a program can see; they are delivered in order. *Notes* say what was begun or
decided around them. Names in bodies are short because every step of every run carries them:
``k`` task, ``e`` effect, ``f`` fingerprint, ``n`` attempt, ``s`` started at, ``d`` duration in µs, ``x`` error, ``v``
value and ``a`` arguments, both as envelopes of ``journal.payload``.
"""

from __future__ import annotations

from enum import IntEnum

import msgspec

from podium.core.budgets import Amount
from podium.core.errors import ErrorInfo
from podium.core.notes import Line


class Kind(IntEnum):
    """What a record is. Numbers are forever; a new meaning takes a new number."""

    # facts, delivered to the program in this order
    RESULT = 1
    TIMER = 2
    SIGNAL = 3
    ANSWER = 4
    CHILD = 5
    CANCEL = 6
    # notes
    STARTED = 20
    FAILED_ATTEMPT = 21
    UNKNOWN = 22
    LATE = 23
    CANCELLED_STEP = 24
    UNLOCKED = 25
    HEARTBEAT = 26
    PATCHED = 30
    ENV = 31
    PUBLISHED = 32
    EMITTED = 33
    ASKED = 34
    CHILD_STARTED = 35
    WARNING = 36
    DRIFT = 37
    CODE = 38
    RESTARTED = 39
    ENDED = 40
    HELD = 41
    SPENT = 42
    ANSWERED = 43

    @property
    def is_fact(self) -> bool:
        """Whether a program sees it."""
        return self < Kind.STARTED


class Status:
    """Words for what a step came to (the column ``status`` of ``run.steps()``)."""

    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    UNUSABLE = "unusable"
    LATE = "late"


class Result(msgspec.Struct, omit_defaults=True):
    """A step has an outcome. Without a STARTED record it also says which step it was."""

    k: str = ""
    e: str = ""
    f: str = ""
    n: int = 1
    d: int = 0
    v: msgspec.Raw = msgspec.Raw(b"")
    x: ErrorInfo | None = None
    st: str = Status.SUCCEEDED
    by: str = ""
    """What answered in place of the task: ``cache``."""
    o: int = 0
    """When that was made."""
    a: msgspec.Raw = msgspec.Raw(b"")
    w: list[Line] = []
    """What the attempt has said."""


class Started(msgspec.Struct, omit_defaults=True):
    """An attempt begins. For ``write`` and ``once`` it is committed before the body runs."""

    k: str
    e: str
    f: str
    n: int = 1
    key: str = ""
    c: str = ""
    """The compensating task."""
    at: str = ""
    """The place in the program."""
    a: msgspec.Raw = msgspec.Raw(b"")
    p: Amount | None = None
    """What it may cost at worst, where it has a price."""


LOST = "Lost"
"""Type of the error of an attempt that a crash kept from happening; it is no failure."""


class FailedAttempt(msgspec.Struct, omit_defaults=True):
    """An attempt failed and another follows; so a crash does not forget how many there were."""

    k: str
    e: str
    f: str
    n: int
    s: int
    x: ErrorInfo
    next_at: int
    w: list[Line] = []


class Beat(msgspec.Struct, omit_defaults=True):
    """An attempt has said how far it is: ``v`` is plain JSON."""

    n: int
    v: msgspec.Raw


class Spent(msgspec.Struct, omit_defaults=True):
    """An attempt has ended, or was given up: what it has used; what is not known counts as spent."""

    n: int
    u: Amount


class Value(msgspec.Struct, omit_defaults=True):
    """A value with a name: signal, answer, environment, published, emitted, ended."""

    name: str = ""
    v: msgspec.Raw = msgspec.Raw(b"")
    x: ErrorInfo | None = None


class Note(msgspec.Struct, omit_defaults=True):
    """A word of the engine: warning, drift, patch, code, held."""

    code: str = ""
    text: str = ""
    w: list[Line] = []


LOCK = "podium.lock"
"""The task that the result of a lock names; its value is the fence."""
RECALL = "podium.recall"
"""The task that the result of a recall names; without ``o``, nothing was found."""
SEND = "podium.send"
"""The task that the result of a signal to another run names."""
EMPTY = b"{}"
DEADLOCK = "deadlock"
"""Path of the CANCEL fact by which the engine stops a program that nothing can ever wake."""
DEADLINE = "deadline"
"""Path of the CANCEL fact by which the engine stops a program whose time is over."""
_encode = msgspec.json.Encoder().encode
decode_result = msgspec.json.Decoder(Result).decode
decode_started = msgspec.json.Decoder(Started).decode
decode_failed_attempt = msgspec.json.Decoder(FailedAttempt).decode
decode_beat = msgspec.json.Decoder(Beat).decode
decode_spent = msgspec.json.Decoder(Spent).decode
decode_value = msgspec.json.Decoder(Value).decode
decode_note = msgspec.json.Decoder(Note).decode
decode_error = msgspec.json.Decoder(ErrorInfo).decode


def body(record: msgspec.Struct) -> bytes:
    """Return the JSON of a record's body."""
    return _encode(record)

"""Which secrets this process has resolved, so that they are found where they would leave."""

from __future__ import annotations

from podium.core.context import current_attempt
from podium.core.notes import WARNING
from podium.core.ports import Attempt
from podium.core.redaction import SECRET_CHARS_MIN, Redactor

LONG_CHARS = 12
"""From here a value is no word of anybody's data, and is looked for in all that leaves the process."""
_VALUES_MAX = 256


class KnownSecrets:
    """The newest long secrets of this process, whoever resolved them.

    A client that is built once, at import or by the first attempt, is used by later attempts that
    resolve nothing themselves. Replaced as a whole, so every thread may read it.
    """

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.redactor: Redactor | None = None

    def add(self, value: str, reference: str) -> None:
        """Look for one more; the oldest is forgotten when there are too many."""
        if value in self.values:
            return
        values = {**self.values, value: reference}
        if len(values) > _VALUES_MAX:
            del values[next(iter(values))]
        self.redactor = Redactor(values)
        self.values = values


known: KnownSecrets = KnownSecrets()


def remember(reference: str, value: str) -> None:
    """Take note that a secret was resolved, by the attempt that runs or by nobody in particular."""
    attempt = current_attempt.get()
    if attempt is not None and value not in attempt.notes.secrets:
        if len(value) >= SECRET_CHARS_MIN:
            attempt.notes.secrets[value] = reference
        else:
            text = f"{reference} has {len(value)} characters: too short to be found where it is written out"
            attempt.notes.add(WARNING, "secret-short", text)
    if len(value) >= LONG_CHARS:
        known.add(value, reference)


def redactor_for(attempt: Attempt | None) -> Redactor | None:
    """Return what cleans all that an attempt brings; None where no secret is known."""
    if attempt is None or not attempt.notes.secrets:
        return known.redactor
    values = known.values
    own = attempt.notes.secrets
    if all(value in values for value in own):
        return known.redactor
    return Redactor({**values, **own})


def cleaned(text: str) -> str:
    """Return a text without the secrets that the process, or the attempt that runs, has resolved."""
    redactor = redactor_for(current_attempt.get())
    return text if redactor is None else redactor.text(text)

"""What can go wrong with a model; each message says what happened, with the value, and what to do."""

from __future__ import annotations

from typing import Any, Final

from podium.core.errors import PodiumError

SAID_CHARS_MAX: Final = 500


class ModelError(PodiumError):
    """A model has no answer, or one that is of no use.

    Attributes:
        status: Of the provider's answer, such as 429; None where there was none.
        retry_after_s: How long the provider asks to be left alone, in seconds.
    """

    code = "model"

    def __init__(
        self, message: str, status: int | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.status, self.retry_after_s)


class ModelRefused(ModelError):
    """The model, or a filter of its provider, would not answer; asking again does not help."""

    code = "model-refused"


class ModelUnreachable(ModelError):
    """No whole answer came: no connection, an error of the server, a stream that broke off."""

    code = "model-unreachable"


class ModelGarbled(ModelUnreachable):
    """… what came is no answer in the provider's form."""

    code = "model-garbled"


class ModelThrottled(ModelError):
    """The provider wants fewer calls; ``retry_after_s`` says for how long, where it tells."""

    code = "model-throttled"


class ModelKeyMissing(ModelError):
    """There is no key for the provider, or it does not take the one there is."""

    code = "model-key-missing"


class ModelUnknown(ModelError):
    """A model string names no provider or no model; or what the provider needs is not installed."""

    code = "model-unknown"


class ModelRequestInvalid(ModelError):
    """The provider says that the request is wrong; the same again would be wrong again."""

    code = "model-request-invalid"


class ModelOutputInvalid(ModelError):
    """What the model answered does not have the form that was asked for, however often it was told.

    Attributes:
        text: What it answered last.
        faults: What is wrong with that.
    """

    code = "model-output-invalid"

    def __init__(self, message: str, text: str = "", faults: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.text = text
        self.faults = faults

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.text, self.faults)


class ModelCut(ModelError):
    """The answer was cut at its limit of tokens."""

    code = "model-cut"


class RealCallsForbidden(ModelError):
    """A real provider was to be called where that is forbidden, as in tests."""

    code = "real-calls-forbidden"


class ScriptEnded(ModelError):
    """A scripted model was asked something that its script has no reply to."""

    code = "script-ended"


class CassetteMiss(ModelError):
    """A cassette has no recording of a request."""

    code = "cassette-miss"


def said(text: str) -> str:
    """Return a text as it may stand in a message: in one line, and not too long."""
    line = " ".join(text.split())
    return line if len(line) <= SAID_CHARS_MAX else f"{line[:SAID_CHARS_MAX]}…"

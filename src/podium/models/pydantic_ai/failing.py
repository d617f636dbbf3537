"""What the library raises, as errors of Podium with a remedy."""

from __future__ import annotations

from typing import Any

from pydantic_ai.exceptions import (
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContextWindowExceededError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelOverloadedError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelRequestRejectedError,
)

from podium.core.memory import cleaned
from podium.models.errors import (
    ModelError,
    ModelGarbled,
    ModelKeyMissing,
    ModelRequestInvalid,
    ModelThrottled,
    ModelUnknown,
    ModelUnreachable,
    said,
)

_FILTERED = ("content_filter", "content_policy", "content management policy", "responsibleai")


def error_of(model: str, problem: Exception) -> ModelError:
    """Return the error that an exception of the library stands for.

    Args:
        model: The model string.
        problem: What was raised.
    """
    if isinstance(problem, ModelAPIError):
        return _by_category(model, problem)
    if isinstance(problem, OSError | TimeoutError) or _is_of_transport(problem):
        return ModelUnreachable(f"{model} broke off: {_words(problem)}. It is tried again.")
    return ModelGarbled(
        f"{model} answered what is no answer in its provider's form: {_words(problem)}. Is that the "
        "right address, and does it speak this provider's interface?"
    )


def is_filtered(problem: Exception) -> bool:
    """Tell whether a filter of the provider would not let the request pass."""
    if type(problem).__name__ == "ContentFilterError":
        return True
    is_refused = isinstance(problem, ModelHTTPError) and problem.status_code in (400, 403)
    told = f"{getattr(problem, 'provider_error_code', '')} {_body(problem)}".lower()
    return is_refused and any(word in told for word in _FILTERED)


def _by_category(model: str, problem: ModelAPIError) -> ModelError:
    status = problem.status_code if isinstance(problem, ModelHTTPError) else None
    wait_s, told = problem.retry_after, _told(problem)
    if isinstance(problem, ModelQuotaExceededError):
        return ModelRequestInvalid(
            f"The account behind {model} may spend no more: {told}. Top it up, or use another model.",
            status, wait_s,
        )  # fmt: skip
    if isinstance(problem, ModelRateLimitError) or status == 429:
        later = "" if wait_s is None else f" for {wait_s:g} s"
        return ModelThrottled(
            f"{model} wants fewer calls{later}: {told}. Give Model(rate=…) what your account allows.",
            status, wait_s,
        )  # fmt: skip
    if isinstance(problem, ModelAuthenticationError):
        return ModelKeyMissing(
            f"{model} does not take the key: {told}. Check it, and that it may use this model.",
            status,
        )
    if isinstance(problem, ModelNotFoundError):
        near = getattr(problem, "suggested_model_id", None)
        hint = f" Did you mean {near!r}?" if near else ""
        return ModelUnknown(f"{model} is not known there: {told}.{hint}", status)
    if isinstance(problem, ModelContextWindowExceededError):
        return ModelRequestInvalid(
            f"The conversation is too long for {model}: {told}. Shorten it, or use a model that takes "
            "more.", status,
        )  # fmt: skip
    if isinstance(problem, ModelRequestRejectedError) or (status or 500) < 500:
        return ModelRequestInvalid(
            f"{model} says that the request is wrong: {told}.", status, wait_s
        )
    what = "is overloaded" if isinstance(problem, ModelOverloadedError) else "failed"
    if isinstance(problem, ModelConnectionError):
        return ModelUnreachable(
            f"{model} cannot be reached: {told}. Is the address right, and does its server run?",
            status,
        )
    return ModelUnreachable(f"{model} {what}: {told}.", status, wait_s)


def _told(problem: ModelAPIError) -> str:
    """Return what a provider said, without what may be secret."""
    body = _body(problem)
    return said(cleaned(body)).rstrip(".") if body else _words(problem)


def _body(problem: Exception) -> str:
    body: Any = getattr(problem, "body", None)
    if isinstance(body, dict):
        inner = body.get("error", body)
        found = inner.get("message") if isinstance(inner, dict) else inner
        return str(found or body)
    return "" if body is None else str(body)


def _words(problem: BaseException) -> str:
    """Return the words of an exception and of what it came from in the end."""
    text, root = str(problem) or type(problem).__name__, problem
    while root.__cause__ is not None:
        root = root.__cause__
    if str(root) and str(root) not in text:
        text = f"{text.rstrip('.')} ({type(root).__name__}: {root})"
    return said(cleaned(text)).rstrip(".")


def _is_of_transport(problem: Exception) -> bool:
    """Tell whether it comes from the transport, by the modules of its classes."""
    modules = {kind.__module__.partition(".")[0] for kind in type(problem).__mro__}
    return bool(modules & {"httpx2", "httpx", "httpcore2", "httpcore", "ssl"})

"""Arguments that come from the run, which no model and no document may set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from podium.core.codec import type_hints
from podium.core.context import current_attempt, current_context
from podium.core.errors import InputInvalid, InvalidOption


@dataclass(frozen=True, slots=True)
class FromRun:
    """Marks a parameter of a tool that is filled with an attribute of the run.

    ``tenant: Annotated[str, podium.FromRun("tenant")]`` is in no schema, and is what the run was
    started with: ``app.start(…, headers={"tenant": "acme"})``.

    Attributes:
        header: The name of the attribute.
    """

    header: str


def headers_wanted(function: Callable[..., Any]) -> dict[str, str]:
    """Return the parameters that come from the run, with the attributes they are filled from.

    Raises:
        InvalidOption: A mark stands deeper in a type, where nothing would fill it.
    """
    wanted: dict[str, str] = {}
    for name, kind in type_hints(function).items():
        marks = [one for one in getattr(kind, "__metadata__", ()) if isinstance(one, FromRun)]
        if marks and name != "return":
            wanted[name] = marks[0].header
        elif "FromRun(" in str(kind):
            raise InvalidOption(
                f"{function.__name__}: FromRun stands within the type of {name!r}, where nothing "
                f"fills it; write {name}: Annotated[…, FromRun(…)]."
            )
    return wanted


def run_headers() -> Mapping[str, Any] | None:
    """Return the attributes of the run, in a workflow and in the body of a task; else None."""
    attempt = current_attempt.get()
    if attempt is not None:
        return attempt.headers
    context = current_context.get()
    return None if context is None else context.about.headers


def values_from_run(
    tool: str, wanted: Mapping[str, str], may_be_left_out: frozenset[str]
) -> dict[str, Any] | None:
    """Return the arguments that come from the run by name; None outside of any run.

    Args:
        tool: Whose they are.
        wanted: Parameters, and the attributes they are filled from.
        may_be_left_out: Parameters with a default.

    Raises:
        InputInvalid: The run has no such attribute.
    """
    headers = run_headers()
    if headers is None:
        return None
    found: dict[str, Any] = {}
    for parameter, header in wanted.items():
        if header in headers:
            found[parameter] = headers[header]
        elif parameter not in may_be_left_out:
            raise InputInvalid(
                f"{tool} takes {parameter!r} from the run's attribute {header!r}, which this run "
                f"was started without: app.start(…, headers={{{header!r}: …}})."
            )
    return found

"""Errors: ``try`` with its ``catch`` and ``retry``, and ``raise``."""

from __future__ import annotations

from typing import Any, Final

from podium.flow.importing import control
from podium.flow.importing.durations import duration_text
from podium.flow.importing.importer import Importer
from podium.flow.importing.jq import One
from podium.flow.importing.jq.values import quoted
from podium.flow.importing.ledger import Source
from podium.flow.importing.line import NEVER, NEXT, Ends, Line, Shape, Way, branch, either
from podium.flow.importing.speech import escaped

ATTEMPTS_MAX: Final = 1_000_000
_LONGEST: Final = "365d"
RETHROWN_MAX: Final = 20


# raise ------------------------------------------------------------------------------------


def fail(importer: Importer, line: Line, name: str, source: Source) -> Ends:
    """``raise``: a node ``fail``, whose code has the type and the status of the error."""
    found = source.get("raise")
    error = found.get("error") if found else None
    if error is not None and isinstance(error.data, str):
        known = importer.reusable("errors", error.data)
        if known is None:
            error.error("unknown-name", f"no error is called {error.data!r:.60}.")
            return importer.broken(line, name)
        error.take()
        error = known
    if error is None or not isinstance(error.data, dict):
        source.error("wrong-type", "'raise' has an 'error' with its type and status.")
        return importer.broken(line, name)
    line.add(importer.ids.new(name), {"fail": _failure(importer, line, error)})
    return NEVER


def _failure(importer: Importer, line: Line, error: Source) -> dict[str, Any]:
    kind, status = error.get("type"), error.get("status")
    if kind is None or not isinstance(kind.data, str) or "${" in kind.data:
        error.error(
            "error-type", "the type of an error must be a fixed text here: it becomes the code."
        )
        code = "failed"
    else:
        code = importer.errors.code(kind.take(), status.take() if status else None)
    if instance := error.peek("instance"):
        instance.left_out("where an error comes from is its path, which the run records.")
    speech = importer.speech(line)
    texts = [speech.template(part) for word in ("title", "detail") if (part := error.get(word))]
    message = ": ".join(str(text) for text in texts) or escaped(
        str(kind.data if kind else "failed")
    )
    return {"message": message, "code": code}


# try --------------------------------------------------------------------------------------


def attempt(importer: Importer, line: Line, name: str, source: Source) -> Ends:
    """``try``: its tasks as one node, and where they may fail a second one that handles it."""
    tried = importer.ids.new(name, "_try")
    inner = line.inner()
    ends = control.tasks(importer, inner, source.get("try"))
    catch = source.get("catch")
    if catch is None or not isinstance(catch.data, dict):
        source.error("wrong-type", "'try' has a 'catch'.")
        return branch(line, tried, [Way(None, inner, ends)])
    policies = _retry(importer, catch)
    if "retry" in catch and "do" not in catch:
        catch.warn(
            "retry-without-do", "when all tries have failed, the node fails: the specification leaves "
            "this open.", "Say in 'do' what is to be done then.",
        )  # fmt: skip
        _filter_of(importer, line.inner(), catch, "error")
        return branch(line, tried, [Way(None, inner, ends)], **policies)
    handler, handled = _handler(importer, line, name, tried, catch)
    shape = Shape.of(line, [Way(None, inner, ends), Way(None, handler, handled)])
    handling = importer.ids.new(name, "_caught")
    line.add(tried, {"switch": [_case(shape, inner, ends)], "on_error": handling, **policies})
    line.last = ()
    line.add(handling, {"switch": [_case(shape, handler, handled)]})
    chosen = f"outcome.{tried}.status == 'ok' ? {tried}? : {handling}?"
    result = line.add(importer.ids.new(name), {"set": f"${{{chosen}}}"})
    reached = ends.reached | handled.reached
    outputs = [
        line.schema_of(shape.output(one, end))
        for one, end in ((inner, ends), (handler, handled))
        if end.reached
    ]
    return shape.follow(line, result, reached, either(outputs)) if reached else NEVER


def _case(shape: Shape, line: Line, ends: Ends) -> dict[str, Any]:
    case: dict[str, Any] = {"else": True}
    if line.nodes:
        case["nodes"] = line.nodes
    if ends.reached:
        case["output"] = shape.output(line, ends)
    return case


def _handler(
    importer: Importer, line: Line, name: str, tried: str, catch: Source
) -> tuple[Line, Ends]:
    """Write what is done when the tasks have failed: what does not fit the filter fails again."""
    handler = line.inner()
    called = catch.text("as", "error")
    code = handler.add(
        importer.ids.new(called, "_code"), {"set": f"${{outcome.{tried}.error.code}}"}
    )
    handler.pool.schemas[code] = {"type": "string"}
    error = handler.add(importer.ids.new(called), {"set": importer.errors.fields(tried, code)})
    if importer.errors.are_too_many:
        catch.warn(
            "error-type", f"${called}.type is a short code for some of the types of errors here."
        )
    handler.variables[called] = One.named(error)
    conditions = _filter_of(importer, handler, catch, error)
    if not conditions:
        return handler, control.tasks(importer, handler, catch.get("do"))
    caught = handler.inner()
    ends = control.tasks(importer, caught, catch.get("do"))
    ways = [Way(" && ".join(conditions), caught, ends)]
    message = f"${{outcome.{tried}.error.message}}"
    for known in importer.errors.raised[:RETHROWN_MAX]:
        again = handler.inner()
        again.add(importer.ids.new(name, "_again"), {"fail": {"message": message, "code": known}})
        ways.append(Way(f"{code} == {quoted(known)}", again, NEVER))
    other = handler.inner()
    other.add(importer.ids.new(name, "_again"), {"fail": message})
    ways.append(Way(None, other, NEVER))
    return handler, branch(handler, importer.ids.new(name, "_handled"), ways)


def _filter_of(importer: Importer, line: Line, catch: Source, error: str) -> list[str]:
    """Return the conditions under which an error is caught."""
    found = catch.get("errors")
    wanted = found.get("with") if found else None
    conditions: list[str] = []
    for word, part in wanted.inside() if wanted else []:
        if (
            word in {"type", "status", "title"}
            and isinstance(part.data, str | int)
            and "${" not in str(part.data)
        ):
            shown = quoted(part.data) if isinstance(part.data, str) else str(int(part.data))
            part.take()
            conditions.append(f"{error}.{word} == {shown}")
        else:
            part.lost("error-filter", f"errors cannot be told apart by {word!r:.40} here.")
    if conditions:
        catch.warn(
            "error-filter", "a task of yours says which error it is by the 'code' of the exception it raises: "
            "the end of the type, and the status: 'communication-503'.",
        )  # fmt: skip
    speech = importer.speech(line)
    for word in ("when", "exceptWhen"):
        test = catch.get(word)
        if test is not None and error in line.nodes:
            text = f"({speech.condition(test)})"
            conditions.append(text if word == "when" else f"!{text}")
        elif test is not None:
            test.take()
            test.warn("retry-filter", "an error is retried whatever it is.")
    return conditions


# retry ------------------------------------------------------------------------------------


def _retry(importer: Importer, catch: Source) -> dict[str, Any]:
    """Return the policies that say how often the tasks are tried."""
    found = catch.get("retry")
    if found is None:
        return {}
    if isinstance(found.data, str):
        known = importer.reusable("retries", found.data)
        if known is None:
            found.error("unknown-name", f"no retry is called {found.data!r:.60}.")
            return {}
        found.take()
        found = known
    if not isinstance(found.data, dict):
        found.error("wrong-type", "a retry says how often and how soon.")
        return {}
    if "errors" in catch:
        found.warn(
            "retry-filter",
            "an error is retried whatever it is; the filter counts for what is caught.",
        )
    for word in ("when", "exceptWhen"):
        if part := found.peek(word):
            part.lost("retry-filter", f"whether to try again cannot depend on {word!r} here.")
    policies = _limits(importer, found)
    return {
        "retry": {"attempts": policies.pop("attempts"), **_backoff(importer, found)},
        **policies,
    }


def _limits(importer: Importer, source: Source) -> dict[str, Any]:
    found: dict[str, Any] = {}
    limit = source.get("limit")
    tries = limit.get("attempt") if limit else None
    count = tries.get("count") if tries else None
    if (
        count is not None
        and isinstance(count.data, int)
        and not isinstance(count.data, bool)
        and count.data >= 0
    ):
        found["attempts"] = min(count.take() + 1, ATTEMPTS_MAX)
    else:
        found["attempts"] = ATTEMPTS_MAX
        if count is not None:
            count.lost("wrong-type", f"expected a number of tries; got {count.data!r:.40}.")
        source.warn("retry-limit", f"tries without a limit are limited to {ATTEMPTS_MAX:,}.")
    for holder, word in ((tries, "timeout"), (limit, "total_timeout")):
        duration = holder.get("duration") if holder else None
        text = importer.duration(duration) if duration else None
        if text is not None and text != "0s":
            found[word] = text
    return found


def _backoff(importer: Importer, source: Source) -> dict[str, Any]:
    delay = source.get("delay")
    found: dict[str, Any] = {
        "backoff": (importer.duration(delay) if delay else None) or "0s",
        "factor": 1,
        "backoff_max": _LONGEST,
        "jitter": 0,
    }
    kinds = source.get("backoff")
    for kind, part in kinds.inside() if kinds else []:
        if kind == "exponential":
            found["factor"] = 2
        elif kind == "linear":
            part.warn(
                "backoff",
                "waits that grow by the same each time are not known here: they stay the same.",
            )
        elif kind != "constant":
            part.lost("backoff", f"no backoff is called {kind!r:.40}.")
        if part.data:
            part.take()
            part.warn("backoff", f"what {kind!r:.40} says in detail is not carried over.")
    if "jitter" in source:
        found |= _jitter(importer, source, found)
    return found


def _jitter(importer: Importer, source: Source, found: dict[str, Any]) -> dict[str, Any]:
    """Chance adds to the delay there; here it takes away a share of the longest."""
    jitter, delay = source.get("jitter"), source.peek("delay")
    bounds = [jitter.get(word) if jitter else None for word in ("from", "to")]
    spans = [importer.span(bound) if bound else None for bound in bounds]
    if spans[0] is None or spans[1] is None or spans[1] < spans[0]:
        source.warn("backoff", "the jitter is no span of time, and is not carried over.")
        return {}
    longest = (importer.span(delay) or 0 if delay else 0) + spans[1]
    if longest == 0:
        return {}
    if found["factor"] != 1:
        source.warn("backoff", "the jitter grows with the wait here.")
    return {"backoff": duration_text(longest), "jitter": round((spans[1] - spans[0]) / longest, 6)}


__all__ = ["NEXT", "attempt", "fail"]

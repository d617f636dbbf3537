"""Google's implementation of CEL, asked the same question: what an expression gives, or that it fails."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

cel = pytest.importorskip("cel_expr_python.cel")
ext_math = pytest.importorskip("cel_expr_python.ext.ext_math")
ext_strings = pytest.importorskip("cel_expr_python.ext.ext_strings")

FAILED = object()
"""Stands for any error."""


def environment(names: Mapping[str, Any]) -> Any:
    """Return an environment in which each name may hold anything."""
    return cel.NewEnv(
        variables=dict.fromkeys(names, cel.Type.DYN),
        extensions=[ext_strings.ExtStrings(), ext_math.ExtMath()],
    )


def evaluate(env: Any, source: str, data: Mapping[str, Any]) -> Any:
    """Return the value of an expression as JSON, or FAILED."""
    try:
        value = env.compile(source, disable_check=True).eval(data=dict(data))
    except RuntimeError:
        return FAILED
    if value.type() == cel.Type.ERROR:
        return FAILED
    return plain(value.plain_value())


def plain(value: Any) -> Any:
    """Return a value as it would leave our own expressions; times are rounded to microseconds."""
    match value:
        case list():
            return [plain(each) for each in value]
        case dict():
            return {key: plain(each) for key, each in value.items()}
        case datetime():
            return ("time", value.timestamp())
        case timedelta():
            return ("length", value.total_seconds())
        case _:
            return value

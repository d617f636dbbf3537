"""Expressions of flow documents: a subset of CEL with bounded time and memory (docs/expressions.md).

::

    Expression.parse("intent.kind == 'refund'")     one expression
    Template.parse({"to": "${order.email}"})        JSON with expressions in its texts

Both say what they refer to (``references``), what they give for JSON Schemas of it (``check``), and
what they give for values of it (``evaluate``). Nothing here does I/O, looks at a clock or throws dice.
"""

from podium.flow.expression.check import Shapes
from podium.flow.expression.errors import ExpressionError, Problem
from podium.flow.expression.expression import Expression, JsonSchema
from podium.flow.expression.facts import Facts
from podium.flow.expression.references import Reference
from podium.flow.expression.template import Template
from podium.flow.expression.values import Kind

__all__ = [
    "Expression",
    "ExpressionError",
    "Facts",
    "JsonSchema",
    "Kind",
    "Problem",
    "Reference",
    "Shapes",
    "Template",
]

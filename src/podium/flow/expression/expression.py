"""One expression: read once, then checked, evaluated, and asked what it refers to."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from podium.flow.expression import results
from podium.flow.expression.check import Schemas, check_node
from podium.flow.expression.errors import ExpressionError, Problem
from podium.flow.expression.evaluation import Compute, Scope, compile_node
from podium.flow.expression.facts import NONE, Facts, facts_of
from podium.flow.expression.parser import parse
from podium.flow.expression.references import Reference, references_of
from podium.flow.expression.shapes import Schema
from podium.flow.expression.syntax import Name, Node

JsonSchema = Schema
"""A JSON Schema as it was decoded."""


class Expression:
    """An expression such as ``intent.kind == 'refund' && order?.total > 100``.

    Attributes:
        source: Its text.
        at: Where it stands in its document, for messages.
        references: Everything from outside that it reads.
    """

    def __init__(self, source: str, node: Node, at: str | None, before: int) -> None:
        self.source = source
        self.at = at
        self.references: frozenset[Reference] = references_of(node)
        self._node = node
        self._name = node.name if isinstance(node, Name) and not node.is_optional else None
        self._before = before

    @classmethod
    def parse(cls, source: str, *, at: str | None = None, before: int = 0) -> Expression:
        """Read an expression.

        Args:
            source: The text, without ``${`` and ``}``.
            at: Where it stands in its document, for messages.
            before: How many characters of its line stand before it; columns count from there.

        Raises:
            ExpressionError: It is none: ``syntax``, ``unknown-function``, ``bad-pattern``,
                ``too-long`` or ``too-deep``.
        """
        try:
            return cls(source, parse(source), at, before)
        except ExpressionError as error:
            raise _placed(error, at, before) from None

    @cached_property
    def _compute(self) -> Compute:
        return compile_node(self._node)

    @cached_property
    def _is_built(self) -> bool:
        return results.can_build(self._node)

    @cached_property
    def facts(self) -> Facts:
        """What is known where this condition holds: given to the check of what it guards."""
        return facts_of(self._node)

    def evaluate(self, variables: Mapping[str, Any]) -> Any:
        """Compute the result, a JSON value that may share parts with the variables.

        The same variables give the same result or the same error, on each machine.

        Raises:
            ExpressionError: There is no result: ``no-such-field``, ``no-overload``, ``budget`` and
                others.
        """
        name = self._name
        if name is not None and name in variables:
            return variables[name]  # it is handed on as it is
        try:
            return results.leave(self._compute(Scope(variables)), is_built=self._is_built)
        except ExpressionError as error:
            raise self.placed(error) from None

    def placed(self, error: ExpressionError) -> ExpressionError:
        """Return an error about this expression with its place in the document."""
        return _placed(error, self.at, self._before)

    @property
    def column(self) -> int:
        """Where it begins in its line, counted from 1."""
        return self._before + 1

    def check(
        self, schemas: Schemas, *, facts: Facts = NONE
    ) -> tuple[dict[str, Any], list[Problem]]:
        """Return the JSON Schema of the result, and all that cannot work, in the order of the text.

        Args:
            schemas: A JSON Schema for each name that may be read.
            facts: What is known where the expression is evaluated.
        """
        schema, problems = check_node(self._node, schemas, facts)
        return schema, [_moved(problem, self.at, self._before) for problem in problems]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and self.source == other.source

    def __hash__(self) -> int:
        return hash(self.source)

    def __repr__(self) -> str:
        return f"Expression({self.source!r})"


def _placed(error: ExpressionError, at: str | None, before: int) -> ExpressionError:
    column = error.column + before if error.column else 0
    return ExpressionError(error.code, error.message, column, error.hint, at)


def _moved(problem: Problem, at: str | None, before: int) -> Problem:
    return Problem(
        problem.code,
        problem.message,
        problem.column + before,
        problem.hint,
        problem.severity,
        at,
    )

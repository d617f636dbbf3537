"""Runtime expressions of the source, and JSON with them, in our words."""

from __future__ import annotations

import re

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from podium.flow.expression import Expression, ExpressionError, Problem, Template
from podium.flow.importing.jq import Constant, Jq, NotCarried, One, Value, parse, translator
from podium.flow.importing.jq.functions import as_text
from podium.flow.importing.jq.syntax import ListOf, Literal, MapOf, Node, Text
from podium.flow.importing.jq.values import Many, Selected, written
from podium.flow.importing.ledger import Source
from podium.flow.importing.line import Line
from podium.flow.importing.names import MISSING
from podium.flow.importing.pieces import pieces
from podium.flow.places import child

_HELD: Final = re.compile(r"\s*\$\{(.*)\}\s*", re.DOTALL)
_IN_URI: Final = re.compile(r"(?<!\$)\{([A-Za-z_][A-Za-z0-9_]*)\}")
_MACRO: Final = re.compile(r"\beach\d*\b")
_MISSING_VALUE: Final = f"${{{MISSING}}}"
_BY_HAND: Final = f"Say it by hand where '{MISSING}' stands."


@dataclass
class Speech:
    """Translates what stands at one place of the source.

    Attributes:
        line: The body that is being written; what cannot be said in an expression becomes a node there.
        dot: What expressions are applied to.
        variables: What they can name.
        merge: Writes a node that merges objects; returns its id.
    """

    line: Line
    dot: Value
    variables: dict[str, Value]
    merge: Callable[[Line, list[Any]], str]

    def jq(self, *, can_merge: bool = True) -> Jq:
        """Return the translator for one program."""
        return translator(
            self.dot,
            {**self.line.variables, **self.variables},
            self.line.pool.schemas,
            self._merged if can_merge else None,
        )

    def _merged(self, objects: list[Any]) -> str:
        if any(_MACRO.search(str(one)) for one in objects):
            raise NotCarried(
                "objects cannot be merged for each element of a list", "Do it in a task."
            )
        return self.merge(self.line, objects)

    # expressions ------------------------------------------------------------------------

    def condition(self, source: Source) -> str:
        """Return a condition, bare."""
        data = source.take()
        if isinstance(data, bool):
            return "true" if data else "false"
        if not isinstance(data, str):
            source.error("wrong-type", f"expected an expression; got {data!r:.60}.")
            return MISSING
        return str(self._said(source, source.path, lambda: self._condition(source, data), MISSING))

    def _condition(self, source: Source, data: str) -> str:
        jq = self.jq()
        text = jq.condition(parse(program_of(data)))
        self._warn_of(source, source.path, jq)
        return _checked(text, jq)

    def value(self, source: Source) -> Any:
        """Return what an expression, or an object with expressions in it, gives: as a template."""
        data = source.take()
        if isinstance(data, str):
            return self._value(source, source.path, program_of(data))
        return self._template(source, source.path, data)

    def path(self, source: Source) -> str | None:
        """Return the name and fields that an expression consists of; None if it is more."""
        if not isinstance(source.data, str):
            return None
        jq = self.jq(can_merge=False)
        try:
            one = jq.value(parse(program_of(source.data)))
        except NotCarried:
            return None
        if not isinstance(one, One) or one.path is None or one.text != ".".join(one.path):
            return None
        try:
            _checked(one.text, jq)
        except NotCarried:
            return None
        source.take()
        return one.text

    def uri(self, source: Source) -> Any:
        """Return a URI, in which ``{petId}`` is a field of what the task is given."""
        parts = _IN_URI.split(source.data)
        if "${" in source.data or len(parts) == 1:
            return self.template(source)
        source.take()
        texts = [
            self._part(source, source.path, f".{part}") if index % 2 else part
            for index, part in enumerate(parts)
        ]
        return "".join(texts)

    def template(self, source: Source) -> Any:
        """Return JSON with expressions in it."""
        return self._template(source, source.path, source.take())

    # in detail --------------------------------------------------------------------------

    def _said(self, source: Source, path: str, say: Callable[[], Any], otherwise: Any) -> Any:
        try:
            return say()
        except NotCarried as problem:
            hint = f"{problem.hint} {_BY_HAND}".strip()
            message = f"the expression cannot be carried over: {problem.message}."
            source.ledger.note("error", problem.code, path, message, hint)
            return otherwise

    def _warn_of(self, source: Source, path: str, jq: Jq) -> None:
        for what in jq.assumed:
            source.ledger.note(
                "warning", "assumes", path, f"taken for granted: {what}.",
                "Otherwise the node fails, or gives something else.",
            )  # fmt: skip

    def _value(self, source: Source, path: str, program: str) -> Any:
        def say() -> Any:
            jq = self.jq()
            found = spread(jq, parse(program))
            self._warn_of(source, path, jq)
            return checked_template(found, jq)

        return self._said(source, path, say, _MISSING_VALUE)

    def _template(self, source: Source, path: str, data: Any) -> Any:
        match data:
            case dict():
                return {
                    self._key(source, path, key): self._template(source, child(path, key), value)
                    for key, value in data.items()
                }
            case list():
                return [
                    self._template(source, child(path, index), value)
                    for index, value in enumerate(data)
                ]
            case str():
                return self._string(source, path, data)
            case _:
                return data

    def _key(self, source: Source, path: str, key: str) -> str:
        if "${" not in key:
            return key
        source.ledger.note(
            "error", "key", child(path, key), "the key of a map cannot have an expression in it."
        )
        return key.replace("${", "$ {")

    def _string(self, source: Source, path: str, data: str) -> Any:
        match pieces(data):
            case []:
                return data
            case [(True, program)]:
                return self._value(source, path, program)
            case parts:
                return "".join(
                    self._part(source, path, text) if is_program else escaped(text)
                    for is_program, text in parts
                )

    def _part(self, source: Source, path: str, program: str) -> str:
        """An expression within a text."""

        def say() -> str:
            jq = self.jq()
            found = text_part(jq, parse(program))
            self._warn_of(source, path, jq)
            checked_template(found, jq)
            return found

        return str(self._said(source, path, say, _MISSING_VALUE))


def program_of(data: str) -> str:
    """Return the program of an expression, which may stand in ``${…}`` or bare."""
    match = _HELD.fullmatch(data)
    return match[1] if match and len(pieces(data.strip())) == 1 else data


def escaped(text: str) -> str:
    """Write a text such that no expression is found in it."""
    return text.replace("${", "$${")


def spread(jq: Jq, node: Node) -> Any:
    """Return a program as a template: objects, lists and texts are written out."""
    match node:
        case Literal(value=str() as text):
            return escaped(text)
        case Literal(value=value):
            return value
        case MapOf(entries=entries) if all(_is_plain_key(key) for key, _ in entries):
            return {
                key.value: spread(jq, value) for key, value in entries if isinstance(key, Literal)
            }
        case ListOf(inner=None):
            return []
        case Text(parts=parts):
            if len(parts) == 1:
                return _whole(jq, node)
            return "".join(
                escaped(part) if isinstance(part, str) else text_part(jq, part) for part in parts
            )
        case _:
            return _whole(jq, node)


def _is_plain_key(key: Node) -> bool:
    return isinstance(key, Literal) and "${" not in key.value


def _whole(jq: Jq, node: Node) -> Any:
    value = jq.value(node)
    if isinstance(value, Constant):
        return escaped(value.value) if isinstance(value.value, str) else _plain(value.value)
    if isinstance(value, Many | Selected):
        jq.single(value)
    return f"${{{jq.settled(value).text}}}"


def _plain(value: Any) -> Any:
    """Return a constant as a template."""
    return f"${{{written(value)}}}" if isinstance(value, dict | list) else value


def text_part(jq: Jq, node: Node) -> str:
    """Return a program as a part of a text: null is written as jq does."""
    value = jq.value(node)
    if isinstance(value, Constant):
        text = value.value if isinstance(value.value, str) else as_text(jq, value)
        return escaped(text) if isinstance(value.value, str) else f"${{{text}}}"
    return f"${{{jq.settled(value, quoted_null()).text}}}"


def quoted_null() -> str:
    """Return what jq writes for null within a text, as an expression."""
    return "'null'"


def _checked(text: str, jq: Jq) -> str:
    try:
        problems = Expression.parse(text).check(jq.schemas)[1]
    except ExpressionError as error:
        raise NotCarried(f"{error.message} in {text[:60]!r}", error.hint) from None
    _refuse(problems)
    return text


def checked_template(template: Any, jq: Jq) -> Any:
    """Return a template that the check finds no error in.

    Raises:
        NotCarried: It finds one.
    """
    try:
        problems = Template.parse(template).check(jq.schemas)[1]
    except ExpressionError as error:
        raise NotCarried(f"{error.message}", error.hint) from None
    _refuse(problems)
    return template


def _refuse(problems: list[Problem]) -> None:
    for problem in problems:
        if problem.severity == "error":
            raise NotCarried(problem.message, problem.hint)

"""What the common mistakes in YAML and JSON are, in plain words: said instead of the parser's own."""

from __future__ import annotations

import re

from json import JSONDecodeError
from typing import Any, Final

import yaml

from podium.flow.source.errors import SourceError
from podium.flow.source.text import Text

_QUOTE_EXPRESSION: Final = 'Put the expression in quotes: "${…}".'
_BARE_EXPRESSION: Final = re.compile(r"(?:[\[,{]|:\s)\s*\$\{")
_SIGN_START: Final = re.compile(r"[:\-,\[{]\s+[!&*|>]")
_QUOTED_START: Final = re.compile(r"""[^'"]*[:\-,\[]\s+(["'])""")


def explain(error: yaml.MarkedYAMLError, text: Text) -> SourceError:
    """Return the error of a parser in our words."""
    problem = str(error.problem or error.context or "it is no YAML")
    mark = error.problem_mark or error.context_mark
    index = _index(mark)
    line = text.place(index)[0]
    context = error.context_mark
    began = text.place(_index(context))[0] if context is not None else line
    if "unexpected end of stream" in problem:
        return text.error(_index(context), "this quotation is never closed.", "Close it.")
    message, hint = _words(problem, text, line, index, began)
    return text.error(index, message, hint)


def _index(mark: Any) -> int:
    return int(mark.index) if mark is not None else 0


def _words(problem: str, text: Text, line: int, index: int, began: int) -> tuple[str, str]:
    """Return message and hint for a problem at a place; its surroundings began in another line."""
    written = text.line(line)
    indent = written[: len(written) - len(written.lstrip())]
    if "\t" in indent:
        return "this line is indented with a tab.", "Indent with spaces."
    if "expected ',' or" in problem:
        return _in_brackets(text, line, index, began)
    if "mapping values are not allowed" in problem:
        return (
            "': ' cannot stand here.",
            "Put a text that contains ': ' in quotes, or mend the indentation of this line.",
        )
    if "sequence entries are not allowed" in problem:
        return "'- ' cannot stand here.", "Begin the list in a new line, or write [a, b]."
    if "cannot start any token" in problem:
        sign = text.chars[index : index + 1]
        return f"a text cannot begin with {sign!r}.", "Put it in quotes."
    if "expected key" in problem or "expected <block end>" in problem or "'-' indicator" in problem:
        return _in_block(text, line, index, began)
    if "expected node content" in problem:
        return f"a value is expected here, and not {_found(text, index)}.", ""
    if "<document start>" in problem:
        return f"{_found(text, index)} stands behind the end of the document.", ""
    hint = "Put the text in quotes." if _SIGN_START.search(written) else ""
    return f"this is no YAML: {problem}.", hint


def _in_brackets(text: Text, line: int, index: int, began: int) -> tuple[str, str]:
    if any(_BARE_EXPRESSION.search(text.line(each)) for each in {line, line - 1}):
        return "within braces or brackets YAML takes '${' for a mapping.", _QUOTE_EXPRESSION
    where = "in this line" if began == line else f"in line {began}"
    hint = f"Is a comma missing, or the bracket that closes the one {where}?"
    return f"{_found(text, index)} cannot stand here within brackets.", hint


def _in_block(text: Text, line: int, index: int, began: int) -> tuple[str, str]:
    quoted = _QUOTED_START.match(text.line(line))
    if quoted and index > text.chars.rfind("\n", 0, index) + quoted.end():
        sign = "'" if quoted[1] == '"' else '"'
        return (
            f"{_found(text, index)} stands behind a quotation.",
            f"Put the whole value in quotes, in {sign} if it contains {quoted[1]}.",
        )
    hint = f"Indent it as line {began}, or deeper than what it belongs to."
    return f"this line does not fit into the block that begins in line {began}.", hint


def _found(text: Text, index: int) -> str:
    word = re.compile(r"\w+|[^\n]|").match(text.chars, index)
    return repr(word[0][:40]) if word and word[0] else "the end"


def explain_json(error: JSONDecodeError, text: Text) -> SourceError:
    """Return the error of the JSON parser in our words."""
    hint = _QUOTE_EXPRESSION if text.chars.startswith("${", error.pos) else ""
    message = f"this is no JSON: {error.msg[:1].lower()}{error.msg[1:]}."
    return text.error(error.pos, message, hint)

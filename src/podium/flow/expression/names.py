"""Words that mean something already, and what to write instead of words of other languages."""

from __future__ import annotations

from typing import Final

KEYWORDS: Final = {"true": True, "false": False, "null": None}
RESERVED: Final = frozenset(
    [
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "in",
        "let",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ]
)
"""Words that CEL keeps for itself. ``loop`` is one as well, but a document's loops are called so."""
TYPE_NAMES: Final = frozenset(
    ["bool", "bytes", "double", "dyn", "int", "list", "map", "null_type", "string", "type", "uint"]
)
"""What CEL calls its types; no name of a value."""
ROOTS: Final = frozenset({"env", "input", "loop", "outcome"})
"""What a document offers besides its nodes; no variable of a loop can be called so."""
FORBIDDEN_IDS: Final = frozenset({*KEYWORDS, *RESERVED, *TYPE_NAMES, *ROOTS, "has", "item"})
"""What no node of a document can be called."""

INSTEAD: Final = {
    "and": "Write '&&'.",
    "or": "Write '||'.",
    "not": "Write '!'.",
    "None": "Write 'null'.",
    "nil": "Write 'null'.",
    "undefined": "Write 'null'.",
    "True": "Write 'true'.",
    "False": "Write 'false'.",
    "is": "Write '=='.",
}
FUNCTIONS_INSTEAD: Final = {
    "any": "Write 'list.exists(x, …)'.",
    "bytes": "There are no bytes here.",
    "count": "Write 'size(list.filter(x, …))'.",
    "defined": "Write 'has(a.b)'.",
    "dyn": "Leave it out: no type is fixed here.",
    "exist": "Write 'list.exists(x, …)'.",
    "float": "Write 'double(x)'.",
    "get": "Write 'a.b ?? other'.",
    "greatest": "Write 'max(…)'.",
    "includes": "Write 'text.contains(part)', or 'element in list'.",
    "least": "Write 'min(…)'.",
    "len": "Write 'size(x)'.",
    "length": "Write 'size(x)'.",
    "lower": "Write 'text.lowerAscii()'.",
    "now": "There is no clock here: take the time from the input or from a step.",
    "orValue": "Write 'a ?? b'.",
    "some": "Write 'list.exists(x, …)'.",
    "str": "Write 'string(x)'.",
    "strip": "Write 'text.trim()'.",
    "sum": "Compute it in a task.",
    "format": "Write the text with the values in it: '… ${value} …'.",
    "round": "Write 'int(x + 0.5)'.",
    "floor": "Write 'int(x)', which cuts off.",
    "toLowerCase": "Write 'text.lowerAscii()'.",
    "toString": "Write 'string(x)'.",
    "toUpperCase": "Write 'text.upperAscii()'.",
    "type": "There are no types as values here: test with 'has(a.b)' or 'a == null'.",
    "uint": "Write 'int(x)'.",
    "upper": "Write 'text.upperAscii()'.",
}

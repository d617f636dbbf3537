"""Which tests quote which promises of the documentation: ``EVIDENCE-OF G-07: "…"`` in a docstring."""

import ast
import re

from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_QUOTE = re.compile(r'EVIDENCE-OF ([A-Z]-\d+): "(.+?)"(?:\s|$)', re.DOTALL)


def plain(text: str) -> str:
    """Text without line breaks."""
    return " ".join(text.split())


def quotes(letter: str) -> dict[str, dict[str, str]]:
    """What tests quote of the ids that begin with a letter: name of the test → id → sentence."""
    found: dict[str, dict[str, str]] = {}
    for name, quoted in _all_quotes().items():
        of_letter = {
            number: text for number, text in quoted.items() if number.startswith(f"{letter}-")
        }
        if of_letter:
            found[name] = of_letter
    return found


@cache
def _all_quotes() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith(
                "test_"
            ):
                quoted = _QUOTE.findall(ast.get_docstring(node) or "")
                if quoted:
                    name = f"{path.relative_to(ROOT)}::{node.name}"
                    found[name] = {number: plain(text) for number, text in quoted}
    return found

"""Cutting a text of the source into what is written as it is, and expressions."""

from __future__ import annotations


def pieces(text: str) -> list[tuple[bool, str]]:
    """Return the parts of a text, each with whether it is an expression.

    Blanks around a text that is one expression do not count. ``${`` that is never closed is plain.
    """
    found: list[tuple[bool, str]] = []
    position = 0
    while (start := text.find("${", position)) >= 0:
        end = _end_of(text, start + 2)
        if end < 0:
            break
        if start > position:
            found.append((False, text[position:start]))
        found.append((True, text[start + 2 : end]))
        position = end + 1
    if position < len(text):
        found.append((False, text[position:]))
    programs = [part for part in found if part[0]]
    is_one = len(programs) == 1 and all(is_it or not part.strip() for is_it, part in found)
    return programs if is_one else found


def _end_of(text: str, position: int) -> int:
    r"""Find the brace that closes an expression: not one of an object in it, nor one in a text.

    Within a text, ``\(`` begins an expression again; ``stack`` holds what is open.
    """
    stack = ["{"]
    while position < len(text):
        sign = text[position]
        if stack[-1] == '"':
            if text.startswith("\\(", position):
                stack.append("(")
                position += 1
            elif sign == "\\":
                position += 1
            elif sign == '"':
                stack.pop()
        elif sign in '"{(':
            stack.append(sign)
        elif sign in "})":
            stack.pop()
            if not stack:
                return position if sign == "}" else -1
        position += 1
    return -1

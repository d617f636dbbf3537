"""Paragraphs and their lines."""

import textwrap


def wrap(text: str, width: int) -> str:
    """Wrap each paragraph; one empty line stands between two."""
    wrapped = [_wrapped(paragraph, width) for paragraph in paragraphs(text)]
    return "\n\n".join(wrapped) + ("\n" if wrapped else "")


def paragraphs(text: str) -> list[str]:
    """Part a text at its empty lines."""
    found: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip():
            found[-1].append(line)
        elif found[-1]:
            found.append([])
    return ["\n".join(lines) for lines in found if lines]


def _wrapped(paragraph: str, width: int) -> str:
    return textwrap.fill(paragraph.strip(), width, break_long_words=False, break_on_hyphens=False)

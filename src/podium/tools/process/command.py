"""A command as its author writes it, and the arguments that a call makes of it. Nothing is split."""

from __future__ import annotations

import os
import re

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from podium.core.errors import InputInvalid, InvalidOption
from podium.tools.process.errors import PathRefused

_PLACE: Final = re.compile(r"\{\{|\}\}|\{([^\W\d]\w*)\}|[{}]")
_END_OF_OPTIONS: Final = "--"


class Part:
    """One argument: a text with places such as ``{count}``; ``{{`` is a brace.

    Raises:
        InvalidOption: A brace stands alone.
    """

    def __init__(self, text: str) -> None:
        self.pieces: list[tuple[str, str]] = []
        end = 0
        for found in _PLACE.finditer(text):
            literal = text[end : found.start()]
            if found[0] in ("{", "}"):
                raise InvalidOption(
                    f"{text!r}: a brace stands alone; write {{name}} for an argument, {{{{ for a brace."
                )
            if found[1] is None:
                literal += found[0][0]
            self.pieces.append((literal, found[1] or ""))
            end = found.end()
        self.pieces.append((text[end:], ""))

    @property
    def names(self) -> list[str]:
        """The arguments that it names."""
        return [name for _, name in self.pieces if name]

    @property
    def alone(self) -> str:
        """The argument that it consists of; empty where there is more to it."""
        named = self.names
        is_alone = len(named) == 1 and not any(literal for literal, _ in self.pieces)
        return named[0] if is_alone else ""

    @property
    def is_begun_by_an_argument(self) -> bool:
        """Whether its first letter is an argument's."""
        return not self.pieces[0][0] and bool(self.pieces[0][1])

    def filled(self, texts: Mapping[str, str]) -> str:
        """Return it with the arguments in their places."""
        return "".join(literal + (texts[name] if name else "") for literal, name in self.pieces)


class Command:
    """A program with its arguments, some of which a call gives.

    Args:
        what: The tool, for messages.
        parts: The program, then its arguments.
        paths: Names of arguments that are paths within the working directory.

    Raises:
        InvalidOption: It is no list of texts, the program has a place, or a path is none of them.
    """

    def __init__(self, what: str, parts: Sequence[str], paths: Iterable[str] = ()) -> None:
        if isinstance(parts, str) or not parts or not all(isinstance(one, str) for one in parts):
            raise InvalidOption(
                f"{what}: {parts!r}; expected a list, a text for each argument: "
                '["git", "log", "-n", "{count}"]. No shell splits anything.'
            )
        self.program = parts[0]
        self._what = what
        self._parts = [Part(one) for one in parts[1:]]
        self._paths = frozenset(paths)
        self.names = list(dict.fromkeys(name for part in self._parts for name in part.names))
        if Part(self.program).names:
            raise InvalidOption(
                f"{what}: the program {self.program!r} is not for a caller to choose."
            )
        unknown = self._paths - set(self.names)
        if unknown:
            raise InvalidOption(
                f"{what}: paths names {min(unknown)!r}, which the command does not."
            )

    def arguments(self, given: Mapping[str, Any], cwd: Path) -> list[str]:
        """Return the program's arguments, its name first.

        Raises:
            InputInvalid: An argument cannot be one, or would be taken for an option.
            PathRefused: A path leads out of the working directory.
        """
        found = [self.program]
        is_after_options = False
        for part in self._parts:
            found += self._filled(part, given, cwd, is_after_options=is_after_options)
            is_after_options = is_after_options or (
                not part.names and part.filled({}) == _END_OF_OPTIONS
            )
        return found

    def _filled(
        self, part: Part, given: Mapping[str, Any], cwd: Path, *, is_after_options: bool
    ) -> list[str]:
        values = {name: given[name] for name in part.names}
        if any(value is None for value in values.values()):
            return []  # what was left out has no argument
        alone = part.alone
        if alone and isinstance(values[alone], list | tuple):
            several = [{alone: one} for one in values[alone]]
        else:
            several = [values]
        made = []
        for one in several:
            texts = {name: self._text(name, value, cwd) for name, value in one.items()}
            text = part.filled(texts)
            is_number = alone and isinstance(one[alone], int | float)
            if (
                text.startswith("-") and part.is_begun_by_an_argument
                and not is_after_options and not is_number
            ):  # fmt: skip
                raise InputInvalid(
                    f"{self._what}: {text!r:.100} would be taken for an option. Give a value that does "
                    "not begin with '-', or put '--' before it in the command."
                )
            made.append(text)
        return made

    def _text(self, name: str, value: Any, cwd: Path) -> str:
        if isinstance(value, bool):
            text = "true" if value else "false"
        elif isinstance(value, str | int | float):
            text = str(value)
        else:
            raise InputInvalid(
                f"{self._what}: {name} is a {type(value).__name__}; an argument is a text or a number, "
                "and a list only where it stands alone."
            )
        require_text(self._what, name, text)
        return path_within(cwd, text, f"{self._what}: {name}") if name in self._paths else text


def require_text(what: str, name: str, text: str) -> None:
    """Refuse what no program can be given.

    Raises:
        InputInvalid: There is a NUL in it, or half a character.
    """
    if "\0" in text:
        raise InputInvalid(f"{what}: {name} has a NUL in it, which ends an argument.")
    try:
        text.encode()
    except UnicodeEncodeError as problem:
        raise InputInvalid(f"{what}: {name} has a part of a character in it: {problem}.") from None


def path_within(root: Path, text: str, what: str) -> str:
    """Return a path as it is given to a program: relative, and within a folder.

    Raises:
        PathRefused: It leads out of it, by itself or by a link.
    """
    path = Path(text)
    if not text or path.is_absolute() or ".." in path.parts:
        raise PathRefused(f"{what} is {text!r:.200}; expected a path within {root}, without '..'.")
    base = Path(os.path.realpath(root))
    if not Path(os.path.realpath(base / path)).is_relative_to(base):
        raise PathRefused(f"{what} is {text!r:.200}, and a link in it leads out of {root}.")
    return f"./{text}" if text.startswith("-") else text

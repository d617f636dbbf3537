"""What is known of an MCP server without asking it: how to reach it, and the tools it has.

It lies in a file that ``podium mcp add`` writes and people read. A process makes the tools of it, so a
run is carried on also where the server is not there, and a server that changes is noticed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from podium.core.effects import Effect
from podium.core.errors import InvalidOption

KEY_META: Final = "podium/idempotency-key"
"""Where a request has the key of its step."""
KEYED_META: Final = "podium/keyed"
"""Where a tool says that it knows a repeat by that key."""
TOOLS_MAX: Final = 2_000
FILE_BYTES_MAX: Final = 16 * 1024 * 1024
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,40}")
_PART_CHARS_MAX: Final = 60


class Hints(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a server says about the effect of a tool; it may be wrong, or a lie.

    Attributes:
        read_only: It changes nothing.
        destructive: It may destroy something; None: not said, which counts as yes.
        idempotent: A second call with the same arguments changes nothing more.
        keyed: A second call with the same key does; so say servers of Podium.
    """

    read_only: bool = False
    destructive: bool | None = None
    idempotent: bool = False
    keyed: bool = False

    @property
    def effect(self) -> Effect:
        """The effect that follows."""
        if self.read_only:
            return Effect.READ
        return Effect.WRITE if self.idempotent or self.keyed else Effect.ONCE

    @property
    def is_irreversible(self) -> bool:
        """Whether what it does cannot be taken back."""
        return self.effect is Effect.ONCE or (not self.read_only and self.destructive is not False)


class Described(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tool of a server, in its own words.

    Attributes:
        name: As the server calls it.
        input: JSON Schema of the arguments.
        description: What it does.
        output: JSON Schema of the structured result; empty where there is none.
        hints: About its effect.
    """

    name: str
    input: dict[str, Any]
    description: str = ""
    output: dict[str, Any] = {}
    hints: Hints = Hints()

    @property
    def seal(self) -> str:
        """A hash of what a call depends on: another one means another tool."""
        told = [self.input, self.output, msgspec.to_builtins(self.hints)]
        encoded = json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
        return hashlib.blake2b(encoded, digest_size=8).hexdigest()


class Place(
    msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True
):
    """How a server is reached: one of ``command`` and ``url``.

    Attributes:
        command: A program and its arguments; it is started, and talks over its pipes.
        url: Where it listens, over streamable HTTP.
        env: Variables of the program beside PATH, LANG and HOME; values may be secrets by reference.
        inherit: Variables that it gets from the environment.
        cwd: Where it runs.
        headers: Of each request; values may be secrets by reference.
    """

    command: tuple[str, ...] = ()
    url: str = ""
    env: dict[str, str] = {}
    inherit: tuple[str, ...] = ()
    cwd: str | None = None
    headers: dict[str, str] = {}

    def check(self, what: str) -> Place:
        """Return it, if it makes sense.

        Raises:
            InvalidOption: It does not.
        """
        if bool(self.command) == bool(self.url):
            raise InvalidOption(f"{what}: say how it is reached: a command or a url, and not both.")
        if self.url and not self.url.startswith(("http://", "https://")):
            raise InvalidOption(f"{what}: url={self.url!r}; expected http://… or https://….")
        if self.url and (self.env or self.inherit or self.cwd):
            raise InvalidOption(f"{what}: env, inherit and cwd are for a command, not for a url.")
        if self.command and self.headers:
            raise InvalidOption(f"{what}: headers are for a url, not for a command.")
        return self

    @property
    def shown(self) -> str:
        """It in words, without any secret."""
        return self.url or " ".join(self.command)


class Description(msgspec.Struct, frozen=True, omit_defaults=True):
    """A server and its tools.

    Attributes:
        name: What it is called here; its tools are ``NAME.TOOL``.
        place: How it is reached.
        tools: What it has.
        server: What it calls itself, with its version.
        mcp: Version of this form.
    """

    name: str
    place: Place
    tools: tuple[Described, ...] = ()
    server: str = ""
    mcp: Literal[1] = 1

    def check(self) -> Description:
        """Return it, if it makes sense.

        Raises:
            InvalidOption: It does not.
        """
        what = f"MCP server {self.name!r:.80}"
        if not _NAME.fullmatch(self.name):
            raise InvalidOption(
                f"{what}: a name has up to 41 lower-case letters, digits, _ and -, a letter first."
            )
        self.place.check(what)
        if len(self.tools) > TOOLS_MAX:
            raise InvalidOption(
                f"{what} has {len(self.tools):,} tools; the limit is {TOOLS_MAX:,}."
            )
        return self

    def written(self) -> str:
        """Return it as the text of a file."""
        plain = msgspec.to_builtins(self, order=None)
        return json.dumps({"mcp": 1, **plain}, indent=1, ensure_ascii=False) + "\n"


def description_of(given: str | os.PathLike[str] | Mapping[str, Any] | Description) -> Description:
    """Return the description that a file or its content is.

    Raises:
        InvalidOption: It is none.
    """
    if isinstance(given, Description):
        return given.check()
    if isinstance(given, Mapping):
        return _converted("this mapping", dict(given))
    path = Path(given)
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise InvalidOption(f"{path} has more than {FILE_BYTES_MAX:,} bytes.")
        return _converted(str(path), msgspec.json.decode(path.read_bytes()))
    except OSError as problem:
        raise InvalidOption(
            f"No description of an MCP server can be read at {path}: {problem.strerror}. "
            "`podium mcp add` writes one."
        ) from None
    except msgspec.DecodeError as problem:
        raise InvalidOption(f"{path} is no JSON: {problem}") from None


def _converted(what: str, value: Any) -> Description:
    try:
        return msgspec.convert(value, Description, strict=True).check()
    except msgspec.ValidationError as problem:
        raise InvalidOption(f"{what} is no description of an MCP server: {problem}") from None


def names_of(tools: tuple[Described, ...]) -> dict[str, str]:
    """Return for the name of each tool one that is allowed here; no two are the same."""
    plain = {one.name: _plain(one.name) for one in tools}
    seen = [name.casefold() for name in plain.values()]
    return {
        theirs: ours if seen.count(ours.casefold()) == 1 else _told_apart(theirs, ours)
        for theirs, ours in plain.items()
    }


def _plain(name: str) -> str:
    made = re.sub(r"[^A-Za-z0-9_-]", "_", name)
    if not made[:1].isalpha():
        made = f"t_{made}"
    return made if len(made) <= _PART_CHARS_MAX else _told_apart(name, made)


def _told_apart(theirs: str, ours: str) -> str:
    digest = hashlib.blake2b(theirs.encode(errors="replace"), digest_size=4).hexdigest()
    return f"{ours[: _PART_CHARS_MAX - 9]}_{digest}"

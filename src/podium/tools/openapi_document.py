"""An OpenAPI document: read, its references followed, its operations taken apart."""

from __future__ import annotations

import os
import re

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

import yaml

from podium.core.errors import InvalidOption

METHODS: Final = ("get", "head", "options", "post", "put", "patch", "delete")
_HOPS_MAX: Final = 50
_UNTOLD: Final = frozenset({"accept", "content-type", "authorization"})
"""Headers that OpenAPI says are no parameters."""


class Unusable(Exception):
    """An operation cannot be a tool, and why."""


class Parameter(NamedTuple):
    """A parameter of an operation.

    Attributes:
        argument: What the argument of the tool is called.
        name: What it is called in the request.
        place: ``path``, ``query``, ``header`` or ``cookie``.
        style: How lists and objects are written.
        explode: Whether each of their items stands alone.
        is_json: Whether it is written as JSON.
        is_required: Whether it must be given.
        schema: Its schema as the document has it, with what is said about it.
    """

    argument: str
    name: str
    place: str
    style: str
    explode: bool
    is_json: bool
    is_required: bool
    schema: Mapping[str, Any]


class Operation(NamedTuple):
    """One operation of a document.

    Attributes:
        id: Its operationId, or method and path.
        method: In capitals.
        path: With ``{names}``.
        parameters: Of path and operation.
        item: The operation as it is in the document.
        servers: The URLs where it is, the document's own unless it has others.
    """

    id: str
    method: str
    path: str
    parameters: tuple[Parameter, ...]
    item: Mapping[str, Any]
    servers: tuple[Mapping[str, Any], ...]


class Document:
    """An OpenAPI document of 3.0, 3.1 or 3.2.

    Args:
        source: A path of a YAML or JSON file, or the document itself.

    Raises:
        InvalidOption: It is none.
    """

    def __init__(self, source: str | os.PathLike[str] | Mapping[str, Any]) -> None:
        self.root: Mapping[str, Any] = source if isinstance(source, Mapping) else _read(source)
        version = str(self.root.get("openapi", ""))
        if not re.match(r"3\.[012](\.|$)", version):
            old = self.root.get("swagger")
            found = f"Swagger {old}" if old else f"openapi: {version!r}"
            raise InvalidOption(
                f"The document is {found}; OpenAPI 3.0, 3.1 and 3.2 are understood."
            )
        self.is_30: bool = version.startswith("3.0")

    def at(self, reference: str) -> Any:
        """Return what a reference inside the document leads to.

        Raises:
            Unusable: It leads out of the document, or nowhere.
        """
        if not reference.startswith("#"):
            raise Unusable(
                f"it refers to {reference!r}, and nothing outside the document is fetched"
            )
        here: Any = self.root
        for step in unquote(reference[1:]).split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            try:
                here = here[int(key)] if isinstance(here, list) else here[key]
            except (KeyError, IndexError, ValueError, TypeError):
                raise Unusable(f"it refers to {reference!r}, and nothing is there") from None
        return here

    def whole(self, value: Any) -> Mapping[str, Any]:
        """Return an object in full that may be given by reference.

        Raises:
            Unusable: The reference leads nowhere, or in a circle.
        """
        for _ in range(_HOPS_MAX):
            if not isinstance(value, Mapping):
                raise Unusable(f"an object was expected, and there is {value!r:.80}")
            if "$ref" not in value:
                return value
            value = self.at(str(value["$ref"]))
        raise Unusable(f"the reference {value['$ref']!r} leads in a circle")

    def operations(self) -> Iterator[tuple[str, Operation | Unusable]]:
        """Give each operation by its id; in place of one that is broken the reason."""
        for path, given in self.root.get("paths", {}).items():
            try:
                item = self.whole(given)
            except Unusable as problem:
                yield str(path), problem
                continue
            for method in METHODS:
                if method in item:
                    id_ = _id(method, str(path), item[method])
                    try:
                        yield id_, self._operation(id_, method, str(path), item)
                    except Unusable as problem:
                        yield id_, problem

    def _operation(self, id_: str, method: str, path: str, item: Mapping[str, Any]) -> Operation:
        own = self.whole(item[method])
        found: dict[tuple[str, str], Mapping[str, Any]] = {}
        for one in (*item.get("parameters", ()), *own.get("parameters", ())):
            whole = self.whole(one)
            place, name = str(whole.get("in")), str(whole.get("name"))
            if place != "header" or name.lower() not in _UNTOLD:
                found[place, name] = whole
        servers = own.get("servers") or item.get("servers") or self.root.get("servers") or ()
        names = [name for _, name in found]
        parameters = tuple(
            self._parameter(one, f"{one['name']}_{place}" if names.count(name) > 1 else name)
            for (place, name), one in found.items()
        )
        return Operation(id_, method.upper(), path, parameters, own, tuple(servers))

    def _parameter(self, one: Mapping[str, Any], argument: str) -> Parameter:
        place = str(one["in"])
        if place not in ("path", "query", "header", "cookie"):
            raise Unusable(f"the parameter {one['name']!r} is in {place!r}")
        content = one.get("content")
        style = str(one.get("style", "form" if place in ("query", "cookie") else "simple"))
        schema: Any = one.get("schema", {})
        if content is not None:
            kind, media = next(iter(content.items()))
            if not is_json(kind):
                raise Unusable(f"the parameter {one['name']!r} is written as {kind}")
            schema = media.get("schema", {})
        said = one.get("description")
        if said:  # beside a reference words do not count in 3.0
            schema = {"allOf": [schema]} if "$ref" in schema else dict(schema)
            schema.setdefault("description", " ".join(str(said).split()))
        return Parameter(
            argument, str(one["name"]), place, style, bool(one.get("explode", style == "form")),
            content is not None, bool(one.get("required")) or place == "path", schema,
        )  # fmt: skip


def is_json(kind: str) -> bool:
    """Tell whether a media type is JSON."""
    return bool(re.match(r"application/(?:[\w.+-]+\+)?json\b|\*/\*", kind, re.IGNORECASE))


def _id(method: str, path: str, operation: Any) -> str:
    given = operation.get("operationId") if isinstance(operation, Mapping) else None
    text = str(given) if given else re.sub(r"[^A-Za-z0-9]+", "_", f"{method} {path}")
    named = re.sub(r"[^A-Za-z0-9_.-]+", "_", text).strip("_.-")
    return named if named[:1].isalpha() else f"op_{named}"


# files -----------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """YAML as of 1.2, where ``no`` is a country and a date is a text."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - as the base has it


for _tag, _pattern, _first in (
    ("bool", r"true|false|True|False", "tfTF"),
    ("null", r"null|Null|~|", "nN~"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), [*_first, ""]
    )


def _read(source: str | os.PathLike[str]) -> Mapping[str, Any]:
    path = Path(source)
    try:
        text = path.read_text(encoding="utf-8")
        found = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (OSError, UnicodeDecodeError) as problem:
        raise InvalidOption(
            f"The OpenAPI document {str(path)!r} cannot be read: {problem}"
        ) from None
    except yaml.YAMLError as problem:
        raise InvalidOption(f"{str(path)!r} is neither YAML nor JSON: {problem}") from None
    if not isinstance(found, Mapping):
        raise InvalidOption(f"{str(path)!r} is no OpenAPI document.")
    return found

"""``Flow``: a document that was read, can be checked, and is started like a workflow."""

from __future__ import annotations

import fnmatch
import re
import sys

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property, partial
from os import PathLike
from pathlib import Path
from typing import Any, Self

from podium.core.errors import UsageError
from podium.core.spec import Registry
from podium.core.spec import registry as process_registry
from podium.flow.bursts import uncollected
from podium.flow.check import check as check_document
from podium.flow.findings import Finding, FlowInvalid
from podium.flow.model import Document
from podium.flow.parse import Parsed, TakeIn, Taken, parse
from podium.flow.parse.agents import MODULE as AGENTS
from podium.flow.source import Source, SourceError, read
from podium.flow.source.limits import TEXT_BYTES_MAX
from podium.flow.spec import FlowSpec, TaskMissing, import_module
from podium.functions.calls import Workflow


class FlowNotFound(UsageError):
    """There is no document at a path, or it cannot be opened."""

    code = "flow-not-found"


class Flow(Workflow[..., Any]):
    """A flow document. Make one with :meth:`load`, :meth:`from_text` or :meth:`from_dict`.

    It stands wherever a workflow does: ``app.start(flow, {"message": "…"})``, ``podium.run(flow, …)``,
    ``await flow(message="…")`` in a workflow.

    Attributes:
        document: What was read; None where so much is wrong that there is no document.
    """

    document: Document | None

    def __init__(
        self, parsed: Parsed, source: Source | None, place: str, registry: Registry,
        allow: Iterable[str],
    ) -> None:  # fmt: skip
        self.document = parsed.document
        self.place = place
        self._found = [*parsed.findings, *import_used(parsed.document, tuple(allow))]
        self._source = source
        self._registry = registry

    @classmethod
    def load(
        cls, path: str | PathLike[str], *, allow: Iterable[str] = ("*",), registry: Registry = process_registry,
    ) -> Self:  # fmt: skip
        """Read a flow from a file, and import the modules that it uses.

        Args:
            path: A YAML or JSON file.
            allow: Patterns of the modules that it may import.
            registry: Where its tasks are looked up.

        Raises:
            FlowNotFound: There is no such file.
            SourceError: The file cannot be read as YAML or JSON.
        """
        file = Path(path)
        source = read_file(file)
        parsed = parse(source.data, name=name_of(file), take_in=_beside(file))
        return cls(parsed, source, str(path), registry, allow)

    @classmethod
    def from_text(
        cls, text: str | bytes, *, name: str | None = None, allow: Iterable[str] = (),
        registry: Registry = process_registry,
    ) -> Self:  # fmt: skip
        """Read a flow from YAML or JSON that comes from elsewhere; see :meth:`from_dict`.

        Raises:
            SourceError: The text cannot be read as YAML or JSON.
        """
        source = read(text, name or "the flow")
        parsed = parse(source.data, name=name)
        return cls(parsed, source, name or "the flow", registry, allow)

    @classmethod
    def from_dict(
        cls, data: Mapping[str, Any], *, name: str | None = None, allow: Iterable[str] = (),
        registry: Registry = process_registry,
    ) -> Self:  # fmt: skip
        """Take a flow as data: from a program, or from a model.

        Args:
            data: The document as JSON.
            name: What it is called if it does not say.
            allow: Patterns of modules it may import (``shop.*``), besides those imported already.
            registry: Where its tasks are looked up.
        """
        parsed = parse(dict(data), name=name)
        return cls(parsed, None, name or "the flow", registry, allow)

    # what it is -------------------------------------------------------------------------

    @cached_property
    def spec(self) -> FlowSpec:  # type: ignore[override]  # computed: only what is sound can run
        """The workflow that it is.

        Raises:
            FlowInvalid: The check finds errors.
        """
        self.require()
        assert self.document is not None
        return FlowSpec(self.document, self._registry)

    @property
    def name(self) -> str:  # type: ignore[override]  # as above
        """What its runs are called."""
        return self.document.name if self.document else self.place

    @property
    def hash(self) -> str:
        """What its content is known by; empty while there are errors in its words."""
        return self.document.hash if self.document else ""

    def to_dict(self) -> dict[str, Any]:
        """Return the document as JSON.

        Raises:
            FlowInvalid: There are errors in its words.
        """
        if self.document is None or not self.document.hash:
            raise FlowInvalid(self.place, self.findings)
        return dict(self.document.content)

    # checking ---------------------------------------------------------------------------

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """All that is wrong, in the order of the text."""
        found = list(self._found)
        with uncollected():
            if self.document is not None:
                found += check_document(
                    self.document, self._registry.tasks, self._registry.workflows, known=found
                )
            placed = [self._placed(one) for one in found]  # the text may be read once more for that
        return tuple(sorted(placed, key=lambda one: (one.line, one.column)))

    def check(self) -> list[Finding]:
        """Return all that is wrong, in the order of the text; an empty list for a sound flow."""
        return list(self.findings)

    def require(self) -> None:
        """Make sure that it can run.

        Raises:
            FlowInvalid: It cannot; every error is named.
        """
        if any(one.is_error for one in self.findings):
            raise FlowInvalid(self.place, self.findings)

    def _placed(self, finding: Finding) -> Finding:
        source = self._source
        place = source.place(finding.path) if source is not None else None
        if source is None or place is None:
            return replace(finding, line=0, column=0)
        line, column = place
        if finding.column:  # within a text, behind its quote
            begins = source.lines[line - 1][column - 1 : column]
            column += finding.column - 1 + (begins in ("'", '"'))
        return finding.placed(line, column)

    def __repr__(self) -> str:
        return f"<flow {self.name} {self.hash[:12]}>"


def import_used(document: Document | None, allow: tuple[str, ...]) -> Iterator[Finding]:
    """Import the modules that a document and those within use (F-05).

    Gives what is wrong with those that cannot or may not be imported.
    """
    if document is None:
        return
    for index, module in enumerate(document.uses):
        at = f"$.uses[{index}]"
        if module in sys.modules:
            continue
        is_own = module == AGENTS
        if not is_own and not any(fnmatch.fnmatchcase(module, pattern) for pattern in allow):
            hint = f"Import it beforehand, or allow it: allow=[{module!r}]."
            yield Finding(
                "module-not-allowed", at, f"the module {module!r} is not allowed here.", hint
            )
            continue
        try:
            import_module(module, document.name)
        except TaskMissing as problem:
            hint = "Is its directory on the path? Commands look in the current one."
            yield Finding("module-missing", at, str(problem), hint)
    for node, work, inner in document.taken_in():
        for one in import_used(inner, allow):
            yield one.within(f"{node.at}.flow", work.file)


# files ------------------------------------------------------------------------------------


def name_of(file: Path) -> str:
    """Return what a flow in a file is called, if it does not say (F-04)."""
    stem = file.name.split(".", maxsplit=1)[0].lower()
    name = re.sub(r"[^a-z0-9_-]", "_", stem)
    return name if re.match(r"[a-z]", name) else f"flow_{name}"


def read_file(file: Path) -> Source:
    """Read a document from a file.

    Raises:
        FlowNotFound: There is none, or it cannot be opened.
        SourceError: It is too large, or no YAML or JSON.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(TEXT_BYTES_MAX + 1)
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise FlowNotFound(f"The flow {file} cannot be read: {reason}. Check the path.") from None
    return read(content, str(file))


def _beside(file: Path) -> TakeIn:
    """Return what takes in flows whose paths are relative to a file."""
    return partial(_take_in, file.parent)


def _take_in(folder: Path, path: str) -> Taken:
    file = folder / path
    try:
        source = read_file(file)
    except (SourceError, FlowNotFound) as problem:
        return Taken(problem=str(problem))
    return Taken(source.data, name_of(file), str(file.resolve()), take_in=_beside(file))

"""Documents on the command line: read from a file, refused with all that is wrong."""

from __future__ import annotations

import os
import shutil
import sys

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from podium.cli.exits import CommandFailed, Exit
from podium.cli.flow_findings import Report, counted, unreadable
from podium.cli.modules import make_importable
from podium.cli.options import command
from podium.flow import Flow, SourceError
from podium.flow.flow import read_file
from podium.flow.model import Document
from podium.flow.source import Source


class DocumentInvalid(CommandFailed):
    """A document must not run.

    Attributes:
        report: What was found, warnings too.
    """

    def __init__(self, report: Report) -> None:
        super().__init__(
            f"{report.file} has {counted(report.findings)}.", Exit.DOCUMENT_INVALID
        )  # fmt: skip
        self.report = report

    def details(self) -> Iterable[str]:
        """Return the findings."""
        return self.report.lines(sys.stderr)

    def as_dict(self) -> dict[str, Any]:
        """Return the findings for programs."""
        return self.report.as_dict()


def read_flow(file: str) -> Flow:
    """Read a flow; the modules that it uses are imported, the current directory being importable.

    Raises:
        DocumentInvalid: It is no YAML or JSON.
    """
    make_importable()
    try:
        return Flow.load(file)
    except SourceError as error:
        raise DocumentInvalid(Report(file=file, findings=(unreadable(error),))) from None


def report_of(file: str) -> Report:
    """Check a file."""
    try:
        return Report(file=file, findings=read_flow(file).findings)
    except DocumentInvalid as problem:
        return problem.report


def sound_flow(file: str) -> Flow:
    """Read a flow that may run.

    Raises:
        DocumentInvalid: It may not.
    """
    flow = read_flow(file)
    if any(one.is_error for one in flow.findings):
        raise DocumentInvalid(Report(file=file, findings=flow.findings))
    return flow


def warning_of(file: str, flow: Flow) -> str:
    """Say that a flow has warnings, if it has any, and how to see them."""
    report = Report(file=file, findings=flow.findings)
    return f"{report.summary()}: {command('flow', 'check', file)}" if flow.findings else ""


def document_of(file: str) -> tuple[Document, Report]:
    """Read a document that is there at all, whatever the check says of it.

    Raises:
        DocumentInvalid: So much is wrong that there is none.
    """
    flow = read_flow(file)
    report = Report(file=file, findings=flow.findings)
    if flow.document is None:
        raise DocumentInvalid(report)
    return flow.document, report


def read_source(file: str) -> Source:
    """Read a text in YAML or JSON.

    Raises:
        DocumentInvalid: It is neither.
    """
    try:
        return read_file(Path(file))
    except SourceError as error:
        raise DocumentInvalid(Report(file=file, findings=(unreadable(error),))) from None


def replace_text(file: Path, text: str) -> None:
    """Write a file anew, or leave it as it was."""
    target = file.resolve()
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        beside.write_text(text, encoding="utf-8", newline="\n")
        if target.exists():
            shutil.copymode(target, beside)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)

"""What ``podium flow import`` does."""

from __future__ import annotations

import sys

from dataclasses import replace
from pathlib import Path

import yaml

from podium.cli import terminal
from podium.cli.exits import Exit
from podium.cli.flow_files import DocumentInvalid, read_source, replace_text
from podium.cli.flow_findings import Report, counted
from podium.flow.findings import Finding, FlowInvalid
from podium.flow.formatting import format_document
from podium.flow.importing import Imported, import_serverless
from podium.flow.source import Source


class Importing:
    """One import.

    Args:
        file: The source.
        name: What the flow is called; as the source unless given.
        target: Where the flow is written; standard output unless given.
        as_json: Print flow, notes and tasks as one object.
    """

    def __init__(self, file: str, name: str | None, target: Path | None, *, as_json: bool) -> None:
        self._file = file
        self._name = name
        self._target = target
        self._as_json = as_json

    def carry_out(self) -> int:
        """Import it; return the exit code."""
        source = read_source(self._file)
        try:
            made = import_serverless(source.data, name=self._name)
        except FlowInvalid as problem:
            raise DocumentInvalid(self._report(source, problem.findings)) from None
        report = self._report(source, made.notes)
        if self._target is not None:
            replace_text(self._target, written(made))
        if self._as_json:
            terminal.out_json({
                "document": made.document, "complete": made.is_complete, "tasks": list(made.tasks),
                "notes": [one.to_dict() for one in report.findings],
            })  # fmt: skip
        else:
            if self._target is None:
                terminal.out(written(made).removesuffix("\n"))
            for line in report.lines(sys.stderr):
                terminal.talk(line)
            self._say_end(made, report)
        return Exit.OK if made.is_complete else Exit.DOCUMENT_INVALID

    def _say_end(self, made: Imported, report: Report) -> None:
        whole = "does all that the source does" if made.is_complete else "does less than the source"
        what = counted(report.findings) if report.findings else "nothing to note"
        terminal.talk(f"The flow {made.document['name']} {whole}: {what}.")
        if made.tasks:
            terminal.talk(f"It calls tasks that have to be registered: {', '.join(made.tasks)}.")

    def _report(self, source: Source, findings: list[Finding] | tuple[Finding, ...]) -> Report:
        return Report(file=self._file, findings=tuple(_placed(source, one) for one in findings))


def written(made: Imported) -> str:
    """Return the flow as YAML in the usual layout."""
    plain = yaml.safe_dump(
        made.document, sort_keys=False, allow_unicode=True, width=100, default_flow_style=False
    )
    return format_document(plain, "the flow")


def _placed(source: Source, finding: Finding) -> Finding:
    place = source.place(finding.path)
    return finding if place is None else replace(finding, line=place[0], column=place[1])

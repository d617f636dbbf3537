"""What ``podium flow fmt`` does."""

from __future__ import annotations

from pathlib import Path

from podium.cli import terminal
from podium.cli.exits import Exit
from podium.cli.flow_files import DocumentInvalid, read_source, replace_text
from podium.cli.flow_findings import Report, unreadable
from podium.flow.formatting import format_document
from podium.flow.source import SourceError


def carry_out(files: tuple[str, ...], *, only_check: bool, to_stdout: bool) -> int:
    """Write documents in the usual layout; return the exit code."""
    code = Exit.OK
    for file in files:
        try:
            text = _laid_out(file)
        except DocumentInvalid as problem:
            for line in problem.details():
                terminal.talk(line)
            code = Exit.DOCUMENT_INVALID
            continue
        if to_stdout:
            terminal.out(text.removesuffix("\n"))
        elif Path(file).read_bytes() != text.encode():
            if only_check:
                code = code or Exit.ERROR
                terminal.talk(f"{file} is not in the usual layout")
            else:
                replace_text(Path(file), text)
                terminal.talk(f"{file} is written anew")
    return code


def _laid_out(file: str) -> str:
    source = read_source(file)
    try:
        return format_document(source.text, file)
    except SourceError as error:
        raise DocumentInvalid(Report(file=file, findings=(unreadable(error),))) from None

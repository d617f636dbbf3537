"""Documents that are kept with their runs, made workflows again."""

from __future__ import annotations

import msgspec

from podium.core.spec import Registry, StoredDocument
from podium.core.spec import registry as process_registry
from podium.flow.findings import FlowInvalid
from podium.flow.keeping import MARK, KeepingSpec
from podium.flow.parse import parse
from podium.flow.spec import FlowSpec


def interpret(kept: StoredDocument, registry: Registry = process_registry) -> FlowSpec:
    """Return the workflow that a kept document is, with its tasks.

    Raises:
        FlowInvalid: This Podium cannot read it.
        TaskMissing: It needs what this process does not have.
    """
    content = msgspec.json.decode(kept.content)
    kind = KeepingSpec if content.pop(MARK, False) else FlowSpec
    parsed = parse(content)
    if parsed.document is None or any(one.is_error for one in parsed.findings):
        raise FlowInvalid(f"the document {kept.hash}", parsed.findings)
    spec = kind(parsed.document, registry)
    spec.require_tasks()
    return spec

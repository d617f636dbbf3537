"""``dry_run``: what a flow would do, without doing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from podium.client.app import Podium
from podium.functions.calls import Workflow

if TYPE_CHECKING:
    from podium.flow.dry import DryReport
    from podium.flow.flow import Flow


async def dry_run(flow: Flow, input: dict[str, Any] | None = None) -> DryReport:
    """Run a flow dry: ``pure`` and ``read`` steps for real, everything else is listed.

    Nothing is written but a database in memory that ends with it.

    Raises:
        FlowInvalid: The flow has errors.
        InputInvalid: The input does not fit.
        RunFailed: It fails before it would do anything.
    """
    from podium.flow.dry import Done, DryReport, DrySpec  # late: most programs run none

    spec = DrySpec(flow.spec)
    async with Podium(":memory:") as app:
        run = await app.start(Workflow(spec.fn, spec), input)
        report = msgspec.convert(await run.result(), DryReport)
        done = [
            Done(one.path, one.task, one.effect, one.status)
            for one in await run.steps() if one.effect
        ]  # fmt: skip
        return msgspec.structs.replace(report, done=done)

"""``podium plan`` and ``podium do``: a goal becomes a plan, and the plan becomes work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import click

from podium.cli.exits import TABLE
from podium.cli.options import F, database_option, example, read_input

_goal = click.argument("goal", metavar="GOAL")
_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--tools", "tools", metavar="MODULE[:NAMES]", multiple=True, required=True,
        help="What a plan may call: the tools of a module, or some by name or pattern, with commas "
        "between them (repeatable).",
    ),
    click.option("--model", metavar="MODEL", required=True, help="Who plans: provider:model."),
    click.option("--judge", metavar="MODEL", help="Who judges what no condition can say.  [default: MODEL]"),
    click.option("--input", "given", metavar="JSON|@FILE|-", help="What is given: an object by name."),
    click.option("--set", "pairs", metavar="NAME=VALUE", multiple=True, help="One thing that is given (repeatable)."),
    click.option("--about", metavar="TEXT", help="What the model is told besides the goal."),
    click.option("--turns", type=click.IntRange(1, 20), default=4, show_default=True, help="How often the model is asked for one plan."),
    click.option("--replans", type=click.IntRange(0, 20), default=3, show_default=True, help="How many further plans there may be."),
    click.option("--max-calls", type=click.IntRange(0), metavar="N", help="Ask before a plan that may make more calls."),
    click.option("--max-usd", type=click.FloatRange(0), metavar="USD", help="Ask before a plan that may cost more."),
    click.option("--id", "run_id", metavar="ID", help="The id of the run."),
    database_option,
    click.option("--yes", "-y", "is_sure", is_flag=True, help="Approve every plan without asking."),
    click.option("--json", "as_json", is_flag=True, help="Print one object on standard output."),
    click.option("--quiet", "-q", is_flag=True, help="Show no progress."),
)  # fmt: skip


def _planning_options(command: F) -> F:
    """Give a command the options that planning has."""
    decorated: Any = command
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return cast("F", decorated)


@click.command(
    epilog=example(
        'podium plan "Where is order A1?" --tools shop.tools --model openai:gpt-5-mini --set order=A1',
        'podium plan "Refund A1" --tools shop.tools:shop.* --model ollama:qwen3 -o refund.yaml',
        'podium plan "Refund A1" --tools shop.tools --model openai:gpt-5-mini --run',
    )
    + TABLE
)
@_goal
@_planning_options
@click.option("--run", "is_run", is_flag=True, help="Carry it out, once it is approved.")
@click.option(
    "-o", "--output", "target", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
    help="Write the plan to a file, as a flow that `podium run` takes.",
)  # fmt: skip
def plan(goal: str, *, is_run: bool, target: Path | None, **options: object) -> int:
    """Have a plan written for a GOAL, and show it.

    The model writes a flow for exactly the given tools; it is checked, told what is wrong with it
    until it can run, and drawn with what it may do, take and cost. Nothing of it runs without --run;
    then a person is asked about a plan that may change the world (exit 6 where nobody is there).
    """
    from podium.cli.planning_work import Wanted, carry_out, write_down

    if is_run and target is not None:
        raise click.UsageError(
            "--output writes a plan, and --run carries it out; give one of them."
        )
    wanted = Wanted.of(goal, options, read_input)
    return carry_out(wanted, criteria=[]) if is_run else write_down(wanted, target)


@click.command(
    "do",
    epilog=example(
        'podium do "Tell Ann where order A1 is" --tools shop.tools --model openai:gpt-5-mini',
        'podium do "Refund A1" --tools shop.tools --model openai:gpt-5-mini --yes --json',
    )
    + TABLE,
)
@_goal
@_planning_options
@click.option(
    "--criterion", "criteria", metavar="CEL", multiple=True,
    help="What must hold, in place of the model's own criteria: a condition on `answer` (repeatable).",
)  # fmt: skip
def do(goal: str, *, criteria: tuple[str, ...], **options: object) -> int:
    """Reach a GOAL: criteria, plan, approval, work, verification.

    The model first writes what must hold of the result, as checks that can be carried out. It is done
    when they hold, not when the model says so; where they do not, or a step fails, there is another
    plan, which keeps what was done. What the goal came to goes to standard output.
    """
    from podium.cli.planning_work import Wanted, carry_out, criteria_of

    given = criteria_of(criteria) if criteria else None
    return carry_out(Wanted.of(goal, options, read_input), criteria=given)

"""``podium completion``: the script that lets a shell complete commands, options and run ids."""

from __future__ import annotations

import click

from podium.cli import terminal
from podium.cli.options import example

_SHELLS = ("bash", "zsh", "fish")


@click.command(
    epilog=example(
        "podium completion bash >> ~/.bashrc",
        "podium completion zsh  >> ~/.zshrc",
        "podium completion fish > ~/.config/fish/completions/podium.fish",
    )
)
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what lets SHELL complete commands."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    maker = kind(ctx.find_root().command, {}, "podium", "_PODIUM_COMPLETE")
    terminal.out(maker.source_template % maker.source_vars())

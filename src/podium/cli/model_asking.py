"""``podium model providers`` and ``try``: who answers for models here, and one question to a model."""

from __future__ import annotations

import asyncio
import importlib.util
import os

from typing import TYPE_CHECKING, Any

import click

from podium.cli import terminal
from podium.cli.exits import TABLE, CommandFailed
from podium.cli.options import example, json_option

if TYPE_CHECKING:
    from podium.models.messages import Reply

_NEEDS = {
    "anthropic": ("pydantic_ai", "anthropic"), "google": ("pydantic_ai", "google.genai"),
    "llamacpp": ("pydantic_ai", "openai"), "local": ("xllamacpp", "numpy"),
    "mistral": ("pydantic_ai", "mistralai"), "ollama": ("pydantic_ai", "openai"),
    "openai": ("pydantic_ai", "openai"), "vllm": ("pydantic_ai", "openai"),
}  # fmt: skip
"""Provider → the packages that it cannot do without."""


@click.command(
    "providers", epilog=example("podium model providers", "podium model providers --json")
)
@json_option
def list_providers(*, as_json: bool) -> None:
    """List who answers for models, and which keys are there."""
    rows = [_row(name) for name in _providers()]
    if as_json:
        terminal.out_json(rows)
        return
    table = terminal.Table("PROVIDER", "INSTALLED", "KEY", "EXAMPLE")
    for row in rows:
        installed = "yes" if row["installed"] else f"pip install 'podium[{row['extra']}]'"
        table.add(row["provider"], installed, row["key_text"], row["example"])
    table.show()


@click.command(
    "try",
    epilog=example(
        "podium model try openai:gpt-5-mini 'Say hello.'",
        "podium model try openai:any@http://127.0.0.1:8080/v1 'Say hello.' --tokens 50",
    )
    + TABLE,
)
@click.argument("model")
@click.argument("prompt")
@click.option("--system", default="", help="What the model is for.")
@click.option("--tokens", type=click.IntRange(1), help="The most tokens of the answer.")
@click.option("--timeout", default=120.0, show_default=True, help="Seconds to wait.")
@click.option(
    "--module", "modules", multiple=True, help="Import it first: it registers a provider."
)
@json_option
def try_model(
    model: str, prompt: str, system: str, tokens: int | None, timeout: float,
    modules: tuple[str, ...], *, as_json: bool,
) -> None:  # fmt: skip
    """Ask a model once, and say what that used, cost and took.

    Nothing is recorded, and nothing is tried again.
    """
    from podium.cli.modules import load_module
    from podium.models.calls import Model
    from podium.models.messages import Settings

    for module in modules:
        load_module(module)
    asked = Model(model, settings=Settings(tokens_max=tokens)).ask(prompt, system=system)
    try:
        reply = asyncio.run(asyncio.wait_for(asked, timeout))
    except TimeoutError:
        raise CommandFailed(
            f"{model} has not answered within {timeout:g} s. Is it there? --timeout gives it longer."
        ) from None
    if as_json:
        terminal.out_json(_told(reply))
        return
    terminal.out(terminal.shown(reply.text, lines=True))
    terminal.talk(_words(reply))


def _providers() -> list[str]:
    from podium.models.providers import PLACES

    return [name for name in PLACES if name not in ("function", "scripted")]


def _row(name: str) -> dict[str, Any]:
    from podium.models.keys import USUAL
    from podium.models.providers import PLACES

    place, wanted = PLACES[name], USUAL.get(name, ())
    variables = [one.removeprefix("secret://env/") for one in wanted]
    has_key = any(os.environ.get(one) for one in variables)
    if not variables:
        said = "needs none"
    else:
        said = "is there" if has_key else f"set {' or '.join(variables)}"
    return {
        "provider": name, "installed": all(map(_is_here, _NEEDS[name])), "extra": place.extra,
        "key": has_key if variables else None, "key_text": said, "example": place.example,
    }  # fmt: skip


def _is_here(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:
        return False


def _told(reply: Reply) -> dict[str, Any]:
    usage = reply.usage
    return {
        "model": reply.model, "text": terminal.shown(reply.text, plain=True), "finish": reply.finish,
        "input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens,
        "cost_usd": reply.cost_usd, "latency_s": round(reply.latency_s, 3),
    }  # fmt: skip


def _words(reply: Reply) -> str:
    """Say in a line what an answer used, cost and took."""
    usage = reply.usage
    cost = "an unknown price" if reply.cost_usd is None else f"${reply.cost_usd:.6f}"
    why = "" if reply.finish == "stop" else f", ended by {reply.finish}"
    return (
        f"{usage.input_tokens:,} tokens in, {usage.output_tokens:,} out, {cost}, "
        f"{reply.latency_s:.2f} s{why}"
    )

"""Model strings, who answers for them, what they cost, and the switch that forbids real calls."""

import asyncio
import os
import subprocess
import sys

import pytest

import podium

from podium import Model
from podium.models import (
    ModelUnknown,
    RealCallsForbidden,
    Reply,
    Request,
    ScriptedModel,
    Usage,
    assistant,
    forbid_real_calls,
    register_provider,
    set_price,
    use_key,
    user,
)
from podium.models.keys import references
from podium.models.messages import Settings
from podium.models.offline import is_loopback, require_allowed
from podium.models.prices import cost_usd, worst_case
from podium.models.provider import Abilities, Say
from podium.models.providers import ModelName, parse, provider_of
from podium.testing import plugin


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("openai:gpt-5-mini", ("openai", "gpt-5-mini", "")),
        ("openai:any@http://127.0.0.1:8080/v1", ("openai", "any", "http://127.0.0.1:8080/v1")),
        ("ollama:qwen3:8b@https://box/v1", ("ollama", "qwen3:8b", "https://box/v1")),
        ("google:publisher@date", ("google", "publisher@date", "")),
    ],
)
def test_a_model_string_has_parts(text: str, parts: tuple[str, str, str]) -> None:
    """Provider, model, and an address where there is one."""
    assert parse(text) == ModelName(*parts)


@pytest.mark.parametrize("text", ["gpt-5", "openai:", ":x", "", "http://127.0.0.1:80/v1"])
def test_what_is_no_model_string(text: str) -> None:
    """It is refused where it is written, with an example."""
    with pytest.raises(ModelUnknown, match="expected provider:model, such as 'openai:gpt-5-mini'"):
        Model(text)


def test_near_names_of_providers_are_told() -> None:
    """Who writes a provider's name wrong is told the right one."""
    with pytest.raises(ModelUnknown, match="Did you mean 'anthropic'"):
        provider_of("antropic")


def test_a_provider_that_is_not_installed_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The remedy is what to type."""
    monkeypatch.setitem(sys.modules, "podium.models.local", None)
    with pytest.raises(ModelUnknown, match=r"pip install 'podium\[local\]'"):
        provider_of("local")


class Shouting:
    """A provider of one's own."""

    def abilities(self, model: str) -> Abilities:
        """It can do everything."""
        return Abilities()

    async def respond(self, model: str, request: Request, say: Say | None = None) -> Reply:
        """Say it louder."""
        return Reply(assistant(request.messages[-1].text.upper()), f"loud:{model}")


def test_a_provider_of_ones_own() -> None:
    """What is registered answers; its name is a word."""
    register_provider("loud", Shouting())

    assert asyncio.run(Model("loud:one").text("hello")) == "HELLO"
    with pytest.raises(ModelUnknown, match="lower-case letters"):
        register_provider("Very Loud", Shouting())


def test_known_unknown_and_own_prices() -> None:
    """A price comes from one's own table, then from the list; what nobody knows is None."""
    usage = Usage(1_000_000, 100_000, cached_tokens=500_000)
    assert cost_usd("scripted:x", usage) == 0
    assert cost_usd("openai:never-heard-of-it", usage) is None
    assert cost_usd("openai:gpt-5-mini@http://127.0.0.1:1/v1", usage) is None
    assert cost_usd("ollama:qwen3@http://127.0.0.1:1/v1", usage) == 0
    assert cost_usd("ollama:qwen3@http://elsewhere/v1", usage) is None
    set_price("openai:mine", input=2, output="10", cached=1)
    assert cost_usd("openai:mine", usage) == pytest.approx(1.0 + 0.5 + 1.0)


def test_the_worst_case_is_more_than_what_is_used() -> None:
    """What a budget reserves covers the request and the longest answer."""
    request = Request((user("hello " * 100),), settings=Settings(tokens_max=50))
    set_price("openai:mine", input=1, output=1)

    worst = worst_case("openai:mine", request)
    assert worst.tokens is not None
    assert 50 + 600 / 4 < worst.tokens < 50 + 700
    assert worst.nanos == worst.tokens * 1000
    assert worst_case("openai:nobody-knows", request).unknown == {"usd"}


def test_keys_go_to_their_own_address_only() -> None:
    """A server elsewhere is given a key only where that was said."""
    own, other = parse("openai:gpt-5"), parse("openai:gpt-5@https://proxy.example/v1")
    assert references(own) == ("secret://env/OPENAI_API_KEY",)
    assert references(other) == ()

    use_key("openai", "secret://env/PROXY_KEY", address="https://proxy.example/v1")
    assert references(other) == ("secret://env/PROXY_KEY",)
    with pytest.raises(podium.SecretInvalid, match="not the key itself"):
        use_key("openai", "sk-12345678")


@pytest.mark.parametrize(
    ("address", "is_here"),
    [
        ("http://127.0.0.1:80/v1", True), ("http://[::1]/v1", True), ("http://localhost:1", True),
        ("http://127.0.0.1.example.com/", False), ("https://api.openai.com", False), ("", False),
    ],
)  # fmt: skip
def test_loopback(address: str, is_here: bool) -> None:
    """Only this machine is this machine."""
    assert is_loopback(address) is is_here


def test_real_calls_are_forbidden_in_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugin of pytest sets the switch, unless it is set; processes that are started have it too."""
    monkeypatch.setenv("PODIUM_REAL_MODELS", "allow")
    plugin.pytest_configure()
    assert os.environ["PODIUM_REAL_MODELS"] == "allow"
    monkeypatch.delenv("PODIUM_REAL_MODELS")
    plugin.pytest_configure()
    assert os.environ["PODIUM_REAL_MODELS"] == "forbid"
    with pytest.raises(RealCallsForbidden, match="Use a ScriptedModel or a cassette"):
        require_allowed("openai:gpt-5-mini", "https://api.openai.com/v1")
    require_allowed("openai:x@http://127.0.0.1/v1", "http://127.0.0.1/v1")


def test_real_calls_can_be_allowed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The switch goes both ways."""
    monkeypatch.setenv("PODIUM_REAL_MODELS", "forbid")
    forbid_real_calls(False)
    require_allowed("openai:gpt-5-mini", "https://api.openai.com/v1")
    forbid_real_calls()
    with pytest.raises(RealCallsForbidden):
        require_allowed("openai:gpt-5-mini", "https://api.openai.com/v1")


def test_a_script_of_another_process_is_missed_by_name() -> None:
    """The message says which scripts there are, and where to make the missing one."""
    ScriptedModel("here", ["x"])
    with pytest.raises(ModelUnknown, match=r"there are: .*scripted:here.*every worker imports"):
        asyncio.run(Model("scripted:elsewhere").text("x"))


@pytest.mark.long
def test_nothing_heavy_is_imported() -> None:
    """``podium.Model`` with a script imports no library of a provider."""
    code = (
        "import asyncio, sys, podium\n"
        "podium.models.ScriptedModel('a', ['hi'])\n"
        "assert asyncio.run(podium.Model('scripted:a').text('x')) == 'hi'\n"
        "heavy = {'pydantic_ai', 'openai', 'anthropic', 'httpx2', 'numpy', 'xllamacpp', 'genai_prices'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

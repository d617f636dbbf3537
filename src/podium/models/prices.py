"""What calls of models cost: your own prices first, else the list of ``genai-prices``.

A price that nobody knows is None, never 0.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from podium.core.budgets import Money, Spend
from podium.models.messages import Request, Usage
from podium.models.offline import is_loopback
from podium.models.providers import parse

_MILLION: Final = 1_000_000
_OUTPUT_TOKENS: Final = 16_384
"""What a reply is taken to have at most where its settings do not say."""
_BYTES_PER_TOKEN: Final = 2
"""A token has at least so many bytes, taken together: what is reserved is settled afterwards."""
_FREE: Final = frozenset({"function", "scripted", "local"})
_FREE_HERE: Final = frozenset({"llamacpp", "ollama", "vllm"})
"""Servers of one's own: where they run on this machine, nobody sends a bill."""


class Price(NamedTuple):
    """What a million tokens cost, in US dollars.

    Attributes:
        input: Of what is sent.
        output: Of what is answered.
        cached: Of what is sent and the provider had kept; as ``input`` where it is None.
    """

    input: Decimal
    output: Decimal
    cached: Decimal | None = None


_prices: Final[dict[str, Price]] = {}


def set_price(model: str, *, input: Money, output: Money, cached: Money | None = None) -> None:
    """Say what a model costs, where the list does not know or another contract holds.

    Args:
        model: The model string.
        input: US dollars for a million tokens that are sent.
        output: The same of what is answered.
        cached: The same of what is sent and the provider had kept.

    Raises:
        ModelUnknown: The string is no model.
    """
    parse(model)
    cheaper = None if cached is None else Decimal(str(cached))
    _prices[model] = Price(Decimal(str(input)), Decimal(str(output)), cheaper)


def cost_usd(model: str, usage: Usage) -> float | None:
    """Return what a call has cost in US dollars; None where nobody knows.

    Args:
        model: The model string.
        usage: What the call used.
    """
    cost = _cost(model, usage)
    return None if cost is None else float(cost)


def worst_case(model: str, request: Request) -> Spend:
    """Return what a call may cost at worst, for a budget that reserves it.

    The tokens that are sent are taken from their bytes, those of the answer from
    ``Settings(tokens_max=…)``, 16,384 where it does not say. What the call really used is settled
    afterwards.
    """
    sent = len(msgspec.json.encode(request)) // _BYTES_PER_TOKEN + 1
    usage = Usage(sent, request.settings.tokens_max or _OUTPUT_TOKENS)
    return Spend(_cost(model, usage), tokens=usage.tokens)


def _cost(model: str, usage: Usage) -> Decimal | None:
    own = _prices.get(model)
    if own is not None:
        return _own_cost(own, usage)
    name = parse(model)
    if name.provider in _FREE or (name.provider in _FREE_HERE and is_loopback(name.address)):
        return Decimal(0)
    if name.address or name.provider in _FREE_HERE:
        return None  # another server than the provider's own: its prices are not those of the list
    return _listed_cost(name.provider, name.model, usage)


def _own_cost(price: Price, usage: Usage) -> Decimal:
    cached = price.input if price.cached is None else price.cached
    fresh = max(0, usage.input_tokens - usage.cached_tokens)
    total = price.input * fresh + cached * usage.cached_tokens + price.output * usage.output_tokens
    return total / _MILLION


def _listed_cost(provider: str, model: str, usage: Usage) -> Decimal | None:
    try:
        import genai_prices
    except ImportError:
        return None
    used = genai_prices.Usage(
        input_tokens=usage.input_tokens, output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cached_tokens or None,
    )  # fmt: skip
    try:
        found: Any = genai_prices.calc_price(used, model_ref=model, provider_id=provider)
    except (LookupError, ValueError):
        return None
    return Decimal(found.total_price)

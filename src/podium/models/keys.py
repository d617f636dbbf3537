"""The keys of providers: references to secrets, resolved in each attempt anew."""

from __future__ import annotations

from typing import Final

from podium.core.errors import SecretInvalid, SecretMissing
from podium.core.secrets import secret
from podium.models.errors import ModelKeyMissing
from podium.models.providers import ModelName

USUAL: Final = {
    "anthropic": ("secret://env/ANTHROPIC_API_KEY",),
    "google": ("secret://env/GOOGLE_API_KEY", "secret://env/GEMINI_API_KEY"),
    "mistral": ("secret://env/MISTRAL_API_KEY",),
    "openai": ("secret://env/OPENAI_API_KEY",),
}
"""Provider → where its key is looked for."""
NO_KEY: Final = "no-key"
"""What is sent to a server that was given no key."""

_given: Final[dict[tuple[str, str], str]] = {}


def use_key(provider: str, reference: str, *, address: str = "") -> None:
    """Say where the key of a provider is.

    Unless it is said, the keys of providers are in the environment: ``OPENAI_API_KEY`` and the
    like. They are sent to the provider's own address only: a server elsewhere gets a key only
    where this names its address.

    Args:
        provider: As in a model string.
        reference: To the secret, such as ``secret://keyring/openai/me``.
        address: Of the server, as in the model string; empty: the provider's own.

    Raises:
        SecretInvalid: The reference is none.
    """
    if not reference.startswith("secret://"):
        raise SecretInvalid(
            f"use_key({provider!r}): expected a reference such as 'secret://env/OPENAI_API_KEY', not "
            "the key itself, which would be written where it can be read."
        )
    _given[provider, address] = reference


def references(name: ModelName) -> tuple[str, ...]:
    """Return where the key of a model may be; none where its server wants none."""
    given = _given.get((name.provider, name.address))
    if given is not None:
        return (given,)
    return () if name.address else USUAL.get(name.provider, ())


def key_of(name: ModelName) -> str:
    """Return the key for a model, in the body of a task.

    Raises:
        ModelKeyMissing: There is none.
    """
    places = references(name)
    if not places:
        return NO_KEY
    missing: SecretMissing | None = None
    for reference in places:
        try:
            return secret(reference)
        except SecretMissing as problem:
            missing = missing or problem
        except SecretInvalid as problem:
            raise ModelKeyMissing(f"There is no key for {name.provider}: {problem}") from None
    assert missing is not None
    raise ModelKeyMissing(
        f"There is no key for {name.provider}: {missing.reference} is not there; {missing.remedy} "
        f"Or say where it is: podium.models.use_key({name.provider!r}, 'secret://…')."
    )

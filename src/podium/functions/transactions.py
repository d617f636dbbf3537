"""``effect="transaction"``: the function that a task has, made of its body and its database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podium.core.effects import Effect
from podium.core.errors import InvalidOption
from podium.core.transactions import is_transaction


def in_transaction(target: Callable[..., Any], given: dict[str, Any]) -> Callable[..., Any]:
    """Return the function that runs a body in a transaction of its ``database``, if it has one.

    Args:
        target: What was decorated.
        given: The options; ``database`` is taken out of them.

    Raises:
        InvalidOption: One of effect and database is there without the other, or the first
            parameter is no transaction.
    """
    what = f"@task {target.__name__}"
    database = given.pop("database", None)
    is_wanted = given.get("effect") == Effect.TRANSACTION
    if database is None:
        if is_wanted and not is_transaction(target):
            raise InvalidOption(
                f"{what}: effect='transaction' needs database=podium.Database(…), and the "
                "transaction as first parameter."
            )
        return target
    if not hasattr(database, "transactional"):
        raise InvalidOption(
            f"{what}: database={database!r}; expected podium.Database('sqlite:///…')."
        )
    if not is_wanted:
        effect = str(given.get("effect", Effect.WRITE))
        raise InvalidOption(f"{what}: database= is for effect='transaction', not {effect!r}.")
    wrapped: Callable[..., Any] = database.transactional(target)
    return wrapped

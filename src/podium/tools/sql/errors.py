"""What goes wrong with a database of the user's; the driver's own error is the cause."""

from __future__ import annotations

from podium.core.errors import PodiumError


class DatabaseError(PodiumError):
    """A database of the user's did not do what it was asked for."""

    code = "database"


class DatabaseUnavailable(DatabaseError):
    """The database is locked for too long or cannot be reached; later it may work."""

    code = "database-unavailable"


class ConstraintViolated(DatabaseError):
    """A row does not fit what the tables demand: unique, foreign key, check, not null."""

    code = "constraint-violated"


class StatementRefused(DatabaseError):
    """A statement wants what it may not: to write, to end the transaction, to see other tables."""

    code = "statement-refused"


def short_statement(sql: str, chars: int = 200) -> str:
    """Say a statement in one line of a bounded length."""
    line = " ".join(sql.split())
    return line if len(line) <= chars else f"{line[:chars]}…"

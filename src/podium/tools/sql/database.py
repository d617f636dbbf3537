"""``podium.Database``: a database of the user's, and tasks that write it exactly once."""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
import weakref

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote, unquote, urlsplit

from podium.core.codec import Codec, codec_for, type_hints
from podium.core.context import current_attempt
from podium.core.durations import Duration, seconds
from podium.core.errors import InvalidOption, UsageError
from podium.core.secrets import REFERENCE, secret
from podium.core.transactions import Answer, AsyncTransaction, Transaction, mark_transaction
from podium.tools.extras import needed
from podium.tools.sql import receipts
from podium.tools.sql.gate import Gate
from podium.tools.sql.hand import Hand
from podium.tools.sql.pool import Connection, Pool, discard
from podium.tools.sql.reading import Found, Limits
from podium.tools.sql.work import Work, begin_with_receipts

R = TypeVar("R")
_FORMS: Final = "sqlite:///shop.db, sqlite:////var/lib/shop.db or postgresql://user@host/name"
_open_here: ContextVar[frozenset[int]] = ContextVar("podium_open_databases", default=frozenset())
"""The databases of which the code that runs holds a transaction."""


class Database:
    """A database of yours: SQLite or PostgreSQL.

    It connects when it is first used, and keeps connections for the next time.

    Args:
        url: ``sqlite:///shop.db`` (beside the process), ``sqlite:////var/lib/shop.db``, or
            ``postgresql://user@host/name`` as libpq takes it. Who and by what password may be
            secrets, ``postgresql://shop:secret://env/SHOP_PASSWORD@host/name``, and so may be
            the whole URL of a PostgreSQL database: ``secret://env/DATABASE_URL``.
        wait: How long a transaction waits for its turn and for locks of others.
        connections: How many are open at once from this process; SQLite lets one write.
        idle: How long PostgreSQL keeps a transaction whose process says nothing; then it takes
            it back and lets others on.

    Raises:
        InvalidOption: The URL is of another form, or PostgreSQL's driver is not installed.
    """

    def __init__(
        self, url: str, *, wait: Duration = "30s", connections: int = 8, idle: Duration = "60s"
    ) -> None:
        self._wait_s = seconds(wait, what="Database(wait)")
        self._idle_s = seconds(idle, what="Database(idle)")
        if connections < 1:
            raise InvalidOption(f"Database(connections={connections!r}): at least 1.")
        self.name: str = _name(url)
        self.is_sqlite: bool = url.startswith("sqlite:")
        self._url = url
        self._path = _path(url) if self.is_sqlite else None
        if not self.is_sqlite:
            needed("psycopg", "postgres", f"Database({self.name!r})")
        places = 1 if self.is_sqlite else connections
        self._gate = Gate(places, self._wait_s, self.name)
        self._pool = Pool(functools.partial(_connect, url, self._path, self._wait_s, self._idle_s))
        self._closing = weakref.finalize(self, self._pool.close)

    def close(self) -> None:
        """Close the connections that are kept; the next use opens new ones."""
        self._pool.close()

    def prune(self, older_than: Duration) -> int:
        """Delete receipts that are older; return how many there were. It blocks.

        A step whose receipt is gone would run again: keep them for longer than any run may take.
        """
        before_us = time.time_ns() // 1000 - round(seconds(older_than, what="prune") * 1e6)
        with self._gate:
            connection = self._pool.begin(begin_with_receipts)
            try:
                deleted = receipts.prune(connection, before_us)
                connection.commit()
            except BaseException:
                connection.close()
                raise
            self._pool.give_back(connection)
        return deleted

    def read(
        self, sql: str, named: Mapping[str, Any], limits: Limits,
        *, tables: Collection[str] | None = None, is_foreign: bool = False,
    ) -> Found:  # fmt: skip
        """Carry out one statement that cannot write; it blocks.

        Args:
            sql: The statement.
            named: Its values.
            limits: How much is read.
            tables: What may be read, where somebody else wrote the statement; None: all there are.
            is_foreign: Whether somebody else (a model) wrote it.

        Raises:
            StatementRefused: It does something else than read what it may.
            LimitReached: It took too long.
            DatabaseError: The database cannot do it.
        """
        if self._path is not None:
            from podium.tools.sql.sqlite_reading import read_sqlite

            return read_sqlite(
                self._path, sql, named, limits, self._wait_s, tables=tables, is_foreign=is_foreign
            )
        from podium.tools.sql.postgres_reading import read_postgres

        with self._gate:
            connection: Any = self._pool.begin(lambda one: one.begin_reading(limits.seconds))
            try:
                found = read_postgres(
                    connection, sql, named, limits, tables=tables, is_foreign=is_foreign
                )
                connection.rollback()
            except BaseException:
                discard(connection)
                raise
            self._pool.give_back(connection)
            return found

    def transactional(self, body: Callable[..., Any]) -> Callable[..., Any]:
        """Return the body as a function without its first parameter, which runs in a transaction.

        As the body of a step it leaves a receipt under the step's key, and a second time it gives
        what the first time gave. Elsewhere it just runs in a transaction.

        Raises:
            InvalidOption: The first parameter is no transaction.
        """
        signature = inspect.signature(body)
        first, *others = _with_transaction(body, list(signature.parameters.values()))
        hints = type_hints(body)
        returns = codec_for(hints.pop("return", Any))
        make = self._async_function if inspect.iscoroutinefunction(body) else self._function
        made: Any = make(body, returns)
        made.__signature__ = signature.replace(parameters=others)
        made.__annotations__ = {
            name: hint for name, hint in body.__annotations__.items() if name != first.name
        }
        mark_transaction(made, self)
        return made  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"<database {self.name}>"

    def _function(self, body: Callable[..., R], returns: Codec) -> Callable[..., R]:
        @functools.wraps(body)
        def in_transaction(*args: Any, **kwargs: Any) -> Any:
            work = self._work(in_transaction, returns)
            with self._alone(), self._gate:
                if work.open():
                    return work.value
                try:
                    value = body(Transaction(work.run), *args, **kwargs)
                except BaseException:
                    work.abandon()
                    raise
                return work.finish(value)

        return in_transaction

    def _async_function(self, body: Callable[..., Any], returns: Codec) -> Callable[..., Any]:
        @functools.wraps(body)
        async def in_transaction(*args: Any, **kwargs: Any) -> Any:
            work = self._work(in_transaction, returns)
            turn = asyncio.Lock()

            async def run(sql: str, values: tuple[Any, ...], named: Mapping[str, Any]) -> Answer:
                async with turn:
                    return await hand.do_or(work.interrupt, work.run, sql, values, named)

            with self._alone():
                async with self._gate:
                    hand = Hand()
                    try:
                        if await hand.do(work.open):
                            return work.value
                        value = await body(AsyncTransaction(run), *args, **kwargs)
                        return await hand.do(work.finish, value)
                    except BaseException:
                        await hand.do(work.abandon)
                        raise
                    finally:
                        hand.close()

        return in_transaction

    def _work(self, function: Callable[..., Any], returns: Codec) -> Work:
        return Work(self._pool, _key_of(function), returns, function.__name__, self._wait_s)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Refuse a transaction within a transaction: the inner one would wait for the outer."""
        if id(self) in _open_here.get():
            raise UsageError(
                f"A transaction of {self.name} is open here already; write with it, or begin the "
                "other one after it."
            )
        token = _open_here.set(_open_here.get() | {id(self)})
        try:
            yield
        finally:
            _open_here.reset(token)


def _key_of(function: Callable[..., Any]) -> str | None:
    """Return the key of the step whose body the function is; None where it just runs."""
    attempt = current_attempt.get()
    body: Any = attempt.spec.fn if attempt is not None else None
    while body is not None and body is not function:
        body = getattr(body, "__wrapped__", None)
    return attempt.key if attempt is not None and body is function else None


def _with_transaction(
    body: Callable[..., Any], parameters: list[inspect.Parameter]
) -> list[inspect.Parameter]:
    wanted = AsyncTransaction if inspect.iscoroutinefunction(body) else Transaction
    first = parameters[0].name if parameters else "tx"
    if not parameters or type_hints(body).get(first) is not wanted:
        begin = "async def" if wanted is AsyncTransaction else "def"
        raise InvalidOption(
            f"@task {body.__name__}: its first parameter is the transaction; "
            f"write `{begin} {body.__name__}({first}: podium.{wanted.__name__}, …)`."
        )
    return parameters


def _name(url: str) -> str:
    """Return what a database is called in messages: its URL without who connects to it."""
    if REFERENCE.fullmatch(url):
        return url
    if not url.startswith(("sqlite:///", "postgresql://", "postgres://")):
        raise InvalidOption(f"Database({url!r}): expected {_FORMS}.")
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"


def _path(url: str) -> Path:
    parts = urlsplit(url)
    path = unquote(parts.path.removeprefix("/"))
    if parts.query or not path or path == ":memory:":
        raise InvalidOption(f"Database({url!r}): expected a file, such as {_FORMS}.")
    return Path(path)


def _connect(url: str, path: Path | None, wait_s: float, idle_s: float) -> Connection:
    if path is not None:
        from podium.tools.sql.sqlite import SqliteConnection

        return SqliteConnection(path, wait_s)
    from podium.tools.sql.postgres import PostgresConnection

    return PostgresConnection(_resolved(url), wait_s, idle_s)


def _resolved(url: str) -> str:
    """Return a URL with the values of its secrets; one within it is escaped, a whole one is not."""
    if REFERENCE.fullmatch(url):
        return secret(url)
    return REFERENCE.sub(lambda found: quote(secret(found[0]), safe=""), url)

"""Connections and transactions. Every statement of bot.store runs inside `Database.write()` or `Database.read()`.

SQLite: WAL, synchronous FULL, one writer at a time, BEGIN IMMEDIATE; a deferred transaction that reads first and then
writes fails at once when another writer was faster, whatever the busy timeout says.
PostgreSQL: an ordinary pool; writers READ COMMITTED, readers see one snapshot.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from time import monotonic

from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.errors import StoreUnavailable
from bot.store.faults import translated
from bot.store.postgresql import postgresql_engine
from bot.store.sqlite import BUSY_TIMEOUT_MS, sqlite_engine
from bot.store.turnstile import Turnstile

TRANSACTION_LIMIT_S = 5.0
"""A PostgreSQL transaction that takes longer is given up: the server, or the way to it, hangs without closing."""


def async_url(url: str) -> str:
    """The SQLAlchemy URL with our async driver, from the plain forms `sqlite:///file` and `postgresql://…`."""
    parsed = make_url(url)
    match parsed.get_backend_name():
        case "sqlite":
            return parsed.set(drivername="sqlite+aiosqlite").render_as_string(hide_password=False)
        case "postgresql" | "postgres":
            return parsed.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
        case other:
            raise ValueError(f"database {other!r} is not supported: use sqlite:///FILE or postgresql://…")


_AFTER = "kajitori.after_commit"


def after_commit(connection: AsyncConnection, call: Callable[[], None]) -> None:
    """Have `call` run once the transaction of `Database.write` is committed; never when it is rolled back."""
    connection.info.setdefault(_AFTER, []).append(call)


Connection = AsyncConnection
"""What `write` and `read` give, for the signatures of those who hand it on: SQLAlchemy's name stays in bot.store."""


class Database:
    """One database. Hand it to every store function's caller; close it at the end.

    `patience_s`: how long a writer waits for its turn and for the lock of SQLite's file.
    """

    def __init__(self, url: str, *, patience_s: float = BUSY_TIMEOUT_MS / 1000) -> None:
        self.url = async_url(url)
        """With the password: never to be shown. `name` may be."""
        parsed = make_url(self.url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.is_memory = self.is_sqlite and parsed.database in (None, "", ":memory:")
        self.name = (
            str(parsed.database or ":memory:") if self.is_sqlite else f"PostgreSQL at {parsed.host or 'localhost'}"
        )
        self._turnstile = Turnstile()
        self._longest_ms = round(patience_s * 1000)
        self._patience_ms = self._longest_ms
        """Of the SQLite writer whose turn it is."""
        if self.is_sqlite:
            self._writer = sqlite_engine(self.url, begin=self._begin_write, size=1, shared=self.is_memory)
            self._reader = (
                self._writer if self.is_memory else sqlite_engine(self.url, begin=lambda: "BEGIN", size=4, shared=False)
            )
        else:
            self._writer = postgresql_engine(self.url)
            self._reader = self._writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    def _begin_write(self) -> str:
        return f"PRAGMA busy_timeout = {self._patience_ms};BEGIN IMMEDIATE"

    @asynccontextmanager
    async def write(
        self, *, limit_s: float = TRANSACTION_LIMIT_S, urgent: bool = False
    ) -> AsyncIterator[AsyncConnection]:
        """A transaction that may write; committed at the end, rolled back on any exception.

        `urgent`: Slack waits for it, so on SQLite it goes before our other writers.

        Raises StoreUnavailable when the database is locked, full, away or broken: on SQLite then nothing was changed;
        on PostgreSQL nobody knows when the connection broke during the commit, so what is written must be repeatable.
        A lock held by others is waited for `patience_s`, the wait for our own writers included; `limit_s` counts on
        PostgreSQL.
        """
        async with self._transaction(self._writer, limit_s, urgent) as connection:
            yield connection

    @asynccontextmanager
    async def read(self, *, limit_s: float = TRANSACTION_LIMIT_S) -> AsyncIterator[AsyncConnection]:
        """A snapshot for reading. Raises StoreUnavailable like `write`. `limit_s` counts on PostgreSQL."""
        async with self._transaction(self._reader, limit_s) as connection:
            yield connection

    @asynccontextmanager
    async def _transaction(
        self, engine: AsyncEngine, limit_s: float, urgent: bool = False
    ) -> AsyncIterator[AsyncConnection]:
        limit = asyncio.timeout(None if self.is_sqlite else limit_s)  # SQLite's own waits all end by themselves
        turn = self._writers_turn(urgent) if self.is_sqlite and engine is self._writer else nullcontext()
        try:
            async with turn, limit, engine.begin() as connection:
                connection.info.pop(_AFTER, None)  # of a transaction that was rolled back
                yield connection
                calls: Sequence[Callable[[], None]] = connection.info.pop(_AFTER, ())
            for call in calls:
                call()
        except TimeoutError as error:
            if limit.expired():
                raise StoreUnavailable(f"{self.name} did not answer within {limit_s:g} s") from error
            raise
        except (DBAPIError, PoolTimeout) as error:
            ours = translated(error, self.name)
            if ours is not None:
                raise ours from error
            raise

    @asynccontextmanager
    async def _writers_turn(self, urgent: bool) -> AsyncIterator[None]:
        """SQLite: our writers queue here in order, one at a time, instead of polling for the file's lock."""
        patience_ms = self._longest_ms
        if self._turnstile.taken():
            began = monotonic()
            try:
                async with asyncio.timeout(self._longest_ms / 1000):
                    await self._turnstile.acquire(urgent=urgent)
            except TimeoutError:
                raise StoreUnavailable(f"{self.name} is locked: writers before this one got no answer") from None
            patience_ms = max(1, self._longest_ms - round((monotonic() - began) * 1000 / 50) * 50)
        else:
            await self._turnstile.acquire(urgent=urgent)
        try:
            self._patience_ms = patience_ms
            yield
        finally:
            self._turnstile.release()

    async def close(self) -> None:
        """Give all connections back. Idempotent."""
        await self._writer.dispose()
        if self._reader is not self._writer:
            await self._reader.dispose()

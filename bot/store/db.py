"""Connections and transactions. Every statement of bot.store runs inside `Database.write()` or `Database.read()`.

SQLite: WAL, synchronous FULL, one writer at a time, BEGIN IMMEDIATE; a deferred transaction that reads first and then
writes fails at once when another writer was faster, whatever the busy timeout says.
PostgreSQL: an ordinary pool, READ COMMITTED.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, StaticPool

from bot.errors import StoreUnavailable

BUSY_TIMEOUT_MS = 800
"""How long SQLite waits for another process's write lock: below the 1 s that the ack path allows itself."""


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


class Database:
    """One database. Hand it to every store function's caller; close it at the end."""

    def __init__(self, url: str) -> None:
        self.url = async_url(url)
        self.is_sqlite = self.url.startswith("sqlite")
        self._writer_free = asyncio.Lock()
        if self.is_sqlite:
            memory = make_url(self.url).database in (None, "", ":memory:")
            self._writer = self._sqlite_engine("BEGIN IMMEDIATE", size=1, shared=memory)
            self._reader = self._writer if memory else self._sqlite_engine("BEGIN", size=4, shared=False)
        else:
            # hide_parameters: payloads hold response URLs and people's words; they do not belong in error texts
            self._writer = create_async_engine(
                self.url, pool_size=8, max_overflow=8, pool_timeout=2, pool_pre_ping=True, hide_parameters=True
            )
            self._reader = self._writer

    def _sqlite_engine(self, begin: str, *, size: int, shared: bool) -> AsyncEngine:
        pool: dict[str, Any] = (
            {"poolclass": StaticPool}
            if shared
            else {"poolclass": AsyncAdaptedQueuePool, "pool_size": size, "max_overflow": 0, "pool_timeout": 2}
        )
        engine = create_async_engine(self.url, hide_parameters=True, **pool)

        @event.listens_for(engine.sync_engine, "connect")
        def prepare(connection: Any, _record: Any) -> None:
            connection.isolation_level = None  # we begin transactions ourselves
            cursor = connection.cursor()
            cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = FULL")
            cursor.close()

        @event.listens_for(engine.sync_engine, "begin")
        def start(connection: Any) -> None:
            connection.exec_driver_sql(begin)

        return engine

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that may write; committed at the end, rolled back on any exception.

        Raises StoreUnavailable when the database is locked, full, away or broken.
        """
        try:
            if self.is_sqlite:
                async with self._writer_free, self._writer.begin() as connection:
                    yield connection
            else:
                async with self._writer.begin() as connection:
                    yield connection
        except (OperationalError, PoolTimeout) as error:
            raise StoreUnavailable(_plain(error)) from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise StoreUnavailable(_plain(error)) from error
            raise

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A snapshot for reading. Raises StoreUnavailable like `write`."""
        try:
            async with self._reader.begin() as connection:
                yield connection
        except (OperationalError, PoolTimeout) as error:
            raise StoreUnavailable(_plain(error)) from error

    async def close(self) -> None:
        """Give all connections back. Idempotent."""
        await self._writer.dispose()
        if self._reader is not self._writer:
            await self._reader.dispose()


def _plain(error: Exception) -> str:
    original = getattr(error, "orig", None)
    return str(original or error).splitlines()[0]

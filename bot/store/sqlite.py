"""SQLite connections that cross to their thread once per statement. Used by bot.store.db alone.

SQLAlchemy's adapter for aiosqlite crosses for each cursor call (open, execute, fetch, close), and each crossing wakes
two threads: a write of one row cost 0.9 ms, of which SQLite itself took 0.2. Here a statement is one crossing, BEGIN
rides with the first statement, and a commit or rollback without a statement before it costs nothing, nor does the end
of a transaction that only reads.
"""

import sqlite3
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

import aiosqlite
from sqlalchemy import event
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection, AsyncAdapt_aiosqlite_dbapi
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, StaticPool
from sqlalchemy.util import await_only

BUSY_TIMEOUT_MS = 800
"""How long SQLite waits for another process's write lock: below the 1 s that the ack path allows itself."""
WAL_KEPT_BYTES = 32 * 1024 * 1024
"""The write-ahead log shrinks back to this after a burst; SQLite would keep its largest size for ever."""


def sqlite_engine(url: str, *, begin: Callable[[], str], size: int, shared: bool) -> AsyncEngine:
    """An engine for a SQLite file. `begin` gives the statements that open a transaction, asked at each.

    `shared`: an in-memory database, which lives in its single connection.
    """
    pool: dict[str, Any] = (
        {"poolclass": StaticPool}
        if shared
        else {"poolclass": AsyncAdaptedQueuePool, "pool_size": size, "max_overflow": 0, "pool_timeout": 2}
    )
    engine = create_async_engine(url, hide_parameters=True, module=_Driver(aiosqlite, sqlite3), **pool)

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we begin transactions ourselves
        connection.run_script(
            f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS};"
            "PRAGMA journal_mode = WAL;"
            "PRAGMA synchronous = FULL;"
            f"PRAGMA journal_size_limit = {WAL_KEPT_BYTES};"
        )

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Any) -> None:
        connection.connection.dbapi_connection.begin_with(begin())

    return engine


class _Cursor:
    """A finished statement, as SQLAlchemy reads it: its rows, and what sqlite3 said about them."""

    __slots__ = ("_connection", "_rows", "arraysize", "description", "lastrowid", "rowcount")

    def __init__(self, connection: "_Connection") -> None:
        self._connection = connection
        self._rows: deque[Any] = deque()
        self.arraysize = 1
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    def execute(self, operation: str, parameters: Any = ()) -> None:
        self._keep(self._connection.cross(lambda raw: raw.execute(operation, () if parameters is None else parameters)))

    def executemany(self, operation: str, seq_of_parameters: Any) -> None:
        self._keep(self._connection.cross(lambda raw: raw.executemany(operation, seq_of_parameters)))

    def _keep(self, ran: "_Ran") -> None:
        self.description, self.rowcount, self.lastrowid = ran.description, ran.rowcount, ran.lastrowid
        self._rows = deque(ran.rows)

    def fetchone(self) -> Any:
        return self._rows.popleft() if self._rows else None

    def fetchmany(self, size: int | None = None) -> list[Any]:
        return [self._rows.popleft() for _ in range(min(size or self.arraysize, len(self._rows)))]

    def fetchall(self) -> list[Any]:
        rows = list(self._rows)
        self._rows.clear()
        return rows

    async def _async_soft_close(self) -> None:
        """Asked for by SQLAlchemy; nothing stays open."""

    def close(self) -> None:
        self._rows.clear()


class _Ran(NamedTuple):
    description: Any
    rowcount: int
    lastrowid: int | None
    rows: list[Any]


class _Connection(AsyncAdapt_aiosqlite_connection):
    """A connection whose statements are one crossing each."""

    __slots__ = ("_answered", "_begin", "_only_reads", "_used")

    _connection: Any

    def __init__(self, dbapi: Any, connection: Any) -> None:
        super().__init__(dbapi, connection)
        self._begin = ""
        self._only_reads = False
        self._answered = False
        """The last statement's reply has come: nothing of this connection is in the thread."""
        self._used = False
        """A statement went to the thread since the last commit or rollback, also one whose reply never came."""

    def cursor(self, server_side: bool = False) -> Any:
        """A cursor; `server_side` makes no difference: our own code reads long tables in pages."""
        return _Cursor(self)

    def begin_with(self, script: str) -> None:
        """Open the next transaction with these statements, together with its first own one."""
        self._begin = script
        self._only_reads = "IMMEDIATE" not in script

    def run_script(self, script: str) -> None:
        self._send(lambda raw: raw.executescript(script).close())

    def cross(self, call: Callable[[sqlite3.Connection], sqlite3.Cursor]) -> _Ran:
        """Run a statement to its end in the connection's thread."""
        begin, self._begin, self._used, self._answered = self._begin, "", True, False

        def run(raw: sqlite3.Connection) -> _Ran:
            for statement in filter(None, begin.split(";")):
                raw.execute(statement)
            cursor = call(raw)
            rows = cursor.fetchall() if cursor.description else []
            # sqlite3 knows the row count of INSERT … RETURNING only after its rows were fetched
            ran = _Ran(cursor.description, cursor.rowcount, cursor.lastrowid, rows)
            cursor.close()
            return ran

        ran: _Ran = self._send(run)
        self._answered = True
        return ran

    def commit(self) -> None:
        self._end(sqlite3.Connection.commit)

    def rollback(self) -> None:
        self._end(sqlite3.Connection.rollback)

    def _end(self, end: Callable[[sqlite3.Connection], None]) -> None:
        self._begin = ""
        if not self._used:
            return
        if self._answered and self._only_reads:
            # Letting go of a snapshot waits for nobody and nothing.
            await_only(_at_once(end, self._connection._conn))
        else:
            self._send(end)
        self._used = False

    def _send(self, call: Callable[[sqlite3.Connection], Any]) -> Any:
        connection = self._connection
        try:
            return await_only(connection._execute(lambda: call(connection._conn)))
        except ValueError as error:  # how aiosqlite says that the connection is closed
            self._handle_exception(error)


async def _at_once(call: Callable[[sqlite3.Connection], None], raw: sqlite3.Connection) -> None:
    """A coroutine because SQLAlchemy insists on awaiting; it never gives way."""
    call(raw)


class _Driver(AsyncAdapt_aiosqlite_dbapi):
    """SQLAlchemy's adapter of aiosqlite, with our connections."""

    def connect(self, *args: Any, **kwargs: Any) -> _Connection:
        connection = self.aiosqlite.connect(*args, **kwargs)
        connection._thread.daemon = True  # a stuck disk must not keep the process from ending
        return _Connection(self, await_only(connection))

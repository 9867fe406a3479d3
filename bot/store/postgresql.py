"""PostgreSQL connections that give up at once when they are told to. Used by bot.store.db alone.

A cancelled psycopg query first asks the server to stop it and waits up to 5 s twice for the answer. A server that hangs
gives none, so that every timeout above would be 5 s longer than it says, beyond Slack's 3 s. Here it just hangs up; the
server rolls back, and SQLAlchemy would not have used the connection again either.

psycopg is an extra, so nothing here imports it: SQLAlchemy does, for a PostgreSQL URL.
"""

from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

CONNECT_TIMEOUT_S = 2
"""For a new connection; the smallest that libpq knows."""
CONNECTIONS = 16
"""At most, of one process: half of them stay open."""


def postgresql_engine(url: str) -> AsyncEngine:
    """An engine for a PostgreSQL server. Connections are tried before they are lent out."""
    engine = create_async_engine(
        url,
        pool_size=CONNECTIONS // 2,
        max_overflow=CONNECTIONS - CONNECTIONS // 2,
        pool_timeout=2,
        pool_pre_ping=True,
        # payloads hold response URLs and people's words; they do not belong in error texts
        hide_parameters=True,
        # prepared statements are lost behind poolers that lend connections by transaction
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "prepare_threshold": None},
    )
    prompt = _prompt(engine.dialect.dbapi)

    @event.listens_for(engine.sync_engine, "do_connect")
    def connect_promptly(_dialect: Any, _record: Any, _args: Any, named: dict[str, Any]) -> None:
        named["async_creator_fn"] = prompt.connect

    return engine


def _prompt(driver: Any) -> Any:
    class PromptConnection(driver.psycopg.AsyncConnection):  # type: ignore[misc]  # an extra: unknown to the checker
        """A connection that hangs up instead of asking the server to cancel."""

        async def _try_cancel(self, *, timeout: float = 0) -> None:
            self.pgconn.finish()

    return PromptConnection

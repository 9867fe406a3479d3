"""The migration's own process: `python -m bot.store.migrations`, with the database's URL on standard input.

Started by bot.store.migrate. The URL holds a password, which everyone could read among the arguments.
"""

import sys
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError

from bot.store.revision import MIGRATION_LOCK, WAIT_FOR_OTHERS_S


def main() -> int:
    """Migrate to the newest revision in one transaction; 0, or 1 with the reason on standard error."""
    engine = sync_engine(sys.stdin.readline().strip())
    try:
        with engine.begin() as connection:
            upgrade(connection)
    except DBAPIError as error:
        print(str(error.orig).splitlines()[0], file=sys.stderr)
        return 1
    finally:
        engine.dispose()
    return 0


def upgrade(connection: Connection) -> None:
    """Bring the connection's database to the newest revision, within its transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def sync_engine(url: str) -> Engine:
    """An engine for our URL without asyncio; on SQLite its transactions hold the write lock from their start."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed.set(drivername="postgresql+psycopg"))
    engine = create_engine(parsed.set(drivername="sqlite+pysqlite"))

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we begin transactions ourselves: sqlite3 would leave DDL outside
        connection.execute(f"PRAGMA busy_timeout = {WAIT_FOR_OTHERS_S * 1000}")
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


if __name__ == "__main__":
    sys.exit(main())

"""What SQLite and PostgreSQL spell differently in statements. Used within bot.store."""

from typing import Any

from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection


def insert_into(connection: AsyncConnection, table: Any) -> Any:
    """An INSERT of the connection's dialect, for its ON CONFLICT clause."""
    return insert_for(connection.dialect.name, table)


def insert_for(dialect: str, table: Any) -> Any:
    """`insert_into` by the dialect's name, for statements that are made once and kept."""
    return (sqlite_insert if dialect == "sqlite" else pg_insert)(table)

"""The audit trail without its guards, as somebody has it who owns the tables: for tests of what is found afterwards."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


async def take_guards_off(connection: AsyncConnection) -> None:
    """SQLite: drop the triggers. PostgreSQL: no triggers until the end of the transaction, as a superuser may."""
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        return
    found = await connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
    for name in found.scalars().all():
        await connection.execute(text(f"DROP TRIGGER {name}"))

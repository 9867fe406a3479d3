"""One plain row in and the number of rows out: the shortest way to see whether a database works."""

from datetime import UTC, datetime

from bot.store import inbox
from bot.store.db import Database
from bot.store.inbox import Arrival

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


async def keep(database: Database, key: str, *, size: int = 1) -> None:
    async with database.write() as connection:
        await inbox.add(connection, [Arrival("slash", key, {"text": "x" * size}, NOW)])


async def count_rows(database: Database) -> int:
    async with database.read() as connection:
        return await inbox.waiting(connection)

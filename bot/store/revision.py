"""Which revision of the tables a database holds, read without Alembic. Used by bot.store.migrate and its process."""

from dataclasses import dataclass

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, inspect, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.db import Database
from bot.store.tables import metadata

KNOWN = ("0001", "0002", "0003", "0004", "0005", "0006")
"""Every revision this program can start from, oldest first: the `revision` of each file in migrations/versions."""
HEAD = KNOWN[-1]
MIGRATION_LOCK = 0x6B616A69746F7269
"""Key of PostgreSQL's advisory lock that a migration holds: "kajitori" in ASCII."""
WAIT_FOR_OTHERS_S = 120
"""How long a migration waits for another process's: it may be copying a large table."""

version_table = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""As Alembic makes it."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a database holds."""

    revision: str | None
    is_versioned: bool
    """It has the table that names the revision, if only an empty one."""
    has_tables: bool
    """Some of our tables are there."""

    @property
    def is_empty(self) -> bool:
        return not self.is_versioned and not self.has_tables


async def found_in(connection: AsyncConnection) -> Found:
    """Look at a database's tables and the revision it names."""
    names = await connection.run_sync(_table_names)
    revision: str | None = None
    if version_table.name in names:
        revision = (await connection.execute(select(version_table.c.version_num))).scalar_one_or_none()
    return Found(revision, version_table.name in names, not names.isdisjoint(metadata.tables))


async def revision(database: Database) -> str | None:
    """The revision of the database's tables; None when it holds none yet."""
    async with database.read() as connection:
        return (await found_in(connection)).revision


def _table_names(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())

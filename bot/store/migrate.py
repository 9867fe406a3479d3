"""Bringing a database to this program's revision at the start. Called by `kajitori run` and `kajitori migrate`.

Alembic costs 0.3 s and 13 MB to import, and a start almost always finds nothing to migrate. So this module asks the
database by itself, makes the tables of a new one from tables.py (the tests hold them equal to the migrations' outcome),
and only for an older one runs Alembic, in a process that ends with its memory.
"""

import asyncio
import sys
import time
from pathlib import Path

from sqlalchemy import text

from bot.errors import StoreUnavailable
from bot.store import guards
from bot.store.db import Database
from bot.store.faults import SchemaUnknown, corrupt
from bot.store.revision import HEAD, KNOWN, MIGRATION_LOCK, WAIT_FOR_OTHERS_S, Found, found_in, revision, version_table
from bot.store.tables import metadata

__all__ = ["migrate", "revision"]

ASK_AGAIN_S = 0.2
MIGRATION_LIMIT_S = WAIT_FOR_OTHERS_S + 480
"""A migration that takes longer is stopped; its transaction leaves everything as it was."""


async def migrate(database: Database) -> None:
    """Bring the database to HEAD; idempotent, and of several that start together one does the work.

    Raises SchemaUnknown for tables of a newer program or of another one, StoreCorrupt for a damaged file, and
    StoreUnavailable otherwise. Nothing is changed then.
    """
    deadline_s = time.monotonic() + WAIT_FOR_OTHERS_S
    while True:
        try:
            return await _migrate(database)
        except StoreUnavailable as error:
            # Another process that makes the tables holds SQLite's lock longer than a writer of rows may.
            if "locked" not in str(error) or time.monotonic() > deadline_s:
                raise
            await asyncio.sleep(ASK_AGAIN_S)


async def _migrate(database: Database) -> None:
    await _check_file(database)
    async with database.read() as connection:
        found = await found_in(connection)
    if found.is_empty:
        await _create(database)
        return
    if _is_current(found, database):
        return
    await _upgrade(database)
    async with database.read() as connection:
        if not _is_current(await found_in(connection), database):
            raise StoreUnavailable(f"{database.name}: the migration ended without an error and without effect")


def _is_current(found: Found, database: Database) -> bool:
    """False when an upgrade is needed; raises when there is none."""
    if found.revision == HEAD:
        return True
    if found.revision is None and found.has_tables:
        raise SchemaUnknown(
            f"{database.name} holds tables of ours but no revision (this program's is {HEAD}): "
            "somebody made them by hand. Start with an empty database, or restore a backup."
        )
    if found.revision is not None and found.revision not in KNOWN:
        raise SchemaUnknown(
            f"{database.name} holds revision {found.revision}, which this program does not know; its own is {HEAD}. "
            "A newer Kajitori has migrated it: run that one, or restore the backup made before."
        )
    return False


async def _check_file(database: Database) -> None:
    """Refuse a damaged SQLite file before anything writes to it: 3 ms per MB, and 20,000 releases take 25 MB."""
    if not database.is_sqlite or database.is_memory:
        return
    folder = Path(database.name).parent
    if not folder.is_dir():
        raise StoreUnavailable(f"{database.name}: there is no folder {folder}")
    async with database.read() as connection:
        complaint = (await connection.execute(text("PRAGMA quick_check(1)"))).scalar_one()
    if complaint != "ok":
        raise corrupt(database.name, str(complaint).splitlines()[-1])


async def _create(database: Database) -> None:
    async with database.write() as connection:
        if not database.is_sqlite:  # SQLite's writers exclude each other already
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        if not (await found_in(connection)).is_empty:
            return  # another process was faster
        await connection.run_sync(metadata.create_all)
        await connection.run_sync(guards.install)
        await connection.run_sync(version_table.create)
        await connection.execute(version_table.insert().values(version_num=HEAD))


async def _upgrade(database: Database) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot.store.migrations"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(MIGRATION_LIMIT_S):
            _, said = await process.communicate(f"{database.url}\n".encode())
    except TimeoutError:
        raise StoreUnavailable(
            f"{database.name}: the migration took over {MIGRATION_LIMIT_S} s and was stopped"
        ) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        why = (said.decode(errors="replace").strip().splitlines() or ["no reason given"])[-1]
        raise StoreUnavailable(f"{database.name} could not be migrated: {why}")

"""At the start a database is made, brought up to date, or refused with the reason; never quietly replaced."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

import bot.store.migrations
from bot.errors import StoreUnavailable
from bot.store import guards
from bot.store.audit import append, verify
from bot.store.db import Database
from bot.store.faults import SchemaUnknown, StoreCorrupt
from bot.store.migrate import migrate, revision
from bot.store.migrations.__main__ import sync_engine, upgrade
from bot.store.revision import HEAD, KNOWN, version_table
from bot.store.tables import metadata
from tests.store.test_audit import ENTRY

MIGRATIONS = Path(bot.store.migrations.__file__).parent


@pytest.fixture
async def empty(new_url: str) -> AsyncIterator[Database]:
    """A database without tables, on each kind of database."""
    opened = Database(new_url)
    yield opened
    await opened.close()


def differences(connection: Connection) -> object:
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "include_name": lambda name, kind, _: name != version_table.name}
    )
    return compare_metadata(context, metadata)


def test_the_migrations_make_exactly_the_tables_that_the_program_uses(new_url: str) -> None:
    engine = sync_engine(new_url)
    with engine.begin() as connection:
        upgrade(connection)
    with engine.begin() as connection:
        assert differences(connection) == []
        if connection.dialect.name == "sqlite":  # Alembic does not compare primary keys, SQLite's text tells them
            migrated = schema_sql(connection)
            metadata.drop_all(connection)
            metadata.create_all(connection)
            guards.install(connection)
            assert schema_sql(connection) == migrated
        else:
            names = connection.execute(text("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")).scalars()
            made = re.findall(r"CREATE TRIGGER (\w+)", " ".join(guards.GUARDS["postgresql"]))
            assert sorted(names) == sorted(made)
    engine.dispose()


def schema_sql(connection: Connection) -> dict[str, str]:
    statement = text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'alembic_version'")
    return {
        name: " ".join(sorted(sql.replace(", \n", "\n").split("\n"))) for name, sql in connection.execute(statement)
    }


def test_a_difference_between_tables_and_migrations_would_be_seen(new_url: str) -> None:
    engine = sync_engine(new_url)
    with engine.begin() as connection:
        upgrade(connection)
        connection.execute(text("ALTER TABLE locks ADD COLUMN mood TEXT"))
        connection.execute(text("DROP INDEX ix_releases_phase"))
    with engine.begin() as connection:
        assert len(differences(connection)) == 2  # type: ignore[arg-type]
    engine.dispose()


def test_every_migration_is_known_by_name_and_in_order() -> None:
    script = ScriptDirectory(str(MIGRATIONS))
    assert tuple(each.revision for each in reversed(list(script.walk_revisions()))) == KNOWN


async def test_a_new_database_gets_all_tables(empty: Database) -> None:
    assert await revision(empty) is None
    await migrate(empty)
    assert await revision(empty) == HEAD
    async with empty.write() as connection:
        assert await connection.run_sync(differences) == []
        await append(connection, ENTRY)


async def test_migrating_again_changes_nothing(empty: Database) -> None:
    await migrate(empty)
    async with empty.write() as connection:
        await append(connection, ENTRY)
    await migrate(empty)
    async with empty.read() as connection:
        assert await verify(connection) == (1, None)


async def test_several_that_start_together_on_a_new_database_make_it_once(empty: Database) -> None:
    others = [Database(empty.url) for _ in range(5)]
    try:
        await asyncio.gather(*(migrate(each) for each in (empty, *others)))
        assert await revision(empty) == HEAD
    finally:
        await asyncio.gather(*(each.close() for each in others))


async def test_several_that_start_together_on_an_older_database_migrate_it_once(empty: Database) -> None:
    await make_older(empty)
    other = Database(empty.url)
    try:
        await asyncio.gather(migrate(empty), migrate(other))
    finally:
        await other.close()
    assert await revision(empty) == HEAD
    async with empty.write() as connection:
        assert await connection.run_sync(differences) == []


async def make_older(database: Database) -> None:
    """Before the first revision: Alembic was here, and nothing else."""
    async with database.write() as connection:
        await connection.run_sync(version_table.create)


async def test_a_migration_that_fails_says_why_and_changes_nothing(empty: Database) -> None:
    await make_older(empty)
    async with empty.write() as connection:
        # somebody's view stands where a table must go
        await connection.execute(text("CREATE VIEW outbox AS SELECT 1 AS id"))
    with pytest.raises(StoreUnavailable, match=r"could not be migrated: .*outbox.* already"):
        await migrate(empty)
    assert await revision(empty) is None
    async with empty.write() as connection:
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert names == [version_table.name], "all or nothing"


async def test_a_newer_database_is_refused_with_both_revisions_named(empty: Database) -> None:
    await migrate(empty)
    async with empty.write() as connection:
        await connection.execute(version_table.update().values(version_num="9999"))
    with pytest.raises(SchemaUnknown, match=rf"holds revision 9999.* its own is {HEAD}"):
        await migrate(empty)
    assert await revision(empty) == "9999"


async def test_tables_without_a_revision_are_refused(empty: Database) -> None:
    async with empty.write() as connection:
        await connection.run_sync(metadata.create_all)
    with pytest.raises(SchemaUnknown, match=f"no revision .*{HEAD}"):
        await migrate(empty)


async def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "kajitori.db"
    path.write_bytes(b"These are minutes of a meeting.\n" * 300)
    before = path.read_bytes()
    await refuses(path, StoreCorrupt, r"kajitori\.db is damaged: file is not a database.*restore the newest backup")
    assert path.read_bytes() == before


async def test_a_file_with_damaged_pages_is_refused_and_left_as_it_is(tmp_path: Path, migrated_file: Path) -> None:
    path = tmp_path / "kajitori.db"
    pages = bytearray(migrated_file.read_bytes())
    pages[4096 * 3 : 4096 * 3 + 64] = b"\xa5" * 64
    path.write_bytes(pages)
    await refuses(path, StoreCorrupt, r"kajitori\.db is damaged: .*restore the newest backup")
    assert path.read_bytes() == bytes(pages)


async def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, migrated_file: Path) -> None:
    path = tmp_path / "kajitori.db"
    path.write_bytes(migrated_file.read_bytes()[: 4096 * 4])
    await refuses(path, StoreCorrupt, "damaged")


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    await refuses(tmp_path / "typo" / "kajitori.db", StoreUnavailable, "there is no folder .*typo")


async def refuses(path: Path, error: type[Exception], words: str) -> None:
    database = Database(f"sqlite:///{path}")
    try:
        with pytest.raises(error, match=f"(?s){words}"):
            await migrate(database)
    finally:
        await database.close()


async def test_a_start_on_a_database_that_is_up_to_date_never_imports_alembic(sqlite_url: str) -> None:
    program = (
        "import asyncio, sys\n"
        "from bot.store.db import Database\n"
        "from bot.store.migrate import migrate, revision\n"
        "async def main():\n"
        "    database = Database(sys.stdin.readline().strip())\n"
        "    await migrate(database)\n"
        "    print(await revision(database), 'alembic' in sys.modules)\n"
        "    await database.close()\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(120):
        said, _ = await process.communicate(sqlite_url.encode())
    assert said.decode().split() == [HEAD, "False"]

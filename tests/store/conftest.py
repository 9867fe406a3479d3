"""The two databases of the store's suite: a SQLite file per test, and a PostgreSQL server per worker."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import psycopg
import pytest

from bot.store.db import Database
from bot.store.migrate import migrate
from bot.store.tables import metadata
from tests.postgres import NoServer, running_server
from tests.store.unguarded import take_guards_off

BOTH = ("sqlite", pytest.param("postgresql", marks=pytest.mark.postgres))
PATIENCE_S = 60.0
"""Where a crowd writes at once: a slow disk syncs for each of them, one after the other."""
_numbers = count()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a server's own database; tests make theirs beside it."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(running_server())
        except NoServer as error:
            pytest.skip(str(error))
        yield url


@pytest.fixture
def new_postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of a database without tables."""
    name = f"empty_{next(_numbers)}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield postgres_server.replace("/postgres?", f"/{name}?")
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=BOTH)
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a database without tables, on each kind of database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'kajitori.db'}"
    return str(request.getfixturevalue("new_postgres_url"))


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy: making one syncs to the disk for each table."""
    path = tmp_path_factory.mktemp("store") / "kajitori.db"

    async def make() -> None:
        opened = Database(f"sqlite:///{path}")
        await migrate(opened)
        await opened.close()

    asyncio.run(make())
    return path


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    """URL of a migrated SQLite file without rows."""
    return f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'kajitori.db')}"


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest) -> str:
    """URL of the suite's database, on each kind of database."""
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_server"))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A migrated database without rows, on each kind of database."""
    opened = Database(database_url, patience_s=PATIENCE_S)
    try:
        if not opened.is_sqlite:
            await migrate(opened)
            # one database for all tests of a worker: a new one costs 40 ms, emptying it 5
            async with opened.write() as connection:
                await take_guards_off(connection)
                for table in metadata.sorted_tables:
                    await connection.execute(table.delete())
        yield opened
    finally:
        await opened.close()


@pytest.fixture
async def sqlite(sqlite_url: str) -> AsyncIterator[Database]:
    """A migrated SQLite file without rows, for what only SQLite does."""
    opened = Database(sqlite_url)
    yield opened
    await opened.close()

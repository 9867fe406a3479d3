"""The two databases of the store's suite: a SQLite file per test, and a PostgreSQL server per worker."""

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

BOTH = ("sqlite", pytest.param("postgresql", marks=pytest.mark.postgres))
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


@pytest.fixture(params=BOTH)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A migrated database without rows, on each kind of database."""
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'kajitori.db'}" if is_sqlite else request.getfixturevalue("postgres_server")
    opened = Database(url)
    try:
        await migrate(opened)
        if not is_sqlite:
            # one database for all tests of a worker: a new one costs 40 ms, emptying it 5
            async with opened.write() as connection:
                for table in metadata.sorted_tables:
                    await connection.execute(table.delete())
        yield opened
    finally:
        await opened.close()


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[Database]:
    """A migrated SQLite file, for what only SQLite does."""
    opened = Database(f"sqlite:///{tmp_path / 'kajitori.db'}")
    await migrate(opened)
    yield opened
    await opened.close()

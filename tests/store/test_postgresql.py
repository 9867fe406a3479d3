"""PostgreSQL alone: connections that are cut, servers that hang or are away."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator

import psycopg
import pytest
from sqlalchemy import text

from bot.errors import StoreUnavailable
from bot.store import inbox
from bot.store.db import Database
from bot.store.inbox import Arrival
from bot.store.migrate import migrate
from tests.store.rows import NOW, count_rows, keep

pytestmark = pytest.mark.postgres


@pytest.fixture
async def postgres(new_postgres_url: str) -> AsyncIterator[Database]:
    """A migrated PostgreSQL database, for what only PostgreSQL does."""
    opened = Database(new_postgres_url)
    await migrate(opened)
    yield opened
    await opened.close()


async def test_a_connection_cut_in_a_transaction_refuses_it_and_the_next_one_works(
    postgres: Database, postgres_server: str
) -> None:
    async def cut() -> None:
        async with postgres.write() as connection:
            await inbox.add(connection, [Arrival("slash", "lost", {}, NOW)])
            pid = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            with psycopg.connect(postgres_server, autocommit=True) as admin:
                admin.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
            await inbox.add(connection, [Arrival("slash", "lost too", {}, NOW)])

    with pytest.raises(StoreUnavailable):
        await cut()
    await keep(postgres, "next")
    async with postgres.write() as connection:
        assert [row.key for row in await inbox.claim(connection, now=NOW, limit=5)] == ["next"]


@pytest.mark.parametrize("moment", ["idle", "in a transaction"])
async def test_a_server_that_hangs_is_given_up_in_time_and_the_next_one_works(postgres: Database, moment: str) -> None:
    async with postgres.write() as connection:
        pid = int((await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one())

    async def hang() -> None:
        async with postgres.write(limit_s=0.3) as connection:
            if moment == "in a transaction":
                os.kill(pid, signal.SIGSTOP)
            await inbox.add(connection, [Arrival("slash", "lost", {}, NOW)])

    began = time.monotonic()
    try:
        if moment == "idle":
            os.kill(pid, signal.SIGSTOP)
        with pytest.raises(StoreUnavailable, match=r"did not answer within 0\.3 s"):
            await hang()
        assert time.monotonic() - began < 5, "psycopg's own way takes 5 s longer"
        await keep(postgres, "next")
        assert await count_rows(postgres) == 1
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_connections_cut_while_idle_are_not_noticed_by_anyone(postgres: Database, postgres_server: str) -> None:
    await asyncio.gather(*(keep(postgres, f"before {number}") for number in range(5)))
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname LIKE 'empty%' AND pid <> pg_backend_pid()"
        )
    await asyncio.gather(*(keep(postgres, f"after {number}") for number in range(5)))
    assert await count_rows(postgres) == 10


async def test_a_reader_on_postgresql_cannot_write(postgres: Database) -> None:
    async def write() -> None:
        async with postgres.read() as connection:
            await inbox.add(connection, [Arrival("slash", "a", {}, NOW)])

    with pytest.raises(Exception, match="read-only"):
        await write()


async def test_a_server_that_is_away_is_told_without_its_password() -> None:
    database = Database("postgresql://bot:s3cret@127.0.0.1:1/kajitori")
    with pytest.raises(StoreUnavailable) as refusal:
        await count_rows(database)
    await database.close()
    assert "127.0.0.1" in str(refusal.value)
    assert "s3cret" not in str(refusal.value)

"""Transactions: nothing lost, nothing half done, and a clear no in time when the database is locked, full or away."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import IntegrityError

from bot.errors import StoreUnavailable
from bot.store import inbox
from bot.store.db import Database, async_url
from bot.store.faults import StoreCorrupt
from bot.store.inbox import Arrival
from bot.store.migrate import migrate
from bot.store.tables import approvals, audit_head

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


async def count(database: Database) -> int:
    async with database.read() as connection:
        return int((await connection.execute(select(audit_head.c.seq))).scalar_one())


async def increment(database: Database) -> None:
    """Read, let others have a turn, write: loses updates wherever a transaction does not keep others out."""
    async with database.write() as connection:
        statement = select(audit_head.c.seq).with_for_update()
        seen = (await connection.execute(statement)).scalar_one()
        await asyncio.sleep(0)
        await connection.execute(update(audit_head).values(seq=seen + 1))


@pytest.fixture
async def counting(database: Database) -> Database:
    """A database with a number in it, at 0."""
    async with database.write() as connection:
        await connection.execute(insert(audit_head).values(id=1, seq=0, hash=""))
    return database


async def test_fifty_that_read_and_then_write_at_once_lose_nothing(counting: Database) -> None:
    await asyncio.gather(*(increment(counting) for _ in range(50)))
    assert await count(counting) == 50


async def test_two_programs_that_read_and_then_write_at_once_lose_nothing(counting: Database) -> None:
    other = Database(counting.url)
    await asyncio.gather(*(increment(database) for database in (counting, other) for _ in range(25)))
    await other.close()
    assert await count(counting) == 50


async def test_an_exception_undoes_the_whole_transaction(counting: Database) -> None:
    async def fail() -> None:
        async with counting.write() as connection:
            await connection.execute(update(audit_head).values(seq=7))
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await count(counting) == 0


async def test_a_cancelled_transaction_is_undone_and_leaves_the_way_free(counting: Database) -> None:
    reached = asyncio.Event()

    async def hang() -> None:
        async with counting.write() as connection:
            await connection.execute(update(audit_head).values(seq=7))
            reached.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    async with asyncio.timeout(10):
        await reached.wait()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        await increment(counting)
    assert await count(counting) == 1


async def test_transactions_cancelled_at_any_moment_leave_no_lock_and_no_half(counting: Database) -> None:
    done = 0
    for turns in range(0, 400, 7):
        task = asyncio.create_task(increment(counting))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=10)
        done += not task.cancelled()
        assert await count(counting) >= done
    before = await count(counting)
    async with asyncio.timeout(10):
        await increment(counting)
    assert await count(counting) == before + 1


async def test_a_reader_sees_one_moment_however_long_it_looks(counting: Database) -> None:
    async with counting.read() as connection:
        before = (await connection.execute(select(audit_head.c.seq))).scalar_one()
        await increment(counting)
        assert (await connection.execute(select(audit_head.c.seq))).scalar_one() == before
    assert await count(counting) == before + 1


async def test_a_mistake_in_a_statement_is_not_called_an_outage(counting: Database) -> None:
    async def again() -> None:
        async with counting.write() as connection:
            await connection.execute(insert(audit_head).values(id=1, seq=0, hash=""))

    with pytest.raises(IntegrityError):
        await again()


async def test_moments_come_back_in_utc_whatever_zone_they_were_given_in(database: Database) -> None:
    tokyo = timezone(timedelta(hours=9))
    given = datetime(2026, 11, 23, 18, 0, 0, 123_000, tokyo)
    async with database.write() as connection:
        await connection.execute(insert(approvals).values(release_id="1", user_id="U1", plan_hash="", at=given))
        at = (await connection.execute(select(approvals.c.at))).scalar_one()
        assert (at, at.tzinfo) == (given, UTC)
        assert (await connection.execute(select(approvals.c.user_id).where(approvals.c.at == given))).all()


async def test_a_moment_without_a_zone_is_refused(database: Database) -> None:
    naive = datetime(2026, 11, 23, 18, 0)  # noqa: DTZ001  # the mistake itself

    async def keep() -> None:
        async with database.write() as connection:
            await connection.execute(insert(approvals).values(release_id="1", user_id="U1", plan_hash="", at=naive))

    with pytest.raises(Exception, match="naive datetime"):
        await keep()


def test_the_plain_forms_of_a_url_name_our_drivers() -> None:
    assert async_url("sqlite:////var/lib/kajitori.db") == "sqlite+aiosqlite:////var/lib/kajitori.db"
    assert async_url("postgresql://bot:s3cret@db/kajitori") == "postgresql+psycopg://bot:s3cret@db/kajitori"
    assert async_url("postgres://db/kajitori") == "postgresql+psycopg://db/kajitori"
    with pytest.raises(ValueError, match="mysql"):
        async_url("mysql://db/kajitori")


async def test_a_database_in_memory_works_like_one_in_a_file() -> None:
    database = Database("sqlite:///:memory:")
    await migrate(database)
    async with database.write() as connection:
        await connection.execute(insert(audit_head).values(id=1, seq=0, hash=""))
    await asyncio.gather(*(increment(database) for _ in range(20)), *(count(database) for _ in range(20)))
    assert await count(database) == 20
    await database.close()


# SQLite alone


async def test_a_commit_is_in_the_file_and_synced_when_the_transaction_ends(sqlite: Database) -> None:
    async with sqlite.write() as connection:
        await inbox.add(connection, [Arrival("slash", "a", {}, NOW)])
        assert (await connection.exec_driver_sql("PRAGMA journal_mode")).scalar() == "wal"
        assert (await connection.exec_driver_sql("PRAGMA synchronous")).scalar() == 2, "FULL"
    with sqlite3.connect(sqlite.name) as other:
        assert other.execute("SELECT key FROM inbox").fetchall() == [("a",)]
    other.close()


async def test_another_process_holding_the_lock_costs_every_writer_at_most_a_second(sqlite: Database) -> None:
    await count_rows(sqlite)
    other = sqlite3.connect(sqlite.name, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        took = await asyncio.gather(*(refused_after_s(sqlite) for _ in range(10)))
        assert max(took) < 1.2  # 1 s, and 0.2 for a busy machine
        assert await count_rows(sqlite) == 0, "reading goes on"
    finally:
        other.execute("ROLLBACK")
        other.close()
    await keep(sqlite, "after")
    assert await count_rows(sqlite) == 1


async def test_a_lock_that_ends_in_time_is_waited_for(sqlite: Database) -> None:
    other = sqlite3.connect(sqlite.name, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(keep(sqlite, "patient"))
    await asyncio.sleep(0.2)  # the lock's length: what is tested, not a wait for things to settle
    assert not waiting.done()
    other.execute("COMMIT")
    other.close()
    await asyncio.wait_for(waiting, 5)
    assert await count_rows(sqlite) == 1


async def keep(database: Database, key: str, *, size: int = 1) -> None:
    async with database.write() as connection:
        await inbox.add(connection, [Arrival("slash", key, {"text": "x" * size}, NOW)])


async def count_rows(database: Database) -> int:
    async with database.read() as connection:
        return await inbox.waiting(connection)


async def refused_after_s(database: Database) -> float:
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match="locked"):
        await keep(database, "refused")
    return time.monotonic() - began


async def test_a_full_disk_refuses_what_does_not_fit_and_recovers_when_there_is_room(sqlite: Database) -> None:
    await keep(sqlite, "before")
    async with sqlite.write() as connection:
        pages = (await connection.execute(text("PRAGMA page_count"))).scalar_one()
        # the writer's only connection: SQLite answers "full" beyond this many pages, as on a full disk
        await connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
    for number in range(3):
        with pytest.raises(StoreUnavailable, match="full"):
            await keep(sqlite, f"large {number}", size=50_000)
    assert await count_rows(sqlite) == 1, "reading goes on, and nothing is half there"
    async with sqlite.write() as connection:
        await connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 1000}")
    await keep(sqlite, "large 0", size=50_000)
    assert await count_rows(sqlite) == 2


async def test_a_write_costs_two_crossings_to_the_thread(sqlite: Database) -> None:
    """BEGIN rides with the first statement; more would be felt in every acknowledgement."""
    async with sqlite.write() as connection:
        raw = await connection.get_raw_connection()
        driver: Any = raw.driver_connection
    crossings = 0
    put = driver._tx.put_nowait

    class Counting:
        get = driver._tx.get

        def put_nowait(self, item: object) -> None:
            nonlocal crossings
            crossings += 1
            put(item)

    driver._tx = Counting()
    await keep(sqlite, "a")
    assert crossings == 2
    crossings = 0
    async with sqlite.write():
        pass
    assert crossings == 0


def damage(path: Path) -> None:
    """Overwrite all but the first page, which says that it is a database."""
    pages = path.read_bytes()
    path.write_bytes(pages[:4096] + b"\xa5" * (len(pages) - 4096))


async def test_a_file_damaged_while_it_is_open_is_named_with_what_to_do(sqlite: Database) -> None:
    await keep(sqlite, "a")
    await sqlite.close()
    damage(Path(sqlite.name))
    with pytest.raises(StoreCorrupt, match=r"kajitori\.db is damaged.*restore the newest backup"):
        await count_rows(sqlite)


# PostgreSQL alone


@pytest.fixture
async def postgres(new_postgres_url: str) -> AsyncIterator[Database]:
    """A migrated PostgreSQL database, for what only PostgreSQL does."""
    opened = Database(new_postgres_url)
    await migrate(opened)
    yield opened
    await opened.close()


@pytest.mark.postgres
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


@pytest.mark.postgres
async def test_connections_cut_while_idle_are_not_noticed_by_anyone(postgres: Database, postgres_server: str) -> None:
    await asyncio.gather(*(keep(postgres, f"before {number}") for number in range(5)))
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname LIKE 'empty%' AND pid <> pg_backend_pid()"
        )
    await asyncio.gather(*(keep(postgres, f"after {number}") for number in range(5)))
    assert await count_rows(postgres) == 10


@pytest.mark.postgres
async def test_a_reader_on_postgresql_cannot_write(postgres: Database) -> None:
    async def write() -> None:
        async with postgres.read() as connection:
            await inbox.add(connection, [Arrival("slash", "a", {}, NOW)])

    with pytest.raises(Exception, match="read-only"):
        await write()


@pytest.mark.postgres
async def test_a_server_that_is_away_is_told_without_its_password() -> None:
    database = Database("postgresql://bot:s3cret@127.0.0.1:1/kajitori")
    with pytest.raises(StoreUnavailable) as refusal:
        await count_rows(database)
    await database.close()
    assert "127.0.0.1" in str(refusal.value)
    assert "s3cret" not in str(refusal.value)

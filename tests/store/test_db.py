"""Transactions: nothing lost, nothing half done, and moments that keep their meaning."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from bot.errors import StoreUnavailable
from bot.store.db import Database, async_url
from bot.store.migrate import migrate
from bot.store.tables import approvals, audit_head

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


async def count(database: Database) -> int:
    async with database.read() as connection:
        return int((await connection.execute(select(audit_head.c.seq))).scalar_one())


async def insist(database: Database) -> None:
    """Increment, however often the queue of a busy machine is too long for the patience of one try."""
    async with asyncio.timeout(60):
        while True:
            try:
                await increment(database)
            except StoreUnavailable:
                continue
            return


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
    await asyncio.gather(*(insist(counting) for _ in range(50)))
    assert await count(counting) == 50


async def test_two_programs_that_read_and_then_write_at_once_lose_nothing(counting: Database) -> None:
    other = Database(counting.url)
    await asyncio.gather(*(insist(database) for database in (counting, other) for _ in range(25)))
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
    async with asyncio.timeout(60):
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
        await asyncio.wait([task], timeout=60)
        done += not task.cancelled()
        assert await count(counting) >= done
    before = await count(counting)
    async with asyncio.timeout(60):
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

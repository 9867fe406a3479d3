"""What is forgotten after a week, and what never is."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.store import audit, inbox, outbox, releases, retention
from bot.store.audit import AuditPhase, Entry
from bot.store.db import Database
from bot.store.inbox import Arrival
from bot.store.outbox import Draft, OutboxKind, OutboxState
from bot.store.tables import inbox as inbox_table
from bot.store.tables import outbox as outbox_table
from tests.store.releases import release

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
OLD = NOW - retention.KEPT - timedelta(seconds=1)
YOUNG = NOW - retention.KEPT + timedelta(seconds=1)


async def sweep(database: Database) -> int:
    async with database.write() as connection:
        return await retention.sweep(connection, now=NOW)


async def arrive(database: Database, at: datetime, *keys: str, answered: bool) -> None:
    async with database.write() as connection:
        await inbox.add(connection, [Arrival("slash", key, {}, at, answered=answered) for key in keys])


async def say(database: Database, at: datetime, text: str, state: OutboxState) -> None:
    async with database.write() as connection:
        draft = Draft(OutboxKind.NOTE, "C1", {"text": text})
        await outbox.add(connection, draft, now=at)
        row = (await connection.execute(outbox_table.select().order_by(outbox_table.c.id.desc()))).mappings().first()
        assert row is not None
        await outbox.settle(connection, row["id"], state, error="")


async def left(database: Database) -> tuple[set[str], set[str]]:
    async with database.read() as connection:
        keys = (await connection.execute(inbox_table.select())).mappings().all()
        said = (await connection.execute(outbox_table.select())).mappings().all()
    return {row["key"] for row in keys}, {row["body"]["text"] for row in said}


async def test_requests_are_forgotten_a_week_after_they_were_done(database: Database) -> None:
    await arrive(database, OLD, "old", answered=True)
    await arrive(database, YOUNG, "young", answered=True)
    await arrive(database, OLD, "waiting", answered=False)
    assert await sweep(database) == 1
    assert await sweep(database) == 0
    assert (await left(database))[0] == {"young", "waiting"}


@pytest.mark.parametrize("state", OutboxState)
async def test_messages_are_forgotten_when_their_fate_is_known_and_a_week_old(
    database: Database, state: OutboxState
) -> None:
    await say(database, OLD, "old", state)
    await say(database, YOUNG, "young", state)
    await sweep(database)
    is_settled = state in (OutboxState.SENT, OutboxState.DEAD)
    assert (await left(database))[1] == ({"young"} if is_settled else {"old", "young"})


async def test_a_sweep_deletes_a_bounded_number_oldest_first(database: Database) -> None:
    await arrive(database, OLD, "newest 1", "newest 2", answered=True)
    await arrive(database, OLD - timedelta(days=1), *map(str, range(retention.BATCH)), answered=True)
    assert await sweep(database) == retention.BATCH
    assert (await left(database))[0] == {"newest 1", "newest 2"}
    assert [await sweep(database), await sweep(database)] == [2, 0]


async def test_releases_and_the_audit_trail_stay(database: Database) -> None:
    kept = release(at=OLD - timedelta(days=365))
    async with database.write() as connection:
        await releases.add(connection, kept)
        await audit.append(connection, Entry(OLD, "U1", "deploy", "stg/admin", AuditPhase.RESULT))
    assert await sweep(database) == 0
    async with database.read() as connection:
        assert await releases.get(connection, kept.id) == kept
        assert await audit.verify(connection) == (1, None)

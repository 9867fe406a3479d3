"""The daily anchor of the audit trail, on rows alone, with a clock that the test moves."""

from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import select

from bot.domain.names import ChannelId
from bot.reconcile.anchors import AnchorLoop
from bot.store import audit
from bot.store.audit import AuditPhase, Entry
from bot.store.db import Database
from bot.store.migrate import migrate
from bot.store.tables import outbox
from tests.rows_context import Clock, rows_context


async def test_the_last_hash_is_told_once_a_day_and_never_for_a_trail_of_today(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'kajitori.db'}", patience_s=60.0)
    clock = Clock()  # 09:00 UTC, 18:00 in Tokyo
    tokyo = ZoneInfo("Asia/Tokyo")
    ctx = replace(rows_context(database, clock=clock), ops_channel=ChannelId("C0OPS"), timezone=tokyo)

    async def turn() -> None:
        """One turn of a loop that has just been started: it knows nothing but the rows."""
        await AnchorLoop(ctx).turn()

    async def note() -> str:
        async with database.write() as connection:
            await audit.append(connection, Entry(clock(), "U0ALICE", "deploy", "stg/admin", AuditPhase.REQUEST))
        async with database.read() as connection:
            return (await audit.head(connection))[1]

    async def told() -> list[str]:
        async with database.read() as connection:
            rows = (await connection.execute(select(outbox.c.body).order_by(outbox.c.id))).scalars().all()
        return [str(body) for body in rows]

    try:
        await migrate(database)
        await turn()
        first = await note()
        await turn()
        clock.pass_by(hours=5)
        await turn()
        assert await told() == []
        clock.pass_by(hours=2)  # 01:00 of the next day in Tokyo
        await turn()
        await note()
        await turn()
        clock.pass_by(hours=20)
        await turn()
        assert [first in body for body in await told()] == [True]
        clock.pass_by(hours=4)
        second = await note()
        await turn()
        assert [second in body for body in await told()] == [False, True]
        async with database.read() as connection:
            assert await audit.verify(connection, anchor=first) == (3, None)
    finally:
        await database.close()

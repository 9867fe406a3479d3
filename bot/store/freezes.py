"""Freezes that people set. Called by bot.usecases.freezes and the loop that ends them, inside their transactions.

Of one environment at most one holds: a unique key sees to it.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import RowMapping, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.freezes import Closure
from bot.domain.names import EnvironmentName, UserId
from bot.store.tables import freezes


async def add(connection: AsyncConnection, closure: Closure) -> None:
    """A freeze that begins. The one that holds there is to be ended before."""
    assert closure.by is not None, "the configuration's freezes have no row"
    await connection.execute(
        freezes.insert().values(
            id=closure.id,
            open_key=closure.environment,
            environment=closure.environment,
            reason=closure.reason,
            by=closure.by,
            since=closure.since,
            until=closure.until,
        )
    )


async def get(connection: AsyncConnection, closure_id: str) -> Closure | None:
    """The freeze of that id, over or not."""
    row = (await connection.execute(select(freezes).where(freezes.c.id == closure_id))).mappings().first()
    return _closure(row) if row else None


async def open_ones(connection: AsyncConnection, environment: EnvironmentName | None = None) -> Sequence[Closure]:
    """Those that nobody and no time has ended yet, oldest first; of one environment, or of all.

    One whose time is up is among them until the loop has said so.
    """
    statement = select(freezes).where(freezes.c.open_key.is_not(None)).order_by(freezes.c.id)
    if environment is not None:
        statement = statement.where(freezes.c.open_key == environment)
    return [_closure(row) for row in (await connection.execute(statement)).mappings()]


async def end(connection: AsyncConnection, closure_id: str, *, by: str, now: datetime) -> bool:
    """It is over; False when it was before."""
    statement = (
        update(freezes)
        .where(freezes.c.id == closure_id, freezes.c.open_key.is_not(None))
        .values(open_key=None, ended_at=now, ended_by=by)
    )
    return bool((await connection.execute(statement)).rowcount)


async def next_end(connection: AsyncConnection) -> datetime | None:
    """When the next one ends by itself."""
    statement = select(func.min(freezes.c.until)).where(freezes.c.open_key.is_not(None))
    moment: datetime | None = (await connection.execute(statement)).scalar_one()
    return moment


async def sweep(connection: AsyncConnection, *, before: datetime, limit: int) -> int:
    """Forget some that ended before a time; how many."""
    old = select(freezes.c.id).where(freezes.c.ended_at < before).order_by(freezes.c.ended_at).limit(limit)
    return int((await connection.execute(delete(freezes).where(freezes.c.id.in_(old)))).rowcount)


def _closure(row: RowMapping) -> Closure:
    return Closure(
        environment=EnvironmentName(row["environment"]),
        reason=row["reason"],
        since=row["since"],
        until=row["until"],
        by=UserId(row["by"]),
        id=row["id"],
    )

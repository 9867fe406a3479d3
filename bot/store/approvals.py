"""Named yeses to a release's plan: one per person and release, bound to the plan hash that was shown."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.names import ReleaseId, UserId
from bot.store.dialect import insert_into
from bot.store.tables import approvals


async def add(
    connection: AsyncConnection, release_id: ReleaseId, user_id: UserId, *, plan_hash: str, now: datetime
) -> bool:
    """Keep a yes; False when this person said it to this plan before. A yes to another plan gives way to it."""
    values = {"release_id": release_id, "user_id": user_id, "plan_hash": plan_hash, "at": now}
    fresh = insert_into(connection, approvals).values(values)
    statement = fresh.on_conflict_do_update(
        index_elements=[approvals.c.release_id, approvals.c.user_id],
        set_={"plan_hash": plan_hash, "at": now},
        where=approvals.c.plan_hash != plan_hash,
    )
    return (await connection.execute(statement.returning(approvals.c.user_id))).first() is not None


async def of(connection: AsyncConnection, release_id: ReleaseId, *, plan_hash: str) -> Sequence[UserId]:
    """Who said yes to exactly this plan, first one first."""
    statement = (
        select(approvals.c.user_id)
        .where(approvals.c.release_id == release_id, approvals.c.plan_hash == plan_hash)
        .order_by(approvals.c.at, approvals.c.user_id)
    )
    return [UserId(user) for user in (await connection.execute(statement)).scalars()]

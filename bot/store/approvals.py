"""Named yeses to a release's plan: one per person and release, bound to the plan hash that was shown."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.names import ReleaseId, UserId
from bot.store.dialect import insert_into
from bot.store.tables import approvals, used_approvals


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


async def take_back(connection: AsyncConnection, release_id: ReleaseId, people: Sequence[UserId]) -> None:
    """Forget the yeses of people who may no longer say it."""
    wanted = approvals.c.release_id == release_id, approvals.c.user_id.in_(people)
    await connection.execute(delete(approvals).where(*wanted))


async def newest(connection: AsyncConnection, release_id: ReleaseId, *, plan_hash: str) -> datetime | None:
    """When the last yes to exactly this plan was said."""
    statement = select(func.max(approvals.c.at)).where(
        approvals.c.release_id == release_id, approvals.c.plan_hash == plan_hash
    )
    moment: datetime | None = (await connection.execute(statement)).scalar_one()
    return moment


async def use(connection: AsyncConnection, release_id: ReleaseId, *, plan_hash: str, now: datetime) -> bool:
    """Use them up for the one start that they allow; False when that was done before. In the intent's transaction."""
    fresh = insert_into(connection, used_approvals).values(release_id=release_id, plan_hash=plan_hash, at=now)
    used = await connection.execute(fresh.on_conflict_do_nothing().returning(used_approvals.c.release_id))
    return used.first() is not None


async def of(connection: AsyncConnection, release_id: ReleaseId, *, plan_hash: str) -> Sequence[UserId]:
    """Who said yes to exactly this plan, first one first."""
    statement = (
        select(approvals.c.user_id)
        .where(approvals.c.release_id == release_id, approvals.c.plan_hash == plan_hash)
        .order_by(approvals.c.at, approvals.c.user_id)
    )
    return [UserId(user) for user in (await connection.execute(statement)).scalars()]

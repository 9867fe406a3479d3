"""Which moments of releases were told to Datadog. Called by bot.reconcile.markers, inside its transactions.

A row says that a moment needs no more telling; what is to be told is read from the releases themselves, so that no
release waits for it and none is forgotten.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.markers import Marker, Moment
from bot.domain.names import ReleaseId
from bot.domain.release import LIVE_PHASES
from bot.store.dialect import insert_into
from bot.store.tables import release_markers, releases


async def candidates(connection: AsyncConnection, *, since: datetime) -> Sequence[ReleaseId]:
    """Releases that move, or ended since then, and have a moment that was not told; oldest first."""
    finished = select(release_markers.c.release_id).where(release_markers.c.moment == Moment.FINISHED)
    started = select(release_markers.c.release_id).where(release_markers.c.moment == Moment.STARTED)
    statement = (
        select(releases.c.id)
        .where(
            releases.c.started_at.is_not(None),
            or_(
                releases.c.phase.in_(LIVE_PHASES) & (releases.c.started_at >= since) & releases.c.id.not_in(started),
                (releases.c.finished_at >= since) & releases.c.id.not_in(finished),
            ),
        )
        .order_by(releases.c.id)
        .limit(100)
    )
    return list((await connection.execute(statement)).scalars())


async def told(connection: AsyncConnection, release_ids: Collection[ReleaseId]) -> set[tuple[ReleaseId, Moment]]:
    """The moments of these releases that were told."""
    statement = select(release_markers.c.release_id, release_markers.c.moment)
    rows = await connection.execute(statement.where(release_markers.c.release_id.in_(list(release_ids))))
    return {(row.release_id, Moment(row.moment)) for row in rows}


async def note(connection: AsyncConnection, marker: Marker, *, now: datetime, event_id: str, problem: str = "") -> None:
    """A moment was told, or refused for good (`problem`). Idempotent."""
    values = {"at": now, "event_id": event_id[:64], "problem": problem[:500]}
    statement = insert_into(connection, release_markers).values(
        release_id=marker.release, moment=marker.moment.value, **values
    )
    await connection.execute(statement.on_conflict_do_nothing())


async def sweep(connection: AsyncConnection, *, before: datetime) -> None:
    """Forget what was told so long ago that nobody asks again."""
    await connection.execute(delete(release_markers).where(release_markers.c.at < before))

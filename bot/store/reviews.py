"""What broke the glass, and the second look at each. Called by bot.usecases.breakglass, inside its transactions."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import RowMapping, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.catalog import Target
from bot.domain.names import EnvironmentName, ReleaseId, ServiceName, UserId
from bot.domain.review import Review
from bot.store.tables import reviews


async def add(connection: AsyncConnection, review: Review) -> None:
    """One that is open."""
    await connection.execute(
        reviews.insert().values(
            release_id=review.release_id,
            environment=review.target.environment,
            service=review.target.service,
            version=review.version,
            by=review.by,
            reason=review.reason,
            passed=review.passed,
            opened_at=review.opened_at,
        )
    )


async def get(connection: AsyncConnection, release_id: ReleaseId) -> Review | None:
    """The review of a release."""
    found = await connection.execute(select(reviews).where(reviews.c.release_id == release_id))
    row = found.mappings().first()
    return _review(row) if row else None


async def open_ones(connection: AsyncConnection) -> Sequence[Review]:
    """Those that nobody has closed, oldest first."""
    statement = select(reviews).where(reviews.c.closed_at.is_(None)).order_by(reviews.c.release_id)
    return [_review(row) for row in (await connection.execute(statement)).mappings()]


async def close(connection: AsyncConnection, release_id: ReleaseId, *, by: UserId, words: str, now: datetime) -> bool:
    """Somebody looked at it; False when somebody had before."""
    statement = (
        update(reviews)
        .where(reviews.c.release_id == release_id, reviews.c.closed_at.is_(None))
        .values(closed_at=now, closed_by=by, words=words)
    )
    return bool((await connection.execute(statement)).rowcount)


def _review(row: RowMapping) -> Review:
    return Review(
        release_id=ReleaseId(row["release_id"]),
        target=Target(EnvironmentName(row["environment"]), ServiceName(row["service"])),
        version=row["version"],
        by=UserId(row["by"]),
        reason=row["reason"],
        passed=row["passed"],
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
        closed_by=UserId(row["closed_by"]) if row["closed_by"] else None,
        words=row["words"] or "",
    )

"""Promotion: a canary's version for everybody, by a release of its own. Asked by people and by the canary loop."""

from dataclasses import replace

from bot.context import Context
from bot.domain.canary import steering
from bot.domain.names import ReleaseId, UserId
from bot.domain.release import Release, ReleaseKind, ReleasePhase
from bot.errors import UserError
from bot.store import audit, releases
from bot.store.ids import id_of
from bot.usecases.canaries.changes import refuse_ending, ring
from bot.usecases.freezes import refuse_frozen
from bot.usecases.releases import fresh_row, put_card, save_row, tell


async def promote(ctx: Context, canary: Release, *, step: int | None, by: UserId) -> Release:
    """Bring its version to the stable workload, by a release of its own that takes over the lock; the canary's row.

    Done once, however often it is asked: the release's id follows from the canary's.
    """
    target = canary.target
    await refuse_frozen(ctx, ctx.catalog.environments[target.environment], ReleaseKind.PROMOTE)
    now = ctx.clock()
    async with ctx.database.write() as connection:
        row = await fresh_row(connection, canary.id, step, "promoted")
        if row.canary is not None and row.canary.promotion is not None:
            return row
        refuse_ending(row)
        key = f"promote:{row.id}"
        plan = replace(row.plan, kind=ReleaseKind.PROMOTE, canary=None, origin="promoted from its canary")
        promotion = Release(
            id=ReleaseId(id_of(now, key)),
            request_key=key,
            plan=plan,
            plan_hash=plan.hash_for(row.requested_by),
            phase=ReleasePhase.QUEUED,
            step=1,
            row_version=1,
            requested_by=row.requested_by if by == steering.ITSELF else by,
            requested_at=now,
            asked_in=row.asked_in,
            approved_by=row.approved_by,
        )
        lock = await releases.pass_lock(connection, target, of=row.id, to=promotion.id, now=now)
        if lock is None:
            raise UserError("target_locked", f"`{target}` is locked by another release.", hint="Abort the canary.")
        promotion = replace(promotion, fence=lock.fence)
        await releases.add(connection, promotion)
        assert row.canary is not None
        course = replace(row.canary, promoted_by=by, promotion=promotion.id, held_by=None)
        moved = row.moved(canary=course, phase=ReleasePhase.PROGRESSING, outcome=None, notice="")
        saved = await save_row(connection, moved)
        phase = audit.AuditPhase.REQUEST
        await tell(ctx, connection, promotion, actor=by, action="release.promote", phase=phase)
        await put_card(ctx, connection, saved)
    ring(ctx)
    return saved

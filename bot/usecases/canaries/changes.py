"""Changes of a running canary that people ask for: another share, the next step, holding it, letting it go on."""

from collections.abc import Callable
from datetime import datetime

from bot.context import Context
from bot.domain.canary import steering
from bot.domain.canary.asking import Asked
from bot.domain.names import ReleaseId, UserId
from bot.domain.release import Release, ReleasePhase
from bot.errors import UserError
from bot.store import audit
from bot.usecases.releases import fresh_row, save_row, tell


def refuse_another(canary: Release, asked: Asked) -> None:
    """Raises UserError when what is asked for is not the canary that runs: another version, or another plan."""
    plan, version = canary.plan, asked.version
    place = f"{plan.target.environment} {plan.target.service}"
    if version is not None and version != plan.to_version:
        raise UserError(
            "other_canary",
            f"`{plan.target}` already has a canary of `{plan.to_version}`, not of `{version}`.",
            hint=f"End it first: /canary abort {place} gives it up, /canary promote {place} gives it to everybody.",
        )
    if len(asked.steps) > 1 or asked.every is not None:
        raise UserError(
            "canary_has_plan",
            f"`{plan.target}` already has a canary; its plan can't be changed while it runs.",
            hint=f"/canary {place} {asked.steps[0]}% gives it that share now; /canary abort {place} ends it.",
        )


async def share(ctx: Context, canary: Release, percent: int, *, step: int | None, by: UserId) -> Release:
    """Another share for a running canary, up or down; from here on people decide its steps."""

    def changed(row: Release, now: datetime) -> Release:
        refuse_ending(row)
        return row if row.canary and row.canary.asked == percent else steering.to_share(row, percent, now, by=by)

    return await _change(ctx, canary.id, step, by, f"share {percent} %", changed)


async def onward(ctx: Context, canary: Release, *, step: int | None, by: UserId) -> Release:
    """The scheme's next step now, without waiting for its interval."""

    def changed(row: Release, now: datetime) -> Release:
        refuse_ending(row)
        assert row.canary is not None
        assert row.plan.canary is not None
        if row.canary.index + 1 >= len(row.plan.canary.steps):
            raise UserError("last_step", "This is the last step.", hint="Promote it, or abort it.")
        return steering.to_step(row, row.canary.index + 1, now, by=by)

    return await _change(ctx, canary.id, step, by, "next step", changed)


async def hold(ctx: Context, canary: Release, *, step: int | None, by: UserId) -> Release:
    """Keep its share until somebody resumes it."""

    def changed(row: Release, _now: datetime) -> Release:
        refuse_ending(row)
        return row if row.phase is ReleasePhase.PAUSED and row.canary and row.canary.held_by else steering.held(row, by)

    return await _change(ctx, canary.id, step, by, "pause", changed)


async def resume(ctx: Context, canary: Release, *, step: int | None, by: UserId) -> Release:
    """Let its steps go on."""

    def changed(row: Release, now: datetime) -> Release:
        refuse_ending(row)
        if row.phase is not ReleasePhase.PAUSED:
            raise UserError("not_paused", "It is not paused.", hint="Its card shows where it is.")
        return steering.resumed(row, now)

    return await _change(ctx, canary.id, step, by, "resume", changed)


def refuse_ending(row: Release) -> None:
    """Raises UserError for a canary that can't be moved: it has not begun, or it goes."""
    course = row.canary
    if not row.phase.has_begun:
        raise UserError("not_begun", "It has not begun yet.", hint="Its card shows what it waits for.")
    if row.abort_by is not None or (course is not None and course.ending):
        raise UserError("canary_ends", "It is being taken down.", hint="Start another one when it is gone.")
    if course is not None and course.promotion is not None:
        raise UserError("canary_promoted", "It is being promoted.", hint="Abort that release from its card.")


async def _change(
    ctx: Context,
    release_id: ReleaseId,
    step: int | None,
    by: UserId,
    what: str,
    changed: Callable[[Release, datetime], Release],
) -> Release:
    """One change of a canary's row, with its audit row and card."""
    async with ctx.database.write() as connection:
        row = await fresh_row(connection, release_id, step, "changed")
        after = changed(row, ctx.clock())
        if after == row:
            return row
        saved = await save_row(connection, after)
        await tell(
            ctx, connection, saved, actor=by, action="canary.change", phase=audit.AuditPhase.REQUEST, reason=what
        )
    ring(ctx)
    return saved


def ring(ctx: Context) -> None:
    """Wake the loops that take it from here."""
    ctx.bells.releases.ring()
    ctx.bells.outbox.ring()

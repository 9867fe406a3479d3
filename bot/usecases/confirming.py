"""The requester's yes to what a release would change: the plan is made again, and must be what the card showed."""

from bot.context import Context
from bot.domain.digests import moved as moved_digest
from bot.domain.manifests.overlay import what_moved
from bot.domain.names import ReleaseId, UserId, Version
from bot.domain.release import CONFIRMATION_VALID, Outcome, Plan, Release, ReleasePhase
from bot.errors import UserError
from bot.store import audit, releases
from bot.usecases.planning import plan_deploy
from bot.usecases.releases import fresh_row, locked, save_row, tell


async def confirm(ctx: Context, release_id: ReleaseId, *, by: UserId) -> Release:
    """Go on with a plan that is still true. Raises UserError otherwise; a plan that is no longer true ends there.

    The same person again, or the same click after a crash, changes nothing.
    """
    async with ctx.database.read() as connection:
        known = await releases.get(connection, release_id)
    if known is not None and known.requested_by == by and known.phase in _CONFIRMED:
        return known
    async with ctx.database.read() as connection:
        release = await fresh_row(connection, release_id, None, "confirmed")
    _refuse_others(ctx, release, by)
    plan = release.plan
    moved = ""
    try:
        # A promotion means the image that ran elsewhere, wherever its tag leads by now.
        like = plan if plan.promotion is not None else None
        forced = plan.overlay is not None and plan.overlay.forced
        moved = _moved(plan, await plan_deploy(ctx, plan.target, Version(plan.to_version), forced=forced, like=like))
    except UserError as error:
        moved = error.text
    now = ctx.clock()
    async with ctx.database.write() as connection:
        release = await fresh_row(connection, release_id, None, "confirmed")
        _refuse_others(ctx, release, by)
        if moved:
            outcome = Outcome("plan_moved", f"Since the plan was made, {moved}.", "Ask for it again.")
            ended = await save_row(connection, release.finished(ReleasePhase.ABORTED, outcome, now))
            await tell(ctx, connection, ended, actor=by, action="release.confirm", phase=audit.AuditPhase.RESULT)
        else:
            phase = ReleasePhase.AWAITING_APPROVAL if release.approvals_needed else ReleasePhase.QUEUED
            confirmed = release.moved(phase=phase)
            if phase is ReleasePhase.QUEUED:
                confirmed = await locked(ctx, connection, confirmed)
            release = await save_row(connection, confirmed)
            await tell(ctx, connection, release, actor=by, action="release.confirm", phase=audit.AuditPhase.REQUEST)
    ctx.bells.releases.ring()
    ctx.bells.outbox.ring()
    if moved:
        raise UserError(
            "plan_moved",
            f"Nothing was changed: since the plan was made, {moved}.",
            hint=f"/deploy {plan.target.environment} {plan.target.service} {plan.to_version}",
        )
    return release


_CONFIRMED = (ReleasePhase.AWAITING_APPROVAL, ReleasePhase.QUEUED, ReleasePhase.PROGRESSING)


def _refuse_others(ctx: Context, release: Release, by: UserId) -> None:
    if release.phase is not ReleasePhase.AWAITING_CONFIRMATION:
        raise UserError("not_waiting", "It no longer waits for a confirmation.", hint="Look at its card.")
    if by != release.requested_by:
        raise UserError(
            "not_yours", "{who} asked for it, and confirms it.", hint="Ask for it yourself.", who=release.requested_by
        )
    if ctx.clock() - release.requested_at >= CONFIRMATION_VALID:
        raise UserError("confirmation_expired", "This plan is too old to be confirmed.", hint="Ask for it again.")


def _moved(planned: Plan, now: Plan) -> str:
    """How the plan of now differs from the one on the card, in words; empty when it does not."""
    parts = []
    if now.uid != planned.uid:
        parts.append(f"the {planned.workload.kind} was deleted and created again")
    if now.from_image != planned.from_image:
        parts.append(f"{now.from_version} runs in place of {planned.from_version}")
    if (now.to_image, now.to_digest) != (planned.to_image, planned.to_digest):
        digests = f": {moved_digest(planned.to_digest, now.to_digest)}" if planned.to_digest and now.to_digest else ""
        parts.append(f"the image of {planned.to_version} is another one{digests}")
    if planned.overlay is not None and now.overlay is not None:
        moved = what_moved(planned.overlay, now.overlay)
        parts += [moved] if moved else []
    elif planned.overlay is not now.overlay:
        parts.append("nothing of the overlay would change any more")
    if not parts and now.kind is not planned.kind:
        parts.append("it would do something else")
    return " and ".join(parts)

"""Asking for releases and stopping them. Each is one transaction that also writes its audit row and card."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot.cards.canary import canary_card
from bot.cards.card import Card
from bot.cards.overlay import diff_notes
from bot.cards.promotion import drift_notes
from bot.cards.release import release_card, subject_of
from bot.context import Context
from bot.domain.approval import rules_of
from bot.domain.canary.scheme import CanaryCourse
from bot.domain.catalog import Environment, Target
from bot.domain.names import ChannelId, ReleaseId, UserId
from bot.domain.release import (
    Outcome,
    Plan,
    Release,
    ReleaseKind,
    ReleasePhase,
    expected_seconds,
)
from bot.errors import UserError
from bot.store import audit, outbox, releases
from bot.store.db import Connection
from bot.store.ids import id_of
from bot.usecases.alert_releases import redraw_alerts, tell_alerts
from bot.usecases.emergency import refuse_in_emergency
from bot.usecases.freezes import refuse_frozen
from bot.usecases.holds import passed_by, refuse_held
from bot.usecases.queue import refuse_before_turn, take_turn


async def request(
    ctx: Context,
    plan: Plan,
    *,
    key: str,
    by: UserId,
    asked_in: ChannelId,
    follows: Release | None = None,
    reason: str = "",
    break_glass: str = "",
    also: Callable[[Connection, Release], Awaitable[None]] | None = None,
) -> Release:
    """Write down the wish to carry out a plan; the same request (`key`) is written down once, whatever happens.

    `follows`: the finished release whose card asked for it; its buttons are used up by this, so that a second click is
    refused. `reason`: why, where it is asked or told. `break_glass`: why it goes past approvals, freezes and people's
    locks. `also` is done in the transaction that makes it. Raises UserError when the target is locked or frozen.
    """
    now = ctx.clock()
    environment = ctx.catalog.environments[plan.target.environment]
    if not break_glass:
        await refuse_frozen(ctx, environment, plan.kind)
    needed = 0 if plan.kind is ReleaseKind.ROLLBACK or break_glass else environment.approvals
    rules = rules_of(ctx.catalog, plan.target) if needed else None
    async with ctx.database.write() as connection:
        former = await releases.by_request(connection, key)
        if former is not None:
            return former
        ticket = None
        if not break_glass:
            await refuse_closed(ctx, connection, plan.target, plan.kind, by)
            ticket = await refuse_before_turn(ctx, connection, plan.target, plan.kind, by)
        passed = await passed_by(ctx, connection, plan.target, plan.kind, by, is_forced=bool(break_glass))
        past_s = await releases.durations_s(connection, plan.target, plan.kind)
        release = Release(
            id=ReleaseId(id_of(now, key)),
            request_key=key,
            plan=plan,
            plan_hash=plan.hash_for(by, reason or break_glass, rules),
            reason=reason,
            phase=first_phase(environment, plan, needed),
            step=1,
            row_version=1,
            requested_by=by,
            requested_at=now,
            asked_in=asked_in,
            approvals_needed=needed,
            rules=rules,
            break_glass=break_glass,
            expected_s=expected_seconds(past_s),
            canary=CanaryCourse(asked=plan.canary.steps[0]) if plan.canary else None,
            passes=passed.owner if passed is not None else None,
        )
        if release.phase is ReleasePhase.QUEUED:
            release = await locked(ctx, connection, release)
        await releases.add(connection, release)
        await take_turn(ctx, connection, ticket, release.id)
        if follows is not None:
            followed = await save_row(connection, follows.moved(followed_by=release.id))
            await put_card(ctx, connection, followed)
            await redraw_alerts(ctx, connection, followed)
        await tell(ctx, connection, release, actor=by, action=f"release.{plan.kind}", phase=audit.AuditPhase.REQUEST)
        await tell_alerts(ctx, connection, release)
        for place, note in enumerate((*diff_notes(release), *drift_notes(release))):
            await outbox.add(connection, _diff_draft(ctx, release, note, place), now=now)
        if also is not None:
            await also(connection, release)
    ctx.bells.releases.ring()
    ctx.bells.outbox.ring()
    return release


def _diff_draft(ctx: Context, release: Release, note: Card, place: int) -> outbox.Draft:
    return outbox.Draft(
        kind=outbox.OutboxKind.CARD,
        channel=channel_of(ctx, release.target) or release.asked_in or "",
        body=note.body(),
        subject=f"diff:{release.id}:{place}",
        thread_subject=subject_of(release),
    )


async def abort(ctx: Context, release_id: ReleaseId, *, by: UserId) -> Release:
    """Stop a release; it wins over everything else, also over what moved since the pressed button was drawn."""
    now = ctx.clock()
    async with ctx.database.write() as connection:
        known = await releases.get(connection, release_id)
        if known is not None and known.abort_by == by:
            return known  # the same person again, or the same click after a crash
        release = await fresh_row(connection, release_id, None, "stopped")
        if release.canary is not None and release.canary.promotion is not None:
            release = await fresh_row(connection, ReleaseId(release.canary.promotion), None, "stopped")
        if release.abort_by is not None:
            raise UserError(
                "already_aborting", "{who} stopped it before you.", who=release.abort_by, since=release.abort_at
            )
        stopped = release.moved(abort_by=by, abort_at=now)
        if not release.phase.has_begun:
            outcome = Outcome("not_started", "Stopped before anything was changed.")
            stopped = stopped.finished(ReleasePhase.ABORTED, outcome, now)
            await releases.free_lock(connection, release.target, release_id=release.id)
        saved = await save_row(connection, stopped)
        await tell(ctx, connection, saved, actor=by, action="release.abort", phase=audit.AuditPhase.REQUEST)
        await redraw_alerts(ctx, connection, saved)
    ctx.bells.releases.ring()
    ctx.bells.outbox.ring()
    return saved


async def abort_at(ctx: Context, target: Target, *, by: UserId) -> Release:
    """Stop the release that moves or waits at a target. Raises UserError when there is none."""
    async with ctx.database.read() as connection:
        recent = await releases.history(connection, environment=target.environment, service=target.service, limit=50)
    live = [release for release in recent if not release.phase.is_over]
    if not live:
        raise UserError(
            "nothing_moves",
            f"Nothing is being released at `{target}`.",
            hint=f"/rollback {target.environment} {target.service}",
        )
    moving = next((r for r in live if r.phase is ReleasePhase.QUEUED or r.phase.has_begun), live[0])
    return await abort(ctx, moving.id, by=by)


async def fresh(ctx: Context, release_id: ReleaseId, *, step: int) -> Release:
    """The release behind a button, refused when the card has moved on since the button was drawn."""
    async with ctx.database.read() as connection:
        return _current(await releases.get(connection, release_id), step)


async def fresh_row(connection: Connection, release_id: ReleaseId, step: int | None, done: str) -> Release:
    """The row of a release that is not over, within a transaction. `done`: what was asked for, as in "can't be …"."""
    release = await releases.get(connection, release_id)
    if release is not None and release.phase.is_over:
        raise UserError(
            "release_over",
            f"It is over already, so it can't be {done}.",
            hint="Use the buttons that its card shows now.",
        )
    return _current(release, step)


def _current(release: Release | None, step: int | None) -> Release:
    """The release, unless it is unknown or the button pressed was drawn for an earlier step of it."""
    if release is None:
        raise UserError("no_such_release", "I don't know this release.", hint="/releases")
    if step is not None and release.step != step:
        raise UserError(
            "stale_button",
            "This button is out of date: the release has moved on since it was drawn.",
            hint="Use the buttons that its card shows now.",
        )
    return release


def first_phase(environment: Environment, plan: Plan, approvals_needed: int) -> ReleasePhase:
    """Where a new release stands: its requester looks first at what an overlay would change, where that is asked."""
    if plan.overlay is not None and environment.confirms:
        return ReleasePhase.AWAITING_CONFIRMATION
    return ReleasePhase.AWAITING_APPROVAL if approvals_needed else ReleasePhase.QUEUED


async def locked(ctx: Context, connection: Connection, release: Release) -> Release:
    """The release with its target's lock; raises UserError that names the holder."""
    if not release.break_glass:
        await refuse_closed(ctx, connection, release.target, release.plan.kind, release.requested_by)
    lock = await releases.take_lock(
        connection, release.target, release_id=release.id, owner=release.requested_by, now=ctx.clock()
    )
    if lock is not None:
        return replace(release, fence=lock.fence)
    held = await releases.lock_of(connection, release.target)
    holder = await releases.get(connection, held.release_id) if held and held.release_id else None
    if held is None or holder is None:
        raise UserError("target_locked", f"`{release.target}` is locked.", hint="Try again in a minute.")
    raise UserError("target_locked", _holder_text(holder), hint=_holder_hint(holder), who=held.owner, since=held.since)


def _holder_text(holder: Release) -> str:
    plan = holder.plan
    doing = {ReleaseKind.ROLLBACK: "rolling back to", ReleaseKind.RESTART: "restarting"}.get(plan.kind, "releasing")
    moved = f", {holder.progress.updated} of {holder.progress.desired} pods updated" if holder.progress else ""
    return f"`{plan.target}` is locked: {{who}} is {doing} `{plan.to_version}` since {{since}}{moved}."


def _holder_hint(holder: Release) -> str:
    return f"Wait until it is over, or abort it from its card ({holder.id[-4:].lower()}); then ask again."


async def refuse_closed(ctx: Context, connection: Connection, target: Target, kind: ReleaseKind, by: UserId) -> None:
    """Raise UserError while an emergency, a person's lock or a rollback's keeps such a release out."""
    await refuse_in_emergency(ctx, connection, target, kind)
    await refuse_held(ctx, connection, target, kind, by)


async def save_row(connection: Connection, release: Release) -> Release:
    """Save a row that nobody else has saved meanwhile. Raises UserError when somebody has."""
    saved = await releases.save(connection, release)
    if saved is None:
        raise UserError("moved_on", "The release moved on at that very moment.", hint="Look at its card and try again.")
    return saved


async def tell(
    ctx: Context,
    connection: Connection,
    release: Release,
    *,
    actor: str,
    action: str,
    phase: audit.AuditPhase,
    reason: str = "",
) -> None:
    """Audit row and card of a change, in its transaction."""
    now = ctx.clock()
    plan = release.plan
    entry = audit.Entry(
        now,
        actor,
        action,
        str(plan.target),
        phase,
        reason or f"{plan.from_version} -> {plan.to_version}",
        release.id,
        release.plan_hash,
    )
    await audit.append(connection, entry)
    await put_card(ctx, connection, release)


async def put_card(ctx: Context, connection: Connection, release: Release) -> None:
    """Have the release's card posted or edited."""
    now = ctx.clock()
    draft = outbox.Draft(
        kind=outbox.OutboxKind.CARD,
        channel=channel_of(ctx, release.target) or release.asked_in or "",
        body=(canary_card if release.canary is not None else release_card)(release, now).body(),
        subject=subject_of(release),
    )
    await outbox.add(connection, draft, now=now)


def channel_of(ctx: Context, target: Target) -> ChannelId | None:
    """Where releases of a target are told."""
    environment = ctx.catalog.environments.get(target.environment)
    return environment.channel if environment else None

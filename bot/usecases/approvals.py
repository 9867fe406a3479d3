"""Yes and no to releases that wait for a second pair of eyes. Called by handlers.approvals.

A yes is bound to the plan's hash and to the rules it was asked under, and counts by the groups of this moment: with the
last one, those who said yes before are asked of Slack again.
"""

from collections.abc import Sequence
from dataclasses import replace

from bot.cards.approvals import rejected_note
from bot.cards.release import subject_of
from bot.context import Context
from bot.domain.approval import rules_of
from bot.domain.catalog import Place, Role
from bot.domain.names import EnvironmentName, ReleaseId, ServiceName, UserId
from bot.domain.release import Outcome, Release, ReleasePhase
from bot.errors import UserError
from bot.store import approvals, audit, outbox, releases
from bot.store.db import Connection
from bot.usecases.freezes import refuse_frozen
from bot.usecases.people import holds
from bot.usecases.releases import channel_of, fresh_row, locked, save_row, tell


async def approve(ctx: Context, release_id: ReleaseId, *, by: UserId) -> Release:
    """Say yes to the plan that the card showed. The last yes that was missing queues the release.

    Two people may press at once: a yes binds to the plan's hash, which no other yes changes, not to the card's step.

    The plan is looked at again by the loop before its first write; if the cluster moved meanwhile, nothing is started.
    """
    now = ctx.clock()
    async with ctx.database.read() as connection:
        known = await fresh_row(connection, release_id, None, "approved")
    _refuse(ctx, known, by)
    await refuse_frozen(ctx, ctx.catalog.environments[known.target.environment], known.plan.kind)
    lost = [person for person in (*known.approved_by, by) if not await _may(ctx, known, person)]
    if by in lost:
        raise UserError("role_missing", f"You need the role `approver` for `{known.target}`.", hint="/kajitori whoami")
    async with ctx.database.write() as connection:
        release = await fresh_row(connection, release_id, None, "approved")
        _refuse(ctx, release, by)
        moved = why_moved(ctx, release)
        if moved:
            saved = await save_row(connection, release.finished(ReleasePhase.ABORTED, plan_changed(moved), now))
            await tell(ctx, connection, saved, actor=by, action="release.approve", phase=audit.AuditPhase.RESULT)
        else:
            saved = await _said_yes(ctx, connection, release, lost, by=by)
    ctx.bells.releases.ring()
    ctx.bells.outbox.ring()
    if moved:
        raise UserError("plan_changed", plan_changed(moved).text, hint=_again(release))
    return saved


async def _said_yes(
    ctx: Context, connection: Connection, release: Release, lost: Sequence[UserId], *, by: UserId
) -> Release:
    now = ctx.clock()
    if lost:
        await approvals.take_back(connection, release.id, lost)
        told = f"no longer counts: {', '.join(lost)}"
        await tell(
            ctx, connection, release, actor=by, action="release.approve", phase=audit.AuditPhase.RESULT, reason=told
        )
    if not await approvals.add(connection, release.id, by, plan_hash=release.plan_hash, now=now):
        raise UserError("approved_before", "You have approved it already.", hint="Another person is needed.")
    people = tuple(await approvals.of(connection, release.id, plan_hash=release.plan_hash))
    approved = release.moved(approved_by=people)
    if len(people) >= release.approvals_needed:
        approved = await locked(ctx, connection, replace(approved, phase=ReleasePhase.QUEUED))
    saved = await save_row(connection, approved)
    await tell(ctx, connection, saved, actor=by, action="release.approve", phase=audit.AuditPhase.REQUEST)
    return saved


async def reject(ctx: Context, release_id: ReleaseId, reason: str, *, by: UserId) -> Release:
    """Say no, and why: the release ends, and who asked for it is told."""
    now = ctx.clock()
    async with ctx.database.write() as connection:
        known = await releases.get(connection, release_id)
        if known is not None and known.rejected_by == by:
            return known  # the same form again, after a crash
        release = await fresh_row(connection, release_id, None, "rejected")
        if release.phase is not ReleasePhase.AWAITING_APPROVAL:
            raise UserError("not_waiting", "It no longer waits for an approval.", hint="Look at its card.")
        ended = replace(release, rejected_by=by).finished(
            ReleasePhase.ABORTED, Outcome("rejected", reason, "Mend that, then ask for it again."), now
        )
        saved = await save_row(connection, ended)
        await tell(
            ctx,
            connection,
            saved,
            actor=by,
            action="release.reject",
            phase=audit.AuditPhase.RESULT,
            reason=reason,
        )
        draft = outbox.Draft(
            kind=outbox.OutboxKind.NOTE,
            channel=channel_of(ctx, saved.target) or saved.asked_in or "",
            body=rejected_note(saved).body(),
            thread_subject=subject_of(saved),
        )
        await outbox.add(connection, draft, now=now)
    ctx.bells.releases.ring()
    ctx.bells.outbox.ring()
    return saved


async def waiting(ctx: Context) -> Sequence[Release]:
    """What waits for approval, oldest first."""
    async with ctx.database.read() as connection:
        found = await releases.live(connection)
    return [release for release in found if release.phase is ReleasePhase.AWAITING_APPROVAL]


async def meant(
    ctx: Context,
    *,
    environment: EnvironmentName | None = None,
    service: ServiceName | None = None,
    ref: str = "",
    about: str = "",
) -> Sequence[Release]:
    """Those that wait and fit what was said: the end of an id, the thread or form, environment and service."""
    found = await waiting(ctx)
    if ref:
        return [each for each in found if each.id.endswith(ref.upper())]
    if about.startswith("release:"):
        return [each for each in found if each.id == about.removeprefix("release:")]
    return [
        each
        for each in found
        if environment in (None, each.target.environment) and service in (None, each.target.service)
    ]


async def meant_by_words(
    ctx: Context, words: str, *, environment: EnvironmentName | None, service: ServiceName | None, about: str
) -> tuple[Sequence[Release], str]:
    """The same for words that may begin with the end of an id; and the words that are left."""
    first, _, rest = words.partition(" ")
    if rest and 4 <= len(first) <= 26 and not about:
        named = await meant(ctx, ref=first.lstrip("#"))
        if len(named) == 1:
            return named, rest.strip()
    return await meant(ctx, environment=environment, service=service, about=about), words


def nothing_waits() -> UserError:
    """When no release that waits is meant."""
    return UserError("nothing_waits", "Nothing that waits for approval is meant by that.", hint="/approve lists all.")


def why_moved(ctx: Context, release: Release) -> tuple[str, ...]:
    """What is different from the rules that a release was asked under; nothing for one that was asked under none."""
    return () if release.rules is None else release.rules.changes_to(rules_of(ctx.catalog, release.target))


def plan_changed(moved: Sequence[str], since: str = "it was asked for") -> Outcome:
    """The end of a release that would do something else by now than what people saw."""
    return Outcome("plan_changed", f"The plan changed since {since} ({', and '.join(moved)}).", "Ask again.")


def _refuse(ctx: Context, release: Release, by: UserId) -> None:
    if release.phase is not ReleasePhase.AWAITING_APPROVAL:
        raise UserError("not_waiting", "It no longer waits for an approval.", hint="Look at its card.")
    if by == release.requested_by:
        raise UserError("self_approval", "A second person must approve.", hint="Ask somebody with the role approver.")
    if ctx.clock() >= release.approvals_until:
        raise UserError("approval_expired", "This request expired.", hint="Ask for the release again.")


async def _may(ctx: Context, release: Release, person: UserId) -> bool:
    return await holds(ctx, person, Role.APPROVER, Place.of(release.target))


def _again(release: Release) -> str:
    target = release.target
    return f"/deploy {target.environment} {target.service} {release.plan.to_version}"

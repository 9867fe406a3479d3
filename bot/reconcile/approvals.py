"""What the release loop does about approvals: words to the approvers, and the last look before the start.

Called by bot.reconcile.releases. Changes nothing by itself: drafts and reasons go into the loop's own transaction.
"""

from datetime import timedelta

from bot.cards.approvals import called_note, reminder_note
from bot.cards.mrkdwn import Mrkdwn, esc, group, person
from bot.cards.release import subject_of
from bot.context import Context
from bot.domain.catalog import Place, Role
from bot.domain.digests import moved as moved_digest
from bot.domain.freezes import is_held_up
from bot.domain.images import parse_repository, shortened
from bot.domain.release import START_VALID, Outcome, Release, ReleaseKind
from bot.errors import NotFound, OutsideError
from bot.kube import workloads
from bot.store import approvals, outbox
from bot.usecases.approvals import plan_changed, why_moved
from bot.usecases.freezes import in_force
from bot.usecases.releases import channel_of

AT_ONCE = timedelta(seconds=15)
"""What begins so soon after it was planned is not looked at again without an approval in between."""
_BY_TAG = (ReleaseKind.DEPLOY, ReleaseKind.CANARY, ReleaseKind.PROMOTE)
MOST_CALLED = 5
"""People who are called by name; a group is called as one."""


async def called_draft(ctx: Context, release: Release) -> outbox.Draft:
    """The call of the approvers, for the thread of what waits. Its subject keeps a restart from calling twice."""
    return _draft(ctx, release, "called", called_note(release, await _approvers(ctx, release)).body())


async def reminder_draft(ctx: Context, release: Release) -> outbox.Draft:
    """The second call, before the time is up."""
    return _draft(ctx, release, "reminded", reminder_note(release, await _approvers(ctx, release)).body())


async def why_not_start(ctx: Context, release: Release) -> Outcome | None:
    """What keeps a queued release from its start: a freeze, other rules, approvals from long ago."""
    environment = ctx.catalog.environments[release.target.environment]
    if is_held_up(release.plan.kind) and not release.break_glass:
        found = await in_force(ctx, environment)
        if found:
            text = f"{environment.name} was frozen before it began ({found[0].reason}); nothing was changed."
            return Outcome("frozen", text, "Ask again when it is open: /freezes.")
    if not release.approvals_needed:
        moved = await _tag_moved(ctx, release)
        return plan_changed(moved) if moved else None
    moved = (*why_moved(ctx, release), *await _image_moved(ctx, release))
    if moved:
        return plan_changed(moved, since="approval")
    async with ctx.database.read() as connection:
        people = await approvals.of(connection, release.id, plan_hash=release.plan_hash)
        last = await approvals.newest(connection, release.id, plan_hash=release.plan_hash)
    if len(people) < release.approvals_needed or last is None:
        return plan_changed(("its approvals were given to another plan",))
    if ctx.clock() - last > START_VALID:
        text = "It was approved, but could not begin for too long since; nothing was changed."
        return Outcome("expired", text, "Ask for it again.")
    # Last: while the registry is silent it is asked again, until the approvals are too old.
    moved = await _tag_moved(ctx, release)
    return plan_changed(moved, since="approval") if moved else None


async def _tag_moved(ctx: Context, release: Release) -> tuple[str, ...]:
    """That the tag of the plan leads to another image by now than when people looked at it. Raises OutsideError.

    Not asked of what began at once, nor of an image that is set by digest for another reason than its tag: what runs in
    the environment before it, or what a canary has tried.
    """
    plan, age = release.plan, ctx.clock() - release.requested_at
    if plan.kind not in _BY_TAG or not plan.to_digest or not plan.checked:
        return ()
    if plan.is_pinned and (plan.promotion is not None or plan.kind is ReleaseKind.PROMOTE):
        return ()
    if not release.approvals_needed and plan.kind is not ReleaseKind.PROMOTE and age < AT_ONCE:
        return ()
    repository = parse_repository(ctx.catalog.services[plan.target.service].image)
    try:
        now = await ctx.registry.digest(repository, plan.to_version)
    except OutsideError:
        if plan.is_pinned or not release.approvals_needed:
            return ()  # its content is fixed, or is compared with what runs at the end
        raise
    if now == plan.to_digest:
        return ()
    if now is None:
        return (f"the registry no longer has the tag {plan.to_version}",)
    return (f"image {moved_digest(plan.to_digest, now)}",)


async def _image_moved(ctx: Context, release: Release) -> tuple[str, ...]:
    """That the workload has another image than the one people saw on the card. Raises OutsideError."""
    plan = release.plan
    try:
        workload = await workloads.read(ctx.clusters[plan.target.environment], plan.workload)
    except NotFound:
        return ()  # the start says so
    present = workload.images.get(plan.container, "")
    if workload.uid != plan.uid or present in ("", plan.from_image):
        return ()
    who = workload.managers.get(plan.container, "")
    by = f", set by {who}" if who else ""
    return (f"the image is {shortened(present)} now{by}, not {shortened(plan.from_image)}",)


async def _approvers(ctx: Context, release: Release) -> Mrkdwn:
    """Mentions of those who may approve there: groups as groups, a few people by name."""
    place = Place.of(release.target)
    grants = [each for each in ctx.catalog.roles.get(Role.APPROVER, ()) if each.reaches(place)]
    told: list[Mrkdwn] = []
    for named in dict.fromkeys(each for grant in grants for each in grant.groups):
        try:
            told.append(group(await ctx.directory.group_id(named)))
        except OutsideError:  # named all the same: who waits must not wait for Slack's list of groups
            told.append(esc(named))
    people = [user for user in dict.fromkeys(u for g in grants for u in g.users) if user != release.requested_by]
    told += [person(user) for user in people[:MOST_CALLED]]
    return Mrkdwn(" ".join(told))


def _draft(ctx: Context, release: Release, what: str, body: dict[str, object]) -> outbox.Draft:
    return outbox.Draft(
        kind=outbox.OutboxKind.CARD,
        channel=channel_of(ctx, release.target) or release.asked_in or "",
        body=body,
        subject=f"approvers:{release.id}:{what}",
        thread_subject=subject_of(release),
    )

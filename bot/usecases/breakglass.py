"""Breaking the glass: a release that goes past the rules, told loudly, with a review that stays open.

Past approvals, freezes, people's locks, lines and emergencies; never past a release that moves there, nor past roles.
Called by handlers.breakglass.
"""

from collections.abc import Sequence
from dataclasses import replace

from bot.cards.review import loud_note, review_card, subject_of
from bot.context import Context
from bot.domain.catalog import Place, Target
from bot.domain.names import ChannelId, ReleaseId, UserId, Version
from bot.domain.release import Release, ReleaseKind
from bot.domain.review import Review
from bot.errors import UserError
from bot.store import audit, emergencies, holds, outbox, reviews
from bot.store.db import Connection
from bot.usecases import releases
from bot.usecases.freezes import in_force
from bot.usecases.planning import plan_deploy


async def break_glass(
    ctx: Context, target: Target, version: Version, reason: str, *, key: str, by: UserId, asked_in: ChannelId
) -> Release:
    """Release it now. Raises UserError where nothing stands in the way: then it is a release like any other."""
    passed = await _in_the_way(ctx, target, by)
    if not passed:
        raise UserError(
            "nothing_to_break",
            f"`{target}` needs no approval, is not frozen and not locked: there is no glass to break.",
            hint=f"/deploy {target.environment} {target.service} {version}",
        )
    plan = await plan_deploy(ctx, target, version, unpinned=True)

    async def also(connection: Connection, release: Release) -> None:
        review = Review(release.id, target, plan.to_version, by, reason, _listed(passed), release.requested_at)
        await reviews.add(connection, review)
        entry = _entry(ctx, review, by, "breakglass", audit.AuditPhase.REQUEST, f"past {review.passed}: {reason}")
        await audit.append(connection, entry)
        await _tell(ctx, connection, review, asked_in)

    return await releases.request(ctx, plan, key=key, by=by, asked_in=asked_in, break_glass=reason, also=also)


async def _in_the_way(ctx: Context, target: Target, by: UserId) -> list[str]:
    """The rules that keep a release of a person out of a target now, in words."""
    environment = ctx.catalog.environments[target.environment]
    passed = []
    if environment.approvals:
        passed.append("1 approval" if environment.approvals == 1 else f"{environment.approvals} approvals")
    passed += [f'the freeze "{each.reason}"' for each in await in_force(ctx, environment)]
    async with ctx.database.read() as connection:
        held = await holds.over(connection, target)
        emergency = await emergencies.open_in(connection, target.environment)
    now = ctx.clock()
    passed += [f'the lock "{each.reason}"' for each in held if each.hinders(ReleaseKind.DEPLOY, by, now)]
    if emergency is not None:
        passed.append(f'the emergency "{emergency.reason}"')
    return passed


def _listed(passed: Sequence[str]) -> str:
    return " and ".join(each for each in (", ".join(passed[:-1]), passed[-1]) if each)


async def close(ctx: Context, release_id: ReleaseId, words: str, *, by: UserId) -> Review:
    """Somebody else has looked at it. Raises UserError for the one who broke the glass, and when it is closed."""
    now = ctx.clock()
    async with ctx.database.write() as connection:
        review = await _known(connection, release_id)
        if review.closed_by == by and review.words == words:
            return review  # the same form again, after a crash
        if review.closed_by is not None:
            raise UserError(
                "reviewed_before", "{who} has reviewed it at {since}.", who=review.closed_by, since=review.closed_at
            )
        if by == review.by:
            raise UserError(
                "self_review", "A second person must review it.", hint="Ask somebody with the role approver."
            )
        await reviews.close(connection, release_id, by=by, words=words, now=now)
        closed = replace(review, closed_at=now, closed_by=by, words=words)
        await audit.append(connection, _entry(ctx, closed, by, "breakglass.review", audit.AuditPhase.RESULT, words))
        await _put_card(ctx, connection, closed, ctx.ops_channel or ChannelId(""))
    ctx.bells.outbox.ring()
    return closed


async def open_reviews(ctx: Context) -> Sequence[Review]:
    """Those that nobody has closed, oldest first."""
    async with ctx.database.read() as connection:
        return await reviews.open_ones(connection)


async def meant(ctx: Context, words: str, *, about: str) -> tuple[ReleaseId, str]:
    """The review of this form or thread, the one that the words begin with, or the only one; and the words left."""
    if about.startswith("review:"):
        return ReleaseId(about.removeprefix("review:")), words
    found = await open_reviews(ctx)
    first, _, rest = words.partition(" ")
    named = [each for each in found if rest and len(first) >= 4 and each.release_id.endswith(first.lstrip("#").upper())]
    if len(named) == 1:
        return named[0].release_id, rest.strip()
    if len(found) == 1:
        return found[0].release_id, words
    raise UserError(
        "which_review", "Which review is meant?" if found else "No review is open.", hint="/kajitori reviews"
    )


async def place_of(ctx: Context, release_id: ReleaseId) -> Place:
    """Where the release of a review went. Raises UserError."""
    async with ctx.database.read() as connection:
        return Place.of((await _known(connection, release_id)).target)


async def _known(connection: Connection, release_id: ReleaseId) -> Review:
    review = await reviews.get(connection, release_id)
    if review is None:
        raise UserError("which_review", "I don't know this review.", hint="/kajitori reviews")
    return review


async def _tell(ctx: Context, connection: Connection, review: Review, asked_in: ChannelId) -> None:
    told_in = releases.channel_of(ctx, review.target) or asked_in
    await _put_card(ctx, connection, review, asked_in)
    if ctx.ops_channel is not None and ctx.ops_channel != told_in:
        body = loud_note(review, told_in).body()
        draft = outbox.Draft(kind=outbox.OutboxKind.NOTE, channel=ctx.ops_channel, body=body)
        await outbox.add(connection, draft, now=ctx.clock())


async def _put_card(ctx: Context, connection: Connection, review: Review, otherwise: ChannelId) -> None:
    draft = outbox.Draft(
        kind=outbox.OutboxKind.CARD,
        channel=releases.channel_of(ctx, review.target) or otherwise,
        body=review_card(review).body(),
        subject=subject_of(review),
    )
    await outbox.add(connection, draft, now=ctx.clock())


def _entry(ctx: Context, review: Review, by: UserId, action: str, phase: audit.AuditPhase, told: str) -> audit.Entry:
    return audit.Entry(ctx.clock(), by, action, str(review.target), phase, told, review.release_id)

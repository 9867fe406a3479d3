"""Canaries that people ask for: beginning one, giving it another share, holding it, promoting it.

A canary is a release (of the kind canary), so its approvals, its lock, its abort and its card are a release's. Called
by handlers/canary.py and, for promotions by the scheme, by the canary loop.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.context import Context
from bot.domain.canary import steering
from bot.domain.canary.asking import Act, Asked, understand
from bot.domain.canary.scheme import CanaryScheme, Driver
from bot.domain.canary.setting import CanarySetting
from bot.domain.canary.shares import PodShare, by_pods, is_telling
from bot.domain.catalog import CanaryPlan, Target
from bot.domain.names import ChannelId, EnvironmentName, ReleaseId, ServiceName, UserId, Version
from bot.domain.release import Plan, Release, ReleaseKind, ReleasePhase
from bot.errors import UserError
from bot.kube import canaries
from bot.store import audit, releases
from bot.store.ids import id_of
from bot.usecases.freezes import refuse_frozen
from bot.usecases.planning import plan_deploy, read_workload
from bot.usecases.releases import fresh_row, put_card, save_row, tell

DEFAULT_INTERVAL = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a canary would do, before it does anything."""

    plan: Plan
    setting: CanarySetting
    reachable: PodShare | None
    """Of the first step, where shares come in pods; None where every per cent can be had."""

    @property
    def asks_first(self) -> bool:
        """Whether people should see it and say yes: what they get is far from what they asked for."""
        scheme = self.plan.canary
        return self.reachable is not None and scheme is not None and is_telling(scheme.steps[0], self.reachable.percent)


async def offer(ctx: Context, target: Target, asked: Asked) -> Offer:
    """What `/canary` would do at a target without one. Raises UserError when it should not be done."""
    service = ctx.catalog.services[target.service]
    plan = await plan_deploy(ctx, target, asked.version)
    if plan.kind is not ReleaseKind.DEPLOY:
        raise UserError(
            "nothing_to_compare",
            f"`{target.service}` `{plan.to_version}` is what `{target.environment}` has now; a canary tries another.",
            hint=f"/canary {target.environment} {target.service} VERSION {asked.steps[0]}%",
        )
    chosen = service.canary
    stable = await read_workload(ctx, target)
    wanted = Driver(chosen.driver) if chosen is not None and chosen.driver else None
    setting = await canaries.detect(ctx.clusters[target.environment], stable, wanted)
    if setting.obstacles:
        raise UserError(
            "no_canary",
            f"`{target}` can't have a canary: {setting.obstacles[0]}",
            hint=f"Release it to all at once: /deploy {target.environment} {target.service} {plan.to_version}",
        )
    scheme = _scheme(asked, chosen, setting)
    plan = replace(plan, kind=ReleaseKind.CANARY, canary=scheme)
    return Offer(plan, setting, None if setting.is_exact else by_pods(setting.stable_pods, scheme.steps[0]))


def _scheme(asked: Asked, chosen: CanaryPlan | None, setting: CanarySetting) -> CanaryScheme:
    """The steps of the command; a single one begins the configured ones, where there are any above it."""
    steps, planned = asked.steps, len(asked.steps) > 1
    if not planned and chosen is not None:
        steps = (*steps, *(step for step in chosen.steps if step > steps[0]))
        planned = len(steps) > 1
    interval = asked.every or (chosen.interval if chosen is not None else DEFAULT_INTERVAL)
    return CanaryScheme(
        driver=setting.driver,
        steps=steps,
        interval_s=interval.total_seconds(),
        promotes=planned,
        carrier=setting.carrier,
        kubernetes_service=setting.kubernetes_service,
        aborts_when_worse=chosen is not None and chosen.aborts_when_worse,
    )


def with_place(
    asked: Asked, environment: EnvironmentName | None, service: ServiceName | None, version: Version | None
) -> Asked:
    """What was asked, with the words that were bound to fields of their own."""
    return replace(
        asked,
        environment=environment or asked.environment,
        service=service or asked.service,
        version=version or asked.version,
    )


def offer_value(offer: Offer) -> str:
    """What the button of an offer carries: everything to plan it again, and nothing that is taken on trust."""
    scheme = offer.plan.canary
    assert scheme is not None
    target, steps = offer.plan.target, " ".join(f"{step}%" for step in scheme.steps)
    return f"{target.environment} {target.service} {offer.plan.to_version} {steps} every {round(scheme.interval_s)}s"


def read_offer(ctx: Context, value: str) -> tuple[Target, Asked]:
    """The opposite of `offer_value`. Raises UserError for a value that we never wrote."""
    asked = understand(value.split(), ctx.catalog)
    if asked.environment is None or asked.service is None or asked.act is not Act.SHARE:
        raise UserError("bad_button", "I don't know what this button means.", hint="Use the command instead.")
    return Target(asked.environment, asked.service), asked


async def place(
    ctx: Context, asked: Asked, *, channel: ChannelId, channel_name: str, context: Target | None
) -> Target | None:
    """The target that is meant: named, of the thread, of the only canary, or of the channel's last release.

    None when that is not one thing.
    """
    environment = asked.environment or (context.environment if context else None)
    service = asked.service or (context.service if context else None)
    if environment is not None and service is not None:
        return Target(environment, service)
    running = [
        release.target
        for release in await live(ctx)
        if environment in (None, release.target.environment) and service in (None, release.target.service)
    ]
    if len(running) == 1:
        return running[0]
    if running:
        return None
    environment = environment or _of_channel(ctx, channel, channel_name)
    if environment is None:
        return None
    if service is None:
        async with ctx.database.read() as connection:
            recent = await releases.history(connection, environment=environment, limit=1)
        service = recent[0].target.service if recent else None
    return Target(environment, service) if service is not None and service in ctx.catalog.services else None


def _of_channel(ctx: Context, channel: ChannelId, name: str) -> EnvironmentName | None:
    here = [each.name for each in ctx.catalog.environments.values() if each.channel in (channel, f"#{name}")]
    return here[0] if len(here) == 1 else None


async def live(ctx: Context) -> list[Release]:
    """All canaries that are not over, oldest first."""
    async with ctx.database.read() as connection:
        return [each for each in await releases.live(connection) if each.plan.kind is ReleaseKind.CANARY]


async def at(ctx: Context, target: Target) -> Release | None:
    """The canary at a target, if there is one."""
    return next((release for release in await live(ctx) if release.target == target), None)


async def needed(ctx: Context, target: Target) -> Release:
    """The canary at a target. Raises UserError when there is none."""
    found = await at(ctx, target)
    if found is None:
        raise UserError(
            "no_canary_runs",
            f"`{target}` has no canary.",
            hint=f"/canary {target.environment} {target.service} 10% begins one.",
        )
    return found


async def share(ctx: Context, canary: Release, percent: int, version: Version | None, *, by: UserId) -> Release:
    """Another share for a running canary, up or down; from here on people decide its steps."""
    plan = canary.plan
    if version is not None and version != plan.to_version:
        raise UserError(
            "other_canary",
            f"`{plan.target}` already has a canary of `{plan.to_version}`, not of `{version}`.",
            hint=f"End it first: /canary abort {plan.target.environment} {plan.target.service}, or /canary promote …",
        )

    def changed(row: Release, now: datetime) -> Release:
        _refuse_ending(row)
        return row if row.canary and row.canary.asked == percent else steering.to_share(row, percent, now, by=by)

    return await _change(ctx, canary.id, None, by, f"share {percent} %", changed)


async def onward(ctx: Context, canary: Release, *, step: int | None, by: UserId) -> Release:
    """The scheme's next step now, without waiting for its interval."""

    def changed(row: Release, now: datetime) -> Release:
        _refuse_ending(row)
        assert row.canary is not None
        assert row.plan.canary is not None
        if row.canary.index + 1 >= len(row.plan.canary.steps):
            raise UserError("last_step", "This is the last step.", hint="Promote it, or abort it.")
        return steering.to_step(row, row.canary.index + 1, now, by=by)

    return await _change(ctx, canary.id, step, by, "next step", changed)


async def hold(ctx: Context, canary: Release, *, step: int | None, by: UserId) -> Release:
    """Keep its share until somebody resumes it."""

    def changed(row: Release, _now: datetime) -> Release:
        _refuse_ending(row)
        return row if row.phase is ReleasePhase.PAUSED and row.canary and row.canary.held_by else steering.held(row, by)

    return await _change(ctx, canary.id, step, by, "pause", changed)


async def resume(ctx: Context, canary: Release, *, step: int | None, by: UserId) -> Release:
    """Let its steps go on."""

    def changed(row: Release, now: datetime) -> Release:
        _refuse_ending(row)
        if row.phase is not ReleasePhase.PAUSED:
            raise UserError("not_paused", "It is not paused.", hint="Its card shows where it is.")
        return steering.resumed(row, now)

    return await _change(ctx, canary.id, step, by, "resume", changed)


async def promote(ctx: Context, canary: Release, *, step: int | None, by: UserId) -> Release:
    """Bring its version to the stable workload, by a release of its own that takes over the lock; the canary's row.

    Done once, however often it is asked: the release's id follows from the canary's.
    """
    target = canary.target
    refuse_frozen(ctx, ctx.catalog.environments[target.environment], ReleaseKind.PROMOTE)
    now = ctx.clock()
    async with ctx.database.write() as connection:
        row = await fresh_row(connection, canary.id, step, "promoted")
        if row.canary is not None and row.canary.promotion is not None:
            return row
        _refuse_ending(row)
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
    _ring(ctx)
    return saved


def _refuse_ending(row: Release) -> None:
    course = row.canary
    if row.phase in (ReleasePhase.AWAITING_APPROVAL, ReleasePhase.QUEUED):
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
    _ring(ctx)
    return saved


def _ring(ctx: Context) -> None:
    ctx.bells.releases.ring()
    ctx.bells.outbox.ring()

"""Promotions: exactly what runs healthy in the environment before, by its digest, and how the two overlays differ.

Called while a plan is made; reads only. What pods run is told by their nodes, not by the tag in a template.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime

from bot.context import Context
from bot.domain.catalog import Environment, Service, Target, WorkloadKind
from bot.domain.digests import current_pods, image_ids, names_content, reported, short
from bot.domain.images import BadImageReference, ImageRef, ImageRepository, is_moving, parse_image, parse_repository
from bot.domain.manifests.objects import set_image
from bot.domain.names import Version
from bot.domain.promotion import MOST_OBJECTS, Promotion, drift, for_how_long
from bot.domain.release import Plan, Release, ReleaseKind, ReleasePhase
from bot.domain.rollout import Observation, RolloutState, image_of, rollout_status
from bot.errors import NotFound, OutsideError, UserError
from bot.kube import workloads
from bot.store import releases
from bot.usecases.versions import Choice, moving_tag, names_of, offered

COMPARED_WITHIN_S = 10.0
"""Two overlays are rendered for a word on the card; it waits no longer for that."""


@dataclass(frozen=True, slots=True)
class Running:
    """What one environment runs of a service."""

    image: ImageRef
    tag: str
    told: Counter[str]
    """Digests that nodes report, with how many pods; empty when they report none that a registry knows."""
    pods: int
    since: datetime | None


async def promoted(ctx: Context, environment: Environment, service: Service) -> Choice:
    """What runs healthy in `promotes_from`, by digest. Raises UserError when that is not one thing, or not healthy."""
    if environment.promotes_from is None:
        raise UserError(
            "promotes_from_nowhere",
            f"`{environment.name}` has no environment before it to take a version from.",
            hint=f"Name a version: /deploy {environment.name} {service.name} VERSION; or set `promotes_from` in "
            "kajitori.yaml.",
        )
    source = ctx.catalog.environments[environment.promotes_from]
    await _refuse_moving(ctx, source, service)
    running = await running_in(ctx, source, service)
    choice = await content_of(ctx, source, service, running)
    now = ctx.clock()
    lasted = now - running.since if running.since is not None else None
    promotion = Promotion(
        source=source.name,
        ran_s=lasted.total_seconds() if lasted is not None else 0.0,
        pods=running.pods,
        tag_moved=choice.is_exact,
    )
    told = f" for {for_how_long(lasted)}" if lasted is not None else ""
    return replace(choice, origin=f"runs healthy in {source.name}{told}", promotion=promotion)


async def with_drift(ctx: Context, plan: Plan) -> Plan:
    """The plan of a promotion with how the two overlays differ at its commit; without, when they can't be rendered."""
    service, promotion, overlay = ctx.catalog.services[plan.target.service], plan.promotion, plan.overlay
    if promotion is None or overlay is None:
        return plan
    there = ctx.catalog.environments[plan.target.environment].promotes_from
    if there is None:
        return plan
    try:
        async with asyncio.timeout(COMPARED_WITHIN_S):
            async with ctx.manifests.source(service).checkout(overlay.commit.sha) as tree:
                rendered = [
                    await ctx.manifests.render(tree, ctx.manifests.path(service, name))
                    for name in (there, plan.target.environment)
                ]
    except (UserError, OutsideError, TimeoutError):
        return plan
    repository = parse_repository(service.image)
    before, after = (set_image(each, repository, plan.to_image)[0] for each in rendered)
    found = drift(before, after, names=(there, plan.target.environment))
    told = replace(
        promotion, compared=True, drift=found[:MOST_OBJECTS], drift_left_out=max(0, len(found) - MOST_OBJECTS)
    )
    return replace(plan, promotion=told)


async def _refuse_moving(ctx: Context, source: Environment, service: Service) -> None:
    """What moves there is not settled: nobody can say yet what ran well."""
    async with ctx.database.read() as connection:
        live = await releases.live(connection)
    target = Target(source.name, service.name)
    moving = next((r for r in live if r.target == target and _is_under_way(r)), None)
    if moving is None:
        return
    plan = moving.plan
    what = "tries a canary of" if plan.kind is ReleaseKind.CANARY else "is releasing"
    raise UserError(
        "source_moving",
        f"What runs in `{source.name}` is not settled: {{who}} {what} `{plan.to_version}` there since {{since}}.",
        hint=f"Wait until it is over, or name a version: /releases {source.name} {service.name}",
        who=moving.requested_by,
        since=moving.started_at or moving.requested_at,
    )


def _is_under_way(release: Release) -> bool:
    return release.phase is ReleasePhase.QUEUED or (release.phase.has_begun and not release.phase.is_over)


async def running_in(ctx: Context, source: Environment, service: Service) -> Running:
    seen = await _look(ctx, source, service)
    workload = seen.workload
    image = image_of(workload, service.container)
    try:
        reference = parse_image(image)
    except BadImageReference:
        reference = None
    if reference is None or reference.tag is None or reference.repository != parse_repository(service.image):
        raise UserError(
            "source_other_image",
            f"`{source.name}` runs `{image}`, which is no version of `{service.image}`.",
            hint="Name the version that you mean.",
        )
    if is_moving(reference.tag, service.moving_tags):
        raise moving_tag(service, reference.tag, await offered(ctx, service))
    status = rollout_status(workload, generation=workload.generation)
    pods = current_pods(seen)
    is_batch = service.workload.kind is WorkloadKind.CRONJOB
    if status.state is not RolloutState.DONE or not (is_batch or workload.desired):
        raise _unhealthy(source, service, reference.tag, status.text)
    fallen = [pod for pod in pods if not pod.ready]
    if fallen and not is_batch:
        raise _unhealthy(source, service, reference.tag, f"{len(fallen)} of {len(pods)} pods are not ready.")
    told = Counter(reported(each) for each in image_ids(pods, service.container) if names_content(each))
    return Running(reference, reference.tag, told, len(pods), await _since(ctx, source, service, reference.tag, seen))


def _unhealthy(source: Environment, service: Service, tag: str, why: str) -> UserError:
    return UserError(
        "source_unhealthy",
        f"`{service.name}` `{tag}` does not run healthy in `{source.name}`: {why}",
        hint="Wait until it does, or name a version.",
    )


async def _look(ctx: Context, source: Environment, service: Service) -> Observation:
    try:
        return await workloads.observe(ctx.clusters[source.name], service.workload, with_pods=True)
    except NotFound as error:
        raise UserError(
            "never_released",
            f"`{service.name}` was never released to `{source.name}`: it has no {service.workload.kind} "
            f"`{service.workload.name}`.",
            hint=f"Release it there first: /deploy {source.name} {service.name}",
        ) from error
    except OutsideError as error:
        raise UserError(
            "source_unknown",
            f"What runs in `{source.name}` could not be asked: {error.text}.",
            hint="Name a version to go on without it.",
        ) from error


async def _since(ctx: Context, source: Environment, service: Service, tag: str, seen: Observation) -> datetime | None:
    """Since when it runs: the release that brought it; of what was released otherwise, its oldest pod."""
    async with ctx.database.read() as connection:
        done = await releases.history(
            connection, environment=source.name, service=service.name, phase=ReleasePhase.SUCCEEDED
        )
    brought = next((release for release in done if release.plan.kind is not ReleaseKind.RESTART), None)
    if brought is not None and brought.plan.to_version == tag and brought.finished_at is not None:
        return brought.finished_at
    started = [
        each.started
        for pod in current_pods(seen)
        for each in pod.containers
        if each.name == service.container and each.started is not None
    ]
    return min(started, default=None)


async def content_of(ctx: Context, source: Environment, service: Service, running: Running) -> Choice:
    """The image that runs there. A tag may lead elsewhere by now; what nodes report decides."""
    repository = parse_repository(service.image)
    choice = Choice(Version(running.tag), "", checked=True)
    at_tag, is_asked = await _digest(ctx, repository, running.tag)
    for digest in dict.fromkeys(each for each in (running.image.digest, at_tag) if each):
        names = await names_of(ctx, service, digest) if is_asked else ()
        if running.told.keys() <= {digest, *names}:
            exact = digest != at_tag
            return replace(choice, digest=digest, names=names, is_exact=exact, checked=is_asked)
    if len(running.told) > 1:
        listed = ", ".join(f"{number} of `{short(digest)}`" for digest, number in running.told.most_common())
        raise UserError(
            "source_mixed",
            f"The pods in `{source.name}` run more than one image under the name `{running.tag}`: {listed}.",
            hint=f"Release one of them there: /deploy {source.name} {service.name} {running.tag}",
        )
    if not running.told:  # a CronJob, or pods that may not be listed, and a registry that is silent or lost it
        if is_asked:
            raise _lost(source, service, running.tag)
        return replace(choice, checked=False)
    (digest,) = running.told
    if is_asked and (await _digest(ctx, repository, digest))[0] is None:
        raise _lost(source, service, f"{running.tag} ({short(digest)})")
    names = await names_of(ctx, service, digest) if is_asked else ()
    return replace(choice, digest=digest, names=names, is_exact=True, checked=is_asked)


def _lost(source: Environment, service: Service, told: str) -> UserError:
    return UserError(
        "source_image_gone",
        f"The registry no longer has the `{service.name}` that `{source.name}` runs, {told}.",
        hint="Build it again, or name another version.",
    )


async def _digest(ctx: Context, repository: ImageRepository, name: str) -> tuple[str | None, bool]:
    """The digest behind a tag or digest, and whether the registry could be asked."""
    try:
        return await ctx.registry.digest(repository, name), True
    except OutsideError:
        return None, False

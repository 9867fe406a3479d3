"""Plans: the reads before a release is written down, and the reasons not to. Nothing here writes anything."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from bot.context import Context
from bot.domain.catalog import Environment, Service, Target, WorkloadKind
from bot.domain.digests import current_pods, image_ids, strangers
from bot.domain.images import (
    BadImageReference,
    deployable,
    digest_of,
    parse_repository,
    version_of,
    without_digest,
)
from bot.domain.names import Version
from bot.domain.release import DEFAULT_PROGRESS_DEADLINE_S, Plan, Release, ReleaseKind, ReleasePhase
from bot.domain.rollout import Revision, RolloutState, Workload, image_of, rollout_status
from bot.errors import NotFound, UserError
from bot.kube import workloads
from bot.store import releases
from bot.usecases.overlays import COMMIT_MARK, named_version, refuse_conflicts, survey
from bot.usecases.promotion import promoted, with_drift
from bot.usecases.versions import Choice, named, names_of, newest

GITOPS = ("argocd", "argo-cd", "kustomize-controller", "helm-controller", "flux", "fleet")
"""Beginnings of field manager names of tools that put their own version back within minutes."""


async def plan_deploy(
    ctx: Context,
    target: Target,
    asked: Version | None,
    *,
    forced: bool = False,
    like: Plan | None = None,
    unpinned: bool = False,
) -> Plan:
    """What `/deploy` would do. Raises UserError when it should not be done.

    `forced`: the overlay's fields are applied even where other field managers have set them. `like`: a plan whose image
    is meant, by digest where it has one. `unpinned`: a digest that is not known holds it up nowhere.
    """
    environment, service = ctx.catalog.environments[target.environment], ctx.catalog.services[target.service]
    choice = await _choice(ctx, environment, service, asked, like)
    workload = await _workload(ctx, environment, service)
    now_runs = image_of(workload, service.container)
    to_image = image_to_set(environment, service, choice, unpinned=unpinned)
    _refuse_gitops(service, workload)
    plan = Plan(
        kind=ReleaseKind.DEPLOY,
        target=target,
        workload=service.workload,
        container=service.container,
        uid=workload.uid,
        from_image=now_runs,
        from_version=version_of(now_runs),
        to_image=to_image,
        to_version=choice.version,
        origin=choice.origin,
        checked=choice.checked,
        to_digest=choice.digest,
        to_names=choice.names,
        promotion=choice.promotion,
        progress_deadline_s=workload.progress_deadline_s or DEFAULT_PROGRESS_DEADLINE_S,
    )
    if version_of(now_runs) == choice.version and service.manifests is None:
        plan = await _as_pods_run(ctx, plan, workload)
    if service.manifests is not None:
        plan = await with_drift(ctx, await _with_overlay(ctx, plan, workload, forced=forced))
    if now_runs == plan.to_image and (plan.overlay is None or not plan.overlay.is_change):
        return _same_version(replace(plan, overlay=None), workload)
    _refuse_paused(service, workload)
    return plan


async def _choice(
    ctx: Context, environment: Environment, service: Service, asked: Version | None, like: Plan | None
) -> Choice:
    """The version meant: the plan's own image, the one named, what runs in the environment before, or the newest."""
    if like is not None and like.is_pinned:
        digest = digest_of(like.to_image)
        names = like.to_names or await names_of(ctx, service, digest)
        return Choice(
            Version(like.to_version), like.origin, like.checked, digest, names, promotion=like.promotion, is_exact=True
        )
    if asked is not None:
        return await named(ctx, service, asked)
    if environment.promotes_from is not None:
        return await promoted(ctx, environment, service)
    return await newest(ctx, service)


def image_to_set(environment: Environment, service: Service, choice: Choice, *, unpinned: bool) -> str:
    """The image to set: by digest where the environment asks for that, or where the tag does not lead to it."""
    is_pinned = choice.is_exact or (environment.pins and bool(choice.digest))
    image = f"{service.image}:{choice.version}" + (f"@{choice.digest}" if is_pinned else "")
    if environment.pins and not is_pinned and not unpinned:
        raise UserError(
            "digest_unknown",
            f"`{environment.name}` takes images by digest, and the registry could not be asked for the one of "
            f"`{service.name}` `{choice.version}`. Nothing was started.",
            hint="Try again in a minute. With `pin_digests: false` tags are set there as they are.",
        )
    try:
        deployable(image, parse_repository(service.image), by_digest=is_pinned, moving=service.moving_tags)
    except BadImageReference as error:
        raise UserError("bad_image", f"`{image}` can't be released: {error}.", hint="Name another version.") from error
    return image


async def _as_pods_run(ctx: Context, plan: Plan, workload: Workload) -> Plan:
    """The plan for a version that the template names already, by what its pods really run.

    The same content under another spelling (with or without digest) is no change; other content under the same tag is
    set by its digest, since setting the tag again would change nothing.
    """
    status = rollout_status(workload, generation=workload.generation)
    if plan.to_digest and status.state is RolloutState.DONE and workload.ref.kind is not WorkloadKind.CRONJOB:
        seen = await workloads.observe(ctx.clusters[plan.target.environment], workload.ref, with_pods=True)
        if strangers(image_ids(current_pods(seen), plan.container), plan.to_digest, plan.to_names):
            return replace(plan, to_image=f"{without_digest(plan.to_image)}@{plan.to_digest}")
    is_same = without_digest(plan.from_image) == without_digest(plan.to_image)
    if is_same and digest_of(plan.from_image) in ("", plan.to_digest):
        return replace(plan, to_image=plan.from_image)
    return plan


async def _with_overlay(ctx: Context, plan: Plan, workload: Workload, *, forced: bool) -> Plan:
    """The plan with what its service's overlay would change, and the revision that an abort puts back."""
    found = await survey(ctx, plan, forced=forced, applied=workload.annotations.get(COMMIT_MARK, ""))
    refuse_conflicts(found.overlay, f"{plan.target.environment} {plan.target.service}")
    former: tuple[Revision, ...] = ()
    if plan.workload.kind is not WorkloadKind.CRONJOB:
        former = await workloads.revisions(ctx.clusters[plan.target.environment], plan.workload)
    return replace(plan, overlay=found.overlay, from_revision_uid=former[0].uid if former else "")


async def plan_promotion(ctx: Context, target: Target) -> Plan:
    """What `/promote` would do: `/deploy` without a version, refused where no environment is before this one."""
    if ctx.catalog.environments[target.environment].promotes_from is None:
        await promoted(ctx, ctx.catalog.environments[target.environment], ctx.catalog.services[target.service])
    return await plan_deploy(ctx, target, None)


async def plan_takeover(ctx: Context, target: Target) -> Plan:
    """What `/takeover` would do: the image that runs, with the overlay's fields whoever has set them."""
    present = await read_workload(ctx, target)
    image = image_of(present, ctx.catalog.services[target.service].container)
    like = replace(await plan_restart(ctx, target), origin="the version that runs") if digest_of(image) else None
    return await plan_deploy(ctx, target, Version(version_of(image)), forced=True, like=like)


def _same_version(plan: Plan, workload: Workload) -> Plan:
    """The version stands in the template already: nothing to do when it runs; a restart when it failed."""
    status = rollout_status(workload, generation=workload.generation)
    where = f"`{plan.target.service}` `{plan.to_version}`"
    match status.state:
        case RolloutState.DONE:
            raise UserError(
                "already_running",
                f"{where} already runs in `{plan.target.environment}`, {status.ready} of {status.desired} pods ready.",
                hint=f"/status {plan.target.environment} {plan.target.service}",
            )
        case RolloutState.WAITING:
            raise UserError(
                "already_rolling",
                f"{where} is being rolled out in `{plan.target.environment}` already: {status.text}",
                hint=f"/status {plan.target.environment} {plan.target.service}",
            )
        case RolloutState.FAILED:
            return replace(plan, kind=ReleaseKind.RESTART)


async def plan_rollback(ctx: Context, target: Target, asked: Version | None) -> Plan:
    """What `/rollback` would do: to the version named, or to the last one that ran well before the present one."""
    environment, service = ctx.catalog.environments[target.environment], ctx.catalog.services[target.service]
    workload = await _workload(ctx, environment, service)
    now_runs = image_of(workload, service.container)
    wanted, left, done = await _wanted_version(ctx, target, now_runs, asked)
    plan = Plan(
        kind=ReleaseKind.ROLLBACK,
        target=target,
        workload=service.workload,
        container=service.container,
        uid=workload.uid,
        from_image=now_runs,
        from_version=version_of(now_runs),
        to_image="",
        to_version="",
        origin="",
        progress_deadline_s=workload.progress_deadline_s or DEFAULT_PROGRESS_DEADLINE_S,
    )
    _refuse_gitops(service, workload)
    if service.workload.kind is WorkloadKind.CRONJOB:
        plan = _to_version_by_image(plan, service, wanted)
        image = pinned(environment, plan.to_image, plan.to_version, done)
        return replace(plan, to_image=image, to_digest=digest_of(image))
    former = await workloads.revisions(ctx.clusters[environment.name], service.workload)
    chosen = _revision(plan, service, former, wanted, left)
    image = chosen.images[service.container]
    image = pinned(environment, image, version_of(image), done)
    _refuse_paused(service, workload)
    return replace(
        plan,
        to_image=image,
        to_digest=digest_of(image),
        to_version=version_of(image),
        origin=f"revision {chosen.number}" if asked else f"the version before, revision {chosen.number}",
        revision_uid=chosen.uid,
        revision_number=chosen.number,
        from_revision_uid=former[0].uid if former else "",
        overlay_names=await named_version(ctx, target),
    )


async def plan_restart(ctx: Context, target: Target) -> Plan:
    """New pods of the version that runs, as `kubectl rollout restart` makes them."""
    environment, service = ctx.catalog.environments[target.environment], ctx.catalog.services[target.service]
    if service.workload.kind is WorkloadKind.CRONJOB:
        raise UserError(
            "not_restartable",
            f"`{service.name}` is a CronJob: it has no pods of its own to restart.",
            hint=f"/jobs {environment.name} {service.name}",
        )
    workload = await _workload(ctx, environment, service)
    _refuse_paused(service, workload)
    image = image_of(workload, service.container)
    return Plan(
        kind=ReleaseKind.RESTART,
        target=target,
        workload=service.workload,
        container=service.container,
        uid=workload.uid,
        from_image=image,
        from_version=version_of(image),
        to_image=image,
        to_version=version_of(image),
        origin="new pods of the same version",
        progress_deadline_s=workload.progress_deadline_s or DEFAULT_PROGRESS_DEADLINE_S,
    )


async def plan_undo(ctx: Context, former: Release) -> Plan:
    """What the Roll back button of a release would do. Raises UserError when something else runs by now."""
    plan = former.plan
    environment, service = ctx.catalog.environments[plan.target.environment], ctx.catalog.services[plan.target.service]
    workload = await _workload(ctx, environment, service)
    present = version_of(image_of(workload, service.container))
    if present != plan.to_version:
        raise UserError(
            "moved_on",
            f"`{plan.target}` now has `{present}`, not the `{plan.to_version}` that this card tells of.",
            hint=f"/rollback {plan.target.environment} {plan.target.service}",
        )
    return await plan_rollback(ctx, plan.target, Version(plan.from_version))


async def _wanted_version(
    ctx: Context, target: Target, now_runs: str, asked: Version | None
) -> tuple[str | None, frozenset[str], Sequence[Release]]:
    """The version named; else the one that ran well here before the present one. And those never to choose unasked,
    and what went well here, newest first."""
    async with ctx.database.read() as connection:
        done = await releases.history(
            connection,
            environment=target.environment,
            service=target.service,
            phase=ReleasePhase.SUCCEEDED,
            limit=50,
        )
    before, left = version_before(version_of(now_runs), reversed(done))
    return asked or before, left, done


def pinned(environment: Environment, image: str, version: str, done: Sequence[Release]) -> str:
    """The image of a former revision, by the digest that it ran with when it went well here, where that is known.

    A rollback is never held up for it: without one it is as the revision has it.
    """
    if not environment.pins or digest_of(image):
        return image
    ran = next((r.plan for r in done if r.plan.to_version == version and r.plan.to_digest), None)
    if ran is None or without_digest(ran.to_image) != image:
        return image
    return f"{image}@{ran.to_digest}"


def version_before(present: str, done: Iterable[Release]) -> tuple[str | None, frozenset[str]]:
    """The version to go back to, and the versions that were rolled back from, given the successes, oldest first.

    A rollback takes versions off the stack, so that rolling back twice goes back twice and never forward again.
    """
    stack: list[str] = []
    left: set[str] = set()
    for release in done:
        plan = release.plan
        if plan.kind is ReleaseKind.ROLLBACK:
            while stack and stack[-1] != plan.to_version:
                left.add(stack.pop())
            left.add(plan.from_version)
        else:
            if not stack or stack[-1] != plan.from_version:
                stack.append(plan.from_version)
            left.discard(plan.from_version)
        if not stack or stack[-1] != plan.to_version:
            stack.append(plan.to_version)
        left.discard(plan.to_version)
    while stack and stack[-1] == present:
        stack.pop()
    return (stack[-1] if stack else None), frozenset(left - {present})


def _revision(
    plan: Plan, service: Service, former: tuple[Revision, ...], wanted: str | None, left: frozenset[str]
) -> Revision:
    """The revision to put back: of the version wanted, else the newest other one that was not rolled back from."""
    others = [r for r in former if r.images.get(service.container) not in (None, plan.from_image)]
    if wanted is not None:
        for revision in others:
            if version_of(revision.images[service.container]) == wanted:
                return revision
        if wanted == plan.from_version:
            raise UserError(
                "already_running",
                f"`{service.name}` `{wanted}` is what `{plan.target.environment}` has now.",
                hint=f"/status {plan.target.environment} {plan.target.service}",
            )
    else:
        fresh = [r for r in others if version_of(r.images[service.container]) not in left]
        if fresh:
            return fresh[0]
    kept = ", ".join(f"`{version_of(r.images[service.container])}`" for r in others)
    name = f"`{service.name}` `{wanted}`" if wanted else f"an earlier version of `{service.name}`"
    raise UserError(
        "no_such_revision",
        f"`{plan.target.environment}` no longer keeps {name} to roll back to."
        + (f" It keeps {kept}." if kept else " It keeps none."),
        hint=f"/deploy {plan.target.environment} {plan.target.service} {wanted or 'VERSION'}",
    )


def _to_version_by_image(plan: Plan, service: Service, wanted: str | None) -> Plan:
    """CronJobs keep no revisions: the image of the version is set."""
    if wanted is None or wanted == plan.from_version:
        raise UserError(
            "no_such_revision",
            f"I know no earlier version of `{service.name}` in `{plan.target.environment}`; CronJobs keep no history.",
            hint=f"/deploy {plan.target.environment} {plan.target.service} VERSION",
        )
    image = f"{service.image}:{wanted}"
    return replace(plan, to_image=image, to_version=wanted, origin="an earlier release")


async def read_workload(ctx: Context, target: Target) -> Workload:
    """The workload of a target as it is now. Raises UserError when there is none."""
    return await _workload(ctx, ctx.catalog.environments[target.environment], ctx.catalog.services[target.service])


async def _workload(ctx: Context, environment: Environment, service: Service) -> Workload:
    try:
        workload = await workloads.read(ctx.clusters[environment.name], service.workload)
    except NotFound as error:
        kind, name = service.workload.kind, service.workload.name
        if kind is WorkloadKind.ROLLOUT and not await workloads.serves_rollouts(ctx.clusters[environment.name]):
            raise UserError(
                "no_argo",
                f"`{environment.name}` knows no Rollouts: Argo Rollouts is not installed there.",
                hint="Install it, or mend `workload` of this service in kajitori.yaml.",
            ) from error
        raise UserError(
            "no_workload",
            f"`{environment.name}` has no {kind} `{name}` in the namespace `{service.workload.namespace}`.",
            hint="Create it first, or mend `workload` of this service in kajitori.yaml.",
        ) from error
    _refuse_foreign_rollout(service, workload)
    image_of(workload, service.container)
    return workload


def _refuse_foreign_rollout(service: Service, workload: Workload) -> None:
    """Rollouts that a change of the image would not bring to everybody as a release expects it."""
    argo, name = workload.argo, service.workload.name
    if argo is not None and argo.template_of:
        raise UserError(
            "rollout_borrows_pods",
            f"The Rollout `{name}` takes its pods from `{argo.template_of}` (workloadRef), so it has no image to set.",
            hint="Give the Rollout a pod template of its own.",
        )
    if argo is not None and argo.strategy != "canary":
        what = "is a blue-green one" if argo.strategy else "has no strategy"
        raise UserError(
            "rollout_not_canary",
            f"The Rollout `{name}` {what}; I release only Rollouts with the strategy canary.",
            hint=f"Change its strategy, or use kubectl argo rollouts set image {name} {service.container}=IMAGE",
        )


def _refuse_paused(service: Service, workload: Workload) -> None:
    if workload.paused:
        raise UserError(
            "paused",
            f"The {service.workload.kind} `{service.workload.name}` is paused, so that nothing would be rolled out.",
            hint=f"Resume it: {workload.resume_command}",
        )


def _refuse_gitops(service: Service, workload: Workload) -> None:
    manager = workload.managers.get(service.container, "")
    if manager.lower().startswith(GITOPS):
        raise UserError(
            "managed_elsewhere",
            f"The image of `{service.name}` belongs to `{manager}`, which would put its own version back.",
            hint="Change the version where that tool reads it.",
        )

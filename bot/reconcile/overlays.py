"""The writes of a release that applies an overlay: its objects, the workload last; at the end, what left it.

Called by the release loop within a look. Killed anywhere it starts over: applying again what is there changes nothing,
and objects that carry this release's mark prove that it began.
"""

from bot.context import Context
from bot.domain.manifests.live import fingerprint, for_service
from bot.domain.manifests.overlay import ObjectChange, Verb, short, what_moved
from bot.domain.release import Release
from bot.domain.rollout import Workload
from bot.errors import Conflict, NotFound, Refused, UserError
from bot.failpoints import reach
from bot.kube import objects, workloads
from bot.kube.answers import FieldsTaken
from bot.usecases.overlays import COMMIT_MARK, Survey, refuse_conflicts, survey


async def apply_overlay(ctx: Context, release: Release, workload: Workload) -> Workload:
    """Apply everything; the workload as the reply shows it.

    Raises Refused (`plan_moved`, `fields_taken`, …) when it can't be what people looked at, Conflict when the workload
    was changed since it was read.
    """
    plan = release.plan
    assert plan.overlay is not None
    cluster = ctx.clusters[plan.target.environment]
    found = await _checked(ctx, release)
    marks = dict(release.marks()) | {COMMIT_MARK: plan.overlay.commit.sha}
    *others, main = (for_service(each, plan.target.service, marks) for each in found.manifests)
    try:
        for manifest in others:
            await objects.apply(cluster, manifest, forced=plan.overlay.forced)
            reach("overlay.after_object")
        # Only as it was read just now: a release that somebody else began meanwhile is not overwritten.
        main["metadata"] |= {"resourceVersion": workload.resource_version, "uid": workload.uid}
        written = await objects.apply(cluster, main, forced=plan.overlay.forced, own=plan.container)
    except FieldsTaken as error:
        raise Refused(error.system, error.text, code="fields_taken") from error
    return workloads.parsed(plan.workload, written)


async def _checked(ctx: Context, release: Release) -> Survey:
    """The manifests to apply, if they are what people looked at and the cluster is as it was then.

    Once an object carries this release's mark it goes on with its own commit, whatever the branch has by now.
    """
    plan = release.plan
    assert plan.overlay is not None
    system, planned = ctx.clusters[plan.target.environment].system, plan.overlay
    try:
        now = await survey(ctx, plan, forced=planned.forced, commit=planned.commit.sha, mark=release.id)
        if now.overlay.content != planned.content:
            text = f"the overlay at {short(planned.commit.sha)} renders to something else than when it was looked at"
            raise Refused(system, text, code="plan_moved")
        if now.marked:
            return now
        latest = await survey(ctx, plan, forced=planned.forced)
        moved = what_moved(planned, latest.overlay)
        if moved:
            raise Refused(system, f"since people looked at the plan, {moved}", code="plan_moved")
        refuse_conflicts(now.overlay, f"{plan.target.environment} {plan.target.service}")
    except UserError as error:
        code = "plan_moved" if error.code == "unknown_commit" else error.code
        raise Refused(system, error.text, code=code) from error
    return now


async def prune(ctx: Context, release: Release) -> tuple[str, ...]:
    """Delete what left the overlay, as the plan said; the names of those that had to stay, and why.

    Objects that are no longer as the plan saw them stay.
    """
    plan = release.plan
    if plan.overlay is None:
        return ()
    cluster, stayed = ctx.clusters[plan.target.environment], []
    for change in plan.overlay.changes:
        if change.verb is not Verb.PRUNE:
            continue
        try:
            live = await objects.get(cluster, _named(release, change))
            if live is None:
                continue
            if fingerprint(live) != change.live:
                stayed.append(f"{change} (changed meanwhile)")
                continue
            await objects.delete(cluster, {**live, "apiVersion": change.api_version, "kind": change.kind})
        except NotFound:
            continue
        except Conflict:
            stayed.append(f"{change} (changed meanwhile)")
        except Refused as error:
            stayed.append(f"{change} ({error.text})")
        reach("overlay.after_prune")
    return tuple(stayed)


def _named(release: Release, change: ObjectChange) -> dict[str, object]:
    metadata = {"name": change.name, "namespace": release.plan.workload.namespace}
    return {"apiVersion": change.api_version, "kind": change.kind, "metadata": metadata}

"""The writes of the release loop: one conditional request each, decided by bot.domain.steering.

Called by bot.reconcile.releases with the workload as it was read just now.
"""

from bot.context import Context
from bot.domain.catalog import WorkloadKind
from bot.domain.images import digest_of, without_digest
from bot.domain.release import Release, ReleaseKind
from bot.domain.rollout import Revision, Workload
from bot.domain.steering import Decision, PassSteps, PutBack, Save, WriteVersion, restart_mark
from bot.errors import Refused
from bot.failpoints import reach
from bot.kube import canaries, workloads
from bot.reconcile.overlays import apply_overlay


async def write(ctx: Context, release: Release, workload: Workload | None, decision: Decision) -> Workload:
    """Carry out a decision; the workload as the reply shows it, whose generation is the gate of what follows.

    Raises Conflict when the workload changed since it was read, Refused when the revision to put back is gone.
    """
    assert workload is not None
    plan = release.plan
    cluster = ctx.clusters[plan.target.environment]
    reach("release.before_write")
    match decision:
        case PutBack() if plan.from_revision_uid and (plan.kind is ReleaseKind.ROLLBACK or plan.overlay is not None):
            former = await _revision(ctx, release, plan.from_revision_uid)
            if former is None:
                raise Refused(cluster.system, "the revision before it is no longer kept", code="revision_gone")
            return await workloads.restore(cluster, workload, former, annotations=release.marks())
        case PutBack() if plan.kind is ReleaseKind.PROMOTE and plan.workload.kind is WorkloadKind.ROLLOUT:
            return await canaries.give_back(cluster, release, workload)
        case PutBack():
            return await workloads.set_image(
                cluster, workload, container=plan.container, image=plan.from_image, annotations=release.marks()
            )
        case WriteVersion() if plan.overlay is not None:
            return await apply_overlay(ctx, release, workload)
        case WriteVersion() if plan.kind is ReleaseKind.RESTART:
            return await workloads.restart(cluster, workload, at=restart_mark(release), annotations=release.marks())
        case WriteVersion() if plan.revision_uid:
            wanted = await _revision(ctx, release, plan.revision_uid)
            if wanted is None or not _is_of(wanted.images.get(plan.container, ""), plan.to_image):
                text = f"the revision with {plan.to_version} is no longer kept; deploy that version instead"
                raise Refused(cluster.system, text, code="revision_gone")
            pinned = wanted.with_image(plan.container, plan.to_image)
            return await workloads.restore(cluster, workload, pinned, annotations=release.marks())
        case WriteVersion():
            return await workloads.set_image(
                cluster, workload, container=plan.container, image=plan.to_image, annotations=release.marks()
            )
        case PassSteps():
            return await workloads.pass_steps(cluster, workload)
        case Save():
            raise AssertionError("a row to save is no write")


def _is_of(kept: str, wanted: str) -> bool:
    """Whether a kept revision's image is the one wanted, which may name its digest where the revision does not."""
    return kept == wanted or (not digest_of(kept) and kept == without_digest(wanted))


async def _revision(ctx: Context, release: Release, uid: str) -> Revision | None:
    cluster = ctx.clusters[release.target.environment]
    former = await workloads.revisions(cluster, release.plan.workload)
    return next((revision for revision in former if revision.uid == uid), None)

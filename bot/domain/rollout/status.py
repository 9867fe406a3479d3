"""Where a rollout stands, by the rules of `kubectl rollout status`: one reader per kind of workload.

Stricter than kubectl in three points: nothing counts before the controller has seen the generation that our own write
returned; a StatefulSet without partition must also have made the new revision its current one; a deadline that passed
before our write is not ours.
"""

from datetime import datetime, timedelta

from bot.domain.catalog import WorkloadKind
from bot.domain.rollout.argo import ArgoState
from bot.domain.rollout.observation import RolloutState, RolloutStatus, Workload
from bot.errors import UserError

DEFAULT_PROGRESS_DEADLINE_S = 600
"""Kubernetes' default of spec.progressDeadlineSeconds."""


def rollout_status(workload: Workload, *, generation: int, since: datetime | None = None) -> RolloutStatus:
    """The verdict on `workload`, where `generation` is the one that the write being followed returned.

    `since`: when that write was made; a ProgressDeadlineExceeded older than that is left over from an earlier rollout
    (a rollback of a stuck Deployment shows it until its first new pod is ready) and does not count.
    """
    match workload.ref.kind:
        case WorkloadKind.CRONJOB:
            if workload.generation < generation:
                return _verdict(workload, RolloutState.WAITING, "Waiting to see the change.")
            return _verdict(workload, RolloutState.DONE, "The next run uses it.")
        case _ if workload.generation < generation or workload.observed_generation < workload.generation:
            return _verdict(workload, RolloutState.WAITING, "Waiting for Kubernetes to notice the change.")
        case WorkloadKind.DEPLOYMENT:
            return _deployment(workload, since)
        case WorkloadKind.STATEFULSET:
            return _statefulset(workload)
        case WorkloadKind.DAEMONSET:
            return _daemonset(workload)
        case WorkloadKind.ROLLOUT:
            return _argo(workload, workload.argo or ArgoState(), since)


def image_of(workload: Workload, container: str) -> str:
    """The image of `container` in the pod template. Raises UserError `no_such_container`, naming those there are."""
    try:
        return workload.images[container]
    except KeyError:
        known = ", ".join(sorted(workload.images)) or "none"
        raise UserError(
            "no_such_container",
            f"{workload.ref} has no container {container}; it has: {known}.",
            hint="Set `container` of this service in kajitori.yaml.",
        ) from None


def tag_of(image: str) -> str:
    """The tag; without one, the digest's first 12 characters (`sha256:0123456789ab`); without either, `latest`."""
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    if tag:
        return tag
    algorithm, _, sum_ = digest.partition(":")
    return f"{algorithm}:{sum_[:12]}" if sum_ else "latest"


def _deployment(workload: Workload, since: datetime | None) -> RolloutStatus:
    """The rules (a) to (d) of kubectl, in its order."""
    if _deadline_passed(workload, since):
        limit = workload.progress_deadline_s or DEFAULT_PROGRESS_DEADLINE_S
        return _verdict(workload, RolloutState.FAILED, f"No progress for {limit} s: the rollout's deadline passed.")
    return _by_counts(workload)


def _by_counts(workload: Workload) -> RolloutStatus:
    if workload.updated < workload.desired:
        return _waiting(workload, f"{workload.updated} of {workload.desired} pods are new.")
    if workload.total > workload.updated:
        old = workload.total - workload.updated
        return _waiting(workload, f"Waiting for {old} old {'pod' if old == 1 else 'pods'} to stop.")
    if workload.available < workload.updated:
        return _waiting(workload, f"{workload.available} of {workload.updated} new pods are available.")
    return _done(workload)


def _argo(workload: Workload, state: ArgoState, since: datetime | None) -> RolloutStatus:
    """The phase that its controller tells, but a deadline that passed before our write; without one, the counts."""
    if _deadline_passed(workload, since):
        limit = workload.progress_deadline_s or DEFAULT_PROGRESS_DEADLINE_S
        return _verdict(workload, RolloutState.FAILED, f"No progress for {limit} s: the rollout's deadline passed.")
    # An abort before our write is forgotten with it, and the phase may say so a moment longer.
    is_past = state.message.startswith("RolloutAborted") and not state.aborted
    if state.phase == "Degraded" and not is_past and not state.message.startswith("ProgressDeadlineExceeded"):
        why = state.message.rstrip(".") or "its controller does not say why"
        return _verdict(workload, RolloutState.FAILED, f"The Rollout is degraded: {why}.")
    if state.pauses:
        where = f"at {state.place}" if state.step else f"({', '.join(state.pauses)})"
        return _verdict(workload, RolloutState.WAITING, f"The Rollout pauses {where}.")
    if state.is_resuming:
        return _waiting(workload, "Waiting for the Rollout to go on.")
    if state.phase != "Healthy" and state.step and not state.promotes_fully:
        return _waiting(workload, f"The Rollout is at {state.place}.")
    counted = _by_counts(workload)
    if counted.state is RolloutState.DONE and state.phase not in ("", "Healthy"):
        return _waiting(workload, f"The Rollout is not through yet: {(state.message or state.phase).rstrip('.')}.")
    return counted


def _statefulset(workload: Workload) -> RolloutStatus:
    if workload.on_delete and workload.updated < workload.desired:
        return _waiting(
            workload,
            f"{workload.updated} of {workload.desired} pods are new: this StatefulSet replaces a pod only when "
            "somebody deletes it (updateStrategy OnDelete).",
        )
    if workload.ready < workload.desired:
        return _waiting(workload, f"{workload.ready} of {workload.desired} pods are ready.")
    wanted = max(0, workload.desired - workload.partition)
    if workload.updated < wanted:
        return _waiting(workload, f"{workload.updated} of {wanted} pods are new.")
    if workload.partition > 0:
        kept = workload.desired - wanted
        return _verdict(
            workload,
            RolloutState.DONE,
            f"{workload.updated} {'pod is' if workload.updated == 1 else 'pods are'} new; {kept} "
            f"{'keeps' if kept == 1 else 'keep'} the old version because of the StatefulSet's partition.",
        )
    if not workload.on_delete and workload.current_revision != workload.update_revision:
        return _waiting(workload, "All pods are new; waiting for the StatefulSet to make it its current revision.")
    return _done(workload)


def _daemonset(workload: Workload) -> RolloutStatus:
    if workload.updated < workload.desired:
        slow = ": this DaemonSet replaces a pod only when somebody deletes it (updateStrategy OnDelete)"
        return _waiting(
            workload,
            f"{workload.updated} of {workload.desired} nodes have the new pod{slow if workload.on_delete else ''}.",
        )
    if workload.available < workload.desired:
        return _waiting(workload, f"{workload.available} of {workload.desired} new pods are available.")
    return _done(workload)


def _deadline_passed(workload: Workload, since: datetime | None) -> bool:
    for condition in workload.conditions:
        if condition.type != "Progressing" or condition.reason != "ProgressDeadlineExceeded":
            continue
        if since is None or condition.at is None:
            return True
        # Ours can't come before the whole deadline is over; half of it leaves room for clocks that differ.
        deadline = timedelta(seconds=workload.progress_deadline_s or DEFAULT_PROGRESS_DEADLINE_S)
        return condition.at >= since + deadline / 2
    return False


def _waiting(workload: Workload, text: str) -> RolloutStatus:
    if workload.paused:
        text = f"Paused by somebody: `{workload.resume_command}` goes on. {text}"
    return _verdict(workload, RolloutState.WAITING, text)


def _done(workload: Workload) -> RolloutStatus:
    if workload.desired == 0:
        return _verdict(workload, RolloutState.DONE, "Scaled to 0: the version is set, no pod runs.")
    count = "The pod is" if workload.desired == 1 else f"All {workload.desired} pods are"
    return _verdict(workload, RolloutState.DONE, f"{count} new and available.")


def _verdict(workload: Workload, state: RolloutState, text: str) -> RolloutStatus:
    return RolloutStatus(state, text, updated=workload.updated, ready=workload.ready, desired=workload.desired)

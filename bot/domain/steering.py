"""What the release loop does next: pure decisions from a release's row and what the cluster shows.

Called by bot.reconcile.releases with a fresh observation. A decision is the row to save, or a write to make; every
write is decided from what was read just now, and is conditional on that reading, so deciding twice is safe.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from bot.domain.catalog import WorkloadKind
from bot.domain.digests import current_pods, image_ids, short, strangers
from bot.domain.images import shortened
from bot.domain.release import (
    DEFAULT_PROGRESS_DEADLINE_S,
    OWN_MARGIN,
    START_VALID,
    Outcome,
    Progress,
    Release,
    ReleaseKind,
    ReleasePhase,
)
from bot.domain.rollout import Observation, PodTrouble, RolloutState, Workload, rollout_status

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
"""Template annotation that `kubectl rollout restart` writes: a new value makes new pods of the same image."""
SKIPS_STEPS = (ReleaseKind.ROLLBACK, ReleaseKind.PROMOTE)
"""Kinds that take a Rollout past its own canary steps: back in an emergency, or on after a canary was enough."""
HOPELESS_AFTER = timedelta(seconds=8)
"""How long a trouble that Kubernetes can't mend by retrying (an image that does not exist) must stand before the
release is called failed. A registry that was slow to publish has mended itself by then."""


@dataclass(frozen=True, slots=True)
class Save:
    """Save this row; nothing to write to the cluster."""

    release: Release


@dataclass(frozen=True, slots=True)
class WriteVersion:
    """Bring the workload to the plan's version: by image, by template, or by a restart mark."""


@dataclass(frozen=True, slots=True)
class PutBack:
    """Undo the release's own write."""


@dataclass(frozen=True, slots=True)
class PassSteps:
    """Let a Rollout skip what is left of its own canary steps."""


Decision = Save | WriteVersion | PutBack | PassSteps


def _image(workload: Workload, release: Release) -> str:
    """The image that the workload's template names for the release's container; empty when it has no such container."""
    return workload.images.get(release.plan.container, "")


def decide_start(release: Release, workload: Workload | None, now: datetime) -> Decision:
    """The first write: make it, adopt it when a lost reply or a crash hid that it was made, or end without it."""
    if workload is None:
        return Save(_gone(release, now))
    if workload.uid != release.plan.uid:
        return Save(_recreated(release, now))
    if _carries_our_write(release, workload):
        return Save(_adopted(release, workload, now))
    if _is_own_canary(release, workload):
        return Save(_adopted(release, workload, now))
    # Our mark without our template: the write was made, its reply was lost, and somebody took it back since.
    if _image(workload, release) != release.plan.from_image or _has_our_mark(release, workload):
        return Save(_superseded(release, workload, now))
    if release.abort_by is not None:
        return Save(_not_started(release, "Stopped before anything was changed.", now))
    if release.started_at is not None and now - release.started_at > START_VALID:
        return Save(_not_started(release, "The cluster could not be reached for too long; nothing was changed.", now))
    if workload.paused:
        text = f"The {_kind(workload)} is paused, so that nothing would be rolled out. Nothing was changed."
        remedy = f"Resume it with {workload.resume_command}, then retry."
        return Save(release.finished(ReleasePhase.FAILED, Outcome("paused", text, remedy), now))
    return WriteVersion()


def decide_progress(
    release: Release, seen: Observation | None, troubles: tuple[PodTrouble, ...], now: datetime
) -> Decision:
    """The next move of a release whose write is known: abort first, then what the cluster shows."""
    if seen is None:
        return Save(_gone(release, now))
    workload = seen.workload
    if workload.uid != release.plan.uid:
        return Save(_recreated(release, now))
    if release.undo_generation is not None:
        if _is_held_by_steps(workload, release.undo_generation):
            return PassSteps()
        return Save(_watch_undo(release, workload, troubles, now))
    if not _is_at_target(release, workload):
        if release.abort_by is not None and _image(workload, release) == release.plan.from_image:
            return Save(_adopt_undo(release, workload, now))
        return Save(_superseded(release, workload, now))
    if release.abort_by is not None:
        return Save(_restart_let_go(release, now)) if release.plan.kind is ReleaseKind.RESTART else PutBack()
    assert release.generation is not None, "decide_progress needs a release whose write is known"
    if release.plan.kind in SKIPS_STEPS and _is_held_by_steps(workload, release.generation):
        return PassSteps()
    status = rollout_status(workload, generation=release.generation, since=release.started_at)
    progress = Progress(status.updated, status.ready, status.desired)
    moving = replace(release, progress=progress, troubles=troubles, notice="")
    if progress != release.progress or release.progressed_at is None:
        moving = replace(moving, progressed_at=now)
    match status.state:
        case RolloutState.DONE:
            return Save(_succeeded(moving, seen, now))
        case RolloutState.FAILED:
            return Save(_failed(moving, troubles, Outcome("deadline", status.text), now))
        case RolloutState.WAITING:
            return Save(_still_moving(moving, workload, troubles, now))


def _still_moving(release: Release, workload: Workload, troubles: tuple[PodTrouble, ...], now: datetime) -> Release:
    if workload.is_held:
        outcome = _held(workload)
        if (release.phase, release.outcome) == (ReleasePhase.PAUSED, outcome):
            return replace(release, progressed_at=now)
        return release.moved(phase=ReleasePhase.PAUSED, progressed_at=now, outcome=outcome)
    if release.phase is ReleasePhase.PAUSED:
        return release.moved(phase=ReleasePhase.PROGRESSING, progressed_at=now, outcome=None)
    if workload.argo is not None and workload.argo.is_at_endless_step:
        return replace(release, progressed_at=now)
    since = now - (release.progressed_at or now)
    if since >= HOPELESS_AFTER and any(trouble.hopeless for trouble in troubles):
        return _failed(release, troubles, Outcome("deadline", ""), now)
    limit_s = workload.progress_deadline_s or release.plan.progress_deadline_s or DEFAULT_PROGRESS_DEADLINE_S
    if since >= timedelta(seconds=limit_s) + OWN_MARGIN:
        text = f"Nothing moved for {round(since.total_seconds())} s, longer than the progress deadline of {limit_s} s."
        return _failed(release, troubles, Outcome("deadline", text), now)
    return release


def _held(workload: Workload) -> Outcome:
    """Why it does not go on by itself, and what lets it."""
    argo = workload.argo
    if not workload.paused and argo is not None and argo.step:
        text = f"The Rollout pauses at its own {argo.place}."
    else:
        text = f"Somebody paused the {_kind(workload)}."
    return Outcome("paused", text, f"It goes on after {workload.resume_command}, or abort it here.")


def _kind(workload: Workload) -> str:
    return "Rollout" if workload.ref.kind is WorkloadKind.ROLLOUT else "Deployment"


def _is_own_canary(release: Release, workload: Workload) -> bool:
    """A promotion of the canary that a Rollout is at: the version stands in its template already."""
    return (
        release.plan.kind is ReleaseKind.PROMOTE
        and workload.ref.kind is WorkloadKind.ROLLOUT
        and _image(workload, release) == release.plan.to_image
    )


def _is_held_by_steps(workload: Workload, generation: int) -> bool:
    """A Rollout that has begun with this generation, and would go step by step where people want it at once."""
    argo = workload.argo
    return (
        argo is not None
        and argo.strategy == "canary"
        and workload.observed_generation >= max(generation, workload.generation)
        and argo.step != ""
        and not argo.promotes_fully
    )


def _succeeded(release: Release, seen: Observation, now: datetime) -> Release:
    pods = current_pods(seen)
    other = _other_image(release, image_ids(pods, release.plan.container))
    if other is not None:
        return release.finished(ReleasePhase.FAILED, other, now)
    restarts = sum(container.restarts for pod in pods for container in pod.containers)
    times = "once" if restarts == 1 else f"{restarts} times"
    text = "no pod restarted" if restarts == 0 else f"pods restarted {times} on the way"
    done = replace(release, troubles=())
    return done.finished(ReleasePhase.SUCCEEDED, Outcome("done", text if seen.pods else ""), now)


def _other_image(release: Release, running: list[str]) -> Outcome | None:
    """What is wrong when pods run something else than what was planned, whatever their template says."""
    plan = release.plan
    found = strangers(running, plan.to_digest, plan.to_names)
    if not found:
        return None
    digest, _ = found.most_common(1)[0]
    text = (
        f"{found.total()} of {len(running)} pods run another image than the one planned: {short(digest)}, not "
        f"{short(plan.to_digest)}."
    )
    remedy = (
        f"The tag {plan.to_version} was moved, or a node kept an older image of it. Ask for {plan.to_version} again, "
        "or roll back."
    )
    return Outcome("other_image", text, remedy)


def _failed(release: Release, troubles: tuple[PodTrouble, ...], otherwise: Outcome, now: datetime) -> Release:
    """Failed, with the worst trouble as the reason; a bare deadline says little to people."""
    if troubles:
        worst = next((trouble for trouble in troubles if trouble.hopeless), troubles[0])
        return release.finished(ReleasePhase.FAILED, Outcome(worst.code, worst.text, worst.remedy), now)
    remedy = otherwise.remedy or "Look at the pods' logs and events, then roll back or retry."
    return release.finished(ReleasePhase.FAILED, replace(otherwise, remedy=remedy), now)


def _watch_undo(release: Release, workload: Workload, troubles: tuple[PodTrouble, ...], now: datetime) -> Release:
    assert release.undo_generation is not None
    if _image(workload, release) != release.plan.from_image:
        return _superseded(release, workload, now)
    status = rollout_status(workload, generation=release.undo_generation, since=release.abort_at)
    progress = Progress(status.updated, status.ready, status.desired)
    moving = replace(release, progress=progress, troubles=troubles, notice="")
    if progress != release.progress or release.progressed_at is None:
        moving = replace(moving, progressed_at=now)
    back = release.plan.from_version
    if status.state is RolloutState.DONE:
        text = f"{back} serves again with {status.ready} of {status.desired} pods."
        return replace(moving, troubles=()).finished(ReleasePhase.ABORTED, Outcome("aborted", text), now)
    limit = timedelta(seconds=workload.progress_deadline_s or DEFAULT_PROGRESS_DEADLINE_S) + OWN_MARGIN
    if status.state is RolloutState.FAILED or now - (moving.progressed_at or now) >= limit:
        text = f"{back} was put back, but {status.ready} of {status.desired} pods are ready."
        remedy = troubles[0].remedy if troubles else "Look at its pods; the version before it may need help too."
        return moving.finished(ReleasePhase.ABORTED, Outcome("aborted_unhealthy", text, remedy), now)
    return moving


def _carries_our_write(release: Release, workload: Workload) -> bool:
    """The template is at the target and our mark is there. The mark alone proves nothing: an undo can move it."""
    return _is_at_target(release, workload) and _has_our_mark(release, workload)


def _has_our_mark(release: Release, workload: Workload) -> bool:
    return workload.annotations.get("kajitori/op-id") == release.id


def _is_at_target(release: Release, workload: Workload) -> bool:
    if _image(workload, release) != release.plan.to_image:
        return False
    return release.plan.kind is not ReleaseKind.RESTART or _restart_mark(workload) == restart_mark(release)


def restart_mark(release: Release) -> str:
    """Value of the restart annotation: the start of the release, so that a second attempt writes the same.

    Rounded as rows are: a release that was read back has the same start but for the microseconds.
    """
    millis = round((release.started_at or release.requested_at).timestamp() * 1000)
    return datetime.fromtimestamp(millis / 1000, UTC).isoformat(timespec="milliseconds")


def _restart_mark(workload: Workload) -> str:
    meta = workload.template.get("metadata")
    annotations = meta.get("annotations") if isinstance(meta, dict) else None
    return str(annotations.get(RESTARTED_AT, "")) if isinstance(annotations, dict) else ""


def _adopted(release: Release, workload: Workload, now: datetime) -> Release:
    return replace(release, generation=workload.generation, progressed_at=now, notice="")


def _adopt_undo(release: Release, workload: Workload, now: datetime) -> Release:
    return release.moved(undo_generation=workload.generation, progressed_at=now, notice="")


def _superseded(release: Release, workload: Workload, now: datetime) -> Release:
    image = _image(workload, release)
    manager = workload.managers.get(release.plan.container, "")
    who = f" by {manager}" if manager else ""
    what = (
        f"The image was changed{who} to {shortened(image)}"
        if image
        else f"The container {release.plan.container} was removed{who}"
    )
    same = "The same image was set" + who if image == release.plan.to_image else what
    remedy = "Find out who else releases this service; then ask for the version you want again."
    return release.finished(
        ReleasePhase.SUPERSEDED, Outcome("superseded", f"{same}; this release let go.", remedy), now
    )


def _gone(release: Release, now: datetime) -> Release:
    text = f"{release.plan.workload.kind} {release.plan.workload.name} is no longer in the cluster."
    return release.finished(ReleasePhase.FAILED, Outcome("deleted", text, "Create it again, then release."), now)


def _recreated(release: Release, now: datetime) -> Release:
    text = f"{release.plan.workload.kind} {release.plan.workload.name} was deleted and created again by somebody else."
    remedy = "Look at what runs now with /status, then release again if needed."
    return release.finished(ReleasePhase.SUPERSEDED, Outcome("recreated", text, remedy), now)


def _restart_let_go(release: Release, now: datetime) -> Release:
    """A restart has nothing to put back: the version before it is the same one."""
    text = f"No longer watched; Kubernetes goes on restarting {release.plan.to_version} by itself."
    remedy = "To run another version, roll back or deploy one."
    return release.finished(ReleasePhase.ABORTED, Outcome("restart_goes_on", text, remedy), now)


def _not_started(release: Release, text: str, now: datetime) -> Release:
    return release.finished(ReleasePhase.ABORTED, Outcome("not_started", text), now)

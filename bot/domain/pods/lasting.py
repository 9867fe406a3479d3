"""Troubles that are no pod's: nodes, autoscalers, runs of batch jobs and runs that never came. Pure.

Nodes and autoscalers are in trouble as long as they are, and well after a minute without it; a batch job is well when a
later run of it succeeds. Called by bot.reconcile.pods.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.pods.cases import Blow, Case, Scene, struck
from bot.domain.pods.causes import NODE_AFTER, Why, why_ended
from bot.domain.pods.sight import AutoscalerSight, CronJobSight, JobSight, NodeSight, PodSight
from bot.domain.pods.story import Cause, Recovery
from bot.domain.schedules import read_schedule

AT_MAXIMUM_AFTER = timedelta(seconds=60)
"""A peak of less is what autoscalers are for."""
NewId = Callable[[datetime], str]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a node or an autoscaler suffers from at this moment."""

    uid: str
    name: str
    why: Why
    since: datetime
    pods: int = 0


def node_in_trouble(node: NodeSight, pods: Sequence[PodSight], now: datetime) -> Trouble | None:
    """A node that is not ready. `pods`: those on it."""
    if node.ready or node.deleting:
        return None
    since = node.since or now
    words = {
        "NodeStatusUnknown": "its kubelet does not answer",
        "KubeletNotReady": "its kubelet says that it can't run pods",
    }.get(node.reason, node.reason or "nobody knows why")
    names = sorted({pod.workload.name for pod in pods})
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    on_it = f" {len(pods)} pod{'s' if len(pods) != 1 else ''} of {shown} ran on it." if pods else ""
    why = Why(
        Cause.NODE_NOT_READY,
        f"The node {node.name} is not ready: {words}.{on_it}",
        "Kubernetes moves its pods to other nodes after five minutes; those who run the cluster must look at it.",
        due=since + NODE_AFTER,
    )
    return Trouble(node.uid, node.name, why, since, len(pods))


def autoscaler_in_trouble(scaler: AutoscalerSight, now: datetime) -> Trouble | None:
    """An autoscaler that would have more pods than it may."""
    if scaler.limited_reason != "TooManyReplicas" or scaler.most <= 0 or scaler.current < scaler.most:
        return None
    since = scaler.limited_since or now
    why = Why(
        Cause.AT_MAXIMUM,
        f"The autoscaler {scaler.name} would run more than its maximum of {scaler.most} pods of {scaler.target.name}.",
        "Raise maxReplicas if the cluster has room, or find out why the load is so high.",
        due=since + AT_MAXIMUM_AFTER,
    )
    return Trouble(scaler.uid, scaler.name, why, since, scaler.current)


def lasted(
    cases: Sequence[Case], scene: Scene, trouble: Trouble | None, new_id: NewId, *, is_there: bool, well_since: datetime
) -> tuple[tuple[Case, ...], datetime | None]:
    """The cases of a node or autoscaler as it is now, and when to look again. `well_since`: used without a trouble."""
    now = scene.now
    open_case = next((case for case in cases if case.story.is_open), None)
    if trouble is not None:
        due = trouble.why.due or now
        if open_case is not None and open_case.story.healed_at is None:
            story = replace(open_case.story, text=trouble.why.text, pods_affected=trouble.pods)
            changed = story != open_case.story
            return _put(cases, replace(open_case, story=story, is_stale=open_case.is_stale or changed)), None
        if now < due:
            return tuple(cases), due
        blow = Blow(trouble.uid, trouble.name, trouble.why, trouble.since)
        hit = struck(cases, scene, [blow], new_id)
        return tuple(_pods(case, trouble) if case.story.is_open else case for case in hit), None
    if open_case is None or scene.is_blind:
        return tuple(cases), None
    story = open_case.story
    if not is_there:
        over = story.moved(closed_at=now, healed_at=story.healed_at or now, recovery=Recovery.DELETED)
        return _put(cases, replace(open_case, story=over, is_stale=True)), None
    healed_at = story.healed_at or min(max(well_since, story.last_fall_at), now)
    if now < healed_at + scene.stable:
        healed = replace(story, healed_at=healed_at)
        is_stale = open_case.is_stale or healed != story
        return _put(cases, replace(open_case, story=healed, is_stale=is_stale)), healed_at + scene.stable
    over = story.moved(closed_at=now, healed_at=healed_at, recovery=Recovery.BACK)
    return _put(cases, replace(open_case, story=over, is_stale=True)), None


def _pods(case: Case, trouble: Trouble) -> Case:
    return replace(case, story=replace(case.story, pods_affected=trouble.pods, pod_names=()))


def _put(cases: Sequence[Case], changed: Case) -> tuple[Case, ...]:
    return tuple(changed if case.story.id == changed.story.id else case for case in cases)


# Batch jobs


def failed_run(job: JobSight, pods: Sequence[PodSight], now: datetime) -> Blow | None:
    """A run that failed for good; None for any other. `pods`: of that Job."""
    if not job.has_failed:
        return None
    at = job.finished or now
    ended = [
        (pod, container)
        for pod in sorted(pods, key=lambda each: each.created)
        for container in pod.containers
        if container.ending is not None and container.ending.exit_code != 0
    ]
    why = why_ended(ended[-1][1], ()) if ended else None
    tries = job.failed
    match job.reason:
        case "DeadlineExceeded":
            what = f"The run {job.name} took longer than its activeDeadlineSeconds allows and was ended."
            remedy = "Find out why it takes so long, or raise activeDeadlineSeconds."
        case "BackoffLimitExceeded" if tries > 1:
            what = f"The run {job.name} failed {_times(tries)} and was given up (backoffLimit {job.backoff_limit})."
            remedy = "Read its last log lines, then run it again."
        case "BackoffLimitExceeded" | "":
            what = f"The run {job.name} failed."
            remedy = "Read its last log lines, then run it again."
        case reason:
            what = f"The run {job.name} failed ({reason})."
            remedy = "Read its last log lines, then run it again."
    if why is not None:
        what, remedy = f"{what} {why.text}", why.remedy if why.cause is not Cause.CRASHED else remedy
    pod, container = ended[-1] if ended else (pods[-1] if pods else None, None)
    return Blow(
        uid=job.uid,
        pod=pod.name if pod else "",
        why=Why(Cause.JOB_FAILED, what, remedy, container.name if container else ""),
        at=at,
        node=pod.node if pod else "",
        image=container.image if container else "",
    )


def missed_run(cron: CronJobSight, now: datetime) -> Blow | None:
    """The latest start that was due and did not come; None when all is well, or was meant."""
    if cron.suspended or (cron.concurrency == "Forbid" and cron.active):
        return None
    schedule = read_schedule(cron.schedule, cron.timezone)
    created = max(filter(None, (cron.created, cron.changed_at)))
    last = max(cron.last_scheduled, created) if cron.last_scheduled else None
    due = schedule.missed(now, last, created)
    if due is None:
        return None
    zone = f" {cron.timezone}" if cron.timezone else " UTC"
    local = due.astimezone(schedule.zone)
    text = f"The run of {local:%H:%M}{zone} ({cron.schedule}) did not start."
    remedy = "Look at the CronJob's events, and whether the cluster was down then; run it by hand if it is needed."
    if cron.starting_deadline_s is not None:
        remedy = f"{remedy} It may start {cron.starting_deadline_s} s late at most (startingDeadlineSeconds)."
    return Blow(f"{cron.uid}:missed", cron.name, Why(Cause.JOB_MISSED, text, remedy), due)


def next_look(cron: CronJobSight, now: datetime) -> datetime | None:
    """When a run would be missed that is not yet; None for a schedule that can't be read or is suspended."""
    if cron.suspended:
        return None
    starts = read_schedule(cron.schedule, cron.timezone).next_runs(now - timedelta(minutes=2), 1)
    return starts[0] + timedelta(minutes=2, seconds=1) if starts else None


def batch_judged(
    cases: Sequence[Case], scene: Scene, jobs: Sequence[JobSight], cron: CronJobSight | None, *, is_there: bool
) -> tuple[Case, ...]:
    """The cases of a batch job: over when a run that ended after the last failure succeeded, or when it was deleted."""
    if scene.is_blind:
        return tuple(cases)
    judged: list[Case] = []
    for case in cases:
        story = case.story
        changes: Mapping[str, object] = {}
        if story.is_open and not is_there:
            changes = {"healed_at": scene.now, "recovery": Recovery.DELETED}
        elif story.is_open and (succeeded_at := _success_after(case, jobs, cron)) is not None:
            changes = {"healed_at": succeeded_at, "recovery": Recovery.FINISHED}
        if changes:
            judged.append(replace(case, story=story.moved(closed_at=scene.now, **changes), is_stale=True))
        else:
            judged.append(case)
    return tuple(judged)


def _success_after(case: Case, jobs: Sequence[JobSight], cron: CronJobSight | None) -> datetime | None:
    """When a run succeeded after the last failure, if one did. Kubernetes' times are whole seconds: of the same second,
    the run that was made later counts."""
    fell_at = case.story.last_fall_at
    failed = max((job.created for job in jobs if job.uid in case.hurt), default=None)
    done = [
        job.finished
        for job in jobs
        if job.has_completed
        and job.finished is not None
        and (job.finished > fell_at or (job.finished == fell_at and failed is not None and job.created > failed))
    ]
    if cron is not None and cron.last_succeeded is not None and cron.last_succeeded > fell_at:
        done.append(cron.last_succeeded)
    return max(done, default=None)


def _times(number: int) -> str:
    return "twice" if number == 2 else f"{number} times"

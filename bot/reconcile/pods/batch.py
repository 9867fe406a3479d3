"""Batch jobs judged: runs that failed, runs that never came, and pods of runs that can't start.

Called by bot.reconcile.pods.judge for CronJobs and Jobs.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bot.domain.pods import CronJobSight, JobSight, PodSight, Subject, SubjectKind
from bot.domain.pods.cases import Blow, Case, Scene, struck
from bot.domain.pods.causes import why_stuck
from bot.domain.pods.falls import Mark
from bot.domain.pods.lasting import batch_judged, failed_run, missed_run, next_look
from bot.reconcile.pods.scenes import Scenes
from bot.reconcile.pods.turn import Turn, joined, within_reach
from bot.reconcile.pods.world import World, batch_of
from bot.store.db import Connection
from bot.store.ids import new_id

FAILED = "failed"
"""In the mark of a Job: it was told."""


def uids_of_batches(world: World, subjects: Collection[Subject]) -> Iterator[str]:
    """Of everything that bears marks and belongs to these batch jobs."""
    for job in world.jobs.values():
        if batch_of(job) in subjects:
            yield job.uid
            yield from (pod.uid for pod in world.pods_of_job(job.namespace, job.name))
    for cron in world.cronjobs.values():
        if Subject(SubjectKind.CRONJOB, cron.namespace, cron.name) in subjects:
            yield _missed_uid(cron)


async def judge_batch(
    connection: Connection,
    scenes: Scenes,
    turn: Turn,
    scene: Scene,
    cases: tuple[Case, ...],
    marks: Mapping[str, Mark],
    *,
    is_new: bool,
) -> tuple[Case, ...]:
    """The cases of a CronJob or Job as its runs are now. `is_new`: it is looked at for the first time."""
    world, subject, now = turn.world, scene.subject, turn.now
    jobs = sorted((job for job in world.jobs.values() if batch_of(job) == subject), key=lambda job: job.created)
    cron = world.cronjobs.get((subject.namespace, subject.name)) if subject.kind is SubjectKind.CRONJOB else None
    has_schedules = f"cronjobs/{subject.namespace}" in world.listed
    blows = [*_failures(turn, scene, jobs, marks), *_stuck(turn, scene, jobs, marks)]
    if cron is not None:
        blows += _missed(turn, scene, cron, marks)
        turn.wakes[subject] = _sooner(turn, subject, cron)
    reach = within_reach(cases, now)
    if is_new:
        blows = []
    if blows:
        recent = await scenes.releases(connection, scene)
        scene = await scenes.told(connection, scene, recent, min(blow.at for blow in blows))
    is_there = bool(jobs) or cron is not None or (subject.kind is SubjectKind.CRONJOB and not has_schedules)
    struck_now = struck(reach, scene, blows, new_id)
    return joined(cases, batch_judged(struck_now, scene, jobs, cron, is_there=is_there))


def _sooner(turn: Turn, subject: Subject, cron: CronJobSight) -> datetime | None:
    look, due = next_look(cron, turn.now), turn.wakes.get(subject)
    return min((each for each in (look, due) if each is not None), default=None)


def _failures(turn: Turn, scene: Scene, jobs: Sequence[JobSight], marks: Mapping[str, Mark]) -> list[Blow]:
    found: list[Blow] = []
    for job in jobs:
        mark = marks.get(job.uid) or Mark(job.uid)
        if not job.has_failed or job.deleting or FAILED in mark.stuck:
            continue
        blow = failed_run(job, turn.world.pods_of_job(job.namespace, job.name), turn.now)
        if blow is not None:
            turn.marks[job.uid] = (scene.subject, replace(mark, stuck=mark.stuck | {FAILED}))
            found.append(blow)
    return found


def _missed(turn: Turn, scene: Scene, cron: CronJobSight, marks: Mapping[str, Mark]) -> list[Blow]:
    blow = missed_run(cron, turn.now)
    if blow is None:
        return []
    due = blow.at.isoformat()
    mark = marks.get(blow.uid) or Mark(blow.uid)
    if due in mark.stuck:
        return []
    turn.marks[blow.uid] = (scene.subject, replace(mark, stuck=frozenset({due})))
    return [blow]


def _stuck(turn: Turn, scene: Scene, jobs: Sequence[JobSight], marks: Mapping[str, Mark]) -> list[Blow]:
    """Pods of runs that can't start: such a run never fails, it hangs."""
    found: list[Blow] = []
    running: list[PodSight] = [
        pod for job in jobs if not job.is_over for pod in turn.world.pods_of_job(job.namespace, job.name)
    ]
    for pod in running:
        mark = marks.get(pod.uid) or Mark(pod.uid)
        for why in why_stuck(pod, scene.said.get(pod.uid, ()), scene.nodes, scene.now):
            key = f"{why.container}:starting"
            if key in mark.stuck:
                continue
            if why.due is not None and why.due > scene.now:
                due = turn.wakes.get(scene.subject)
                turn.wakes[scene.subject] = why.due if due is None else min(due, why.due)
                continue
            mark = replace(mark, stuck=mark.stuck | {key})
            turn.marks[pod.uid] = (scene.subject, mark)
            image = next((each.image for each in pod.containers if each.name == why.container), "")
            found.append(Blow(pod.uid, pod.name, why, pod.created, 1, pod.node, "", image))
    return found


def _missed_uid(cron: CronJobSight) -> str:
    return f"{cron.uid}:missed"

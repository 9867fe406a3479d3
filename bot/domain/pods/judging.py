"""Judging a workload: from what changed on its pods to blows, from blows to cases.

Pure; called by bot.reconcile.pods.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.domain.pods.cases import FAMILY, Blow, Case, Family, Hurt, Scene, better_said, struck
from bot.domain.pods.causes import Why, is_job, why_ended, why_fell, why_stuck
from bot.domain.pods.falls import ORDERED, Fall, Mark, falls, marked
from bot.domain.pods.healing import found_broken, judged
from bot.domain.pods.quiet import Hearing, hearing, is_being_replaced
from bot.domain.pods.sight import PodSight
from bot.domain.pods.story import Cause, Story
from bot.domain.release import Release

LOST = f":{Family.LEAVING}"
"""Among the things that keep a pod from running: its node is lost."""

DRAINED_AFTER = timedelta(seconds=60)
"""A drain is told when nothing serves for so long after it."""


@dataclass(slots=True)
class Blows:
    """What changed on the pods of a workload, as it is to be told; and what will have been told then."""

    blows: list[Blow] = field(default_factory=list)
    marks: dict[str, Mark] = field(default_factory=dict)
    """Those that change."""
    held: list[PodSight] = field(default_factory=list)
    """To be looked at again: who hears of them depends on a release that is under way."""
    wake: datetime | None = None

    def wait_for(self, moment: datetime | None) -> None:
        """Look again then, at the latest."""
        if moment is not None and (self.wake is None or moment < self.wake):
            self.wake = moment


@dataclass(frozen=True, slots=True)
class Outcome:
    """The cases of a workload after a judgement; those that are the same objects as before did not change."""

    cases: tuple[Case, ...]
    wake: datetime | None
    asks: bool


def blows_of(
    scene: Scene,
    trail: Sequence[PodSight],
    marks: Mapping[str, Mark],
    releases: Sequence[Release],
    away: Collection[str] = (),
) -> Blows:
    """What fell. `trail`: sights of changed pods in the order in which they were seen; `away`: uids of pods that nobody
    watched for a while."""
    result = Blows()
    known = dict(marks)
    if scene.pods and is_job(scene.pods[0]):
        return result
    live = scene.live
    up = {pod.uid for pod in live if pod.ready}
    for sight in trail:
        mark = known.get(sight.uid)
        found = falls(mark, sight)
        whose = Hearing.CHANNEL
        if found:
            at = max((fall.at for fall in found if fall.at), default=scene.now)
            whose = hearing(sight, at, releases, is_up=sight.uid in up)
        if whose is Hearing.LATER:
            result.held.append(sight)
            continue
        after = marked(mark, sight)
        if after != (mark or Mark(sight.uid)):
            known[sight.uid] = result.marks[sight.uid] = after
        if whose is Hearing.CHANNEL and not is_being_replaced(sight, live, scene.now):
            result.blows += [
                _blow(fall, scene, is_away=sight.uid in away) for fall in found if not _was_told(fall, mark)
            ]
    _look_at_drained(scene, trail, result)
    for pod in live:
        if not pod.ready or ((mark := known.get(pod.uid)) is not None and mark.stuck):
            _look_at_stuck(pod, scene, known, releases, result)
    return result


def _was_told(fall: Fall, mark: Mark | None) -> bool:
    """A pod that was put out since its node is lost: that was told when the node was lost."""
    lost = fall.container is None and fall.pod.disruption in ("DeletionByTaintManager", "DeletionByPodGC", "NodeLost")
    return lost and mark is not None and LOST in mark.stuck


def _blow(fall: Fall, scene: Scene, *, is_away: bool) -> Blow:
    pod = fall.pod
    why = why_fell(fall, scene.said.get(pod.uid, ()), scene.nodes)
    container = fall.container or (pod.containers[0] if pod.containers else None)
    return Blow(
        pod.uid,
        pod.name,
        why,
        fall.at or scene.now,
        fall.times,
        pod.node,
        pod.revision_hash,
        container.image if container else "",
        is_away,
    )


def _look_at_drained(scene: Scene, trail: Sequence[PodSight], result: Blows) -> None:
    """Pods that somebody drained are made good by their controller; it is news when nothing serves for a while."""
    drained = {sight.uid: sight for sight in trail if sight.disruption in ORDERED and sight.deleting}
    live = scene.live
    if not drained or any(pod.ready for pod in live):
        return
    if not live:
        # between the end of a pod and the making of the next one; without both, nothing is wanted any more
        if any(pod.uid in drained for pod in scene.pods):
            result.held += drained.values()
            result.wait_for(scene.now + DRAINED_AFTER)
        return
    due = min(pod.created for pod in live) + DRAINED_AFTER
    if scene.now < due:
        result.held += drained.values()
        result.wait_for(due)
        return
    for sight in drained.values():
        text = f"{sight.name} was drained from node {sight.node}, and no pod has taken its place yet."
        remedy = "Give it a second replica and a PodDisruptionBudget, so that a drain waits for the next pod."
        why = Why(Cause.DRAINED, text, remedy)
        result.blows.append(Blow(sight.uid, sight.name, why, due - DRAINED_AFTER, 1, sight.node, sight.revision_hash))


def _look_at_stuck(
    pod: PodSight, scene: Scene, known: dict[str, Mark], releases: Sequence[Release], result: Blows
) -> None:
    mark = known.get(pod.uid) or Mark(pod.uid)
    whys = why_stuck(pod, scene.said.get(pod.uid, ()), scene.nodes, scene.now)
    if not whys:
        if mark.stuck and pod.ready:
            known[pod.uid] = result.marks[pod.uid] = replace(mark, stuck=frozenset())
        return
    for why in whys:
        key = f"{why.container}:{FAMILY[why.cause]}"
        if key in mark.stuck:
            continue
        if why.due is not None and why.due > scene.now:
            result.wait_for(why.due)
            continue
        whose = hearing(pod, scene.now, releases, is_up=False)
        if whose is Hearing.LATER:
            result.held.append(pod)
            continue
        mark = replace(mark, stuck=mark.stuck | {key})
        known[pod.uid] = result.marks[pod.uid] = mark
        if whose is Hearing.CHANNEL and not is_being_replaced(pod, scene.live, scene.now):
            image = next((each.image for each in pod.containers if each.name == why.container), "")
            result.blows.append(
                Blow(pod.uid, pod.name, why, _since(pod, why, scene), 1, pod.node, pod.revision_hash, image)
            )


def _since(pod: PodSight, why: Why, scene: Scene) -> datetime:
    """Since when a pod is stuck, as far as the cluster says."""
    if why.cause is Cause.NODE_LOST and (node := scene.nodes.get(pod.node)) is not None and node.since is not None:
        return node.since
    if why.cause is Cause.UNSCHEDULABLE:
        return pod.unschedulable_since or pod.created
    return min(pod.created, scene.now)


def judge(cases: Sequence[Case], scene: Scene, blows: Blows, new_id: Callable[[datetime], str]) -> Outcome:
    """The cases after the blows, and after what can be seen of their healing."""
    after: list[Case] = []
    wake, asks = blows.wake, False
    for case in struck(cases, scene, blows.blows, new_id):
        if not case.story.is_open:
            after.append(case)
            continue
        if not case.story.desired:
            case = replace(case, story=replace(case.story, desired=_had(case, scene)))
        verdict = judged(_reasoned(case, scene), scene)
        after.append(verdict.case)
        asks = asks or verdict.asks
        if verdict.wake is not None and (wake is None or verdict.wake < wake):
            wake = verdict.wake
    return Outcome(tuple(after), wake, asks)


def _had(case: Case, scene: Scene) -> int:
    """How many pods the workload had before the first fall."""
    live = {pod.uid for pod in scene.live if pod.created < case.story.opened_at or pod.uid in case.hurt}
    return max(len(live | set(case.hurt)), len(scene.live))


def _reasoned(case: Case, scene: Scene) -> Case:
    """Events come after the ending that they explain: a crash may turn out to be the kubelet's doing."""
    story = case.story
    if story.cause not in (Cause.CRASHED, Cause.CRASH_LOOP):
        return case
    for pod in scene.pods:
        if pod.name != story.pod or pod.uid not in case.hurt:
            continue
        for container in pod.containers:
            if container.name == story.container and container.ending is not None:
                why = why_ended(container, scene.said.get(pod.uid, ()))
                if why.cause is Cause.PROBE_KILLED:
                    return replace(case, story=better_said(story, why), is_stale=True)
    return case


def baseline(scene: Scene, new_id: Callable[[datetime], str]) -> tuple[tuple[Mark, ...], Case | None]:
    """What was so already when the bot first looked: marks of all that fell, and a case that nobody is told of."""
    if scene.pods and is_job(scene.pods[0]):
        return (), None
    stuck: dict[str, Why] = {}
    broken = found_broken(scene)
    for pod, why in broken:
        if why is not None:
            stuck[pod.uid] = why
    marks = []
    for pod in scene.pods:
        mark = marked(None, pod)
        if (why := stuck.get(pod.uid)) is not None:
            mark = replace(mark, stuck=frozenset({f"{why.container}:{FAMILY[why.cause]}"}))
        if not mark.is_blank:
            marks.append(mark)
    if not broken:
        return tuple(marks), None
    first, why = broken[0]
    told = why or _last_ending(first, scene)
    story = Story(
        id=new_id(scene.now),
        environment=scene.environment,
        subject=scene.subject,
        cause=told.cause,
        text=told.text,
        remedy=told.remedy,
        opened_at=scene.now,
        last_fall_at=scene.now,
        service=scene.service,
        pods_affected=len(broken),
        pod_names=tuple(pod.name for pod, _ in broken[:3]),
        pod=first.name,
        container=told.container,
        node=first.node,
        desired=len(scene.live),
        is_told=False,
    )
    hurt = {
        pod.uid: Hurt(pod.name, pod.node, "", pod.revision_hash, FAMILY[why.cause] if why else Family.ENDING, scene.now)
        for pod, why in broken
    }
    return tuple(marks), Case(story, hurt, day=scene.day, is_baseline=True, words_asked=True)


def _last_ending(pod: PodSight, scene: Scene) -> Why:
    ended = [each for each in pod.containers if each.ending is not None and not each.ready]
    return why_ended(ended[0], scene.said.get(pod.uid, ()))

"""Healing: when a case is over, and how it came right. Pure; called by bot.reconcile.pods after the blows.

Healed is a pod that is ready again, or gone with a ready one in its place; over is what stayed healed for a minute.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.pods.cases import Case, Family, Hurt, Scene
from bot.domain.pods.causes import Why, why_stuck
from bot.domain.pods.sight import PodSight, SubjectKind
from bot.domain.pods.story import Cause, Recovery, Story

LOOPING = "CrashLoopBackOff"
REPLACED_EARLY = timedelta(seconds=30)
"""A pod may be replaced before it is known that it fell: its node was silent, or the watch was."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A case after it was judged."""

    case: Case
    wake: datetime | None = None
    """Judge it again then, whether anything changes or not."""
    asks: bool = False
    """How many pods are wanted must be known first."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What a case's pods look like now."""

    here: Sequence[PodSight]
    """Those that fell and are there."""
    gone: Sequence[Hurt]
    """Those that went away before they were ready again."""
    past: Sequence[datetime]
    """When those that went away later were ready again."""
    born: Sequence[PodSight]
    """Made after the first fall."""
    is_bad: bool
    is_short: bool
    """Pods are missing, or nobody knows whether they are."""


def judged(case: Case, scene: Scene) -> Verdict:
    """Counts of the present, and healed, over or still fallen. For an open case of a workload with pods."""
    story = case.story
    if not story.is_open or scene.is_blind:
        return Verdict(case)
    case = _ready_again(case, scene)
    look = _look(case, scene)
    live = scene.live
    serving = sum(pod.ready for pod in live)
    # Between the end of a pod and the making of the next one there is one less, and still as many are wanted.
    wanted = max(len(live), story.desired if scene.wanted is None else scene.wanted)
    story = _looping(replace(story, serving=serving, desired=wanted), look.here)
    healed_at = None if look.is_bad or look.is_short else _healed_at(story, look, scene.now)
    if healed_at is None:
        story = replace(story, healed_at=None)
        return Verdict(_with(case, story), asks=look.is_short and not look.is_bad and scene.wanted is None)
    story = replace(story, healed_at=healed_at)
    over_at = healed_at + scene.stable
    if scene.now < over_at:
        return Verdict(_with(case, story), wake=over_at)
    return Verdict(_with(case, _closed(story, case, look, scene)))


def _with(case: Case, story: Story) -> Case:
    return replace(case, story=story, is_stale=case.is_stale or story != case.story)


def _ready_again(case: Case, scene: Scene) -> Case:
    """Notes which pods are ready again, and which are not any more."""
    ready = {pod.uid: pod.ready_since or scene.now for pod in scene.live if pod.ready and not _is_stuck(pod, scene)}
    there = {pod.uid for pod in scene.live}
    hurt = dict(case.hurt)
    for uid, each in case.hurt.items():
        ready_at = ready.get(uid) if uid in there else each.ready_at
        if ready_at != each.ready_at:
            hurt[uid] = replace(each, ready_at=ready_at)
    return replace(case, hurt=hurt) if hurt != case.hurt else case


def _look(case: Case, scene: Scene) -> _Look:
    live = {pod.uid: pod for pod in scene.live}
    here = [live[uid] for uid in case.hurt if uid in live]
    gone = [hurt for uid, hurt in case.hurt.items() if uid not in live and hurt.ready_at is None]
    past = [hurt.ready_at for uid, hurt in case.hurt.items() if uid not in live and hurt.ready_at is not None]
    since = case.story.opened_at.replace(microsecond=0) - REPLACED_EARLY
    born = [pod for uid, pod in live.items() if uid not in case.hurt and pod.created >= since] if gone else []
    bad = any(not pod.ready or _is_stuck(pod, scene) for pod in here) or any(not pod.ready for pod in born)
    short = bool(gone) and len(live) < max(case.story.desired, 1)
    if short and scene.wanted is not None:
        short = len(live) < scene.wanted
    return _Look(here, gone, past, born, bad, short and _can_be_asked(scene))


def _can_be_asked(scene: Scene) -> bool:
    """Kinds of workload that say how many pods they want."""
    return scene.subject.kind in (SubjectKind.DEPLOYMENT, SubjectKind.STATEFULSET, SubjectKind.DAEMONSET)


def _is_stuck(pod: PodSight, scene: Scene) -> bool:
    return bool(why_stuck(pod, scene.said.get(pod.uid, ()), scene.nodes, scene.now))


def _healed_at(story: Story, look: _Look, now: datetime) -> datetime:
    """Since when all is ready: by the cluster's clock, so that it holds across gaps too."""
    moments = [pod.ready_since for pod in (*look.here, *look.born) if pod.ready_since is not None]
    since = max((*moments, *look.past), default=story.healed_at or now)
    if look.gone and not any(pod.created >= story.opened_at.replace(microsecond=0) for pod in look.born):
        since = story.healed_at or now  # what was there before the fall is no answer to when it was made good
    return min(max(since, story.last_fall_at), now)


def _looping(story: Story, here: Sequence[PodSight]) -> Story:
    """A container that ended often is in a crash loop, in the kubelet's words and in ours."""
    if story.cause is not Cause.CRASHED:
        return story
    looping = any(
        each.waiting_reason == LOOPING and each.restarts > 1
        for pod in here
        for each in pod.containers
        if not each.ready
    )
    return replace(story, cause=Cause.CRASH_LOOP) if looping else story


def _closed(story: Story, case: Case, look: _Look, scene: Scene) -> Story:
    """The end of a story, with how it came about."""
    recovery: Recovery | None = Recovery.RESTARTED
    pod = ""
    node = ""
    if look.gone:
        ready = sorted((each for each in look.born if each.ready), key=lambda each: each.ready_since or each.created)
        if ready:
            former = {hurt.revision for hurt in look.gone}
            recovery = Recovery.REPLACED if ready[-1].revision_hash in former else Recovery.ROLLED_OUT
            pod, node = ready[-1].name, ready[-1].node
        elif scene.is_gone or scene.subject.kind is SubjectKind.POD:
            recovery = Recovery.DELETED
        elif scene.live and all(hurt.revision and hurt.revision != _newest(scene.live) for hurt in look.gone):
            recovery = Recovery.ROLLED_OUT
        else:
            recovery = Recovery.SCALED_AWAY
    elif all(hurt.family is not Family.ENDING for hurt in case.hurt.values()):
        recovery = None  # the image came, the node has room: nobody restarted anything
    return story.moved(closed_at=scene.now, recovery=recovery, healed_by_pod=pod, healed_by_node=node)


def _newest(live: Sequence[PodSight]) -> str:
    return max(live, key=lambda pod: pod.created).revision_hash


def found_broken(scene: Scene) -> tuple[tuple[PodSight, Why | None], ...]:
    """Pods that are in trouble already when the bot first looks, with what keeps them where it is a state."""
    broken: list[tuple[PodSight, Why | None]] = []
    for pod in scene.live:
        stuck = why_stuck(pod, scene.said.get(pod.uid, ()), scene.nodes, scene.now)
        if stuck:
            broken.append((pod, stuck[0]))
        elif not pod.ready and any(each.ending is not None and not each.ready for each in pod.containers):
            broken.append((pod, None))
    return tuple(broken)

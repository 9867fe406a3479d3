"""Cases: a story with what the rules must remember of it; how blows open and lengthen it. Pure.

One case per workload and family of causes, not per pod: forty crashing pods are one story with a count. What falls
within ten minutes of a story of the same workload belongs to that story, so that nobody gets a message a minute.
Healing is in bot.domain.pods.healing. Called by bot.reconcile.pods.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.names import EnvironmentName, ServiceName, UserId
from bot.domain.pods.causes import Why
from bot.domain.pods.sight import EventSight, NodeSight, PodSight, Subject
from bot.domain.pods.story import Cause, NearAlert, NearRelease, Story
from bot.domain.rollout import tag_of

ONE_STORY = timedelta(minutes=10)
"""At most one new message per workload in so long: what falls meanwhile joins the story that is there."""
STABLE = timedelta(seconds=60)
"""Ready for so long, something is called healed."""
NAMES_SHOWN = 3
ALSO_SHOWN = 4


class Family(StrEnum):
    """Causes that turn into one another, and are one story."""

    ENDING = "ending"
    STARTING = "starting"
    PLACING = "placing"
    LEAVING = "leaving"
    BATCH = "batch"
    LASTING = "lasting"


FAMILY: Mapping[Cause, Family] = {
    Cause.OOM_KILLED: Family.ENDING,
    Cause.CRASHED: Family.ENDING,
    Cause.PROBE_KILLED: Family.ENDING,
    Cause.CRASH_LOOP: Family.ENDING,
    Cause.START_ERROR: Family.ENDING,
    Cause.IMAGE_MISSING: Family.STARTING,
    Cause.IMAGE_PULL: Family.STARTING,
    Cause.CONFIG_ERROR: Family.STARTING,
    Cause.VOLUME: Family.STARTING,
    Cause.UNSCHEDULABLE: Family.PLACING,
    Cause.EVICTED: Family.LEAVING,
    Cause.DRAINED: Family.LEAVING,
    Cause.PREEMPTED: Family.LEAVING,
    Cause.NODE_LOST: Family.LEAVING,
    Cause.JOB_FAILED: Family.BATCH,
    Cause.JOB_MISSED: Family.BATCH,
    Cause.NODE_NOT_READY: Family.LASTING,
    Cause.AT_MAXIMUM: Family.LASTING,
}
_RANK: Mapping[Cause, int] = {Cause.OOM_KILLED: 3, Cause.PROBE_KILLED: 2, Cause.START_ERROR: 2}
"""Of causes in one family the one that says most stays in the first line."""


@dataclass(frozen=True, slots=True)
class Hurt:
    """A pod that fell, as long as its story is open."""

    pod: str
    node: str
    container: str
    revision: str
    family: Family
    at: datetime
    ready_at: datetime | None = None
    """Since when it is ready again; what becomes of it afterwards is no part of its fall."""


@dataclass(frozen=True, slots=True)
class Case:
    """A story and its memory. Stored together."""

    story: Story
    hurt: Mapping[str, Hurt] = field(default_factory=dict)
    """By uid of the pod, or of the Job."""
    day: str = ""
    """Local date that `fell_today` counts on."""
    fell_today: int = 0
    """Falls of this story on that day."""
    earlier_today: int = 0
    """Falls of other stories of the workload on that day."""
    is_baseline: bool = False
    """It was so when the bot first looked: nobody was told, and nobody is until it gets worse."""
    is_stale: bool = False
    """Its message does not show it as it is: it waits to be drawn."""
    is_posted: bool = False
    """It has a message, or will have one as soon as Slack takes it."""
    is_noted: bool = False
    """The thread of its message has the last log lines."""
    words_asked: bool = False
    """The last log lines were asked for: once per story, never per crash."""

    @property
    def families(self) -> frozenset[Family]:
        return frozenset({FAMILY[self.story.cause], *(hurt.family for hurt in self.hurt.values())})


@dataclass(frozen=True, slots=True)
class Blow:
    """Something that fell, with its reason."""

    uid: str
    pod: str
    """Name of the pod, or of what else fell."""
    why: Why
    at: datetime
    times: int = 1
    node: str = ""
    revision: str = ""
    image: str = ""
    is_away: bool = False
    """It happened while nobody watched."""


@dataclass(frozen=True, slots=True)
class Silence:
    """A workload of which nobody wants to hear for a while."""

    until: datetime
    by: UserId


@dataclass(frozen=True, slots=True)
class Scene:
    """What is known of a subject at the moment it is judged."""

    environment: EnvironmentName
    subject: Subject
    now: datetime
    day: str
    """Local date."""
    service: ServiceName | None = None
    pods: Sequence[PodSight] = ()
    """All its pods."""
    said: Mapping[str, Sequence[EventSight]] = field(default_factory=dict)
    """Pod uid → recent events about it, oldest first."""
    nodes: Mapping[str, NodeSight] = field(default_factory=dict)
    wanted: int | None = None
    """How many pods the workload should have, where it was asked; 0 when it is gone."""
    is_gone: bool = False
    """The workload was asked for and is not there."""
    is_blind: bool = False
    """The watch is interrupted: what is here may be old, and nothing is to be called healed."""
    stable: timedelta = STABLE
    """How long something must be ready to be called healed."""
    earlier_today: int = 0
    silence: Silence | None = None
    release: NearRelease | None = None
    alert: NearAlert | None = None

    @property
    def live(self) -> tuple[PodSight, ...]:
        """Pods that are to serve."""
        return tuple(pod for pod in self.pods if not pod.deleting and not pod.is_over)


def struck(
    cases: Sequence[Case], scene: Scene, blows: Sequence[Blow], new_id: Callable[[datetime], str]
) -> tuple[Case, ...]:
    """The cases of a subject after these blows; new ones at the end. `cases`: open, or closed a short while ago."""
    found = list(cases)
    for blow in blows:
        position = _place(found, FAMILY[blow.why.cause], scene.now)
        if position is None:
            found.append(_opened(scene, blow, new_id))
        else:
            found[position] = _hit(found[position], scene, blow)
    return tuple(found)


def _place(cases: Sequence[Case], family: Family, now: datetime) -> int | None:
    """Which of the cases a blow belongs to; None: to none of them."""
    recent = now - ONE_STORY
    order: Sequence[Callable[[Case], bool]] = (
        lambda case: case.story.is_open and family in case.families,
        lambda case: case.story.is_open and case.story.opened_at > recent and not case.is_baseline,
        lambda case: case.story.closed_at is not None and case.story.closed_at > recent and not case.is_baseline,
    )
    for fits in order:
        for position in reversed(range(len(cases))):
            if fits(cases[position]):
                return position
    return None


def _opened(scene: Scene, blow: Blow, new_id: Callable[[datetime], str]) -> Case:
    at = min(blow.at, scene.now)
    node = scene.nodes.get(blow.node)
    story = Story(
        id=new_id(scene.now),
        environment=scene.environment,
        subject=scene.subject,
        cause=blow.why.cause,
        text=blow.why.text,
        remedy=blow.why.remedy,
        opened_at=at,
        last_fall_at=at,
        service=scene.service,
        release=scene.release,
        node_trouble=node_trouble(node) if blow.why.cause is not Cause.NODE_LOST else "",
        alert=scene.alert,
    )
    case = Case(story, day=scene.day, earlier_today=scene.earlier_today)
    return _counted(case, scene, blow)


def _hit(case: Case, scene: Scene, blow: Blow) -> Case:
    """A case that was hit again: it grows, comes back from healing, or becomes worth a message."""
    story = case.story
    if case.is_baseline:
        known = case.hurt.get(blow.uid)
        if known is not None and known.family is FAMILY[blow.why.cause]:
            return _counted(case, scene, blow)
        # Worse than it was when the bot came: told from here on.
        fresh = replace(story, cause=blow.why.cause, text=blow.why.text, remedy=blow.why.remedy, also=(), falls=0)
        fresh = replace(fresh, opened_at=min(blow.at, scene.now), release=scene.release, alert=scene.alert)
        return _counted(replace(case, story=fresh, is_baseline=False), scene, blow)
    if story.closed_at is not None or story.healed_at is not None:
        changes = {"healed_at": None, "closed_at": None, "recovery": None, "healed_by_pod": "", "healed_by_node": ""}
        story = story.moved(flaps=story.flaps + 1, **changes)
    return _counted(replace(case, story=better_said(story, blow.why)), scene, blow)


def better_said(story: Story, why: Why) -> Story:
    """The story with one more reason: the one that says most first, others beside it."""
    if why.cause is story.cause or (story.cause is Cause.CRASH_LOOP and why.cause is Cause.CRASHED):
        return replace(story, text=why.text, remedy=why.remedy)
    is_better = FAMILY[why.cause] is FAMILY[story.cause] and _RANK.get(why.cause, 1) > _RANK.get(story.cause, 1)
    if is_better:
        beside = story.text
        story = replace(story, cause=why.cause, text=why.text, remedy=why.remedy)
    else:
        beside = why.text
    if beside == story.text or beside in story.also:
        return story
    return replace(story, also=(*story.also, beside)[-ALSO_SHOWN:])


def _counted(case: Case, scene: Scene, blow: Blow) -> Case:
    """The counts, names and silence after a blow."""
    story, why = case.story, blow.why
    hurt = dict(case.hurt)
    hurt[blow.uid] = Hurt(blow.pod, blow.node, why.container, blow.revision, FAMILY[why.cause], blow.at)
    same_day = case.day == scene.day
    fell_today = (case.fell_today if same_day else 0) + blow.times
    earlier = case.earlier_today if same_day else 0
    silence = scene.silence
    story = replace(
        story,
        falls=story.falls + blow.times,
        falls_today=earlier + fell_today,
        away_falls=story.away_falls + (blow.times if blow.is_away else 0),
        last_fall_at=max(story.last_fall_at, min(blow.at, scene.now)),
        pods_affected=len(hurt),
        pod_names=tuple(each.pod for each in list(hurt.values())[-1 : -NAMES_SHOWN - 1 : -1]),
        pod=blow.pod,
        container=why.container,
        node=blow.node,
        version=tag_of(blow.image) if blow.image else story.version,
        is_told=not case.is_baseline and ((story.is_told and story.falls > 0) or silence is None),
        silenced_until=silence.until if silence else None,
        silenced_by=silence.by if silence else None,
    )
    return replace(
        case, story=story, hurt=hurt, day=scene.day, fell_today=fell_today, earlier_today=earlier, is_stale=True
    )


def node_trouble(node: NodeSight | None) -> str:
    """One sentence about a node that is not well; empty for one that is, or is not known."""
    if node is None:
        return ""
    if not node.ready:
        return f"Its node {node.name} is not ready ({node.reason or 'it does not answer'})."
    if node.unschedulable:
        return f"Its node {node.name} is cordoned: closed for new pods."
    return ""

"""Falls: what ended or was put out between two looks at a pod, each told exactly once.

`falls` compares a pod with the mark that was left of it. A mark counts upward only, so a relist after a gap, a stream
of every change and any mixture of both tell the same falls. Called by bot.reconcile.pods; pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain.pods.sight import ContainerSight, PodSight, SubjectKind

PUT_OUT = frozenset({"PreemptionByScheduler", "DeletionByTaintManager", "DeletionByPodGC", "TerminationByKubelet"})
"""Reasons of the condition DisruptionTarget that somebody should hear of. An eviction through the API is a drain, which
people order and controllers make good."""
ORDERED = frozenset({"EvictionByEvictionAPI"})


@dataclass(frozen=True, slots=True)
class Mark:
    """What was told of a pod, as much as is needed to tell nothing twice. Stored."""

    uid: str
    deaths: Mapping[str, int] = field(default_factory=dict)
    """Container → how often it ended, as far as was counted."""
    ended: Mapping[str, int] = field(default_factory=dict)
    """Container → when the last counted run ended, in seconds since 1970."""
    put_out: str = ""
    """The disruption that was told."""
    stuck: frozenset[str] = frozenset()
    """What keeps it from running, as far as it was told: `container:cause`."""

    @property
    def is_blank(self) -> bool:
        """Nothing was told of it: no need to keep it."""
        return not (any(self.deaths.values()) or self.put_out or self.stuck)


@dataclass(frozen=True, slots=True)
class Fall:
    """One container ended, `times` times; or the whole pod was put out, when `container` is None."""

    pod: PodSight
    container: ContainerSight | None
    first: int
    """Ordinal of the first of these endings, from 0: the restartCount that the container had then."""
    times: int
    at: datetime | None
    """Of the last of them."""

    def keys(self, cluster_uid: str = "") -> tuple[str, ...]:
        """Idempotency keys, one per ending: `pod:CLUSTER:POD:CONTAINER:RESTARTCOUNT:KIND`."""
        start = f"pod:{cluster_uid}:{self.pod.uid}"
        if self.container is None:
            return (f"{start}::0:{self.pod.disruption}",)
        return tuple(f"{start}:{self.container.name}:{self.first + each}:ended" for each in range(self.times))


def falls(mark: Mark | None, pod: PodSight) -> tuple[Fall, ...]:
    """What fell since the mark was made; None: since the pod was made."""
    known = mark or Mark(pod.uid)
    found: list[Fall] = []
    if not pod.deleting:
        for container in pod.containers:
            before, deaths = known.deaths.get(container.name, 0), _deaths(container, known)
            if deaths > before and _matters(container, pod):
                ended_at = container.ending.finished if container.ending else None
                found.append(Fall(pod, container, before, deaths - before, ended_at))
    if is_put_out(pod) and pod.disruption != known.put_out:
        found.append(Fall(pod, None, 0, 1, None))
    return tuple(found)


def is_put_out(pod: PodSight) -> bool:
    """Somebody other than its owner took it from its node."""
    if pod.disruption in ORDERED:
        return False
    return pod.disruption in PUT_OUT or (pod.phase == "Failed" and pod.disruption != "")


def marked(mark: Mark | None, pod: PodSight) -> Mark:
    """The mark after all falls of the pod as it is now were told. Never lower than before."""
    known = mark or Mark(pod.uid)
    deaths, ended = dict(known.deaths), dict(known.ended)
    for container in pod.containers:
        count = _deaths(container, known)
        if count > deaths.get(container.name, 0):
            deaths[container.name] = count
            if container.ending is not None and container.ending.finished is not None:
                ended[container.name] = int(container.ending.finished.timestamp())
    put_out = pod.disruption if is_put_out(pod) else known.put_out
    return replace(known, deaths=deaths, ended=ended, put_out=put_out)


def _deaths(container: ContainerSight, known: Mark) -> int:
    """How often it ended. Where no containerID tells whose ending is shown, a waiting container whose ending is newer
    than the counted one ended once more."""
    count = container.deaths
    before = known.deaths.get(container.name, 0)
    ending = container.ending
    if count != before or container.running_since or container.has_ended or ending is None or ending.finished is None:
        return count
    is_newer = int(ending.finished.timestamp()) > known.ended.get(container.name, 0)
    return count + 1 if is_newer and (before == 0 or container.name in known.ended) else count


def _matters(container: ContainerSight, pod: PodSight) -> bool:
    """An ending that was not meant: what is to run ended, or what is to end failed. A Job's pods are the Job's news."""
    if pod.workload.kind in (SubjectKind.JOB, SubjectKind.CRONJOB):
        return False
    ending = container.ending
    clean = ending is not None and ending.exit_code == 0
    if container.is_init:
        return not clean
    return not (clean and pod.phase == "Succeeded")

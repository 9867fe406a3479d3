"""The desk of `/pods`: the pods of one service in one environment, and how each stands. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from bot.domain.catalog import Target
from bot.domain.images import version_of
from bot.domain.pods.sight import ContainerSight, PodSight, SubjectKind

RESTARTABLE = (SubjectKind.DEPLOYMENT, SubjectKind.STATEFULSET, SubjectKind.DAEMONSET)
"""What `kubectl rollout restart` takes."""


class Standing(IntEnum):
    """How a pod stands, worst first."""

    DOWN = 0
    STARTING = 1
    LEAVING = 2
    UP = 3
    DONE = 4
    """Its work is over: a Job's pod that succeeded."""


@dataclass(frozen=True, slots=True)
class Death:
    """The last time that something in a pod ended."""

    container: str
    words: str
    """`OOMKilled`, `exit code 1`."""
    at: datetime | None


@dataclass(frozen=True, slots=True)
class ServicePods:
    """What `/pods` shows of one service in one environment."""

    target: Target
    container: str = ""
    """The one that a release changes: its image tells the version."""
    desired: int | None = None
    """Pods that the workload should have; None for a CronJob, whose pods come and go."""
    pods: tuple[PodSight, ...] = ()
    """What went wrong first, then by name."""
    problem: str = ""
    """Why the cluster could not be asked; empty when it could."""

    @property
    def up(self) -> int:
        """How many are ready and stay."""
        return sum(1 for pod in self.pods if standing(pod) is Standing.UP)

    @property
    def is_well(self) -> bool:
        """Whether as many as wanted are up, and none is down."""
        fallen = any(standing(pod) is Standing.DOWN for pod in self.pods)
        return not self.problem and not fallen and (self.desired is None or self.up >= self.desired)


def in_order(pods: Sequence[PodSight]) -> tuple[PodSight, ...]:
    """What went wrong first, then what restarted most."""
    return tuple(sorted(pods, key=lambda pod: (standing(pod), -pod.restarts, pod.name)))


def standing(pod: PodSight) -> Standing:
    """How it stands now."""
    if pod.phase == "Succeeded":
        return Standing.DONE
    if pod.deleting:
        return Standing.LEAVING
    if pod.ready:
        return Standing.UP
    fell = pod.phase in ("Failed", "Unknown") or bool(pod.unschedulable) or bool(pod.disruption)
    if fell or any(_is_down(container) for container in pod.containers):
        return Standing.DOWN
    return Standing.STARTING


def _is_down(container: ContainerSight) -> bool:
    if container.is_init and container.has_ended:
        return container.ending is not None and container.ending.exit_code != 0
    waits = container.waiting_reason not in ("", "ContainerCreating", "PodInitializing")
    return waits or (container.has_ended and not container.is_init)


def trouble(pod: PodSight) -> str:
    """What is wrong with it in a few words; empty when it is up, starting or leaving."""
    if standing(pod) is not Standing.DOWN:
        return ""
    if pod.unschedulable:
        return "no node takes it"
    waiting = [each.waiting_reason for each in pod.containers if _is_down(each) and each.waiting_reason]
    return next(iter(waiting), "") or pod.disruption or ("failed" if pod.phase == "Failed" else "ended")


def last_death(pod: PodSight) -> Death | None:
    """The newest ending of one of its containers, those aside that were meant to end; None when none ended."""
    ended = [
        (container, container.ending)
        for container in pod.containers
        if container.ending is not None and not (container.is_init and container.ending.exit_code == 0)
    ]
    if not ended or standing(pod) is Standing.DONE:
        return None
    container, ending = max(ended, key=lambda each: each[1].finished.timestamp() if each[1].finished else 0.0)
    words = ending.reason if ending.reason not in ("", "Error", "Completed") else f"exit code {ending.exit_code}"
    return Death(container.name, words, ending.finished)


def version_in(pod: PodSight, container: str) -> str:
    """Tag of the container's image, or of the first one's when it has no container of that name."""
    images = {each.name: each.image for each in pod.containers if not each.is_init}
    image = images.get(container) or next(iter(images.values()), "")
    return version_of(image) if image else ""

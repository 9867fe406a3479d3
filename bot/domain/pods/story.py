"""A story: what fell at one workload, from the first fall until it healed. One story is one message that closes itself.

Made and moved by the rules of this package, saved by bot.store.pods, shown by bot.cards.pod.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from bot.domain.names import EnvironmentName, ReleaseId, ServiceName, UserId
from bot.domain.pods.sight import Subject


class Cause(StrEnum):
    """Why something fell. Stable: stored, and part of message metadata."""

    OOM_KILLED = "oom_killed"
    CRASHED = "crashed"
    """A container ended by itself: with an exit code, a signal, or without an error."""
    PROBE_KILLED = "probe_killed"
    """The kubelet ended it: its liveness or startup probe failed."""
    CRASH_LOOP = "crash_loop"
    """It fell so often that the kubelet waits before it starts it again."""
    IMAGE_MISSING = "image_missing"
    IMAGE_PULL = "image_pull"
    CONFIG_ERROR = "config_error"
    START_ERROR = "start_error"
    VOLUME = "volume"
    EVICTED = "evicted"
    """Its node put it out: short of memory, disk or processes, or shut down."""
    DRAINED = "drained"
    """Evicted through the API, and the service suffers from it."""
    PREEMPTED = "preempted"
    """It had to make room for a pod of higher priority."""
    NODE_LOST = "node_lost"
    """Its node does not answer."""
    UNSCHEDULABLE = "unschedulable"
    JOB_FAILED = "job_failed"
    JOB_MISSED = "job_missed"
    """A CronJob should have started, and did not."""
    NODE_NOT_READY = "node_not_ready"
    AT_MAXIMUM = "at_maximum"
    """An autoscaler wants more pods than it may have."""


class Recovery(StrEnum):
    """How it came right."""

    RESTARTED = "restarted"
    """The kubelet restarted the container, in the same pod."""
    REPLACED = "replaced"
    """Another pod took over: `healed_by_pod` on `healed_by_node`."""
    ROLLED_OUT = "rolled_out"
    """Other pods of another revision took over: a release, a rollback, or somebody's kubectl."""
    SCALED_AWAY = "scaled_away"
    """Fewer pods are wanted now; those that fell are gone."""
    DELETED = "deleted"
    """The workload is gone."""
    FINISHED = "finished"
    """A later run of the batch job succeeded."""
    BACK = "back"
    """The node answers again, or the autoscaler has room again."""


@dataclass(frozen=True, slots=True)
class NearRelease:
    """The release of the same service that ran shortly before the first fall."""

    id: ReleaseId
    version: str
    """What it brought."""
    from_version: str
    """What it replaced."""
    by: UserId
    at: datetime
    """When it began to write, or was asked for."""
    may_roll_back: bool = False
    """It is young enough, and was no rollback itself: a button may offer the way back."""
    is_rollback: bool = False


@dataclass(frozen=True, slots=True)
class NearAlert:
    """An open Datadog alert of the same service."""

    key: str
    title: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """One story. All texts are plain: the cards escape them."""

    id: str
    """A ULID."""
    environment: EnvironmentName
    subject: Subject
    cause: Cause
    text: str
    """What happened, one sentence that ends with a full stop."""
    remedy: str
    """What to do next, one sentence."""
    opened_at: datetime
    """The first fall."""
    last_fall_at: datetime
    service: ServiceName | None = None
    """The configured service of this workload, when it is one."""
    also: tuple[str, ...] = ()
    """Other causes at the same workload meanwhile, one sentence each."""
    falls: int = 0
    """How often something fell in this story: ends of containers, evictions, failed runs."""
    falls_today: int = 0
    """Falls of this workload since midnight of the configured zone, those of this story among them."""
    pods_affected: int = 0
    pod_names: tuple[str, ...] = ()
    """A few of them, newest first."""
    pod: str = ""
    """The one to show: whose log was read, whose log the button reads."""
    container: str = ""
    version: str = ""
    """Tag of the container's image."""
    node: str = ""
    """Of `pod`."""
    log_tail: tuple[str, ...] = ()
    """Last lines of the container that ended, already redacted."""
    serving: int = 0
    """Ready pods of the workload."""
    desired: int = 0
    """Pods that the workload should have."""
    flaps: int = 0
    """How often it seemed healed and fell again: closings that were taken back, and ready spells under a minute."""
    healed_at: datetime | None = None
    """Since when everything is ready again; the story closes when that has lasted a minute. None: it has not healed."""
    closed_at: datetime | None = None
    recovery: Recovery | None = None
    mended_by: NearRelease | None = None
    """After ROLLED_OUT: the release of ours that brought the pods which took over."""
    healed_by_pod: str = ""
    healed_by_node: str = ""
    away_falls: int = 0
    """Of `falls`, those that happened while nobody watched."""
    release: NearRelease | None = None
    node_trouble: str = ""
    """One sentence about the node that it ran on; empty when the node is well."""
    alert: NearAlert | None = None
    silenced_until: datetime | None = None
    silenced_by: UserId | None = None
    is_told: bool = True
    """False: known and not posted. It was so when the bot first looked, or the workload is silenced."""
    step: int = 0
    """Rises with every change that makes the buttons drawn before it stale."""

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    def lasted_s(self, now: datetime) -> float:
        """Seconds from the first fall until it healed, or until now."""
        return max(0.0, ((self.healed_at or now) - self.opened_at).total_seconds())

    def moved(self, **changes: Any) -> "Story":
        """A copy with changes that make the buttons drawn before it stale."""
        return replace(self, step=self.step + 1, **changes)


def subject_key(story: Story) -> str:
    """Outbox subject of a story's card."""
    return f"pods:{story.id}"

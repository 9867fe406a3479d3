"""What the watches show of pods, batch jobs, nodes and autoscalers: slim rows, made from raw JSON by bot.kube.sights.

Held in memory by the loop of bot.reconcile.pods, 5,000 pods and more; never stored as they are. Read by the rules of
this package, the cards and the desks of `/pods` and `/jobs`.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.catalog import WorkloadKind, WorkloadRef


class SubjectKind(StrEnum):
    """What a story can be about."""

    DEPLOYMENT = "deployment"
    STATEFULSET = "statefulset"
    DAEMONSET = "daemonset"
    REPLICASET = "replicaset"
    """One that no Deployment owns; or an owner of a kind that Kajitori does not know, such as Argo's Rollout."""
    CRONJOB = "cronjob"
    JOB = "job"
    POD = "pod"
    """A pod that nothing owns."""
    NODE = "node"
    AUTOSCALER = "autoscaler"


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """A Kubernetes object that stories are about, within its cluster. `namespace` is empty for nodes."""

    kind: SubjectKind
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}"

    @classmethod
    def of(cls, ref: WorkloadRef) -> "Subject":
        """A workload as stories know it: a Rollout is one of the kinds that they know only by their ReplicaSets."""
        is_known = ref.kind is not WorkloadKind.ROLLOUT
        return cls(SubjectKind(ref.kind.value) if is_known else SubjectKind.REPLICASET, ref.namespace, ref.name)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a container's process ended."""

    reason: str
    """`OOMKilled`, `Error`, `Completed`, `ContainerCannotRun`, `StartError`…"""
    exit_code: int
    signal: int = 0
    """0 when the runtime names none; exit codes above 128 name one too."""
    started: datetime | None = None
    finished: datetime | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class ContainerSight:
    """One container of a pod."""

    name: str
    image: str
    """As the pod's spec names it: a status may spell it otherwise."""
    ready: bool
    restarts: int
    is_init: bool = False
    """An init container that is meant to end. Sidecars (restartPolicy Always) are not."""
    memory_limit: str = ""
    waiting_reason: str = ""
    waiting_message: str = ""
    running_since: datetime | None = None
    """None: it does not run."""
    has_ended: bool = False
    """Its latest run has ended: `ending` tells how, and `restarts` does not count it yet. True when its state is
    `terminated`, and when it waits to be started again and its containerID is still that of the run that ended."""
    ending: Ending | None = None
    """state.terminated, else lastState.terminated."""

    @property
    def deaths(self) -> int:
        """How often it ended so far: every restart, and the ending that no restart has followed yet."""
        return self.restarts + (1 if self.has_ended else 0)


@dataclass(frozen=True, slots=True)
class PodSight:
    """One pod."""

    uid: str
    namespace: str
    name: str
    workload: Subject
    """Who answers for it: the Deployment of its ReplicaSet, its StatefulSet, DaemonSet or Job, or itself."""
    phase: str
    """`Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`."""
    ready: bool
    created: datetime
    deleting: bool = False
    """It has a deletionTimestamp."""
    node: str = ""
    ready_since: datetime | None = None
    """lastTransitionTime of the condition Ready, whichever status it has."""
    disruption: str = ""
    """Reason of the condition DisruptionTarget when it is True (`EvictionByEvictionAPI`, `PreemptionByScheduler`,
    `DeletionByTaintManager`, `DeletionByPodGC`, `TerminationByKubelet`), else status.reason (`Evicted`, `NodeLost`,
    `Preempting`, `NodeShutdown`…); empty when nothing disturbs it."""
    disruption_message: str = ""
    unschedulable: str = ""
    """The scheduler's words while PodScheduled is False."""
    unschedulable_since: datetime | None = None
    revision_hash: str = ""
    """Label pod-template-hash or controller-revision-hash."""
    containers: tuple[ContainerSight, ...] = ()
    """Its init containers first, then the others, in the spec's order."""
    job: str = ""
    """Name of the owning Job; `workload` then is its CronJob where the Job is known to have one, else the Job."""

    @property
    def restarts(self) -> int:
        """Of all its containers."""
        return sum(container.restarts for container in self.containers)

    @property
    def is_over(self) -> bool:
        """Its containers ended for good."""
        return self.phase in ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class JobSight:
    """One run of a batch job."""

    uid: str
    namespace: str
    name: str
    created: datetime
    cronjob: str = ""
    """Name of the CronJob that owns it; empty for a Job of its own."""
    started: datetime | None = None
    finished: datetime | None = None
    """completionTime, or when the condition Failed became True."""
    active: int = 0
    succeeded: int = 0
    failed: int = 0
    has_completed: bool = False
    """Condition Complete is True."""
    has_failed: bool = False
    """Condition Failed is True."""
    reason: str = ""
    """Of the condition Failed: `BackoffLimitExceeded`, `DeadlineExceeded`, `PodFailurePolicy`…"""
    message: str = ""
    suspended: bool = False
    backoff_limit: int = 6
    scheduled_at: datetime | None = None
    """Annotation batch.kubernetes.io/cronjob-scheduled-timestamp: the start it was made for; None when made by hand."""
    by_hand: bool = False
    """Annotation cronjob.kubernetes.io/instantiate is `manual`."""
    deleting: bool = False

    @property
    def is_over(self) -> bool:
        """It completed or failed for good."""
        return self.has_completed or self.has_failed


@dataclass(frozen=True, slots=True)
class CronJobSight:
    """A batch job's schedule."""

    uid: str
    namespace: str
    name: str
    created: datetime
    schedule: str
    """Five fields, or a macro such as `@daily`."""
    timezone: str = ""
    """spec.timeZone; empty: that of kube-controller-manager, nearly always UTC."""
    suspended: bool = False
    last_scheduled: datetime | None = None
    last_succeeded: datetime | None = None
    starting_deadline_s: int | None = None
    concurrency: str = "Allow"
    """`Allow`, `Forbid` or `Replace`."""
    active: tuple[str, ...] = ()
    """Names of its Jobs that run now."""
    images: tuple[str, ...] = ()
    changed_at: datetime | None = None
    """When its schedule, zone or suspension was last written, where managedFields tells; else None."""


@dataclass(frozen=True, slots=True)
class NodeSight:
    """A node."""

    uid: str
    name: str
    ready: bool
    since: datetime | None = None
    """lastTransitionTime of its condition Ready."""
    reason: str = ""
    """Of the condition Ready: `KubeletNotReady`, `NodeStatusUnknown`…"""
    message: str = ""
    unschedulable: bool = False
    """Cordoned."""
    deleting: bool = False


@dataclass(frozen=True, slots=True)
class AutoscalerSight:
    """A HorizontalPodAutoscaler."""

    uid: str
    namespace: str
    name: str
    target: Subject
    """The workload that it scales."""
    current: int
    desired: int
    least: int
    most: int
    limited_reason: str = ""
    """Reason of the condition ScalingLimited while it is True: `TooManyReplicas`, `TooFewReplicas`…"""
    limited_since: datetime | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class EventSight:
    """A Kubernetes Event about a pod."""

    uid: str
    namespace: str
    pod_uid: str
    pod: str
    """Name of the pod."""
    reason: str
    """`Unhealthy`, `Killing`, `BackOff`, `Failed`, `Evicted`, `Preempted`, `FailedScheduling`, `FailedMount`…"""
    message: str
    at: datetime | None
    count: int = 1
    type: str = "Warning"
    """`Normal` or `Warning`."""

"""What a cluster shows of one workload.

Built by bot.kube.workloads, read by bot.domain.release and the cards. Never stored as truth: it is asked for anew.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from bot.domain.catalog import WorkloadKind, WorkloadRef
from bot.domain.rollout.argo import ArgoState


@dataclass(frozen=True, slots=True)
class Condition:
    """A status condition of a workload."""

    type: str
    status: str
    """`True`, `False` or `Unknown`, as the API spells it."""
    reason: str = ""
    message: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment, StatefulSet, DaemonSet, CronJob or Rollout as one quorum read showed it."""

    ref: WorkloadRef
    uid: str
    resource_version: str
    """Opaque; only ever sent back for a conditional write."""
    generation: int
    observed_generation: int
    paused: bool
    """spec.paused of a Deployment or Rollout; suspend of a CronJob is not a pause."""
    images: Mapping[str, str]
    """Container name → image of the pod template (for a CronJob, of its job template)."""
    annotations: Mapping[str, str]
    managers: Mapping[str, str]
    """Container name → name of the field manager that last wrote its image, where managedFields tells."""
    desired: int
    updated: int
    ready: int
    available: int
    total: int
    """status.replicas: all pods of the workload, old ones that still terminate among them."""
    conditions: tuple[Condition, ...] = ()
    progress_deadline_s: int | None = None
    """spec.progressDeadlineSeconds (Deployments; Kubernetes' default 600)."""
    current_revision: str = ""
    """StatefulSet: status.currentRevision."""
    update_revision: str = ""
    """StatefulSet: status.updateRevision."""
    partition: int = 0
    """StatefulSet: spec.updateStrategy.rollingUpdate.partition."""
    on_delete: bool = False
    """updateStrategy OnDelete: pods are only replaced when somebody deletes them."""
    selector: str = ""
    """Label selector of its pods, in the form of a list request's `labelSelector`."""
    template: Mapping[str, object] = field(default_factory=dict)
    """The pod template as the API gave it (raw JSON)."""
    argo: ArgoState | None = None
    """Of a Rollout only."""

    @property
    def is_held(self) -> bool:
        """It does not go on by itself: somebody paused it, or a Rollout is at a step that pauses."""
        return self.paused or (self.argo is not None and bool(self.argo.pauses))

    @property
    def resume_command(self) -> str:
        """What lets it go on when it is held."""
        if self.ref.kind is WorkloadKind.ROLLOUT:
            return f"kubectl argo rollouts promote {self.ref.name} -n {self.ref.namespace}"
        return f"kubectl rollout resume {self.ref.kind} {self.ref.name} -n {self.ref.namespace}"


@dataclass(frozen=True, slots=True)
class Revision:
    """A former state of a workload's pod template: a ReplicaSet, or a ControllerRevision."""

    uid: str
    name: str
    number: int
    images: Mapping[str, str]
    template: Mapping[str, object]
    """Pod template without `pod-template-hash`: what a rollback puts back."""
    created: datetime | None
    pods: int = 0

    def with_image(self, container: str, image: str) -> "Revision":
        """The same with another spelling of its image: by digest."""
        template = copy.deepcopy(dict(self.template))
        spec = template.get("spec")
        for each in spec.get("containers") or [] if isinstance(spec, dict) else []:
            if each.get("name") == container:
                each["image"] = image
        return replace(self, template=template, images={**self.images, container: image})


@dataclass(frozen=True, slots=True)
class PodContainer:
    """One container of a pod, as its status tells."""

    name: str
    image: str
    ready: bool
    restarts: int
    waiting_reason: str = ""
    waiting_message: str = ""
    terminated_reason: str = ""
    """Of the last termination: `OOMKilled`, `Error`, `Completed`…"""
    exit_code: int | None = None
    started: datetime | None = None
    image_id: str = ""
    """The digest that really runs, as the kubelet reports it."""
    memory_limit: str = ""


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod of the workload."""

    name: str
    uid: str
    phase: str
    owner: str
    """Name of the owning ReplicaSet, StatefulSet, DaemonSet or Job."""
    created: datetime
    ready: bool
    deleting: bool
    node: str = ""
    unschedulable: str = ""
    """The scheduler's words when PodScheduled is False."""
    revision_hash: str = ""
    """Label pod-template-hash or controller-revision-hash."""
    containers: tuple[PodContainer, ...] = ()
    """Its init containers first, then the others."""
    reason: str = ""
    """status.reason of a pod that failed as a whole: `Evicted`, `NodeLost`…"""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Happening:
    """A Kubernetes Event about the workload, its ReplicaSets or pods."""

    reason: str
    message: str
    kind: str
    name: str
    type: str
    """`Normal` or `Warning`."""
    at: datetime | None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at a workload: the object, the pods of its newest template, and what is said about them."""

    workload: Workload
    pods: tuple[Pod, ...] = ()
    """All its pods, new and old."""
    new_hash: str = ""
    """revision_hash of the pods of the present template; empty when not known yet."""
    happenings: tuple[Happening, ...] = ()
    unseen: tuple[str, ...] = ()
    """What Kajitori may not read there, in plain words ("pods", "events"); the rest was seen all the same."""


class RolloutState(StrEnum):
    """Where a rollout stands."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RolloutStatus:
    """The verdict on one observation, with kubectl's reason in plain words."""

    state: RolloutState
    text: str
    updated: int
    ready: int
    desired: int


@dataclass(frozen=True, slots=True)
class PodTrouble:
    """Why new pods do not come up: one per cause, worst first."""

    code: str
    """Stable: image_missing, image_pull, crash_loop, oom_killed, config_error, start_error, volume, evicted,
    unschedulable, quota, admission, not_ready or deadline."""
    text: str
    """What happened, one sentence, without markup; names and messages of the cluster in it are plain text."""
    remedy: str
    """What to do next, one sentence."""
    pods: int
    pod: str = ""
    """Name of one pod that shows it."""
    container: str = ""
    log_tail: tuple[str, ...] = ()
    """Last lines of the container that died, already redacted."""
    hopeless: bool = False
    """True when Kubernetes' own retries cannot mend it (the image does not exist, the name is invalid)."""

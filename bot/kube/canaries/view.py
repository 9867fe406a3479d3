"""A view: what is read of a canary at one moment, and what a driver makes of it.

Made by `driving`, handed to the drivers. Writes are prepared from the view and conditional on it, never kept.
"""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from bot.domain.canary.scheme import CanaryCourse
from bot.domain.catalog import WorkloadKind
from bot.domain.release import Release
from bot.domain.rollout import Observation, Workload
from bot.kube.canaries.surroundings import listed
from bot.kube.clients import Cluster
from bot.kube.workloads.parsing import at, objects, strings, text

Write = Callable[[], Awaitable[None]]
"""One request to the cluster, ready to be sent."""
SERVICE_NAME = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class View:
    """What is there now."""

    cluster: Cluster
    release: Release
    stable: Workload | None
    twin: Observation | None
    """The canary's Deployment, when this release made it; of the driver `rollout`, the Rollout."""

    @property
    def canary(self) -> Observation | None:
        """What shows the canary's pods and no others; None while there are none."""
        rollout = self.twin
        if rollout is None or rollout.workload.ref.kind is not WorkloadKind.ROLLOUT:
            return rollout
        plan = self.release.plan
        if not rollout.new_hash or rollout.workload.images.get(plan.container) != plan.to_image:
            return None
        return replace(rollout, pods=tuple(pod for pod in rollout.pods if pod.revision_hash == rollout.new_hash))

    @property
    def asked(self) -> int:
        """The share wanted now, per cent."""
        return (self.release.canary or CanaryCourse()).asked

    @property
    def kubernetes_service(self) -> str:
        """The Kubernetes Service whose requests are divided."""
        scheme = self.release.plan.canary
        return scheme.kubernetes_service if scheme else ""

    def matching_pods(self) -> int:
        """Canary pods that take the share asked for as easily as the stable ones take theirs."""
        desired = self.stable.desired if self.stable else 1
        return max(1, math.ceil(self.asked * desired / 100))


@dataclass(frozen=True, slots=True)
class Reading:
    """What a driver makes of a view."""

    towards: Write | None
    """The next write towards the share; None: all that can be told now is told."""
    away: Write | None
    """The next write towards the end; None: nothing to do, or to be waited for."""
    is_ready: bool
    is_gone: bool
    achieved: float | None
    pods: str


async def ready_endpoints(cluster: Cluster, namespace: str, service: str) -> set[str] | None:
    """Names of the pods that a Kubernetes Service sends requests to now; None when that can't be seen."""
    slices = await listed(cluster, namespace, "endpointslices", "discovery.k8s.io/v1")
    ours = [raw for raw in slices if strings(at(raw, "metadata").get("labels")).get(SERVICE_NAME) == service]
    if not ours:
        return None
    return {
        text(at(endpoint, "targetRef").get("name"))
        for raw in ours
        for endpoint in objects(raw.get("endpoints"))
        # absent means ready, by the API's own words
        if at(endpoint, "conditions").get("ready", True) is True
    }

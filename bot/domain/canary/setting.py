"""What a canary would meet in a cluster: who sends requests to the stable pods, and what stands in its way. Pure."""

from dataclasses import dataclass

from bot.domain.canary.scheme import Driver
from bot.domain.canary.shares import PodShare, by_pods, by_rollout
from bot.domain.rollout import Workload


@dataclass(frozen=True, slots=True)
class CanarySetting:
    """The surroundings of a workload, as the use case tells them before anything is done."""

    driver: Driver
    """What would give the share: the one of the configuration, else the best that is there."""
    carrier: str
    """Name of the HTTPRoute, Ingress or Rollout; empty for pods."""
    stable_pods: int
    """Pods of the stable workload that the canary would stand beside."""
    kubernetes_service: str = ""
    """Of those that select the stable pods, the one whose requests are divided; empty when none does."""
    warnings: tuple[str, ...] = ()
    """What people should know before, one sentence each."""
    remarks: tuple[str, ...] = ()
    """What is so with every canary of this sort, one sentence each: nothing to hesitate for."""
    obstacles: tuple[str, ...] = ()
    """What makes it impossible, one sentence each; empty when it can be done."""


def share_of(driver: Driver, stable: Workload, asked_percent: int) -> PodShare | None:
    """What pods give of a share beside `stable`; None where any whole per cent can be had, for requests are divided by
    weight, and where there are no pods to count."""
    if stable.desired < 1:
        return None
    if driver is Driver.PODS:
        return by_pods(stable.desired, asked_percent)
    if driver is Driver.ROLLOUT and stable.argo is not None and not stable.argo.has_router:
        return by_rollout(stable.desired, asked_percent, surges=stable.argo.surges)
    return None

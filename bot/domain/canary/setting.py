"""What a canary would meet in a cluster: who sends requests to the stable pods, and what stands in its way. Pure."""

from dataclasses import dataclass

from bot.domain.canary.scheme import Driver


@dataclass(frozen=True, slots=True)
class CanarySetting:
    """The surroundings of a workload, as the use case tells them before anything is done."""

    driver: Driver
    """What would give the share: the one of the configuration, else the best that is there."""
    carrier: str
    """Name of the HTTPRoute or Ingress; empty for the others."""
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

    @property
    def is_exact(self) -> bool:
        """Whether any whole per cent can be had: requests are divided by weight, not by counting pods."""
        return self.driver is not Driver.PODS

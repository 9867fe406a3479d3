"""Simulated load of workloads: what a metrics server would tell an autoscaler. The cluster owns one; tests and the
sandbox set it, and what is not set follows the request stream.
"""

from bot.sandbox.kube.kinds import Obj
from bot.sandbox.kube.traffic import Traffic

IDLE_CORES = 0.005  # of one pod
CORES_PER_REQUEST = 0.002
MEMORY_BYTES = 48 * 2**20  # of one pod
REQUESTS = "requests_per_second"  # the custom metric that every workload has


class Load:
    """Totals over all pods of a workload, in base units: cores, bytes, pieces."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._set: dict[tuple[str, str, str], float] = {}

    def set(self, namespace: str, workload: str, metric: str, total: float | None) -> None:
        """Fix the total of a metric (`cpu`, `memory` or a name of one's own), whatever the pods; None frees it."""
        if total is None:
            self._set.pop((namespace, workload, metric), None)
        else:
            self._set[(namespace, workload, metric)] = total

    def total(self, namespace: str, workload: str, metric: str, ready: list[Obj]) -> float | None:
        """What the ready pods of a workload use together; None when nobody knows."""
        fixed = self._set.get((namespace, workload, metric))
        if fixed is not None:
            return fixed
        if metric == "memory":
            return MEMORY_BYTES * float(len(ready))
        if metric not in ("cpu", REQUESTS):
            return None
        rate = self._traffic.rate_to(namespace, {pod["metadata"]["name"] for pod in ready})
        return rate if metric == REQUESTS else IDLE_CORES * len(ready) + CORES_PER_REQUEST * rate

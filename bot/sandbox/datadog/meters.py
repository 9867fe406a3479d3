"""Measurements of the simulated clusters: what monitors judge and graphs show.

The board reads it each second. Moments are Unix seconds of Datadog's clock; a cluster keeps its own time, so they are
translated by their distance from now.
"""

from collections import deque
from collections.abc import Mapping

from bot.sandbox.datadog.monitors import WHOLE, Measure
from bot.sandbox.kube import Cluster
from bot.sandbox.kube.kinds import DAEMON_SETS, DEPLOYMENTS, STATEFUL_SETS
from bot.sandbox.kube.traffic_counts import Window

SMOOTH_S = 5.0  # one point of a latency graph looks back this far
LONGEST_S = 900.0


class Meters:
    """Reads clusters, named by environment."""

    def __init__(self, clusters: Mapping[str, Cluster]) -> None:
        self._clusters = clusters
        self._restarts: dict[str, dict[str, int]] = {}
        self._happened: dict[str, deque[tuple[float, str, int]]] = {env: deque(maxlen=10_000) for env in clusters}

    def sample(self, now_s: float) -> None:
        """Note the restarts since the last call; pods that were there before the first count from then."""
        for env, cluster in self._clusters.items():
            before = self._restarts.get(env)
            counted: dict[str, int] = {}
            for pod in cluster.pods_view():
                name = f"{pod['namespace']}/{pod['name']}"
                counted[name] = restarts = int(pod["restarts"])
                more = 0 if before is None else restarts - before.get(name, 0)
                if more > 0:
                    self._happened[env].append((now_s, str(pod["workload"]), more))
            self._restarts[env] = counted

    def read(self, env: str, measure: Measure, now_s: float, window_s: float) -> dict[str, float]:
        """Values by group, of the last `window_s` seconds; a group that nothing was measured of is absent."""
        if env not in self._clusters:
            return {}
        match measure:
            case Measure.RESTARTS:
                return {f"service:{name}": float(n) for name, n in self.restarts(env, now_s - window_s, now_s).items()}
            case Measure.HITS:
                asked = sum(seen.requests for seen in self.requests(env, now_s - window_s, now_s, now_s).values())
                return {WHOLE: asked / window_s}
            case Measure.ERROR_RATE:
                seen = self.requests(env, now_s - window_s, now_s, now_s)
                return {f"service:{app}": 100 * w.errors / w.requests for app, w in seen.items() if w.requests}
            case Measure.P99:
                seen = self.requests(env, now_s - SMOOTH_S, now_s, now_s)
                return {f"service:{app}": w.p99_ms / 1000 for app, w in seen.items() if w.p99_ms is not None}

    def requests(
        self, env: str, from_s: float, to_s: float, now_s: float, version: str | None = None
    ) -> dict[str, Window]:
        """What each service was asked between two moments."""
        cluster = self._clusters[env]
        clock = cluster.clock
        steady = clock.steady_s()

        def there(moment_s: float) -> float:
            return steady - (now_s - moment_s) * clock.pace

        return cluster.traffic.by_app(there(from_s), there(to_s), version)

    def restarts(self, env: str, from_s: float, to_s: float) -> dict[str, int]:
        """Restarts of each long-lived workload between two moments."""
        store = self._clusters[env].store
        kinds = (DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS)
        found = {str(each["metadata"]["name"]): 0 for kind in kinds for each in store.all_of(kind)}
        for at_s, workload, more in self._happened[env]:
            if from_s <= at_s <= to_s and workload in found:
                found[workload] += more
        return found

    def environments(self) -> tuple[str, ...]:
        return tuple(self._clusters)

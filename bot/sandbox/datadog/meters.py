"""Measurements of the simulated clusters: what monitors judge and graphs show.

The board reads it each second. Moments are Unix seconds of Datadog's clock; a cluster keeps its own time, so they are
translated by their distance from now.
"""

from collections import deque
from collections.abc import Mapping

from bot.sandbox.datadog.monitors import WHOLE, Measure
from bot.sandbox.kube import Cluster
from bot.sandbox.kube.kinds import DAEMON_SETS, DEPLOYMENTS, STATEFUL_SETS
from bot.sandbox.kube.traffic_counts import Window, together

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

    def requests(self, env: str, from_s: float, to_s: float, now_s: float) -> dict[str, Window]:
        """What each service was asked between two moments."""
        return self._clusters[env].traffic.by_app(self._there(env, from_s, now_s), self._there(env, to_s, now_s))

    def series(self) -> list[tuple[str, str, str]]:
        """Environment, service and version of everything that was ever asked."""
        found = {
            (env, row.app, row.version) for env, cluster in self._clusters.items() for row in cluster.traffic.view(1.0)
        }
        return sorted(found)

    def together(self, members: list[tuple[str, str, str]], from_s: float, to_s: float, now_s: float) -> Window:
        """What several of `series` were asked between two moments, as one; of several clusters the worst latency."""
        seen = []
        for env, cluster in self._clusters.items():
            counts = [counts for app, version, counts in cluster.traffic.counters() if (env, app, version) in members]
            if counts:
                seen.append(together(counts, self._there(env, from_s, now_s), self._there(env, to_s, now_s)))
        if len(seen) == 1:
            return seen[0]
        quantiles = [max((q for q in column if q is not None), default=None) for column in (
            [each.p50_ms for each in seen], [each.p95_ms for each in seen], [each.p99_ms for each in seen],
        )]  # fmt: skip
        return Window(sum(each.requests for each in seen), sum(each.errors for each in seen), *quantiles)

    def _there(self, env: str, moment_s: float, now_s: float) -> float:
        """A moment on a cluster's steady clock."""
        clock = self._clusters[env].clock
        return clock.steady_s() - (now_s - moment_s) * clock.pace

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

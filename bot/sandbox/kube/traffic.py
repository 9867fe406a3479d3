"""The simulated request stream: people's requests reach pods by routes, Kubernetes Services and their endpoints.

The cluster owns one; the sandbox's Datadog and tests read `view`. An entry is an HTTPRoute, an Ingress, or a
Kubernetes Service that stands in none and that no other object owns: what a tool makes for itself nobody asks by name.
Nothing is done per request: each tick adds shares to counters, and only namespaces that changed are looked at anew.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from bot.sandbox.kube.clock import Clock
from bot.sandbox.kube.controllers.endpoints import OF_SERVICE
from bot.sandbox.kube.controllers.engine import Key
from bot.sandbox.kube.controllers.gateway import Share, backends, shares
from bot.sandbox.kube.images import error_share, slowness, tag_of
from bot.sandbox.kube.ingress_shares import ingress_backends, ingress_shares, is_canary
from bot.sandbox.kube.kinds import ENDPOINT_SLICES, HTTP_ROUTES, INGRESSES, PODS, SERVICES, Obj, Resource
from bot.sandbox.kube.options import Options
from bot.sandbox.kube.store import Store, StoredEvent
from bot.sandbox.kube.traffic_counts import Counts, Window, together

TICK_S = 0.25  # of real time
LONGEST_S = 5.0  # a gap between ticks beyond this is not filled: time was skipped
REFUSED = 0.05  # of the usual latency: a proxy that has nobody to ask answers at once
TIMED_OUT = 250.0  # of the usual latency: the pod's node is dead and nobody knows yet
JITTER = 0.03


@dataclass(frozen=True, slots=True)
class Flow:
    """Requests of one entry to one version, a second."""

    counts: Counts
    part: float
    error_share: float
    slowness: float


@dataclass(frozen=True, slots=True)
class Served:
    """One row of `view`: a version behind a Kubernetes Service in the last seconds; `total_…` since the start.

    `version` is the image tag; empty for requests that met no pod. `app` is the label
    `tags.datadoghq.com/service` or `app.kubernetes.io/name` of the pods, else the Kubernetes Service's name.
    """

    namespace: str
    service: str
    version: str
    app: str
    requests: int
    errors: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    total_requests: int
    total_errors: int


class Traffic:
    """Requests, errors and latencies of one cluster."""

    def __init__(self, store: Store, clock: Clock, options: Options) -> None:
        self.dead_nodes: set[str] = set()
        self._store = store
        self._clock = clock
        self._options = options
        self._chance = random.Random(options.seed)
        self._rates: dict[Key, float] = {}
        self._counts: dict[tuple[str, str, str], Counts] = {}
        self._apps: dict[tuple[str, str, str], str] = {}
        self._plans: dict[str, list[tuple[Key, Flow]]] = {}
        self._changed: set[str] = set()
        self._ticked_s: float | None = None
        store.listen(self._notice)

    def set_rate(self, namespace: str, entry: str, requests_per_s: float) -> None:
        """Requests a second to an HTTPRoute or a Kubernetes Service, by its name, from now on."""
        self.tick()
        self._rates[(namespace, entry)] = max(0.0, requests_per_s)

    def rate_of(self, namespace: str, entry: str) -> float:
        return self._rates.get((namespace, entry), self._options.requests_per_s)

    def _notice(self, resource: Resource, event: StoredEvent) -> None:
        if resource in (SERVICES, ENDPOINT_SLICES, HTTP_ROUTES, INGRESSES):
            self._changed.add(event.obj["metadata"]["namespace"])

    def refresh(self) -> None:
        """Look at everything anew, e.g. after a node died."""
        self._changed |= self._plans.keys()

    def tick(self) -> None:
        """Count what was asked since the last tick."""
        now_s = self._clock.steady_s()
        last_s, self._ticked_s = self._ticked_s, now_s
        for namespace in sorted(self._changed):
            self._plans[namespace] = list(self._plan(namespace))
        self._changed.clear()
        if last_s is None:
            return
        passed_s = min(now_s - last_s, LONGEST_S * self._clock.pace)
        median_ms = self._options.latency_ms
        for flows in self._plans.values():
            for entry, flow in flows:
                rate = self._rates.get(entry, self._options.requests_per_s)
                if rate:
                    jitter = 1 + JITTER * (2 * self._chance.random() - 1)
                    flow.counts.add(
                        now_s, rate * flow.part * passed_s, flow.error_share, median_ms * flow.slowness * jitter
                    )

    def view(self, window_s: float = 60.0) -> list[Served]:
        """What each version was asked and how it answered in the last `window_s` seconds (900 at most)."""
        self.tick()
        now_s = self._clock.steady_s()
        rows = []
        for key, counts in sorted(self._counts.items()):
            if not counts.requests:
                continue
            seen = counts.window(now_s, window_s)
            rows.append(Served(
                *key, self._apps[key], seen.requests, seen.errors, seen.p50_ms, seen.p95_ms, seen.p99_ms,
                counts.requests, counts.errors,
            ))  # fmt: skip
        return rows

    def by_app(self, from_s: float, to_s: float) -> dict[str, Window]:
        """What each app was asked, and how it answered, between two moments of the steady clock. Apps that nobody
        ever asked are not in it."""
        counts: dict[str, list[Counts]] = {}
        for app, _, each in self.counters():
            counts.setdefault(app, []).append(each)
        return {app: together(found, from_s, to_s) for app, found in sorted(counts.items())}

    def counters(self) -> list[tuple[str, str, Counts]]:
        """App, version and counter of everything that was ever asked."""
        self.tick()
        return [(self._apps[key], key[2], counts) for key, counts in self._counts.items() if counts.requests]

    def rate_to(self, namespace: str, pods: set[str]) -> float:
        """Requests a second that reach these pods now, by name: what an autoscaler's load is made of."""
        self.tick()
        total = 0.0
        for entry, share in self._entries(namespace):
            if share.service is None:
                continue
            ready = [name for name, is_on, _ in self._endpoints(share.service) if is_on]
            if ready:
                total += self.rate_of(*entry) * share.part * sum(name in pods for name in ready) / len(ready)
        return total

    def _entries(self, namespace: str) -> Iterator[tuple[Key, Share]]:
        """Where requests come in, and to which Kubernetes Services they go."""
        routed: set[Key] = set()
        for route in self._store.each(HTTP_ROUTES, namespace):
            routed.update(backends(route))
            for share in shares(self._store, route):
                yield (namespace, route["metadata"]["name"]), share
        for ingress in self._store.each(INGRESSES, namespace):
            routed.update(ingress_backends(ingress))
            if not is_canary(ingress):
                for share in ingress_shares(self._store, ingress):
                    yield (namespace, ingress["metadata"]["name"]), share
        for service in self._store.each(SERVICES, namespace):
            name = service["metadata"]["name"]
            owned = bool(service["metadata"].get("ownerReferences"))
            if service["spec"].get("selector") and (namespace, name) not in routed and not owned:
                yield (namespace, name), Share(1.0, name, service)

    def _plan(self, namespace: str) -> Iterator[tuple[Key, Flow]]:
        for entry, share in self._entries(namespace):
            if share.service is None:
                yield entry, Flow(self._counts_of(namespace, share.name, "", ""), share.part, 1.0, REFUSED)
                continue
            for part, pod, is_ready in self._targets(share.service):
                image = pod["spec"]["containers"][0]["image"] if pod else ""
                labels = (pod or share.service)["metadata"].get("labels") or {}
                app = labels.get("tags.datadoghq.com/service") or labels.get("app.kubernetes.io/name", "")
                counts = self._counts_of(namespace, share.name, tag_of(image) if pod else "", app)
                if not pod or not is_ready:
                    yield entry, Flow(counts, share.part * part, 1.0, REFUSED)
                elif pod["spec"].get("nodeName") in self.dead_nodes:
                    yield entry, Flow(counts, share.part * part, 1.0, TIMED_OUT)
                else:
                    yield entry, Flow(counts, share.part * part, error_share(image), slowness(image))

    def _targets(self, service: Obj) -> Iterator[tuple[float, Obj | None, bool]]:
        """Parts of a Kubernetes Service's requests, one for each image and node state, with a pod to stand for it.

        With no pod ready, all fail; they are told of the versions that should have answered.
        """
        namespace = service["metadata"]["namespace"]
        ready: list[Obj] = []
        others: list[Obj] = []
        for name, is_on, is_ending in self._endpoints(service):
            pod = self._store.get(PODS, namespace, name)
            if pod is not None and not is_ending:
                (ready if is_on else others).append(pod)
        chosen = ready or others
        if not chosen:
            yield 1.0, None, False
            return
        kinds: dict[tuple[str, bool], Obj] = {}
        sizes: Counter[tuple[str, bool]] = Counter()
        for pod in chosen:
            kind = (pod["spec"]["containers"][0]["image"], pod["spec"].get("nodeName") in self.dead_nodes)
            kinds.setdefault(kind, pod)
            sizes[kind] += 1
        for kind, pod in kinds.items():
            yield sizes[kind] / len(chosen), pod, bool(ready)

    def _endpoints(self, service: Obj) -> Iterator[tuple[str, bool, bool]]:
        """Pods behind a Kubernetes Service: name, whether it is ready, whether it is ending."""
        name = service["metadata"]["name"]
        for found in self._store.collection(ENDPOINT_SLICES).of_owner(service["metadata"]["uid"]):
            if (found["metadata"].get("labels") or {}).get(OF_SERVICE) == name:
                for endpoint in found.get("endpoints") or []:
                    state = endpoint.get("conditions") or {}
                    pod = (endpoint.get("targetRef") or {}).get("name")
                    if pod:
                        yield pod, bool(state.get("ready")), bool(state.get("terminating"))

    def _counts_of(self, namespace: str, service: str, version: str, app: str) -> Counts:
        key = (namespace, service, version)
        self._apps[key] = app or self._apps.get(key) or service
        return self._counts.setdefault(key, Counts())


class TrafficController:
    """Lets the stream flow: one key, again and again."""

    name = "traffic"

    def __init__(self, traffic: Traffic, clock: Clock) -> None:
        self._traffic = traffic
        self._clock = clock

    def concerns(self, resource: Resource, event: StoredEvent) -> list[Key]:
        return []

    def reconcile(self, key: Key) -> float | None:
        self._traffic.tick()
        return TICK_S * self._clock.pace

"""What stands around a Deployment: Kubernetes Services, HTTPRoutes, Ingresses, autoscalers, budgets, as raw JSON.

Read by `detection` before a canary and by the drivers at each look. A kind that the cluster does not know, or that may
not be read, is empty here.
"""

from collections.abc import Mapping

from bot.domain.rollout import Workload
from bot.errors import NotFound, Refused
from bot.kube.clients import Cluster
from bot.kube.workloads import paths
from bot.kube.workloads.parsing import Json, at, objects, strings, text

GATEWAY = "gateway.networking.k8s.io/v1"
NETWORKING = "networking.k8s.io/v1"


async def listed(cluster: Cluster, namespace: str, resource: str, group: str = "", *, selector: str = "") -> list[Json]:
    """The objects of a kind in a namespace; none when the kind is unknown there or hidden from us."""
    try:
        return await readable(cluster, namespace, resource, group, selector=selector)
    except Refused:
        return []


async def readable(
    cluster: Cluster, namespace: str, resource: str, group: str = "", *, selector: str = ""
) -> list[Json]:
    """The objects of a kind in a namespace; none when the kind is unknown there. Refused when it is hidden from us:
    for those who must not take what they can't see for what is not there."""
    query = {"labelSelector": selector} if selector else None
    try:
        raw = await cluster.request("GET", paths.namespaced(namespace, resource, group=group), query=query)
    except NotFound:
        return []
    return list(objects(raw.get("items")))


def pod_labels(stable: Workload) -> dict[str, str]:
    """Labels of the stable pods."""
    return strings(at(stable.template, "metadata", "labels"))


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether an equality selector matches labels; an empty one matches nothing, as with Kubernetes Services."""
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


async def services_of(cluster: Cluster, stable: Workload) -> list[Json]:
    """The Kubernetes Services that select the stable pods, by name."""
    found = await listed(cluster, stable.ref.namespace, "services")
    labels = pod_labels(stable)
    ours = [raw for raw in found if selects(strings(at(raw, "spec").get("selector")), labels)]
    return sorted(ours, key=name)


def name(raw: Json) -> str:
    """metadata.name."""
    return text(at(raw, "metadata").get("name"))


def backends(route: Json) -> list[tuple[int, int, Json]]:
    """Each backendRef of an HTTPRoute that is a Kubernetes Service of its own namespace: (rule, place, ref)."""
    own = text(at(route, "metadata").get("namespace"))
    return [
        (i, j, ref)
        for i, rule in enumerate(objects(at(route, "spec").get("rules")))
        for j, ref in enumerate(objects(rule.get("backendRefs")))
        if ref.get("kind", "Service") == "Service" and not ref.get("group") and ref.get("namespace", own) == own
    ]


def ingress_services(ingress: Json) -> set[str]:
    """Names of the Kubernetes Services that an Ingress sends requests to."""
    spec = at(ingress, "spec")
    found = {text(at(spec, "defaultBackend", "service").get("name"))}
    for rule in objects(spec.get("rules")):
        for path in objects(at(rule, "http").get("paths")):
            found.add(text(at(path, "backend", "service").get("name")))
    return found - {""}

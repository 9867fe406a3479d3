"""The twin set aside: a Kubernetes Service of its own, which the stable one's requests don't reach.

Used by the drivers that divide requests by weight. The twin's pods carry another value of one selected label.
"""

from collections.abc import Mapping

from bot.errors import NotFound
from bot.kube.canaries import twin
from bot.kube.canaries.surroundings import name
from bot.kube.canaries.view import View, Write, ready_endpoints
from bot.kube.clients import Cluster
from bot.kube.workloads import paths
from bot.kube.workloads.parsing import Json, at, objects, strings, text
from bot.kube.workloads.writes import FIELD_MANAGER, WRITE_TIMEOUT_S

FIRST_CHOICES = ("app.kubernetes.io/instance", "app", "app.kubernetes.io/name")
"""Of the labels that a Kubernetes Service selects by, the one that tells the twin apart, in this order."""


async def services(view: View) -> tuple[Json | None, Json | None]:
    """The stable Kubernetes Service, and the twin's when this release made it."""
    namespace = view.release.plan.workload.namespace
    stable = await get(view.cluster, service_path(namespace, view.kubernetes_service))
    own = await get(view.cluster, service_path(namespace, service_name(view)))
    return stable, own if own is not None and is_ours(own, view) else None


def is_ours(raw: Json, view: View) -> bool:
    """Whether this release made an object."""
    return strings(at(raw, "metadata").get("annotations")).get(twin.OP_ID) == view.release.id


def begin(view: View, stable_service: Json, own_service: Json | None) -> Write | None:
    """The next write until the twin and its Kubernetes Service stand; None when they do."""
    stable, wanted = view.stable, view.matching_pods()
    if stable is not None and view.twin is None:
        return lambda: twin.create(
            view.cluster, view.release, stable, replicas=wanted, aside=told_apart(stable_service)
        )
    return (lambda: make_service(view, stable_service)) if own_service is None else None


def end(view: View, own_service: Json | None) -> Write | None:
    """The next write until neither is left, once no request reaches them; None when nothing is."""
    canary = view.twin.workload if view.twin else None
    if own_service is not None:
        path = service_path(view.release.plan.workload.namespace, name(own_service))
        uid = text(at(own_service, "metadata").get("uid"))
        return lambda: twin.remove(view.cluster, path, uid)
    return None if canary is None else lambda: twin.delete(view.cluster, canary)


async def make_service(view: View, stable_service: Json) -> None:
    """A Kubernetes Service for the twin: the stable one's ports, the twin's labels."""
    assert view.stable is not None
    spec = at(stable_service, "spec")
    ports = [
        {key: port[key] for key in ("name", "protocol", "port", "targetPort", "appProtocol") if key in port}
        for port in objects(spec.get("ports"))
    ]
    body = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": service_name(view),
            "namespace": view.release.plan.workload.namespace,
            "labels": {
                **told_apart(stable_service),
                twin.TRACK: twin.CANARY,
                "app.kubernetes.io/managed-by": "kajitori",
            },
            "annotations": dict(view.release.marks()),
            "ownerReferences": [twin.owned_by(view.stable)],
        },
        "spec": {
            "ports": ports,
            "selector": {**strings(spec.get("selector")), **told_apart(stable_service), twin.TRACK: twin.CANARY},
        },
    }
    await view.cluster.request(
        "POST",
        paths.namespaced(view.release.plan.workload.namespace, "services"),
        query={"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"},
        body=body,
        content_type="application/json",
        timeout_s=WRITE_TIMEOUT_S,
    )


def told_apart(service: Json) -> Mapping[str, str]:
    """One label of a Kubernetes Service's selector with another value: pods that have it are not reached by it."""
    selector = strings(at(service, "spec").get("selector"))
    key = next((each for each in FIRST_CHOICES if each in selector), next(iter(selector), ""))
    return {key: f"{selector[key][: twin.LONGEST_NAME - 7]}-canary"} if key else {}


def service_name(view: View) -> str:
    """Of the twin's Kubernetes Service."""
    return f"{view.kubernetes_service[: twin.LONGEST_NAME - 7]}-canary"


async def is_ready(view: View) -> bool:
    """Whether the twin has the pods that are wanted, and its Kubernetes Service reaches as many ready ones."""
    wanted = view.matching_pods()
    if view.twin is None or view.twin.workload.desired != wanted:
        return False
    reached = await ready_endpoints(view.cluster, view.release.plan.workload.namespace, service_name(view))
    if reached is None:
        return view.twin.workload.ready >= wanted
    return len(reached) >= wanted


async def get(cluster: Cluster, path: str) -> Json | None:
    """An object; None when it is not there."""
    try:
        return await cluster.request("GET", path)
    except NotFound:
        return None


def service_path(namespace: str, service: str) -> str:
    """Where a Kubernetes Service is."""
    return paths.namespaced(namespace, "services", service)

"""The driver `ingress`: the canary annotations of ingress-nginx, on a second Ingress beside the stable one.

Source: kubernetes.github.io/ingress-nginx, annotations, "Canary". The second Ingress has the same hosts and paths, and
the twin's Kubernetes Service behind them; its other annotations are ignored, so it has none. ingress-nginx is retired:
this is for those who still have it.
"""

from typing import Any

from bot.kube.canaries import twin
from bot.kube.canaries.aside import begin, end, get, is_ours, is_ready, service_name, services
from bot.kube.canaries.surroundings import NETWORKING
from bot.kube.canaries.view import Reading, View, Write
from bot.kube.workloads import paths
from bot.kube.workloads.parsing import Json, at, objects, strings, text
from bot.kube.workloads.writes import FIELD_MANAGER, WRITE_TIMEOUT_S

PREFIX = "nginx.ingress.kubernetes.io/"
CANARY, WEIGHT = f"{PREFIX}canary", f"{PREFIX}canary-weight"
CLASS = "kubernetes.io/ingress.class"


async def read(view: View) -> Reading:
    """What is there, and the next write either way."""
    scheme = view.release.plan.canary
    carrier = scheme.carrier if scheme else ""
    stable = await get(view.cluster, _path(view, carrier))
    own = await get(view.cluster, _path(view, own_name(carrier)))
    own = own if own is not None and is_ours(own, view) else None
    stable_service, own_service = await services(view)
    weight = _weight(own)
    ready = await is_ready(view)
    return Reading(
        towards=_towards(view, stable, own, stable_service, own_service, ready),
        away=_away(view, own, own_service),
        is_ready=ready and weight == view.asked,
        is_gone=view.twin is None and own_service is None and own is None,
        achieved=float(weight),
        pods="",
    )


def own_name(carrier: str) -> str:
    """Of the second Ingress."""
    return f"{carrier[: twin.LONGEST_NAME - 7]}-canary"


def _towards(
    view: View,
    stable: Json | None,
    own: Json | None,
    stable_service: Json | None,
    own_service: Json | None,
    has_pods: bool,
) -> Write | None:
    if view.stable is None or stable is None or stable_service is None:
        return None
    beginning = begin(view, stable_service, own_service)
    if beginning is not None or view.twin is None:
        return beginning
    canary, wanted, weight = view.twin.workload, view.matching_pods(), _weight(own)
    if own is None:
        return (lambda: _create(view, stable)) if has_pods else None
    if weight > view.asked:  # less for the canary: first the requests, then the pods
        return lambda: _weigh(view, own, view.asked)
    if canary.desired != wanted:
        return lambda: twin.scale(view.cluster, canary, wanted)
    return (lambda: _weigh(view, own, view.asked)) if has_pods and weight != view.asked else None


def _away(view: View, own: Json | None, own_service: Json | None) -> Write | None:
    if own is not None:
        metadata = at(own, "metadata")
        path, uid = _path(view, text(metadata.get("name"))), text(metadata.get("uid"))
        return lambda: twin.remove(view.cluster, path, uid)
    return end(view, own_service)


def _weight(own: Json | None) -> int:
    told = strings(at(own or {}, "metadata").get("annotations")).get(WEIGHT, "0")
    return int(told) if told.isdecimal() else 0


async def _create(view: View, stable: Json) -> None:
    """The second Ingress, with no weight yet: the rules of the stable one that lead to its Kubernetes Service."""
    assert view.stable is not None
    spec, metadata = at(stable, "spec"), at(stable, "metadata")
    own: dict[str, Any] = {"rules": [rule for each in objects(spec.get("rules")) if (rule := _rule(view, each))]}
    for key in ("ingressClassName", "tls"):
        if key in spec:
            own[key] = spec[key]
    annotations = {**view.release.marks(), CANARY: "true", WEIGHT: "0"}
    told = strings(metadata.get("annotations")).get(CLASS)
    if told:
        annotations[CLASS] = told
    body = {
        "apiVersion": NETWORKING,
        "kind": "Ingress",
        "metadata": {
            "name": own_name(text(metadata.get("name"))),
            "namespace": view.release.plan.workload.namespace,
            "labels": {twin.TRACK: twin.CANARY, "app.kubernetes.io/managed-by": "kajitori"},
            "annotations": annotations,
            "ownerReferences": [twin.owned_by(view.stable)],
        },
        "spec": own,
    }
    await view.cluster.request(
        "POST",
        paths.namespaced(view.release.plan.workload.namespace, "ingresses", group=NETWORKING),
        query={"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"},
        body=body,
        content_type="application/json",
        timeout_s=WRITE_TIMEOUT_S,
    )


def _rule(view: View, rule: Json) -> dict[str, Any] | None:
    """A rule with the twin's Kubernetes Service in place of the stable one; None when it does not lead there."""
    kept = []
    for path in objects(at(rule, "http").get("paths")):
        service = at(path, "backend", "service")
        if service.get("name") == view.kubernetes_service:
            kept.append({**path, "backend": {"service": {**service, "name": service_name(view)}}})
    return {**rule, "http": {"paths": kept}} if kept else None


async def _weigh(view: View, own: Json, percent: int) -> None:
    metadata = at(own, "metadata")
    steps: list[dict[str, Any]] = [
        {"op": "test", "path": "/metadata/uid", "value": metadata.get("uid")},
        {"op": "test", "path": "/metadata/resourceVersion", "value": metadata.get("resourceVersion")},
        {"op": "add", "path": f"/metadata/annotations/{WEIGHT.replace('/', '~1')}", "value": str(percent)},
    ]
    await twin.patch(view.cluster, _path(view, text(metadata.get("name"))), steps)


def _path(view: View, ingress: str) -> str:
    return paths.namespaced(view.release.plan.workload.namespace, "ingresses", ingress, group=NETWORKING)

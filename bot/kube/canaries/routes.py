"""The driver `httproute`: weights of a Gateway API HTTPRoute between the stable Kubernetes Service and the twin's.

Order (gateway-api.sigs.k8s.io, HTTPRoute traffic splitting): a reference that can't be resolved is answered 500 for its
share, so the twin and its Kubernetes Service are ready before it has a weight, and keep standing until it has none.
The twin's pods carry another value of one selected label, so that the stable Kubernetes Service does not reach them.
"""

from collections.abc import Mapping
from typing import Any

from bot.errors import NotFound
from bot.kube.canaries import twin
from bot.kube.canaries.surroundings import GATEWAY, backends, name
from bot.kube.canaries.view import Reading, View, Write, ready_endpoints
from bot.kube.clients import Cluster
from bot.kube.workloads import paths
from bot.kube.workloads.parsing import Json, at, number, objects, strings, text
from bot.kube.workloads.writes import FIELD_MANAGER, WRITE_TIMEOUT_S

WHOLE = 100
"""Weights are per cents."""
FIRST_CHOICES = ("app.kubernetes.io/instance", "app", "app.kubernetes.io/name")
"""Of the labels that a Kubernetes Service selects by, the one that tells the twin apart, in this order."""


async def read(view: View) -> Reading:
    """What is there, and the next write either way."""
    namespace = view.release.plan.workload.namespace
    scheme = view.release.plan.canary
    route = await _get(view.cluster, _route_path(namespace, scheme.carrier if scheme else ""))
    stable_service = await _get(view.cluster, _service_path(namespace, view.kubernetes_service))
    own_name = service_name(view)
    own_service = await _get(view.cluster, _service_path(namespace, own_name))
    if own_service is not None and strings(at(own_service, "metadata").get("annotations")).get(twin.OP_ID) != str(
        view.release.id
    ):
        own_service = None
    refs = _refs(route, view.kubernetes_service, own_name)
    weight = next((canary_weight for _, _, _, canary_weight in refs if canary_weight is not None), None)
    canary = view.twin.workload if view.twin else None
    wanted = view.matching_pods()
    ready = canary is not None and canary.desired == wanted and await _is_ready(view, own_name, wanted)
    told = bool(refs) and all(canary_weight == view.asked for _, _, _, canary_weight in refs)
    return Reading(
        towards=_towards(view, route, stable_service, own_service, refs, ready),
        away=_away(view, route, own_service, refs),
        is_ready=ready and told and _is_accepted(route),
        is_gone=canary is None and own_service is None and weight is None,
        achieved=float(weight or 0) if _is_accepted(route) else None,
        pods="",
    )


Ref = tuple[int, int, int, int | None]
"""A rule that sends to the stable Kubernetes Service: its number, the place of the stable ref, the place of the
canary's (or where it would come), and the canary's weight; None without one."""


def _refs(route: Json | None, stable: str, own: str) -> list[Ref]:
    found: list[Ref] = []
    rules: dict[int, list[tuple[int, Json]]] = {}
    for rule, place, ref in backends(route or {}):
        rules.setdefault(rule, []).append((place, ref))
    for rule, refs in rules.items():
        mine = next((place for place, ref in refs if ref.get("name") == stable), None)
        if mine is None:
            continue
        canary = next(((place, ref) for place, ref in refs if ref.get("name") == own), None)
        place, weight = (canary[0], number(canary[1].get("weight", 1))) if canary else (len(refs), None)
        found.append((rule, mine, place, weight))
    return found


def _towards(
    view: View,
    route: Json | None,
    stable_service: Json | None,
    own_service: Json | None,
    refs: list[Ref],
    is_ready: bool,
) -> Write | None:
    stable, cluster, release = view.stable, view.cluster, view.release
    canary = view.twin.workload if view.twin else None
    wanted = view.matching_pods()
    if stable is None or route is None or stable_service is None or not refs:
        return None
    if canary is None:
        aside = told_apart(stable_service)
        return lambda: twin.create(cluster, release, stable, replicas=wanted, aside=aside)
    if own_service is None:
        return lambda: _make_service(view, stable_service)
    if any(weight is None for _, _, _, weight in refs):
        return lambda: _weigh(view, route, refs, 0)
    heaviest = max(weight or 0 for _, _, _, weight in refs)
    if heaviest > view.asked:  # less for the canary: first the requests, then the pods
        return lambda: _weigh(view, route, refs, view.asked)
    if canary.desired != wanted:
        return lambda: twin.scale(cluster, canary, wanted)
    if is_ready and any(weight != view.asked for _, _, _, weight in refs):
        return lambda: _weigh(view, route, refs, view.asked)
    return None


def _away(view: View, route: Json | None, own_service: Json | None, refs: list[Ref]) -> Write | None:
    canary = view.twin.workload if view.twin else None
    weighed = [ref for ref in refs if ref[3] is not None]
    if route is not None and any(weight for _, _, _, weight in weighed):
        return lambda: _weigh(view, route, weighed, 0)
    if route is not None and weighed:
        return lambda: _drop(view, route, weighed)
    if own_service is not None:
        path = _service_path(view.release.plan.workload.namespace, name(own_service))
        uid = text(at(own_service, "metadata").get("uid"))
        return lambda: twin.remove(view.cluster, path, uid)
    return None if canary is None else lambda: twin.delete(view.cluster, canary)


async def _weigh(view: View, route: Json, refs: list[Ref], percent: int) -> None:
    """Give the canary its weight in every rule, and the stable one the rest."""
    steps = _tests(route)
    for rule, stable, place, weight in refs:
        at_stable = f"/spec/rules/{rule}/backendRefs/{stable}"
        own = f"/spec/rules/{rule}/backendRefs/{place}"
        steps.append({"op": "test", "path": f"{at_stable}/name", "value": view.kubernetes_service})
        steps.append({"op": "add", "path": f"{at_stable}/weight", "value": WHOLE - percent})
        if weight is None:
            like = _ref_at(route, rule, stable)
            ref = {**like, "name": service_name(view), "weight": percent}
            steps.append({"op": "add", "path": own, "value": ref})
        else:
            steps.append({"op": "test", "path": f"{own}/name", "value": service_name(view)})
            steps.append({"op": "add", "path": f"{own}/weight", "value": percent})
    await twin.patch(view.cluster, _route_path(view.release.plan.workload.namespace, name(route)), steps)


async def _drop(view: View, route: Json, refs: list[Ref]) -> None:
    """Take the canary's references out; a reference that is alone gets everything, whatever its weight."""
    steps = _tests(route)
    for rule, stable, place, _weight in refs:
        own = f"/spec/rules/{rule}/backendRefs/{place}"
        steps.append({"op": "test", "path": f"{own}/name", "value": service_name(view)})
        # 1 is the API's default: the route looks as it did before
        steps.append({"op": "add", "path": f"/spec/rules/{rule}/backendRefs/{stable}/weight", "value": 1})
        steps.append({"op": "remove", "path": own})
    await twin.patch(view.cluster, _route_path(view.release.plan.workload.namespace, name(route)), steps)


def _tests(route: Json) -> list[dict[str, Any]]:
    metadata = at(route, "metadata")
    return [
        {"op": "test", "path": "/metadata/uid", "value": metadata.get("uid")},
        {"op": "test", "path": "/metadata/resourceVersion", "value": metadata.get("resourceVersion")},
    ]


def _ref_at(route: Json, rule: int, place: int) -> Json:
    return next(ref for r, p, ref in backends(route) if (r, p) == (rule, place))


async def _make_service(view: View, stable_service: Json) -> None:
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


async def _is_ready(view: View, service: str, wanted: int) -> bool:
    """Whether the twin's Kubernetes Service reaches as many ready pods as are wanted."""
    reached = await ready_endpoints(view.cluster, view.release.plan.workload.namespace, service)
    if reached is None:
        return view.twin is not None and view.twin.workload.ready >= wanted
    return len(reached) >= wanted


def _is_accepted(route: Json | None) -> bool:
    """Whether every Gateway of the route took over what the route says now."""
    generation = number(at(route or {}, "metadata").get("generation"))
    parents = list(objects(at(route or {}, "status").get("parents")))
    return bool(parents) and all(
        any(
            condition.get("type") == kind
            and condition.get("status") == "True"
            and number(condition.get("observedGeneration")) >= generation
            for condition in objects(parent.get("conditions"))
        )
        for parent in parents
        for kind in ("Accepted", "ResolvedRefs")
    )


async def _get(cluster: Cluster, path: str) -> Json | None:
    try:
        return await cluster.request("GET", path)
    except NotFound:
        return None


def _route_path(namespace: str, route: str) -> str:
    return paths.namespaced(namespace, "httproutes", route, group=GATEWAY)


def _service_path(namespace: str, service: str) -> str:
    return paths.namespaced(namespace, "services", service)

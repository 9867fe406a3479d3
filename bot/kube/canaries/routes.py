"""The driver `httproute`: weights of a Gateway API HTTPRoute between the stable Kubernetes Service and the twin's.

Order (gateway-api.sigs.k8s.io, HTTPRoute traffic splitting): a reference that can't be resolved is answered 500 for its
share, so the twin and its Kubernetes Service are ready before it has a weight, and keep standing until it has none.
The twin's pods carry another value of one selected label, so that the stable Kubernetes Service does not reach them.
"""

from typing import Any

from bot.kube.canaries import twin
from bot.kube.canaries.aside import begin, end, get, is_ready, service_name, services
from bot.kube.canaries.surroundings import GATEWAY, backends, name
from bot.kube.canaries.view import Reading, View, Write
from bot.kube.workloads import paths
from bot.kube.workloads.parsing import Json, at, number, objects

WHOLE = 100
"""Weights are per cents."""


async def read(view: View) -> Reading:
    """What is there, and the next write either way."""
    scheme = view.release.plan.canary
    route = await get(view.cluster, _route_path(view.release.plan.workload.namespace, scheme.carrier if scheme else ""))
    stable_service, own_service = await services(view)
    refs = _refs(route, view.kubernetes_service, service_name(view))
    weight = next((canary_weight for _, _, _, canary_weight in refs if canary_weight is not None), None)
    ready = await is_ready(view)
    told = bool(refs) and all(canary_weight == view.asked for _, _, _, canary_weight in refs)
    return Reading(
        towards=_towards(view, route, stable_service, own_service, refs, ready),
        away=_away(view, route, own_service, refs),
        is_ready=ready and told and _is_accepted(route),
        is_gone=view.twin is None and own_service is None and weight is None,
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
    has_pods: bool,
) -> Write | None:
    if view.stable is None or route is None or stable_service is None or not refs:
        return None
    beginning = begin(view, stable_service, own_service)
    if beginning is not None or view.twin is None:
        return beginning
    canary, wanted = view.twin.workload, view.matching_pods()
    if any(weight is None for _, _, _, weight in refs):
        return lambda: _weigh(view, route, refs, 0)
    heaviest = max(weight or 0 for _, _, _, weight in refs)
    if heaviest > view.asked:  # less for the canary: first the requests, then the pods
        return lambda: _weigh(view, route, refs, view.asked)
    if canary.desired != wanted:
        return lambda: twin.scale(view.cluster, canary, wanted)
    if has_pods and any(weight != view.asked for _, _, _, weight in refs):
        return lambda: _weigh(view, route, refs, view.asked)
    return None


def _away(view: View, route: Json | None, own_service: Json | None, refs: list[Ref]) -> Write | None:
    weighed = [ref for ref in refs if ref[3] is not None]
    if route is not None and any(weight for _, _, _, weight in weighed):
        return lambda: _weigh(view, route, weighed, 0)
    if route is not None and weighed:
        return lambda: _drop(view, route, weighed)
    return end(view, own_service)


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


def _route_path(namespace: str, route: str) -> str:
    return paths.namespaced(namespace, "httproutes", route, group=GATEWAY)

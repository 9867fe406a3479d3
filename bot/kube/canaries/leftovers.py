"""Leftovers: what canaries have made in a namespace, and its removal in an order that fails no request.

Called by the sweep of canaries, which knows which releases still run. Only what bears the canaries' label and the name
of Kajitori is ever seen here, and it is removed only while it is still the object that was seen.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.domain.canary.scheme import VALID
from bot.domain.catalog import WorkloadKind, WorkloadRef
from bot.errors import NotFound, Refused
from bot.kube.canaries import argo, twin
from bot.kube.canaries.surroundings import (
    GATEWAY,
    NETWORKING,
    backends,
    ingress_services,
    listed,
    name,
    readable,
)
from bot.kube.clients import Cluster
from bot.kube.workloads import paths
from bot.kube.workloads.parsing import Json, at, moment, strings, text
from bot.kube.workloads.reads import read

ROLLOUT = "Rollout"
"""Not made by a canary, and lent to it: its own steps are put back."""
SELECTOR = f"{twin.TRACK}={twin.CANARY},app.kubernetes.io/managed-by=kajitori"
_GROUPS = {"Ingress": ("ingresses", NETWORKING), "Service": ("services", ""), "Deployment": ("deployments", "apps/v1")}
"""In the order of removal: what leads requests to it first, the pods last."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """An object that a canary has made; or a Rollout that has its steps."""

    kind: str
    namespace: str
    name: str
    uid: str
    op_id: str
    """The release that made it, by its own mark."""
    made_at: datetime | None


async def find_leftovers(cluster: Cluster, namespace: str) -> tuple[Leftover, ...]:
    """What stands there, in the order in which it may be removed."""
    found = []
    for kind, (resource, group) in _GROUPS.items():
        for raw in await listed(cluster, namespace, resource, group, selector=SELECTOR):
            metadata = at(raw, "metadata")
            op_id = strings(metadata.get("annotations")).get(twin.OP_ID, "")
            made_at = moment(metadata.get("creationTimestamp"))
            found.append(Leftover(kind, namespace, name(raw), text(metadata.get("uid")), op_id, made_at))
    for raw in await listed(cluster, namespace, "rollouts", paths.ARGO):
        metadata = at(raw, "metadata")
        marks = strings(metadata.get("annotations"))
        if argo.KEPT in marks:
            goes_at = moment(marks.get(twin.EXPIRES))
            made_at = goes_at - VALID if goes_at is not None else None
            op_id = marks.get(twin.OP_ID, "")
            found.append(Leftover(ROLLOUT, namespace, name(raw), text(metadata.get("uid")), op_id, made_at))
    return tuple(found)


async def remove_leftover(cluster: Cluster, leftover: Leftover) -> str:
    """Remove it, unless requests could reach it then: why it is kept, as a sentence; empty when it is removed.

    A Kubernetes Service goes after the routes let go of it. Conflict: somebody changed a route. Refused: nothing of it
    was removed.
    """
    match leftover.kind:
        case "Rollout":
            await _put_back(cluster, leftover)
            return ""
        case "Service":
            kept = await _let_go(cluster, leftover)
        case "Deployment":
            kept = await _still_asked(cluster, leftover)
        case _:
            kept = ""
    if kept:
        return kept
    resource, group = _GROUPS[leftover.kind]
    await twin.remove(cluster, paths.namespaced(leftover.namespace, resource, leftover.name, group=group), leftover.uid)
    return ""


async def _put_back(cluster: Cluster, leftover: Leftover) -> None:
    """A Rollout is not removed: it gets its own steps and version again, unless somebody did that meanwhile."""
    try:
        rollout = await read(cluster, WorkloadRef(leftover.namespace, WorkloadKind.ROLLOUT, leftover.name))
    except NotFound:
        return
    if rollout.uid == leftover.uid and argo.KEPT in rollout.annotations:
        await argo.remove_leftover(cluster, rollout)


async def _let_go(cluster: Cluster, service: Leftover) -> str:
    """Take a Kubernetes Service out of the routes; why that can't be done, empty when none sends to it any more."""
    seen: dict[str, list[Json]] = {}
    for resource, group in (("httproutes", GATEWAY), ("ingresses", NETWORKING)):
        try:
            seen[resource] = await readable(cluster, service.namespace, resource, group)
        except Refused as error:
            return f"I may not list {resource} there, and one of them may still send requests to it: {error.text}."
    for ingress in seen["ingresses"]:
        if service.name in ingress_services(ingress):
            return f"The Ingress {name(ingress)} still sends requests to it."
    for route in seen["httproutes"]:
        try:
            await _leave_out(cluster, route, service)
        except Refused as error:
            return f"The HTTPRoute {name(route)} still sends requests to it, and I may not change that: {error.text}."
    return ""


async def _still_asked(cluster: Cluster, deployment: Leftover) -> str:
    """Why a twin is kept: a Kubernetes Service of its own still leads requests to its pods."""
    try:
        services = await readable(cluster, deployment.namespace, "services", selector=SELECTOR)
    except Refused as error:
        return f"I may not list services there, and one of them may still send requests to it: {error.text}."
    for service in services:
        if strings(at(service, "metadata").get("annotations")).get(twin.OP_ID) == deployment.op_id:
            return f"The Kubernetes Service {name(service)} still sends requests to it."
    return ""


async def _leave_out(cluster: Cluster, route: Json, service: Leftover) -> None:
    """Take the references to a Kubernetes Service out of a route; a reference that is alone gets everything."""
    steps: list[dict[str, Any]] = []
    places: dict[int, list[tuple[int, Json]]] = {}
    for rule, place, ref in backends(route):
        places.setdefault(rule, []).append((place, ref))
    for rule, refs in places.items():
        others = [place for place, ref in refs if ref.get("name") != service.name]
        # From the last to the first: a removal moves what comes after it.
        for place in reversed([place for place, ref in refs if ref.get("name") == service.name]):
            own = f"/spec/rules/{rule}/backendRefs/{place}"
            if len(others) == 1:  # 1 is the API's default: the route looks as it did before the canary
                steps.append({"op": "add", "path": f"/spec/rules/{rule}/backendRefs/{others[0]}/weight", "value": 1})
            steps.append({"op": "test", "path": f"{own}/name", "value": service.name})
            steps.append({"op": "remove", "path": own})
    if not steps:
        return
    metadata = at(route, "metadata")
    steps[:0] = [
        {"op": "test", "path": f"/metadata/{key}", "value": metadata.get(key)} for key in ("uid", "resourceVersion")
    ]
    await twin.patch(cluster, paths.namespaced(service.namespace, "httproutes", name(route), group=GATEWAY), steps)

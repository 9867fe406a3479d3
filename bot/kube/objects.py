"""Objects of an overlay in a cluster: what applying them would change, applying them, deleting what left.

Server-side apply, one request each, safe to send again: what is already so stays so. Called by bot.usecases.overlays
(dry runs and reads only) and by bot.reconcile.overlays.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.domain.manifests.live import SERVICE_LABEL
from bot.domain.manifests.overlay import FieldConflict
from bot.errors import NotFound, Refused
from bot.kube.answers import FieldsTaken
from bot.kube.clients import Cluster
from bot.kube.workloads.paths import namespaced
from bot.kube.workloads.writes import FIELD_MANAGER, WRITE_TIMEOUT_S

APPLY = "application/apply-patch+yaml"
"""JSON is YAML: no converter in between could change a value."""
RESOURCES: Mapping[tuple[str, str], str] = {
    ("v1", "ServiceAccount"): "serviceaccounts",
    ("v1", "ConfigMap"): "configmaps",
    ("v1", "PersistentVolumeClaim"): "persistentvolumeclaims",
    ("v1", "Service"): "services",
    ("networking.k8s.io/v1", "NetworkPolicy"): "networkpolicies",
    ("policy/v1", "PodDisruptionBudget"): "poddisruptionbudgets",
    ("apps/v1", "DaemonSet"): "daemonsets",
    ("apps/v1", "StatefulSet"): "statefulsets",
    ("apps/v1", "Deployment"): "deployments",
    ("autoscaling/v2", "HorizontalPodAutoscaler"): "horizontalpodautoscalers",
    ("autoscaling/v1", "HorizontalPodAutoscaler"): "horizontalpodautoscalers",
    ("batch/v1", "CronJob"): "cronjobs",
    ("batch/v1", "Job"): "jobs",
    ("networking.k8s.io/v1", "Ingress"): "ingresses",
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): "httproutes",
    ("gateway.networking.k8s.io/v1beta1", "HTTPRoute"): "httproutes",
}
"""What can be applied, in the order in which it is: what pods need comes before the pods."""
_MANAGER = re.compile(r'conflict with "(?P<name>[^"]*)"')

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Trial:
    """A dry run: the object as it is, as it would be, and whom that would overrule."""

    live: Json | None
    after: Json
    conflicts: tuple[FieldConflict, ...]


async def get(cluster: Cluster, manifest: Mapping[str, Any]) -> Json | None:
    """The object that a manifest names; None when there is none."""
    try:
        return await cluster.request("GET", _path(manifest))
    except NotFound:
        return None


async def trial(cluster: Cluster, manifest: Mapping[str, Any], live: Json | None, *, own: str = "") -> Trial:
    """What applying the manifest would make of the object, and which fields others would lose by it.

    `own`: the container whose image is the release's to set, whoever set it before.
    """
    try:
        after = await _apply(cluster, manifest, forced=False, dry=True)
        return Trial(live, after, ())
    except FieldsTaken as taken:
        others = _others(taken, own)
    return Trial(live, await _apply(cluster, manifest, forced=True, dry=True), others)


async def apply(cluster: Cluster, manifest: Mapping[str, Any], *, forced: bool, own: str = "") -> Json:
    """The object as the reply shows it. Raises FieldsTaken while others hold its fields, unless `forced`.

    Fields that an earlier write of ours set (an image, a template put back) are ours as well and given up for this;
    so is the image of the container `own`.
    """
    try:
        return await _apply(cluster, manifest, forced=forced, dry=False)
    except FieldsTaken as taken:
        if _others(taken, own):
            raise
    return await _apply(cluster, manifest, forced=True, dry=False)


async def left_behind(
    cluster: Cluster, namespace: str, service: str, *, keep: Collection[tuple[str, str]]
) -> Sequence[Json]:
    """Objects that were applied for the service and are not in `keep` (kind and name)."""
    found = []
    asked: set[str] = set()
    for (api_version, kind), resource in RESOURCES.items():
        if resource in asked:
            continue  # the same objects, in an older version's words
        asked.add(resource)
        path = namespaced(namespace, resource, group=_group(api_version))
        try:
            async for page in cluster.pages(path, query={"labelSelector": f"{SERVICE_LABEL}={service}"}):
                for item in page:
                    name = str(item.get("metadata", {}).get("name", ""))
                    owned = item.get("metadata", {}).get("ownerReferences")
                    if name and not owned and (kind, name) not in keep:
                        found.append({**item, "apiVersion": api_version, "kind": kind})
        except NotFound:
            continue  # a kind that this cluster does not know
        except Refused as error:
            if error.code != "Forbidden":
                raise  # a kind that we may not list is none of ours to delete either
    return found


async def scaled(cluster: Cluster, namespace: str) -> frozenset[tuple[str, str]]:
    """Kind and name of what autoscalers of the namespace scale."""
    found: set[tuple[str, str]] = set()
    path = namespaced(namespace, "horizontalpodautoscalers", group="autoscaling/v2")
    try:
        async for page in cluster.pages(path):
            found |= {scaled_by(item) for item in page}
    except NotFound:
        return frozenset()
    except Refused as error:
        if error.code != "Forbidden":
            raise
    return frozenset(found)


def scaled_by(autoscaler: Mapping[str, Any]) -> tuple[str, str]:
    """Kind and name of what an autoscaler scales."""
    of = (autoscaler.get("spec") or {}).get("scaleTargetRef") or {}
    return str(of.get("kind", "")), str(of.get("name", ""))


async def delete(cluster: Cluster, found: Mapping[str, Any]) -> None:
    """Delete an object as it was read; its pods go with it. One that is gone already is no error.

    Raises Conflict when it was changed or made anew since.
    """
    metadata = found["metadata"]
    body = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": "Background",
        "preconditions": {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]},
    }
    try:
        await cluster.request(
            "DELETE", _path(found), body=body, content_type="application/json", timeout_s=WRITE_TIMEOUT_S
        )
    except NotFound:
        return


def key_of(found: Mapping[str, Any]) -> tuple[str, str, str]:
    """API version, kind and name of an object or a manifest."""
    return str(found["apiVersion"]), str(found["kind"]), str(found["metadata"]["name"])


def in_order(manifests: Sequence[Mapping[str, Any]], last: tuple[str, str]) -> list[Mapping[str, Any]]:
    """Manifests in the order in which they are applied; the workload (its kind in lower case, its name) at the end."""
    order = {kind: place for place, kind in enumerate(RESOURCES)}

    def place(manifest: Mapping[str, Any]) -> tuple[bool, int, str]:
        api_version, kind, name = key_of(manifest)
        return (kind.lower(), name) == last, order.get((api_version, kind), len(order)), name

    return sorted(manifests, key=place)


async def _apply(cluster: Cluster, manifest: Mapping[str, Any], *, forced: bool, dry: bool) -> Json:
    query: dict[str, str | int] = {
        "fieldManager": FIELD_MANAGER,
        "fieldValidation": "Strict",
        "force": "true" if forced else "false",
    }
    if dry:
        query["dryRun"] = "All"
    return await cluster.request(
        "PATCH", _path(manifest), query=query, body=dict(manifest), content_type=APPLY, timeout_s=WRITE_TIMEOUT_S
    )


def _others(taken: FieldsTaken, own: str) -> tuple[FieldConflict, ...]:
    """The conflicts that are not with ourselves, nor about the image that is ours to set."""
    image = f'.containers[name="{own}"].image'
    found = []
    for words, field in taken.causes:
        match = _MANAGER.search(words)
        manager = match["name"] if match else words
        if manager != FIELD_MANAGER and not (own and field.endswith(image)):
            found.append(FieldConflict(manager, field))
    return tuple(found)


def _path(manifest: Mapping[str, Any]) -> str:
    api_version, kind, name = key_of(manifest)
    resource = RESOURCES[(api_version, kind)]
    return namespaced(str(manifest["metadata"]["namespace"]), resource, name, group=_group(api_version))


def _group(api_version: str) -> str:
    return "" if api_version == "v1" else api_version

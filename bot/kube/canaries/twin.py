"""The twin: a Deployment `<name>-canary` that runs the new version beside the stable one, and its manifest.

Called by the drivers. It is owned by the stable Deployment, so that it goes when that goes, and marked with its
release, so that a canary never touches what it has not made.
"""

import copy
from collections.abc import Mapping
from typing import Any

from bot.domain.canary.scheme import VALID
from bot.domain.catalog import WorkloadKind, WorkloadRef
from bot.domain.release import Release
from bot.domain.rollout import Observation, Workload
from bot.errors import Conflict, NotFound, Refused
from bot.kube.clients import Cluster
from bot.kube.workloads import parsing, paths
from bot.kube.workloads.parsing import Json, at, strings
from bot.kube.workloads.reads import observe
from bot.kube.workloads.versions import LABELS, VARIABLE
from bot.kube.workloads.writes import FIELD_MANAGER, JSON_PATCH, WRITE_TIMEOUT_S

TRACK = "kajitori/track"
"""Label of the twin and its pods."""
CANARY = "canary"
OP_ID = "kajitori/op-id"
SERVICE_LABEL = "tags.datadoghq.com/service"
LONGEST_NAME = 63
EXPIRES = "kajitori/expires"
"""Annotation for people: until when it stands, should nobody decide."""


def name_of(release: Release) -> str:
    """`admin-canary`; cut where a name may not be longer."""
    return f"{release.plan.workload.name[: LONGEST_NAME - 7]}-canary"


def ref_of(release: Release) -> WorkloadRef:
    """The twin's place."""
    return WorkloadRef(release.plan.workload.namespace, WorkloadKind.DEPLOYMENT, name_of(release))


async def look(cluster: Cluster, release: Release) -> Observation | None:
    """The twin with its pods, or a stranger of its name; None when there is none."""
    try:
        return await observe(cluster, ref_of(release), with_pods=True)
    except NotFound:
        return None


def is_ours(twin: Workload, release: Release) -> bool:
    """Whether this release made it."""
    return twin.annotations.get(OP_ID) == release.id


async def create(
    cluster: Cluster, release: Release, stable: Workload, *, replicas: int, aside: Mapping[str, str]
) -> None:
    """Make the twin with so many pods. `aside`: labels that its pods have instead of the stable ones', so that the
    stable Kubernetes Service does not select them. Conflict when something of its name is there already."""
    body = manifest(release, stable, replicas=replicas, aside=aside)
    path = paths.namespaced(release.plan.workload.namespace, "deployments", group="apps/v1")
    await cluster.request(
        "POST",
        path,
        query={"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"},
        body=body,
        content_type="application/json",
        timeout_s=WRITE_TIMEOUT_S,
    )


async def scale(cluster: Cluster, twin: Workload, replicas: int) -> None:
    """Give the twin so many pods, if it is still as it was read."""
    steps: list[dict[str, Any]] = [
        {"op": "test", "path": "/metadata/uid", "value": twin.uid},
        {"op": "test", "path": "/metadata/resourceVersion", "value": twin.resource_version},
        {"op": "replace", "path": "/spec/replicas", "value": replicas},
    ]
    await patch(cluster, paths.workload(twin.ref), steps)


async def delete(cluster: Cluster, twin: Workload) -> None:
    """Remove the twin with its pods, if it is still the one that was read."""
    await remove(cluster, paths.workload(twin.ref), twin.uid)


async def patch(cluster: Cluster, path: str, steps: list[dict[str, Any]]) -> Json:
    """A JSON patch whose `test` steps make it conditional: a failed one is a Conflict, not a refusal."""
    try:
        return await cluster.request(
            "PATCH",
            path,
            query={"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"},
            body=steps,
            content_type=JSON_PATCH,
            timeout_s=WRITE_TIMEOUT_S,
        )
    except Refused as error:
        # The API server answers a failed `test` with 422 and no word about which.
        if error.code == "Invalid" and await _differs(cluster, path, steps):
            raise Conflict(cluster.system, "it was changed since it was read") from error
        raise


async def remove(cluster: Cluster, path: str, uid: str) -> None:
    """Delete an object if it is still the one with this uid; that it is gone already is as good."""
    options = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
    try:
        await cluster.request("DELETE", path, body=options, content_type="application/json", timeout_s=WRITE_TIMEOUT_S)
    except (NotFound, Conflict):
        return


def manifest(release: Release, stable: Workload, *, replicas: int, aside: Mapping[str, str]) -> dict[str, Any]:
    """The twin: the stable pod template with the new image, its own labels, and nothing of the past."""
    plan = release.plan
    template = copy.deepcopy(parsing.without_hash(stable.template))
    metadata = template.setdefault("metadata", {})
    labels = {**strings(metadata.get("labels")), **aside, TRACK: CANARY}
    if aside:  # the label that was changed may be the one that its numbers are told by
        labels.setdefault(SERVICE_LABEL, plan.target.service)
    for label in LABELS:
        if label in labels and len(plan.to_version) <= LONGEST_NAME:
            labels[label] = plan.to_version
    metadata["labels"] = labels
    for container in template.get("spec", {}).get("containers", []):
        if container.get("name") == plan.container:
            container["image"] = plan.to_image
        for variable in container.get("env") or []:
            if variable.get("name") == VARIABLE and "value" in variable:
                variable["value"] = plan.to_version
    own = {**selected(stable), **aside, TRACK: CANARY}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name_of(release),
            "namespace": plan.workload.namespace,
            "labels": {**own, "app.kubernetes.io/managed-by": "kajitori"},
            "annotations": {**release.marks(), EXPIRES: expiry(release)},
            "ownerReferences": [owned_by(stable)],
        },
        "spec": {
            "replicas": replicas,
            "progressDeadlineSeconds": stable.progress_deadline_s or plan.progress_deadline_s,
            "selector": {"matchLabels": own},
            "template": template,
        },
    }


def owned_by(stable: Workload) -> dict[str, Any]:
    """An owner reference that has the garbage collector remove what it stands on when the stable Deployment goes."""
    return {"apiVersion": "apps/v1", "kind": "Deployment", "name": stable.ref.name, "uid": stable.uid}


def expiry(release: Release) -> str:
    """Until when it stands at most, for people."""
    return ((release.started_at or release.requested_at) + VALID).isoformat(timespec="seconds")


def selected(stable: Workload) -> dict[str, str]:
    """Labels by which the stable Deployment selects its pods, as far as they are equalities."""
    pairs = (term.split("=", 1) for term in stable.selector.split(",") if "=" in term and " " not in term)
    return {key.rstrip("!"): value for key, value in pairs if not key.endswith("!")}


async def _differs(cluster: Cluster, path: str, steps: list[dict[str, Any]]) -> bool:
    """Whether the object is no longer what a patch's tests on its metadata expect."""
    metadata = at(await cluster.request("GET", path), "metadata")
    expected = {step["path"].rpartition("/")[2]: step["value"] for step in steps if step["op"] == "test"}
    return any(metadata.get(key) != value for key, value in expected.items() if key in ("uid", "resourceVersion"))

"""The writes that release a workload: each one conditional request, never repeated here.

Called by the release loop, which has saved its intent and read the workload just before. A Conflict means that nothing
was written; after Unreachable the caller must read back.
"""

from collections.abc import Mapping
from typing import Any

from bot.domain.catalog import WorkloadKind
from bot.domain.rollout import Revision, Workload
from bot.errors import Conflict, Refused
from bot.kube.clients import Cluster
from bot.kube.workloads import parsing, paths, versions
from bot.kube.workloads.reads import read

FIELD_MANAGER = "kajitori"
MERGE = "application/merge-patch+json"
STRATEGIC_MERGE = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
WRITE_TIMEOUT_S = 10.0
"""Longer than a read's: admission webhooks may take their time."""
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"


async def set_image(
    cluster: Cluster, workload: Workload, *, container: str, image: str, annotations: Mapping[str, str]
) -> Workload:
    """Gives `container` of the pod template `image`, if the workload is still as it was read (else Conflict).

    `annotations` go to the workload itself: in the pod template they would make a new ReplicaSet on a rollback.
    A Rollout's labels that say the version of the present image say that of the new one then: its pods may have been
    a canary, whose numbers are told apart by them. The workload returned is the reply's; its generation is the one to
    follow. An unknown container is Refused here: a strategic merge would add it to the pods.
    """
    if container not in workload.images:
        known = ", ".join(sorted(workload.images)) or "none"
        text = f"{workload.ref} has no container {container}; it has: {known}"
        raise Refused(cluster.system, text, code="NoSuchContainer")
    if workload.ref.kind is WorkloadKind.ROLLOUT:
        changes = versions.to_image(workload.template, container, image, everywhere=False)
        return await conditional(cluster, workload, [each.step for each in changes], annotations)
    change = {"spec": {"containers": [{"name": container, "image": image}]}}
    return await _merge(cluster, workload, change, annotations)


async def restart(cluster: Cluster, workload: Workload, *, at: str, annotations: Mapping[str, str]) -> Workload:
    """Replaces all pods by ones of the same template, as `kubectl rollout restart` does. A CronJob is Refused.

    `at`: value of the restart annotation, an RFC 3339 time; doing it twice with the same value restarts once.
    """
    if workload.ref.kind is WorkloadKind.CRONJOB:
        raise Refused(cluster.system, f"{workload.ref} has no pods of its own to restart", code="NotRestartable")
    change = {"metadata": {"annotations": {RESTARTED_AT: at}}}
    if workload.ref.kind is WorkloadKind.ROLLOUT:  # a merge of objects alone touches no list
        return await _merge(cluster, workload, change, annotations, content_type=MERGE)
    return await _merge(cluster, workload, change, annotations)


async def pass_steps(cluster: Cluster, workload: Workload) -> Workload:
    """Let a Rollout skip what is left of its canary steps, as `kubectl argo rollouts promote --full` does.

    Conflict when it was changed since it was read. What it changes is its status, so its generation stays.
    """
    return await patch_status(cluster, workload, {"promoteFull": True})


async def patch_status(cluster: Cluster, workload: Workload, status: Mapping[str, Any]) -> Workload:
    """Tell a Rollout's controller something the way its kubectl plugin does, if it is still as it was read."""
    body = {"metadata": {"resourceVersion": workload.resource_version}, "status": dict(status)}
    return await _patch(cluster, workload, body, MERGE, subresource="/status")


async def restore(
    cluster: Cluster, workload: Workload, revision: Revision, *, annotations: Mapping[str, str]
) -> Workload:
    """Puts `revision`'s pod template back, if the workload is still as it was read (else Conflict).

    Unlike `kubectl rollout undo` it merges annotations instead of replacing them, and doing it twice changes nothing:
    when the template already is that one, nothing is written and `workload` is returned.
    """
    if parsing.same_template(workload.template, revision.template):
        return workload
    path = "/" + "/".join(paths.template(workload.ref.kind))
    step = {"op": "replace", "path": path, "value": parsing.without_hash(revision.template)}
    return await conditional(cluster, workload, [step], annotations)


async def conditional(
    cluster: Cluster, workload: Workload, changes: list[dict[str, Any]], annotations: Mapping[str, str]
) -> Workload:
    """One JSON patch, if the workload is still as it was read."""
    steps: list[dict[str, Any]] = [
        {"op": "test", "path": "/metadata/uid", "value": workload.uid},
        {"op": "test", "path": "/metadata/resourceVersion", "value": workload.resource_version},
        *changes,
    ]
    if annotations and not workload.annotations:
        steps.append({"op": "add", "path": "/metadata/annotations", "value": {}})
    steps.extend(
        {"op": "add", "path": f"/metadata/annotations/{versions.pointer(key)}", "value": value}
        for key, value in annotations.items()
    )
    try:
        return await _patch(cluster, workload, steps, JSON_PATCH)
    except Refused as error:
        # The API server answers a failed `test` with 422 and no word about which; only a look can tell.
        if error.code != "Invalid":
            raise
        now = await read(cluster, workload.ref)
        if (now.uid, now.resource_version) == (workload.uid, workload.resource_version):
            raise
        raise Conflict(cluster.system, f"{workload.ref} was changed since it was read") from error


async def _merge(
    cluster: Cluster,
    workload: Workload,
    template: Mapping[str, Any],
    annotations: Mapping[str, str],
    *,
    content_type: str = STRATEGIC_MERGE,
) -> Workload:
    """One merge of `template` into the pod template and `annotations` into the workload's."""
    change: Mapping[str, Any] = template
    for key in reversed(paths.template(workload.ref.kind)):
        change = {key: change}
    metadata = {"resourceVersion": workload.resource_version, "annotations": dict(annotations)}
    return await _patch(cluster, workload, {"metadata": metadata, **change}, content_type)


async def _patch(
    cluster: Cluster, workload: Workload, body: object, content_type: str, *, subresource: str = ""
) -> Workload:
    reply = await cluster.request(
        "PATCH",
        paths.workload(workload.ref) + subresource,
        query={"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"},
        body=body,
        content_type=content_type,
        timeout_s=WRITE_TIMEOUT_S,
    )
    return parsing.workload_from(workload.ref, reply)

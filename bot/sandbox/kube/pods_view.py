"""Slim rows of pods for the sandbox's page. Pure."""

from bot.sandbox.kube.controllers.base import controller_ref, is_ready
from bot.sandbox.kube.images import tag_of
from bot.sandbox.kube.kinds import PODS, REPLICA_SETS, Obj
from bot.sandbox.kube.store import Store
from bot.sandbox.kube.tables import pod_reason


def pods_view(store: Store) -> list[Obj]:
    """All pods: namespace, name, node, workload, version, phase, ready, restarts, reason, created, deleting."""
    return [_row(store, pod) for pod in store.all_of(PODS)]


def _row(store: Store, pod: Obj) -> Obj:
    metadata, status = pod["metadata"], pod["status"]
    restarts = sum(int(c.get("restartCount") or 0) for c in status.get("containerStatuses") or [])
    return {
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "node": pod["spec"].get("nodeName", ""),
        "workload": _workload(store, pod),
        "version": tag_of(pod["spec"]["containers"][0]["image"]),
        "phase": status.get("phase", "Pending"),
        "ready": is_ready(pod),
        "restarts": restarts,
        "reason": pod_reason(pod),
        "created": metadata["creationTimestamp"],
        "deleting": bool(metadata.get("deletionTimestamp")),
    }


def _workload(store: Store, pod: Obj) -> str:
    """The Deployment behind a ReplicaSet's pod, else the pod's controller, else its own name."""
    ref = controller_ref(pod)
    if ref is None:
        return str(pod["metadata"]["name"])
    if ref["kind"] == "ReplicaSet":
        replica_set = store.get(REPLICA_SETS, pod["metadata"]["namespace"], ref["name"])
        owner = controller_ref(replica_set) if replica_set else None
        if owner is not None:
            return str(owner["name"])
    return str(ref["name"])

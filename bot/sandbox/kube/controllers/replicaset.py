"""ReplicaSet controller: as many pods as wanted, the least useful deleted first."""

from bot.sandbox.kube.controllers.base import (
    Tools,
    condition,
    is_active,
    is_available,
    is_ready,
    is_terminating,
    key_of,
    owner_keys,
    pod_from,
    without_zeros,
)
from bot.sandbox.kube.controllers.engine import Key
from bot.sandbox.kube.deletion import delete
from bot.sandbox.kube.kinds import PODS, REPLICA_SETS, Obj, Resource
from bot.sandbox.kube.status import ApiError
from bot.sandbox.kube.store import StoredEvent

COMPONENT = "replicaset-controller"
RETRY_S = 1.0  # after the API refused a pod


class ReplicaSetController:
    """Creates and deletes pods of ReplicaSets."""

    name = "replicaset"

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def concerns(self, resource: Resource, event: StoredEvent) -> list[Key]:
        if resource is REPLICA_SETS:
            return [key_of(event.obj)]
        return owner_keys(event.obj, REPLICA_SETS) if resource is PODS else []

    def reconcile(self, key: Key) -> float | None:
        replica_set = self._tools.store.get(REPLICA_SETS, *key)
        if replica_set is None:
            return None
        mine = self._tools.owned(PODS, replica_set)
        active = [pod for pod in mine if is_active(pod)]
        failure: ApiError | None = None
        missing = int(replica_set["spec"]["replicas"]) - len(active)
        if not is_terminating(replica_set):
            if missing > 0:
                failure = self._create(replica_set, missing)
            elif missing < 0:
                self._delete(replica_set, active, -missing)
        soon_s = self._write_status(replica_set, mine, active, missing, failure)
        return self._tools.scaled(RETRY_S) if failure else soon_s

    def _create(self, replica_set: Obj, count: int) -> ApiError | None:
        for _ in range(count):
            try:
                pod = self._tools.create(PODS, pod_from(replica_set["spec"]["template"], replica_set))
            except ApiError as refusal:
                message = f"Error creating: {refusal.message}"
                self._tools.recorder.warning(replica_set, COMPONENT, "FailedCreate", message)
                return refusal
            told = f"Created pod: {pod['metadata']['name']}"
            self._tools.recorder.normal(replica_set, COMPONENT, "SuccessfulCreate", told)
        return None

    def _delete(self, replica_set: Obj, active: list[Obj], count: int) -> None:
        crowd: dict[str, int] = {}
        for pod in active:
            node = pod["spec"].get("nodeName", "")
            crowd[node] = crowd.get(node, 0) + 1
        for pod in sorted(active, key=lambda p: _usefulness(p, crowd))[:count]:
            delete(self._tools.registry, PODS, *key_of(pod))
            told = f"Deleted pod: {pod['metadata']['name']}"
            self._tools.recorder.normal(replica_set, COMPONENT, "SuccessfulDelete", told)

    def _write_status(
        self, replica_set: Obj, mine: list[Obj], active: list[Obj], missing: int, failure: ApiError | None
    ) -> float | None:
        min_ready_s = int(replica_set["spec"].get("minReadySeconds") or 0)
        ready = [pod for pod in active if is_ready(pod)]
        available = [pod for pod in ready if is_available(self._tools, pod, min_ready_s)]
        labels = (replica_set["spec"]["template"].get("metadata") or {}).get("labels") or {}
        labelled = [p for p in active if labels.items() <= (p["metadata"].get("labels") or {}).items()]
        status = without_zeros(
            {
                "replicas": len(active),
                "fullyLabeledReplicas": len(labelled),
                "readyReplicas": len(ready),
                "availableReplicas": len(available),
                "terminatingReplicas": sum(is_terminating(pod) for pod in mine),
                "observedGeneration": replica_set["metadata"]["generation"],
                "conditions": self._failure(replica_set, missing, failure),
            },
            "replicas",
            "terminatingReplicas",
        )
        if status != replica_set["status"]:
            self._tools.write_status(REPLICA_SETS, replica_set, status)
        return 0.5 if len(ready) != len(available) else None  # look again until minReadySeconds have passed

    def _failure(self, replica_set: Obj, missing: int, failure: ApiError | None) -> list[Obj]:
        if failure is None:
            return []
        known = condition(replica_set, "ReplicaFailure")
        if known is not None:
            return [known]
        return [
            {
                "type": "ReplicaFailure", "status": "True", "lastTransitionTime": self._tools.now(),
                "reason": "FailedCreate" if missing > 0 else "FailedDelete", "message": failure.message,
            }
        ]  # fmt: skip


def _usefulness(pod: Obj, crowd: dict[str, int]) -> tuple[object, ...]:
    """Sort key: the first are deleted first, as kube-controller-manager ranks them."""
    status = pod["status"]
    phases = {"Pending": 0, "Unknown": 1, "Running": 2}
    restarts = max((int(c.get("restartCount") or 0) for c in status.get("containerStatuses") or []), default=0)
    created = pod["metadata"]["creationTimestamp"]
    ready = condition(pod, "Ready")
    since = ready["lastTransitionTime"] if ready and ready["status"] == "True" else ""
    return (
        bool(pod["spec"].get("nodeName")),
        phases.get(status.get("phase", ""), 1),
        is_ready(pod),
        -crowd.get(pod["spec"].get("nodeName", ""), 0),
        _newest_first(since),
        -restarts,
        _newest_first(created),
    )


def _newest_first(stamp_text: str) -> tuple[int, ...]:
    return tuple(-ord(c) for c in stamp_text)

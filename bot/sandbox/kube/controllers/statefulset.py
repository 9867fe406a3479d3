"""StatefulSet controller: pods with ordinals, made in order and updated from the highest, revision by revision."""

from typing import Any

from bot.sandbox.kube.controllers.base import (
    Tools,
    is_available,
    is_ready,
    is_terminating,
    key_of,
    owner_keys,
    pod_from,
    without_zeros,
)
from bot.sandbox.kube.controllers.engine import Key
from bot.sandbox.kube.controllers.revisions import HASH, current_revision, mark_of, pod_mark, trim
from bot.sandbox.kube.deletion import delete
from bot.sandbox.kube.kinds import PODS, STATEFUL_SETS, Obj, Resource
from bot.sandbox.kube.status import ApiError
from bot.sandbox.kube.store import StoredEvent

COMPONENT = "statefulset-controller"


class StatefulSetController:
    """Keeps the pods of StatefulSets."""

    name = "statefulset"

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def concerns(self, resource: Resource, event: StoredEvent) -> list[Key]:
        if resource is STATEFUL_SETS:
            return [key_of(event.obj)]
        return owner_keys(event.obj, STATEFUL_SETS) if resource is PODS else []

    def reconcile(self, key: Key) -> float | None:
        owner = self._tools.store.get(STATEFUL_SETS, *key)
        if owner is None or is_terminating(owner):
            return None
        update, known = current_revision(self._tools, owner)
        current_name = owner["status"].get("currentRevision") or update["metadata"]["name"]
        current = next((r for r in known if r["metadata"]["name"] == current_name), update)
        pods = self._pods(owner)
        failed = self._act(owner, pods, current, update)
        fresh = self._pods(owner)
        current_name = self._write_status(owner, fresh, current, update)
        trim(self._tools, owner, known, {current_name, update["metadata"]["name"]})
        return 1.0 if failed else None

    def _pods(self, owner: Obj) -> dict[int, Obj]:
        """Pods by ordinal; one that carries another's name is left alone."""
        found = {}
        for pod in self._tools.owned(PODS, owner):
            prefix, _, ordinal = pod["metadata"]["name"].rpartition("-")
            if prefix == owner["metadata"]["name"] and ordinal.isdigit():
                found[int(ordinal)] = pod
        return found

    def _act(self, owner: Obj, pods: dict[int, Obj], current: Obj, update: Obj) -> bool:
        """Take the next steps; True when the API refused one."""
        spec = owner["spec"]
        wanted = int(spec["replicas"])
        ordered = spec.get("podManagementPolicy") != "Parallel"
        partition = self._partition(spec)
        for ordinal in range(wanted):
            pod = pods.get(ordinal)
            if pod is not None and pod["status"].get("phase") in ("Failed", "Succeeded") and not is_terminating(pod):
                delete(self._tools.registry, PODS, *key_of(pod))
                return False
            if pod is None:
                revision = update if ordinal >= partition or current is update else current
                if not self._create(owner, ordinal, revision):
                    return True
            if ordered and (pod is None or is_terminating(pod) or not self._is_available(owner, pod)):
                # Ordered sets wait for each pod, but a broken one may still be replaced by a newer revision.
                if pod is not None and not is_terminating(pod):
                    self._replace_outdated(owner, pods, update, partition, wanted, broken_only=True)
                return False
        for ordinal in sorted((o for o in pods if o >= wanted), reverse=True):
            if not is_terminating(pods[ordinal]):
                self._delete(owner, pods[ordinal])
            if ordered:
                return False
        if spec["updateStrategy"]["type"] != "OnDelete":
            self._replace_outdated(owner, pods, update, partition, wanted, broken_only=False)
        return False

    @staticmethod
    def _partition(spec: Obj) -> int:
        rolling = spec["updateStrategy"].get("rollingUpdate") or {}
        return int(rolling.get("partition") or 0)

    def _is_available(self, owner: Obj, pod: Obj) -> bool:
        return is_available(self._tools, pod, int(owner["spec"].get("minReadySeconds") or 0))

    def _replace_outdated(
        self, owner: Obj, pods: dict[int, Obj], update: Obj, partition: int, wanted: int, *, broken_only: bool
    ) -> None:
        """Delete the highest pod of an older revision, one at a time, once all above it are healthy."""
        if owner["spec"]["updateStrategy"]["type"] == "OnDelete":
            return
        for ordinal in range(wanted - 1, partition - 1, -1):
            pod = pods.get(ordinal)
            if pod is None:
                if broken_only:
                    continue
                return
            if is_terminating(pod):
                return
            if pod_mark(pod) != mark_of(update):
                if not broken_only or not is_ready(pod):
                    self._delete(owner, pod)
                return
            if not self._is_available(owner, pod):
                return

    def _create(self, owner: Obj, ordinal: int, revision: Obj) -> bool:
        name = f"{owner['metadata']['name']}-{ordinal}"
        template: Any = {k: v for k, v in revision["data"]["spec"]["template"].items() if k != "$patch"}
        body = pod_from(template, owner, name)
        labels = body["metadata"].setdefault("labels", {})
        labels |= {HASH: mark_of(revision), "statefulset.kubernetes.io/pod-name": name,
                   "apps.kubernetes.io/pod-index": str(ordinal)}  # fmt: skip
        body["spec"]["hostname"] = name
        if owner["spec"].get("serviceName"):
            body["spec"]["subdomain"] = owner["spec"]["serviceName"]
        told = f"create Pod {name} in StatefulSet {owner['metadata']['name']}"
        try:
            self._tools.create(PODS, body)
        except ApiError as refusal:
            message = f"{told} failed error: {refusal.message}"
            self._tools.recorder.warning(owner, COMPONENT, "FailedCreate", message)
            return False
        self._tools.recorder.normal(owner, COMPONENT, "SuccessfulCreate", f"{told} successful")
        return True

    def _delete(self, owner: Obj, pod: Obj) -> None:
        delete(self._tools.registry, PODS, *key_of(pod))
        told = f"delete Pod {pod['metadata']['name']} in StatefulSet {owner['metadata']['name']} successful"
        self._tools.recorder.normal(owner, COMPONENT, "SuccessfulDelete", told)

    def _write_status(self, owner: Obj, pods: dict[int, Obj], current: Obj, update: Obj) -> str:
        """Write the status; gives the name of the revision that counts as current from now on."""
        wanted = int(owner["spec"]["replicas"])
        mine = [pod for ordinal, pod in pods.items() if ordinal < wanted or not is_terminating(pod)]
        living = [pod for pod in mine if not is_terminating(pod)]
        updated = [pod for pod in living if pod_mark(pod) == mark_of(update)]
        ready = [pod for pod in living if is_ready(pod)]
        done = len(updated) == len(ready) == len(mine) == wanted and self._partition(owner["spec"]) == 0
        current_name = update["metadata"]["name"] if done else current["metadata"]["name"]
        on_current = [pod for pod in living if pod_mark(pod) == mark_of(update if done else current)]
        status = without_zeros(
            {
                "observedGeneration": owner["metadata"]["generation"],
                "replicas": len(mine),
                "readyReplicas": len(ready),
                "currentReplicas": len(on_current),
                "updatedReplicas": len(updated),
                "currentRevision": current_name,
                "updateRevision": update["metadata"]["name"],
                "collisionCount": 0,
                "availableReplicas": sum(self._is_available(owner, pod) for pod in living),
            },
            "replicas", "collisionCount", "availableReplicas",
        )  # fmt: skip
        if status != owner["status"]:
            self._tools.write_status(STATEFUL_SETS, owner, status)
        return str(current_name)

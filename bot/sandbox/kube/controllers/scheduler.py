"""Scheduler: binds pending pods to nodes with room, or says why none has any."""

from collections import Counter

from bot.sandbox.kube.controllers.base import Tools, condition, controller_uid, is_terminating, key_of
from bot.sandbox.kube.controllers.engine import Key
from bot.sandbox.kube.events import SCHEDULER
from bot.sandbox.kube.kinds import NODES, PODS, Obj, Resource
from bot.sandbox.kube.quota import quantity, requested
from bot.sandbox.kube.store import Change, StoredEvent

ZONE = "topology.kubernetes.io/zone"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
RETRY_S = 2.0


class Scheduler:
    """The default scheduler of a cluster."""

    name = "scheduler"

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._load: dict[str, Counter[str]] = {}

    def concerns(self, resource: Resource, event: StoredEvent) -> list[Key]:
        if resource is not PODS:
            return []
        if event.before is not None:
            self._count(event.before, -1)
        if event.change is Change.DELETED:
            return []
        self._count(event.obj, 1)
        return [] if event.obj["spec"].get("nodeName") else [key_of(event.obj)]

    def _count(self, pod: Obj, sign: int) -> None:
        node = pod["spec"].get("nodeName")
        if node and pod["status"].get("phase") not in ("Succeeded", "Failed"):
            load = self._load.setdefault(node, Counter())
            load["pods"] += sign
            for name in ("cpu", "memory"):
                load[name] += round(sign * requested(pod, name) * 1000)  # thousandths, so that sums are exact

    def reconcile(self, key: Key) -> float | None:
        pod = self._tools.store.get(PODS, *key)
        if pod is None or pod["spec"].get("nodeName") or is_terminating(pod):
            return None
        nodes = self._tools.store.all_of(NODES)
        fitting, reasons = [], Counter[str]()
        for node in nodes:
            why = self._unfit(pod, node)
            if why:
                reasons.update(why)
            else:
                fitting.append(node)
        if not fitting:
            self._refuse(pod, len(nodes), reasons)
            return self._tools.scaled(RETRY_S)
        siblings = self._siblings(pod)
        self._bind(
            pod, min(fitting, key=lambda n: (siblings[n["metadata"]["name"]], self._pods_on(n), n["metadata"]["name"]))
        )
        return None

    def _siblings(self, pod: Obj) -> Counter[str]:
        """How many pods of the same controller each node has: pods of one service are spread."""
        uid = controller_uid(pod)
        same = self._tools.store.collection(PODS).of_owner(uid) if uid else []
        return Counter(p["spec"].get("nodeName", "") for p in same)

    def _pods_on(self, node: Obj) -> int:
        return self._load.get(node["metadata"]["name"], Counter())["pods"]

    def _unfit(self, pod: Obj, node: Obj) -> list[str]:
        wanted = pod["spec"].get("nodeSelector") or {}
        if not wanted.items() <= (node["metadata"].get("labels") or {}).items():
            return ["node(s) didn't match Pod's node affinity/selector"]
        taints = node["spec"].get("taints") or []
        if node["spec"].get("unschedulable"):
            taints = [*taints, {"key": UNSCHEDULABLE, "effect": "NoSchedule"}]
        for taint in taints:
            bearing = (tolerates(t, taint) for t in pod["spec"].get("tolerations") or [])
            if taint["effect"] != "PreferNoSchedule" and not any(bearing):
                if taint["key"] == UNSCHEDULABLE:
                    return ["node(s) were unschedulable"]
                return [f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"]
        load = self._load.get(node["metadata"]["name"], Counter())
        free = (node.get("status") or {}).get("allocatable") or {}
        why = []
        for name in ("cpu", "memory"):
            room = round(quantity(free.get(name, 0)) * 1000) - load[name]
            if round(requested(pod, name) * 1000) > room:
                why.append(f"Insufficient {name}")
        if load["pods"] >= quantity(free.get("pods", 0)):
            why.append("Too many pods")
        return why

    def _refuse(self, pod: Obj, total: int, reasons: Counter[str]) -> None:
        if not total:
            message = "no nodes available to schedule pods"
        else:
            told = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
            helpless = "Preemption is not helpful for scheduling"
            if all(reason.startswith("Insufficient") for reason in reasons):
                helpless = "No preemption victims found for incoming pod"
            message = (
                f"0/{total} nodes are available: {told}. preemption: 0/{total} nodes are available: {total} {helpless}."
            )
        before = condition(pod, "PodScheduled")
        if before is None or before.get("message") != message:
            unscheduled = {
                "type": "PodScheduled", "status": "False", "lastProbeTime": None,
                "lastTransitionTime": before["lastTransitionTime"] if before else self._tools.now(),
                "reason": "Unschedulable", "message": message,
            }  # fmt: skip
            others = [c for c in pod["status"].get("conditions") or [] if c["type"] != "PodScheduled"]
            status = {**pod["status"], "conditions": [*others, unscheduled]}
            draft = {**pod, "metadata": dict(pod["metadata"]), "status": status}
            self._tools.registry.write(PODS, draft, "kube-scheduler", "status")
            self._tools.recorder.warning(pod, SCHEDULER, "FailedScheduling", message)

    def _bind(self, pod: Obj, node: Obj) -> None:
        name = node["metadata"]["name"]
        labels = dict(pod["metadata"].get("labels") or {})
        zone = (node["metadata"].get("labels") or {}).get(ZONE)
        if zone:
            labels[ZONE] = zone
        scheduled = {
            "type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": self._tools.now(),
        }  # fmt: skip
        others = [c for c in pod["status"].get("conditions") or [] if c["type"] != "PodScheduled"]
        bound = {
            **pod,
            "metadata": {**pod["metadata"], "labels": labels},
            "spec": {**pod["spec"], "nodeName": name},
            "status": {**pod["status"], "conditions": [*others, scheduled]},
        }
        self._tools.store.put(PODS, bound)
        target = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        self._tools.recorder.normal(pod, SCHEDULER, "Scheduled", f"Successfully assigned {target} to {name}")


def tolerates(toleration: Obj, taint: Obj) -> bool:
    """Whether one toleration covers a taint."""
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    return bool(toleration.get("key") == taint["key"] and toleration.get("value", "") == taint.get("value", ""))

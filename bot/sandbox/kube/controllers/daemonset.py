"""DaemonSet controller: one pod on every fitting node, replaced a few at a time when the template changes."""

from bot.sandbox.kube.controllers.base import (
    Tools,
    is_available,
    is_ready,
    is_terminating,
    key_of,
    owner_keys,
    pod_from,
    scaled_percent,
    without_zeros,
)
from bot.sandbox.kube.controllers.engine import Key
from bot.sandbox.kube.controllers.revisions import HASH, current_revision, mark_of, pod_mark, trim
from bot.sandbox.kube.deletion import delete
from bot.sandbox.kube.kinds import DAEMON_SETS, NODES, PODS, Obj, Resource
from bot.sandbox.kube.status import ApiError
from bot.sandbox.kube.store import StoredEvent

COMPONENT = "daemonset-controller"
_TOLERATIONS = [
    {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": effect}
    for key, effect in (("not-ready", "NoExecute"), ("unreachable", "NoExecute"), ("unschedulable", "NoSchedule"),
                        ("unreachable", "NoSchedule"), ("not-ready", "NoSchedule"))
]  # fmt: skip


class DaemonSetController:
    """Keeps the pods of DaemonSets."""

    name = "daemonset"

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def concerns(self, resource: Resource, event: StoredEvent) -> list[Key]:
        if resource is DAEMON_SETS:
            return [key_of(event.obj)]
        if resource is NODES and event.before is None:
            return [key_of(owner) for owner in self._tools.store.all_of(DAEMON_SETS)]
        return owner_keys(event.obj, DAEMON_SETS) if resource is PODS else []

    def reconcile(self, key: Key) -> float | None:
        owner = self._tools.store.get(DAEMON_SETS, *key)
        if owner is None or is_terminating(owner):
            return None
        revision, known = current_revision(self._tools, owner)
        nodes = [n["metadata"]["name"] for n in self._tools.store.all_of(NODES) if _fits(owner, n)]
        by_node: dict[str, list[Obj]] = {}
        for pod in self._tools.owned(PODS, owner):
            by_node.setdefault(_node_of(pod), []).append(pod)
        failed = self._act(owner, nodes, by_node, revision)
        self._write_status(owner, nodes, revision)
        trim(self._tools, owner, known, {revision["metadata"]["name"]})
        return 1.0 if failed else None

    def _act(self, owner: Obj, nodes: list[str], by_node: dict[str, list[Obj]], revision: Obj) -> bool:
        failed = False
        for node, pods in by_node.items():
            living = [p for p in pods if not is_terminating(p)]
            for pod in living if node not in nodes else living[1:]:
                self._delete(owner, pod)
        for node in nodes:
            pods = by_node.get(node, [])
            for pod in pods:
                if pod["status"].get("phase") in ("Failed", "Succeeded") and not is_terminating(pod):
                    delete(self._tools.registry, PODS, *key_of(pod))
            if not pods and not self._create(owner, node, revision):
                failed = True
        if owner["spec"]["updateStrategy"]["type"] == "RollingUpdate":
            self._roll(owner, nodes, by_node, revision)
        return failed

    def _roll(self, owner: Obj, nodes: list[str], by_node: dict[str, list[Obj]], revision: Obj) -> None:
        """Delete outdated pods while no more than maxUnavailable nodes lack an available one."""
        rolling = owner["spec"]["updateStrategy"].get("rollingUpdate") or {}
        room = max(1, scaled_percent(rolling.get("maxUnavailable", 1), len(nodes), round_up=True))
        outdated = []
        for node in nodes:
            pods = by_node.get(node, [])
            living = [p for p in pods if not is_terminating(p)]
            if not living or not self._is_available(owner, living[0]):
                if living and pod_mark(living[0]) != mark_of(revision):
                    self._delete(owner, living[0])  # serves nobody: costs no availability
                room -= 1
            elif pod_mark(living[0]) != mark_of(revision):
                outdated.append(living[0])
        for pod in outdated[: max(0, room)]:
            self._delete(owner, pod)

    def _is_available(self, owner: Obj, pod: Obj) -> bool:
        return is_available(self._tools, pod, int(owner["spec"].get("minReadySeconds") or 0))

    def _create(self, owner: Obj, node: str, revision: Obj) -> bool:
        body = pod_from(owner["spec"]["template"], owner)
        body["metadata"].setdefault("labels", {})[HASH] = mark_of(revision)
        spec = body["spec"]
        spec["tolerations"] = [*(spec.get("tolerations") or []), *_TOLERATIONS]
        spec["nodeSelector"] = {**(spec.get("nodeSelector") or {}), "kubernetes.io/hostname": node}
        try:
            pod = self._tools.create(PODS, body)
        except ApiError as refusal:
            self._tools.recorder.warning(owner, COMPONENT, "FailedCreate", f"Error creating: {refusal.message}")
            return False
        self._tools.recorder.normal(owner, COMPONENT, "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")
        return True

    def _delete(self, owner: Obj, pod: Obj) -> None:
        delete(self._tools.registry, PODS, *key_of(pod))
        self._tools.recorder.normal(owner, COMPONENT, "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")

    def _write_status(self, owner: Obj, nodes: list[str], revision: Obj) -> None:
        living = [p for p in self._tools.owned(PODS, owner) if not is_terminating(p) and _node_of(p) in nodes]
        available = sum(self._is_available(owner, p) for p in living)
        status = without_zeros(
            {
                "currentNumberScheduled": len(living),
                "numberMisscheduled": 0,
                "desiredNumberScheduled": len(nodes),
                "numberReady": sum(is_ready(p) for p in living),
                "observedGeneration": owner["metadata"]["generation"],
                "updatedNumberScheduled": sum(pod_mark(p) == mark_of(revision) for p in living),
                "numberAvailable": available,
                "numberUnavailable": len(nodes) - available,
            },
            "currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady",
        )  # fmt: skip
        if status != owner["status"]:
            self._tools.write_status(DAEMON_SETS, owner, status)


def _node_of(pod: Obj) -> str:
    return str((pod["spec"].get("nodeSelector") or {}).get("kubernetes.io/hostname") or pod["spec"].get("nodeName", ""))


def _fits(owner: Obj, node: Obj) -> bool:
    wanted = owner["spec"]["template"]["spec"].get("nodeSelector") or {}
    return bool(wanted.items() <= (node["metadata"].get("labels") or {}).items())

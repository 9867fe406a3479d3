"""Eviction from nodes: pods leave a node whose taints they do not tolerate any longer, or that is no more."""

import math

from bot.sandbox.kube.controllers.base import Tools, is_terminating, key_of
from bot.sandbox.kube.controllers.engine import Key
from bot.sandbox.kube.controllers.scheduler import tolerates
from bot.sandbox.kube.deletion import delete
from bot.sandbox.kube.evictions import mark
from bot.sandbox.kube.kinds import NODES, PODS, Obj, Resource
from bot.sandbox.kube.store import Change, StoredEvent

COMPONENT = "taint-eviction-controller"


class NodeEvictionController:
    """Deletes pods of silent, tainted and deleted nodes; its keys are pods."""

    name = "node-eviction"

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._tainted: dict[str, dict[str, float]] = {}  # node: key of a taint, since when (steady seconds)

    def concerns(self, resource: Resource, event: StoredEvent) -> list[Key]:
        if resource is NODES:
            node = event.obj["metadata"]["name"]
            was_tainted = node in self._tainted
            self._remember(event.obj)
            if event.change is Change.DELETED or (node in self._tainted and not was_tainted):
                pods = self._tools.store.all_of(PODS)
                return [key_of(pod) for pod in pods if pod["spec"].get("nodeName") == node]
            return []
        if resource is PODS and self._tainted and event.change is not Change.DELETED:
            return [key_of(event.obj)] if event.obj["spec"].get("nodeName") in self._tainted else []
        return []

    def _remember(self, node: Obj) -> None:
        name, now_s = node["metadata"]["name"], self._tools.clock.steady_s()
        before = self._tainted.pop(name, {})
        keys = [taint["key"] for taint in _pushing(node)]
        if keys:
            self._tainted[name] = {key: before.get(key, now_s) for key in keys}

    def reconcile(self, key: Key) -> float | None:
        pod = self._tools.store.get(PODS, *key)
        name = pod["spec"].get("nodeName") if pod else None
        if pod is None or not name:
            return None
        node = self._tools.store.get(NODES, "", name)
        if node is None:
            mark(self._tools.registry, pod, "DeletionByPodGC", "PodGC: node no longer exists")
            delete(self._tools.registry, PODS, *key, {"gracePeriodSeconds": 0})
            return None
        if is_terminating(pod):
            return None
        wait_s = min((self._patience_s(pod, name, taint) for taint in _pushing(node)), default=math.inf)
        if wait_s == math.inf:
            return None
        if wait_s > 0:
            return wait_s
        told = f"Marking for deletion Pod {key[0]}/{key[1]}"
        self._tools.recorder.normal(pod, COMPONENT, "TaintManagerEviction", told)
        mark(self._tools.registry, pod, "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint")
        delete(self._tools.registry, PODS, *key)
        return None

    def _patience_s(self, pod: Obj, node: str, taint: Obj) -> float:
        """Seconds for which the pod still bears a taint."""
        bearing = [t for t in pod["spec"].get("tolerations") or [] if tolerates(t, taint)]
        if not bearing:
            return 0.0
        limits = [t["tolerationSeconds"] for t in bearing if t.get("tolerationSeconds") is not None]
        if not limits:
            return math.inf
        now_s = self._tools.clock.steady_s()
        passed_s = now_s - self._tainted.get(node, {}).get(taint["key"], now_s)
        return max(0.0, self._tools.scaled(min(limits) / self._tools.options.haste) - passed_s)


def _pushing(node: Obj) -> list[Obj]:
    return [taint for taint in node["spec"].get("taints") or [] if taint["effect"] == "NoExecute"]

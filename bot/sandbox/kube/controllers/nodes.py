"""Nodes: how they look at the start, and the controller that notices a silent kubelet."""

from bot.sandbox.kube.clock import stamp
from bot.sandbox.kube.controllers.base import Tools, condition, is_terminating, key_of
from bot.sandbox.kube.controllers.engine import Key
from bot.sandbox.kube.kinds import NODES, PODS, Obj, Resource
from bot.sandbox.kube.registry import WriteOptions
from bot.sandbox.kube.store import StoredEvent

COMPONENT = "node-controller"
UNREACHABLE = "node.kubernetes.io/unreachable"
CORDONED = "node.kubernetes.io/unschedulable"


class NodeController:
    """Marks nodes NotReady when their kubelet has been silent for a while, and Ready when it speaks again."""

    name = "node"

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self.silent_since_s: dict[str, float] = {}

    def concerns(self, resource: Resource, event: StoredEvent) -> list[Key]:
        return [key_of(event.obj)] if resource is NODES else []

    def reconcile(self, key: Key) -> float | None:
        node = self._tools.store.get(NODES, *key)
        if node is None:
            return None
        self._cordon(node)
        node = self._tools.registry.read(NODES, *key)
        name = node["metadata"]["name"]
        since_s = self.silent_since_s.get(name)
        ready = condition(node, "Ready")
        is_up = ready is not None and ready["status"] == "True"
        if since_s is None:
            if not is_up:
                self._write(node, "True", "KubeletReady", "kubelet is posting ready status", [])
                self._tools.recorder.normal(node, "kubelet", "NodeReady", f"Node {name} status is now: NodeReady")
            return None
        wait_s = since_s + self._tools.scaled(self._tools.options.node_grace_s) - self._tools.clock.steady_s()
        if wait_s > 0:
            return wait_s
        if is_up:
            taints = [
                {"key": UNREACHABLE, "effect": effect, "timeAdded": self._tools.now()}
                for effect in ("NoSchedule", "NoExecute")
            ]
            self._write(node, "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.", taints)
            self._tools.recorder.normal(node, COMPONENT, "NodeNotReady", f"Node {name} status is now: NodeNotReady")
            self._mark_pods(name)
        return None

    def _cordon(self, node: Obj) -> None:
        """Let the taint of a cordoned node follow its spec.unschedulable."""
        taints = node["spec"].get("taints") or []
        is_closed = bool(node["spec"].get("unschedulable"))
        if is_closed == any(taint["key"] == CORDONED for taint in taints):
            return
        spec = {**node["spec"], "taints": [taint for taint in taints if taint["key"] != CORDONED]}
        if is_closed:
            spec["taints"].append({"key": CORDONED, "effect": "NoSchedule", "timeAdded": self._tools.now()})
        if not spec["taints"]:
            del spec["taints"]
        self._tools.store.put(NODES, {**node, "metadata": dict(node["metadata"]), "spec": spec})
        told = "NotSchedulable" if is_closed else "Schedulable"
        name = node["metadata"]["name"]
        self._tools.recorder.normal(node, "kubelet", f"Node{told}", f"Node {name} status is now: Node{told}")

    def _write(self, node: Obj, value: str, reason: str, message: str, taints: list[Obj]) -> None:
        now = self._tools.now()
        conditions = []
        for old in node["status"].get("conditions") or []:
            if old["type"] == "Ready":
                since = now if old["status"] != value else old["lastTransitionTime"]
                old = {**old, "status": value, "reason": reason, "message": message, "lastTransitionTime": since}
            conditions.append(old)
        kept = [t for t in node["spec"].get("taints") or [] if t["key"] != UNREACHABLE]
        spec = {**node["spec"], "taints": [*kept, *taints]}
        if not spec["taints"]:
            del spec["taints"]
        self._tools.store.put(
            NODES,
            {**node, "metadata": dict(node["metadata"]), "spec": spec,
             "status": {**node["status"], "conditions": conditions}},
        )  # fmt: skip

    def _mark_pods(self, node: str) -> None:
        for pod in self._tools.store.all_of(PODS):
            ready = condition(pod, "Ready")
            if pod["spec"].get("nodeName") != node or is_terminating(pod) or not ready or ready["status"] != "True":
                continue
            changed = [
                {**c, "status": "False", "lastTransitionTime": self._tools.now()} if c["type"] == "Ready" else c
                for c in pod["status"]["conditions"]
            ]
            self._tools.write_status(PODS, pod, {**pod["status"], "conditions": changed})
            self._tools.recorder.warning(pod, COMPONENT, "NodeNotReady", "Node is not ready")


def create_nodes(tools: Tools) -> None:
    """Write the nodes a cluster starts with."""
    options = tools.options
    now = stamp(tools.clock.now())
    for index in range(options.node_count):
        name = f"node-{index}"
        room = {
            "cpu": f"{options.node_cpu_millis // 1000}", "memory": f"{options.node_memory_mib}Mi",
            "pods": "2000", "ephemeral-storage": "100Gi",
        }  # fmt: skip
        labels = {
            "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
            "topology.kubernetes.io/zone": f"zone-{index % 3}",
        }  # fmt: skip
        body: Obj = {"metadata": {"name": name, "labels": labels}, "spec": {"podCIDR": f"10.1.{index}.0/24"}}
        node = tools.registry.create(NODES, "", body, WriteOptions(manager="kubelet"))
        healthy = [
            {"type": kind, "status": value, "lastHeartbeatTime": now, "lastTransitionTime": now,
             "reason": reason, "message": message}
            for kind, value, reason, message in (
                ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
                ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
                ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
            )
        ]  # fmt: skip
        status: Obj = {
            "capacity": room, "allocatable": room, "conditions": healthy,
            "addresses": [{"type": "InternalIP", "address": f"10.0.0.{index + 10}"},
                          {"type": "Hostname", "address": name}],
            "nodeInfo": {
                "machineID": name, "systemUUID": name, "bootID": name, "kernelVersion": "6.1.0",
                "osImage": "Debian GNU/Linux 13 (trixie)", "containerRuntimeVersion": "containerd://2.0.5",
                "kubeletVersion": "v1.36.2", "kubeProxyVersion": "", "operatingSystem": "linux",
                "architecture": "amd64",
            },
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        }  # fmt: skip
        tools.registry.write(NODES, {**node, "metadata": dict(node["metadata"]), "status": status}, "kubelet", "status")

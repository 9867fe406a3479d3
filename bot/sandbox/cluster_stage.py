"""A simulated cluster as the chat page sees it, and the mischief that people do to it.

Used by `bot.sandbox.control`. It reads the cluster's objects and pulls the levers that `bot.sandbox.kube` offers; the
page's rows are made here, so that the cluster itself serves Kubernetes and nothing else.
"""

from typing import Any

from bot.sandbox.kube import Cluster
from bot.sandbox.kube.images import tag_of
from bot.sandbox.kube.kinds import CRON_JOBS, DAEMON_SETS, DEPLOYMENTS, JOBS, NODES, STATEFUL_SETS

Json = dict[str, Any]


class ClusterStage:
    """One cluster before an audience."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def view(self) -> Json:
        """Nodes, workloads and pods, as plain rows."""
        paused = self.cluster.nodes()
        nodes = [
            {"name": node["metadata"]["name"], "ready": _is_ready(node), "paused": paused[node["metadata"]["name"]]}
            for node in self.cluster.store.all_of(NODES)
        ]
        return {"name": self.cluster.name, "nodes": nodes, "workloads": self._workloads(), "pods": self._pods()}

    def _workloads(self) -> list[Json]:
        store = self.cluster.store
        rows = [
            _workload_row(each) for kind in (DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS) for each in store.all_of(kind)
        ]
        for cron_job in store.all_of(CRON_JOBS):
            running = len((cron_job.get("status") or {}).get("active") or [])
            template = cron_job["spec"]["jobTemplate"]["spec"]["template"]
            row = _named(cron_job) | {"desired": running, "ready": running, "updated": running}
            rows.append(row | {"version": _version(template), "paused": bool(cron_job["spec"].get("suspend"))})
        return sorted(rows, key=lambda row: (row["namespace"], row["name"]))

    def _pods(self) -> list[Json]:
        """The cluster's rows; pods of a CronJob's jobs stand under the CronJob."""
        cron_jobs = {
            (job["metadata"]["namespace"], job["metadata"]["name"]): owner["name"]
            for job in self.cluster.store.all_of(JOBS)
            for owner in job["metadata"].get("ownerReferences") or []
            if owner["kind"] == "CronJob"
        }
        rows = self.cluster.pods_view()
        for row in rows:
            row["workload"] = cron_jobs.get((row["namespace"], row["workload"]), row["workload"])
        return rows

    def crash_pod(self, namespace: str, pod: str | None, workload: str | None, reason: str) -> str:
        """End a pod's containers, or those of one running pod of a workload; its name. LookupError when none runs."""
        if pod is None:
            running = [
                row["name"]
                for row in self._pods()
                if row["namespace"] == namespace
                and row["workload"] == workload
                and row["ready"]
                and not row["deleting"]
            ]
            if not running:
                raise LookupError(f"no pod of {workload} is ready in {namespace}")
            pod = str(running[0])
        self.cluster.crash_pod(namespace, pod, reason)
        return pod

    def pause_node(self, node: str, paused: bool) -> None:
        """Silence a node's kubelet, or let it go on. LookupError when there is no such node."""
        if node not in self.cluster.nodes():
            raise LookupError(f"no node {node} in {self.cluster.name}")
        if paused:
            self.cluster.pause_node(node)
        else:
            self.cluster.resume_node(node)


def _named(thing: Json) -> Json:
    return {"namespace": thing["metadata"]["namespace"], "kind": thing["kind"], "name": thing["metadata"]["name"]}


def _version(template: Json) -> str:
    return tag_of(template["spec"]["containers"][0]["image"])


def _workload_row(workload: Json) -> Json:
    spec, status = workload["spec"], workload.get("status") or {}
    if workload["kind"] == "DaemonSet":
        counts = [status.get(name) or 0 for name in ("desiredNumberScheduled", "numberReady", "updatedNumberScheduled")]
    else:
        counts = [spec.get("replicas", 1), status.get("readyReplicas") or 0, status.get("updatedReplicas") or 0]
    row = _named(workload) | dict(zip(("desired", "ready", "updated"), counts, strict=True))
    return row | {"version": _version(spec["template"]), "paused": bool(spec.get("paused"))}


def _is_ready(node: Json) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

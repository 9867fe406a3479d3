"""Scenes: the services a simulated cluster runs when people first look at it, with a past to roll back to."""

import copy
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from bot.sandbox.kube.clock import stamp
from bot.sandbox.kube.cluster import Cluster
from bot.sandbox.kube.controllers.cronjob import Schedule, latest_run
from bot.sandbox.kube.controllers.deployment_status import is_complete
from bot.sandbox.kube.kinds import BY_KIND, CRON_JOBS, DEPLOYMENTS, Obj
from bot.sandbox.kube.registry import WriteOptions

NAME, VERSION = "app.kubernetes.io/name", "app.kubernetes.io/version"
STG: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"admin": ("1.4.0", "1.4.1"), "web": ("2.2.8", "2.2.9"), "report": ("3.0.0",)}
)
PRD: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"admin": ("1.3.2", "1.4.0"), "web": ("2.2.7", "2.2.8"), "report": ("3.0.0",)}
)
NAMESPACES = MappingProxyType({"admin": "admin", "web": "web", "report": "batch"})
REPLICAS = MappingProxyType({"admin": 3, "web": 5})
REPOSITORY = "growlio"
ROUTED = "web"
"""The service that people reach by an HTTPRoute, so that a share of its requests can be had to the per cent; the others
are reached by their Kubernetes Services alone."""
GATEWAY_API = "gateway.networking.k8s.io/v1"


def seed(cluster: Cluster, registry_host: str, versions: Mapping[str, tuple[str, ...]] | None = None) -> None:
    """Fill a cluster that has not started: admin and web rolled out version by version, the CronJob report in batch.

    `versions` names each service's history, oldest first; by default that of stg, or of prd for a cluster of that name.
    """
    versions = versions or (PRD if cluster.name == "prd" else STG)
    for namespace in NAMESPACES.values():
        cluster.create_namespace(namespace)
    longest = max(len(history) for history in versions.values())
    for step in range(longest):
        cluster.clock.shift = timedelta(days=step - longest, hours=3)
        for service, history in versions.items():
            offset = longest - len(history)
            if step >= offset:
                _release(cluster, registry_host, service, history[step - offset], first=step == offset)
        cluster.settle(lambda: _is_calm(cluster))
    cluster.clock.shift = timedelta()
    for cron_job in cluster.store.all_of(CRON_JOBS):
        _remember_run(cluster, cron_job)


def _remember_run(cluster: Cluster, cron_job: Obj) -> None:
    """Give a CronJob a past, so that it does not catch up with a run as soon as the cluster starts."""
    now, spec = cluster.clock.now(), cron_job["spec"]
    run, _ = latest_run(Schedule(spec["schedule"], spec.get("timeZone")), now - timedelta(days=2), now)
    if run is not None:
        status = {"lastScheduleTime": stamp(run), "lastSuccessfulTime": stamp(run + timedelta(seconds=40))}
        draft = {**cron_job, "metadata": dict(cron_job["metadata"]), "status": status}
        cluster.registry.write(CRON_JOBS, draft, "kube-controller-manager", "status")


def image(registry_host: str, service: str, version: str) -> str:
    return f"{registry_host}/{REPOSITORY}/{service}:{version}"


def _is_calm(cluster: Cluster) -> bool:
    return all(is_complete(d, d["status"]) and not d["status"].get("terminatingReplicas")
               for d in cluster.store.all_of(DEPLOYMENTS))  # fmt: skip


def _release(cluster: Cluster, registry_host: str, service: str, version: str, first: bool) -> None:
    reference = image(registry_host, service, version)
    namespace = NAMESPACES[service]
    if service == "report":
        body = _cron_job(service, namespace, reference, version)
    else:
        body = _deployment(service, namespace, reference, version)
        body["spec"]["progressDeadlineSeconds"] = cluster.options.progress_deadline_s
    if first:
        cluster.create(body, "kubectl-client-side-apply")
        if service != "report":
            cluster.create(_kubernetes_service(service, namespace), "kubectl-client-side-apply")
        if service == ROUTED:
            for each in _way_in(service, namespace):
                cluster.create(each, "kubectl-client-side-apply")
        return
    resource = BY_KIND[(body["apiVersion"], body["kind"])]
    options = WriteOptions(manager="kubectl-client-side-apply")

    def released(obj: Obj) -> Obj:
        changed = copy.deepcopy(obj)
        changed["metadata"]["labels"] = body["metadata"]["labels"]
        changed["spec"]["template"]["metadata"]["labels"] = body["spec"]["template"]["metadata"]["labels"]
        changed["spec"]["template"]["spec"]["containers"][0]["image"] = reference
        return changed

    cluster.registry.patch(resource, namespace, service, released, options)


def _labels(service: str, version: str) -> dict[str, str]:
    return {NAME: service, VERSION: version}


def _deployment(service: str, namespace: str, reference: str, version: str) -> Obj:
    labels = _labels(service, version)
    container: Obj = {
        "name": service,
        "image": reference,
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [{"name": "PORT", "value": "8080"}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 2},
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": service, "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": REPLICAS[service],
            "selector": {"matchLabels": {NAME: service}},
            "template": {
                "metadata": {"labels": dict(labels)},
                "spec": {"terminationGracePeriodSeconds": 5, "containers": [container]},
            },
        },
    }


def _kubernetes_service(service: str, namespace: str) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": service, "namespace": namespace, "labels": {NAME: service}},
        "spec": {"selector": {NAME: service}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    }


def _way_in(service: str, namespace: str) -> tuple[Obj, Obj]:
    """A Gateway, and the HTTPRoute that sends all requests of a host to a Kubernetes Service."""
    listener = {"name": "http", "port": 80, "protocol": "HTTP"}
    gateway = {"gatewayClassName": "sandbox", "listeners": [listener]}
    rule = {"backendRefs": [{"name": service, "port": 80}]}
    route = {"parentRefs": [{"name": "public"}], "hostnames": [f"{service}.growlio.example"], "rules": [rule]}
    meta = {"namespace": namespace, "labels": {NAME: service}}
    return (
        {"apiVersion": GATEWAY_API, "kind": "Gateway", "metadata": {**meta, "name": "public"}, "spec": gateway},
        {"apiVersion": GATEWAY_API, "kind": "HTTPRoute", "metadata": {**meta, "name": service}, "spec": route},
    )


def _cron_job(service: str, namespace: str, reference: str, version: str) -> Obj:
    labels = _labels(service, version)
    pod: Obj = {"restartPolicy": "Never", "containers": [{"name": service, "image": reference}]}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": service, "namespace": namespace, "labels": labels},
        "spec": {
            "schedule": "0 3 * * *",
            "timeZone": "Asia/Tokyo",
            "jobTemplate": {"spec": {"backoffLimit": 1, "template": {"metadata": {"labels": labels}, "spec": pod}}},
        },
    }

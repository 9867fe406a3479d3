"""Addresses of workloads in the Kubernetes API."""

from urllib.parse import quote

from bot.domain.catalog import WorkloadKind, WorkloadRef

ARGO = "argoproj.io/v1alpha1"
"""Argo Rollouts: a CustomResourceDefinition, so no strategic merge patch."""


def namespaced(namespace: str, resource: str, *names: str, group: str = "") -> str:
    """`/apis/<group>/namespaces/<namespace>/<resource>/<name…>`; without a group, the core API's."""
    root = f"/apis/{group}" if group else "/api/v1"
    return "/".join(
        [root, "namespaces", quote(namespace, safe=""), resource, *(quote(name, safe="") for name in names)]
    )


def workload(ref: WorkloadRef) -> str:
    """Where the object itself is."""
    match ref.kind:
        case WorkloadKind.DEPLOYMENT:
            return namespaced(ref.namespace, "deployments", ref.name, group="apps/v1")
        case WorkloadKind.STATEFULSET:
            return namespaced(ref.namespace, "statefulsets", ref.name, group="apps/v1")
        case WorkloadKind.DAEMONSET:
            return namespaced(ref.namespace, "daemonsets", ref.name, group="apps/v1")
        case WorkloadKind.CRONJOB:
            return namespaced(ref.namespace, "cronjobs", ref.name, group="batch/v1")
        case WorkloadKind.ROLLOUT:
            return namespaced(ref.namespace, "rollouts", ref.name, group=ARGO)


def template(kind: WorkloadKind) -> tuple[str, ...]:
    """Keys from the object down to its pod template."""
    if kind is WorkloadKind.CRONJOB:
        return ("spec", "jobTemplate", "spec", "template")
    return ("spec", "template")

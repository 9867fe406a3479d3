"""Resources the simulated API server serves: group, version, names, verbs, subresources and list merge keys.

Read by every other file of this package. The table repeats what a 1.36 API server says in discovery.
"""

from dataclasses import dataclass
from typing import Any

Obj = dict[str, Any]  # one API object as parsed from JSON; a stored one is never mutated

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Resource:
    """One collection, e.g. `deployments` in `apps/v1`."""

    group: str
    version: str
    plural: str
    singular: str
    kind: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    counts_generations: bool = False  # metadata.generation exists and moves with spec
    unconditional_update: bool = True  # PUT without resourceVersion is allowed
    custom: bool = False  # from a CustomResourceDefinition: no strategic merge patch

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def full_name(self) -> str:
        """`deployments.apps`; core resources have no suffix. Also the key of the collection in the store."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def full_kind(self) -> str:
        """`Deployment.apps`, as validation errors name it."""
        return f"{self.kind}.{self.group}" if self.group else self.kind


def _apps(plural: str, kind: str, short: str, *subresources: str) -> Resource:
    return Resource(
        "apps", "v1", plural, kind.lower(), kind,
        short_names=(short,), categories=("all",), subresources=subresources, counts_generations=True,
    )  # fmt: skip


def _core(plural: str, kind: str, *short: str, **more: Any) -> Resource:
    return Resource("", "v1", plural, kind.lower(), kind, short_names=short, **more)


PODS = Resource(
    "", "v1", "pods", "pod", "Pod",
    short_names=("po",), categories=("all",), subresources=("log", "status", "eviction", "binding"),
    counts_generations=True,
)  # fmt: skip
NAMESPACES = _core(
    "namespaces", "Namespace", "ns", namespaced=False, subresources=("status", "finalize"),
    verbs=tuple(verb for verb in ALL_VERBS if verb != "deletecollection"),
)  # fmt: skip
NODES = _core("nodes", "Node", "no", namespaced=False, subresources=("status",))
EVENTS = _core("events", "Event", "ev")
SERVICES = _core("services", "Service", "svc", categories=("all",), subresources=("status",))
CONFIG_MAPS = _core("configmaps", "ConfigMap", "cm")
SECRETS = _core("secrets", "Secret")
SERVICE_ACCOUNTS = _core("serviceaccounts", "ServiceAccount", "sa", subresources=("token",))
QUOTAS = _core("resourcequotas", "ResourceQuota", "quota", subresources=("status",))
DEPLOYMENTS = _apps("deployments", "Deployment", "deploy", "scale", "status")
REPLICA_SETS = _apps("replicasets", "ReplicaSet", "rs", "scale", "status")
STATEFUL_SETS = _apps("statefulsets", "StatefulSet", "sts", "scale", "status")
DAEMON_SETS = _apps("daemonsets", "DaemonSet", "ds", "status")
REVISIONS = Resource("apps", "v1", "controllerrevisions", "controllerrevision", "ControllerRevision")
JOBS = Resource(
    "batch", "v1", "jobs", "job", "Job",
    categories=("all",), subresources=("status",), counts_generations=True,
)  # fmt: skip
CRON_JOBS = Resource(
    "batch", "v1", "cronjobs", "cronjob", "CronJob",
    short_names=("cj",), categories=("all",), subresources=("status",), counts_generations=True,
)  # fmt: skip
LEASES = Resource("coordination.k8s.io", "v1", "leases", "lease", "Lease", unconditional_update=False)
ENDPOINTS = _core("endpoints", "Endpoints", "ep")
ENDPOINT_SLICES = Resource(
    "discovery.k8s.io", "v1", "endpointslices", "endpointslice", "EndpointSlice", counts_generations=True
)  # fmt: skip
INGRESSES = Resource(
    "networking.k8s.io", "v1", "ingresses", "ingress", "Ingress",
    short_names=("ing",), subresources=("status",), counts_generations=True,
)  # fmt: skip
GATEWAYS = Resource(
    "gateway.networking.k8s.io", "v1", "gateways", "gateway", "Gateway",
    short_names=("gtw",), categories=("gateway-api",), subresources=("status",), counts_generations=True,
    unconditional_update=False, custom=True,
)  # fmt: skip
HTTP_ROUTES = Resource(
    "gateway.networking.k8s.io", "v1", "httproutes", "httproute", "HTTPRoute",
    categories=("gateway-api",), subresources=("status",), counts_generations=True,
    unconditional_update=False, custom=True,
)  # fmt: skip
ROLLOUTS = Resource(
    "argoproj.io", "v1alpha1", "rollouts", "rollout", "Rollout",
    short_names=("ro",), subresources=("scale", "status"), counts_generations=True,
    unconditional_update=False, custom=True,
)  # fmt: skip
BUDGETS = Resource(
    "policy", "v1", "poddisruptionbudgets", "poddisruptionbudget", "PodDisruptionBudget",
    short_names=("pdb",), subresources=("status",), counts_generations=True,
)  # fmt: skip
AUTOSCALERS = Resource(
    "autoscaling", "v2", "horizontalpodautoscalers", "horizontalpodautoscaler", "HorizontalPodAutoscaler",
    short_names=("hpa",), categories=("all",), subresources=("status",),
)  # fmt: skip


def _rbac(plural: str, kind: str, namespaced: bool) -> Resource:
    return Resource("rbac.authorization.k8s.io", "v1", plural, kind.lower(), kind, namespaced=namespaced)


ROLES = _rbac("roles", "Role", True)
ROLE_BINDINGS = _rbac("rolebindings", "RoleBinding", True)
CLUSTER_ROLES = _rbac("clusterroles", "ClusterRole", False)
CLUSTER_ROLE_BINDINGS = _rbac("clusterrolebindings", "ClusterRoleBinding", False)


def _review(kind: str) -> Resource:
    plural = f"{kind.lower()}s"
    return Resource(
        "authorization.k8s.io", "v1", plural, kind.lower(), kind, namespaced=False, verbs=("create",)
    )  # fmt: skip


SELF_ACCESS_REVIEWS = _review("SelfSubjectAccessReview")
SELF_RULES_REVIEWS = _review("SelfSubjectRulesReview")
ACCESS_REVIEWS = _review("SubjectAccessReview")

RESOURCES = (
    CONFIG_MAPS, ENDPOINTS, EVENTS, NAMESPACES, NODES, PODS, QUOTAS, SECRETS, SERVICE_ACCOUNTS, SERVICES,
    REVISIONS, DAEMON_SETS, DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS,
    SELF_ACCESS_REVIEWS, SELF_RULES_REVIEWS, ACCESS_REVIEWS, AUTOSCALERS,
    CRON_JOBS, JOBS, LEASES, ENDPOINT_SLICES, GATEWAYS, HTTP_ROUTES, INGRESSES, BUDGETS, ROLLOUTS,
    CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES,
)  # fmt: skip

BY_PATH = {(r.group, r.version, r.plural): r for r in RESOURCES}
BY_KIND = {(r.api_version, r.kind): r for r in RESOURCES}
GROUPS = tuple(dict.fromkeys((r.group, r.version) for r in RESOURCES if r.group))

# Lists merged by key instead of replaced, by the name of their field (or parent/field where the name is ambiguous).
# From the x-kubernetes-patch-merge-key and x-kubernetes-list-map-keys of a real server's OpenAPI documents.
MERGE_KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "containers/ports": ("containerPort", "protocol"),
    "spec/ports": ("port", "protocol"),
    "conditions": ("type",),
    "ownerReferences": ("uid",),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "secrets": ("name",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "addresses": ("type",),
    "podIPs": ("ip",),
}
SETS = frozenset({"finalizers", "succeeded", "failed"})  # lists of scalars that behave as sets


def merge_keys(parent: str, field: str) -> tuple[str, ...] | None:
    """Keys that identify an item of the list `field` under `parent` (the nearest field above), or None: atomic."""
    return MERGE_KEYS.get(f"{parent}/{field}") or MERGE_KEYS.get(field)

"""Roles and bindings that every cluster has from its start: a short form of those a real API server writes."""

from bot.sandbox.kube.kinds import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, Obj
from bot.sandbox.kube.rbac import MASTERS
from bot.sandbox.kube.registry import Registry, WriteOptions

_LOOK = ["get", "list", "watch"]
_CHANGE = ["create", "delete", "deletecollection", "patch", "update"]
_LABELS = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_WORK = {
    "": ["configmaps", "endpoints", "events", "persistentvolumeclaims", "pods", "replicationcontrollers",
         "serviceaccounts", "services"],
    "apps": ["controllerrevisions", "daemonsets", "deployments", "deployments/scale", "replicasets",
             "replicasets/scale", "statefulsets", "statefulsets/scale"],
    "autoscaling": ["horizontalpodautoscalers"],
    "batch": ["cronjobs", "jobs"],
    "discovery.k8s.io": ["endpointslices"],
    "networking.k8s.io": ["ingresses", "networkpolicies"],
    "policy": ["poddisruptionbudgets"],
    "coordination.k8s.io": ["leases"],
}  # fmt: skip


def _on(verbs: list[str], resources: list[str], group: str = "") -> Obj:
    return {"verbs": verbs, "apiGroups": [group], "resources": resources}


_VIEW = [_on(_LOOK, names, group) for group, names in _WORK.items()] + [
    _on(_LOOK, ["pods/log", "pods/status", "namespaces", "resourcequotas", "limitranges"])
]
_EDIT = [
    *_VIEW,
    *(_on(_CHANGE, names, group) for group, names in _WORK.items()),
    _on([*_LOOK, *_CHANGE], ["secrets", "pods/exec", "pods/portforward", "pods/proxy"]),
    _on(["create"], ["pods/eviction", "serviceaccounts/token"]),
    _on(["impersonate"], ["serviceaccounts"]),
]
_ADMIN = [
    *_EDIT,
    _on([*_LOOK, *_CHANGE], ["roles", "rolebindings"], "rbac.authorization.k8s.io"),
    _on(["create"], ["localsubjectaccessreviews"], "authorization.k8s.io"),
]
_REVIEWS = ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]
_INFO = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
_DISCOVERY = ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz",
              "/version", "/version/"]  # fmt: skip
_ROLES: dict[str, list[Obj]] = {
    "cluster-admin": [
        {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}, {"verbs": ["*"], "nonResourceURLs": ["*"]},
    ],
    "admin": _ADMIN,
    "edit": _EDIT,
    "view": _VIEW,
    "system:basic-user": [_on(["create"], _REVIEWS, "authorization.k8s.io")],
    "system:discovery": [{"verbs": ["get"], "nonResourceURLs": _DISCOVERY}],
    "system:public-info-viewer": [{"verbs": ["get"], "nonResourceURLs": _INFO}],
}  # fmt: skip
_BOUND = {
    "cluster-admin": (MASTERS,),
    "system:basic-user": ("system:authenticated",),
    "system:discovery": ("system:authenticated",),
    "system:public-info-viewer": ("system:authenticated", "system:unauthenticated"),
}


def create_default_roles(registry: Registry) -> None:
    """Write them; once, when a cluster is made."""
    options = WriteOptions(manager="kube-apiserver")
    for name, rules in _ROLES.items():
        body: Obj = {"metadata": {"name": name, "labels": dict(_LABELS)}, "rules": rules}
        registry.create(CLUSTER_ROLES, "", body, options)
    for name, groups in _BOUND.items():
        body = {
            "metadata": {"name": name, "labels": dict(_LABELS)},
            "roleRef": {"kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "Group", "name": group} for group in groups],
        }
        registry.create(CLUSTER_ROLE_BINDINGS, "", body, options)

"""Defaults and rules of the kinds around workloads: access rules, budgets, autoscalers, routes, endpoints. Called by
`defaults` and `validation`, which hold those of the workloads; a filler mutates a draft, a checker returns causes.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.sandbox.kube import autoscaler_rules
from bot.sandbox.kube.kinds import Obj
from bot.sandbox.kube.status import Cause

RBAC_GROUP = "rbac.authorization.k8s.io"
GATEWAY_GROUP = "gateway.networking.k8s.io"
BINDINGS = frozenset({"RoleBinding", "ClusterRoleBinding"})
PATH_NAMED = BINDINGS | {"Role", "ClusterRole"}  # their names may hold what a path segment may, e.g. a colon
MAX_WEIGHT = 1_000_000
_PERCENT = re.compile(r"[0-9]+%")
_NOT_NEGATIVE = "must be greater than or equal to 0"


def path_name(name: str) -> list[Cause]:
    """Breaches of a name that only has to fit into a path."""
    if name in (".", ".."):
        return [Cause.invalid("metadata.name", name, f"may not be '{name}'")]
    return [
        Cause.invalid("metadata.name", name, f"may not contain '{letter}'") for letter in ("/", "%") if letter in name
    ]


def _binding(obj: Obj) -> None:
    (obj.get("roleRef") or {}).setdefault("apiGroup", RBAC_GROUP)
    for subject in obj.get("subjects") or []:
        if subject.get("kind") in ("User", "Group"):
            subject.setdefault("apiGroup", RBAC_GROUP)


def _budget(obj: Obj) -> None:
    obj.setdefault("spec", {})


def _ingress(obj: Obj) -> None:
    for rule in (obj.get("spec") or {}).get("rules") or []:
        for path in (rule.get("http") or {}).get("paths") or []:
            path.setdefault("pathType", "ImplementationSpecific")


def _slice(obj: Obj) -> None:
    for port in obj.get("ports") or []:
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


def _route(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    for parent in spec.get("parentRefs") or []:
        parent.setdefault("group", GATEWAY_GROUP)
        parent.setdefault("kind", "Gateway")
    if spec.get("rules") is None:
        spec["rules"] = [{}]
    for rule in spec["rules"]:
        if rule.get("matches") is None:
            rule["matches"] = [{"path": {"type": "PathPrefix", "value": "/"}}]
        for match in rule["matches"]:
            match.setdefault("path", {"type": "PathPrefix", "value": "/"})
        for ref in rule.get("backendRefs") or []:
            for name, value in (("group", ""), ("kind", "Service"), ("weight", 1)):
                ref.setdefault(name, value)


def _gateway(obj: Obj) -> None:
    for listener in (obj.setdefault("spec", {})).get("listeners") or []:
        listener.setdefault("allowedRoutes", {"namespaces": {"from": "Same"}})


def _percent_or_count(value: Any, path: str) -> Iterator[Cause]:
    if isinstance(value, str) and not _PERCENT.fullmatch(value):
        rule = (
            "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex "
            "used for validation is '[0-9]+%')"
        )
        yield Cause.invalid(path, value, rule)
    elif isinstance(value, int) and value < 0:
        yield Cause.invalid(path, value, _NOT_NEGATIVE)


def _check_budget(obj: Obj) -> list[Cause]:
    spec = obj.get("spec") or {}
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        told = {name: spec[name] for name in ("minAvailable", "maxUnavailable")}
        return [Cause.invalid("spec", told, "minAvailable and maxUnavailable cannot be both set")]
    causes: list[Cause] = []
    for name in ("minAvailable", "maxUnavailable"):
        causes += _percent_or_count(spec.get(name), f"spec.{name}")
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy not in (None, "IfHealthyBudget", "AlwaysAllow"):
        causes.append(
            Cause.unsupported("spec.unhealthyPodEvictionPolicy", policy, "AlwaysAllow", "IfHealthyBudget")
        )  # fmt: skip
    return causes


def _check_rules(obj: Obj) -> list[Cause]:
    causes = []
    for i, rule in enumerate(obj.get("rules") or []):
        path = f"rules[{i}]"
        if not rule.get("verbs"):
            causes.append(Cause.required(f"{path}.verbs", "verbs must contain at least one value"))
        if rule.get("nonResourceURLs"):
            if obj["kind"] == "Role":
                told = "namespaced rules cannot apply to non-resource URLs"
                causes.append(Cause.invalid(f"{path}.nonResourceURLs", rule["nonResourceURLs"], told))
            continue
        if rule.get("apiGroups") is None:
            causes.append(
                Cause.required(f"{path}.apiGroups", "resource rules must supply at least one api group")
            )  # fmt: skip
        if not rule.get("resources"):
            causes.append(
                Cause.required(f"{path}.resources", "resource rules must supply at least one resource")
            )  # fmt: skip
    return causes


def _check_binding(obj: Obj) -> list[Cause]:
    causes = []
    role = obj.get("roleRef") or {}
    allowed = ("ClusterRole", "Role") if obj["kind"] == "RoleBinding" else ("ClusterRole",)
    if role.get("kind") not in allowed:
        causes.append(Cause.unsupported("roleRef.kind", role.get("kind"), *allowed))
    if not role.get("name"):
        causes.append(Cause.required("roleRef.name"))
    for i, subject in enumerate(obj.get("subjects") or []):
        kind, path = subject.get("kind"), f"subjects[{i}]"
        if kind not in ("ServiceAccount", "User", "Group"):
            causes.append(Cause.unsupported(f"{path}.kind", kind, "ServiceAccount", "User", "Group"))
        elif kind == "ServiceAccount" and not subject.get("namespace"):
            causes.append(Cause.required(f"{path}.namespace"))
    return causes


def _check_route(obj: Obj) -> list[Cause]:
    causes = []
    for i, rule in enumerate((obj.get("spec") or {}).get("rules") or []):
        refs = rule.get("backendRefs") or []
        if len(refs) > 16:
            told = f"Too many: {len(refs)}: must have at most 16 items"
            causes.append(Cause(f"spec.rules[{i}].backendRefs", told, "FieldValueTooMany"))
        for j, ref in enumerate(refs):
            path, weight = f"spec.rules[{i}].backendRefs[{j}]", ref.get("weight", 1)
            if not 0 <= weight <= MAX_WEIGHT:
                bound = "greater than or equal to 0" if weight < 0 else f"less than or equal to {MAX_WEIGHT}"
                rule_told = f"{path}.weight in body should be {bound}"
                causes.append(Cause.invalid(f"{path}.weight", weight, rule_told))
            if ref.get("kind") == "Service" and ref.get("group") == "" and ref.get("port") is None:
                causes.append(Cause.invalid(path, "object", "Must have port for Service reference"))
    return causes


def job_failure(spec: Obj, path: str) -> list[Cause]:
    """Breaches of a Job's podFailurePolicy."""
    policy = spec.get("podFailurePolicy")
    if policy is None:
        return []
    causes = []
    restarts = ((spec.get("template") or {}).get("spec") or {}).get("restartPolicy")
    if restarts != "Never":
        told = 'only "Never" is supported when podFailurePolicy is specified'
        causes.append(Cause.invalid(f"{path}.template.spec.restartPolicy", restarts, told))
    for i, rule in enumerate(policy.get("rules") or []):
        actions = ("Count", "FailIndex", "FailJob", "Ignore")
        if rule.get("action") not in actions:
            where = f"{path}.podFailurePolicy.rules[{i}].action"
            causes.append(Cause.unsupported(where, rule.get("action"), *actions))
    return causes


def time_zone(spec: Obj) -> list[Cause]:
    """Breaches of a CronJob's timeZone."""
    zone = spec.get("timeZone")
    if zone is None:
        return []
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return [Cause.invalid("spec.timeZone", zone, f"unknown time zone {zone}")]
    return []


FILLERS: dict[str, Callable[[Obj], None]] = {
    "PodDisruptionBudget": _budget,
    "RoleBinding": _binding, "ClusterRoleBinding": _binding, "HorizontalPodAutoscaler": autoscaler_rules.fill,
    "Ingress": _ingress, "EndpointSlice": _slice, "HTTPRoute": _route, "Gateway": _gateway,
}  # fmt: skip
CHECKERS: dict[str, Callable[[Obj], list[Cause]]] = {
    "PodDisruptionBudget": _check_budget, "HorizontalPodAutoscaler": autoscaler_rules.check, "Role": _check_rules,
    "ClusterRole": _check_rules, "RoleBinding": _check_binding, "ClusterRoleBinding": _check_binding,
    "HTTPRoute": _check_route,
}  # fmt: skip
_PENDING = {
    "status": "Unknown", "reason": "Pending", "message": "Waiting for controller",
    "lastTransitionTime": "1970-01-01T00:00:00Z",
}  # fmt: skip
INITIAL_STATUS: dict[str, Obj] = {
    "PodDisruptionBudget": {"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0},
    "HorizontalPodAutoscaler": {"currentMetrics": None, "desiredReplicas": 0},
    "Ingress": {"loadBalancer": {}},
    "Gateway": {"conditions": [{"type": "Accepted", **_PENDING}, {"type": "Programmed", **_PENDING}]},
}

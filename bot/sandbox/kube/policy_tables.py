"""Columns and cells of what `kubectl get` shows of the kinds around workloads. Pure; `tables` adds name and age."""

from collections.abc import Callable
from typing import Any

from bot.sandbox.kube.autoscaler_rules import metric_field
from bot.sandbox.kube.kinds import Obj

Cells = list[Any]
_NONE = "<none>"


def _autoscaler(obj: Obj) -> Cells:
    spec, status = obj["spec"], obj.get("status") or {}
    ref = spec["scaleTargetRef"]
    known = status.get("currentMetrics") or []
    targets = []
    for i, metric in enumerate(spec.get("metrics") or []):
        source = metric[metric_field(metric["type"])]
        seen = known[i].get(metric_field(metric["type"])) if i < len(known) else None
        now = (seen or {}).get("current") or {}
        target = source["target"]
        if target.get("averageUtilization") is not None:
            percent = now.get("averageUtilization")
            shown = "<unknown>" if percent is None else f"{percent}%"
            targets.append(f"{source.get('name')}: {shown}/{target['averageUtilization']}%")
        else:
            name = "averageValue" if target.get("averageValue") is not None else "value"
            suffix = " (avg)" if name == "averageValue" else ""
            targets.append(f"{now.get(name, '<unknown>')}/{target.get(name)}{suffix}")
    shown = ", ".join(targets[:2]) + (f" + {len(targets) - 2} more..." if len(targets) > 2 else "")
    return [f"{ref['kind']}/{ref['name']}", shown or _NONE, str(spec.get("minReplicas", "<unset>")),
            spec["maxReplicas"], status.get("currentReplicas", 0)]  # fmt: skip


def _budget(obj: Obj) -> Cells:
    spec = obj["spec"]
    limits = [str(spec[n]) if spec.get(n) is not None else "N/A" for n in ("minAvailable", "maxUnavailable")]
    return [*limits, (obj.get("status") or {}).get("disruptionsAllowed", 0)]


def _some(found: list[str], most: int = 3) -> str:
    if not found:
        return _NONE
    return ",".join(found[:most]) + (f" + {len(found) - most} more..." if len(found) > most else "")


def _endpoints(obj: Obj) -> Cells:
    found = [
        f"{address['ip']}:{port['port']}"
        for subset in obj.get("subsets") or []
        for port in subset.get("ports") or []
        for address in subset.get("addresses") or []
    ]
    return [_some(found)]


def _slice(obj: Obj) -> Cells:
    ports = [str(port.get("port", "*")) for port in obj.get("ports") or []]
    addresses = [address for endpoint in obj.get("endpoints") or [] for address in endpoint["addresses"]]
    return [obj["addressType"], _some(ports) if ports else "<unset>", _some(addresses) if addresses else "<unset>"]


def _ingress(obj: Obj) -> Cells:
    spec = obj.get("spec") or {}
    hosts = [rule["host"] for rule in spec.get("rules") or [] if rule.get("host")]
    balancers = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    address = ",".join(str(row.get("ip") or row.get("hostname")) for row in balancers)
    ports = "80, 443" if spec.get("tls") else "80"
    return [spec.get("ingressClassName") or _NONE, ",".join(hosts[:3]) or "*", address, ports]


def _role(obj: Obj) -> Cells:
    return [obj["metadata"]["creationTimestamp"]]


def _binding(obj: Obj) -> Cells:
    subjects = obj.get("subjects") or []
    named = {
        kind: ", ".join(
            f"{s['namespace']}/{s['name']}" if kind == "ServiceAccount" else s["name"]
            for s in subjects if s["kind"] == kind)
        for kind in ("User", "Group", "ServiceAccount")
    }  # fmt: skip
    return [f"{obj['roleRef']['kind']}/{obj['roleRef']['name']}", *named.values()]


def _route(obj: Obj) -> Cells:
    hostnames = obj["spec"].get("hostnames")
    return ['["' + '","'.join(hostnames) + '"]' if hostnames else None]


def _gateway(obj: Obj) -> Cells:
    status = obj.get("status") or {}
    address = next((row["value"] for row in status.get("addresses") or []), None)
    programmed = next((c["status"] for c in status.get("conditions") or [] if c["type"] == "Programmed"), None)
    return [obj["spec"]["gatewayClassName"], address, programmed]


def _rollout(obj: Obj) -> Cells:
    status = obj.get("status") or {}
    counts = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")]
    return [obj["spec"].get("replicas", 1), *counts]


# Names of columns; `+` before a name puts it into the wide table only, `#` makes it a number.
POLICY_KINDS: dict[str, tuple[tuple[str, ...], Callable[[Obj], Cells]]] = {
    "HorizontalPodAutoscaler": (("Reference", "Targets", "MinPods", "#MaxPods", "#Replicas", "Age"), _autoscaler),
    "PodDisruptionBudget": (("Min Available", "Max Unavailable", "#Allowed Disruptions", "Age"), _budget),
    "Endpoints": (("Endpoints", "Age"), _endpoints),
    "EndpointSlice": (("AddressType", "Ports", "Endpoints", "Age"), _slice),
    "Ingress": (("Class", "Hosts", "Address", "Ports", "Age"), _ingress),
    "Role": (("Created At",), _role),
    "ClusterRole": (("Created At",), _role),
    "RoleBinding": (("Role", "Age", "+Users", "+Groups", "+ServiceAccounts"), _binding),
    "ClusterRoleBinding": (("Role", "Age", "+Users", "+Groups", "+ServiceAccounts"), _binding),
    "HTTPRoute": (("Hostnames", "Age"), _route),
    "Rollout": (("#Desired", "#Current", "#Up-to-date", "#Available", "Age"), _rollout),
    "Gateway": (("Class", "Address", "Programmed", "Age"), _gateway),
}

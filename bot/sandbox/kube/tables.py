"""Tables: what `kubectl get` shows. Columns and cells per kind, in the words of a 1.36 API server. Pure."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from bot.sandbox.kube.clock import parse_stamp
from bot.sandbox.kube.kinds import Obj, Resource
from bot.sandbox.kube.policy_tables import POLICY_KINDS
from bot.sandbox.kube.selectors import selector_text
from bot.sandbox.kube.table_words import WORDS

Cells = list[Any]
Column = tuple[str, str, int]  # name, type, priority (1: only with -o wide)
_AGE: Column = ("Age", "string", 0)


def table(resource: Resource, items: list[Obj], now: datetime, include: str, metadata: Obj, head: bool = True) -> Obj:
    """The Table of some objects; `include` is Metadata, Object or None."""
    columns, cells = _KINDS.get(resource.kind) or _policy_kind(resource.kind)
    rows = []
    for obj in items:
        name = [] if resource.kind == "Event" else [obj["metadata"]["name"]]  # events show theirs last, if at all
        row: Obj = {"cells": [*name, *cells(obj, now)]}
        if include == "Object":
            row["object"] = obj
        elif include != "None":
            row["object"] = partial_metadata(obj)
        rows.append(row)
    definitions = [
        {"name": name, "type": kind, "format": "name" if name == "Name" else "",
         "description": WORDS.get(f"{resource.kind} {name}") or WORDS.get(name, name), "priority": rank}
        for name, kind, rank in [*_FIRST.get(resource.kind, [("Name", "string", 0)]), *columns]
    ]  # fmt: skip
    return {
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        "columnDefinitions": definitions if head else None, "rows": rows,
    }  # fmt: skip


def _policy_kind(kind: str) -> tuple[list[Column], Callable[[Obj, datetime], Cells]]:
    """Columns and cells of a kind around workloads; of any other, its age."""
    if kind not in POLICY_KINDS:
        return _plain_columns(), _plain
    names, given = POLICY_KINDS[kind]
    columns = [(n.strip("+#"), "integer" if n[0] == "#" else "string", int(n[0] == "+")) for n in names]

    def cells(obj: Obj, now: datetime) -> Cells:
        found = given(obj)
        if "Age" in names:
            found.insert(names.index("Age"), _age(obj, now))
        return found

    return columns, cells


def partial_metadata(obj: Obj) -> Obj:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}


def short_duration(span: timedelta) -> str:
    """`35s`, `4m12s`, `3h`, `2d`, as kubectl shows ages."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 120:
        return f"{seconds}s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 10:
        rest = seconds % 60
        return f"{minutes}m{rest}s" if rest else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        rest = minutes % 60
        return f"{hours}h{rest}m" if rest else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        rest = hours % 24
        return f"{days}d{rest}h" if rest else f"{days}d"
    return f"{days}d"


def _since(text: str | None, now: datetime) -> str:
    return short_duration(now - parse_stamp(text)) if text else "<unknown>"


def _age(obj: Obj, now: datetime) -> str:
    return _since(obj["metadata"].get("creationTimestamp"), now)


def _plain_columns() -> list[Column]:
    return [_AGE]


def _plain(obj: Obj, now: datetime) -> Cells:
    return [_age(obj, now)]


def _containers(template: Obj) -> tuple[str, str]:
    containers = (template.get("spec") or {}).get("containers") or []
    return ",".join(c["name"] for c in containers), ",".join(c["image"] for c in containers)


def _status(obj: Obj, *names: str) -> list[int]:
    return [int((obj.get("status") or {}).get(name) or 0) for name in names]


_CONTAINERS: list[Column] = [("Containers", "string", 1), ("Images", "string", 1), ("Selector", "string", 1)]


def _pod_columns() -> list[Column]:
    return [
        ("Ready", "string", 0), ("Status", "string", 0), ("Restarts", "string", 0), _AGE, ("IP", "string", 1),
        ("Node", "string", 1), ("Nominated Node", "string", 1), ("Readiness Gates", "string", 1),
    ]  # fmt: skip


def pod_reason(pod: Obj) -> str:
    """The STATUS that kubectl shows for a pod."""
    status = pod["status"]
    reason = status.get("reason") or status.get("phase") or "Unknown"
    for container in reversed(status.get("containerStatuses") or []):
        state = container.get("state") or {}
        if state.get("waiting", {}).get("reason"):
            reason = state["waiting"]["reason"]
        elif state.get("terminated"):
            ended = state["terminated"]
            reason = ended.get("reason") or f"ExitCode:{ended['exitCode']}"
    if pod["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return str(reason)


def _pod(pod: Obj, now: datetime) -> Cells:
    statuses = pod["status"].get("containerStatuses") or []
    ready = sum(bool(c.get("ready")) for c in statuses)
    restarts = sum(int(c.get("restartCount") or 0) for c in statuses)
    shown = str(restarts)
    last = [(c.get("lastState") or {}).get("terminated") for c in statuses]
    ended = [state["finishedAt"] for state in last if state]
    if restarts and ended:
        shown += f" ({_since(max(ended), now)} ago)"
    return [
        f"{ready}/{len(pod['spec']['containers'])}", pod_reason(pod), shown, _age(pod, now),
        pod["status"].get("podIP") or "<none>", pod["spec"].get("nodeName") or "<none>", "<none>", "<none>",
    ]  # fmt: skip


def _deployment(obj: Obj, now: datetime) -> Cells:
    ready, updated, available = _status(obj, "readyReplicas", "updatedReplicas", "availableReplicas")
    names, images = _containers(obj["spec"]["template"])
    wanted = obj["spec"].get("replicas", 0)
    return [f"{ready}/{wanted}", updated, available, _age(obj, now), names, images,
            selector_text(obj["spec"]["selector"])]  # fmt: skip


def _replica_set(obj: Obj, now: datetime) -> Cells:
    names, images = _containers(obj["spec"]["template"])
    current, ready = _status(obj, "replicas", "readyReplicas")
    return [obj["spec"]["replicas"], current, ready, _age(obj, now), names, images,
            selector_text(obj["spec"]["selector"])]  # fmt: skip


def _stateful_set(obj: Obj, now: datetime) -> Cells:
    (ready,) = _status(obj, "readyReplicas")
    names, images = _containers(obj["spec"]["template"])
    return [f"{ready}/{obj['spec']['replicas']}", _age(obj, now), names, images]


def _daemon_set(obj: Obj, now: datetime) -> Cells:
    counts = _status(
        obj, "desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled",
        "numberAvailable",
    )  # fmt: skip
    names, images = _containers(obj["spec"]["template"])
    nodes = ",".join(f"{k}={v}" for k, v in (obj["spec"]["template"]["spec"].get("nodeSelector") or {}).items())
    return [*counts, nodes or "<none>", _age(obj, now), names, images, selector_text(obj["spec"]["selector"])]


def _job(obj: Obj, now: datetime) -> Cells:
    (succeeded,) = _status(obj, "succeeded")
    status = obj.get("status") or {}
    types = [c["type"] for c in status.get("conditions") or [] if c["status"] == "True"]
    state = next((t for t in ("Complete", "Failed", "Suspended") if t in types), "Running")
    span = ""
    if status.get("startTime"):
        end = parse_stamp(status["completionTime"]) if status.get("completionTime") else now
        span = short_duration(end - parse_stamp(status["startTime"]))
    names, images = _containers(obj["spec"]["template"])
    wanted = obj["spec"].get("completions", 1)
    return [state, f"{succeeded}/{wanted}", span, _age(obj, now), names, images,
            selector_text(obj["spec"].get("selector") or {})]  # fmt: skip


def _cron_job(obj: Obj, now: datetime) -> Cells:
    status, spec = obj.get("status") or {}, obj["spec"]
    last = _since(status["lastScheduleTime"], now) if status.get("lastScheduleTime") else "<none>"
    names, images = _containers(spec["jobTemplate"]["spec"]["template"])
    return [spec["schedule"], spec.get("timeZone") or "<none>", str(spec.get("suspend", False)),
            len(status.get("active") or []), last, _age(obj, now), names, images, "<none>"]  # fmt: skip


def _service(obj: Obj, now: datetime) -> Cells:
    spec = obj["spec"]
    ports = ",".join(f"{p['port']}/{p.get('protocol', 'TCP')}" for p in spec.get("ports") or []) or "<none>"
    chosen = ",".join(f"{k}={v}" for k, v in (spec.get("selector") or {}).items()) or "<none>"
    return [spec.get("type"), spec.get("clusterIP") or "<none>", "<none>", ports, _age(obj, now), chosen]


def _node(obj: Obj, now: datetime) -> Cells:
    status = obj.get("status") or {}
    ready = next((c["status"] for c in status.get("conditions") or [] if c["type"] == "Ready"), "Unknown")
    words = ["Ready" if ready == "True" else "NotReady"]
    if obj["spec"].get("unschedulable"):
        words.append("SchedulingDisabled")
    info = status.get("nodeInfo") or {}
    address = next((a["address"] for a in status.get("addresses") or []), "<none>")
    names = ("osImage", "kernelVersion", "containerRuntimeVersion")
    told = [info.get(name, "<unknown>") for name in names]
    version = info.get("kubeletVersion", "<unknown>")
    return [",".join(words), "<none>", _age(obj, now), version, address, "<none>", *told]


def _event(obj: Obj, now: datetime) -> Cells:
    last = obj.get("lastTimestamp") or obj.get("eventTime") or obj["metadata"]["creationTimestamp"]
    involved = obj["involvedObject"]
    source = obj.get("source") or {}
    told = ", ".join(filter(None, [source.get("component") or obj.get("reportingComponent"), source.get("host")]))
    first = obj.get("firstTimestamp") or obj.get("eventTime") or obj["metadata"]["creationTimestamp"]
    return [_since(last, now), obj.get("type", ""), obj.get("reason", ""),
            f"{involved.get('kind', '').lower()}/{involved.get('name', '')}", involved.get("fieldPath", ""), told,
            (obj.get("message") or "").strip(), _since(first, now), obj.get("count") or 1,
            obj["metadata"]["name"]]  # fmt: skip


def _columns(*names: str, wide: tuple[str, ...] = ()) -> list[Column]:
    return [*((name, "string", 0) for name in names), *((name, "string", 1) for name in wide)]


_KINDS: dict[str, tuple[list[Column], Callable[[Obj, datetime], Cells]]] = {
    "Pod": (_pod_columns(), _pod),
    "Deployment": ([*_columns("Ready", "Up-to-date", "Available", "Age"), *_CONTAINERS], _deployment),
    "ReplicaSet": ([*_columns("Desired", "Current", "Ready", "Age"), *_CONTAINERS], _replica_set),
    "StatefulSet": (_columns("Ready", "Age", wide=("Containers", "Images")), _stateful_set),
    "DaemonSet": (
        [*_columns("Desired", "Current", "Ready", "Up-to-date", "Available", "Node Selector", "Age"), *_CONTAINERS],
        _daemon_set,
    ),
    "Job": ([*_columns("Status", "Completions", "Duration", "Age"), *_CONTAINERS], _job),
    "CronJob": (
        [*_columns("Schedule", "Timezone", "Suspend", "Active", "Last Schedule", "Age"), *_CONTAINERS], _cron_job
    ),
    "Service": (
        _columns("Type", "Cluster-IP", "External-IP", "Port(s)", "Age", wide=("Selector",)), _service
    ),
    "Node": (
        _columns("Status", "Roles", "Age", "Version",
                 wide=("Internal-IP", "External-IP", "OS-Image", "Kernel-Version", "Container-Runtime")), _node
    ),
    "Namespace": (_columns("Status", "Age"), lambda o, now: [(o.get("status") or {}).get("phase"), _age(o, now)]),
    "ConfigMap": (_columns("Data", "Age"), lambda o, now: [len(o.get("data") or {}), _age(o, now)]),
    "Secret": (_columns("Type", "Data", "Age"), lambda o, now: [o.get("type"), len(o.get("data") or {}), _age(o, now)]),
    "Lease": (
        _columns("Holder", "Age"), lambda o, now: [(o.get("spec") or {}).get("holderIdentity"), _age(o, now)]
    ),
    "ControllerRevision": (
        _columns("Controller", "Revision", "Age"),
        lambda o, now: [(o["metadata"].get("ownerReferences") or [{"name": "<none>"}])[0]["name"], o.get("revision"),
                        _age(o, now)],
    ),
    "Event": (
        [*_columns("Last Seen", "Type", "Reason", "Object", wide=("Subobject", "Source")), ("Message", "string", 0),
         ("First Seen", "string", 1), ("Count", "integer", 1), ("Name", "string", 1)], _event
    ),
}  # fmt: skip
_FIRST: dict[str, list[Column]] = {"Event": []}

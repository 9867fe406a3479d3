"""Rules an object must keep to be stored, with the API server's words for each breach. Called by the registry after
defaults; returns causes, never raises.
"""

import re
from collections.abc import Callable
from typing import Any

from bot.sandbox.kube import policies
from bot.sandbox.kube.kinds import Obj, Resource
from bot.sandbox.kube.schema import missing
from bot.sandbox.kube.selectors import object_selector
from bot.sandbox.kube.status import Cause

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
KEY_RULE = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
NOT_NEGATIVE = "must be greater than or equal to 0"
_LABEL_NAMED = frozenset({"Namespace", "Service"})


def check(resource: Resource, obj: Obj) -> list[Cause]:
    """Breaches of a whole object; empty when it may be stored."""
    causes = _metadata(resource, obj["metadata"])
    checker = _CHECKERS.get(resource.kind)
    if checker:
        causes += checker(obj.get("spec") or {})
    policy = policies.CHECKERS.get(resource.kind)
    if policy:
        causes += policy(obj)
    told = {cause.field for cause in causes}
    return causes + [Cause.required(path) for path in missing(resource.kind, obj) if path not in told]


def check_update(resource: Resource, old: Obj, new: Obj) -> list[Cause]:
    """Breaches of a change: fields that never move once set."""
    causes: list[Cause] = []
    if resource.kind in _IMMUTABLE:
        for path in _IMMUTABLE[resource.kind]:
            before, after = _at(old, path), _at(new, path)
            if before != after:
                causes.append(Cause.invalid(path, after, "field is immutable"))
    if resource.kind == "Pod":
        causes += _pod_change(old.get("spec") or {}, new.get("spec") or {})
    if resource.kind == "StatefulSet":
        causes += _stateful_set_change(old.get("spec") or {}, new.get("spec") or {})
    if resource.kind in policies.BINDINGS and old.get("roleRef") != new.get("roleRef"):
        causes.append(Cause.invalid("roleRef", new.get("roleRef"), "cannot change roleRef"))
    return causes


def _at(obj: Any, path: str) -> Any:
    for part in path.split("."):
        obj = (obj or {}).get(part)
    return obj


def _metadata(resource: Resource, metadata: Obj) -> list[Cause]:
    causes = []
    name = metadata.get("name") or ""
    if not name:
        causes.append(Cause.required("metadata.name", "name or generateName is required"))
    elif resource.kind in policies.PATH_NAMED:
        causes += policies.path_name(name)
    elif resource.kind in _LABEL_NAMED:
        if not _LABEL.fullmatch(name) or len(name) > 63:
            causes.append(Cause.invalid("metadata.name", name, LABEL_RULE))
    elif not _SUBDOMAIN.fullmatch(name) or len(name) > 253:
        causes.append(Cause.invalid("metadata.name", name, SUBDOMAIN_RULE))
    causes += _labels(metadata.get("labels") or {}, "metadata.labels")
    for key in metadata.get("annotations") or {}:
        if not _KEY.fullmatch(key.lower()):
            causes.append(Cause.invalid("metadata.annotations", key, KEY_RULE))
    return causes


def _labels(labels: Obj, path: str) -> list[Cause]:
    causes = []
    for key, value in labels.items():
        if not _KEY.fullmatch(key):
            causes.append(Cause.invalid(path, key, KEY_RULE))
        if not _VALUE.fullmatch(value or "") or len(value or "") > 63:
            causes.append(Cause.invalid(path, value, VALUE_RULE))
    return causes


def _count(spec: Obj, *names: str) -> list[Cause]:
    return [
        Cause.invalid(f"spec.{name}", spec[name], NOT_NEGATIVE)
        for name in names
        if isinstance(spec.get(name), int) and spec[name] < 0
    ]


def _template(spec: Obj, restart_policies: tuple[str, ...]) -> list[Cause]:
    template = spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    causes = _labels(labels, "spec.template.metadata.labels")
    selector = spec.get("selector")
    if restart_policies == ("Always",):
        if not selector:
            causes.append(Cause.required("spec.selector"))
        elif not object_selector(selector)(labels):
            causes.append(
                Cause.invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")
            )
    return causes + pod_spec(template.get("spec") or {}, "spec.template.spec", restart_policies)


def pod_spec(spec: Obj, path: str, restart_policies: tuple[str, ...]) -> list[Cause]:
    causes: list[Cause] = []
    containers = spec.get("containers") or []
    if not containers:
        causes.append(Cause.required(f"{path}.containers"))
    seen: set[str] = set()
    for i, container in enumerate(containers):
        causes += _container(container, f"{path}.containers[{i}]", seen)
    policy = spec.get("restartPolicy") or ""
    if not policy:
        causes.append(
            Cause.required(f"{path}.restartPolicy", "valid values: " + ", ".join(f'"{p}"' for p in restart_policies))
        )
    elif policy not in restart_policies:
        causes.append(Cause.unsupported(f"{path}.restartPolicy", policy, *restart_policies))
    return causes


def _container(container: Obj, path: str, seen: set[str]) -> list[Cause]:
    causes = []
    name = container.get("name") or ""
    if not name:
        causes.append(Cause.required(f"{path}.name"))
    elif not _LABEL.fullmatch(name) or len(name) > 63:
        causes.append(Cause.invalid(f"{path}.name", name, LABEL_RULE))
    elif name in seen:
        causes.append(Cause(f"{path}.name", f'Duplicate value: "{name}"', "FieldValueDuplicate"))
    seen.add(name)
    if not container.get("image"):
        causes.append(Cause.required(f"{path}.image"))
    elif container["image"] != container["image"].strip():
        causes.append(
            Cause.invalid(f"{path}.image", container["image"], "must not have leading or trailing whitespace")
        )
    for i, port in enumerate(container.get("ports") or []):
        number = port.get("containerPort", 0)
        if not 0 < number < 65536:
            causes.append(
                Cause.invalid(f"{path}.ports[{i}].containerPort", number, "must be between 1 and 65535, inclusive")
            )
    return causes


def _deployment(spec: Obj) -> list[Cause]:
    causes = _count(spec, "replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds")
    causes += _template(spec, ("Always",))
    strategy = spec.get("strategy") or {}
    if strategy.get("type") not in ("RollingUpdate", "Recreate"):
        causes.append(Cause.unsupported("spec.strategy.type", strategy.get("type"), "Recreate", "RollingUpdate"))
    elif strategy["type"] == "Recreate" and strategy.get("rollingUpdate") is not None:
        causes.append(
            Cause(
                "spec.strategy.rollingUpdate",
                "Forbidden: may not be specified when strategy `type` is 'Recreate'",
                "FieldValueForbidden",
            )
        )
    else:
        causes += _rolling(strategy, "spec.strategy.rollingUpdate")
    deadline, ready = spec.get("progressDeadlineSeconds"), spec.get("minReadySeconds") or 0
    if isinstance(deadline, int) and 0 <= deadline <= ready:
        causes.append(Cause.invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"))
    return causes


def _rolling(strategy: Obj, path: str) -> list[Cause]:
    rolling = strategy.get("rollingUpdate") or {}
    causes = []
    for name in ("maxUnavailable", "maxSurge"):
        value = rolling.get(name)
        if isinstance(value, str) and not re.fullmatch(r"[0-9]+%", value):
            causes.append(
                Cause.invalid(
                    f"{path}.{name}",
                    value,
                    "a valid percent string must be a numeric string followed by an ending '%' "
                    "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
                )
            )
        elif isinstance(value, int) and value < 0:
            causes.append(Cause.invalid(f"{path}.{name}", value, NOT_NEGATIVE))
    if rolling.get("maxUnavailable") in (0, "0%") and rolling.get("maxSurge") in (0, "0%"):
        causes.append(
            Cause.invalid(f"{path}.maxUnavailable", rolling["maxUnavailable"], "may not be 0 when `maxSurge` is 0")
        )
    return causes


def _replica_set(spec: Obj) -> list[Cause]:
    return _count(spec, "replicas", "minReadySeconds") + _template(spec, ("Always",))


def _stateful_set(spec: Obj) -> list[Cause]:
    causes = _count(spec, "replicas", "minReadySeconds", "revisionHistoryLimit") + _template(spec, ("Always",))
    return causes + _rolling(spec.get("updateStrategy") or {}, "spec.updateStrategy.rollingUpdate")


def _daemon_set(spec: Obj) -> list[Cause]:
    causes = _count(spec, "minReadySeconds", "revisionHistoryLimit") + _template(spec, ("Always",))
    return causes + _rolling(spec.get("updateStrategy") or {}, "spec.updateStrategy.rollingUpdate")


def _job(spec: Obj) -> list[Cause]:
    counts = _count(spec, "parallelism", "completions", "backoffLimit", "activeDeadlineSeconds")
    return counts + _template(spec, ("OnFailure", "Never")) + policies.job_failure(spec, "spec")


def _cron_job(spec: Obj) -> list[Cause]:
    causes = []
    schedule = spec.get("schedule") or ""
    if not schedule:
        causes.append(Cause.required("spec.schedule"))
    elif len(schedule.split()) != 5 and not schedule.startswith("@"):
        told = f"expected exactly 5 fields, found {len(schedule.split())}: [{schedule}]"
        causes.append(Cause.invalid("spec.schedule", schedule, told))
    if spec.get("concurrencyPolicy") not in ("Allow", "Forbid", "Replace"):
        causes.append(
            Cause.unsupported("spec.concurrencyPolicy", spec.get("concurrencyPolicy"), "Allow", "Forbid", "Replace")
        )
    causes += policies.time_zone(spec) + _count(spec, "startingDeadlineSeconds", "successfulJobsHistoryLimit",
                                                "failedJobsHistoryLimit")  # fmt: skip
    job = (spec.get("jobTemplate") or {}).get("spec") or {}
    causes += policies.job_failure(job, "spec.jobTemplate.spec")
    inner = job.get("template") or {}
    path = "spec.jobTemplate.spec.template.spec"
    return causes + pod_spec(inner.get("spec") or {}, path, ("OnFailure", "Never"))


def _pod(spec: Obj) -> list[Cause]:
    return pod_spec(spec, "spec", ("Always", "OnFailure", "Never"))


def _service(spec: Obj) -> list[Cause]:
    if not spec.get("ports") and spec.get("clusterIP") != "None" and spec.get("type") != "ExternalName":
        return [Cause.required("spec.ports")]
    return []


def _pod_change(old: Obj, new: Obj) -> list[Cause]:
    def frozen(spec: Obj) -> Obj:
        kept = {k: v for k, v in spec.items() if k not in ("tolerations", "activeDeadlineSeconds", "nodeName")}
        for name in ("containers", "initContainers"):
            if name in kept:
                kept[name] = [{k: v for k, v in c.items() if k not in ("image", "resources")} for c in kept[name]]
        return kept

    if frozen(old) == frozen(new):
        return []
    message = (
        "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
        "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
        "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
    )
    return [Cause("spec", message, "FieldValueForbidden")]


def _stateful_set_change(old: Obj, new: Obj) -> list[Cause]:
    mutable = ("replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
               "persistentVolumeClaimRetentionPolicy", "minReadySeconds")  # fmt: skip
    if {k: v for k, v in old.items() if k not in mutable} == {k: v for k, v in new.items() if k not in mutable}:
        return []
    message = (
        "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
        "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are "
        "forbidden"
    )
    return [Cause("spec", message, "FieldValueForbidden")]


_CHECKERS: dict[str, Callable[[Obj], list[Cause]]] = {
    "Deployment": _deployment, "ReplicaSet": _replica_set, "StatefulSet": _stateful_set, "DaemonSet": _daemon_set,
    "Job": _job, "CronJob": _cron_job, "Pod": _pod, "Service": _service,
}  # fmt: skip
_IMMUTABLE = {
    "Deployment": ("spec.selector",),
    "ReplicaSet": ("spec.selector",),
    "DaemonSet": ("spec.selector",),
    "Job": ("spec.selector", "spec.template", "spec.completionMode"),
    "ControllerRevision": ("data",),
    "Service": ("spec.clusterIP",),
}

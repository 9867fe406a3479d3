"""Raw JSON of the API made into the nouns of bot.domain.rollout.

Called by reads and writes. Never raises for what an API server, an old cluster or a proxy may leave out: a missing
status, `items: null`, an odd timestamp become empty values.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bot.domain.catalog import WorkloadKind, WorkloadRef
from bot.domain.rollout import Condition, Happening, Pod, PodContainer, Revision, Workload
from bot.kube.workloads import paths
from bot.kube.workloads.argo import ephemeral, state_of
from bot.kube.workloads.raw import Json, at, moment, number, objects, strings, text

__all__ = ["Json", "at", "moment", "number", "objects", "strings", "text"]

TEMPLATE_HASH = "pod-template-hash"
REVISION_HASH = "controller-revision-hash"
REVISION = "deployment.kubernetes.io/revision"
ARGO_HASH = "rollouts-pod-template-hash"
"""The label that Argo Rollouts gives ReplicaSets and their pods."""
ARGO_REVISION = "rollout.argoproj.io/revision"
HASHES = (TEMPLATE_HASH, ARGO_HASH)
LONG_AGO = datetime.min.replace(tzinfo=UTC)


def images(template: Json) -> dict[str, str]:
    """Container name → image."""
    return {text(c.get("name")): text(c.get("image")) for c in objects(at(template, "spec").get("containers"))}


def without_hash(template: Json) -> dict[str, Any]:
    """A pod template as a rollback writes it: without what controllers put in (their hashes, `$patch`)."""
    kept = {key: value for key, value in template.items() if key != "$patch"}
    metadata = dict(at(template, "metadata"))
    if not at(metadata, "labels").keys().isdisjoint(HASHES):
        metadata["labels"] = {k: v for k, v in metadata["labels"].items() if k not in HASHES}
    if metadata:
        kept["metadata"] = metadata
    return kept


def same_template(one: Json, other: Json) -> bool:
    """Whether two templates make the same pods; an absent creationTimestamp and a null one are the same."""

    def bare(template: Json) -> dict[str, Any]:
        kept = without_hash(template)
        metadata = {key: value for key, value in at(kept, "metadata").items() if value not in (None, {})}
        return {**kept, "metadata": metadata}

    return bare(one) == bare(other)


def workload_from(ref: WorkloadRef, raw: Json) -> Workload:
    """A workload of any kind."""
    metadata, spec, status = at(raw, "metadata"), at(raw, "spec"), at(raw, "status")
    template = at(raw, *paths.template(ref.kind))
    strategy = at(spec, "updateStrategy")
    generation = number(metadata.get("generation"))
    desired, updated, ready, available, total = _counts(ref.kind, spec, status)
    return Workload(
        ref=ref,
        uid=text(metadata.get("uid")),
        resource_version=text(metadata.get("resourceVersion")),
        generation=generation,
        # A CronJob's status has no observedGeneration: its controller reads the spec anew at each run.
        observed_generation=(generation if ref.kind is WorkloadKind.CRONJOB else _observed(status, generation)),
        paused=ref.kind in (WorkloadKind.DEPLOYMENT, WorkloadKind.ROLLOUT) and spec.get("paused") is True,
        images=images(template),
        annotations=strings(metadata.get("annotations")),
        managers=_managers(ref.kind, metadata, template),
        desired=desired,
        updated=updated,
        ready=ready,
        available=available,
        total=total,
        conditions=tuple(_condition(item) for item in objects(status.get("conditions"))),
        progress_deadline_s=number(spec.get("progressDeadlineSeconds")) or None,
        current_revision=text(status.get("currentRevision")),
        update_revision=text(status.get("updateRevision")),
        partition=number(at(strategy, "rollingUpdate").get("partition")),
        on_delete=strategy.get("type") == "OnDelete",
        selector="" if ref.kind is WorkloadKind.CRONJOB else selector(at(spec, "selector")),
        template=template,
        argo=state_of(spec, status) if ref.kind is WorkloadKind.ROLLOUT else None,
    )


def _observed(status: Json, generation: int) -> int:
    """status.observedGeneration; Argo writes it as a string, and before its v0.10 as a hash that says nothing."""
    told = status.get("observedGeneration")
    if not isinstance(told, str):
        return number(told)
    return int(told) if told.isascii() and told.isdigit() and int(told) <= generation else generation


def _counts(kind: WorkloadKind, spec: Json, status: Json) -> tuple[int, int, int, int, int]:
    """Desired, updated, ready, available and total pods."""
    if kind is WorkloadKind.CRONJOB:
        return 0, 0, 0, 0, 0
    if kind is WorkloadKind.DAEMONSET:
        names = ("desired", "updated", "current")
        desired, updated, total = (number(status.get(f"{name}NumberScheduled")) for name in names)
        return desired, updated, number(status.get("numberReady")), number(status.get("numberAvailable")), total
    replicas = spec.get("replicas")
    return (
        1 if replicas is None else number(replicas),  # The API server's default is 1.
        number(status.get("updatedReplicas")),
        number(status.get("readyReplicas")),
        number(status.get("availableReplicas")),
        number(status.get("replicas")),
    )


def _condition(raw: Json) -> Condition:
    return Condition(
        type=text(raw.get("type")),
        status=text(raw.get("status")),
        reason=text(raw.get("reason")),
        message=text(raw.get("message")),
        at=moment(raw.get("lastUpdateTime")) or moment(raw.get("lastTransitionTime")),
    )


def _managers(kind: WorkloadKind, metadata: Json, template: Json) -> dict[str, str]:
    """Container → the field manager that last wrote its image, from managedFields."""
    found: dict[str, tuple[datetime, str]] = {}
    way = [f"f:{key}" for key in (*paths.template(kind), "spec", "containers")]
    whole: Json = {f"k:{json.dumps({'name': name})}": {"f:image": {}} for name in images(template)}
    for entry in objects(metadata.get("managedFields")):
        when = moment(entry.get("time")) or LONG_AGO
        written = at(entry.get("fieldsV1"), *way)
        if kind is WorkloadKind.ROLLOUT and way[-1] in at(entry.get("fieldsV1"), *way[:-1]) and not written:
            written = whole  # its resource may take the list of containers as one value
        for key, fields in written.items():
            if not key.startswith("k:") or not isinstance(fields, dict) or "f:image" not in fields:
                continue
            try:
                name = text(at(json.loads(key[2:])).get("name"))
            except ValueError:
                continue
            if name not in found or when >= found[name][0]:
                found[name] = (when, text(entry.get("manager")))
    return {name: manager for name, (_, manager) in found.items()}


def selector(raw: Json) -> str:
    """A label selector in the form of a list request."""
    terms = [f"{key}={value}" for key, value in strings(raw.get("matchLabels")).items()]
    for expression in objects(raw.get("matchExpressions")):
        key = text(expression.get("key"))
        values = ",".join(str(value) for value in expression.get("values") or ())
        match expression.get("operator"):
            case "In":
                terms.append(f"{key} in ({values})")
            case "NotIn":
                terms.append(f"{key} notin ({values})")
            case "Exists":
                terms.append(key)
            case "DoesNotExist":
                terms.append(f"!{key}")
    return ",".join(terms)


def owner(raw: Json) -> Json:
    """The controlling ownerReference; empty without one."""
    references = objects(at(raw, "metadata").get("ownerReferences"))
    return next((reference for reference in references if reference.get("controller") is True), {})


def revision_of_replica_set(raw: Json) -> Revision:
    """A Deployment's or Rollout's former template."""
    metadata = at(raw, "metadata")
    annotations = strings(metadata.get("annotations"))
    template = ephemeral(at(raw, "spec", "template"), annotations)
    revision = annotations.get(REVISION, "") or annotations.get(ARGO_REVISION, "")
    return Revision(
        uid=text(metadata.get("uid")),
        name=text(metadata.get("name")),
        number=int(revision) if revision.isdecimal() else 0,
        images=images(template),
        template=without_hash(template),
        created=moment(metadata.get("creationTimestamp")),
        pods=number(at(raw, "status").get("replicas")),
    )


def revision_of_controller_revision(raw: Json) -> Revision:
    """A StatefulSet's or DaemonSet's former template; its pods are not counted there."""
    metadata = at(raw, "metadata")
    template = at(raw, "data", "spec", "template")
    return Revision(
        uid=text(metadata.get("uid")),
        name=text(metadata.get("name")),
        number=number(raw.get("revision")),
        images=images(template),
        template=without_hash(template),
        created=moment(metadata.get("creationTimestamp")),
    )


def pod_from(raw: Json) -> Pod:
    """A pod, with its init containers first."""
    metadata, spec, status = at(raw, "metadata"), at(raw, "spec"), at(raw, "status")
    labels = at(metadata, "labels")
    limits = {
        text(c.get("name")): text(at(c, "resources", "limits").get("memory"))
        for section in ("initContainers", "containers")
        for c in objects(spec.get(section))
    }
    conditions = {text(c.get("type")): c for c in objects(status.get("conditions"))}
    scheduled = conditions.get("PodScheduled", {})
    return Pod(
        name=text(metadata.get("name")),
        uid=text(metadata.get("uid")),
        phase=text(status.get("phase")),
        owner=text(owner(raw).get("name")),
        created=moment(metadata.get("creationTimestamp")) or LONG_AGO,
        ready=conditions.get("Ready", {}).get("status") == "True",
        deleting=metadata.get("deletionTimestamp") is not None,
        node=text(spec.get("nodeName")),
        unschedulable=(
            text(scheduled.get("message")) or text(scheduled.get("reason"))
            if scheduled.get("status") == "False"
            else ""
        ),
        revision_hash=(
            text(labels.get(TEMPLATE_HASH)) or text(labels.get(ARGO_HASH)) or text(labels.get(REVISION_HASH))
        ),
        containers=tuple(
            _container(c, limits)
            for section in ("initContainerStatuses", "containerStatuses")
            for c in objects(status.get(section))
        ),
        reason=text(status.get("reason")),
        message=text(status.get("message")),
    )


def _container(raw: Json, limits: Mapping[str, str]) -> PodContainer:
    state = at(raw, "state")
    ended = at(state, "terminated") or at(raw, "lastState", "terminated")
    code = ended.get("exitCode")
    name = text(raw.get("name"))
    return PodContainer(
        name=name,
        image=text(raw.get("image")),
        ready=raw.get("ready") is True,
        restarts=number(raw.get("restartCount")),
        waiting_reason=text(at(state, "waiting").get("reason")),
        waiting_message=text(at(state, "waiting").get("message")),
        terminated_reason=text(ended.get("reason")),
        exit_code=code if isinstance(code, int) else None,
        started=moment(at(state, "running").get("startedAt")),
        image_id=text(raw.get("imageID")),
        memory_limit=limits.get(name, ""),
    )


def happening_from(raw: Json) -> Happening:
    """An Event of either API: old ones count, new ones have a series."""
    about, series = at(raw, "involvedObject"), at(raw, "series")
    times = (series.get("lastObservedTime"), raw.get("lastTimestamp"), raw.get("eventTime"), raw.get("firstTimestamp"))
    return Happening(
        reason=text(raw.get("reason")),
        message=text(raw.get("message")),
        kind=text(about.get("kind")),
        name=text(about.get("name")),
        type=text(raw.get("type")),
        at=next((when for when in map(moment, times) if when is not None), None),
        count=number(series.get("count")) or number(raw.get("count")) or 1,
    )

"""Raw JSON of the API made into the slim rows of bot.domain.pods: what watches keep of pods, jobs, nodes and the rest.

Called by bot.reconcile through bot.kube.watches, once per object and change. Never raises, whatever is missing or of a
wrong type: one odd object must not cost the others. Equal strings, times and subjects are shared: a cluster of 5,000
pods is a few MB.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from sys import intern

from bot.domain.pods import (
    AutoscalerSight,
    ContainerSight,
    CronJobSight,
    Ending,
    EventSight,
    JobSight,
    NodeSight,
    PodSight,
    Subject,
    SubjectKind,
)
from bot.domain.redaction import redact
from bot.kube.workloads import parsing
from bot.kube.workloads.parsing import LONG_AGO, Json, at, number, objects, text

ARGO_HASH = "rollouts-pod-template-hash"
"""Label of the pods of Argo's Rollout, which keeps ReplicaSets of its own."""
SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
INSTANTIATE = "cronjob.kubernetes.io/instantiate"
LONGEST_MESSAGE = 1024
"""Characters kept of a message: the API's own limit for an event's; a container may say four times as much."""
_KINDS: Mapping[str, SubjectKind] = {
    "Deployment": SubjectKind.DEPLOYMENT,
    "StatefulSet": SubjectKind.STATEFULSET,
    "DaemonSet": SubjectKind.DAEMONSET,
    "CronJob": SubjectKind.CRONJOB,
    "Job": SubjectKind.JOB,
}


def pod_sight(raw: Json) -> PodSight:
    """A pod."""
    metadata, spec, status = at(raw, "metadata"), at(raw, "spec"), at(raw, "status")
    labels = at(metadata, "labels")
    conditions = _conditions(status)
    scheduled, disrupted = conditions.get("PodScheduled", {}), conditions.get("DisruptionTarget", {})
    is_waiting = scheduled.get("status") == "False"
    is_disrupted = disrupted.get("status") == "True"
    owner = parsing.owner(raw)
    return PodSight(
        uid=text(metadata.get("uid")),
        namespace=_word(metadata.get("namespace")),
        name=text(metadata.get("name")),
        workload=_workload(metadata, labels, owner),
        phase=_word(status.get("phase")),
        ready=conditions.get("Ready", {}).get("status") == "True",
        created=_moment(metadata.get("creationTimestamp")) or LONG_AGO,
        deleting=metadata.get("deletionTimestamp") is not None,
        node=_word(spec.get("nodeName")),
        ready_since=_moment(conditions.get("Ready", {}).get("lastTransitionTime")),
        disruption=_word(disrupted.get("reason") if is_disrupted else status.get("reason")),
        disruption_message=_message(disrupted.get("message") if is_disrupted else status.get("message")),
        unschedulable=(_message(scheduled.get("message")) or _word(scheduled.get("reason"))) if is_waiting else "",
        unschedulable_since=_moment(scheduled.get("lastTransitionTime")) if is_waiting else None,
        revision_hash=_word(labels.get(parsing.TEMPLATE_HASH))
        or _word(labels.get(parsing.REVISION_HASH))
        or _word(labels.get(ARGO_HASH)),
        containers=tuple(_containers(spec, status)),
        job=_word(owner.get("name")) if owner.get("kind") == "Job" else "",
    )


def job_sight(raw: Json) -> JobSight:
    """A Job."""
    metadata, spec, status = at(raw, "metadata"), at(raw, "spec"), at(raw, "status")
    annotations, conditions, owner = at(metadata, "annotations"), _conditions(status), parsing.owner(raw)
    failed = conditions.get("Failed", {})
    has_failed = failed.get("status") == "True"
    has_completed = conditions.get("Complete", {}).get("status") == "True"
    limit = spec.get("backoffLimit")
    return JobSight(
        uid=text(metadata.get("uid")),
        namespace=_word(metadata.get("namespace")),
        name=text(metadata.get("name")),
        created=_moment(metadata.get("creationTimestamp")) or LONG_AGO,
        cronjob=_word(owner.get("name")) if owner.get("kind") == "CronJob" else "",
        started=_moment(status.get("startTime")),
        finished=_moment(failed.get("lastTransitionTime")) if has_failed else _moment(status.get("completionTime")),
        active=number(status.get("active")),
        succeeded=number(status.get("succeeded")),
        failed=number(status.get("failed")),
        has_completed=has_completed,
        has_failed=has_failed,
        reason=_word(failed.get("reason")) if has_failed else "",
        message=_message(failed.get("message")) if has_failed else "",
        suspended=spec.get("suspend") is True,
        backoff_limit=6 if limit is None else number(limit),  # The API server's default is 6.
        scheduled_at=_moment(annotations.get(SCHEDULED)),
        by_hand=annotations.get(INSTANTIATE) == "manual",
        deleting=metadata.get("deletionTimestamp") is not None,
    )


def cronjob_sight(raw: Json) -> CronJobSight:
    """A CronJob."""
    metadata, spec, status = at(raw, "metadata"), at(raw, "spec"), at(raw, "status")
    deadline = spec.get("startingDeadlineSeconds")
    template = at(spec, "jobTemplate", "spec", "template")
    return CronJobSight(
        uid=text(metadata.get("uid")),
        namespace=_word(metadata.get("namespace")),
        name=text(metadata.get("name")),
        created=_moment(metadata.get("creationTimestamp")) or LONG_AGO,
        schedule=text(spec.get("schedule")),
        timezone=_word(spec.get("timeZone")),
        suspended=spec.get("suspend") is True,
        last_scheduled=_moment(status.get("lastScheduleTime")),
        last_succeeded=_moment(status.get("lastSuccessfulTime")),
        starting_deadline_s=None if deadline is None else number(deadline),
        concurrency=_word(spec.get("concurrencyPolicy")) or "Allow",
        active=tuple(filter(None, (text(each.get("name")) for each in objects(status.get("active"))))),
        images=tuple(filter(None, parsing.images(template).values())),
        changed_at=_changed(metadata, "f:schedule", "f:timeZone", "f:suspend"),
    )


def node_sight(raw: Json) -> NodeSight:
    """A node."""
    metadata, spec = at(raw, "metadata"), at(raw, "spec")
    ready = _conditions(at(raw, "status")).get("Ready", {})
    return NodeSight(
        uid=text(metadata.get("uid")),
        name=_word(metadata.get("name")),
        ready=ready.get("status") == "True",
        since=_moment(ready.get("lastTransitionTime")),
        reason=_word(ready.get("reason")),
        message=_message(ready.get("message")),
        unschedulable=spec.get("unschedulable") is True,
        deleting=metadata.get("deletionTimestamp") is not None,
    )


def autoscaler_sight(raw: Json) -> AutoscalerSight:
    """A HorizontalPodAutoscaler of autoscaling/v2."""
    metadata, spec, status = at(raw, "metadata"), at(raw, "spec"), at(raw, "status")
    namespace, target = _word(metadata.get("namespace")), at(spec, "scaleTargetRef")
    limited = _conditions(status).get("ScalingLimited", {})
    is_limited = limited.get("status") == "True"
    least = spec.get("minReplicas")
    return AutoscalerSight(
        uid=text(metadata.get("uid")),
        namespace=namespace,
        name=text(metadata.get("name")),
        target=_subject(_kind(target), namespace, _word(target.get("name"))),
        current=number(status.get("currentReplicas")),
        desired=number(status.get("desiredReplicas")),
        least=1 if least is None else number(least),  # The API server's default is 1.
        most=number(spec.get("maxReplicas")),
        limited_reason=_word(limited.get("reason")) if is_limited else "",
        limited_since=_moment(limited.get("lastTransitionTime")) if is_limited else None,
        message=_message(limited.get("message")) if is_limited else "",
    )


def event_sight(raw: Json) -> EventSight | None:
    """An Event of either API: old ones count, new ones have a series. None when it is not about a pod."""
    about = at(raw, "involvedObject")
    if about.get("kind") != "Pod":
        return None
    metadata, happening = at(raw, "metadata"), parsing.happening_from(raw)
    return EventSight(
        uid=text(metadata.get("uid")),
        namespace=_word(about.get("namespace")) or _word(metadata.get("namespace")),
        pod_uid=text(about.get("uid")),
        pod=happening.name,
        reason=intern(happening.reason),
        message=_message(happening.message),
        at=happening.at,
        count=happening.count,
        type=intern(happening.type or "Normal"),
    )


# Parts of a pod


def _workload(metadata: Json, labels: Json, owner: Json) -> Subject:
    """Who answers for a pod. A Deployment stands in no pod: it is its ReplicaSet's name without the hash that the
    Deployment itself gave both."""
    namespace, name, kind = _word(metadata.get("namespace")), text(owner.get("name")), text(owner.get("kind"))
    match kind:
        case "ReplicaSet":
            for label, owned_by in (
                (parsing.TEMPLATE_HASH, SubjectKind.DEPLOYMENT),
                (ARGO_HASH, SubjectKind.REPLICASET),
            ):
                mark = f"-{text(labels.get(label))}"
                if len(mark) > 1 and name.endswith(mark) and name != mark:
                    return _subject(owned_by, namespace, name.removesuffix(mark))
            return _subject(SubjectKind.REPLICASET, namespace, name)
        case "" | "Node":  # A static pod's mirror belongs to its node: nothing puts another in its place.
            return Subject(SubjectKind.POD, namespace, text(metadata.get("name")))
        case _:
            return _subject(_kind(owner), namespace, name)


def _containers(spec: Json, status: Json) -> list[ContainerSight]:
    found = []
    for specs, statuses in (("initContainers", "initContainerStatuses"), ("containers", "containerStatuses")):
        told = {text(each.get("name")): each for each in objects(status.get(statuses))}
        named = {text(each.get("name")): each for each in objects(spec.get(specs))}
        for name in named or told:
            raw = named.get(name, {})
            is_init = specs == "initContainers" and raw.get("restartPolicy") != "Always"
            found.append(_container(name, raw, told.get(name, {}), is_init=is_init))
    return found


def _container(name: str, spec: Json, status: Json, *, is_init: bool) -> ContainerSight:
    state = at(status, "state")
    running, waiting, terminated = at(state, "running"), at(state, "waiting"), at(state, "terminated")
    ended = terminated or at(status, "lastState", "terminated")
    return ContainerSight(
        name=intern(name),
        image=_word(spec.get("image")) or _word(status.get("image")),
        ready=status.get("ready") is True,
        restarts=number(status.get("restartCount")),
        is_init=is_init,
        memory_limit=_word(at(spec, "resources", "limits").get("memory")),
        waiting_reason=_word(waiting.get("reason")),
        waiting_message=_message(waiting.get("message")),
        running_since=_moment(running.get("startedAt")),
        has_ended=bool(terminated) or _has_just_ended(status, waiting, ended),
        ending=_ending(ended) if ended else None,
    )


def _has_just_ended(status: Json, waiting: Json, ended: Json) -> bool:
    """It waits, and the container that its status speaks of is the one that ended: restartCount is about that one."""
    current = text(status.get("containerID"))
    return bool(waiting) and current != "" and current == text(ended.get("containerID"))


def _ending(raw: Json) -> Ending:
    return Ending(
        reason=_word(raw.get("reason")),
        exit_code=number(raw.get("exitCode")),
        signal=number(raw.get("signal")),
        started=_moment(raw.get("startedAt")),
        finished=_moment(raw.get("finishedAt")),
        message=_message(raw.get("message")),
    )


# Words, times and subjects


def _conditions(status: Json) -> dict[str, Json]:
    return {text(each.get("type")): each for each in objects(status.get("conditions"))}


def _kind(reference: Json) -> SubjectKind:
    """An unknown kind, such as Argo's Rollout, is taken for something that keeps ReplicaSets."""
    return _KINDS.get(text(reference.get("kind")), SubjectKind.REPLICASET)


def _changed(metadata: Json, *fields: str) -> datetime | None:
    """When one of these fields of the spec was last written, as far as managedFields tells."""
    times = [
        _moment(entry.get("time"))
        for entry in objects(metadata.get("managedFields"))
        if any(each in at(entry.get("fieldsV1"), "f:spec") for each in fields)
    ]
    return max((time for time in times if time is not None), default=None)


def _word(value: object) -> str:
    """A string of which many rows have the same."""
    return intern(value) if isinstance(value, str) else ""


def _message(value: object) -> str:
    """Words for people; a container's are the end of its log when it was told to (`FallbackToLogsOnError`)."""
    return _redacted(value[:LONGEST_MESSAGE]) if isinstance(value, str) and value else ""


@lru_cache(1024)
def _redacted(words: str) -> str:
    return redact(words)


def _moment(value: object) -> datetime | None:
    return _parsed(value) if isinstance(value, str) else None


@lru_cache(4096)
def _parsed(value: str) -> datetime | None:
    return parsing.moment(value)


@lru_cache(4096)
def _subject(kind: SubjectKind, namespace: str, name: str) -> Subject:
    return Subject(kind, namespace, name)

"""The search: each new pod's first trouble, equal ones counted together, worst first."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.domain.catalog import WorkloadKind
from bot.domain.rollout import Happening, Observation, Pod, PodContainer, PodTrouble
from bot.domain.rollout.status import DEFAULT_PROGRESS_DEADLINE_S
from bot.domain.troubles.placement import creation_trouble, placement_trouble, volume_trouble
from bot.domain.troubles.pulls import PULL_REASONS, pull_trouble
from bot.domain.troubles.sights import Sight, short
from bot.domain.troubles.starts import (
    CONFIG_REASONS,
    START_REASONS,
    config_trouble,
    crash_trouble,
    memory_trouble,
    probe_trouble,
    start_trouble,
)

NOT_READY_AFTER = timedelta(seconds=10)
"""Most apps need some seconds to start; before that, not being ready is no news unless a probe failed."""
CREATION_FRESH = timedelta(minutes=10)
"""A StatefulSet's FailedCreate event may be of an earlier rollout; controllers retry more often than this."""

_WORST_FIRST = (
    "image_missing",
    "config_error",
    "start_error",
    "image_pull",
    "oom_killed",
    "crash_loop",
    "volume",
    "unschedulable",
    "quota",
    "admission",
    "evicted",
    "not_ready",
    "deadline",
)


def troubles(observation: Observation, container: str, *, now: datetime) -> tuple[PodTrouble, ...]:
    """What keeps the pods of the present template from coming up; `container` is the one being released.

    One entry per cause, worst first; a passed progress deadline comes last, since the others explain it.
    """
    fresh = _new_pods(observation, container)
    seen = [(pod, sight) for pod in fresh if (sight := _of_pod(pod, observation, container, fresh, now)) is not None]
    found = [_together(group) for group in _by_cause(seen)]
    found.extend(_not_created(observation, fresh, now))
    found.sort(key=lambda trouble: (_WORST_FIRST.index(trouble.code), -trouble.pods))
    found.extend(_deadline(observation, fresh, bool(found)))
    return tuple(found)


def _new_pods(observation: Observation, container: str) -> list[Pod]:
    """Pods of the present template that are not going away; where the hash is unknown, told by their image."""
    staying = [pod for pod in observation.pods if not pod.deleting]
    if observation.new_hash:
        return [pod for pod in staying if pod.revision_hash == observation.new_hash]
    wanted = observation.workload.images.get(container)
    return [pod for pod in staying if any(c.name == container and c.image == wanted for c in pod.containers)]


def _of_pod(pod: Pod, observation: Observation, container: str, fresh: list[Pod], now: datetime) -> Sight | None:
    """The first trouble on a pod, in the order in which a pod comes to life."""
    if pod.phase == "Failed" and pod.reason:
        return Sight(
            "evicted",
            f"Its node put the pod out ({pod.reason}): {short(pod.message) or 'no reason given'}.",
            "Set resources.requests to what the app really needs, or have the node looked at.",
            cause=pod.reason,
        )
    if pod.unschedulable and not pod.node:
        return placement_trouble(pod.unschedulable)
    said = [each for each in observation.happenings if each.kind == "Pod" and each.name == pod.name]
    for each in sorted(pod.containers, key=lambda c: c.name != container):
        if (sight := _of_container(each, observation, fresh, said)) is not None:
            return sight
    if (mount := _last(said, "FailedMount", "FailedAttachVolume")) and not _is_running(pod):
        return volume_trouble(mount.message)
    if (sandbox := _last(said, "FailedCreatePodSandBox")) and not _is_running(pod):
        return Sight(
            "start_error",
            f"The node could not set up the pod: {short(sandbox.message)}.",
            "Kubernetes keeps trying; if it stays so, those who run the cluster must look at the node.",
            cause="sandbox",
        )
    return _not_ready(pod, said, container, now)


def _of_container(
    container: PodContainer, observation: Observation, fresh: list[Pod], said: list[Happening]
) -> Sight | None:
    """What keeps one container from running."""
    reason = container.waiting_reason
    if reason in PULL_REASONS:
        image = _spoken(container, observation)
        return pull_trouble(image, reason, _pull_words(image, observation, fresh))
    if reason in CONFIG_REASONS:
        return config_trouble(container)
    if reason in START_REASONS or (container.terminated_reason in START_REASONS and not container.ready):
        return start_trouble(container)
    ended = container.exit_code is not None or container.terminated_reason != ""
    # An init container that has done its work is ready, with exit code 0.
    if container.ready or not (ended or reason == "CrashLoopBackOff"):
        return None
    if container.terminated_reason == "OOMKilled":
        return memory_trouble(container)
    killed = [each for each in said if each.reason == "Unhealthy" and each.message.startswith(("Liveness", "Startup"))]
    by_probe = container.restarts > 0 and container.exit_code in (137, 143, 0) and killed
    return crash_trouble(container, killed[-1].message if by_probe else "")


def _spoken(container: PodContainer, observation: Observation) -> str:
    """The image as the template names it: a status may spell it otherwise (`docker.io/library/…`)."""
    return observation.workload.images.get(container.name) or container.image


def _pull_words(image: str, observation: Observation, fresh: list[Pod]) -> str:
    """All that is said about pulling an image. A back-off says nothing, so other pods' and earlier words count too."""
    names = {pod.name for pod in fresh}
    words = [
        each.message
        for each in observation.happenings
        if each.name in names and each.reason in ("Failed", "BackOff", "InspectFailed") and image in each.message
    ]
    words += [
        container.waiting_message
        for pod in fresh
        for container in pod.containers
        if container.waiting_reason in PULL_REASONS and _spoken(container, observation) == image
    ]
    # The name itself may hold words like "denied" or "404".
    kept = [word.replace(image, "") for word in words if not _says_nothing(word)]
    return "\n".join(kept)


def _says_nothing(words: str) -> bool:
    """`Back-off pulling image "x"` of kubelets before 1.32; newer ones append the reason after a colon."""
    return words.startswith("Back-off pulling image") and not words.partition('": ')[2]


def _not_ready(pod: Pod, said: list[Happening], container: str, now: datetime) -> Sight | None:
    """Running, and yet not ready."""
    if any(each.waiting_reason == "PodInitializing" for each in pod.containers):
        return None  # Init containers may take their time, e.g. for a migration.
    probes = [each for each in said if each.reason == "Unhealthy"]
    for each in sorted(pod.containers, key=lambda c: c.name != container):
        if each.ready or each.started is None:
            continue
        waited = now - each.started
        if probes or waited > NOT_READY_AFTER:
            return probe_trouble(each, probes[-1].message if probes else "", max(0, int(waited.total_seconds())))
    return None


def _is_running(pod: Pod) -> bool:
    return any(container.started is not None for container in pod.containers)


def _last(said: list[Happening], *reasons: str) -> Happening | None:
    return next((each for each in reversed(said) if each.reason in reasons), None)


def _by_cause(seen: Iterable[tuple[Pod, Sight]]) -> Iterable[list[tuple[Pod, Sight]]]:
    groups: dict[tuple[str, str], list[tuple[Pod, Sight]]] = {}
    for pod, sight in seen:
        groups.setdefault((sight.code, sight.cause or sight.text), []).append((pod, sight))
    return groups.values()


def _together(group: list[tuple[Pod, Sight]]) -> PodTrouble:
    pod, sight = max(group, key=lambda item: item[1].weight)
    return PodTrouble(
        sight.code,
        sight.text,
        sight.remedy,
        pods=len(group),
        pod=pod.name,
        container=sight.container,
        hopeless=sight.hopeless,
    )


def _not_created(observation: Observation, fresh: list[Pod], now: datetime) -> Iterable[PodTrouble]:
    """Pods that a quota or a rule kept from being created; only while some are missing."""
    workload = observation.workload
    missing = workload.desired - len(fresh)
    if missing <= 0 or workload.ref.kind is WorkloadKind.CRONJOB:
        return
    words = [c.message for c in workload.conditions if c.type == "ReplicaFailure" and c.status == "True"]
    maker = f"{workload.ref.name}-{observation.new_hash}" if observation.new_hash else ""
    for each in reversed(observation.happenings):
        if each.reason != "FailedCreate" or (each.at is not None and now - each.at > CREATION_FRESH):
            continue
        own = each.name == workload.ref.name and each.kind in ("StatefulSet", "DaemonSet")
        if own or (each.kind == "ReplicaSet" and each.name == maker):
            words.append(each.message)
    if words:
        sight = creation_trouble(words[0])
        yield PodTrouble(sight.code, sight.text, sight.remedy, pods=missing)


def _deadline(observation: Observation, fresh: list[Pod], explained: bool) -> Iterable[PodTrouble]:
    """Kubernetes' own verdict, unless it is of an earlier rollout: pods made after it would still have their time."""
    for condition in observation.workload.conditions:
        if condition.type != "Progressing" or condition.reason != "ProgressDeadlineExceeded":
            continue
        later = condition.at is not None and any(pod.created > condition.at for pod in fresh)
        if later or not (fresh or explained):
            continue
        limit = observation.workload.progress_deadline_s or DEFAULT_PROGRESS_DEADLINE_S
        yield PodTrouble(
            "deadline",
            f"The rollout made no progress for {limit} s, its progress deadline.",
            "Look at the pods' logs and events, then roll back or retry.",
            pods=sum(not pod.ready for pod in fresh),
        )

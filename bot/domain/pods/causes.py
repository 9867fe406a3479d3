"""Causes: why something fell, in plain words with the usual remedy. Called by the rules of this package; pure.

The words of images, configuration, commands, memory, placement and volumes are those of bot.domain.troubles.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.pods.falls import Fall
from bot.domain.pods.sight import ContainerSight, Ending, EventSight, NodeSight, PodSight, SubjectKind
from bot.domain.pods.story import Cause
from bot.domain.rollout import PodContainer
from bot.domain.troubles.placement import placement_trouble, volume_trouble
from bot.domain.troubles.pulls import PULL_REASONS, pull_trouble
from bot.domain.troubles.sights import Sight, short
from bot.domain.troubles.starts import (
    CONFIG_REASONS,
    START_REASONS,
    code_meaning,
    config_trouble,
    crash_remedy,
    memory_trouble,
    probe_words,
    start_trouble,
)

UNSCHEDULABLE_AFTER = timedelta(seconds=30)
"""A cluster autoscaler needs a minute or two to bring a node, the scheduler some seconds to find room."""
CONFIG_AFTER = timedelta(seconds=10)
"""What a pod names is often created moments after it."""
VOLUME_AFTER = timedelta(seconds=60)
"""Attaching a volume fails and is tried again while the old pod lets it go."""
NODE_AFTER = timedelta(seconds=10)
"""A kubelet that restarts is back by then."""
PROBE_EXITS = (0, 137, 143)
"""Exit codes of a process that was told to stop, or killed."""
PROBE_WORDS_FRESH = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Why:
    """A cause in words."""

    cause: Cause
    text: str
    """What happened, one sentence."""
    remedy: str
    container: str = ""
    due: datetime | None = None
    """Not worth a message before this moment: most such things mend themselves."""


def why_fell(fall: Fall, said: Sequence[EventSight], nodes: Mapping[str, NodeSight]) -> Why:
    """Why a container ended or a pod was put out. `said`: events about the pod."""
    if fall.container is None:
        return _why_out(fall.pod, nodes)
    return why_ended(fall.container, said)


def why_ended(container: ContainerSight, said: Sequence[EventSight]) -> Why:
    """Why the last run of a container ended."""
    ending = container.ending or Ending("", 0)
    spoken = _as_container(container)
    name = container.name
    if ending.reason == "OOMKilled":
        sight = memory_trouble(spoken)
        return Why(Cause.OOM_KILLED, sight.text, "Raise resources.limits.memory, or find the leak.", name)
    if ending.reason in START_REASONS:
        sight = start_trouble(_as_container(container, words=container.waiting_message or ending.message))
        return Why(Cause.START_ERROR, sight.text, sight.remedy, name)
    if (probe := _failed_probe(container, ending, said)) is not None:
        kind, detail = probe_words(probe)
        return Why(
            Cause.PROBE_KILLED,
            f"The kubelet restarted the container {name}: its {kind} probe fails{detail}.",
            "Check the probe's path, port and delays; an app that starts slowly needs a startupProbe.",
            name,
        )
    if ending.reason in ("Unknown", "ContainerStatusUnknown"):
        text = f"The container {name} ended while its node was away (exit code {ending.exit_code})."
        return Why(Cause.CRASHED, text, "Have the node looked at.", name)
    if ending.exit_code == 0:
        text = f"The container {name} ended by itself without an error (exit code 0)."
        return Why(Cause.CRASHED, text, crash_remedy(0), name)
    code = ending.exit_code
    meaning = code_meaning(code) or (f" (signal {ending.signal})" if ending.signal else "")
    where = f"The init container {name}" if container.is_init else f"The container {name}"
    return Why(Cause.CRASHED, f"{where} crashed with exit code {code}{meaning}.", crash_remedy(code), name)


def _failed_probe(container: ContainerSight, ending: Ending, said: Sequence[EventSight]) -> str | None:
    """What a liveness or startup probe said, when that is why the kubelet ended the container."""
    if ending.exit_code not in PROBE_EXITS:
        return None
    killed = any(
        event.reason == "Killing" and "probe" in event.message and f"ontainer {container.name} " in event.message
        for event in said
    )
    for event in reversed(said):
        if event.reason != "Unhealthy" or not event.message.startswith(("Liveness", "Startup")):
            continue
        fresh = ending.finished is None or event.at is None or ending.finished - event.at <= PROBE_WORDS_FRESH
        if killed or fresh:
            return event.message
    return "Liveness probe failed" if killed else None


def _why_out(pod: PodSight, nodes: Mapping[str, NodeSight]) -> Why:
    told = short(pod.disruption_message)
    where = f"node {pod.node}" if pod.node else "its node"
    match pod.disruption:
        case "PreemptionByScheduler" | "Preempting":
            return Why(
                Cause.PREEMPTED,
                f"{pod.name} had to leave {where} for a pod of higher priority.",
                "Give it a priorityClass that fits, or ask those who run the cluster for more room.",
            )
        case "DeletionByTaintManager" | "DeletionByPodGC" | "NodeLost":
            return why_node_lost(pod.node, nodes.get(pod.node))
        case "NodeShutdown" | "Terminated" | "Shutdown":
            return Why(
                Cause.EVICTED, f"{pod.name} ended because {where} was shut down.", "Look whether its replacement is up."
            )
        case _:
            return Why(
                Cause.EVICTED,
                f"{where[0].upper()}{where[1:]} put {pod.name} out{f': {told}' if told else f' ({pod.disruption})'}.",
                "Set resources.requests to what the app really needs, or have the node looked at.",
            )


def why_node_lost(name: str, node: NodeSight | None) -> Why:
    """A pod's node does not answer."""
    shown = f"node {name}" if name else "node"
    text = f"Its {shown} does not answer"
    if node is None:
        text = f"Its {shown} is gone or does not answer"
    return Why(
        Cause.NODE_LOST,
        f"{text}.",
        "Kubernetes moves the pods to other nodes after five minutes; those who run the cluster must look at the node.",
    )


def why_stuck(
    pod: PodSight, said: Sequence[EventSight], nodes: Mapping[str, NodeSight], now: datetime
) -> tuple[Why, ...]:
    """What keeps a pod from running now; with `due` in the future when it is not worth telling yet."""
    if pod.deleting or pod.is_over:
        return ()
    node = nodes.get(pod.node)
    if pod.node and node is not None and not node.ready and not pod.ready and node.since is not None:
        lost = why_node_lost(pod.node, node)
        return (Why(lost.cause, lost.text, lost.remedy, due=node.since + NODE_AFTER),)
    if pod.unschedulable and not pod.node:
        sight = placement_trouble(pod.unschedulable)
        since = pod.unschedulable_since or pod.created
        return (Why(Cause.UNSCHEDULABLE, sight.text, sight.remedy, due=since + UNSCHEDULABLE_AFTER),)
    found = tuple(why for each in pod.containers if (why := _why_waiting(each, pod, said)) is not None)
    if found or any(each.running_since for each in pod.containers):
        return found
    mounts = [event for event in said if event.reason in ("FailedMount", "FailedAttachVolume")]
    if mounts:
        sight = volume_trouble(mounts[-1].message)
        cause = Cause.CONFIG_ERROR if sight.code == "config_error" else Cause.VOLUME
        return (Why(cause, sight.text, sight.remedy, due=pod.created + VOLUME_AFTER),)
    return ()


def _why_waiting(container: ContainerSight, pod: PodSight, said: Sequence[EventSight]) -> Why | None:
    reason = container.waiting_reason
    if reason in PULL_REASONS:
        sight = pull_trouble(container.image, reason, _pull_words(container, said))
        cause = Cause.IMAGE_MISSING if sight.code == "image_missing" else Cause.IMAGE_PULL
        # The first failure of a registry that is only busy is made good by the second try.
        is_settled = sight.hopeless or reason != "ErrImagePull"
        return _of(cause, sight, container, None if is_settled else pod.created + CONFIG_AFTER)
    if reason in CONFIG_REASONS:
        return _of(Cause.CONFIG_ERROR, config_trouble(_as_container(container)), container, pod.created + CONFIG_AFTER)
    if reason in START_REASONS:
        return _of(Cause.START_ERROR, start_trouble(_as_container(container)), container, pod.created + CONFIG_AFTER)
    return None


def _of(cause: Cause, sight: Sight, container: ContainerSight, due: datetime | None) -> Why:
    return Why(cause, sight.text, sight.remedy, container.name, due)


def _pull_words(container: ContainerSight, said: Sequence[EventSight]) -> str:
    """All that is said about pulling the image, which itself may hold words like "denied"."""
    words = [
        each.message for each in said if each.reason in ("Failed", "InspectFailed") and container.image in each.message
    ]
    if not container.waiting_message.startswith("Back-off pulling image") or '": ' in container.waiting_message:
        words.append(container.waiting_message)
    return "\n".join(word.replace(container.image, "") for word in words if word)


def _as_container(container: ContainerSight, words: str | None = None) -> PodContainer:
    """In the form that bot.domain.troubles reads."""
    ending = container.ending
    return PodContainer(
        name=container.name,
        image=container.image,
        ready=container.ready,
        restarts=container.restarts,
        waiting_reason=container.waiting_reason,
        waiting_message=container.waiting_message if words is None else words,
        terminated_reason=ending.reason if ending else "",
        exit_code=ending.exit_code if ending else None,
        started=container.running_since,
        memory_limit=container.memory_limit,
    )


def is_job(pod: PodSight) -> bool:
    """It belongs to a batch job, which tells of its own failures."""
    return pod.workload.kind in (SubjectKind.JOB, SubjectKind.CRONJOB)

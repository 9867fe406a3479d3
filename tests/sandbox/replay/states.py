"""States that clients decide on, one per kind: what of an object must come in the recorded order, and its counters."""

from typing import Any

from tests.sandbox.kube_client import is_rolled_out
from tests.sandbox.replay.recording import Json

_PREFIX = "deployment.kubernetes.io/"
_DEPLOYMENT = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas")
_REPLICA_SET = ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas")


def decisive(obj: Json) -> Json:
    """The fields of a state, each of which may hold still or change between two states; without counters."""
    metadata, status = obj["metadata"], obj.get("status") or {}
    state: Json = {"deleting": "deletionTimestamp" in metadata, "finalizers": metadata.get("finalizers")}
    for found in status.get("conditions") or []:
        state[found["type"]] = [found["status"], found.get("reason"), found.get("message")]
    match obj["kind"]:
        case "Deployment":
            for name in ("revision", "revision-history"):
                state[name] = (metadata.get("annotations") or {}).get(_PREFIX + name)
            state["generation"] = metadata["generation"]
            state["observedGeneration"] = status.get("observedGeneration")
            state["rolled out"] = is_rolled_out(obj)
        case "ReplicaSet":
            for name in ("revision", "revision-history", "desired-replicas", "max-replicas"):
                state[name] = (metadata.get("annotations") or {}).get(_PREFIX + name)
        case "Pod":
            state["grace"] = metadata.get("deletionGracePeriodSeconds")
            state["bound"] = bool(obj["spec"].get("nodeName"))
            state["phase"] = status.get("phase")
            state["containers"] = [_container(c) for c in status.get("containerStatuses") or []]
            for kind in ("Ready", "ContainersReady"):
                state[kind] = state.get(kind, [None])[:2]
        case "Job":
            names = ("active", "succeeded", "failed", "ready", "terminating", "uncountedTerminatedPods")
            state |= {name: status.get(name) for name in names}
        case _:
            pass
    return state


def _container(status: Json) -> list[Any]:
    """Ready, started, restarts, present and last state, with reason and exit code."""
    states = [
        [(kind, body.get("reason"), body.get("exitCode")) for kind, body in (status.get(name) or {}).items()]
        for name in ("state", "lastState")
    ]
    return [status["ready"], status.get("started"), status["restartCount"], *states]


def counters(obj: Json) -> dict[str, int]:
    """Numbers of replicas; empty for kinds that have none."""
    status = obj.get("status") or {}
    match obj["kind"]:
        case "Deployment":
            return {name: status.get(name, 0) for name in _DEPLOYMENT}
        case "ReplicaSet":
            return {"wanted": obj["spec"]["replicas"]} | {name: status.get(name, 0) for name in _REPLICA_SET}
        case _:
            return {}

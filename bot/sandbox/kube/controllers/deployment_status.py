"""Deployment status: counters, Available, Progressing and ReplicaFailure conditions, the progress deadline.

Called by the Deployment controller. Order and reasons follow kube-controller-manager's progress.go and sync.go.
"""

from typing import Any

from bot.sandbox.kube.controllers.base import Tools, condition, scaled_percent, without_zeros
from bot.sandbox.kube.kinds import DEPLOYMENTS, Obj

REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAX = "deployment.kubernetes.io/max-replicas"
NO_DEADLINE = 2**31 - 1  # progressDeadlineSeconds that means "never"


def replicas_of(replica_set: Obj) -> int:
    return int(replica_set["spec"]["replicas"])


def sync_status(tools: Tools, deployment: Obj, sets: list[Obj], new: Obj | None) -> None:
    """Write the status if it says something new."""
    old = deployment["status"]
    status = _counters(deployment, sets, new)
    conditions = list(old.get("conditions") or [])
    wanted = int(deployment["spec"]["replicas"])
    enough = int(status.get("availableReplicas") or 0) >= wanted - _max_unavailable(deployment)
    status["conditions"] = _set(
        tools,
        conditions,
        "Available",
        "True" if enough else "False",
        "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
        "Deployment has minimum availability." if enough else "Deployment does not have minimum availability.",
    )
    _progress(tools, deployment, old, status, new)
    failure = _replica_failure(sets, new)
    if failure is not None:
        status["conditions"] = _set(
            tools, status["conditions"], "ReplicaFailure", failure["status"], failure["reason"], failure["message"]
        )
    else:
        status["conditions"] = [c for c in status["conditions"] if c["type"] != "ReplicaFailure"]
    if status != old:
        tools.write_status(DEPLOYMENTS, deployment, status)


def _counters(deployment: Obj, sets: list[Obj], new: Obj | None) -> Obj:
    def total(field: str) -> int:
        return sum(int(s["status"].get(field) or 0) for s in sets)

    available = total("availableReplicas")
    status: Obj = {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": total("replicas"),
        "updatedReplicas": int(new["status"].get("replicas") or 0) if new else 0,
        "readyReplicas": total("readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, sum(replicas_of(s) for s in sets) - available),
        "terminatingReplicas": total("terminatingReplicas"),
    }
    if deployment["status"].get("collisionCount"):
        status["collisionCount"] = deployment["status"]["collisionCount"]
    return without_zeros(status, "terminatingReplicas")


def _progress(tools: Tools, deployment: Obj, old: Obj, status: Obj, new: Obj | None) -> None:
    if not has_deadline(deployment):
        status["conditions"] = [c for c in status["conditions"] if c["type"] != "Progressing"]
        return
    current = condition(old, "Progressing")
    done_before = current is not None and current["reason"] == "NewReplicaSetAvailable"
    if done_before and int(status.get("replicas") or 0) == int(status.get("updatedReplicas") or 0):
        return
    about = f'ReplicaSet "{new["metadata"]["name"]}"' if new else f'Deployment "{deployment["metadata"]["name"]}"'
    if is_complete(deployment, status):
        status["conditions"] = _set(
            tools, status["conditions"], "Progressing", "True", "NewReplicaSetAvailable",
            f"{about} has successfully progressed.",
        )  # fmt: skip
    elif _has_progressed(deployment, old, status):
        rest = [c for c in status["conditions"] if c["type"] != "Progressing"]
        fresh = _new(tools, "Progressing", "True", "ReplicaSetUpdated", f"{about} is progressing.")
        if current is not None and current["status"] == "True":
            fresh["lastTransitionTime"] = current["lastTransitionTime"]
        status["conditions"] = [*rest, fresh]
    elif _timed_out(tools, deployment, old):
        status["conditions"] = _set(
            tools, status["conditions"], "Progressing", "False", "ProgressDeadlineExceeded",
            f"{about} has timed out progressing.",
        )  # fmt: skip


def is_complete(deployment: Obj, status: Obj) -> bool:
    wanted = int(deployment["spec"]["replicas"])
    return all(int(status.get(f) or 0) == wanted for f in ("updatedReplicas", "replicas", "availableReplicas")) and int(
        status.get("observedGeneration") or 0
    ) >= int(deployment["metadata"]["generation"])


def _has_progressed(deployment: Obj, old: Obj, new: Obj) -> bool:
    def count(status: Obj, field: str) -> int:
        return int(status.get(field) or 0)

    before_old = count(old, "replicas") - count(old, "updatedReplicas")
    after_old = count(new, "replicas") - count(new, "updatedReplicas")
    return after_old < before_old or any(
        count(new, f) > count(old, f) for f in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )


def has_deadline(deployment: Obj) -> bool:
    deadline = deployment["spec"].get("progressDeadlineSeconds")
    return deadline is not None and int(deadline) != NO_DEADLINE


def _timed_out(tools: Tools, deployment: Obj, status: Obj) -> bool:
    current = condition(status, "Progressing")
    if current is None or current["reason"] == "NewReplicaSetAvailable":
        return False
    if current["reason"] == "ProgressDeadlineExceeded":
        return True
    return tools.since_s(current["lastUpdateTime"]) > float(deployment["spec"]["progressDeadlineSeconds"])


def seconds_to_deadline(tools: Tools, deployment: Obj) -> float | None:
    """When to look again at a rollout that does not move; one second late, since timestamps are whole seconds."""
    current = condition(deployment, "Progressing")
    if current is None or not has_deadline(deployment) or deployment["spec"].get("paused"):
        return None
    if current["reason"] in ("NewReplicaSetAvailable", "ProgressDeadlineExceeded"):
        return None
    deadline = float(deployment["spec"]["progressDeadlineSeconds"])
    return max(0.05, deadline - tools.since_s(current["lastUpdateTime"]) + 1)


def paused_condition(tools: Tools, deployment: Obj) -> Obj | None:
    """Tell in Progressing that a Deployment was paused or resumed; the changed Deployment, or None."""
    if not has_deadline(deployment):
        return None
    current = condition(deployment, "Progressing")
    if current is not None and current["reason"] == "ProgressDeadlineExceeded":
        return None  # a verdict that pausing must not hide
    told = current is not None and current["reason"] == "DeploymentPaused"
    paused = bool(deployment["spec"].get("paused"))
    if paused and not told:
        reason, message = "DeploymentPaused", "Deployment is paused"
    elif not paused and told:
        reason, message = "DeploymentResumed", "Deployment is resumed"
    else:
        return None
    status = progress_condition(tools, deployment["status"], "Unknown", reason, message, deployment)
    return tools.write_status(DEPLOYMENTS, deployment, status)


def progress_condition(tools: Tools, status: Obj, value: str, reason: str, message: str, deployment: Obj) -> Obj:
    """A status with its Progressing condition set, unless the Deployment has no deadline."""
    if not has_deadline(deployment):
        return status
    conditions = _set(tools, list(status.get("conditions") or []), "Progressing", value, reason, message)
    return {**status, "conditions": conditions}


def _replica_failure(sets: list[Obj], new: Obj | None) -> Obj | None:
    for replica_set in [*([new] if new else []), *sets]:
        found = condition(replica_set, "ReplicaFailure")
        if found is not None:
            return found
    return None


def _max_unavailable(deployment: Obj) -> int:
    spec = deployment["spec"]
    if spec["strategy"]["type"] != "RollingUpdate":
        return 0
    rolling = spec["strategy"].get("rollingUpdate") or {}
    surge = scaled_percent(rolling.get("maxSurge"), spec["replicas"], round_up=True)
    unavailable = scaled_percent(rolling.get("maxUnavailable"), spec["replicas"], round_up=False)
    return min(1 if surge == 0 and unavailable == 0 else unavailable, int(spec["replicas"]))


def _new(tools: Tools, kind: str, value: str, reason: str, message: str) -> Obj:
    now = tools.now()
    return {
        "type": kind, "status": value, "lastUpdateTime": now, "lastTransitionTime": now,
        "reason": reason, "message": message,
    }  # fmt: skip


def _set(tools: Tools, conditions: list[Any], kind: str, value: str, reason: str, message: str) -> list[Any]:
    current = next((c for c in conditions if c["type"] == kind), None)
    if current is not None and current["status"] == value and current["reason"] == reason:
        return conditions
    fresh = _new(tools, kind, value, reason, message)
    if current is not None and current["status"] == value:
        fresh["lastTransitionTime"] = current["lastTransitionTime"]
    return [*(c for c in conditions if c["type"] != kind), fresh]

"""Status of Argo's Rollout: counters, conditions, deadline, phase and message. Called by its controller."""

from bot.sandbox.kube.controllers.base import Tools, condition
from bot.sandbox.kube.controllers.rollout_rules import DEFAULT_DEADLINE_S, phase_of, replicas_wanted, steps_of
from bot.sandbox.kube.kinds import ROLLOUTS, Obj
from bot.sandbox.kube.selectors import selector_text

ABORTED_AT = "abortedAt"
REVISION = "rollout.argoproj.io/revision"
MANAGER = "rollouts-controller"
LATE_S = 1.0
"""Timestamps are whole seconds: a deadline is looked at that much later."""


def sync_status(
    tools: Tools, rollout: Obj, sets: list[Obj], new: Obj | None, status: Obj, *, invalid: str = ""
) -> float | None:
    """Write the status if it says something new; seconds until the progress deadline, or None."""
    old = rollout.get("status") or {}
    status = {**status, **_counters(rollout, sets, new)}
    conditions = [c for c in old.get("conditions") or [] if c["type"] != "InvalidSpec"]
    if invalid:
        conditions = [c for c in conditions if c["type"] != "Progressing"]
        conditions.append(_condition(tools, "InvalidSpec", "True", "InvalidSpec", invalid))
        status["conditions"] = conditions
    else:
        status["conditions"] = _progress(tools, rollout, old, {**status, "conditions": conditions}, conditions)
    status["phase"], message = phase_of(rollout, status)
    if message:
        status["message"] = message
    else:
        status.pop("message", None)
    status = {name: value for name, value in status.items() if value is not False and value not in (None, [], "")}
    if status != old:
        draft = {**rollout, "metadata": dict(rollout["metadata"]), "status": status}
        tools.registry.write(ROLLOUTS, draft, MANAGER, "status")
    return _seconds_to_deadline(tools, rollout, status)


def _counters(rollout: Obj, sets: list[Obj], new: Obj | None) -> Obj:
    def total(name: str) -> int:
        return sum(int(s["status"].get(name) or 0) for s in sets)

    counts = {
        "replicas": total("replicas"),
        "updatedReplicas": int(new["status"].get("replicas") or 0) if new else 0,
        "readyReplicas": total("readyReplicas"),
        "availableReplicas": total("availableReplicas"),
        "HPAReplicas": total("replicas"),
    }
    selector = rollout["spec"].get("selector")
    return {
        **{name: count or None for name, count in counts.items()},
        "observedGeneration": str(rollout["metadata"]["generation"]),
        "selector": selector_text(selector) if selector else "",
        "canary": {},
    }


def _progress(tools: Tools, rollout: Obj, old: Obj, status: Obj, conditions: list[Obj]) -> list[Obj]:
    """The conditions, with Progressing and Available as they are now."""
    wanted = replicas_wanted(rollout)
    is_available = int(status.get("availableReplicas") or 0) >= wanted
    words = "Rollout has minimum availability" if is_available else "Rollout does not have minimum availability"
    conditions = _set(tools, conditions, "Available", "True" if is_available else "False", "AvailableReason", words)
    is_paused = bool(status.get("pauseConditions") or rollout["spec"].get("paused"))
    paused = ("True" if is_paused else "False", "RolloutPaused", "Rollout is paused")
    conditions = _set(tools, conditions, "Paused", *paused)
    revision = (rollout["metadata"].get("annotations") or {}).get(REVISION, "1")
    if status.get("abort"):
        told = f"Rollout aborted update to revision {revision}"
        return _set(tools, conditions, "Progressing", "False", "RolloutAborted", told)
    current = condition(old, "Progressing")
    reason = current["reason"] if current else ""
    healthy = phase_of(rollout, {**status, "conditions": []})[0] == "Healthy"
    if healthy:
        told = "ReplicaSet has successfully progressed."
        return _set(tools, conditions, "Progressing", "True", "NewReplicaSetAvailable", told)
    if is_paused:
        return _set(tools, conditions, "Progressing", "Unknown", "RolloutPaused", "Rollout is paused")
    if reason in ("", "NewReplicaSetAvailable", "RolloutPaused", "RolloutAborted") or _has_moved(old, status):
        rest = [c for c in conditions if c["type"] != "Progressing"]
        return [*rest, _condition(tools, "Progressing", "True", "ReplicaSetUpdated", "ReplicaSet is progressing.")]
    if _is_late(tools, rollout, old) and not _is_at_pause(rollout, status):
        told = f'Rollout "{rollout["metadata"]["name"]}" has timed out progressing.'
        return _set(tools, conditions, "Progressing", "False", "ProgressDeadlineExceeded", told)
    return conditions


def _has_moved(old: Obj, new: Obj) -> bool:
    def count(status: Obj, name: str) -> int:
        return int(status.get(name) or 0)

    if old.get("currentPodHash") != new.get("currentPodHash") or old.get("currentStepHash") != new.get(
        "currentStepHash"
    ):
        return True
    names = ("updatedReplicas", "readyReplicas", "availableReplicas", "currentStepIndex")
    before = count(old, "replicas") - count(old, "updatedReplicas")
    after = count(new, "replicas") - count(new, "updatedReplicas")
    return after < before or any(count(new, name) > count(old, name) for name in names)


def _is_at_pause(rollout: Obj, status: Obj) -> bool:
    steps, index = steps_of(rollout), int(status.get("currentStepIndex") or 0)
    return index < len(steps) and "pause" in steps[index]


def _deadline_s(rollout: Obj) -> float:
    return float(rollout["spec"].get("progressDeadlineSeconds", DEFAULT_DEADLINE_S))


def _is_late(tools: Tools, rollout: Obj, status: Obj) -> bool:
    current = condition(status, "Progressing")
    if current is None or current["status"] != "True":
        return False
    return tools.since_s(current["lastUpdateTime"]) > _deadline_s(rollout)


def _seconds_to_deadline(tools: Tools, rollout: Obj, status: Obj) -> float | None:
    current = condition(status, "Progressing")
    if current is None or current["reason"] != "ReplicaSetUpdated":
        return None
    return max(0.05, _deadline_s(rollout) - tools.since_s(current["lastUpdateTime"]) + LATE_S)


def _condition(tools: Tools, kind: str, value: str, reason: str, message: str) -> Obj:
    now = tools.now()
    return {
        "type": kind, "status": value, "lastUpdateTime": now, "lastTransitionTime": now,
        "reason": reason, "message": message,
    }  # fmt: skip


def _set(tools: Tools, conditions: list[Obj], kind: str, value: str, reason: str, message: str) -> list[Obj]:
    current = next((c for c in conditions if c["type"] == kind), None)
    if current is not None and (current["status"], current["reason"]) == (value, reason):
        return conditions
    fresh = _condition(tools, kind, value, reason, message)
    if current is not None and current["status"] == value:
        fresh["lastTransitionTime"] = current["lastTransitionTime"]
    return [*(c for c in conditions if c["type"] != kind), fresh]

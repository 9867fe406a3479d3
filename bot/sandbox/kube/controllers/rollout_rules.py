"""Rules of Argo's Rollout: weights, pods for a weight, steps, phases. Pure; called by its controller.

After utils/replicaset/canary.go and utils/rollout/rolloututil.go of argoproj/argo-rollouts, without traffic routing.
"""

import json
from dataclasses import dataclass

from bot.sandbox.kube.controllers.base import fnv32a, scaled_percent
from bot.sandbox.kube.kinds import Obj

WHOLE = 100
DEFAULT_DEADLINE_S = 600
DEFAULT_REPLICAS = 1
PAUSE_STEP = "CanaryPauseStep"


@dataclass(frozen=True, slots=True)
class Crowd:
    """Pods of one ReplicaSet: how many it is to have, and how many are available."""

    wanted: int
    available: int


def canary_of(rollout: Obj) -> Obj:
    """The canary strategy."""
    found: Obj = (rollout["spec"].get("strategy") or {}).get("canary") or {}
    return found


def steps_of(rollout: Obj) -> list[Obj]:
    return canary_of(rollout).get("steps") or []


def replicas_wanted(rollout: Obj) -> int:
    return int(rollout["spec"].get("replicas", DEFAULT_REPLICAS))


def step_hash(rollout: Obj) -> str:
    """Changes with the list of steps; the value differs from a real controller's."""
    return str(fnv32a(json.dumps(steps_of(rollout), sort_keys=True)))


def max_surge(rollout: Obj) -> int:
    return scaled_percent(canary_of(rollout).get("maxSurge", "25%"), replicas_wanted(rollout), round_up=True)


def max_unavailable(rollout: Obj) -> int:
    total = replicas_wanted(rollout)
    given = scaled_percent(canary_of(rollout).get("maxUnavailable", "25%"), total, round_up=False)
    return 1 if given == 0 and max_surge(rollout) == 0 else min(given, total)


def weight_now(rollout: Obj) -> int:
    """The weight of the new version: that of the last setWeight step up to the present one."""
    status, steps = rollout.get("status") or {}, steps_of(rollout)
    if status.get("promoteFull") or status.get("currentPodHash") == status.get("stableRS"):
        return WHOLE
    if status.get("abort"):
        return 0
    index = int(status.get("currentStepIndex") or 0)
    if index >= len(steps):
        return WHOLE
    return next((int(step["setWeight"]) for step in reversed(steps[: index + 1]) if "setWeight" in step), 0)


def pods_for(weight: int, replicas: int, surge: int) -> tuple[int, int]:
    """Pods of the new and of the stable version nearest to a weight; at most one more than `replicas`, by surge."""

    def is_tied(total: int) -> bool:
        return total * weight % WHOLE * 2 == WHOLE

    floor, rest = divmod(replicas * weight, WHOLE)
    ceiling = floor + (rest > 0)
    none_is_fine = weight in (0, WHOLE) or (replicas == 1 and surge == 0)
    options: list[tuple[int, int]] = []
    if ceiling < replicas or none_is_fine:
        options.append((ceiling, replicas))
    if not is_tied(replicas) and (floor or none_is_fine):
        options.append((floor, replicas))
    if surge:
        options.append((ceiling, replicas + 1))
        if not is_tied(replicas + 1) and (floor or none_is_fine):
            options.append((floor, replicas + 1))
    if not options:
        return 0, replicas
    # Compared as whole numbers times both totals, so that ties stay ties; the first of equally near ones is taken.
    nearest = min(options, key=lambda each: abs(each[0] * WHOLE - weight * each[1]) / max(1, each[1]))
    return nearest[0], nearest[1] - nearest[0]


def next_sizes(
    rollout: Obj, goal: tuple[int, int], new: Crowd, stable: Crowd, others: int
) -> tuple[int, int]:  # fmt: skip
    """Sizes of the new and the stable ReplicaSet to take now: up within the surge, stable first, then down."""
    total = replicas_wanted(rollout)
    most = max(total + max_surge(rollout), sum(goal))
    room = most - new.wanted - stable.wanted - others
    new_size, stable_size = new.wanted, stable.wanted
    if stable.wanted < goal[1] and room > 0:
        stable_size = min(goal[1], stable.wanted + room)
        room -= stable_size - stable.wanted
    if new.wanted < goal[0] and room > 0:
        new_size = min(goal[0], new.wanted + room)
    if others:
        return new_size, stable_size
    is_growing = goal[0] >= new.wanted
    spare = _counted(new, certain=not is_growing) + _counted(stable, certain=is_growing)
    spare -= total - max_unavailable(rollout)
    if new.wanted > goal[0] and spare > 0:
        new_size = max(goal[0], new.wanted - spare)
        spare -= new.wanted - new_size
    if stable.wanted > goal[1] and spare > 0:
        stable_size = max(goal[1], stable.wanted - spare)
    return new_size, stable_size


def _counted(crowd: Crowd, *, certain: bool) -> int:
    """Pods that count as serving; `certain`: those that are to go count even when they don't serve."""
    return crowd.wanted if certain else min(crowd.wanted, crowd.available)


def pause_seconds(step: Obj) -> float | None:
    """How long a pause step lasts; None: until somebody promotes."""
    given = (step.get("pause") or {}).get("duration")
    if given in (None, ""):
        return None
    text = str(given)
    unit = {"s": 1, "m": 60, "h": 3600}.get(text[-1])
    return float(text[:-1]) * unit if unit else float(text)


def phase_of(rollout: Obj, status: Obj) -> tuple[str, str]:
    """Phase and message, in the controller's order."""
    for each in status.get("conditions") or []:
        if each["type"] == "InvalidSpec":
            return "Degraded", f"InvalidSpec: {each['message']}"
        if each["reason"] in ("RolloutAborted", "ProgressDeadlineExceeded"):
            return "Degraded", f"{each['reason']}: {each['message']}"
    if rollout["spec"].get("paused"):
        return "Paused", "manually paused"
    for pause in status.get("pauseConditions") or []:
        return "Paused", str(pause["reason"])
    wanted = replicas_wanted(rollout)
    updated = int(status.get("updatedReplicas") or 0)
    if updated < wanted:
        return "Progressing", "more replicas need to be updated"
    if int(status.get("availableReplicas") or 0) < updated:
        return "Progressing", "updated replicas are still becoming available"
    if int(status.get("replicas") or 0) > updated:
        return "Progressing", "old replicas are pending termination"
    if not status.get("stableRS") or status.get("stableRS") != status.get("currentPodHash"):
        return "Progressing", "waiting for all steps to complete"
    return "Healthy", ""

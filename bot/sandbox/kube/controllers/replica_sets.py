"""ReplicaSets of a Deployment: which is the new one, how far a rollout may go, scaling. Called by its controller."""

from typing import Any

from bot.sandbox.kube.controllers.base import Tools, draft_of, key_of, scaled_percent
from bot.sandbox.kube.controllers.deployment_status import DESIRED, MAX, REVISION, replicas_of
from bot.sandbox.kube.kinds import REPLICA_SETS, Obj

COMPONENT = "deployment-controller"
HASH = "pod-template-hash"


def scale_proportionally(tools: Tools, deployment: Obj, sets: list[Obj], new: Obj | None) -> None:
    active = [s for s in sets if replicas_of(s) > 0]
    wanted = int(deployment["spec"]["replicas"])
    if len(active) <= 1:
        only = active[0] if active else new
        if only is not None and (replicas_of(only) != wanted or annotation(only, DESIRED) != str(wanted)):
            scale(tools, deployment, only, wanted)
        return
    if new is not None and new["status"].get("availableReplicas") == wanted and replicas_of(new) == wanted:
        for replica_set in active:
            if key_of(replica_set) != key_of(new):
                scale(tools, deployment, replica_set, 0)
        return
    allowed = wanted + max_surge(deployment) if wanted > 0 else 0
    total = sum(replicas_of(s) for s in active)
    to_add = allowed - total
    ordered = sorted(active, key=lambda s: (replicas_of(s), s["metadata"]["creationTimestamp"]), reverse=True)
    added, sizes = 0, {}
    for replica_set in ordered:
        size = replicas_of(replica_set)
        before_max = number_in(annotation(replica_set, MAX)) or total
        share = round(size * allowed / before_max) - size if before_max else 0
        share = max(min(share, to_add - added), 0) if to_add > 0 else min(max(share, to_add - added), 0)
        sizes[key_of(replica_set)] = size + share
        added += share
    if ordered:
        first = key_of(ordered[0])
        sizes[first] = max(0, sizes[first] + to_add - added)
    for replica_set in ordered:
        scale(tools, deployment, replica_set, sizes[key_of(replica_set)])


def scale(tools: Tools, deployment: Obj, replica_set: Obj, size: int) -> Obj:
    before = replicas_of(replica_set)
    draft = draft_of(tools.store.get(REPLICA_SETS, *key_of(replica_set)) or replica_set)
    draft["spec"]["replicas"] = size
    annotations = draft["metadata"].setdefault("annotations", {})
    annotations[DESIRED] = str(deployment["spec"]["replicas"])
    annotations[MAX] = str(deployment["spec"]["replicas"] + max_surge(deployment))
    scaled = tools.write(REPLICA_SETS, draft)
    if before != size:
        tell_scaled(tools, deployment, scaled, before, size)
    return scaled


def tell_scaled(tools: Tools, deployment: Obj, replica_set: Obj, before: int, after: int) -> None:
    way = "up" if after > before else "down"
    message = f"Scaled {way} replica set {replica_set['metadata']['name']} from {before} to {after}"
    tools.recorder.normal(deployment, COMPONENT, "ScalingReplicaSet", message)


def max_surge(deployment: Obj) -> int:
    return _rolling(deployment)[0]


def max_unavailable(deployment: Obj) -> int:
    return _rolling(deployment)[1]


def _rolling(deployment: Obj) -> tuple[int, int]:
    spec = deployment["spec"]
    if spec["strategy"]["type"] != "RollingUpdate":
        return 0, 0
    rolling = spec["strategy"].get("rollingUpdate") or {}
    surge = scaled_percent(rolling.get("maxSurge"), spec["replicas"], round_up=True)
    unavailable = scaled_percent(rolling.get("maxUnavailable"), spec["replicas"], round_up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1  # both round to nothing: the update must still move
    return surge, min(unavailable, spec["replicas"])


def find_new(deployment: Obj, sets: list[Obj]) -> Obj | None:
    """The oldest ReplicaSet whose template equals the Deployment's, leaving the hash label aside."""
    wanted = _plain(deployment["spec"]["template"])
    return next((s for s in sets if _plain(s["spec"]["template"]) == wanted), None)


def _plain(template: Obj) -> Any:
    metadata = template.get("metadata") or {}
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if k != HASH}
    return {**template, "metadata": {**metadata, "labels": labels}}


def annotation(obj: Obj, name: str) -> str | None:
    value = (obj["metadata"].get("annotations") or {}).get(name)
    return None if value is None else str(value)


def revision_of(replica_set: Obj) -> int:
    return number_in(annotation(replica_set, REVISION))


def number_in(text: object) -> int:
    """The number that an annotation holds; 0 where somebody has written something else into it."""
    told = str(text)
    return int(told) if told.isascii() and told.isdigit() and len(told) < 19 else 0

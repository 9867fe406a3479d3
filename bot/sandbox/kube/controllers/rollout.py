"""Argo's Rollout controller: canaries by counting pods, step by step; abort, full promotion, manual pause.

Follows canary.go, pause.go and sync.go of argoproj/argo-rollouts, so that a watcher sees the same states. It has no
traffic routing and no blue-green; steps of analysis, experiments and headers end at once, as if they had succeeded.
"""

from bot.sandbox.kube.controllers.base import (
    Tools,
    draft_of,
    is_terminating,
    key_of,
    owner_keys,
    reference,
)
from bot.sandbox.kube.controllers.engine import Key
from bot.sandbox.kube.controllers.rollout_rules import (
    PAUSE_STEP,
    Crowd,
    canary_of,
    max_surge,
    max_unavailable,
    next_sizes,
    pause_seconds,
    pods_for,
    replicas_wanted,
    step_hash,
    steps_of,
    weight_now,
)
from bot.sandbox.kube.controllers.rollout_status import ABORTED_AT, sync_status
from bot.sandbox.kube.controllers.template_hash import template_hash
from bot.sandbox.kube.defaults import apply_defaults
from bot.sandbox.kube.kinds import REPLICA_SETS, ROLLOUTS, Obj, Resource
from bot.sandbox.kube.registry import WriteOptions
from bot.sandbox.kube.store import StoredEvent

COMPONENT = "rollouts-controller"
HASH = "rollouts-pod-template-hash"
REVISION = "rollout.argoproj.io/revision"
DESIRED = "rollout.argoproj.io/desired-replicas"
HISTORY_LIMIT = 10


class RolloutController:
    """Keeps ReplicaSets of each Rollout."""

    name = "rollout"

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def concerns(self, resource: Resource, event: StoredEvent) -> list[Key]:
        if resource is ROLLOUTS:
            return [key_of(event.obj)]
        return owner_keys(event.obj, ROLLOUTS) if resource is REPLICA_SETS else []

    def reconcile(self, key: Key) -> float | None:
        rollout = self._tools.store.get(ROLLOUTS, *key)
        if rollout is None or is_terminating(rollout):
            return None
        fault = _invalid(rollout)
        if fault:
            sync_status(self._tools, rollout, [], None, dict(rollout.get("status") or {}), invalid=fault)
            return None
        sets = self._tools.owned(REPLICA_SETS, rollout)
        new = find_set(rollout, sets)
        status = dict(rollout.get("status") or {})
        digest = hash_of(new) if new else self._digest(rollout)
        if self._has_changed(rollout, status, digest):
            self._begin_anew(rollout, sets, new, status, digest)
            return 0.0
        if new is None:
            rollout, new = self._create(rollout, sets, digest)
            return 0.0
        self._number_anew(sets, new)
        self._scale(rollout, self._tools.owned(REPLICA_SETS, rollout), new)
        sets = self._tools.owned(REPLICA_SETS, rollout)
        new = find_set(rollout, sets) or new
        status["currentPodHash"], status["currentStepHash"] = digest, step_hash(rollout)
        self._advance(rollout, sets, new, status)
        again_s = sync_status(self._tools, rollout, sets, new, status)
        self._clean_history(rollout, sets, new)
        waits = [each for each in (again_s, self._pause_left_s(rollout, status)) if each is not None]
        return min(waits, default=None)

    def _has_changed(self, rollout: Obj, status: Obj, digest: str) -> bool:
        """Whether the pod template or the list of steps is another than the one that is being rolled out."""
        hashes = (("currentPodHash", digest), ("currentStepHash", step_hash(rollout)))
        return any(status.get(name) not in (None, "", value) for name, value in hashes)

    def _begin_anew(self, rollout: Obj, sets: list[Obj], new: Obj | None, status: Obj, digest: str) -> None:
        """The first step, without pauses and abort; past the last one when the template is the stable one's."""
        for name in ("pauseConditions", "controllerPause", "abort", ABORTED_AT, "promoteFull"):
            status.pop(name, None)
        count = len(steps_of(rollout))
        is_stable = new is not None and status.get("stableRS") == digest
        status |= {"currentPodHash": digest, "currentStepHash": step_hash(rollout)}
        status["currentStepIndex"] = count if is_stable else 0
        if not count:
            del status["currentStepIndex"]
        if is_stable and count:
            self._tools.recorder.normal(rollout, COMPONENT, "SkipSteps", "Rollback to stable ReplicaSets")
        sync_status(self._tools, rollout, sets, new, status)

    def _advance(self, rollout: Obj, sets: list[Obj], new: Obj, status: Obj) -> None:
        """Promotion, or the next step; changes `status`."""
        steps = steps_of(rollout)
        if self._is_promoted_now(rollout, new, status):
            for name in ("pauseConditions", "controllerPause", "abort", ABORTED_AT, "promoteFull"):
                status.pop(name, None)
            if status.get("stableRS") != status["currentPodHash"]:
                told = f"Rollout completed update to revision {_revision(new)} ({status['currentPodHash']})"
                self._tools.recorder.normal(rollout, COMPONENT, "RolloutCompleted", told)
            status["stableRS"] = status["currentPodHash"]
            if steps:
                status["currentStepIndex"] = len(steps)
            return
        if status.get("promoteFull"):
            for name in ("pauseConditions", "controllerPause", "abort", ABORTED_AT):
                status.pop(name, None)
            if steps:
                status["currentStepIndex"] = len(steps)
            return
        if status.get("abort"):
            for name in ("pauseConditions", "controllerPause"):
                status.pop(name, None)
            status.setdefault(ABORTED_AT, self._tools.now())
            if steps:
                status["currentStepIndex"] = 0
            return
        index = int(status.get("currentStepIndex") or 0)
        if rollout["spec"].get("paused") or index >= len(steps):
            return
        self._step(rollout, sets, new, status, steps[index])

    def _step(self, rollout: Obj, sets: list[Obj], new: Obj, status: Obj, step: Obj) -> None:
        index = int(status.get("currentStepIndex") or 0)
        done = True
        if "setWeight" in step:
            done = self._is_at_goal(rollout, sets, new)
        elif "pause" in step:
            done = self._is_pause_over(status, step)
        if done:
            status["currentStepIndex"] = index + 1
            if "pause" in step:
                status.pop("pauseConditions", None)
                status.pop("controllerPause", None)

    def _is_pause_over(self, status: Obj, step: Obj) -> bool:
        """A pause that has begun ends by its time, or when somebody took its condition away."""
        begun = next((c for c in status.get("pauseConditions") or [] if c["reason"] == PAUSE_STEP), None)
        lasts_s = pause_seconds(step)
        if begun is not None:
            return lasts_s is not None and self._tools.since_s(begun["startTime"]) >= lasts_s
        if status.get("controllerPause"):
            return lasts_s is None
        status["controllerPause"] = True
        status["pauseConditions"] = [{"reason": PAUSE_STEP, "startTime": self._tools.now()}]
        return False

    def _pause_left_s(self, rollout: Obj, status: Obj) -> float | None:
        steps, index = steps_of(rollout), int(status.get("currentStepIndex") or 0)
        conditions = status.get("pauseConditions") or []
        if not conditions or index >= len(steps):
            return None
        lasts_s = pause_seconds(steps[index])
        return None if lasts_s is None else max(0.05, lasts_s - self._tools.since_s(conditions[0]["startTime"]) + 0.05)

    def _is_promoted_now(self, rollout: Obj, new: Obj, status: Obj) -> bool:
        if not status.get("stableRS"):
            return True  # the very first version: it follows no steps
        if status.get("abort") and not status.get("promoteFull"):
            return False
        if int(new["status"].get("availableReplicas") or 0) != replicas_wanted(rollout):
            return False
        steps = steps_of(rollout)
        return bool(status.get("promoteFull")) or int(status.get("currentStepIndex") or 0) >= len(steps)

    def _goal(self, rollout: Obj, sets: list[Obj], new: Obj) -> tuple[int, int, Obj | None]:
        """Pods of the new and the stable version that the present weight wants, and the stable ReplicaSet."""
        stable_hash = (rollout.get("status") or {}).get("stableRS")
        stable = next((s for s in sets if hash_of(s) == stable_hash), None)
        total = replicas_wanted(rollout)
        if stable is None or key_of(stable) == key_of(new):
            return total, 0, None
        return (*pods_for(weight_now(rollout), total, max_surge(rollout)), stable)

    def _is_at_goal(self, rollout: Obj, sets: list[Obj], new: Obj) -> bool:
        wanted, kept, stable = self._goal(rollout, sets, new)
        others = [s for s in sets if s is not new and s is not stable]
        return (
            _is_size(new, wanted)
            and (stable is None or _is_size(stable, kept))
            and not any(s["status"].get("availableReplicas") for s in others)
        )

    def _scale(self, rollout: Obj, sets: list[Obj], new: Obj) -> None:
        """One turn towards the present weight; a manual pause keeps what is there."""
        new = find_set(rollout, sets) or new
        if rollout["spec"].get("paused") and not (rollout.get("status") or {}).get("abort"):
            return
        wanted, kept, stable = self._goal(rollout, sets, new)
        others = [s for s in sets if s is not new and s is not stable]
        still = sum(int(s["spec"]["replicas"]) for s in others)
        sizes = next_sizes(rollout, (wanted, kept), _crowd(new), _crowd(stable), still)
        self._resize(rollout, new, sizes[0])
        if stable is not None:
            self._resize(rollout, stable, sizes[1])
        available = sum(int(s["status"].get("availableReplicas") or 0) for s in sets)
        room = available - (replicas_wanted(rollout) - max_unavailable(rollout))
        for each in others:
            size = int(each["spec"]["replicas"])
            useless = size - min(size, int(each["status"].get("availableReplicas") or 0))
            drop = min(size, max(0, room) + useless)
            self._resize(rollout, each, size - drop)
            room -= max(0, drop - useless)

    def _resize(self, rollout: Obj, replica_set: Obj, size: int) -> None:
        before = int(replica_set["spec"]["replicas"])
        if before == size:
            return
        draft = draft_of(replica_set)
        draft["spec"]["replicas"] = size
        draft["metadata"].setdefault("annotations", {})[DESIRED] = str(replicas_wanted(rollout))
        self._tools.registry.write(REPLICA_SETS, draft, COMPONENT)
        way = "up" if size > before else "down"
        told = f"Scaled {way} ReplicaSet {replica_set['metadata']['name']} (revision {_revision(replica_set)})"
        self._tools.recorder.normal(rollout, COMPONENT, "ScalingReplicaSet", f"{told} from {before} to {size}")

    def _digest(self, rollout: Obj) -> str:
        collisions = int((rollout.get("status") or {}).get("collisionCount") or 0)
        return template_hash(rollout["spec"]["template"], collisions)

    def _create(self, rollout: Obj, sets: list[Obj], digest: str) -> tuple[Obj, Obj]:
        metadata, spec = rollout["metadata"], rollout["spec"]
        revision = max((_revision(s) for s in sets), default=0) + 1
        template, selector = draft_of(spec["template"]), draft_of(spec["selector"])
        template.setdefault("metadata", {}).setdefault("labels", {})[HASH] = digest
        selector.setdefault("matchLabels", {})[HASH] = digest
        body: Obj = {
            "metadata": {
                "name": f"{metadata['name']}-{digest}",
                "namespace": metadata["namespace"],
                "labels": dict(template["metadata"]["labels"]),
                "annotations": {REVISION: str(revision), DESIRED: str(replicas_wanted(rollout))},
                "ownerReferences": [reference(rollout)],
            },
            "spec": {"replicas": 0, "selector": selector, "template": template},
        }
        if spec.get("minReadySeconds"):
            body["spec"]["minReadySeconds"] = spec["minReadySeconds"]
        options = WriteOptions(manager=COMPONENT)
        new = self._tools.registry.create(REPLICA_SETS, metadata["namespace"], body, options)
        draft = draft_of(rollout)
        draft["metadata"].setdefault("annotations", {})[REVISION] = str(revision)
        return self._tools.registry.write(ROLLOUTS, draft, COMPONENT), new

    def _number_anew(self, sets: list[Obj], new: Obj) -> None:
        """An old template that is rolled out again is the newest revision."""
        newest = max((_revision(s) for s in sets if s is not new), default=0) + 1
        if _revision(new) < newest:
            draft = draft_of(new)
            draft["metadata"].setdefault("annotations", {})[REVISION] = str(newest)
            self._tools.registry.write(REPLICA_SETS, draft, COMPONENT)

    def _clean_history(self, rollout: Obj, sets: list[Obj], new: Obj) -> None:
        limit = int(rollout["spec"].get("revisionHistoryLimit", HISTORY_LIMIT))
        stable_hash = (rollout.get("status") or {}).get("stableRS")
        empty = [
            s
            for s in sets
            if s is not new and hash_of(s) != stable_hash and not s["spec"]["replicas"]
            and not s["status"].get("replicas") and not is_terminating(s)
        ]  # fmt: skip
        for replica_set in sorted(empty, key=_revision)[: max(0, len(empty) - limit)]:
            current = self._tools.store.get(REPLICA_SETS, *key_of(replica_set))
            if current is not None:
                self._tools.store.remove(REPLICA_SETS, current)


def find_set(rollout: Obj, sets: list[Obj]) -> Obj | None:
    """The oldest ReplicaSet of the present template."""
    wanted = _plain(rollout["spec"]["template"])
    return next((s for s in sets if (s["metadata"].get("annotations") or {}).get(REVISION) and _same(s, wanted)), None)


def hash_of(replica_set: Obj) -> str:
    return str((replica_set["metadata"].get("labels") or {}).get(HASH, ""))


def _same(replica_set: Obj, wanted: Obj) -> bool:
    return _plain(replica_set["spec"]["template"]) == wanted


def _plain(template: Obj) -> Obj:
    """A pod template as its ReplicaSet would hold it: with the API server's defaults, without the hash."""
    defaulted: Obj = {"spec": {"template": draft_of(template)}}
    apply_defaults("ReplicaSet", defaulted)
    plain: Obj = defaulted["spec"]["template"]
    labels = {k: v for k, v in (plain["metadata"].get("labels") or {}).items() if k != HASH}
    return {**plain, "metadata": {**plain["metadata"], "labels": labels}}


def _crowd(replica_set: Obj | None) -> Crowd:
    if replica_set is None:
        return Crowd(0, 0)
    return Crowd(int(replica_set["spec"]["replicas"]), int(replica_set["status"].get("availableReplicas") or 0))


def _is_size(replica_set: Obj, size: int) -> bool:
    return _crowd(replica_set) == Crowd(size, size)


def _revision(replica_set: Obj) -> int:
    return int((replica_set["metadata"].get("annotations") or {}).get(REVISION, "0"))


def _invalid(rollout: Obj) -> str:
    """What makes a Rollout that no controller can follow; empty when nothing does."""
    spec = rollout["spec"]
    if spec.get("template") is None:
        return "spec.template: Required value: this simulated controller resolves no workloadRef"
    if not spec.get("selector"):
        return "spec.selector: Required value: Rollout has missing field '.spec.selector'"
    if "canary" not in (spec.get("strategy") or {}):
        return "spec.strategy.strategy: Required value: Rollout has missing field '.spec.strategy.canary'"
    if canary_of(rollout).get("trafficRouting"):
        return "spec.strategy.canary.trafficRouting: Invalid value: this simulated controller divides by pods only"
    return ""

"""Deployment controller: rolling update, recreate, pause, scaling, history. Status lives in `deployment_status`.

Follows kube-controller-manager's pkg/controller/deployment step by step, so that a watcher sees the same states.
"""

from bot.sandbox.kube.controllers.base import (
    Tools,
    controller_uid,
    draft_of,
    is_active,
    is_terminating,
    key_of,
    owner_keys,
    reference,
)
from bot.sandbox.kube.controllers.deployment_status import (
    DESIRED,
    MAX,
    REVISION,
    REVISION_HISTORY,
    is_complete,
    paused_condition,
    progress_condition,
    replicas_of,
    seconds_to_deadline,
    sync_status,
)
from bot.sandbox.kube.controllers.engine import Key
from bot.sandbox.kube.controllers.replica_sets import (
    HASH,
    annotation,
    find_new,
    max_surge,
    max_unavailable,
    number_in,
    revision_of,
    scale,
    scale_proportionally,
    tell_scaled,
)
from bot.sandbox.kube.controllers.template_hash import template_hash
from bot.sandbox.kube.kinds import DEPLOYMENTS, PODS, REPLICA_SETS, Obj, Resource
from bot.sandbox.kube.store import StoredEvent

_NOT_COPIED = {
    "kubectl.kubernetes.io/last-applied-configuration", REVISION, REVISION_HISTORY, DESIRED, MAX,
    "deprecated.deployment.rollback.to",
}  # fmt: skip


class DeploymentController:
    """Keeps ReplicaSets of each Deployment."""

    name = "deployment"

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def concerns(self, resource: Resource, event: StoredEvent) -> list[Key]:
        if resource is DEPLOYMENTS:
            return [key_of(event.obj)]
        if resource is REPLICA_SETS:
            return owner_keys(event.obj, DEPLOYMENTS)
        return []

    def reconcile(self, key: Key) -> float | None:
        deployment = self._tools.store.get(DEPLOYMENTS, *key)
        if deployment is None:
            return None
        sets = self._tools.owned(REPLICA_SETS, deployment)
        if is_terminating(deployment):
            sync_status(self._tools, deployment, sets, find_new(deployment, sets))
            return None
        paused = paused_condition(self._tools, deployment)
        if paused is not None:
            self._go_on_stale(paused, sets)
            return 0.0
        if deployment["spec"].get("paused") or self._was_scaled(deployment, sets):
            self._sync_scaled(deployment, sets)
        elif deployment["spec"]["strategy"]["type"] == "Recreate":
            self._recreate(deployment, sets)
        else:
            self._rolling_update(deployment, sets)
        current = self._tools.store.get(DEPLOYMENTS, *key)
        return seconds_to_deadline(self._tools, current) if current else None

    def _go_on_stale(self, deployment: Obj, sets: list[Obj]) -> None:
        """After it told of a pause or its end, the real controller goes on with what it had read before, so that its
        next status write is refused and all begins anew: by then a new ReplicaSet may be there, told of by nobody.
        """
        if deployment["spec"].get("paused") or deployment["spec"]["strategy"]["type"] == "Recreate":
            return
        if find_new(deployment, sets) is None:
            self._announce(deployment, self._create_set(deployment, sets, _next_revision(sets)))

    def _announce(self, deployment: Obj, new: Obj) -> None:
        if new["spec"]["replicas"] > 0:
            tell_scaled(self._tools, deployment, new, 0, new["spec"]["replicas"])

    def _rolling_update(self, deployment: Obj, sets: list[Obj]) -> None:
        deployment, new = self._new_set(deployment, sets, create=True)
        old = [s for s in sets if s["metadata"]["uid"] != new["metadata"]["uid"]]
        everything = [*old, new]
        if self._scale_up_new(deployment, everything, new) or self._scale_down_old(deployment, everything, old, new):
            self._refresh_status(deployment)
            return
        if is_complete(deployment, deployment["status"]):
            self._clean_history(deployment, old)
        self._refresh_status(deployment)

    def _recreate(self, deployment: Obj, sets: list[Obj]) -> None:
        new = find_new(deployment, sets)
        old = [s for s in sets if s is not new]
        scaled = [scale(self._tools, deployment, s, 0) for s in old if s["spec"]["replicas"] > 0]
        if scaled:
            self._refresh_status(deployment)
            return
        uids = {s["metadata"]["uid"] for s in old}
        pods = self._tools.store.each(PODS, deployment["metadata"]["namespace"])
        if any(controller_uid(p) in uids and (is_active(p) or is_terminating(p)) for p in pods):
            self._refresh_status(deployment)
            return
        deployment, new = self._new_set(deployment, sets, create=True)
        if new["spec"]["replicas"] != deployment["spec"]["replicas"]:
            scale(self._tools, deployment, new, deployment["spec"]["replicas"])
        if is_complete(deployment, deployment["status"]):
            self._clean_history(deployment, old)
        self._refresh_status(deployment)

    def _sync_scaled(self, deployment: Obj, sets: list[Obj]) -> None:
        """Paused, or the number of replicas changed: scale what is there, start no rollout."""
        new = find_new(deployment, sets)
        if new is not None:
            deployment, new = self._new_set(deployment, sets, create=False)
        scale_proportionally(self._tools, deployment, sets, new)
        if deployment["spec"].get("paused"):
            self._clean_history(deployment, [s for s in sets if new is None or key_of(s) != key_of(new)])
        self._refresh_status(deployment)

    def _refresh_status(self, deployment: Obj) -> None:
        current = self._tools.store.get(DEPLOYMENTS, *key_of(deployment)) or deployment
        sets = self._tools.owned(REPLICA_SETS, current)
        sync_status(self._tools, current, sets, find_new(current, sets))

    def _was_scaled(self, deployment: Obj, sets: list[Obj]) -> bool:
        return any(
            annotation(s, DESIRED) not in (None, str(deployment["spec"]["replicas"]))
            for s in sets
            if s["spec"]["replicas"] > 0
        )

    def _new_set(self, deployment: Obj, sets: list[Obj], *, create: bool) -> tuple[Obj, Obj]:
        """The ReplicaSet of the present template, made when missing, with its annotations brought up to date."""
        found = find_new(deployment, sets)
        others = [s for s in sets if s is not found]
        revision = _next_revision(others)
        if found is not None:
            annotations = self._set_annotations(deployment, found, revision)
            if annotations != (found["metadata"].get("annotations") or {}):
                draft = draft_of(found)
                draft["metadata"]["annotations"] = annotations
                found = self._tools.write(REPLICA_SETS, draft)
            return self._mark_revision(deployment, found, "FoundNewReplicaSet", "Found new replica set", False), found
        if not create:
            raise LookupError("a ReplicaSet to look up")
        new = self._create_set(deployment, others, revision)
        deployment = self._mark_revision(deployment, new, "NewReplicaSetCreated", "Created new replica set", True)
        self._announce(deployment, new)
        return deployment, new

    def _create_set(self, deployment: Obj, others: list[Obj], revision: int) -> Obj:
        metadata, spec = deployment["metadata"], deployment["spec"]
        digest = template_hash(spec["template"], int(deployment["status"].get("collisionCount") or 0))
        while self._tools.store.get(REPLICA_SETS, metadata["namespace"], f"{metadata['name']}-{digest}"):
            collisions = int(deployment["status"].get("collisionCount") or 0) + 1
            deployment = self._tools.write_status(
                DEPLOYMENTS, deployment, {**deployment["status"], "collisionCount": collisions}
            )
            digest = template_hash(spec["template"], collisions)
        template = draft_of(spec["template"])
        template.setdefault("metadata", {}).setdefault("labels", {})[HASH] = digest
        selector = draft_of(spec["selector"])
        selector.setdefault("matchLabels", {})[HASH] = digest
        body: Obj = {
            "metadata": {
                "name": f"{metadata['name']}-{digest}",
                "namespace": metadata["namespace"],
                "labels": dict(template["metadata"]["labels"]),
                "annotations": {},
                "ownerReferences": [reference(deployment)],
            },
            "spec": {
                "replicas": self._size_of_new(deployment, others, 0),
                "selector": selector,
                "template": template,
            },
        }
        if spec.get("minReadySeconds"):
            body["spec"]["minReadySeconds"] = spec["minReadySeconds"]
        body["metadata"]["annotations"] = self._set_annotations(deployment, body, revision)
        return self._tools.create(REPLICA_SETS, body)

    def _set_annotations(self, deployment: Obj, replica_set: Obj, revision: int) -> Obj:
        annotations = dict(replica_set["metadata"].get("annotations") or {})
        for name, value in (deployment["metadata"].get("annotations") or {}).items():
            if name not in _NOT_COPIED:
                annotations[name] = value
        before = number_in(annotations.get(REVISION))
        if before < revision:
            annotations[REVISION] = str(revision)
            if before:
                known = list(filter(None, annotations.get(REVISION_HISTORY, "").split(",")))
                annotations[REVISION_HISTORY] = ",".join([*known, str(before)])
        annotations[DESIRED] = str(deployment["spec"]["replicas"])
        annotations[MAX] = str(deployment["spec"]["replicas"] + max_surge(deployment))
        return annotations

    def _mark_revision(self, deployment: Obj, new: Obj, reason: str, text: str, created: bool) -> Obj:
        revision = annotation(new, REVISION)
        annotations = {**(deployment["metadata"].get("annotations") or {}), REVISION: revision}
        status = deployment["status"]
        if created or not any(c["type"] == "Progressing" for c in status.get("conditions") or []):
            status = progress_condition(
                self._tools, status, "True", reason, f'{text} "{new["metadata"]["name"]}"', deployment
            )
        return self._tools.write_status(DEPLOYMENTS, deployment, status, annotations)

    def _size_of_new(self, deployment: Obj, others: list[Obj], own: int) -> int:
        wanted = int(deployment["spec"]["replicas"])
        if deployment["spec"]["strategy"]["type"] == "Recreate":
            return wanted
        room = wanted + max_surge(deployment) - sum(replicas_of(s) for s in others) - own
        return min(own + max(0, room), wanted) if room > 0 else own

    def _scale_up_new(self, deployment: Obj, everything: list[Obj], new: Obj) -> bool:
        wanted, own = deployment["spec"]["replicas"], replicas_of(new)
        if own == wanted:
            return False
        size = wanted if own > wanted else self._size_of_new(deployment, [s for s in everything if s is not new], own)
        if size == own:
            return False
        scale(self._tools, deployment, new, size)
        return True

    def _scale_down_old(self, deployment: Obj, everything: list[Obj], old: list[Obj], new: Obj) -> bool:
        if not any(replicas_of(s) for s in old):
            return False
        total = sum(replicas_of(s) for s in everything)
        min_available = deployment["spec"]["replicas"] - max_unavailable(deployment)
        new_unavailable = replicas_of(new) - int(new["status"].get("availableReplicas") or 0)
        room = total - min_available - new_unavailable
        if room <= 0:
            return False
        changed, old = self._clean_unhealthy(deployment, old, room)
        available = sum(int(s["status"].get("availableReplicas") or 0) for s in [*old, new])
        room = available - min_available
        for replica_set in old:
            if room <= 0:
                break
            size = replicas_of(replica_set)
            drop = min(size, room)
            if drop > 0:
                scale(self._tools, deployment, replica_set, size - drop)
                room -= drop
                changed = True
        return changed

    def _clean_unhealthy(self, deployment: Obj, old: list[Obj], room: int) -> tuple[bool, list[Obj]]:
        """Old pods that are not available go first: they serve nobody."""
        cleaned, kept = 0, []
        for replica_set in old:
            size = replicas_of(replica_set)
            unhealthy = size - int(replica_set["status"].get("availableReplicas") or 0)
            drop = min(room - cleaned, unhealthy)
            if size and drop > 0:
                replica_set = scale(self._tools, deployment, replica_set, size - drop)
                cleaned += drop
            kept.append(replica_set)
        return cleaned > 0, kept

    def _clean_history(self, deployment: Obj, old: list[Obj]) -> None:
        limit = int(deployment["spec"].get("revisionHistoryLimit", 10))
        empty = sorted(
            (s for s in old if not replicas_of(s) and not s["status"].get("replicas") and not is_terminating(s)),
            key=revision_of,
        )
        for replica_set in empty[: max(0, len(empty) - limit)]:
            current = self._tools.store.get(REPLICA_SETS, *key_of(replica_set))
            if current is not None:
                self._tools.store.remove(REPLICA_SETS, current)


def _next_revision(others: list[Obj]) -> int:
    return max((revision_of(s) for s in others), default=0) + 1

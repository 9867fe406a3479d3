"""What all controllers share: the cluster's tools, ownership of objects, pod readiness, conditions, percents."""

import copy
import math
from dataclasses import dataclass
from typing import Any

from bot.sandbox.kube.clock import Clock, parse_stamp, stamp
from bot.sandbox.kube.controllers.engine import Key
from bot.sandbox.kube.events import Recorder
from bot.sandbox.kube.kinds import BY_KIND, PODS, Obj, Resource
from bot.sandbox.kube.options import Options
from bot.sandbox.kube.registry import Registry, WriteOptions
from bot.sandbox.kube.store import Store

MANAGER = "kube-controller-manager"


@dataclass(frozen=True, slots=True)
class Tools:
    """What a controller works with."""

    registry: Registry
    recorder: Recorder
    options: Options

    @property
    def store(self) -> Store:
        return self.registry.store

    @property
    def clock(self) -> Clock:
        return self.registry.clock

    def now(self) -> str:
        return stamp(self.clock.now())

    def since_s(self, text: str) -> float:
        """Seconds since an API timestamp."""
        return (self.clock.now() - parse_stamp(text)).total_seconds()

    def scaled(self, seconds: float) -> float:
        return seconds / self.options.speed

    def create(self, resource: Resource, body: Obj) -> Obj:
        return self.registry.create(resource, body["metadata"]["namespace"], body, WriteOptions(manager=MANAGER))

    def write(self, resource: Resource, draft: Obj) -> Obj:
        return self.registry.write(resource, draft, MANAGER)

    def write_status(self, resource: Resource, obj: Obj, status: Obj, annotations: Obj | None = None) -> Obj:
        draft = {**obj, "metadata": dict(obj["metadata"]), "status": status}
        if annotations is not None:
            draft["metadata"]["annotations"] = annotations
        return self.registry.write(resource, draft, MANAGER, "status")

    def owned(self, resource: Resource, owner: Obj) -> list[Obj]:
        """Objects controlled by `owner`, oldest first."""
        uid = owner["metadata"]["uid"]
        found = [o for o in self.store.collection(resource).of_owner(uid) if controller_uid(o) == uid]
        return sorted(found, key=lambda o: (o["metadata"]["creationTimestamp"], o["metadata"]["name"]))


def draft_of(obj: Obj) -> Obj:
    return copy.deepcopy(obj)


def controller_ref(obj: Obj) -> Obj | None:
    refs = obj["metadata"].get("ownerReferences") or []
    return next((ref for ref in refs if ref.get("controller")), None)


def controller_uid(obj: Obj) -> str | None:
    ref = controller_ref(obj)
    return ref["uid"] if ref else None


def owner_keys(obj: Obj, owner: Resource) -> list[Key]:
    """The controller of an object, if it is of that resource: what to reconcile when the object changes."""
    ref = controller_ref(obj)
    if ref and BY_KIND.get((ref["apiVersion"], ref["kind"])) is owner:
        return [(obj["metadata"].get("namespace", ""), ref["name"])]
    return []


def key_of(obj: Obj) -> Key:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def reference(owner: Obj) -> Obj:
    return {
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"], "controller": True, "blockOwnerDeletion": True,
    }  # fmt: skip


def pod_from(template: Obj, owner: Obj, name: str = "") -> Obj:
    """A Pod body from a template; without a name one is generated from the owner's."""
    inner = copy.deepcopy(template)
    metadata = inner.get("metadata") or {}
    metadata["namespace"] = owner["metadata"]["namespace"]
    metadata["ownerReferences"] = [reference(owner)]
    if name:
        metadata["name"] = name
    else:
        metadata["generateName"] = f"{owner['metadata']['name']}-"
    return {"apiVersion": PODS.api_version, "kind": PODS.kind, "metadata": metadata, "spec": inner.get("spec") or {}}


def is_terminating(obj: Obj) -> bool:
    return bool(obj["metadata"].get("deletionTimestamp"))


def is_active(pod: Obj) -> bool:
    return not is_terminating(pod) and pod["status"].get("phase") not in ("Succeeded", "Failed")


def condition(obj_or_status: Obj, kind: str) -> Obj | None:
    status = obj_or_status.get("status", obj_or_status)
    if not isinstance(status, dict):
        return None
    return next((c for c in status.get("conditions") or [] if c["type"] == kind), None)


def is_ready(pod: Obj) -> bool:
    ready = condition(pod, "Ready")
    return ready is not None and ready["status"] == "True"


def ready_for_s(tools: Tools, pod: Obj) -> float:
    ready = condition(pod, "Ready")
    return tools.since_s(ready["lastTransitionTime"]) if ready and ready["status"] == "True" else -1.0


def is_available(tools: Tools, pod: Obj, min_ready_s: int) -> bool:
    return is_ready(pod) and (min_ready_s <= 0 or ready_for_s(tools, pod) >= min_ready_s)


def scaled_percent(value: Any, total: int, round_up: bool) -> int:
    """maxSurge or maxUnavailable as a number of pods."""
    if isinstance(value, str) and value.endswith("%"):
        exact = int(value[:-1]) * total / 100
        return math.ceil(exact) if round_up else math.floor(exact)
    return int(value or 0)


def without_zeros(status: Obj, *keep: str) -> Obj:
    """Counters as Go's omitempty leaves them: zeros vanish unless kept."""
    return {k: v for k, v in status.items() if k in keep or v not in (0, None, [], "")}


def fnv32a(text: str) -> int:
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value

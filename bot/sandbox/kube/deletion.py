"""Deletion: grace for pods, finalizers, propagation policies, preconditions. Called by the HTTP door, by controllers
and by the garbage collector, which finishes what is begun here.
"""

import copy
from datetime import timedelta
from typing import Any

from bot.sandbox.kube.clock import stamp
from bot.sandbox.kube.kinds import NAMESPACES, PODS, Obj, Resource
from bot.sandbox.kube.registry import Registry
from bot.sandbox.kube.status import bad_request, conflict

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"


def delete(
    registry: Registry,
    resource: Resource,
    namespace: str,
    name: str,
    options: Obj | None = None,
    dry_run: bool = False,
) -> tuple[Obj, bool]:
    """Begin or finish a deletion; gives the object's last state and whether it is gone."""
    options = options or {}
    obj = registry.read(resource, namespace, name)
    _check_preconditions(resource, obj, options.get("preconditions") or {})
    policy = _policy(options)
    draft = copy.deepcopy(obj)
    metadata = draft["metadata"]
    finalizers: list[str] = list(metadata.get("finalizers") or [])
    marker = {"Foreground": FOREGROUND, "Orphan": ORPHAN}.get(policy)
    if marker and marker not in finalizers:
        finalizers.append(marker)
        metadata["finalizers"] = finalizers
    grace = _grace(resource, obj, options.get("gracePeriodSeconds"))
    if not finalizers and grace == 0 and resource is not NAMESPACES:
        return (obj, True) if dry_run else (registry.store.remove(resource, obj), True)
    already = metadata.get("deletionTimestamp")
    if already and grace >= metadata.get("deletionGracePeriodSeconds", 0) and not marker:
        return obj, False
    metadata["deletionTimestamp"] = stamp(registry.clock.now() + timedelta(seconds=grace))
    metadata["deletionGracePeriodSeconds"] = grace
    if resource.counts_generations and not already:
        metadata["generation"] = metadata.get("generation", 0) + 1
    if resource is NAMESPACES:
        draft["status"] = {**(draft.get("status") or {}), "phase": "Terminating"}
        metadata.pop("deletionGracePeriodSeconds", None)
    return (draft if dry_run else registry.store.put(resource, draft)), False


def _policy(options: Obj) -> str:
    policy = options.get("propagationPolicy")
    if policy is None:
        return "Orphan" if options.get("orphanDependents") is True else "Background"
    if policy not in ("Foreground", "Background", "Orphan"):
        raise bad_request(f'invalid propagationPolicy "{policy}"')
    return str(policy)


def _grace(resource: Resource, obj: Obj, wanted: Any) -> int:
    if resource is not PODS:
        return 0
    if not obj["spec"].get("nodeName") or obj["status"].get("phase") in ("Succeeded", "Failed"):
        return 0
    if isinstance(wanted, int) and not isinstance(wanted, bool) and wanted >= 0:
        return wanted
    return int(obj["spec"].get("terminationGracePeriodSeconds", 30))


def _check_preconditions(resource: Resource, obj: Obj, preconditions: Any) -> None:
    if not isinstance(preconditions, dict):
        raise bad_request("preconditions must be an object")
    metadata = obj["metadata"]
    uid, version = preconditions.get("uid"), preconditions.get("resourceVersion")
    if uid and uid != metadata["uid"]:
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {metadata['uid']}"
        raise conflict(resource, metadata["name"], why)
    if version and version != metadata["resourceVersion"]:
        why = (
            f"Precondition failed: ResourceVersion in precondition: {version}, "
            f"ResourceVersion in object meta: {metadata['resourceVersion']}"
        )
        raise conflict(resource, metadata["name"], why)

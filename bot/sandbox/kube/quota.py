"""ResourceQuota admission (counts, cpu and memory of pods) and quantities. Called by registry and scheduler."""

import re

from bot.sandbox.kube.kinds import PODS, QUOTAS, Obj, Resource
from bot.sandbox.kube.status import forbidden
from bot.sandbox.kube.store import Store

_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(m|k|M|G|T|Ki|Mi|Gi|Ti|)")
_FACTORS = {
    "m": 0.001, "": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40,
}  # fmt: skip
_MOST = 1e18


def quantity(text: object) -> float:
    """A Kubernetes quantity in its base unit (cores, bytes, pieces); 0 when it can't be read."""
    found = _QUANTITY.fullmatch(str(text))
    return min(float(found[1]) * _FACTORS[found[2]], _MOST) if found else 0.0


def requested(pod: Obj, name: str) -> float:
    """What the containers of a pod ask for of `cpu` (cores) or `memory` (bytes)."""
    return sum(
        quantity(((c.get("resources") or {}).get("requests") or {}).get(name, 0))
        for c in pod["spec"].get("containers") or []
    )


def _is_done(pod: Obj) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def _usage(pods: list[Obj], name: str) -> float:
    if name in ("pods", "count/pods"):
        return len(pods)
    return sum(requested(pod, name.removeprefix("requests.")) for pod in pods)


def _shown(amount: float) -> str:
    return str(int(amount)) if amount == int(amount) else f"{round(amount * 1000)}m"


def check_quota(store: Store, resource: Resource, obj: Obj) -> None:
    """Refuse a pod that would exceed a quota of its namespace."""
    if resource is not PODS:
        return
    namespace, name = obj["metadata"]["namespace"], obj["metadata"]["name"]
    quotas = store.all_of(QUOTAS, namespace)
    if not quotas:
        return
    living = [pod for pod in store.each(PODS, namespace) if not _is_done(pod)]
    for quota in quotas:
        hard = (quota.get("spec") or {}).get("hard") or {}
        over = []
        for key, limit in sorted(hard.items()):
            if key not in ("pods", "count/pods", "cpu", "memory", "requests.cpu", "requests.memory"):
                continue
            used, asked = _usage(living, key), _usage([obj], key)
            if asked and used + asked > quantity(limit):
                over.append((key, _shown(asked), _shown(used), str(limit)))
        if over:
            parts = [",".join(f"{row[0]}={row[i]}" for row in over) for i in (1, 2, 3)]
            told = f"requested: {parts[0]}, used: {parts[1]}, limited: {parts[2]}"
            raise forbidden(PODS, name, f"exceeded quota: {quota['metadata']['name']}, {told}")

"""Evictions: the polite way to delete a pod, which asks its disruption budget first. Called by the write side."""

from bot.sandbox.kube.clock import stamp
from bot.sandbox.kube.controllers.base import is_ready, is_terminating
from bot.sandbox.kube.controllers.budgets import pods_of
from bot.sandbox.kube.deletion import delete
from bot.sandbox.kube.kinds import BUDGETS, PODS, Obj
from bot.sandbox.kube.registry import Registry
from bot.sandbox.kube.status import ApiError

BUSY_S = 10  # what a client is asked to wait while a budget has not been looked at
CAUSE = "DisruptionBudget"


def evict(registry: Registry, namespace: str, name: str, body: Obj, dry_run: bool) -> Obj:
    """Delete a pod if its budget allows; the answer of the eviction subresource. ApiError 429 when it does not."""
    pod = registry.read(PODS, namespace, name)
    given = body.get("deleteOptions")
    options = given if isinstance(given, dict) else {}
    dry_run = dry_run or options.get("dryRun") == ["All"]
    if not is_terminating(pod) and pod["status"].get("phase") not in ("Succeeded", "Failed", "Pending"):
        _ask(registry, pod, dry_run)
    if not dry_run:
        mark(registry, pod, "EvictionByEvictionAPI", "Eviction API: evicting")
    delete(registry, PODS, namespace, name, options, dry_run)
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def mark(registry: Registry, pod: Obj, reason: str, message: str) -> None:
    """Write on a pod why it is about to be disrupted."""
    target = {
        "type": "DisruptionTarget", "status": "True", "lastProbeTime": None,
        "lastTransitionTime": stamp(registry.clock.now()), "reason": reason, "message": message,
    }  # fmt: skip
    kept = [c for c in pod["status"].get("conditions") or [] if c["type"] != "DisruptionTarget"]
    draft = {**pod, "metadata": dict(pod["metadata"]), "status": {**pod["status"], "conditions": [*kept, target]}}
    registry.store.put(PODS, draft)  # the server's own write, owned by nobody


def _ask(registry: Registry, pod: Obj, dry_run: bool) -> None:
    metadata = pod["metadata"]
    budgets = [
        budget for budget in registry.store.each(BUDGETS, metadata["namespace"])
        if any(one["metadata"]["uid"] == metadata["uid"] for one in pods_of(registry.store, budget))
    ]  # fmt: skip
    if len(budgets) > 1:
        told = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        raise ApiError(500, "InternalError", told)
    if not budgets:
        return
    budget = budgets[0]
    status, named = budget.get("status") or {}, budget["metadata"]["name"]
    if not is_ready(pod) and _may_go_unready(budget, status):
        return
    if status.get("observedGeneration", 0) < budget["metadata"]["generation"]:
        raise _refusal(f"The disruption budget {named} is still being processed by the server.", BUSY_S)
    if not status.get("disruptionsAllowed"):
        desired, healthy = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
        raise _refusal(f"The disruption budget {named} needs {desired} healthy pods and has {healthy} currently")
    if dry_run:
        return
    taken = {
        **status,
        "disruptionsAllowed": status["disruptionsAllowed"] - 1,
        "disruptedPods": {**(status.get("disruptedPods") or {}), metadata["name"]: stamp(registry.clock.now())},
    }
    draft = {**budget, "metadata": dict(budget["metadata"]), "status": taken}
    registry.store.put(BUDGETS, draft)


def _may_go_unready(budget: Obj, status: Obj) -> bool:
    """Whether the budget lets go of a pod that is not ready without counting it."""
    if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    desired = status.get("desiredHealthy", 0)
    return bool(desired > 0 and status.get("currentHealthy", 0) >= desired)


def _refusal(why: str, retry_after_s: int = 0) -> ApiError:
    details: Obj = {"causes": [{"reason": CAUSE, "message": why}]}
    if retry_after_s:
        details["retryAfterSeconds"] = retry_after_s
    told = "Cannot evict pod as it would violate the pod's disruption budget."
    error = ApiError(429, "TooManyRequests", told, details)
    if retry_after_s:
        error.headers["Retry-After"] = str(retry_after_s)
    return error

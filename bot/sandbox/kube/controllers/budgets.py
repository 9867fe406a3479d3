"""PodDisruptionBudget controller: counts the healthy pods of each budget and says how many may be disrupted."""

from bot.sandbox.kube.clock import parse_stamp
from bot.sandbox.kube.controllers.base import (
    Tools,
    condition,
    controller_ref,
    is_ready,
    is_terminating,
    key_of,
    scaled_percent,
)
from bot.sandbox.kube.controllers.engine import Key
from bot.sandbox.kube.kinds import BUDGETS, BY_KIND, PODS, Obj, Resource
from bot.sandbox.kube.selectors import object_selector
from bot.sandbox.kube.store import Change, Store, StoredEvent

COMPONENT = "controllermanager"
FORGOTTEN_S = 120.0  # an evicted pod that is still there after this counts again
ALLOWED = "DisruptionAllowed"


class BudgetController:
    """Keeps the status of budgets."""

    name = "budget"

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._known: dict[str, set[str]] = {}  # names of budgets by namespace

    def concerns(self, resource: Resource, event: StoredEvent) -> list[Key]:
        namespace, name = key_of(event.obj)
        if resource is BUDGETS:
            known = self._known.setdefault(namespace, set())
            (known.discard if event.change is Change.DELETED else known.add)(name)
            return [(namespace, name)]
        known = self._known.get(namespace, set())
        if not known:
            return []
        if resource is PODS or (resource.group == "apps" and "scale" in resource.subresources):
            return [(namespace, budget) for budget in sorted(known)]
        return []

    def reconcile(self, key: Key) -> float | None:
        budget = self._tools.store.get(BUDGETS, *key)
        if budget is None or is_terminating(budget):
            return None
        pods = pods_of(self._tools.store, budget)
        if not pods:
            self._tools.recorder.normal(budget, COMPONENT, "NoPods", "No matching pods found")
        disrupted = self._disrupted(budget, pods)
        healthy = sum(
            is_ready(pod) and not is_terminating(pod) and pod["metadata"]["name"] not in disrupted for pod in pods
        )
        expected, desired = self._wish(budget, pods)
        allowed = max(0, healthy - desired) if expected > 0 else 0
        generation = budget["metadata"]["generation"]
        value, reason = ("True", "SufficientPods") if allowed else ("False", "InsufficientPods")
        before = condition(budget, ALLOWED)
        since = before["lastTransitionTime"] if before and before["status"] == value else self._tools.now()
        status: Obj = {
            "conditions": [{"type": ALLOWED, "status": value, "reason": reason, "message": "",
                            "observedGeneration": generation, "lastTransitionTime": since}],
            "currentHealthy": healthy, "desiredHealthy": desired, "disruptionsAllowed": allowed,
            "expectedPods": expected, "observedGeneration": generation,
        }  # fmt: skip
        if disrupted:
            status["disruptedPods"] = disrupted
        if status != budget.get("status"):
            self._tools.write_status(BUDGETS, budget, status)
        return self._tools.scaled(FORGOTTEN_S) if disrupted else None

    def _disrupted(self, budget: Obj, pods: list[Obj]) -> Obj:
        """Pods whose eviction was granted and that are not yet seen to go."""
        living = {pod["metadata"]["name"] for pod in pods if not is_terminating(pod)}
        now, limit_s = self._tools.clock.now(), self._tools.scaled(FORGOTTEN_S)
        given = (budget.get("status") or {}).get("disruptedPods") or {}
        return {
            name: at
            for name, at in given.items()
            if name in living and (now - parse_stamp(at)).total_seconds() < limit_s
        }

    def _wish(self, budget: Obj, pods: list[Obj]) -> tuple[int, int]:
        """How many pods there should be, and how many of them healthy."""
        spec = budget["spec"]
        if spec.get("maxUnavailable") is not None:
            expected = self._scale(pods)
            return expected, max(0, expected - scaled_percent(spec["maxUnavailable"], expected, round_up=True))
        least = spec.get("minAvailable", 1 if "minAvailable" in spec else 0)
        if isinstance(least, str):
            expected = self._scale(pods)
            return expected, scaled_percent(least, expected, round_up=True)
        return len(pods), int(least)

    def _scale(self, pods: list[Obj]) -> int:
        """What the controllers of these pods are asked for."""
        wanted: dict[str, int] = {}
        for pod in pods:
            owner = self._owner(pod)
            owner = (owner and self._owner(owner)) or owner
            if owner is not None:
                wanted[owner["metadata"]["uid"]] = int(owner["spec"].get("replicas", 0))
        return sum(wanted.values())

    def _owner(self, obj: Obj) -> Obj | None:
        ref = controller_ref(obj)
        resource = BY_KIND.get((ref["apiVersion"], ref["kind"])) if ref else None
        if ref is None or resource is None:
            return None
        return self._tools.store.get(resource, obj["metadata"]["namespace"], ref["name"])


def pods_of(store: Store, budget: Obj) -> list[Obj]:
    """Pods that a budget protects."""
    chosen = object_selector(budget["spec"].get("selector") or {})
    if "selector" not in budget["spec"]:
        return []
    return [
        pod
        for pod in store.each(PODS, budget["metadata"]["namespace"])
        if chosen(pod["metadata"].get("labels") or {}) and pod["status"].get("phase") not in ("Succeeded", "Failed")
    ]

"""HorizontalPodAutoscaler controller: sizes workloads by the simulated load. Its arithmetic is in `scaling`."""

import math
from dataclasses import dataclass

from bot.sandbox.kube.autoscaler_rules import metric_field
from bot.sandbox.kube.controllers.base import MANAGER, Tools, condition, is_ready, is_terminating, key_of
from bot.sandbox.kube.controllers.engine import Key
from bot.sandbox.kube.controllers.scaling import TOLERANCE, Bounds, Condition, History, settle, wished
from bot.sandbox.kube.kinds import AUTOSCALERS, BY_KIND, PODS, Obj, Resource
from bot.sandbox.kube.load import Load
from bot.sandbox.kube.quota import quantity
from bot.sandbox.kube.selectors import object_selector
from bot.sandbox.kube.store import Change, StoredEvent

COMPONENT = "horizontal-pod-autoscaler"
SYNC_S = 15.0
ABLE, ACTIVE, LIMITED = "AbleToScale", "ScalingActive", "ScalingLimited"


class MetricError(Exception):
    """A metric that can't be read; `reason` is that of ScalingActive."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Sized:
    """A workload as an autoscaler sees it."""

    name: str
    replicas: int
    ready: list[Obj]
    unready: list[Obj]


@dataclass(frozen=True, slots=True)
class Reading:
    """One metric: the size it asks for, how it is called, and its row of status.currentMetrics."""

    wish: int
    told: str
    row: Obj


class AutoscalerController:
    """Runs autoscalers, each every 15 s divided by `haste`."""

    name = "autoscaler"

    def __init__(self, tools: Tools, load: Load) -> None:
        self._tools = tools
        self._load = load
        self._histories: dict[str, History] = {}

    def concerns(self, resource: Resource, event: StoredEvent) -> list[Key]:
        if resource is not AUTOSCALERS:
            return []
        if event.change is Change.DELETED:
            self._histories.pop(event.obj["metadata"]["uid"], None)
            return []
        if event.before is not None and event.before["spec"] == event.obj["spec"]:
            return []
        return [key_of(event.obj)]

    def _haste(self) -> float:
        return self._tools.options.haste * self._tools.options.speed

    def reconcile(self, key: Key) -> float | None:
        autoscaler = self._tools.store.get(AUTOSCALERS, *key)
        if autoscaler is None or is_terminating(autoscaler):
            return None
        status = {**(autoscaler.get("status") or {})}
        ref = autoscaler["spec"]["scaleTargetRef"]
        resource = BY_KIND.get((ref.get("apiVersion") or "apps/v1", ref["kind"]))
        target = self._tools.store.get(resource, key[0], ref["name"]) if resource else None
        if resource is None or target is None or "scale" not in resource.subresources:
            named = resource.full_name if resource else ref["kind"].lower()
            told = (
                f'the HPA controller was unable to get the target\'s current scale: {named} "{ref["name"]}" not found'
            )
            self._set(status, ABLE, ("False", "FailedGetScale", told))
        else:
            told = "the HPA controller was able to get the target's current scale"
            self._set(status, ABLE, ("True", "SucceededGetScale", told))
            self._size(autoscaler, status, resource, target)
        if status != (autoscaler.get("status") or {}):
            self._tools.write_status(AUTOSCALERS, autoscaler, status)
        return SYNC_S / self._haste()

    def _size(self, autoscaler: Obj, status: Obj, resource: Resource, target: Obj) -> None:
        spec = autoscaler["spec"]
        sized = self._sized(target)
        status["currentReplicas"] = sized.replicas
        if not sized.replicas:
            told = "scaling is disabled since the replica count of the target is zero"
            self._set(status, ACTIVE, ("False", "ScalingDisabled", told))
            status["desiredReplicas"] = 0
            return
        least, most = spec.get("minReplicas", 1), spec["maxReplicas"]
        if not least <= sized.replicas <= most:
            size = min(max(sized.replicas, least), most)
            side, limit = ("above", "Max") if sized.replicas > most else ("below", "Min")
            reason = f"Current number of replicas {side} Spec.{limit}Replicas"
        else:
            try:
                reading = self._read(autoscaler, status, sized)
            except MetricError as error:
                told = f"the HPA was unable to compute the replica count: {error}"
                self._set(status, ACTIVE, ("False", error.reason, told))
                self._tools.recorder.warning(autoscaler, COMPONENT, error.reason, str(error))
                status["desiredReplicas"] = sized.replicas
                return
            history = self._histories.setdefault(autoscaler["metadata"]["uid"], History())
            bounds = Bounds(least, most, spec.get("behavior") or {}, self._haste())
            size, able, limited = settle(
                sized.replicas, reading.wish, self._tools.clock.steady_s(), history, bounds
            )  # fmt: skip
            self._set(status, ABLE, able)
            self._set(status, LIMITED, limited)
            reason = f"{reading.told} above target" if size > sized.replicas else "All metrics below target"
        status["desiredReplicas"] = size
        if size != sized.replicas:
            self._rescale(autoscaler, status, resource, target, size, reason)

    def _rescale(self, autoscaler: Obj, status: Obj, resource: Resource, target: Obj, size: int, reason: str) -> None:
        history = self._histories.setdefault(autoscaler["metadata"]["uid"], History())
        history.changes.append((self._tools.clock.steady_s(), size - target["spec"]["replicas"]))
        draft = {**target, "metadata": dict(target["metadata"]), "spec": {**target["spec"], "replicas": size}}
        self._tools.registry.write(resource, draft, MANAGER, "scale")
        told = f"the HPA controller was able to update the target scale to {size}"
        self._set(status, ABLE, ("True", "SucceededRescale", told))
        status["lastScaleTime"] = self._tools.now()
        self._tools.recorder.normal(autoscaler, COMPONENT, "SuccessfulRescale", f"New size: {size}; reason: {reason}")

    def _sized(self, target: Obj) -> Sized:
        chosen = object_selector(target["spec"]["selector"])
        pods = [
            pod for pod in self._tools.store.each(PODS, target["metadata"]["namespace"])
            if chosen(pod["metadata"].get("labels") or {}) and not is_terminating(pod)
            and pod["status"].get("phase") not in ("Succeeded", "Failed")
        ]  # fmt: skip
        ready = [pod for pod in pods if is_ready(pod)]
        return Sized(
            target["metadata"]["name"], int(target["spec"].get("replicas", 1)), ready,
            [pod for pod in pods if not is_ready(pod)],
        )  # fmt: skip

    def _read(self, autoscaler: Obj, status: Obj, sized: Sized) -> Reading:
        """The reading that asks for most; MetricError when none can be had, or a lost one might ask for more."""
        readings: list[Reading] = []
        lost: MetricError | None = None
        for metric in autoscaler["spec"]["metrics"]:
            try:
                readings.append(self._metric(autoscaler["metadata"]["namespace"], metric, sized))
            except MetricError as error:
                lost = lost or error
        best = max(readings, key=lambda reading: reading.wish, default=None)
        status["currentMetrics"] = [reading.row for reading in readings]
        if best is None or (lost is not None and best.wish < sized.replicas):
            raise lost or MetricError("InvalidMetricSourceType", "no metric")
        told = f"the HPA was able to successfully calculate a replica count from {best.told}"
        self._set(status, ACTIVE, ("True", "ValidMetricFound", told))
        return best

    def _metric(self, namespace: str, metric: Obj, sized: Sized) -> Reading:
        kind = metric["type"]
        source = metric[metric_field(kind)]
        is_resource = kind in ("Resource", "ContainerResource")
        name = source["name"] if is_resource else source["metric"]["name"]
        failed = f"FailedGet{kind}Metric"
        total = self._load.total(namespace, sized.name, name, sized.ready)
        if total is None:
            told = f"unable to get metric {name}: no metrics returned from custom metrics API"
            raise MetricError(failed, told)
        if not sized.ready:
            told = (
                f"failed to get {name} utilization: did not receive metrics for targeted pods (pods might be unready)"
            )
            raise MetricError(failed, told)
        target, count, unready = source["target"], len(sized.ready), len(sized.unready)
        if target["type"] == "Utilization":
            asked = sum(_request(pod, name, failed) for pod in sized.ready)
            percent = total / asked * 100
            wish = wished(sized.replicas, count, unready, percent / target["averageUtilization"])
            current: Obj = {"averageUtilization": math.floor(percent + 1e-9), "averageValue": _shown(total / count)}
            told = f"{name} resource utilization (percentage of request)"
        elif target["type"] == "AverageValue":
            goal = quantity(target.get("averageValue") or 1)
            whole = kind in ("External", "Object")
            ratio = total / count / goal
            if whole:  # shared by all replicas, ready or not
                ratio = total / sized.replicas / goal
                steady = abs(ratio - 1) <= TOLERANCE
                wish = sized.replicas if steady else math.ceil(round(total / goal, 6))
            else:
                wish = wished(sized.replicas, count, unready, ratio)
            current = {"averageValue": _shown(total / (sized.replicas if whole else count))}
            told = _called(kind, name)
        else:
            ratio = total / quantity(target.get("value") or 1)
            wish = wished(sized.replicas, count, 0, ratio)
            current, told = {"value": _shown(total)}, _called(kind, name)
        row = {k: v for k, v in source.items() if k != "target"} | {"current": current}
        return Reading(wish, told, {"type": kind, metric_field(kind): row})

    def _set(self, status: Obj, kind: str, told: Condition) -> None:
        value, reason, message = told
        before = condition(status, kind)
        since = before["lastTransitionTime"] if before and before["status"] == value else self._tools.now()
        row = {"type": kind, "status": value, "lastTransitionTime": since, "reason": reason, "message": message}
        others = [c for c in status.get("conditions") or [] if c["type"] != kind]
        status["conditions"] = sorted([*others, row], key=lambda c: str(c["type"]))  # Able…, Scaling…


def _called(kind: str, name: str) -> str:
    match kind:
        case "Pods":
            return f"pods metric {name}"
        case "External":
            return f"external metric {name}(nil)"
        case "Object":
            return f"object metric {name}"
        case _:
            return f"{name} resource"


def _request(pod: Obj, name: str, failed: str) -> float:
    """What a pod asks for of a resource, which every container has to say."""
    total = 0.0
    for container in pod["spec"]["containers"]:
        asked = ((container.get("resources") or {}).get("requests") or {}).get(name)
        if asked is None:
            where = f"container {container['name']} of Pod {pod['metadata']['name']}"
            raise MetricError(failed, f"failed to get {name} utilization: missing request for {name} in {where}")
        total += quantity(asked)
    return total


def _shown(amount: float) -> str:
    """A quantity: whole, or in thousandths."""
    milli = math.ceil(round(amount * 1000, 3))
    return str(milli // 1000) if milli % 1000 == 0 else f"{milli}m"

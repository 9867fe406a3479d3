"""Defaults and rules of HorizontalPodAutoscalers. For `policies`: `fill` mutates a draft, `check` tells causes."""

from bot.sandbox.kube.kinds import Obj
from bot.sandbox.kube.quota import quantity
from bot.sandbox.kube.status import Cause


def fill(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    for metric in spec["metrics"]:
        source = metric.get(metric_field(str(metric.get("type")))) or {}
        target = source.get("target") or {}
        for name in ("averageValue", "value"):
            if isinstance(target.get(name), int | float):
                target[name] = str(target[name])  # quantities are kept as text


def metric_field(kind: str) -> str:
    """The field of a metric that its type fills: `Resource` in `resource`."""
    return kind[:1].lower() + kind[1:]


def check(obj: Obj) -> list[Cause]:
    spec = obj.get("spec") or {}
    causes = []
    least, most = spec.get("minReplicas", 1), spec.get("maxReplicas")
    if least < 1:
        causes.append(Cause.invalid("spec.minReplicas", least, "must be greater than or equal to 1"))
    if most is not None and most < 1:
        causes.append(Cause.invalid("spec.maxReplicas", most, "must be greater than 0"))
    if most is not None and most < least:
        causes.append(Cause.invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`"))
    causes += _check_behavior(spec.get("behavior") or {})
    kinds = ("ContainerResource", "External", "Object", "Pods", "Resource")
    for i, metric in enumerate(spec.get("metrics") or []):
        path, kind = f"spec.metrics[{i}]", metric.get("type")
        if kind not in kinds:
            causes.append(Cause.unsupported(f"{path}.type", kind, *kinds))
        elif not metric.get(metric_field(kind)):
            causes.append(
                Cause.required(f"{path}.{metric_field(kind)}", "must populate information for the given metric source")
            )
        else:
            target = metric[metric_field(kind)].get("target") or {}
            causes += _check_target(target, f"{path}.{metric_field(kind)}.target")
    return causes


_TARGETS = {"Utilization": "averageUtilization", "AverageValue": "averageValue", "Value": "value"}


def _check_target(target: Obj, path: str) -> list[Cause]:
    kind = target.get("type")
    if kind not in _TARGETS:
        told = "must be either Utilization, Value, or AverageValue"
        return [Cause.invalid(f"{path}.type", kind, told)]
    name = _TARGETS[kind]
    goal = target.get(name)
    if goal is None:
        return [Cause.required(f"{path}.{name}", "must specify a positive target")]
    return [] if quantity(goal) > 0 else [Cause.invalid(f"{path}.{name}", goal, "must be positive")]


def _check_behavior(behavior: Obj) -> list[Cause]:
    causes = []
    for side in ("scaleUp", "scaleDown"):
        rules, path = behavior.get(side) or {}, f"spec.behavior.{side}"
        window = rules.get("stabilizationWindowSeconds") or 0
        if not 0 <= window <= 3600:
            bound = "greater than or equal to zero" if window < 0 else "less than or equal to 3600"
            causes.append(Cause.invalid(f"{path}.stabilizationWindowSeconds", window, f"must be {bound}"))
        if rules.get("selectPolicy") not in (None, "Max", "Min", "Disabled"):
            causes.append(
                Cause.unsupported(f"{path}.selectPolicy", rules["selectPolicy"], "Disabled", "Max", "Min")
            )  # fmt: skip
        if rules.get("policies") == []:
            causes.append(Cause.required(f"{path}.policies", "must specify at least one Policy"))
        for i, policy in enumerate(rules.get("policies") or []):
            where = f"{path}.policies[{i}]"
            if policy.get("type") not in ("Pods", "Percent"):
                causes.append(Cause.unsupported(f"{where}.type", policy.get("type"), "Percent", "Pods"))
            for name, most in (("value", 2**31), ("periodSeconds", 1800)):
                if not 0 < (policy.get(name) or 0) <= most:
                    causes.append(Cause.invalid(f"{where}.{name}", policy.get(name), "must be greater than zero"))
    return causes
